//! Capacity before storage: a file system is nailed to its zone, so EC2 is asked first whether the nodes have room there.
//!
//! Asking is reserving: every group's capacity in one zone, all or none. What is only asked for is given back as soon as it
//! was granted (`prober`); what is to be held is given back once the nodes run in it (`hold`). A reservation is found by its
//! tags like anything else, stands in the record before its call, and ends by itself if a run dies over it.

mod hold;
mod prober;
mod say;
mod zones;

use jiff::{SignedDuration, Timestamp};

pub use hold::Hold;
pub(super) use hold::{Holds, cancel, give_back, is_no_good, left};
pub(super) use prober::{Prober, Secured};
pub(super) use say::findings;

use super::converge::Session;
use super::event::Room;
use super::prepare::Prepared;
use crate::desired::{Address, Kind};
use crate::observed::{Node, Observed};
use crate::spec::{Nodes, Spec};

/// When a reservation ends that nobody has given back: long enough for the slowest way through all groups of a zone, with
/// every call repeated, and short enough that a run that dies over it costs little.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// The same of one that is held until the nodes run: as long as a file system is waited for at most (`pace`). EC2 may take an
/// hour more to end it (EC2 User Guide, "Create a Capacity Reservation").
const LIFE_OF_HOLD: SignedDuration = SignedDuration::from_mins(60);

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
    /// The empty file system that was there already and was removed for want of room.
    pub removed: Option<String>,
    /// One that stays, since there may be something on it by now.
    pub kept: Option<String>,
}

fn address_of(group: &Nodes) -> Address {
    Address::named(Kind::Reservation, &group.name)
}
