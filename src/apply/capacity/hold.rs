//! Capacity that is held for nodes until they run in it.
//!
//! A reservation is billed like the instances that could run in it, whether they do or not, and never twice. So it is given
//! back when its nodes run, and at the end of every run. Nodes that run in one that is cancelled run on (EC2 User Guide,
//! "Cancel a Capacity Reservation"); nothing there speaks of nodes that are still `pending`, so those are waited for.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::apply::context::Context;
use crate::apply::event::{Failure, What};
use crate::apply::keeper::Keeper;
use crate::apply::patience::Patience;
use crate::apply::prepare::Prepared;
use crate::apply::store::Store;
use crate::cloud::{Class, Clock, Cloud, CloudError, Delete, Remains};
use crate::desired::{Address, ClusterId, HELD, Kind, TAG_SPEC};
use crate::observed::{Seen, State};
use crate::plan::{self, Purpose};
use crate::record::Record;

/// A reservation that is ours to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub address: Address,
    pub id: String,
    pub instance: String,
    pub count: u32,
    pub zone: String,
    /// When it ends by itself, where that is known.
    pub ends: Option<Timestamp>,
    /// It is kept until the nodes run; else it only tells that there is room.
    pub is_kept: bool,
    /// Nodes were launched into it.
    pub is_used: bool,
}

impl Hold {
    /// As a look shows it. One that was only asked for, is on its way in or out, or was given back and is still seen, is not
    /// kept.
    pub(super) fn seen(seen: &Seen, record: &Record) -> Self {
        let field = |name: &str| seen.fields.get(name).cloned().unwrap_or_default();
        Self {
            address: seen.address.clone(),
            id: seen.id.clone(),
            instance: field("instance"),
            count: field("count").parse().unwrap_or(0),
            zone: field("zone"),
            ends: field("ends").parse().ok(),
            is_kept: seen.state == State::Ready
                && seen.tags.get(TAG_SPEC).is_some_and(|word| word == HELD)
                && record.holds(seen),
            is_used: false,
        }
    }

    /// Said once it is there, and once it is found.
    pub(in crate::apply) fn held(&self) -> What {
        let Self { address, id, instance, count, zone, ends, .. } = self.clone();
        What::CapacityHeld { zone, group: address.name, instance, count, reservation: id, until: ends }
    }

    pub(in crate::apply) fn given_back(&self) -> What {
        let Self { address, id, is_used, .. } = self.clone();
        What::CapacityGivenBack { group: address.name, reservation: id, used: is_used }
    }
}

/// What earlier runs have left: kept is what is for just these nodes. The plan gives back the rest, and if it does not get
/// that far, the end of the run does.
pub(in crate::apply) fn left(prepared: &Prepared) -> Vec<Hold> {
    let Prepared { desired, observed, record, plan, .. } = prepared;
    let held = if plan.purpose == Purpose::Up { plan::held(desired, observed, record) } else { Vec::new() };
    let is_needed = |seen: &Seen| held.iter().any(|held| held.id == seen.id);
    let there = observed.resources.iter().filter(|seen| seen.address.kind == Kind::Reservation);
    there.map(|seen| Hold { is_kept: is_needed(seen), ..Hold::seen(seen, record) }).collect()
}

/// Everything that a run holds.
#[derive(Debug, Default)]
pub(in crate::apply) struct Holds(Mutex<Vec<Hold>>);

impl Holds {
    pub(in crate::apply) fn new(holds: Vec<Hold>) -> Self {
        Self(Mutex::new(holds))
    }

    fn all(&self) -> MutexGuard<'_, Vec<Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::apply) fn left(&self) -> Vec<Hold> {
        self.all().clone()
    }

    /// What is held for a group of nodes.
    pub(in crate::apply) fn of(&self, nodes: &Address) -> Option<Hold> {
        let is_for = |hold: &&Hold| hold.is_kept && nodes.kind == Kind::Nodes && hold.address.name == nodes.name;
        self.all().iter().find(is_for).cloned()
    }

    /// They are given back.
    pub(in crate::apply) fn forget(&self, ids: &[String]) {
        self.all().retain(|hold| !ids.contains(&hold.id));
    }

    pub(in crate::apply) fn used(&self, id: &str) {
        self.all().iter_mut().filter(|hold| hold.id == id).for_each(|hold| hold.is_used = true);
    }
}

/// Gives one back, and says so.
pub(in crate::apply) async fn give_back<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    hold: &Hold,
) -> Result<(), Failure> {
    cancel(&context.cloud, &context.keeper, &context.store, &context.desired.id, hold).await?;
    let now = context.holds.left().into_iter().find(|each| each.id == hold.id);
    context.holds.forget(std::slice::from_ref(&hold.id));
    context.emit(now.as_ref().unwrap_or(hold).given_back());
    Ok(())
}

/// Also when the user has asked to stop: what is held is billed.
pub(in crate::apply) async fn cancel<C: Cloud, K: Clock>(
    cloud: &C,
    keeper: &Keeper<C, K>,
    store: &Store<C>,
    cluster: &ClusterId,
    hold: &Hold,
) -> Result<(), Failure> {
    let Hold { address, id, .. } = hold;
    let token = cluster.token(&format!("delete {address} {id}"), 0);
    let delete = Delete { address: address.clone(), ids: vec![id.clone()], token };
    in_any_case(keeper, || cloud.delete(&delete)).await?;
    store.gone(address, 0, false).await;
    Ok(())
}

/// Sends a call while the lock is ours, and again as long as that is right.
pub(super) async fn in_any_case<C, K, T, F>(keeper: &Keeper<C, K>, send: impl Fn() -> F) -> Result<T, Failure>
where
    C: Cloud,
    K: Clock,
    F: Future<Output = Result<T, CloudError>>,
{
    let mut patience = Patience::new();
    loop {
        keeper.safe().await?;
        let sent = tokio::select! {
            biased;
            answer = send() => answer,
            () = keeper.unsafe_again() => continue,
        };
        let error = match sent {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(pause) = patience.next(&error) else { return Err(Failure::Cloud { error }) };
        tokio::time::sleep(pause).await;
    }
}

/// A launch was refused, and it may be for what it was to go into: expired, cancelled by hand, taken by others, of another
/// platform than the image, not the caller's to use. Without it there may be room all the same.
pub(in crate::apply) fn is_no_good(error: &CloudError) -> bool {
    let may_be = matches!(
        error.class,
        Class::ReservationFull | Class::NotFound | Class::Invalid | Class::Capacity | Class::Denied
    );
    may_be && error.remains == Remains::Nothing
}
