//! What every step of a run shares: the cloud, the record, the lock, and how a call is tried again.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::capacity::Holds;
use super::event::{Event, FORMAT_VERSION, Failure, What};
use super::fill::Fill;
use super::keeper::Keeper;
use super::patience::{Patience, patiently};
use super::store::Store;
use super::watch::Watch;
use crate::bootstrap;
use crate::cloud::{Clock, Cloud, CloudError, Known};
use crate::desired::{Address, Desired, Kind};
use crate::observed::{Endpoint, Observed, Seen};
use crate::plan::{Op, Plan};

pub(super) struct Context<C, K> {
    pub cloud: C,
    pub clock: K,
    pub plan: Plan,
    pub desired: Desired,
    /// As the plan saw it.
    pub observed: Observed,
    pub watch: Watch<C>,
    pub store: Store<C>,
    pub keeper: Keeper<C, K>,
    pub known: Mutex<Known>,
    /// Capacity that is kept until nodes run in it.
    pub holds: Holds,
    /// How long the last wait of a kind took.
    pub times: Mutex<HashMap<(Kind, Discriminant<Op>), Duration>>,
    /// How many nodes this run has launched.
    pub fill: Fill,
    /// Distinguishes what may be done again in another run, such as an export.
    pub run: String,
    /// What was last told of the queue of automatic export.
    pub queue: super::export::LastLook,
    pub events: UnboundedSender<Event>,
    pub began: Instant,
    /// The file system did not come up: nodes that wait for it wait in vain.
    pub storage_failed: AtomicBool,
    /// The user asked to stop, or the lock is lost: no new call.
    pub stop: CancellationToken,
}

impl<C: Cloud, K: Clock> Context<C, K> {
    pub(super) fn emit(&self, what: What) {
        let event = Event {
            format_version: FORMAT_VERSION,
            at: self.clock.now(),
            elapsed_s: round(self.began.elapsed()),
            what,
        };
        // Nobody listens any more: the run goes on all the same.
        let _ = self.events.send(event);
    }

    pub(super) fn note(&self, step: usize, address: &Address, text: impl Into<String>) {
        self.emit(What::Noted { step, address: address.clone(), text: text.into() });
    }

    pub(super) fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes up what an answer said of a resource.
    pub(super) fn learn(&self, seen: &Seen) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        learn(&mut known, seen);
        if seen.address.kind.is_storage() {
            self.watch.file_system(&seen.id);
        }
    }

    pub(super) fn file_system(&self) -> Option<String> {
        let known = self.known();
        Kind::STORAGE.into_iter().find_map(|kind| known.ids.get(&Address::one(kind)).cloned())
    }

    /// Sends a call that changes something, and sends it again as long as that is right.
    pub(super) async fn call<T, F>(&self, step: usize, address: &Address, send: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let mut patience = Patience::new();
        loop {
            if self.keeper.is_lost() {
                return Err(Failure::LostLock);
            }
            if self.stop.is_cancelled() {
                return Err(Failure::Interrupted);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => continue,
                safe = self.keeper.safe() => safe?,
            }
            // What sends the call may repeat it by itself for minutes, also when another run has taken over.
            let sent = tokio::select! {
                biased;
                answer = send() => answer,
                () = self.keeper.unsafe_again() => continue,
            };
            let error = match sent {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = patience.next(&error) else {
                return Err(Failure::Cloud { error: error.about(address) });
            };
            self.emit(What::Retrying { step, address: address.clone(), error, pause_s: round(pause) });
            self.pause(pause).await?;
        }
    }

    pub(super) fn took(&self, kind: Kind, op: &Op) -> Option<Duration> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).get(&(kind, discriminant(op))).copied()
    }

    pub(super) fn learn_time(&self, kind: Kind, op: &Op, took: Duration) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, discriminant(op)), took);
    }

    /// A look of now, had in spite of passing faults.
    pub(super) async fn look(&self, kind: Kind, address: &Address) -> Result<Arc<Observed>, Failure> {
        patiently(|| self.watch.look(kind, Instant::now()))
            .await
            .map(|look| look.observed)
            .map_err(|error| Failure::Cloud { error: error.about(address) })
    }

    /// Sleeps, unless the user asks to stop.
    pub(super) async fn pause(&self, length: Duration) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::Interrupted),
            () = tokio::time::sleep(length) => Ok(()),
        }
    }
}

/// To a tenth of a second: more would only make two equal runs look different.
pub(super) fn round(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

/// What a look tells of ids and of the way to the file system.
pub(super) fn known_from(observed: &Observed) -> Known {
    let mut known = Known { ids: BTreeMap::new(), endpoint: None };
    if let Some(existing) = &observed.existing {
        // Links are made on it and nodes mount it: more than its id and its endpoint nobody needs.
        known.ids.insert(Address::one(Kind::Fsx), existing.id.clone());
        known.endpoint = existing.endpoint.as_ref().map(|endpoint| endpoint_of(&existing.id, endpoint));
    }
    let addresses: std::collections::BTreeSet<&Address> = observed.resources.iter().map(|seen| &seen.address).collect();
    for seen in addresses.into_iter().filter_map(|address| observed.find(address)) {
        learn(&mut known, seen);
    }
    known
}

fn learn(known: &mut Known, seen: &Seen) {
    // What nodes are launched into is in `holds`.
    if seen.address.kind == Kind::Reservation {
        return;
    }
    known.ids.insert(seen.address.clone(), seen.id.clone());
    if let Some(endpoint) = &seen.endpoint {
        known.endpoint = Some(endpoint_of(&seen.id, endpoint));
    }
}

fn endpoint_of(id: &str, endpoint: &Endpoint) -> bootstrap::Endpoint {
    let Endpoint { dns_name, mount_name } = endpoint.clone();
    bootstrap::Endpoint { file_system_id: id.to_owned(), dns_name, mount_name }
}
