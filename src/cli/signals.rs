//! What the user does at the keyboard: the first Ctrl-C asks, the second one ends the program at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As the shell counts it: 128 + SIGINT.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// Cancelled by the first Ctrl-C or SIGTERM. The second ends the process there and then, which is as safe as a crash.
///
/// A terminal that goes away asks once, however often it says so: kernel and shell both tell. Under `nohup` it does not ask.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = (!is_ignored(SignalKind::hangup())).then(|| signal(SignalKind::hangup())).transpose()?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            let may_end = tokio::select! {
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                () = next(&mut hangup) => false,
            };
            if may_end && token.is_cancelled() {
                #[expect(clippy::exit, reason = "the user asked twice; nothing may hold it up")]
                std::process::exit(i32::from(EXIT_INTERRUPTED));
            }
            token.cancel();
        }
    });
    Ok(stop)
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether it was ignored when the process was started (proc(5), `SigIgn`: one bit a signal). Where nobody can say, it was not.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
