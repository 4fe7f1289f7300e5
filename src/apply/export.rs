//! Bringing what is only on the file system to S3 before anything that would lose it.
//!
//! The order is that of the FSx for Lustre User Guide ("Deleting a file system"; API, DeleteFileSystem): writers have stopped,
//! automatic export works off its queue and goes off, a task exports, and only its complete success counts.

mod progress;
mod queue;
mod report;

pub(super) use queue::LastLook;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use progress::{Meter, span};
use report::Report;

use super::context::Context;
use super::event::{Failure, What};
use super::executor::send_update;
use super::pace::pace;
use super::wait::{Verdict, wait};
use crate::cloud::{Class, Clock, Cloud, Export, Update};
use crate::desired::{Address, EXPORT_REPORTS, Kind, Link, Resource, flows_of, flows_text};
use crate::observed::{Observed, Seen, State, Task, TaskState, Work};
use crate::plan::Op;
use crate::spec::Flow;

/// An export that counts nothing for so long is waited for no more; it goes on at AWS. Before that it may be at one large file
/// (5 TiB at 250 MB/s take six hours), so a standstill is told and no more.
const GIVEN_UP: Duration = Duration::from_hours(12);

/// A task that blocks a deletion and counts nothing for so long hangs.
const STALL_LIMIT: Duration = Duration::from_mins(30);

/// A change of a link takes minutes (FSx for Lustre User Guide, "Data repository association lifecycle", gives no figure).
const CHANGES_END: Duration = Duration::from_mins(15);

/// Exports everything below a link.
pub(super) async fn export<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
) -> Result<(), Failure> {
    let gone = || Failure::Stale { text: format!("{address} is gone") };
    let mut link = look(context, address).await?.ok_or_else(gone)?;
    if link.state == State::Creating && is_cached(context) {
        cache_made(context, index, address, &link.id).await?;
        link = look(context, address).await?.ok_or_else(gone)?;
    }
    if link.state == State::Failed {
        if context.store.was_done(address).await || context.store.was_ready().await || context.observed.was_used() {
            let text = format!("{} is {}: {}", link.id, link.lifecycle, link.reason.clone().unwrap_or_default());
            return Err(unexported(text));
        }
        context.note(index, address, "the link never worked and no node was ready, so there is nothing to export");
        return Ok(());
    }
    let flows = flows_of(link.fields.get("export").map_or("", String::as_str));
    if !flows.is_empty() {
        let file_system = link.file_system.clone().or_else(|| context.file_system());
        // A link that is MISCONFIGURED exports nothing by itself, however long its queue.
        if let Some(file_system) = file_system.filter(|_| link.state == State::Ready) {
            queue::drained(context, index, address, &file_system, flows.contains(&Flow::Deleted)).await?;
        }
        turn_off_automatic_export(context, index, address, &link).await?;
    }
    let task = start(context, index, address, &link).await?;
    let task = ended(context, index, address, &task.id).await?;
    if task.state == TaskState::Succeeded && task.failed == 0 {
        context.note(
            index,
            address,
            format!("exported: {} of {} files copied to S3 ({})", task.succeeded, task.total, task.id),
        );
        return Ok(());
    }
    let state = match task.state {
        TaskState::Canceled => "was cancelled",
        TaskState::Succeeded => "left files behind",
        _ => "failed",
    };
    let reason = task.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let text = format!("the export {} {state} with {} of {} files not in S3{reason}", task.id, task.failed, task.total);
    let report = if task.failed > 0 || task.state == TaskState::Failed {
        report::read(context, index, address, &task).await?
    } else {
        Report { url: task.report.clone(), ..Report::default() }
    };
    Err(Failure::Unexported { text, report: report.url, files: report.files })
}

const fn unexported(text: String) -> Failure {
    Failure::Unexported { text, report: None, files: Vec::new() }
}

async fn look<C: Cloud, K: Clock>(context: &Context<C, K>, address: &Address) -> Result<Option<Seen>, Failure> {
    let observed = context.look(Kind::Link, address).await?;
    Ok(observed.find(address).or_else(|| context.observed.find(address)).cloned())
}

fn is_cached<C: Cloud, K: Clock>(context: &Context<C, K>) -> bool {
    context.observed.file_system().is_some_and(|seen| seen.address.kind == Kind::FileCache)
}

/// A cache takes no task before it is made, and a node that was beside it may have written the moment it was.
async fn cache_made<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    link: &str,
) -> Result<(), Failure> {
    let pace = pace(Kind::FileCache, &Op::Export);
    wait(context, index, address, Kind::Link, pace, |observed: &Observed, _| {
        match observed.resources.iter().find(|seen| seen.id == link) {
            Some(seen) if seen.state == State::Creating => Verdict::Pending("the cache is still being made".to_owned()),
            Some(_) => Verdict::Done,
            None => Verdict::Broken(Failure::Stale { text: format!("{link} is gone") }),
        }
    })
    .await
}

/// FSx runs no export task on a link that exports by itself.
async fn turn_off_automatic_export<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    link: &Seen,
) -> Result<(), Failure> {
    let never = flows_text(&[]);
    let update = Update {
        address: address.clone(),
        id: link.id.clone(),
        arn: link.arn.clone(),
        resource: Resource::Link(as_link(link)),
        fields: ["export".to_owned()].into(),
        set_tags: std::collections::BTreeMap::new(),
        remove_tags: std::collections::BTreeSet::new(),
        nodes: Vec::new(),
        token: context.desired.id.token(&format!("stop export {address} {}", context.run), 0),
        known: context.known(),
    };
    send_update(context, index, &update).await?;
    context.emit(What::Waiting {
        step: index,
        address: address.clone(),
        detail: "automatic export goes off".to_owned(),
        waited_s: 0,
        typical_s: None,
    });
    wait(context, index, address, Kind::Link, pace(Kind::Link, &Op::Export), |observed: &Observed, _| {
        match observed.resources.iter().find(|seen| seen.id == link.id) {
            Some(seen) if seen.state == State::Ready && seen.fields.get("export") == Some(&never) => Verdict::Done,
            Some(seen) if matches!(seen.state, State::Failed | State::Misconfigured | State::Deleting) => {
                let reason = seen.reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned());
                Verdict::Broken(unexported(format!("{} is {}: {reason}", seen.id, seen.lifecycle)))
            }
            Some(_) => Verdict::Pending("automatic export goes off".to_owned()),
            None => Verdict::Broken(Failure::Stale { text: format!("{} is gone", link.id) }),
        }
    })
    .await
}

/// The link as it was seen, but that nothing is exported by itself any more.
fn as_link(seen: &Seen) -> Link {
    let field = |name: &str| seen.fields.get(name).cloned().unwrap_or_default();
    let s3 = field("s3");
    let (bucket, prefix) =
        s3.trim_start_matches("s3://").split_once('/').unwrap_or((s3.trim_start_matches("s3://"), ""));
    Link {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        path: field("path"),
        import: flows_of(&field("import")),
        export: Vec::new(),
        import_chunk_mib: None,
        preload_metadata: false,
        export_on_down: true,
    }
}

/// Starts this run's task, as soon as FSx takes it.
async fn start<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    link: &Seen,
) -> Result<Task, Failure> {
    let path = link.fields.get("path").cloned().unwrap_or_default();
    let s3 = link.fields.get("s3").cloned().unwrap_or_default();
    let Some(file_system) = link.file_system.clone().or_else(|| context.file_system()) else {
        return Err(Failure::Stale { text: "the file system is gone".to_owned() });
    };
    let export = Export {
        address: address.clone(),
        file_system,
        path: path.clone(),
        report: format!("{s3}/{EXPORT_REPORTS}"),
        tags: context.desired.id.tags(address, "", 0, &context.desired.tags),
        // Each run exports anew: what an earlier one has exported may have been written since.
        token: context.desired.id.token(&format!("export {address} {}", context.run), 0),
    };
    let began = Instant::now();
    loop {
        match context.call(index, address, || context.cloud.export(&export)).await {
            Ok(task) => return Ok(task),
            Err(Failure::Cloud { error }) if error.class == Class::Busy => {}
            // The link is still at a change that has just been made.
            Err(Failure::Cloud { error }) if error.class == Class::Conflict && began.elapsed() < CHANGES_END => {}
            Err(other) => return Err(other),
        }
        let observed = context.look(Kind::Task, address).await?;
        let mine = |task: &&Task| {
            task.state.is_active()
                && task.work == Work::Export
                && (task.paths.is_empty()
                    || task.paths.iter().any(|each| each.trim_matches('/') == path.trim_matches('/')))
        };
        // What was written after a task had begun is not in it, and nobody knows who wrote until when: nodes that EC2 has
        // forgotten, other machines. One of an earlier run is waited for, and never takes the place of this run's own.
        if let Some(task) = observed.tasks.iter().find(mine) {
            context.note(index, address, format!("{} of an earlier run exports it still; this run's follows", task.id));
            ended(context, index, address, &task.id).await?;
            continue;
        }
        context.pause(pace(Kind::Link, &Op::Export).pause(Duration::from_secs(60))).await?;
    }
}

/// The task in its final state, whatever that is.
async fn ended<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    id: &str,
) -> Result<Task, Failure> {
    let meter = Mutex::new(Meter::default());
    let last = Mutex::new(None);
    wait(context, index, address, Kind::Task, pace(Kind::Link, &Op::Export), |observed: &Observed, waited| {
        let Some(task) = observed.tasks.iter().find(|task| task.id == id) else {
            return if waited < Duration::from_secs(60) {
                Verdict::Pending("not visible yet".to_owned())
            } else {
                Verdict::Broken(unexported(format!("the export {id} is gone")))
            };
        };
        if !task.state.is_active() {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
            return Verdict::Done;
        }
        let pulse = meter.lock().unwrap_or_else(PoisonError::into_inner).look(task, waited);
        if pulse.still > GIVEN_UP {
            let still = span(pulse.still.as_secs());
            let text = format!("the export {id} has counted nothing for {still}, and goes on at AWS: {}", pulse.detail);
            return Verdict::Broken(Failure::Unexported { text, report: task.report.clone(), files: Vec::new() });
        }
        if pulse.stalls {
            context.note(index, address, stalled(task, pulse.still));
        }
        Verdict::Pending(pulse.detail)
    })
    .await?;
    last.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .ok_or_else(|| Failure::Stale { text: format!("{id} is gone") })
}

/// What a standstill may mean, and what a person can do about it.
fn stalled(task: &Task, still: Duration) -> String {
    let still = span(still.as_secs());
    let why = if task.state == TaskState::Pending {
        "FSx has not begun it: other tasks of the file system may be before it"
    } else {
        "it may be at one large file, or S3 may slow it down or refuse it"
    };
    format!(
        "{} has counted nothing for {still}: {why}; waiting on, and to stop here is safe: the next `down` goes on",
        task.id
    )
}

/// No task is left that would block a deletion: what writes to S3 is waited for, everything else is cancelled.
pub(super) async fn end_tasks<C: Cloud, K: Clock>(context: &Context<C, K>, index: usize) -> Result<(), Failure> {
    let address = &context.plan.steps[index].address;
    let observed = context.look(Kind::Task, address).await?;
    context.call(index, address, || context.store.begun()).await?;
    for task in observed.tasks.iter().filter(|task| task.state.is_active()) {
        let since = task.started.map(|at| format!(" since {at:.0}")).unwrap_or_default();
        match task.work {
            Work::Export => context.note(index, address, format!("waiting for the export {}{since}", task.id)),
            Work::Import | Work::Release => {
                context.note(index, address, format!("cancelling {}, which would block the deletion{since}", task.id));
                if task.state != TaskState::Canceling {
                    context.call(index, address, || context.cloud.cancel_task(&task.id)).await?;
                }
            }
        }
    }
    let stalled = Mutex::new((String::new(), Duration::ZERO));
    wait(context, index, address, Kind::Task, pace(Kind::Task, &Op::EndTasks), |observed: &Observed, waited| {
        let active: Vec<&Task> = observed.tasks.iter().filter(|task| task.state.is_active()).collect();
        if active.is_empty() {
            return Verdict::Done;
        }
        let ids: Vec<String> =
            active.iter().map(|task| format!("{} ({} of {} files)", task.id, task.succeeded, task.total)).collect();
        let detail = format!("waiting for {}", ids.join(", "));
        let mut stalled = stalled.lock().unwrap_or_else(PoisonError::into_inner);
        if stalled.0 != detail {
            *stalled = (detail.clone(), waited);
        } else if waited.saturating_sub(stalled.1) > STALL_LIMIT {
            let text = format!("{} have not moved for {} minutes", ids.join(", "), STALL_LIMIT.as_secs() / 60);
            return Verdict::Broken(Failure::InUse { dependents: vec![text] });
        }
        Verdict::Pending(detail)
    })
    .await
}
