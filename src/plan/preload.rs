//! What `preload = "data"` means for a plan: a note, since it happens after the run.

use std::collections::BTreeSet;

use super::diff::{Input, note};
use super::model::{Action, Finding, Purpose, Verb};
use crate::catalog::file_cache::THROUGHPUT_PER_TIB;
use crate::desired::{FileSystem, Kind, Resource};

/// Says what is restored and how long that takes at least, wherever nodes or links come that begin it.
pub(super) fn check(input: &Input<'_>, actions: &[Action]) -> Option<Finding> {
    let begins = |action: &Action| {
        matches!(action.address.kind, Kind::Nodes | Kind::Link) && matches!(action.verb, Verb::Create | Verb::Replace)
    };
    if input.purpose != Purpose::Up || !actions.iter().any(begins) {
        return None;
    }
    let resources = || input.desired.resources.values().map(|wanted| &wanted.resource);
    let paths: BTreeSet<&str> = resources()
        .filter_map(|resource| match resource {
            Resource::Template(template) => Some(&template.boot.datasets),
            _ => None,
        })
        .flatten()
        .filter(|dataset| dataset.preload_data)
        .map(|dataset| dataset.path.as_str())
        .collect();
    if paths.is_empty() {
        return None;
    }
    let paths: Vec<&str> = paths.into_iter().collect();
    let title =
        format!("the nodes restore the data of {} from S3 in the background, after `up` is done", paths.join(", "));
    let mut finding = note("plan::preload", None, title);
    let rate = resources().find_map(|resource| match resource {
        Resource::Fsx(storage) => mb_per_s(storage),
        Resource::FileCache(cache) => {
            Some(u64::from(THROUGHPUT_PER_TIB) * u64::from(cache.capacity_gib) / 1000).filter(|rate| *rate > 0)
        }
        _ => None,
    });
    if let Some(rate) = rate {
        let minutes = 1_000_000_u64.div_ceil(rate * 60);
        finding.notes.push(format!(
            "each TB takes {minutes} min or more at the {rate} MB/s of the file system; many small files take longer"
        ));
    }
    finding.help = Some(
        "`provision up --wait-for data` waits until it is there; `provision status` shows how far it is".to_owned(),
    );
    Some(finding)
}

/// What the file system is bought with, where the spec says it. Never 0.
fn mb_per_s(storage: &FileSystem) -> Option<u64> {
    let by_capacity = || Some(u64::from(storage.throughput_per_tib?) * u64::from(storage.capacity_gib?) / 1000);
    storage.throughput.map(u64::from).or_else(by_capacity).filter(|rate| *rate > 0)
}
