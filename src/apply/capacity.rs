//! Capacity before storage: a file system is nailed to its zone, so EC2 is asked first whether the nodes have room there.
//!
//! Asking is reserving: every group's capacity in one zone, all or none, given back as soon as it was granted. A reservation
//! is found by its tags like anything else, stands in the record before its call, and ends by itself if a run dies over it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::context::round;
use super::converge::Session;
use super::event::{Event, FORMAT_VERSION, Failure, What};
use super::keeper::Keeper;
use super::limits;
use super::patience::{Patience, patiently};
use super::preflight::Subject as _;
use super::preflight::note;
use super::prepare::{Prepared, Room};
use super::store::{Intent, Store};
use crate::catalog::prices::{Prices, Usd};
use crate::cloud::{Class, Clock, Cloud, CloudError, Create, Created, Delete, Known, Remains};
use crate::desired::{Address, CapacityReservation, Choice, Kind, Pins, Place, Resource, RuledOut, offered};
use crate::observed::{Node, Observed, State};
use crate::plan::Finding;
use crate::spec::{Capacity, Nodes, Spec};

/// When a reservation ends that nobody has given back: long enough for the slowest way through all groups of a zone, with
/// every call repeated, and short enough that a run that dies over it costs little.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// Between two rounds through all zones while capacity is waited for, at first and at most. EC2 counts calls like these
/// against a bucket that refills five times a second (EC2 API developer guide, "Request throttling"): no hurry of ours is near that.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// A reservation that is still `pending` is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// And given up after so long: EC2 answers at once.
const PENDING_LIMIT: Duration = Duration::from_mins(2);
/// What is billed is the second; what is told is what a probe may take.
const TOLD_S: u64 = 60;

/// Groups whose room is to be found out.
fn asked(spec: &Spec) -> impl Iterator<Item = &Nodes> {
    spec.nodes.iter().filter(|group| group.is_asked_for())
}

pub(super) fn is_asked_for(spec: &Spec) -> bool {
    spec.storage.existing.is_none() && asked(spec).next().is_some()
}

/// Nothing of the cluster is in a zone yet, and there are groups to ask for: only then is the zone still to be found.
pub(super) fn is_open(spec: &Spec, observed: &Observed) -> bool {
    is_asked_for(spec) && observed.file_system().is_none() && !observed.nodes.iter().any(Node::exists)
}

/// Whether this run has to ask before it makes anything.
pub(super) fn is_to_be_asked(session: &Session<'_>, prepared: &Prepared) -> bool {
    let asks = |spec: &Spec| is_open(spec, &prepared.observed) || prepared.unmoved.is_some() && is_asked_for(spec);
    session.request.spec.as_ref().is_some_and(asks)
}

/// What the plan says of it.
pub(super) fn finding(spec: &Spec, observed: &Observed, pins: &Pins, prices: &Prices) -> Option<Finding> {
    let place = pins.place.as_ref().filter(|_| is_open(spec, observed))?;
    let mut finding =
        note("capacity::probe", "whether there is room for the nodes is found out before the file system is made");
    let mut cost = Some(Usd::from_micros(0));
    for group in asked(spec) {
        // Of several types the dearest: which one is granted nobody knows.
        let of_types: Option<Vec<Usd>> = group.types().map(|each| prices.instance_hour(each)).collect();
        let price = of_types.and_then(|prices| prices.into_iter().max());
        let more = price.map(|hour| hour.times(u64::from(group.count)).part(TOLD_S, 3600));
        let types: Vec<&str> = group.types().collect();
        cost = cost.zip(more).map(|(sum, more)| sum + more);
        finding = finding.why(format!(
            "{} × {} for nodes.{}: reserved and given back at once",
            group.count,
            types.join(" or "),
            group.name
        ));
    }
    let others: Vec<&str> =
        pins.choice.iter().flat_map(|choice| &choice.others).map(|other| other.zone.as_str()).collect();
    let then = if others.is_empty() { String::new() } else { format!(", then in {}", others.join(", then in ")) };
    finding = finding.why(format!("asked for in {}{then}: all groups in one zone, or the next", place.zone));
    if asked(spec).any(|group| !group.alternatives.is_empty()) {
        finding = finding.why("a better type in another zone comes before a worse one in the first".to_owned());
    }
    Some(finding.why(match cost {
        Some(cost) => format!("it costs what the nodes cost in that time: {cost} for a minute"),
        None => "it costs what the nodes cost in that time, and their price is not known here".to_owned(),
    }))
}

/// One zone's answer for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneAnswer {
    pub zone: String,
    pub group: String,
    pub instance: String,
    pub count: u32,
    /// None: not asked, since another group had found no room there.
    pub answer: Option<super::event::Room>,
}

/// No zone has room for all groups; nothing was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// Since when it was waited for; None: it was not.
    pub since: Option<Timestamp>,
    /// Of the last round, in the order asked.
    pub answers: Vec<ZoneAnswer>,
    /// The empty file system that was there already and was removed for want of room.
    pub removed: Option<String>,
    /// One that stays, since there may be something on it by now.
    pub kept: Option<String>,
}

/// What came of asking.
pub(super) enum Secured {
    Room(Room),
    /// It cannot be asked here, and nobody insists.
    Unasked,
    NoRoom(NoRoom),
}

/// Asks zone by zone, and again for as long as the session is to wait.
pub(super) struct Prober<'a, C, K> {
    cloud: &'a C,
    clock: &'a K,
    session: &'a Session<'a>,
    prepared: &'a Prepared,
    /// Each with the types that it may still have.
    groups: Vec<Nodes>,
    keeper: Keeper<C, K>,
    store: Store<C>,
    /// Reserved and not yet given back.
    held: Vec<(Address, String)>,
    began: Instant,
}

impl<'a, C: Cloud, K: Clock> Prober<'a, C, K> {
    pub(super) fn new(
        cloud: &'a C,
        clock: &'a K,
        session: &'a Session<'a>,
        prepared: &'a Prepared,
        keeper: Keeper<C, K>,
    ) -> Self {
        // Until there is room elsewhere a cluster that would move has not begun to.
        let record = prepared.unmoved.as_deref().unwrap_or(&prepared.record);
        let store = Store::new(cloud.clone(), record.clone());
        let taken = |group: &Nodes| prepared.record.pins.types.get(&group.name);
        let groups = prepared.open.iter().flat_map(asked).map(|group| {
            match taken(group) {
                // Of a reviewed plan the type is part.
                Some(taken) if session.reviewed.is_some() => group.only(|each| each == taken),
                _ => None,
            }
            .unwrap_or_else(|| group.clone())
        });
        let groups = groups.collect();
        Self { cloud, clock, session, prepared, groups, keeper, store, held: Vec::new(), began: Instant::now() }
    }

    /// Whatever comes of it, nothing stays reserved that could be given back.
    pub(super) async fn ask(&mut self) -> Result<Secured, Failure> {
        let asked = self.ask_all().await;
        let given_back = self.give_back().await;
        let secured = asked?;
        given_back?;
        Ok(secured)
    }

    async fn ask_all(&mut self) -> Result<Secured, Failure> {
        self.sweep().await?;
        // What stands there meanwhile is billed.
        let patience = self.session.wait_for_capacity.filter(|_| self.prepared.unmoved.is_none());
        let until = patience.and_then(|wait| Instant::now().checked_add(wait));
        let mut pause = FIRST_PAUSE;
        loop {
            let answers = match self.round().await? {
                Round::Room(room) => {
                    self.store.waits(None).await;
                    return Ok(Secured::Room(room));
                }
                Round::Unasked(error) => {
                    self.say(What::Unasked { error });
                    return Ok(Secured::Unasked);
                }
                Round::NoRoom(answers) => answers,
            };
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            let waits = patience.map(|_| self.clock.now());
            let since = self.store.waits(waits).await;
            if left.is_zero() {
                self.store.waits(None).await;
                return Ok(Secured::NoRoom(NoRoom { since, answers, removed: None, kept: None }));
            }
            let length = pause.min(left);
            if let Some(since) = since {
                self.say(What::NoRoomYet { since, pause_s: length.as_secs() });
            }
            tokio::select! {
                biased;
                () = self.session.stop.cancelled() => return Err(Failure::Interrupted),
                () = self.keeper.lost() => return Err(Failure::LostLock),
                () = tokio::time::sleep(length) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What an earlier run has left reserved would stand in the way of what is asked for.
    async fn sweep(&mut self) -> Result<(), Failure> {
        let left = self.prepared.observed.resources.iter().filter(|seen| seen.address.kind == Kind::Reservation);
        self.held.extend(left.map(|seen| (seen.address.clone(), seen.id.clone())));
        self.give_back().await
    }

    /// Every zone with every type, the best types first; among equals those zones that EC2 itself has named.
    async fn round(&mut self) -> Result<Round, Failure> {
        let Some(first) = self.prepared.record.pins.place.clone() else { return Ok(Round::NoRoom(Vec::new())) };
        let choice = self.prepared.record.pins.choice.clone().unwrap_or_default();
        // Of a reviewed plan the zone is part.
        let others = if self.session.reviewed.is_some() { Vec::new() } else { choice.others.clone() };
        let places = std::iter::once(first.clone()).chain(others);
        let mut open: Vec<Open> =
            places.map(|place| Open::new(place, &self.groups, &self.prepared.offerings)).collect();
        let mut answers = Vec::new();
        let mut refused = Vec::new();
        while let Some(next) = (0..open.len()).min_by_key(|at| &open[*at].left) {
            let (place, wanted) = (open[next].place.clone(), open[next].wanted(&self.groups));
            match self.zone(&place, &wanted, &mut answers).await? {
                Zone::Room => {
                    let types = wanted.iter().map(|group| (group.name.clone(), group.instance.clone())).collect();
                    open.remove(next);
                    let others = open.into_iter().map(|open| open.place).collect();
                    let now = self.clock.now();
                    let choice = chosen(&place, &first, choice, others, refused, &wanted, now);
                    return Ok(Round::Room((place, choice, types)));
                }
                Zone::NoRoom(group, error) => {
                    let what = format!("{} × {}", wanted[group].count, wanted[group].instance);
                    if open[next].rule_out(group) {
                        open.remove(next);
                    }
                    let named = |open: &Open| error.elsewhere.iter().position(|zone| *zone == open.place.zone);
                    open.sort_by_key(|open| named(open).unwrap_or(usize::MAX));
                    refused.push((place, what, error));
                }
                Zone::Unasked(error) => return Ok(Round::Unasked(error)),
            }
        }
        Ok(Round::NoRoom(answers))
    }

    /// All groups in one zone, or none.
    async fn zone(&mut self, place: &Place, wanted: &[Nodes], answers: &mut Vec<ZoneAnswer>) -> Result<Zone, Failure> {
        let mut intents = Vec::new();
        for group in wanted {
            let address = address_of(group);
            let epoch = self.store.unused_epoch(&address).await;
            intents.push(Intent { address, epoch, count: 1 });
        }
        self.call(|| self.store.intend(&intents, self.clock.now())).await?;
        let mut outcome = Zone::Room;
        for (index, (group, intent)) in wanted.iter().zip(&intents).enumerate() {
            // Of a type that is not scarce there is room.
            if group.capacity == Capacity::None {
                continue;
            }
            let answer = match &outcome {
                Zone::Room => Some(self.reserve(group, intent, place).await?),
                Zone::NoRoom(..) | Zone::Unasked(_) => None,
            };
            let (zone, name, instance, count) = (&place.zone, &group.name, &group.instance, group.count);
            let answer = match answer {
                None => None,
                Some(Ok(())) => Some(super::event::Room::Granted),
                Some(Err(error)) if cannot_ask(&error) => {
                    outcome = Zone::Unasked(error);
                    break;
                }
                Some(Err(error)) => {
                    outcome = Zone::NoRoom(index, error.clone());
                    Some(super::event::Room::Refused { error })
                }
            };
            if let Some(answer) = answer.clone() {
                let (zone, group, instance) = (zone.clone(), name.clone(), instance.clone());
                self.say(What::Room { zone, group, instance, count, answer });
            }
            answers.push(ZoneAnswer {
                zone: zone.clone(),
                group: name.clone(),
                instance: instance.clone(),
                count,
                answer,
            });
        }
        self.give_back().await?;
        for intent in &intents {
            self.store.gone(&intent.address, 0, false).await;
        }
        Ok(outcome)
    }

    /// The inner error: the zone has no room, or nobody can ask it. The outer one: the run cannot go on.
    async fn reserve(
        &mut self,
        group: &Nodes,
        intent: &Intent,
        place: &Place,
    ) -> Result<Result<(), CloudError>, Failure> {
        let Intent { address, epoch, .. } = intent;
        let id = &self.prepared.desired.id;
        let resource = Resource::Reservation(CapacityReservation {
            instance: group.instance.clone(),
            count: group.count,
            zone: place.zone.clone(),
            // Whole seconds: what EC2 keeps.
            ends: Timestamp::from_second(self.clock.now().as_second()).unwrap_or_default() + LIFE,
        });
        let create = Create {
            tags: id.tags(address, "probe", *epoch, &self.prepared.desired.tags),
            token: id.token(&format!("{address}@{}", place.zone), *epoch),
            address: address.clone(),
            resource,
            count: 1,
            known: Known::default(),
        };
        let error = match self.call(|| self.cloud.create(&create)).await {
            Ok(Created::Resource(seen)) => {
                self.held.push((address.clone(), seen.id.clone()));
                self.store.made(address, *epoch, self.clock.now()).await;
                return self.granted(&seen.id, seen.state).await;
            }
            Ok(Created::Nodes(_)) => return Err(Failure::Stale { text: format!("{address} is no group of nodes") }),
            Err(Failure::Cloud { error }) => error,
            Err(other) => return Err(other),
        };
        let is_insisted_on = group.capacity == Capacity::Probe;
        let answers = match error.class {
            Class::Capacity | Class::NotOffered => true,
            _ if cannot_ask(&error) => !is_insisted_on,
            _ => false,
        };
        if answers && error.remains == Remains::Nothing {
            return Ok(Err(error));
        }
        self.store.unknown(address, self.clock.now()).await;
        Err(Failure::Cloud { error: limits::named(&create.resource, group.count, error).about(address) })
    }

    /// EC2 mostly answers `active`; what is `pending` may still fail.
    async fn granted(&self, id: &str, state: State) -> Result<Result<(), CloudError>, Failure> {
        let began = Instant::now();
        let mut state = Some(state);
        loop {
            match state {
                Some(State::Creating) if began.elapsed() < PENDING_LIMIT => {}
                Some(State::Creating) | None => {
                    let operation = "ec2:CreateCapacityReservation";
                    return Ok(Err(CloudError::new(operation, Class::Capacity, format!("{id} did not become active"))));
                }
                Some(_) => return Ok(Ok(())),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            let scope = &self.prepared.scope;
            let seen = patiently(|| self.cloud.observe(scope, &[Kind::Reservation])).await;
            let seen = seen.map_err(|error| Failure::Cloud { error })?;
            state = seen.resources.iter().find(|seen| seen.id == id).map(|seen| seen.state);
        }
    }

    /// Also when the user has asked to stop: what is held is billed.
    async fn give_back(&mut self) -> Result<(), Failure> {
        while let Some((address, id)) = self.held.last().cloned() {
            let token = self.prepared.desired.id.token(&format!("delete {address} {id}"), 0);
            let delete = Delete { address: address.clone(), ids: vec![id], token };
            self.call_in_any_case(|| self.cloud.delete(&delete)).await?;
            self.store.gone(&address, 0, false).await;
            self.held.pop();
        }
        Ok(())
    }

    /// Sends a call unless the user has asked to stop.
    async fn call<T, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        if self.session.stop.is_cancelled() {
            return Err(Failure::Interrupted);
        }
        self.call_in_any_case(send).await
    }

    /// Sends a call while the lock is ours, and again as long as that is right.
    async fn call_in_any_case<T, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let mut patience = Patience::new();
        loop {
            self.keeper.safe().await?;
            let sent = tokio::select! {
                biased;
                answer = send() => answer,
                () = self.keeper.unsafe_again() => continue,
            };
            let error = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = patience.next(&error) else { return Err(Failure::Cloud { error }) };
            tokio::time::sleep(pause).await;
        }
    }

    fn say(&self, what: What) {
        let _ = self.session.events.send(Event {
            format_version: FORMAT_VERSION,
            at: self.clock.now(),
            elapsed_s: round(self.began.elapsed()),
            what,
        });
    }

    /// The lock for who goes on, and the record as it is now; None: the lock is lost.
    pub(super) async fn hand_over(self) -> (Option<super::lease::Lease>, Store<C>) {
        (self.keeper.hand_over().await, self.store)
    }
}

/// What a round through all zones ends with.
enum Round {
    Room(Room),
    NoRoom(Vec<ZoneAnswer>),
    Unasked(CloudError),
}

enum Zone {
    Room,
    /// And which group found none.
    NoRoom(usize, CloudError),
    Unasked(CloudError),
}

/// Not a word about room. Of a type or an account that cannot reserve, EC2 says that the request is invalid.
fn cannot_ask(error: &CloudError) -> bool {
    matches!(error.class, Class::Denied | Class::NotImplemented | Class::Invalid | Class::Unknown)
}

fn address_of(group: &Nodes) -> Address {
    Address::named(Kind::Reservation, &group.name)
}

/// A zone that may still have room.
struct Open {
    place: Place,
    /// Of each group, the types that were not refused there, as places in its list, the best first; none is empty.
    left: Vec<Vec<usize>>,
}

impl Open {
    fn new(place: Place, groups: &[Nodes], offerings: &BTreeMap<String, BTreeSet<String>>) -> Self {
        let left = groups
            .iter()
            .map(|group| {
                let is_offered = |instance: &str| offered(group, offerings, &place.zone).any(|each| each == instance);
                let fits: Vec<usize> =
                    group.types().enumerate().filter(|(_, each)| is_offered(each)).map(|(rank, _)| rank).collect();
                // What nobody knows of, EC2 tells.
                if fits.is_empty() { (0..group.types().count()).collect() } else { fits }
            })
            .collect();
        Self { place, left }
    }

    /// Each group with the best type that it may still have there.
    fn wanted(&self, groups: &[Nodes]) -> Vec<Nodes> {
        let of = |(group, left): (&Nodes, &Vec<usize>)| {
            let best = left.first().and_then(|rank| group.types().nth(*rank));
            best.and_then(|best| group.only(|each| each == best)).unwrap_or_else(|| group.clone())
        };
        groups.iter().zip(&self.left).map(of).collect()
    }

    /// The group has no room there with the type that it has asked for. True: nor has it with any other.
    fn rule_out(&mut self, group: usize) -> bool {
        let Some(left) = self.left.get_mut(group).filter(|left| !left.is_empty()) else { return true };
        left.remove(0);
        left.is_empty()
    }
}

/// Why the cluster is where it is, now that zones have answered.
fn chosen(
    place: &Place,
    first: &Place,
    before: Choice,
    others: Vec<Place>,
    refused: Vec<(Place, String, CloudError)>,
    groups: &[Nodes],
    now: Timestamp,
) -> Choice {
    let asked = groups.iter().filter(|group| group.capacity != Capacity::None);
    let room: Vec<String> = asked.map(|group| format!("{} × {}", group.count, group.instance)).collect();
    let mut reasons =
        if room.is_empty() { Vec::new() } else { vec![format!("it had room for {} at {now:.0}", room.join(" and "))] };
    if place == first {
        reasons.extend(before.reasons);
    }
    let mut ruled_out = before.ruled_out;
    for (refused, what, error) in refused {
        // Where another type has room, or may have, the zone is not ruled out.
        if refused == *place || others.contains(&refused) {
            reasons.push(format!("{} had no room for {what} at {now:.0}: {}", refused.zone, error.message));
            continue;
        }
        let against = format!("had no room at {now:.0}: {}", error.message);
        match ruled_out.iter_mut().find(|each| each.place == refused) {
            Some(each) => each.against.push(against),
            None => ruled_out.push(RuledOut { place: refused, against: vec![against] }),
        }
    }
    Choice { reasons, others, ruled_out }
}
