//! The restore of `preload = "data"`: nodes work at it together, and one of them tells how far they are.

use std::time::Duration;

use super::clock::VirtualClock;
use super::efs::storage_of;
use super::settings::{Boot, Restore};
use super::world::{Due, World};
use crate::desired::TAG_PRELOAD;
use crate::observed::{Amount, Loading, NodeState, Preload, Stage};

/// A node looks and reports so often.
const ROUND: Duration = Duration::from_secs(60);
/// A node without a sign of life for so long is dead to the others (`templates/preload.sh`).
const DEAD: Duration = Duration::from_secs(600);

/// What is restored to one file system.
#[derive(Debug, Clone, Default)]
pub(super) struct Restoring {
    /// Each dataset's path and since when it is worked at.
    begun: Vec<(String, Duration)>,
    reporter: Option<String>,
    /// When the reporter was last alive.
    alive: Duration,
}

impl World {
    /// A node is ready: what its unit does in the background begins.
    pub(super) fn begin_preload(&mut self, id: &str) {
        let works = |boot: &Boot| matches!(boot, Boot::Ready | Boot::Degraded(_));
        let node = self.nodes.get(id).filter(|node| works(&node.boot) && !node.preloads.is_empty());
        if node.is_some() && !self.settings.preload.silent {
            self.later(ROUND, Due::NodePreloads(id.to_owned()));
        }
    }

    pub(super) fn node_preloads(&mut self, id: &str) {
        let Some(node) = self.nodes.get(id).filter(|node| node.state == NodeState::Running) else { return };
        let paths = node.preloads.clone();
        let Some((_, file_system)) = storage_of(&node.uses) else { return };
        let (now, play) = (self.now, self.settings.preload);
        let restoring = self.restores.entry(file_system).or_default();
        let mut datasets = Vec::new();
        for path in &paths {
            let begun = restoring.begun.iter().find(|(begun, _)| begun == path).map(|(_, since)| *since);
            if begun.is_none() {
                restoring.begun.push((path.clone(), now));
            }
            let since = begun.unwrap_or(now);
            let (loading, is_done) = loading(path, since, now, play);
            datasets.push(loading);
            if !is_done {
                break;
            }
        }
        let is_complete = datasets.len() == paths.len() && datasets.iter().all(|each| each.stage == Stage::Done);
        if restoring.reporter.is_none() || now.saturating_sub(restoring.alive) > DEAD {
            restoring.reporter = Some(id.to_owned());
        }
        let reports = restoring.reporter.as_deref() == Some(id);
        if reports {
            restoring.alive = now;
        }
        if reports || is_complete {
            let text = Preload { at: VirtualClock::at(now), datasets }.text();
            let shown = self.tags_shown();
            self.nodes.change(id, now, shown, |node| {
                node.tags.insert(TAG_PRELOAD.to_owned(), text);
            });
        }
        if !is_complete {
            self.later(ROUND, Due::NodePreloads(id.to_owned()));
        }
    }
}

/// How far a dataset is that was begun then, and whether that is all.
fn loading(path: &str, since: Duration, now: Duration, play: Restore) -> (Loading, bool) {
    let Restore { files, mib, takes, failed, stalls_at, silent: _ } = play;
    let went = now.saturating_sub(since).as_secs() * 100 / takes.as_secs().max(1);
    let percent = went.min(100).min(stalls_at.unwrap_or(100));
    let is_done = percent == 100;
    let moved = if went > percent { since + takes * u32::try_from(percent).unwrap_or(100) / 100 } else { now };
    let amount = Amount {
        files: files * percent / 100,
        mib: mib * percent / 100,
        total_mib: mib,
        since: VirtualClock::at(since),
        moved: VirtualClock::at(moved),
    };
    let stage = if is_done { Stage::Done } else { Stage::Loading(amount) };
    let failed = if is_done { failed } else { 0 };
    (Loading { key: Preload::key(path), files, failed, stage }, is_done)
}
