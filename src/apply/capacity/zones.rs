//! The zones that may still have room, with the types that may still be had there, and why one was chosen.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cloud::CloudError;
use crate::desired::{Choice, Place, RuledOut, offered};
use crate::spec::{Capacity, Nodes};

/// A zone that may still have room.
pub(super) struct Open {
    pub place: Place,
    /// Of each group, the types that were not refused there, as places in its list, the best first; none is empty.
    pub left: Vec<Vec<usize>>,
}

impl Open {
    pub(super) fn new(place: Place, groups: &[Nodes], offerings: &BTreeMap<String, BTreeSet<String>>) -> Self {
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
    pub(super) fn wanted(&self, groups: &[Nodes]) -> Vec<Nodes> {
        let of = |(group, left): (&Nodes, &Vec<usize>)| {
            let best = left.first().and_then(|rank| group.types().nth(*rank));
            best.and_then(|best| group.only(|each| each == best)).unwrap_or_else(|| group.clone())
        };
        groups.iter().zip(&self.left).map(of).collect()
    }

    /// The group has no room there with the type that it has asked for. True: nor has it with any other.
    pub(super) fn rule_out(&mut self, group: usize) -> bool {
        let Some(left) = self.left.get_mut(group).filter(|left| !left.is_empty()) else { return true };
        left.remove(0);
        left.is_empty()
    }
}

/// Why the cluster is where it is, now that zones have answered.
pub(super) fn chosen(
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
