//! Removing something: what uses it goes first, tasks that block it end, and nothing counts as gone before it is seen to be.

use std::time::Duration;

use tokio::time::Instant;

use super::context::Context;
use super::event::Failure;
use super::export;
use super::pace::pace;
use super::wait::{Verdict, broken, is_fresh, nodes_run, op, wait};
use crate::cloud::{Class, Clock, Cloud, Delete};
use crate::desired::{Address, Kind};
use crate::observed::{NodeState, Seen, State};
use crate::plan::{Op, Purpose};

/// Deletes, waits until it is gone, and writes down that it is.
pub(super) async fn remove<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    ids: &[String],
) -> Result<(), Failure> {
    let storage_goes =
        context.plan.steps.iter().any(|step| step.address.kind.is_storage() && matches!(step.op, Op::Delete { .. }));
    if storage_goes && (address.kind == Kind::Link || address.kind.is_storage()) {
        // From here on a later `down` finds no link to export from, and has to know that nothing is owed.
        context.call(index, address, || context.store.exported()).await?;
    }
    if address.kind == Kind::Nodes && context.observed.was_used() {
        // With the nodes goes what tells that there may be files.
        context.store.ready().await;
    }
    if address.kind == Kind::Reservation && context.plan.purpose == Purpose::Up {
        // Of nodes that are still on their way into it no page says what becomes of them.
        let group = Address::named(Kind::Nodes, &address.name);
        let ids: Vec<String> = context.observed.nodes_of(&group).map(|node| node.id.clone()).collect();
        if !ids.is_empty() {
            nodes_run(context, index, address, &ids).await?;
        }
    }
    let now = context.clock.now();
    context.call(index, address, || context.store.changes(now)).await?;
    // A link that this run has made has no id in the plan.
    let made: Vec<String> = context.known().ids.get(address).cloned().into_iter().collect();
    let ids = if ids.is_empty() { &made } else { ids };
    let delete = Delete {
        address: address.clone(),
        ids: ids.to_vec(),
        token: context.desired.id.token(&format!("delete {address} {}", ids.join(" ")), 0),
    };
    call(context, index, &delete).await?;
    context.holds.forget(ids);
    gone(context, index, address, ids).await?;
    // The record speaks of the one that this run holds, and not of what a dead one has left.
    if context.holds.left().iter().any(|hold| hold.address == *address) {
        return Ok(());
    }
    if address.kind == Kind::Nodes && storage_goes && !context.store.was_ready().await {
        let latest = context.watch.latest(Kind::Nodes).await;
        if latest.is_some_and(|observed| observed.was_used()) {
            context.store.ready().await;
            let text = "a node became ready while it was being removed, and may have written files".to_owned();
            return Err(Failure::Stale { text });
        }
    }
    let left = match address.kind {
        Kind::Nodes => context.observed.nodes_of(address).filter(|node| !ids.contains(&node.id)).count(),
        _ => context
            .observed
            .resources
            .iter()
            .filter(|seen: &&Seen| seen.address == *address && !ids.contains(&seen.id))
            .count(),
    };
    let remade = context.plan.steps.iter().any(|step| step.address == *address && matches!(step.op, Op::Create { .. }));
    context.store.gone(address, u32::try_from(left).unwrap_or(u32::MAX), remade).await;
    Ok(())
}

/// Sends a deletion until it is accepted: what uses the resource goes first, and is named if it does not.
async fn call<C: Cloud, K: Clock>(context: &Context<C, K>, index: usize, delete: &Delete) -> Result<(), Failure> {
    let Delete { address, ids, token: _ } = delete;
    let pace = pace(address.kind, op(context, index));
    let began = Instant::now();
    let mut named: Vec<String> = Vec::new();
    loop {
        let error = match context.call(index, address, || context.cloud.delete(delete)).await {
            Ok(()) => return Ok(()),
            Err(Failure::Cloud { error }) => error,
            Err(other) => return Err(other),
        };
        match error.class {
            Class::Busy => export::end_tasks(context, index).await?,
            // Something that uses it is on its way out, or it is itself being changed.
            Class::InUse | Class::Conflict => {}
            _ => return Err(Failure::Cloud { error }),
        }
        if began.elapsed() > Duration::from_secs(5) && error.class == Class::InUse {
            let id = ids.first().map_or("", String::as_str);
            let dependents = context.cloud.dependents(address, id).await.unwrap_or_default();
            if dependents != named && !dependents.is_empty() {
                context.note(index, address, format!("still used by {}", dependents.join(", ")));
                named = dependents;
            }
        }
        if pace.limit.is_some_and(|limit| began.elapsed() > limit) {
            return Err(if named.is_empty() { Failure::Cloud { error } } else { Failure::InUse { dependents: named } });
        }
        context.pause(pace.pause(began.elapsed())).await?;
    }
}

/// After a deletion: nothing of it is left.
async fn gone<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    ids: &[String],
) -> Result<(), Failure> {
    let pace = pace(address.kind, op(context, index));
    wait(context, index, address, address.kind, pace, |observed, waited| {
        if address.kind == Kind::Nodes {
            let left = observed
                .nodes
                .iter()
                .filter(|node| ids.contains(&node.id) && node.state != NodeState::Terminated)
                .count();
            return if left == 0 {
                Verdict::Done
            } else {
                Verdict::Pending(format!("{left} of {} shutting down", ids.len()))
            };
        }
        match observed.resources.iter().find(|seen| ids.contains(&seen.id)) {
            None => Verdict::Done,
            // It may have been so before, and be seen as it was.
            Some(seen) if seen.state == State::Failed && !is_fresh(waited) => Verdict::Broken(broken(seen)),
            Some(seen) => Verdict::Pending(seen.lifecycle.clone()),
        }
    })
    .await
}
