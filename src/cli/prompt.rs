//! Asks for a yes. Without a terminal there is nobody to ask.

use std::io::BufRead;

use tokio_util::sync::CancellationToken;

use super::output;

/// Only the whole word counts; anything else, an empty line and Ctrl-C mean no.
pub(super) async fn confirm(question: &str, stop: &CancellationToken) -> bool {
    output::say(&format!("{question} Only `yes` is a yes: "));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        answer = answer => matches!(answer, Ok(Ok(line)) if line.trim() == "yes"),
        () = stop.cancelled() => false,
    }
}
