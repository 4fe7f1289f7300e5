//! Waiting until the cloud has reached the final state of what a step is about. Level, not edge: only what is seen counts.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::context::Context;
use super::event::{Failure, What};
use super::pace::{Pace, pace};
use super::watch::Look;
use crate::cloud::{Clock, Cloud, CloudError};
use crate::desired::{Address, Kind, TAG_EPOCH, Wanted};
use crate::observed::{Node, NodeState, Observed, Report, Seen, State, Task, TaskState, Work};
use crate::plan::Op;
use crate::record::CONSISTENCY_WINDOW_S;

/// What one look says of a wait.
pub(super) enum Verdict {
    /// In words for a person; said again whenever they change.
    Pending(String),
    Done,
    Broken(Failure),
}

/// An unanswered look is no reason to give up: what was begun goes on without us. Longer than any outage of minutes.
const BLIND_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A log that says nothing for long looks like a run that hangs, and some CI services end those.
pub(super) const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Looks again and again, ever less often, until the verdict is final.
pub(super) async fn wait<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    kind: Kind,
    pace: Pace,
    judge: impl Fn(&Observed, Duration) -> Verdict + Send,
) -> Result<(), Failure> {
    let began = Instant::now();
    let pace = pace.after(context.took(kind, op(context, index)));
    let mut last_seen = began;
    let mut said = String::new();
    let mut said_at = began;
    loop {
        let pause = pace.pause(began.elapsed());
        context.pause(pause).await?;
        let Look { started, observed } = match context.watch.look(kind, Instant::now() - pause / 2).await {
            Ok(look) => look,
            Err(error) => {
                if !error.class.passes() || last_seen.elapsed() > BLIND_LIMIT {
                    return Err(Failure::Cloud { error: error.about(address) });
                }
                continue;
            }
        };
        last_seen = Instant::now();
        if kind.is_storage() && observed.was_available() {
            context.store.available().await;
        }
        match judge(&observed, started.saturating_duration_since(began)) {
            Verdict::Done => {
                context.learn_time(kind, op(context, index), began.elapsed());
                return Ok(());
            }
            Verdict::Broken(failure) => return Err(failure),
            Verdict::Pending(detail) => {
                if detail != said || said_at.elapsed() > SAY_AGAIN {
                    said_at = Instant::now();
                    let typical_s = pace.typical.map(|typical| typical.as_secs());
                    let waited_s = began.elapsed().as_secs();
                    context.emit(What::Waiting {
                        step: index,
                        address: address.clone(),
                        detail: detail.clone(),
                        waited_s,
                        typical_s,
                    });
                    said = detail;
                }
            }
        }
        if let Some(limit) = pace.limit.filter(|limit| began.elapsed() > *limit) {
            return Err(Failure::TimedOut { limit_s: limit.as_secs(), detail: said });
        }
    }
}

pub(super) fn op<C, K>(context: &Context<C, K>, index: usize) -> &Op {
    &context.plan.steps[index].op
}

/// After a creation.
pub(super) async fn ready<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    seen: &Seen,
) -> Result<(), Failure> {
    if !matches!(seen.address.kind, Kind::Fsx | Kind::Efs | Kind::MountTarget | Kind::FileCache | Kind::Link) {
        return Ok(());
    }
    let pace = pace(seen.address.kind, op(context, index));
    wait(context, index, &seen.address, seen.address.kind, pace, |observed, waited| {
        state(observed, &seen.address, &seen.id, waited)
    })
    .await
}

fn state(observed: &Observed, address: &Address, id: &str, waited: Duration) -> Verdict {
    let Some(seen) = observed.resources.iter().find(|seen| seen.id == id) else {
        return missing(address, id, waited);
    };
    match seen.state {
        State::Ready => Verdict::Done,
        State::Creating | State::Updating => Verdict::Pending(seen.lifecycle.clone()),
        State::Failed | State::Misconfigured | State::Deleting => Verdict::Broken(broken(seen)),
    }
}

/// What was just made may not be visible yet; after a while it was taken away by somebody.
fn missing(address: &Address, id: &str, waited: Duration) -> Verdict {
    if is_fresh(waited) {
        Verdict::Pending("not visible yet".to_owned())
    } else {
        Verdict::Broken(Failure::Stale { text: format!("{address} ({id}) is gone") })
    }
}

/// So soon after a call a look may still show what was before it.
pub(super) fn is_fresh(waited: Duration) -> bool {
    waited.as_secs() < CONSISTENCY_WINDOW_S.unsigned_abs()
}

pub(super) fn broken(seen: &Seen) -> Failure {
    Failure::Broken {
        id: seen.id.clone(),
        lifecycle: seen.lifecycle.clone(),
        reason: seen.reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned()),
    }
}

/// What was found half-way: by the same measure as what was just made.
pub(super) async fn settled<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
) -> Result<(), Failure> {
    if address.kind == Kind::Nodes {
        let doomed: Vec<&String> = context
            .plan
            .steps
            .iter()
            .filter_map(|step| match &step.op {
                Op::Delete { ids } if step.address == *address => Some(ids),
                _ => None,
            })
            .flatten()
            .collect();
        let ids: Vec<String> =
            context.observed.nodes_of(address).map(|node| node.id.clone()).filter(|id| !doomed.contains(&id)).collect();
        return nodes_ready(context, index, address, &ids).await;
    }
    let Some(seen) = context.observed.find(address) else {
        return Ok(());
    };
    let goes = context.plan.steps.iter().any(|step| step.address == *address && matches!(step.op, Op::Delete { .. }));
    let pace = pace(address.kind, op(context, index));
    if seen.state == State::Deleting {
        return gone(context, index, address, &seen.id, pace).await;
    }
    let ended = wait(context, index, address, address.kind, pace, |observed, waited| {
        state(observed, address, &seen.id, waited)
    })
    .await;
    match ended {
        // It is to go anyway: any final state will do.
        Err(Failure::Broken { .. } | Failure::Stale { .. }) if goes => Ok(()),
        other => other,
    }
}

/// What was found on its way out: once it is gone, another plan is needed.
async fn gone<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    id: &str,
    pace: Pace,
) -> Result<(), Failure> {
    wait(context, index, address, address.kind, pace, |observed, _| {
        let there = observed.resources.iter().find(|seen| seen.id == id);
        there.map_or(Verdict::Done, |seen| Verdict::Pending(seen.lifecycle.clone()))
    })
    .await?;
    Err(Failure::Stale { text: format!("{address} ({id}) is gone") })
}

/// After an update: the new values are there and nothing is under way any more.
pub(super) async fn updated<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    id: &str,
    wanted: &Wanted,
    fields: &[String],
) -> Result<(), Failure> {
    let want = wanted.resource.fields();
    let pace = pace(address.kind, op(context, index));
    wait(context, index, address, address.kind, pace, |observed, waited| {
        let Some(seen) = observed.resources.iter().find(|seen| seen.id == id) else {
            return missing(address, id, waited);
        };
        let there = want
            .iter()
            .filter(|(name, _)| fields.iter().any(|field| field == name))
            .all(|(name, value)| seen.fields.get(*name) == Some(value));
        match seen.state {
            State::Ready if there => Verdict::Done,
            // FSx reports an update that failed on a file system that works.
            State::Ready if seen.reason.is_some() => Verdict::Broken(broken(seen)),
            State::Ready | State::Creating | State::Updating => Verdict::Pending(seen.lifecycle.clone()),
            State::Failed | State::Misconfigured | State::Deleting => Verdict::Broken(broken(seen)),
        }
    })
    .await
}

/// None of these nodes is still on its way: each runs, or has ended.
pub(super) async fn nodes_run<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    ids: &[String],
) -> Result<(), Failure> {
    wait(context, index, address, Kind::Nodes, pace(Kind::Nodes, op(context, index)), |observed, waited| {
        let mine = || observed.nodes.iter().filter(|node| ids.contains(&node.id));
        let hidden = if is_fresh(waited) { ids.len() - mine().count() } else { 0 };
        match hidden + mine().filter(|node| node.state == NodeState::Pending).count() {
            0 => Verdict::Done,
            pending => Verdict::Pending(format!("{} of {} running", ids.len() - pending, ids.len())),
        }
    })
    .await
}

/// A launch by the token of this try was carried out before, with other settings, and nothing of it is there any more. Err: it
/// is, and was not seen when the plan was made.
pub(super) async fn launch_is_over<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    epoch: u32,
    refusal: &CloudError,
) -> Result<(), Failure> {
    let epoch = epoch.to_string();
    wait(context, index, address, Kind::Nodes, pace(Kind::Nodes, op(context, index)), |observed, waited| {
        let is_of_it = |node: &Node| node.address == *address && node.tags.get(TAG_EPOCH) == Some(&epoch);
        if observed.nodes.iter().any(is_of_it) {
            Verdict::Broken(Failure::Stale { text: refusal.to_string() })
        } else if is_fresh(waited) {
            Verdict::Pending("looking for what an earlier run launched".to_owned())
        } else {
            Verdict::Done
        }
    })
    .await
}

/// Every one of these nodes has said how its boot ended.
pub(super) async fn nodes_ready<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    ids: &[String],
) -> Result<(), Failure> {
    let pace = pace(Kind::Nodes, op(context, index));
    let ended = wait(context, index, address, Kind::Nodes, pace, |observed, waited| {
        let mine: Vec<&Node> = observed.nodes.iter().filter(|node| ids.contains(&node.id)).collect();
        let hidden = ids.len() - mine.len();
        let fresh = is_fresh(waited);
        let booting = mine.iter().filter(|node| node.exists() && node.report.is_none()).count();
        let ready = mine
            .iter()
            .filter(|node| node.exists() && matches!(node.report, Some(Report::Ready | Report::Degraded(_))))
            .count();
        let failed: Vec<(String, String)> =
            mine.iter().filter_map(|node| Some((node.id.clone(), failure(node)?))).collect();
        let in_vain = context.storage_failed.load(Ordering::Relaxed);
        if in_vain && booting > 0 {
            let waits = |node: &&&Node| node.exists() && node.report.is_none();
            let why = "the file system that it is to mount did not come up";
            let nodes = mine.iter().filter(waits).map(|node| (node.id.clone(), why.to_owned())).chain(failed);
            return Verdict::Broken(Failure::Nodes { nodes: nodes.collect() });
        }
        if booting > 0 || (hidden > 0 && fresh) {
            let failed = if failed.is_empty() { String::new() } else { format!(", {} failed", failed.len()) };
            return Verdict::Pending(format!("{ready} of {} ready{failed}", ids.len()));
        }
        let gone = ids
            .iter()
            .filter(|id| !mine.iter().any(|node| node.id == **id))
            .map(|id| (id.clone(), "it is gone".to_owned()));
        let nodes: Vec<(String, String)> = failed.into_iter().chain(gone).collect();
        if nodes.is_empty() { Verdict::Done } else { Verdict::Broken(Failure::Nodes { nodes }) }
    })
    .await;
    let latest = context.watch.latest(Kind::Nodes).await;
    if latest.is_some_and(|observed| observed.was_used()) {
        context.store.ready().await;
    }
    ended
}

/// Why a node will never be ready by itself.
fn failure(node: &Node) -> Option<String> {
    match (node.state, &node.report) {
        (NodeState::Pending | NodeState::Running, Some(Report::Failed(why))) => Some(why.clone()),
        (NodeState::Pending | NodeState::Running, _) => None,
        (NodeState::Stopping | NodeState::Stopped | NodeState::ShuttingDown | NodeState::Terminated, _) => {
            Some(node.reason.clone().unwrap_or_else(|| "it stopped".to_owned()))
        }
    }
}

/// The metadata import of a link has ended. Files that could not be imported are told and do not fail the run.
pub(super) async fn preloaded<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
) -> Result<(), Failure> {
    let s3 = context.desired.resources.get(address).map(|wanted| wanted.resource.fields()).unwrap_or_default();
    let s3 = s3.into_iter().find(|(name, _)| *name == "s3").map(|(_, url)| url).unwrap_or_default();
    let below = |path: &String| path.trim_end_matches('/') == s3 || path.starts_with(&format!("{s3}/"));
    // Of an earlier association of the same place.
    let over: BTreeSet<&str> =
        context.observed.tasks.iter().filter(|task| !task.state.is_active()).map(|task| task.id.as_str()).collect();
    let mine =
        |task: &&Task| task.work == Work::Import && task.paths.iter().all(below) && !over.contains(task.id.as_str());
    wait(context, index, address, Kind::Task, pace(Kind::Link, &Op::Preload), |observed, waited| {
        let mut tasks = observed.tasks.iter().filter(mine).peekable();
        // The task begins some time after its association is there, or is seen some time later.
        if tasks.peek().is_none() && is_fresh(waited) {
            return Verdict::Pending("waiting for the import of metadata to begin".to_owned());
        }
        match tasks.find(|task| task.state.is_active()) {
            Some(task) => Verdict::Pending(format!("importing metadata: {} of {} files", task.succeeded, task.total)),
            None => Verdict::Done,
        }
    })
    .await?;
    context.store.imported(address).await;
    let look = context.watch.look(Kind::Task, Instant::now() - Duration::from_secs(1)).await;
    let ended = look.iter().flat_map(|look| look.observed.tasks.iter().filter(mine));
    for task in ended.filter(|task| task.failed > 0 || task.state == TaskState::Failed) {
        let reason = task.reason.as_deref().unwrap_or("AWS gives no reason");
        let text = format!("{} of {} files could not be imported ({}): {reason}", task.failed, task.total, task.id);
        context.note(index, address, text);
    }
    Ok(())
}
