//! The only place that writes to the terminal: results to stdout, everything else to stderr.

use std::io::Write;

use super::exit::plain;

/// Writes a result. A reader that has gone away is not our concern; a full disk is, since half a result looks like one.
pub(super) fn result(text: &str) -> anyhow::Result<()> {
    match write(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(plain(
            format!("stdout cannot be written: {error}"),
            "see that there is room where it leads to; what was written there is incomplete",
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Writes progress, a hint or an error. Where nobody can be told, there is nothing to be done about it.
pub(super) fn say(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = err.write_all(b"\n");
    }
}
