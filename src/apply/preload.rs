//! `up --wait-for data`: waits until the nodes have restored every dataset with `preload = "data"`.
//!
//! It only looks, and holds no lock: the nodes do the work, whoever watches, and go on when nobody does.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::round;
use super::event::{Ending, Event, FORMAT_VERSION, What};
use crate::cloud::{Clock, Cloud, CloudError, Scope};
use crate::desired::Kind;
use crate::observed::{Amount, Observed, Preload, Report, Stage};

/// Nodes report once a minute.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// For so long nothing moves before that is said. A chunk of 8 GiB at the share of one of many nodes takes minutes.
pub const STALLED: Duration = Duration::from_secs(15 * 60);
/// And before the wait ends. Longer than nodes take to believe that a dataset is empty (`templates/preload.sh`).
const GIVE_UP: Duration = Duration::from_secs(60 * 60);
/// A look may fail for so long, and nodes may be invisible.
const BLIND_LIMIT: Duration = Duration::from_secs(15 * 60);
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// The rate is that of the last so many minutes.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// How far a dataset is, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Below the mount.
    pub path: String,
    pub phase: Phase,
    pub files: u64,
    pub total_files: u64,
    pub bytes: u64,
    pub total_bytes: u64,
    /// Files that did not come, however often they were asked for.
    pub failed_files: u64,
    /// Bytes a second; None before anything came.
    pub rate: Option<u64>,
    pub eta_s: Option<u64>,
    /// Seconds since anything moved, once they are too many.
    pub stalled_s: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No node has said anything of it.
    Waiting,
    Listing,
    Restoring,
    /// Everything was restored once; the nodes look for what came meanwhile.
    Checking,
    Done,
}

const MIB: u64 = 1 << 20;

/// How far the datasets are by the newest report of a node. `stalled` by the node's own clock.
pub fn progress(report: Option<&Preload>, paths: &[String], now: Timestamp) -> Vec<Progress> {
    let mut all: Vec<Progress> = paths.iter().map(|path| of_dataset(report, path)).collect();
    let busy = all.iter_mut().find(|each| each.phase != Phase::Done);
    if let (Some(busy), Some(report)) = (busy, report) {
        let moved = match report.of(&busy.path).map(|loading| &loading.stage) {
            Some(Stage::Loading(amount) | Stage::Checking(amount)) => amount.moved,
            Some(Stage::Listing { since }) => *since,
            Some(Stage::Done) | None => report.at,
        };
        let still = now.duration_since(moved.min(report.at));
        busy.stalled_s = u64::try_from(still.as_secs()).ok().filter(|still| *still > STALLED.as_secs());
    }
    all
}

fn of_dataset(report: Option<&Preload>, path: &str) -> Progress {
    let mut progress = Progress {
        path: path.to_owned(),
        phase: Phase::Waiting,
        files: 0,
        total_files: 0,
        bytes: 0,
        total_bytes: 0,
        failed_files: 0,
        rate: None,
        eta_s: None,
        stalled_s: None,
    };
    let Some((report, loading)) = report.and_then(|report| Some((report, report.of(path)?))) else {
        return progress;
    };
    (progress.total_files, progress.failed_files) = (loading.files, loading.failed);
    match &loading.stage {
        Stage::Listing { .. } => progress.phase = Phase::Listing,
        Stage::Done => (progress.phase, progress.files) = (Phase::Done, loading.files),
        Stage::Loading(amount) | Stage::Checking(amount) => {
            let loads = matches!(loading.stage, Stage::Loading(_));
            progress.phase = if loads { Phase::Restoring } else { Phase::Checking };
            progress.files = amount.files;
            (progress.bytes, progress.total_bytes) =
                (amount.mib.saturating_mul(MIB), amount.total_mib.saturating_mul(MIB));
            let none = Amount { files: 0, mib: 0, ..*amount };
            progress.pace((amount.since, none), (report.at, *amount));
        }
    }
    progress
}

impl Progress {
    /// Takes rate and time left from what was done between two reports.
    fn pace(&mut self, (since, before): (Timestamp, Amount), (at, now): (Timestamp, Amount)) {
        let took = u64::try_from(at.duration_since(since).as_secs()).unwrap_or(0);
        let (files, mib) = (now.files.saturating_sub(before.files), now.mib.saturating_sub(before.mib));
        if took == 0 || files == 0 {
            return;
        }
        self.rate = Some(mib.saturating_mul(MIB) / took);
        let left = |left: u64, done: u64| (done > 0).then(|| left.saturating_mul(took) / done);
        // Small files take their time by their number, large ones by their size: whichever ends later.
        let by_files = left(self.total_files.saturating_sub(self.files), files);
        let by_size = left(now.total_mib.saturating_sub(now.mib), mib);
        self.eta_s = by_files.max(by_size);
    }
}

/// What to wait for, and whom to tell.
#[derive(Debug)]
pub struct DataWait {
    pub scope: Scope,
    /// Of the datasets with `preload = "data"`, in the spec's order.
    pub paths: Vec<String>,
    /// Of the run that this belongs to.
    pub began: Timestamp,
    pub events: UnboundedSender<Event>,
    pub stop: CancellationToken,
}

/// How the wait ended.
#[derive(Debug)]
pub enum Loaded {
    Complete,
    /// Every file was asked for, and some did not come.
    Incomplete(Vec<Progress>),
    /// Nothing moved any more.
    Stalled {
        still_s: u64,
        last: Vec<Progress>,
        /// No report came either: by nodes that died, or were launched by an older version.
        silent: bool,
    },
    /// No node is there that could go on.
    NoNodes,
    Blind(CloudError),
    Interrupted,
}

impl Loaded {
    const fn ending(&self) -> Ending {
        match self {
            Self::Complete => Ending::Complete,
            Self::Interrupted => Ending::Interrupted,
            Self::Incomplete(_) | Self::Stalled { .. } | Self::NoNodes | Self::Blind(_) => Ending::Failed,
        }
    }
}

/// Looks until all of it is there, or nothing moves any more. Changes nothing.
pub async fn wait_for_data<C: Cloud, K: Clock>(cloud: &C, clock: &K, wait: &DataWait) -> Loaded {
    let began = Instant::now();
    let loaded = watch(cloud, clock, wait, began).await;
    wait.emit(clock, What::DataEnded { outcome: loaded.ending(), waited_s: began.elapsed().as_secs() });
    loaded
}

async fn watch<C: Cloud, K: Clock>(cloud: &C, clock: &K, wait: &DataWait, began: Instant) -> Loaded {
    let (mut seen, mut peopled, mut moved, mut reported) = (began, began, began, began);
    let mut last: Option<Preload> = None;
    let mut said: Vec<(Progress, Instant)> = Vec::new();
    let mut history = VecDeque::new();
    loop {
        match cloud.observe(&wait.scope, &[Kind::Nodes]).await {
            Ok(observed) => {
                seen = Instant::now();
                if can_go_on(&observed) {
                    peopled = seen;
                }
                let report = observed.preload().cloned();
                if report.as_ref().map(|each| each.at) != last.as_ref().map(|each| each.at) {
                    reported = seen;
                }
                if report.as_ref().map(|each| &each.datasets) != last.as_ref().map(|each| &each.datasets) {
                    moved = seen;
                }
                last = report.or(last);
            }
            Err(error) => {
                if !error.class.passes() || seen.elapsed() > BLIND_LIMIT {
                    return Loaded::Blind(error);
                }
            }
        }
        let mut now = progress(last.as_ref(), &wait.paths, clock.now());
        let still = moved.elapsed();
        for each in &mut now {
            each.stalled_s = (still > STALLED && each.phase != Phase::Done).then_some(still.as_secs());
            recent_pace(&mut history, last.as_ref(), each);
        }
        say(clock, wait, &now, &mut said);
        if now.iter().all(|each| each.phase == Phase::Done) {
            let failed = now.iter().any(|each| each.failed_files > 0);
            return if failed { Loaded::Incomplete(now) } else { Loaded::Complete };
        }
        if peopled.elapsed() > Duration::from_secs(crate::record::CONSISTENCY_WINDOW_S.unsigned_abs()) && seen > peopled
        {
            return Loaded::NoNodes;
        }
        if still > GIVE_UP {
            return Loaded::Stalled { still_s: still.as_secs(), last: now, silent: reported.elapsed() > STALLED };
        }
        tokio::select! {
            biased;
            () = wait.stop.cancelled() => return Loaded::Interrupted,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// A node that failed restores nothing: that is the end of its boot.
fn can_go_on(observed: &Observed) -> bool {
    observed.nodes.iter().any(|node| node.exists() && !matches!(node.report, Some(Report::Failed(_))))
}

/// By what was done lately, where that is known: caches and other nodes make the average of hours a bad guess.
fn recent_pace(history: &mut VecDeque<(String, Timestamp, Amount)>, report: Option<&Preload>, each: &mut Progress) {
    let Some((report, loading)) = report.and_then(|report| Some((report, report.of(&each.path)?))) else { return };
    let (Stage::Loading(amount) | Stage::Checking(amount)) = loading.stage else { return };
    history.retain(|(path, _, old)| *path == each.path && old.since == amount.since);
    if history.back().is_none_or(|(_, at, _)| *at < report.at) {
        history.push_back((each.path.clone(), report.at, amount));
    }
    while history.front().is_some_and(|(_, at, _)| {
        report.at.duration_since(*at) > jiff::SignedDuration::from_secs(WINDOW.as_secs().cast_signed())
    }) {
        history.pop_front();
    }
    if let Some((_, at, before)) = history.front().filter(|(_, at, _)| *at < report.at) {
        each.pace((*at, *before), (report.at, amount));
    }
}

/// Tells of each dataset what is new, and of the one at work at least once a minute.
fn say<K: Clock>(clock: &K, wait: &DataWait, now: &[Progress], said: &mut Vec<(Progress, Instant)>) {
    let busy = now.iter().position(|each| each.phase != Phase::Done);
    for (index, each) in now.iter().enumerate() {
        let known = said.iter().position(|(old, _)| old.path == each.path);
        let is_new = known.is_none_or(|known| {
            let (old, at) = &said[known];
            let changed = Progress { stalled_s: None, ..old.clone() } != Progress { stalled_s: None, ..each.clone() };
            changed || (busy == Some(index) && at.elapsed() > SAY_AGAIN)
        });
        // Of those that wait for their turn there is nothing to say.
        if !is_new || (each.phase == Phase::Waiting && busy != Some(index)) {
            continue;
        }
        let entry = (each.clone(), Instant::now());
        match known {
            Some(known) => said[known] = entry,
            None => said.push(entry),
        }
        wait.emit(clock, What::Preloading { progress: each.clone() });
    }
}

impl DataWait {
    fn emit<K: Clock>(&self, clock: &K, what: What) {
        let at = clock.now();
        let elapsed = Duration::try_from(at.duration_since(self.began)).unwrap_or_default();
        // Nobody listens any more: the wait goes on all the same.
        let _ = self.events.send(Event { format_version: FORMAT_VERSION, at, elapsed_s: round(elapsed), what });
    }
}
