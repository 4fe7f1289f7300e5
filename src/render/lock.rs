//! When another run holds the cluster.

use jiff::Timestamp;

use super::block::Block;
use super::text::duration;
use super::theme::Theme;
use crate::apply::lease::Holder;

/// Who holds it, since when and until when, and what to do. `command` is what was refused; `now` tells how long ago.
pub fn held(holder: &Holder, command: &str, now: Timestamp, theme: &Theme) -> String {
    let Holder { who, machine, process, process_started: _, run: _, command: theirs, since, until } = holder;
    let mut block = Block::error("lock::held", "another run holds the cluster");
    block.notes.push(format!(
        "{who} runs `provision {theirs}` since {} ({} ago; process {process} on {machine})",
        time(*since),
        length(*since, now)
    ));
    block.notes.push(format!(
        "as long as it lives it renews its lock, which else ends by itself at {} (in {})",
        time(*until),
        length(now, *until)
    ));
    block.help = Some(format!(
        "wait for it, or stop it with Ctrl-C where it runs, then run `{command}` again; if it is dead, just wait {}",
        length(now, *until)
    ));
    block.text(theme)
}

/// `2026-03-05 12:00:00 UTC`: of a lease the date matters as well, and every reader knows UTC.
pub(super) fn time(at: Timestamp) -> String {
    let text = format!("{at:.0}");
    text.replacen('T', " ", 1).replace('Z', " UTC")
}

pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    duration(seconds(from, to))
}

/// None of it if it is the other way round: clocks differ.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}
