//! Observe, plan, apply, and look again until nothing is left to do: `up` and `down` alike.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::block::{self, NotBegun};
use super::capacity::{Hold, NoRoom, ZoneAnswer};
use super::dispatcher::{Report, Run, run};
use super::event::{Ending, Event, FORMAT_VERSION, Failure, What};
use super::lease::{self, Acquired, Holder, IsDead, Lease, Refused};
use super::limits;
use super::moving;
use super::outside;
use super::patience::patiently;
use super::prepare::{Failed, Prepared, Request, is_same, prepare};
use super::secure::{await_blocks, secure};
use crate::cloud::{Class, Clock, Cloud, CloudError, Overwrite};
use crate::desired::{Address, Kind, offered};
use crate::diagnostic::Severity;
use crate::observed::Node;
use crate::plan::{self, Danger, Finding, Plan, Purpose, Saved, Verb};
use crate::record;

/// What a run needs beside the cloud.
pub struct Session<'a> {
    pub request: Request,
    pub holder: Holder,
    pub is_dead: IsDead<'a>,
    /// The plan that may be carried out, and no other. None: whatever `confirm` agrees to.
    pub reviewed: Option<Saved>,
    /// How long to go on asking where no zone has room for the nodes. None: every zone is asked once.
    pub wait_for_capacity: Option<Duration>,
    pub events: UnboundedSender<Event>,
    pub stop: CancellationToken,
}

/// How it ended.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was as wanted already: nothing was sent that changes anything.
    Nothing(Box<Prepared>),
    /// The plan has findings that forbid it; nothing was changed.
    Refused(Box<Prepared>),
    /// What would be done is not what was reviewed; nothing was changed.
    Differs { prepared: Box<Prepared>, findings: Vec<Finding> },
    /// The user said no, or asked to stop before there was anything to say yes to; nothing was changed.
    Declined,
    /// Another run has the cluster; nothing was changed.
    Held(Holder),
    /// No zone has room for the nodes; nothing was made, and nothing is left.
    NoRoom { prepared: Box<Prepared>, room: NoRoom },
    /// Nodes are to be launched into a Capacity Block that begins later than it was to be waited; nothing was changed.
    NotBegun { prepared: Box<Prepared>, refused: NotBegun },
    Ran {
        prepared: Box<Prepared>,
        report: Report,
        /// Events overtook the run, and the plan for how things are now has findings that forbid it.
        refused: Option<Box<Plan>>,
    },
}

/// A run that finds its plan overtaken by events looks and plans again so often.
const MOST_ROUNDS: usize = 4;
/// Before looking again: what overtook the plan may still be on its way. All rounds together outlast `CONSISTENCY_WINDOW_S`.
const BEFORE_NEXT_ROUND: Duration = Duration::from_secs(15);
/// Between two looks at a lock that somebody holds.
const LOCK_POLL: Duration = Duration::from_secs(5);

/// Brings the cluster to what is wanted. `confirm` is asked once, and again only if the cluster has changed meanwhile.
pub async fn converge<C, K, F>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    confirm: impl Fn(&Prepared) -> F,
) -> Result<Outcome, Failed>
where
    C: Cloud,
    K: Clock,
    F: Future<Output = bool>,
{
    // Nothing is changed by a look, and one at a cloud that does not answer may take minutes.
    let mut prepared = tokio::select! {
        prepared = looked(cloud, clock, &session.request) => prepared?,
        () = session.stop.cancelled() => return Ok(Outcome::Declined),
    };
    let say = |what| {
        let _ = session.events.send(Event { format_version: FORMAT_VERSION, at: clock.now(), elapsed_s: 0.0, what });
    };
    // Once: with the nodes goes who could count again.
    let asks = |node: &Node| say(What::Counting { node: node.id.clone() });
    let outside = outside::count(cloud, &prepared, session.request.options, &session.stop, asks).await;
    if session.stop.is_cancelled() {
        return Ok(Outcome::Declined);
    }
    let mut request = session.request.clone();
    let mut agreed: Option<Plan> = None;
    // What came of the round before this one.
    let mut ran: Option<(Box<Prepared>, Report)> = None;
    // Launches that zones have refused.
    let mut refused: Vec<ZoneAnswer> = Vec::new();
    for round in 1.. {
        if let Some(counted) = &outside {
            plan::say_outside(&mut prepared.plan, counted, session.request.options);
        }
        let begun = agreed.as_ref().filter(|_| ran.is_some());
        if let Some(objection) = objection(session.reviewed.as_ref(), &prepared, begun)? {
            return Ok(match ran {
                None => objection,
                // What this run has done, and why it may not go on.
                Some((then, report)) => Outcome::Ran { prepared: then, report, refused: Some(Box::new(prepared.plan)) },
            });
        }
        // Beside another run, or just after one that died, a look tells only what was.
        let is_alone = !lease::was_held(&session.request.cluster, &prepared.parameters);
        if prepared.plan.is_done() && is_alone && !only_parameters_left(&prepared) {
            return Ok(Outcome::Nothing(Box::new(prepared)));
        }
        if let Some(refused) = block::refusal(session, &prepared, clock.now()).filter(|_| ran.is_none()) {
            return Ok(Outcome::NotBegun { prepared: Box::new(prepared), refused });
        }
        let moves = prepared.unmoved.is_some() && moving::is_agreed(agreed.as_ref(), &prepared.plan);
        let covered = |agreed: &Plan| is_covered(&prepared.plan, agreed) || moves;
        if !prepared.plan.is_done() && !agreed.as_ref().is_some_and(covered) {
            if !confirm(&prepared).await {
                return Ok(Outcome::Declined);
            }
            agreed = Some(prepared.plan.clone());
        }
        let acquired = match lock(cloud, clock, session, &prepared.parameters).await {
            Ok(locked) => locked,
            Err(Refused::Held(holder)) => return Ok(Outcome::Held(holder)),
            Err(Refused::Gone) => {
                prepared = looked(cloud, clock, &request).await?;
                continue;
            }
            Err(Refused::Cloud(error)) => return Err(error.into()),
        };
        let inherited = inherit(cloud, clock, &acquired, &prepared.record.cluster).await;
        let Acquired { lease, parameters, .. } = acquired;
        let inherited = match inherited {
            Ok(inherited) => inherited,
            Err(failed) => {
                let _ = lease.release(cloud).await;
                return Err(failed);
            }
        };
        if inherited || !is_current(&prepared, &parameters) {
            // Another run has been here between our look and our lock.
            let _ = lease.release(cloud).await;
            prepared = looked(cloud, clock, &request).await?;
            continue;
        }
        if session.reviewed.is_some() && ran.is_none() {
            // Since the first look somebody may have thought about the question for an hour; from now on no other run comes between.
            let looked = looked(cloud, clock, &request).await;
            let found = looked.and_then(|now| Ok((objection(session.reviewed.as_ref(), &now, None)?, now)));
            match found {
                Ok((None, now)) => prepared = now,
                Ok((Some(objection), _)) => {
                    let _ = lease.release(cloud).await;
                    return Ok(objection);
                }
                Err(failed) => {
                    let _ = lease.release(cloud).await;
                    return Err(failed);
                }
            }
        }
        let has_waited = block::is_awaited(session, &prepared);
        let (lease, begun) = match Box::pin(await_blocks(cloud, clock, session, &request, prepared, lease)).await? {
            Ok(begun) => begun,
            Err(outcome) => return Ok(outcome),
        };
        prepared = begun;
        if has_waited && !agreed.as_ref().is_some_and(|agreed| is_covered(&prepared.plan, agreed)) {
            // Somebody has changed by hand what was agreed to.
            let _ = lease.release(cloud).await;
            continue;
        }
        let (lease, secured, holds) = match Box::pin(secure(cloud, clock, session, &request, prepared, lease)).await? {
            Ok(secured) => secured,
            Err(outcome) => return Ok(outcome),
        };
        prepared = secured;
        moving::told(&prepared).into_iter().for_each(say);
        let mut report = carried_out(cloud, clock, session, &prepared, (lease, holds)).await;
        refused.extend(moving::refusals(&request, &prepared, &report));
        let next = if session.reviewed.is_some() { Vec::new() } else { other_types(&request, &prepared, &report) };
        if !next.is_empty() {
            for Refusal { address, instance, next, error } in next {
                request.refused.insert((address.name.clone(), instance.clone()));
                say(What::NextType { address, instance, next, error });
            }
            ran = Some((Box::new(prepared), report));
            prepared = looked(cloud, clock, &request).await?;
            continue;
        }
        if moving::lacks_room(&prepared, &report, &refused) && session.reviewed.is_none() {
            if !request.options.move_if_empty {
                report.may_move = moving::would_help(&request, &prepared, &report);
                return Ok(Outcome::Ran { prepared: Box::new(prepared), report, refused: None });
            }
            let further = moving::go(&request, &refused);
            match looked(cloud, clock, &further).await {
                Ok(now) if now.unmoved.is_some() => {
                    ran = Some((Box::new(prepared), report));
                    (request, prepared) = (further, now);
                    continue;
                }
                Ok(_) => return Ok(Outcome::Ran { prepared: Box::new(prepared), report, refused: None }),
                Err(Failed::Nowhere) => {
                    let ran = Outcome::Ran { prepared: Box::new(prepared), report, refused: None };
                    return Box::pin(moving::nowhere(cloud, clock, session, refused, ran)).await;
                }
                Err(failed) => return Err(failed),
            }
        }
        let again = report.ending == Ending::Failed && report.is_stale() && round < MOST_ROUNDS + refused.len();
        if !again {
            return Ok(Outcome::Ran { prepared: Box::new(prepared), report, refused: None });
        }
        ran = Some((Box::new(prepared), report));
        tokio::time::sleep(BEFORE_NEXT_ROUND).await;
        prepared = looked(cloud, clock, &request).await?;
    }
    Ok(Outcome::Declined)
}

/// Applies the plan, under the lock and with what is held for it.
pub(super) async fn carried_out<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    prepared: &Prepared,
    (lease, holds): (Lease, Vec<Hold>),
) -> Report {
    Box::pin(run(Run {
        cloud: cloud.clone(),
        clock: clock.clone(),
        plan: prepared.plan.clone(),
        desired: prepared.desired.clone(),
        observed: prepared.observed.clone(),
        record: prepared.record.clone(),
        scope: prepared.scope.clone(),
        lease,
        holds,
        events: session.events.clone(),
        stop: session.stop.clone(),
    }))
    .await
}

/// [`prepare`] on the heap, and out of its callers' frames: it is large.
pub(super) fn looked<'a, C: Cloud, K: Clock>(
    cloud: &'a C,
    clock: &'a K,
    request: &'a Request,
) -> Pin<Box<impl Future<Output = Result<Prepared, Failed>> + use<'a, C, K>>> {
    Box::pin(prepare(cloud, clock, request))
}

/// A launch that was refused, and the type to try next.
struct Refusal {
    address: Address,
    instance: String,
    next: String,
    error: CloudError,
}

/// Where launches alone have failed, each for want of capacity, offer or quota, and each group has another type to try:
/// those types. A group of which a node runs has none.
fn other_types(request: &Request, prepared: &Prepared, report: &Report) -> Vec<Refusal> {
    let next = |(address, failure): &(Address, Failure)| {
        let Failure::Cloud { error } = failure else { return None };
        let (spec, place) = (request.spec.as_ref()?, prepared.record.pins.place.as_ref()?);
        if prepared.observed.nodes_of(address).next().is_some() {
            return None;
        }
        let group = spec.nodes.iter().find(|group| *address == Address::named(Kind::Nodes, &group.name))?;
        let instance = prepared.record.pins.types.get(&group.name)?;
        let next = offered(group, &prepared.offerings, &place.zone)
            .find(|each| *each != instance && !request.refused.contains(&(group.name.clone(), (*each).to_owned())))?;
        limits::refuses_type(error).then(|| Refusal {
            address: address.clone(),
            instance: instance.clone(),
            next: next.to_owned(),
            error: error.clone(),
        })
    };
    if report.ending != Ending::Failed {
        return Vec::new();
    }
    report.failures.iter().map(next).collect::<Option<_>>().unwrap_or_default()
}

/// Why the plan may not be carried out, if so. `begun`: the plan that a round of this run has carried out in part.
pub(super) fn objection(
    reviewed: Option<&Saved>,
    prepared: &Prepared,
    begun: Option<&Plan>,
) -> Result<Option<Outcome>, Failed> {
    let plan = &prepared.plan;
    let differs = |mut findings: Vec<Finding>| {
        findings.extend(plan.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned());
        Ok(Some(Outcome::Differs { prepared: Box::new(prepared.clone()), findings }))
    };
    match (reviewed, begun) {
        (Some(_), Some(begun)) if !plan::covers(begun, plan) => return differs(Vec::new()),
        (Some(reviewed), None) => {
            let findings = reviewed.differences(plan);
            if !findings.is_empty() {
                return differs(findings);
            }
        }
        (Some(_), Some(_)) | (None, _) => {}
    }
    if plan.is_refused() {
        return Ok(Some(Outcome::Refused(Box::new(prepared.clone()))));
    }
    let broken = plan::check(plan);
    if broken.is_empty() { Ok(None) } else { Err(Failed::Broken(broken)) }
}

/// A `down` ended after its last deletion and before it could forget the cluster.
fn only_parameters_left(prepared: &Prepared) -> bool {
    let plan = &prepared.plan;
    let nothing_else = plan.actions.iter().all(|action| plan.is_existing(action));
    plan.purpose == Purpose::Down && nothing_else && !prepared.parameters.is_empty()
}

/// Nothing in the plan is worse than in the one that was agreed to, resource by resource.
fn is_covered(plan: &Plan, agreed: &Plan) -> bool {
    let known: BTreeMap<_, _> = agreed.actions.iter().map(|action| (&action.address, action)).collect();
    is_same(plan, agreed)
        || plan.actions.iter().all(|action| {
            let harmless = action.danger == Danger::Safe && !matches!(action.verb, Verb::Delete | Verb::Replace);
            harmless
                || known.get(&action.address).is_some_and(|agreed| {
                    action.danger <= agreed.danger && (action.verb == agreed.verb || agreed.verb == Verb::Replace)
                })
        })
}

/// Takes over from runs that died with the lock in their hands: what they were about to make may have been made at their
/// very end, so that is when it counts as intended. True: there were such runs.
async fn inherit<C: Cloud, K: Clock>(cloud: &C, clock: &K, acquired: &Acquired, cluster: &str) -> Result<bool, Failed> {
    let Some(until) = acquired.others_until(clock.now()) else {
        return Ok(false);
    };
    // A machine that slept since may no longer have the lock: then the record is another run's, and a new look tells.
    let is_ours = || !acquired.lease.left(clock.now()).is_zero();
    let record = record::read(cluster, &acquired.parameters)?;
    if let Some(mut record) = record
        && record.sent_until(until)
    {
        let text = record.to_text().map_err(|why| CloudError::new("ssm:PutParameter", Class::Invalid, why))?;
        let name = record::record_name(cluster);
        let write = async || {
            if is_ours() { cloud.put_parameter(&name, &text, Overwrite::Yes).await.map(|_| ()) } else { Ok(()) }
        };
        patiently(write).await?;
    }
    if is_ours() {
        acquired.bury(cloud).await?;
    }
    Ok(true)
}

/// Takes the lock. A holder that does not renew is dead: its lease is waited out; one that does is told.
pub(super) async fn lock<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    parameters: &BTreeMap<String, String>,
) -> Result<Acquired, Refused> {
    let cluster = &session.request.cluster;
    let path = record::path(cluster);
    let mut parameters = parameters.clone();
    let mut first: Option<Holder> = None;
    loop {
        let refused =
            match lease::acquire(cloud, clock, cluster, &parameters, session.holder.clone(), session.is_dead).await {
                Err(Refused::Held(holder)) => holder,
                other => return other,
            };
        let before = first.replace(refused.clone()).filter(|first| first.run == refused.run);
        let renewed = before.as_ref().is_some_and(|before| before.until != refused.until);
        if renewed || session.stop.is_cancelled() {
            return Err(Refused::Held(refused));
        }
        if before.is_none() {
            let Holder { who, command, until, .. } = refused;
            let what = What::Held { who, command, until };
            let _ =
                session.events.send(Event { format_version: FORMAT_VERSION, at: clock.now(), elapsed_s: 0.0, what });
        }
        tokio::select! {
            biased;
            () = session.stop.cancelled() => {}
            () = tokio::time::sleep(LOCK_POLL) => {}
        }
        parameters = patiently(|| cloud.parameters(&path)).await?;
    }
}

/// Whether nobody has changed the cluster since it was looked at: nobody was at it then, and its record is the same.
fn is_current(prepared: &Prepared, parameters: &BTreeMap<String, String>) -> bool {
    let name = record::record_name(&prepared.record.cluster);
    let was_held = lease::was_held(&prepared.record.cluster, &prepared.parameters);
    !was_held && parameters.get(&name) == prepared.parameters.get(&name)
}
