//! Asks zone by zone whether there is room for all groups, by reserving it.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::hold::{Hold, cancel, in_any_case};
use super::zones::{Open, chosen};
use super::{LIFE, LIFE_OF_HOLD, NoRoom, ZoneAnswer, address_of, asked};
use crate::apply::context::round;
use crate::apply::converge::Session;
use crate::apply::event::{self, Event, FORMAT_VERSION, Failure, What};
use crate::apply::keeper::Keeper;
use crate::apply::lease::Lease;
use crate::apply::limits;
use crate::apply::patience::patiently;
use crate::apply::prepare::{Prepared, Room};
use crate::apply::store::{Intent, Store};
use crate::cloud::{Class, Clock, Cloud, CloudError, Create, Created, Known, Remains};
use crate::desired::{CapacityReservation, HELD, Kind, PROBED, Place, Resource};
use crate::observed::State;
use crate::spec::{Capacity, Nodes};

/// Between two rounds through all zones while capacity is waited for, at first and at most. EC2 counts calls like these
/// against a bucket that refills five times a second (EC2 API developer guide, "Request throttling"): no hurry of ours is near that.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// A reservation that is still `pending` is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// And given up after so long: EC2 answers at once.
const PENDING_LIMIT: Duration = Duration::from_mins(2);

/// What came of asking.
pub(in crate::apply) enum Secured {
    Room(Room),
    /// It cannot be asked here, and nobody insists.
    Unasked,
    NoRoom(NoRoom),
}

/// Asks zone by zone, and again for as long as the session is to wait.
pub(in crate::apply) struct Prober<'a, C, K> {
    cloud: &'a C,
    clock: &'a K,
    session: &'a Session<'a>,
    prepared: &'a Prepared,
    /// Each with the types that it may still have.
    groups: Vec<Nodes>,
    keeper: Keeper<C, K>,
    store: Store<C>,
    /// Reserved and not yet given back.
    held: Vec<Hold>,
    began: Instant,
}

impl<'a, C: Cloud, K: Clock> Prober<'a, C, K> {
    pub(in crate::apply) fn new(
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
        // A reservation is all or nothing: with as many as are enough there is room.
        let groups = groups.map(|group| Nodes { count: group.least(), ..group }).collect();
        Self { cloud, clock, session, prepared, groups, keeper, store, held: Vec::new(), began: Instant::now() }
    }

    /// Whatever comes of it, nothing stays reserved that could be given back; but where there is room, what is to be held.
    pub(in crate::apply) async fn ask(&mut self) -> Result<Secured, Failure> {
        let asked = self.ask_all().await;
        let has_room = matches!(asked, Ok(Secured::Room(_)));
        let given_back = self.give_back(|hold| !(has_room && hold.is_kept)).await;
        let secured = asked?;
        given_back?;
        for hold in &self.held {
            self.say(hold.held());
        }
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

    /// What an earlier run has left reserved would stand in the way of what is asked for, unless that is it.
    async fn sweep(&mut self) -> Result<(), Failure> {
        let Prepared { observed, record, .. } = self.prepared;
        let left = observed.resources.iter().filter(|seen| seen.address.kind == Kind::Reservation);
        self.held.extend(left.map(|seen| Hold::seen(seen, record)));
        let late = self.clock.now() + LIFE_OF_HOLD / 2;
        self.give_back(|hold| !hold.is_kept || hold.ends.is_none_or(|ends| ends < late)).await
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
        // What an earlier run holds is not given up for a question.
        open.sort_by_key(|open| !self.held.iter().any(|hold| hold.zone == open.place.zone));
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
        self.give_back(|hold| !wanted.iter().any(|group| is_for(hold, group, place))).await?;
        let mut intents = Vec::new();
        for group in wanted {
            let address = address_of(group);
            let epoch = self.store.unused_epoch(&address).await;
            intents.push(Intent { address, epoch, count: 1 });
        }
        let is_new = |intent: &&Intent| !self.held.iter().any(|hold| hold.address == intent.address);
        let new: Vec<Intent> = intents.iter().filter(is_new).cloned().collect();
        self.call(|| self.store.intend(&new, self.clock.now())).await?;
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
                Some(Ok(())) => Some(event::Room::Granted),
                Some(Err(error)) if cannot_ask(&error) => {
                    outcome = Zone::Unasked(error);
                    break;
                }
                Some(Err(error)) => {
                    outcome = Zone::NoRoom(index, error.clone());
                    Some(event::Room::Refused { error })
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
        let has_room = matches!(outcome, Zone::Room);
        self.give_back(|hold| !(has_room && hold.is_kept)).await?;
        for intent in intents.iter().filter(|intent| !self.held.iter().any(|hold| hold.address == intent.address)) {
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
        // Of an earlier run.
        if self.held.iter().any(|hold| hold.address == *address) {
            return Ok(Ok(()));
        }
        let id = &self.prepared.desired.id;
        let is_kept = group.capacity == Capacity::Reserve;
        let (word, life) = if is_kept { (HELD, LIFE_OF_HOLD) } else { (PROBED, LIFE) };
        // Whole seconds: what EC2 keeps.
        let ends = Timestamp::from_second(self.clock.now().as_second()).unwrap_or_default() + life;
        let resource = Resource::Reservation(CapacityReservation {
            instance: group.instance.clone(),
            count: group.count,
            zone: place.zone.clone(),
            ends,
        });
        let create = Create {
            tags: id.tags(address, word, *epoch, &self.prepared.desired.tags),
            token: id.token(&format!("{address}@{}", place.zone), *epoch),
            address: address.clone(),
            resource,
            count: 1,
            least: 1,
            known: Known::default(),
        };
        let error = match self.call(|| self.cloud.create(&create)).await {
            Ok(Created::Resource(seen)) => {
                self.held.push(Hold {
                    address: address.clone(),
                    id: seen.id.clone(),
                    instance: group.instance.clone(),
                    count: group.count,
                    zone: place.zone.clone(),
                    ends: Some(ends),
                    is_kept,
                    is_used: false,
                });
                self.store.made(address, *epoch, self.clock.now()).await;
                return self.granted(&seen.id, seen.state).await;
            }
            Ok(Created::Nodes(_)) => return Err(Failure::Stale { text: format!("{address} is no group of nodes") }),
            Err(Failure::Cloud { error }) => error,
            Err(other) => return Err(other),
        };
        let is_insisted_on = group.capacity != Capacity::ProbeIfPossible;
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
    async fn give_back(&mut self, goes: impl Fn(&Hold) -> bool) -> Result<(), Failure> {
        while let Some(at) = self.held.iter().rposition(&goes) {
            let hold = self.held[at].clone();
            cancel(self.cloud, &self.keeper, &self.store, &self.prepared.desired.id, &hold).await?;
            self.held.remove(at);
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
        in_any_case(&self.keeper, send).await
    }

    fn say(&self, what: What) {
        let _ = self.session.events.send(Event {
            format_version: FORMAT_VERSION,
            at: self.clock.now(),
            elapsed_s: round(self.began.elapsed()),
            what,
        });
    }

    /// The lock for who goes on, the record as it is now, and what is held for the nodes; None: the lock is lost.
    pub(in crate::apply) async fn hand_over(self) -> (Option<Lease>, Store<C>, Vec<Hold>) {
        (self.keeper.hand_over().await, self.store, self.held)
    }
}

/// It is what a group would reserve there.
fn is_for(hold: &Hold, group: &Nodes, place: &Place) -> bool {
    hold.address == address_of(group)
        && (&hold.instance, hold.count, &hold.zone) == (&group.instance, group.count, &place.zone)
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
