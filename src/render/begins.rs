//! When a Capacity Block has not begun: when it does, and how to go on.

use jiff::Timestamp;

use super::block::Block;
use super::lock::{length, seconds, time};
use super::theme::Theme;
use crate::apply::NotBegun;
use crate::plan::CapacityBlock;

/// `command` is what was refused; `now` tells how long it is until then.
pub fn not_begun(refused: &NotBegun, command: &str, now: Timestamp, theme: &Theme) -> String {
    let NotBegun { blocks, wait } = refused;
    let mut block = Block::error("reservation::awaited", "the capacity block has not begun");
    let mut longest = 0;
    for CapacityBlock { id, groups, state, starts, .. } in blocks {
        let Some(starts) = starts else { continue };
        longest = longest.max(seconds(now, *starts));
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        block.notes.push(format!(
            "{id} for {} is {state}, and begins at {} (in {})",
            groups.join(", "),
            time(*starts),
            length(now, *starts)
        ));
    }
    if let Some(wait) = wait {
        block.notes.push(format!("it was to be waited for {} at most", super::text::duration(wait.as_secs())));
    }
    block.notes.push("nothing was made, and nothing is billed but the block itself".to_owned());
    // Whole hours, and one more for a block that is late.
    let hours = longest.div_ceil(3600) + 1;
    let command = command.split(" --wait-for-capacity").next().unwrap_or(command);
    block.help = Some(format!(
        "run it then; or let it wait, and make the file system when the block has begun: \
         `{command} --wait-for-capacity {hours}h`, which may be interrupted and said again"
    ));
    block.text(theme)
}
