//! A client of the world, and the way of each of its requests: faults, latency, rights, the cloud's work, the history.
//!
//! A call of the port is one or more requests; each can be where the client's process ends. A client that has crashed
//! never gets another answer: its futures stay pending until the test drops them.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::clock::VirtualClock;
use super::faults::{Fault, Faults, Weather, When};
use super::history::{Entry, Event, Outcome, Request};
use super::invariants::is_lock;
use super::random::Random;
use super::settings::Settings;
use super::world::{Answer, Refusal, World, refuse};
use crate::cloud::{Class, CloudError, Remains, Result};
use crate::desired::Address;

/// After so long a client gives up on a connection that is half open, as `src/aws/connect.rs` has it.
const NO_ANSWER: Duration = Duration::from_secs(30);

/// A cloud in memory, as one client of it. Clones are the same client; [`Simulated::client`] makes others.
#[derive(Debug, Clone)]
pub struct Simulated {
    world: Arc<Mutex<World>>,
    clock: VirtualClock,
    name: Arc<str>,
}

/// What the world knows of a client.
#[derive(Debug)]
pub(super) struct Client {
    faults: Faults,
    random: Random,
    requests: usize,
    by_operation: BTreeMap<&'static str, usize>,
    expired: bool,
    dead: watch::Sender<bool>,
    /// Its machine sleeps until then: nothing is sent, and no answer is seen.
    asleep_until: Duration,
}

impl Client {
    fn new(seed: u64, name: &str) -> Self {
        let mut random = Random::named(seed, name);
        let faults = Faults::none(Random::new(random.next()));
        Self {
            faults,
            random,
            requests: 0,
            by_operation: BTreeMap::new(),
            expired: false,
            dead: watch::Sender::new(false),
            asleep_until: Duration::ZERO,
        }
    }

    fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }
}

/// A request, as the cloud's log would name it.
#[derive(Debug)]
pub(super) struct Call {
    operation: &'static str,
    address: Option<Address>,
    about: String,
    mutating: bool,
}

impl Call {
    pub(super) fn read(operation: &'static str) -> Self {
        Self { operation, address: None, about: String::new(), mutating: false }
    }

    /// Said to nodes: nothing of a cluster is made, changed or removed by it.
    pub(super) fn speak(operation: &'static str) -> Self {
        Self::read(operation)
    }

    pub(super) fn write(operation: &'static str, address: &Address) -> Self {
        Self { operation, address: Some(address.clone()), about: address.to_string(), mutating: true }
    }

    /// The lock itself is everybody's.
    fn changes_the_cluster(&self) -> bool {
        self.mutating && !self.about.split(' ').all(is_lock)
    }

    pub(super) fn write_about(operation: &'static str, about: impl Into<String>) -> Self {
        Self { operation, address: None, about: about.into(), mutating: true }
    }
}

/// What is in store for a request on its way.
struct Ticket {
    number: usize,
    /// Its place in the history.
    entry: usize,
    fault: Option<Fault>,
    there: Duration,
    back: Duration,
}

impl Simulated {
    /// A new world, seen by the client `main`. Time begins now; run it under tokio, paused.
    pub fn new(settings: Settings) -> Self {
        let world = Arc::new(Mutex::new(World::new(settings)));
        Self { world, clock: VirtualClock::start(), name: "main".into() }
    }

    /// Another client of the same world: a machine or a process of its own.
    #[must_use]
    pub fn client(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time of day in this world.
    pub const fn clock(&self) -> VirtualClock {
        self.clock
    }

    /// The world, brought up to the present.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.elapsed());
        world
    }

    /// Lets this client's n-th request meet a fault, counted from 1 over its whole life.
    pub fn fault_at(&self, number: usize, fault: Fault) {
        self.world().the_client(&self.name).faults.at(number, fault);
    }

    /// Lets this client's n-th request of an operation, such as `fsx:CreateFileSystem`, meet a fault.
    pub fn fault_at_operation(&self, operation: &str, nth: usize, fault: Fault) {
        self.world().the_client(&self.name).faults.at_operation(operation, nth, fault);
    }

    /// Lets chance, fixed by the world's seed and the client's name, bring faults from now on.
    pub fn weather(&self, weather: Weather) {
        self.world().the_client(&self.name).faults.weather(weather);
    }

    /// From now on this client's credentials have expired.
    pub fn expire_credentials(&self) {
        self.world().the_client(&self.name).expired = true;
    }

    pub fn renew_credentials(&self) {
        self.world().the_client(&self.name).expired = false;
    }

    /// Puts this client's machine to sleep, as a laptop whose lid is closed.
    pub fn suspend(&self, time: Duration) {
        let mut world = self.world();
        let until = world.now + time;
        world.the_client(&self.name).asleep_until = until;
    }

    /// Returns when this client's machine is awake.
    async fn awake(&self) {
        let asleep = {
            let mut world = self.world();
            let now = world.now;
            world.the_client(&self.name).asleep_until.saturating_sub(now)
        };
        pause(asleep).await;
    }

    /// Ends this client's process, between two of its requests or within one.
    pub fn kill(&self) {
        self.world().the_client(&self.name).dead.send_replace(true);
    }

    pub fn is_dead(&self) -> bool {
        self.world().the_client(&self.name).is_dead()
    }

    /// Returns when this client has crashed: a test waits for its run or for this, and then drops the run.
    pub async fn crashed(&self) {
        let mut dead = self.world().the_client(&self.name).dead.subscribe();
        // The world, which `self` holds, owns the sender.
        let _ = dead.wait_for(|dead| *dead).await;
    }

    /// Sends one request and lets the cloud work on it.
    pub(super) async fn request<T>(&self, call: Call, act: impl FnOnce(&mut World) -> Answer<T>) -> Result<T> {
        self.awake().await;
        let Some(Ticket { number, entry, fault, there, back }) = self.world().enter(&self.name, &call) else {
            return pending().await;
        };
        if self.ends(When::Before, fault, entry) {
            return self.no_answer(&call, number).await;
        }
        let delay = if let Some(Fault::Slow(delay)) = fault { delay } else { Duration::ZERO };
        pause(there + delay).await;
        if self.is_dead() {
            return pending().await;
        }
        let answer = self.world().handle(&self.name, &call, fault, entry, act);
        if self.ends(When::After, fault, entry) {
            return self.no_answer(&call, number).await;
        }
        pause(back).await;
        self.awake().await;
        if self.is_dead() {
            return pending().await;
        }
        let lost = matches!(fault, Some(Fault::FailAfter(_)));
        answer.map_err(|Refusal { class, code, message, elsewhere }| {
            let mut error = CloudError::new(call.operation, class, message).code(code);
            error.address = call.address;
            error.elsewhere = elsewhere;
            error.request_id = Some(format!("{}-{number}", self.name));
            if lost {
                error.remains = Remains::Perhaps;
            }
            error
        })
    }

    /// A dead client waits for ever; a live one gives up, and knows nothing.
    async fn no_answer<T>(&self, call: &Call, number: usize) -> Result<T> {
        if self.is_dead() {
            return pending().await;
        }
        sleep(NO_ANSWER).await;
        let mut error = CloudError::new(call.operation, Class::Transient, "no answer in time");
        error.address.clone_from(&call.address);
        error.request_id = Some(format!("{}-{number}", self.name));
        error.remains = Remains::Perhaps;
        Err(error)
    }

    /// Whether a fault keeps the answer from ever coming.
    fn ends(&self, when: When, fault: Option<Fault>, entry: usize) -> bool {
        let mut world = self.world();
        match fault {
            Some(Fault::Hang(each)) if each == when => world.set_outcome(entry, Outcome::Hung(when)),
            Some(Fault::Crash(each)) if each == when => {
                world.set_outcome(entry, Outcome::Crashed(when));
                world.the_client(&self.name).dead.send_replace(true);
            }
            _ => return false,
        }
        true
    }
}

/// No time at all is no point of waiting either.
async fn pause(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

impl World {
    pub(super) fn the_client(&mut self, name: &str) -> &mut Client {
        let seed = self.settings.seed;
        self.clients.entry(name.to_owned()).or_insert_with(|| Client::new(seed, name))
    }

    /// None: the client is dead.
    fn enter(&mut self, name: &str, call: &Call) -> Option<Ticket> {
        let (latency, at, entry) = (self.settings.latency, self.now, self.entries.len());
        let client = self.the_client(name);
        if client.is_dead() {
            return None;
        }
        client.requests += 1;
        let number = client.requests;
        let nth = client.by_operation.entry(call.operation).or_default();
        *nth += 1;
        let fault = client.faults.draw(number, call.operation, *nth);
        let (there, back) = (client.random.up_to(latency), client.random.up_to(latency));
        if call.changes_the_cluster() {
            self.watch_turn(name);
        }
        let request = Request {
            client: name.to_owned(),
            number,
            operation: call.operation,
            about: call.about.clone(),
            mutating: call.mutating,
            outcome: Outcome::Sent,
        };
        self.entries.push(Entry { at, what: Event::Request(request) });
        Some(Ticket { number, entry, fault, there, back })
    }

    fn handle<T>(
        &mut self,
        name: &str,
        call: &Call,
        fault: Option<Fault>,
        entry: usize,
        act: impl FnOnce(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        let refusal = |class| refuse(class, "Simulated", format!("a fault of the simulation: {class:?}"));
        let answer = match fault {
            Some(Fault::FailBefore(class)) => refusal(class),
            Some(Fault::Throttle) => refusal(Class::Throttled),
            Some(Fault::FailAfter(_) | Fault::Slow(_) | Fault::Hang(_) | Fault::Crash(_)) | None => {
                self.allowed(name, call.operation).and_then(|()| act(self))
            }
        };
        if answer.is_ok() {
            self.watch_locks(name, call.operation, &call.about);
        }
        let (outcome, answer) = match (fault, answer) {
            (Some(Fault::FailAfter(class)), _) => (Outcome::Lost(class), refusal(class)),
            (_, Ok(value)) => (Outcome::Answered, Ok(value)),
            (_, Err(refusal)) => (Outcome::Failed(refusal.class), Err(refusal)),
        };
        self.set_outcome(entry, outcome);
        self.watch_promises();
        answer
    }

    fn allowed(&mut self, name: &str, operation: &str) -> Answer<()> {
        let (class, code, message) = if self.the_client(name).expired {
            (Class::Credentials, "ExpiredToken", "the security token included in the request is expired".to_owned())
        } else if self.denied.contains(operation) {
            (Class::Denied, "AccessDenied", format!("not authorized to perform {operation}"))
        } else if self.unknown.contains(operation) {
            (Class::NotImplemented, "InternalFailure", format!("{operation} is not implemented"))
        } else {
            return Ok(());
        };
        refuse(class, code, message)
    }

    fn set_outcome(&mut self, entry: usize, ended: Outcome) {
        if let Some(Entry { what: Event::Request(request), .. }) = self.entries.get_mut(entry) {
            request.outcome = ended;
        }
    }
}
