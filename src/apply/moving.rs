//! Another zone for a cluster whose nodes find no room beside the file system that was just made: `up --move-if-empty`.
//!
//! A zone is left only while nothing can be on the file system that S3 does not have: no node was ever launched beside it. The
//! other zones are asked first, then the record says what is about to go, and only then it goes. A run that comes upon a move
//! which had not got so far gives it up: leave to delete is never inherited.

use std::collections::BTreeSet;

use super::capacity::{NoRoom, ZoneAnswer};
use super::converge::{Outcome, Session, carried_out, lock, looked};
use super::dispatcher::Report;
use super::event::{Ending, Event, FORMAT_VERSION, Failure, Room, What};
use super::lease::{Lease, Refused};
use super::limits;
use super::patience::patiently;
use super::preflight::{Subject as _, note};
use super::prepare::{Failed, Prepared, Request};
use crate::catalog::prices::Usd;
use crate::cloud::{Class, Clock, Cloud, Survey};
use crate::desired::{Address, Kind, Place, RuledOut, addresses_needed, candidates, storage_kind};
use crate::observed::{Observed, State};
use crate::plan::{self, Danger, Finding, Options, Plan, Purpose};
use crate::record::{self, Moving, Record};
use crate::spec::Spec;

/// What the plan says of a move that may come; the agreement to that plan covers it.
const MAY_MOVE: &str = "move::if-empty";

/// Why the cluster stays where it is; None: its file system may be given up.
fn stays(spec: &Spec, record: &Record, observed: &Observed) -> Option<&'static str> {
    if spec.storage.existing.is_some() {
        return Some("its file system is not its own");
    }
    match storage_kind(spec.storage.service) {
        Kind::Fsx | Kind::FileCache => {}
        _ => return Some("its file system is in every zone of the region, and is not made anew for one of them"),
    }
    match observed.file_system() {
        Some(_) => record.may_hold_files(observed),
        None => observed.nodes.iter().any(crate::observed::Node::exists).then_some("nodes of it are there"),
    }
}

/// What is left if this look is one for another zone: a launch was refused in the cluster's own.
pub(super) fn leaving(request: &Request, spec: &Spec, record: &Record, observed: &Observed) -> Option<Moving> {
    let from = record.pins.place.as_ref()?;
    let seen = observed.file_system().filter(|seen| seen.state != State::Deleting)?;
    let is_refused = request.left.iter().any(|answer| answer.zone == from.zone);
    let leaves = is_refused && stays(spec, record, observed).is_none();
    leaves.then(|| Moving { file_system: seen.id.clone(), from: from.clone() })
}

/// A move whose file system is still there has not begun, whatever stands in the record: the run that was about to begin it is
/// dead, and its leave to delete died with it. Gives back what was given up.
pub(super) fn give_up(record: &mut Record, observed: &Observed) -> Option<Moving> {
    let seen = observed.file_system().filter(|seen| seen.state != State::Deleting)?;
    let Moving { file_system, from } = record.moving.take()?;
    // Else it ended, and nobody has written that down.
    (file_system == seen.id).then(|| {
        (record.pins.place, record.pins.choice, record.exported) = (Some(from.clone()), None, false);
        Moving { file_system, from }
    })
}

/// The survey without the zones that were left, and what speaks against each of them. Err: no other can hold the cluster.
///
/// Another VPC is no candidate: the security group stays.
pub(super) fn elsewhere(
    spec: &Spec,
    survey: &Survey,
    leaving: &Moving,
    left: &[ZoneAnswer],
) -> Result<(Survey, Vec<RuledOut>), Failed> {
    let against = |zone: &str| -> Vec<String> {
        let refused = left.iter().filter(|answer| answer.zone == zone);
        let told = refused.filter_map(|answer| match &answer.answer {
            Some(Room::Refused { error }) => {
                Some(format!("a launch of {} × {} was refused: {}", answer.count, answer.instance, error.message))
            }
            Some(Room::Granted) | None => None,
        });
        told.collect()
    };
    let (out, subnets): (Vec<_>, Vec<_>) =
        survey.subnets.iter().cloned().partition(|subnet| left.iter().any(|answer| answer.zone == subnet.zone));
    let subnets = subnets.into_iter().filter(|subnet| subnet.vpc == leaving.from.vpc).collect();
    let survey = Survey { subnets, ..survey.clone() };
    if !candidates(spec, &survey, addresses_needed(spec)).iter().any(|each| each.against.is_empty()) {
        return Err(Failed::Nowhere);
    }
    let ruled_out = out.iter().map(|subnet| RuledOut { place: subnet.into(), against: against(&subnet.zone) });
    Ok((survey, ruled_out.collect()))
}

/// What the plan says of a move: of one that may come, of one that is begun, and of one that cannot be.
pub(super) fn finding(
    request: &Request,
    spec: &Spec,
    observed: &Observed,
    (record, plan): (&Record, &Plan),
    (place, given_up): (&Place, Option<&Moving>),
) -> Option<Finding> {
    if let Some(Moving { file_system, from }) = record.leaves(observed) {
        let title = format!("the cluster moves from {} to {}", from.zone, place.zone);
        return Some(
            note("move::begun", &title)
                .why(format!("its nodes found no room in {}", from.zone))
                .why(format!("{file_system} is still empty: it is deleted, and another one is made")),
        );
    }
    if let Some(Moving { file_system, from }) = given_up {
        let title = format!("the cluster is still in {}", from.zone);
        return Some(note("move::given-up", &title).why(format!(
            "an earlier run was about to move it, and has not deleted {file_system}: what is missing is made again"
        )));
    }
    if !request.options.move_if_empty || request.purpose == Purpose::Down {
        return None;
    }
    if let Some(why) = stays(spec, record, observed) {
        let title = format!("the cluster stays in {}, whatever room there is", place.zone);
        return Some(note("move::stays", &title).why(why.to_owned()));
    }
    let storage: Vec<_> = plan.cost.items.iter().filter(|item| item.address.kind.is_storage()).collect();
    let hourly: Option<Usd> =
        storage.iter().map(|item| item.hourly).try_fold(Usd::from_micros(0), |sum, each| Some(sum + each?));
    let cost = match hourly.filter(|_| !storage.is_empty()) {
        Some(hourly) => format!("{hourly} an hour"),
        None => "what its price is, which is not known here".to_owned(),
    };
    Some(
        note(MAY_MOVE, &format!("nodes that find no room in {} let the cluster move to another zone", place.zone))
            .why("only while no node was ever launched beside the file system, so that nothing can be on it".to_owned())
            .why("it is deleted with its links and made anew where there is room; each zone once".to_owned())
            .why(format!("a file system that is given up has cost {cost}, for as long as it was there"))
            .why("where no other zone has room either, all that was made is removed again".to_owned()),
    )
}

/// Whether the plan that was agreed to has said that the cluster may move.
pub(super) fn is_agreed(agreed: Option<&Plan>, plan: &Plan) -> bool {
    plan.worst() <= Danger::Disruptive
        && agreed.is_some_and(|agreed| agreed.findings.iter().any(|finding| finding.code == MAY_MOVE))
}

/// The launches of a run that were refused, as answers of the zone.
pub(super) fn refusals(request: &Request, prepared: &Prepared, report: &Report) -> Vec<ZoneAnswer> {
    let groups = |address: &Address| {
        let spec = request.spec.as_ref()?;
        spec.nodes.iter().find(|group| *address == Address::named(Kind::Nodes, &group.name))
    };
    let told = |(address, failure): &(Address, Failure)| {
        let Failure::Cloud { error } = failure else { return None };
        let (group, place) = (groups(address)?, prepared.record.pins.place.as_ref()?);
        let instance = prepared.record.pins.types.get(&group.name).unwrap_or(&group.instance);
        limits::refuses_type(error).then(|| ZoneAnswer {
            zone: place.zone.clone(),
            group: group.name.clone(),
            instance: instance.clone(),
            count: group.count,
            answer: Some(Room::Refused { error: error.clone() }),
        })
    };
    report.failures.iter().filter_map(told).collect()
}

/// Whether nothing but room is wanting: launches have failed, nothing else, and each group was once refused for want of
/// capacity or offer. A quota is the same in every zone.
pub(super) fn lacks_room(prepared: &Prepared, report: &Report, refused: &[ZoneAnswer]) -> bool {
    let Some(place) = &prepared.record.pins.place else { return false };
    let is_for_room = |answer: &ZoneAnswer| match &answer.answer {
        Some(Room::Refused { error }) => matches!(error.class, Class::Capacity | Class::NotOffered),
        Some(Room::Granted) | None => false,
    };
    let of = |address: &Address, answer: &ZoneAnswer| {
        answer.zone == place.zone && *address == Address::named(Kind::Nodes, &answer.group) && is_for_room(answer)
    };
    report.ending == Ending::Failed
        && !report.failures.is_empty()
        && report.failures.iter().all(|(address, failure)| {
            let is_refusal = matches!(failure, Failure::Cloud { error } if limits::refuses_type(error));
            is_refusal && refused.iter().any(|answer| of(address, answer))
        })
}

/// Whether `--move-if-empty` would have helped, as far as that can be told without another look.
pub(super) fn would_help(request: &Request, prepared: &Prepared, report: &Report) -> bool {
    let (Some(spec), Prepared { record, observed, .. }) = (&request.spec, prepared) else { return false };
    let is_fresh = observed.file_system().is_none() && !record.used && !record.may_have_launched();
    let none_yet = observed.nodes.is_empty() && !report.answered.iter().any(|each| each.kind == Kind::Nodes);
    let stays = stays(spec, record, observed).filter(|_| !is_fresh);
    let elsewhere = record.pins.choice.as_ref().is_some_and(|choice| !choice.others.is_empty());
    none_yet && stays.is_none() && elsewhere
}

/// The same once more, for another zone: there every type is open again.
pub(super) fn go(request: &Request, refused: &[ZoneAnswer]) -> Request {
    Request { left: refused.to_vec(), refused: BTreeSet::new(), ..request.clone() }
}

/// What is said before the first call of a move.
pub(super) fn told(prepared: &Prepared) -> Option<What> {
    let Moving { file_system, from } = prepared.record.moving.clone().filter(|_| prepared.unmoved.is_some())?;
    let to = prepared.record.pins.place.as_ref()?.zone.clone();
    Some(What::Moves { file_system, from: from.zone, to })
}

/// Where no other zone has room, what was made goes again, under the same lock; unless something may be on it by now.
pub(super) async fn withdraw<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    lease: Lease,
    room: NoRoom,
) -> Result<Outcome, Failed> {
    let options = Options { discard_unexported_data: true, ..Options::default() };
    let (spec, replace, refused, left) = (None, Vec::new(), BTreeSet::new(), Vec::new());
    let request = Request {
        purpose: Purpose::Down,
        spec,
        options,
        replace,
        room: None,
        refused,
        left,
        ..session.request.clone()
    };
    let prepared = match looked(cloud, clock, &request).await {
        Ok(prepared) => prepared,
        Err(failed) => {
            let _ = lease.release(cloud).await;
            return Err(failed);
        }
    };
    let storage = prepared.observed.file_system().map(|seen| seen.id.clone());
    let may_go = prepared.record.may_hold_files(&prepared.observed).is_none()
        && !prepared.plan.is_refused()
        && plan::check(&prepared.plan).is_empty();
    if !may_go {
        let _ = lease.release(cloud).await;
        let room = NoRoom { kept: storage, ..room };
        return Ok(Outcome::NoRoom { prepared: Box::new(prepared), room });
    }
    if let Some(file_system) = &storage {
        let what = What::GivenUp { file_system: file_system.clone() };
        let _ = session.events.send(Event { format_version: FORMAT_VERSION, at: clock.now(), elapsed_s: 0.0, what });
    }
    let report = carried_out(cloud, clock, session, &prepared, (lease, Vec::new())).await;
    let prepared = Box::new(prepared);
    Ok(match report.ending {
        Ending::Complete => Outcome::NoRoom { prepared, room: NoRoom { removed: storage, ..room } },
        Ending::Failed | Ending::Interrupted | Ending::LostLock => Outcome::Ran { prepared, report, refused: None },
    })
}

/// The same where there is no other zone to ask. `ran`: what is told if somebody else has the cluster by now.
pub(super) async fn nowhere<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    answers: Vec<ZoneAnswer>,
    ran: Outcome,
) -> Result<Outcome, Failed> {
    let path = record::path(&session.request.cluster);
    let parameters = patiently(|| cloud.parameters(&path)).await?;
    match lock(cloud, clock, session, &parameters).await {
        Ok(acquired) if acquired.others_until(clock.now()).is_none() => {
            let room = NoRoom { since: None, answers, removed: None, kept: None };
            withdraw(cloud, clock, session, acquired.lease, room).await
        }
        Ok(acquired) => {
            let _ = acquired.lease.release(cloud).await;
            Ok(ran)
        }
        Err(Refused::Held(_) | Refused::Gone) => Ok(ran),
        Err(Refused::Cloud(error)) => Err(error.into()),
    }
}
