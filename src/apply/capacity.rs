//! Capacity before storage: a file system is nailed to its zone, so EC2 is asked first whether the nodes have room there.
//!
//! Asking is reserving: every group's capacity in one zone, all or none, given back as soon as it was granted. A reservation
//! is found by its tags like anything else, stands in the record before its call, and ends by itself if a run dies over it.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::context::round;
use super::converge::Session;
use super::event::{Event, FORMAT_VERSION, Failure, Room, What};
use super::keeper::Keeper;
use super::limits;
use super::patience::{Patience, patiently};
use super::preflight::Subject as _;
use super::preflight::note;
use super::prepare::Prepared;
use super::store::{Intent, Store};
use crate::catalog::prices::{Prices, Usd};
use crate::cloud::{Class, Clock, Cloud, CloudError, Create, Created, Delete, Known, Remains};
use crate::desired::{Address, CapacityReservation, Choice, Kind, Pins, Place, Resource, RuledOut};
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
    let is_asked = |group: &&Nodes| match group.capacity {
        Capacity::None => false,
        Capacity::Probe | Capacity::ProbeIfPossible => true,
    };
    spec.nodes.iter().filter(is_asked)
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
    session.request.spec.as_ref().is_some_and(|spec| is_open(spec, &prepared.observed))
}

/// What the plan says of it.
pub(super) fn finding(spec: &Spec, observed: &Observed, pins: &Pins, prices: &Prices) -> Option<Finding> {
    let place = pins.place.as_ref().filter(|_| is_open(spec, observed))?;
    let mut finding =
        note("capacity::probe", "whether there is room for the nodes is found out before the file system is made");
    let mut cost = Some(Usd::from_micros(0));
    for group in asked(spec) {
        let price = prices.instance_hour(&group.instance);
        let more = price.map(|hour| hour.times(u64::from(group.count)).part(TOLD_S, 3600));
        cost = cost.zip(more).map(|(sum, more)| sum + more);
        finding = finding.why(format!(
            "{} × {} for nodes.{}: reserved and given back at once",
            group.count, group.instance, group.name
        ));
    }
    let others: Vec<&str> =
        pins.choice.iter().flat_map(|choice| &choice.others).map(|other| other.zone.as_str()).collect();
    let then = if others.is_empty() { String::new() } else { format!(", then in {}", others.join(", then in ")) };
    finding = finding.why(format!("asked for in {}{then}: all groups in one zone, or the next", place.zone));
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
    pub answer: Option<Room>,
}

/// No zone has room for all groups; nothing was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// Since when it was waited for; None: it was not.
    pub since: Option<Timestamp>,
    /// Of the last round, in the order asked.
    pub answers: Vec<ZoneAnswer>,
}

/// What came of asking.
pub(super) enum Secured {
    Room(Place, Choice),
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
    groups: Vec<&'a Nodes>,
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
        let store = Store::new(cloud.clone(), prepared.record.clone());
        let groups = session.request.spec.iter().flat_map(asked).collect();
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
        let until = self.session.wait_for_capacity.and_then(|wait| Instant::now().checked_add(wait));
        let mut pause = FIRST_PAUSE;
        loop {
            let answers = match self.round().await? {
                Round::Room(place, choice) => {
                    self.store.waits(None).await;
                    return Ok(Secured::Room(place, choice));
                }
                Round::Unasked(error) => {
                    self.say(What::Unasked { error });
                    return Ok(Secured::Unasked);
                }
                Round::NoRoom(answers) => answers,
            };
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            let waits = self.session.wait_for_capacity.map(|_| self.clock.now());
            let since = self.store.waits(waits).await;
            if left.is_zero() {
                self.store.waits(None).await;
                return Ok(Secured::NoRoom(NoRoom { since, answers }));
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

    /// Every zone once, those first that EC2 itself has named.
    async fn round(&mut self) -> Result<Round, Failure> {
        let Some(first) = self.prepared.record.pins.place.clone() else { return Ok(Round::NoRoom(Vec::new())) };
        let choice = self.prepared.record.pins.choice.clone().unwrap_or_default();
        // Of a reviewed plan the zone is part.
        let others = if self.session.reviewed.is_some() { Vec::new() } else { choice.others.clone() };
        let mut open: VecDeque<Place> = std::iter::once(first.clone()).chain(others).collect();
        let mut answers = Vec::new();
        let mut refused = Vec::new();
        while let Some(place) = open.pop_front() {
            match self.zone(&place, &mut answers).await? {
                Zone::Room => {
                    let now = self.clock.now();
                    return Ok(Round::Room(
                        place.clone(),
                        chosen(&place, &first, choice, open.into(), refused, &self.groups, now),
                    ));
                }
                Zone::NoRoom(error) => {
                    let named = |place: &Place| error.elsewhere.iter().position(|zone| *zone == place.zone);
                    open.make_contiguous().sort_by_key(|place| named(place).unwrap_or(usize::MAX));
                    refused.push((place, error));
                }
                Zone::Unasked(error) => return Ok(Round::Unasked(error)),
            }
        }
        Ok(Round::NoRoom(answers))
    }

    /// All groups in one zone, or none.
    async fn zone(&mut self, place: &Place, answers: &mut Vec<ZoneAnswer>) -> Result<Zone, Failure> {
        let mut intents = Vec::new();
        for group in &self.groups {
            let address = address_of(group);
            let epoch = self.store.unused_epoch(&address).await;
            intents.push(Intent { address, epoch, count: 1 });
        }
        self.call(|| self.store.intend(&intents, self.clock.now())).await?;
        let mut outcome = Zone::Room;
        for (group, intent) in self.groups.clone().into_iter().zip(&intents) {
            let answer = match &outcome {
                Zone::Room => Some(self.reserve(group, intent, place).await?),
                Zone::NoRoom(_) | Zone::Unasked(_) => None,
            };
            let (zone, name, instance, count) = (&place.zone, &group.name, &group.instance, group.count);
            let answer = match answer {
                None => None,
                Some(Ok(())) => Some(Room::Granted),
                Some(Err(error)) if cannot_ask(&error) => {
                    outcome = Zone::Unasked(error);
                    break;
                }
                Some(Err(error)) => {
                    outcome = Zone::NoRoom(error.clone());
                    Some(Room::Refused { error })
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
            Class::Denied | Class::NotImplemented => !is_insisted_on,
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
    Room(Place, Choice),
    NoRoom(Vec<ZoneAnswer>),
    Unasked(CloudError),
}

enum Zone {
    Room,
    NoRoom(CloudError),
    Unasked(CloudError),
}

fn cannot_ask(error: &CloudError) -> bool {
    matches!(error.class, Class::Denied | Class::NotImplemented)
}

fn address_of(group: &Nodes) -> Address {
    Address::named(Kind::Reservation, &group.name)
}

/// Why the cluster is where it is, now that zones have answered.
fn chosen(
    place: &Place,
    first: &Place,
    before: Choice,
    others: Vec<Place>,
    refused: Vec<(Place, CloudError)>,
    groups: &[&Nodes],
    now: Timestamp,
) -> Choice {
    let room: Vec<String> = groups.iter().map(|group| format!("{} × {}", group.count, group.instance)).collect();
    let mut reasons = vec![format!("it had room for {} at {now:.0}", room.join(" and "))];
    if place == first {
        reasons.extend(before.reasons);
    }
    let refused = refused
        .into_iter()
        .map(|(place, error)| RuledOut { place, against: vec![format!("had no room at {now:.0}: {}", error.message)] });
    Choice { reasons, others, ruled_out: before.ruled_out.into_iter().chain(refused).collect() }
}
