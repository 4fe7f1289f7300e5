//! What an earlier run has reserved and nobody has launched into yet: the same nodes may still need it.

use crate::desired::{Address, Desired, HELD, Kind, Resource, TAG_SPEC};
use crate::observed::{Node, Observed, Seen, State};
use crate::record::Record;

/// The reservations into which nodes are still to be launched, one of a group at most. Every other one is in nobody's interest.
pub fn held<'a>(desired: &Desired, observed: &'a Observed, record: &Record) -> Vec<&'a Seen> {
    let mut held: Vec<&Seen> = Vec::new();
    for seen in observed.resources.iter().filter(|seen| record.holds(seen) && is_needed(seen, desired, observed)) {
        if !held.iter().any(|other| other.address == seen.address) {
            held.push(seen);
        }
    }
    held
}

/// It was reserved to be kept, for just these nodes, of which there is none.
fn is_needed(seen: &Seen, desired: &Desired, observed: &Observed) -> bool {
    if seen.address.kind != Kind::Reservation || seen.tags.get(TAG_SPEC).is_none_or(|word| word != HELD) {
        return false;
    }
    let nodes = Address::named(Kind::Nodes, &seen.address.name);
    let Some(Resource::Nodes(group)) = desired.resources.get(&nodes).map(|wanted| &wanted.resource) else {
        return false;
    };
    let is = |field: &str, value: &str| seen.fields.get(field).is_some_and(|seen| seen == value);
    seen.state == State::Ready
        && is("instance", &group.instance)
        && is("zone", &group.zone)
        && is("count", &group.min_count.to_string())
        && !observed.nodes_of(&nodes).any(Node::exists)
}
