//! What the user does at the keyboard: the first Ctrl-C asks, the second one ends the program at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As the shell counts it: 128 + SIGINT.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// Cancelled by the first Ctrl-C or SIGTERM. The second ends the process there and then, which is as safe as a crash.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A terminal that goes away asks in the same way: nobody is left to ask again.
    let mut hangup = signal(SignalKind::hangup())?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if token.is_cancelled() {
                #[expect(clippy::exit, reason = "the user asked twice; nothing may hold it up")]
                std::process::exit(i32::from(EXIT_INTERRUPTED));
            }
            token.cancel();
        }
    });
    Ok(stop)
}
