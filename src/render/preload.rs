//! How far the restore of `preload = "data"` is, and why a wait for it ended without all of it.

use super::block::Block;
use super::failure::FailureContext;
use super::table::{Cell, Column, Row, table};
use super::text::{count, duration, grouped};
use super::theme::{CAREFUL, GOOD, PLAIN, Theme};
use crate::apply::preload::{Loaded, Phase, Progress};
use crate::status::Status;

/// `34,567 of 1,000,000 files, 12.3 of 40.0 TB, 1.2 GB/s, about 6 h left`, behind the path.
pub(super) fn words(progress: &Progress) -> String {
    let Progress { path: _, phase, files, total_files, bytes, total_bytes, failed_files, rate, eta_s, stalled_s } =
        progress;
    let of_files = format!("{} of {} files", grouped(*files), grouped(*total_files));
    let mut parts = match phase {
        Phase::Waiting => vec!["waiting for a node to begin".to_owned()],
        Phase::Listing => vec!["a node lists its files".to_owned()],
        Phase::Restoring => vec![of_files, of(*bytes, *total_bytes)],
        Phase::Checking => vec![format!("looking for what came meanwhile: {of_files}")],
        Phase::Done => vec![match total_files {
            0 => "there were no files".to_owned(),
            _ => format!("{} of {} files restored", grouped(total_files - failed_files), grouped(*total_files)),
        }],
    };
    if let (Phase::Restoring, Some(rate)) = (phase, rate) {
        parts.push(format!("{}/s", size(*rate)));
    }
    if let (Phase::Restoring | Phase::Checking, Some(eta), None) = (phase, eta_s, stalled_s) {
        parts.push(format!("about {} left", duration(*eta)));
    }
    if *failed_files > 0 {
        parts.push(format!("{} FAILED", grouped(*failed_files)));
    }
    if let Some(still) = stalled_s {
        parts.push(format!("STALLED: nothing moved for {}", duration(*still)));
    }
    parts.join(", ")
}

/// `12.3 of 40.0 TB`, both in the unit of the second.
fn of(part: u64, total: u64) -> String {
    let (unit, name) = unit(total);
    format!("{} of {} {name}", tenths(part, unit), tenths(total, unit))
}

fn size(bytes: u64) -> String {
    let (unit, name) = unit(bytes);
    format!("{} {name}", tenths(bytes, unit))
}

const fn unit(bytes: u64) -> (u64, &'static str) {
    match bytes {
        0..1_000_000_000 => (1_000_000, "MB"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "GB"),
        _ => (1_000_000_000_000, "TB"),
    }
}

fn tenths(bytes: u64, unit: u64) -> String {
    let tenths = bytes / (unit / 10);
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// The part of `status`. Empty where nothing is preloaded.
pub(super) fn table_of(status: &Status, theme: &Theme) -> String {
    if status.preload.is_empty() {
        return String::new();
    }
    let rows = status.preload.iter().map(|each| {
        let (word, style) = match each.phase {
            _ if each.stalled_s.is_some() || each.failed_files > 0 => ("not well", CAREFUL),
            Phase::Waiting => ("waiting", PLAIN),
            Phase::Listing => ("listing", PLAIN),
            Phase::Restoring => ("restoring", PLAIN),
            Phase::Checking => ("checking", PLAIN),
            Phase::Done => ("done", GOOD),
        };
        Row::from(vec![each.path.as_str().into(), Cell::styled(style, word), words(each).into()])
    });
    let columns = [Column::Left, Column::Left, Column::Wrapped];
    super::status::titled("Data on its way from S3", &table(2, &columns, rows.collect(), theme), theme)
}

/// What a person needs when the wait ended without all data. Empty if all of it is there.
pub fn unfinished(loaded: &Loaded, context: &FailureContext<'_>, theme: &Theme) -> String {
    let FailureContext { cluster: _, command, remove: _, status } = context;
    let again = format!("wait again: `{command} --wait-for data`");
    let block = match loaded {
        Loaded::Complete => return String::new(),
        Loaded::Incomplete(all) => {
            let failed: u64 = all.iter().map(|each| each.failed_files).sum();
            let files = count(usize::try_from(failed).unwrap_or(usize::MAX), "file");
            let mut block =
                Block::error("preload::failed-files", format!("{files} did not come from S3, asked for three times"));
            for each in all.iter().filter(|each| each.failed_files > 0) {
                block.notes.push(format!("{}: {}", each.path, words(each)));
            }
            block.notes.push("they are read from S3 when a job opens them, if S3 gives them at all".to_owned());
            block.help = Some(
                "their names are in `.provision/preload/*/failed` on the mount; look at the bucket's policy, its key, and objects in archive classes"
                    .to_owned(),
            );
            block
        }
        Loaded::Stalled { still_s, last, silent } => {
            let title = format!("the data does not come: nothing moved for {}", duration(*still_s));
            let mut block = Block::error("preload::stalled", title);
            block.notes.extend(
                last.iter()
                    .filter(|each| each.phase != Phase::Done)
                    .map(|each| format!("{}: {}", each.path, words(each))),
            );
            let look = if *silent {
                block.notes.push(
                    "no node reports: nodes that an earlier version launched do not, nor do those whose own instance profile does not allow the tag `provision:preload`"
                        .to_owned(),
                );
                "look at `journalctl -u provision-preload` on a node".to_owned()
            } else {
                "look for free space (`lfs df -h`), the bucket's policy and key, and at `journalctl -u provision-preload` on a node".to_owned()
            };
            block.help = Some(format!("{look}; the nodes go on trying; {again}"));
            block
        }
        Loaded::NoNodes => {
            let mut block = Block::error("preload::no-nodes", "no node is left that could restore data");
            block.help = Some(format!("see what became of them: `{status}`; replace them, and {again}"));
            block
        }
        Loaded::Blind(error) => return super::failure::cloud_error(error, "look at the nodes", theme),
        Loaded::Interrupted => {
            let mut block =
                Block::error("preload::interrupted", "the wait for data was interrupted; the cluster is ready");
            block.notes.push("the nodes go on restoring by themselves".to_owned());
            block.help = Some(format!("look at it: `{status}`; {again}"));
            block
        }
    };
    block.text(theme)
}
