//! The types that a group may be, and what became of each: for the plan to show and to reckon with.

use std::collections::BTreeMap;

use super::{Address, Kind};
use crate::spec::Spec;

/// One type of a group that may be of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    pub instance: String,
    /// The nodes are of this type, or are about to be.
    pub is_taken: bool,
    /// They are, or it may come to that before there is a node.
    pub may_be: bool,
    /// Why it is taken or not.
    pub why: String,
}

/// What the spec alone tells, in order of preference; of groups with one type nothing.
pub fn considered(spec: &Spec) -> BTreeMap<Address, Vec<Considered>> {
    let several = spec.nodes.iter().filter(|group| !group.alternatives.is_empty());
    several
        .map(|group| {
            let types = group.types().map(|instance| {
                let is_taken = instance == group.instance;
                let why = if is_taken { "the first choice" } else { "if there is no room before" };
                Considered { instance: instance.to_owned(), is_taken, may_be: true, why: why.to_owned() }
            });
            (Address::named(Kind::Nodes, &group.name), types.collect())
        })
        .collect()
}
