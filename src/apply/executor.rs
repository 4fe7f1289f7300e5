//! Performs one step: its call, then the wait for what the call is to bring about.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::capacity;
use super::context::Context;
use super::event::{Failure, What};
use super::export;
use super::fill;
use super::limits;
use super::removal;
use super::store::Intent;
use super::wait;
use crate::cloud::{Class, Clock, Cloud, Create, Created, Update};
use crate::desired::{Address, Kind, Resource, TAG_EPOCH, TAG_FILE_SYSTEM, TAG_SPEC, TAG_TTL, TAG_UNTIL, Tags, Wanted};
use crate::observed::{Node, Seen, State};
use crate::plan::{EPOCHS_A_TRY, Op, Step};

/// How often an update waits for another one, which may be its own with its answer lost.
const MOST_CONFLICTS: u32 = 4;

/// Tells the dispatcher that a step has got its answer.
pub(super) type Answered = UnboundedSender<usize>;

pub(super) async fn perform<C: Cloud, K: Clock>(
    context: Arc<Context<C, K>>,
    index: usize,
    answered: Answered,
) -> Result<(), Failure> {
    let Step { address, op, after: _ } = &context.plan.steps[index];
    match op {
        Op::Create { epoch, count, least } => {
            let wish = Wish { first_epoch: *epoch, count: *count, least: least.unwrap_or(*count) };
            create(&context, index, address, &wish, &answered).await
        }
        Op::Update { fields, set_tags, remove_tags, nodes } => {
            let tags = Retag { set: set_tags, remove: remove_tags, nodes };
            update(&context, index, address, fields, &tags).await
        }
        Op::Settle => wait::settled(&context, index, address).await,
        Op::Preload => wait::preloaded(&context, index, address).await,
        Op::EndTasks => export::end_tasks(&context, index).await,
        Op::Export => export::export(&context, index, address).await,
        Op::Delete { ids } => removal::remove(&context, index, address, ids).await,
    }
}

fn wanted<'a, C, K>(context: &'a Context<C, K>, address: &Address) -> Result<&'a Wanted, Failure> {
    let desired = &context.desired;
    let wanted = desired.resources.get(address).or_else(|| desired.to_export.get(address));
    wanted.ok_or_else(|| Failure::Stale { text: format!("{address} is not wanted") })
}

/// What a creation is to bring.
struct Wish {
    first_epoch: u32,
    count: u32,
    /// 0: it is well without any.
    least: u32,
}

async fn create<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    wish: &Wish,
    answered: &Answered,
) -> Result<(), Failure> {
    let Wish { first_epoch, mut count, mut least } = *wish;
    let wanted = wanted(context, address)?;
    let id = &context.desired.id;
    let what = match &wanted.resource {
        // RunInstances remembers tokens by zone.
        Resource::Nodes(group) => format!("{address}@{}", group.zone),
        _ => address.to_string(),
    };
    let mut hold = context.holds.of(address);
    let mut launched: Vec<String> = Vec::new();
    for epoch in first_epoch..first_epoch + EPOCHS_A_TRY {
        if epoch > first_epoch {
            let intent = Intent { address: address.clone(), epoch, count: context.expected(address, count) };
            let now = context.clock.now();
            context.call(index, address, || context.store.intend(std::slice::from_ref(&intent), now)).await?;
        }
        let mut tags = id.tags(address, &wanted.spec, epoch, &context.desired.tags);
        tags.extend(wanted.tags.clone());
        tags.extend(mounted(context, address));
        tags.extend(life(context, &wanted.resource).await);
        tags.extend(context.peers(index, address, &wanted.resource));
        // No more fit into it.
        let of_hold = |nodes: u32| hold.as_ref().map_or(nodes, |hold| nodes.min(hold.count));
        let mut known = context.known();
        known.ids.extend(hold.iter().map(|hold| (hold.address.clone(), hold.id.clone())));
        let create = Create {
            address: address.clone(),
            resource: wanted.resource.clone(),
            tags,
            // The same with and without a reservation: whichever call is late, only one of them launches.
            token: id.token(&what, epoch),
            count: of_hold(count),
            least: of_hold(least.max(1)),
            known,
        };
        let sent = context.call(index, address, || context.cloud.create(&create)).await;
        if let Err(Failure::Cloud { error }) = &sent
            && capacity::is_no_good(error)
            && let Some(hold) = hold.take()
        {
            // That try has an end. What is held would stand in the way of the next; the end of the run tells if it does.
            context.note(index, address, format!("no launch into {} ({error}); launched without it", hold.id));
            let there = context.observed.nodes_of(address).count();
            context.store.refused(address, u32::try_from(there).unwrap_or(u32::MAX)).await;
            let _ = capacity::give_back(context, &hold).await;
            continue;
        }
        match &sent {
            Ok(_) => {}
            // The group has enough. That try has an end: the next `up` asks for the rest in another.
            Err(Failure::Cloud { error }) if least == 0 && fill::is_used_up(error) => {
                let error = limits::named_for_quota(&wanted.resource, count, error.clone());
                context.launched(index, address, &[], count, Some(error));
                context.store.refused(address, context.expected(address, 0)).await;
                let _ = answered.send(index);
                if launched.is_empty() {
                    return Ok(());
                }
                return wait::nodes_ready(context, index, address, &launched).await;
            }
            // That try has an end: the next may be of another type or in another zone, and no node was launched by this one.
            Err(Failure::Cloud { error }) if address.kind == Kind::Nodes && limits::refuses_type(error) => {
                let there = context.observed.nodes_of(address).count();
                context.store.refused(address, u32::try_from(there).unwrap_or(u32::MAX)).await;
            }
            Err(_) => context.store.unknown(address, context.clock.now()).await,
        }
        if let Err(Failure::Cloud { error }) = &sent
            && error.class == Class::Conflict
            && address.kind == Kind::Nodes
        {
            wait::launch_is_over(context, index, address, epoch, error).await?;
            context.note(index, address, "what this token launched before is gone; it is launched anew under another");
            let there = context.observed.nodes_of(address).count();
            context.store.gone(address, u32::try_from(there).unwrap_or(u32::MAX), false).await;
            continue;
        }
        let made = match sent {
            // The token met the same thing with other settings: it exists, and the look that the plan was made from was old.
            Err(Failure::Cloud { error }) if error.class == Class::Conflict => {
                return Err(Failure::Stale { text: error.to_string() });
            }
            Err(Failure::Cloud { error }) => {
                return Err(Failure::Cloud { error: limits::named_for_quota(&wanted.resource, count, error) });
            }
            other => other?,
        };
        match made {
            Created::Resource(seen) if seen.state == State::Deleting => {}
            Created::Nodes(nodes) if !nodes.is_empty() && nodes.iter().all(|node| !node.exists()) => {}
            // Another launch would come beside those that live.
            Created::Nodes(nodes) if nodes.iter().any(|node| !node.exists()) => {
                return Err(Failure::Stale {
                    text: format!("some nodes of {address} that were launched before have ended"),
                });
            }
            Created::Resource(seen) => {
                let known = seen.id.clone();
                context.learn(&seen);
                context.emit(What::Answered { step: index, address: address.clone(), id: known });
                context.store.made(address, epoch, context.clock.now()).await;
                // Or it has failed since.
                if is_older(&seen, &create.tags) || seen.state == State::Failed {
                    return Err(Failure::Stale {
                        text: format!("{address} was there already, as an earlier run made it"),
                    });
                }
                let _ = answered.send(index);
                return wait::ready(context, index, &seen).await;
            }
            Created::Nodes(nodes) => {
                let ids: Vec<String> = nodes.iter().map(|node: &Node| node.id.clone()).collect();
                context.emit(What::Answered { step: index, address: address.clone(), id: ids_text(&ids) });
                context.launched(index, address, &ids, create.count, None);
                let rest = count - create.count;
                let expected = context.expected(address, count).saturating_sub(rest);
                context.store.launched(address, epoch, expected, context.clock.now()).await;
                let _ = answered.send(index);
                if let Some(hold) = hold.take() {
                    context.holds.used(&hold.id);
                    wait::nodes_run(context, index, address, &ids).await?;
                    // What does not succeed now is tried again at the end of the run, and told then.
                    let _ = capacity::give_back(context, &hold).await;
                }
                launched.extend(ids);
                if rest == 0 {
                    return wait::nodes_ready(context, index, address, &launched).await;
                }
                // What was held is enough. The rest is wherever there is room.
                (count, least) = (rest, 0);
                continue;
            }
        }
        context.note(index, address, "what this token made before is gone; it is made anew under another");
    }
    Err(Failure::Stale { text: format!("{address} goes as soon as it is made") })
}

/// What the call has met was made from another spec: it was not seen when this run looked, and has to be compared.
fn is_older(seen: &Seen, wanted: &Tags) -> bool {
    let differs = |(key, value): (&String, &String)| key != TAG_EPOCH && seen.tags.get(key) != Some(value);
    !seen.tags.is_empty() && wanted.iter().any(differs)
}

/// The tags that say how long a node lives; not among those that are compared, since a node keeps what it was launched with.
async fn life<C: Cloud, K: Clock>(context: &Context<C, K>, resource: &Resource) -> Tags {
    let Resource::Nodes(group) = resource else { return Tags::new() };
    let template = context.desired.resources.get(&group.template).map(|wanted| &wanted.resource);
    let Some(Resource::Template(template)) = template else { return Tags::new() };
    let Some(ttl_s) = template.boot.ttl_s else { return Tags::new() };
    let mut tags = Tags::from([(TAG_TTL.to_owned(), ttl_s.to_string())]);
    let until = context.store.until(context.clock.now()).await;
    tags.extend(until.map(|until| (TAG_UNTIL.to_owned(), until.to_string())));
    tags
}

/// The tag that says which file system a template and its nodes mount.
fn mounted<C: Cloud, K: Clock>(context: &Context<C, K>, address: &Address) -> Option<(String, String)> {
    let mounts = matches!(address.kind, Kind::Template | Kind::Nodes);
    Some((TAG_FILE_SYSTEM.to_owned(), context.file_system().filter(|_| mounts)?))
}

fn ids_text(ids: &[String]) -> String {
    match ids {
        [one] => one.clone(),
        [first, ..] => format!("{first} and {} more", ids.len() - 1),
        [] => String::new(),
    }
}

struct Retag<'a> {
    set: &'a [String],
    remove: &'a [String],
    nodes: &'a [String],
}

/// Sends an update, once what is under way already has ended: perhaps it is this one, whose answer was lost.
pub(super) async fn send_update<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    update: &Update,
) -> Result<(), Failure> {
    let (address, now) = (&update.address, context.clock.now());
    context.call(index, address, || context.store.changes(now)).await?;
    for _ in 0..MOST_CONFLICTS {
        match context.call(index, address, || context.cloud.update(update)).await {
            Err(Failure::Cloud { error }) if error.class == Class::Conflict => {
                wait::settled(context, index, address).await?;
            }
            sent => return sent,
        }
    }
    context.call(index, address, || context.cloud.update(update)).await
}

/// Whether an update is over only once it is seen.
pub(super) fn is_awaited(kind: Kind, fields: &[String]) -> bool {
    let only_tags = fields.is_empty() || fields == [TAG_SPEC];
    !only_tags && matches!(kind, Kind::Fsx | Kind::Efs | Kind::Link)
}

async fn update<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    fields: &[String],
    tags: &Retag<'_>,
) -> Result<(), Failure> {
    let wanted = wanted(context, address)?;
    let seen = context.observed.find(address);
    let mut all = context.desired.id.tags(address, &wanted.spec, 0, &context.desired.tags);
    all.extend(wanted.tags.clone());
    all.extend(mounted(context, address));
    let set_tags: Tags = all.into_iter().filter(|(key, _)| tags.set.contains(key)).collect();
    let known = context.known();
    let Some(id) = known.ids.get(address).cloned().or_else(|| tags.nodes.first().cloned()) else {
        return Err(Failure::Stale { text: format!("{address} has no id") });
    };
    let update = Update {
        address: address.clone(),
        arn: seen.and_then(|seen| seen.arn.clone()),
        id,
        resource: wanted.resource.clone(),
        fields: fields.iter().cloned().collect(),
        set_tags,
        remove_tags: tags.remove.iter().cloned().collect(),
        nodes: tags.nodes.to_vec(),
        // A change may be made, undone and made again: only within a run is it the same change.
        token: context.desired.id.token(&format!("update {address} {} {}", context.run, fields.join(" ")), 0),
        known,
    };
    send_update(context, index, &update).await?;
    if !is_awaited(address.kind, fields) {
        return Ok(());
    }
    wait::updated(context, index, address, &update.id, wanted, fields).await
}
