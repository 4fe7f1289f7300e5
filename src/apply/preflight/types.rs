//! Which of its types a group has, where the spec gives it several: those that are still open, and the one that is taken.
//!
//! Nodes that are there decide: no run changes the type of a group of which any node lives. Without one a launch whose
//! outcome nobody knows is sent again as it was. Else the group chooses anew, in the order of the spec.

use std::collections::{BTreeMap, BTreeSet};

use super::quotas;
use crate::cloud::Survey;
use crate::desired::{Address, Considered, Kind, considered, offered};
use crate::observed::Observed;
use crate::record::Record;
use crate::spec::{Nodes, Spec};

/// What a choice hangs on.
#[derive(Clone, Copy)]
pub(in crate::apply) struct Known<'a> {
    pub record: &'a Record,
    pub observed: &'a Observed,
    /// Group and type: launches that this run has seen refused.
    pub refused: &'a BTreeSet<(String, String)>,
    /// By group: the types that this run has found room for.
    pub room: Option<&'a BTreeMap<String, String>>,
}

impl Known<'_> {
    fn is_refused(&self, group: &Nodes, instance: &str) -> bool {
        self.refused.contains(&(group.name.clone(), instance.to_owned()))
    }

    /// What cannot be another type now, and why.
    fn fixed(&self, group: &Nodes) -> Option<(String, &'static str)> {
        let address = address(group);
        let is_listed = |instance: &str| group.types().any(|each| each == instance);
        let pin = self.record.pins.types.get(&group.name).filter(|pin| is_listed(pin));
        let running: BTreeSet<&str> = self.observed.nodes_of(&address).map(|node| node.instance.as_str()).collect();
        if !running.is_empty() {
            let runs = pin.map(String::as_str).filter(|pin| running.contains(pin));
            let runs = runs.or_else(|| group.types().find(|each| running.contains(each)));
            return runs.or(pin.map(String::as_str)).map(|instance| (instance.to_owned(), RUNS));
        }
        if let Some(found) = self.room.and_then(|room| room.get(&group.name)).filter(|found| is_listed(found)) {
            return Some((found.clone(), ROOM));
        }
        let is_open = self.record.tries.get(&address).is_some_and(|last| !last.done);
        let pin = pin.filter(|pin| is_open && !self.is_refused(group, pin));
        pin.map(|pin| (pin.clone(), BEGUN))
    }
}

const RUNS: &str = "it runs";
const ROOM: &str = "there was room for it";
const BEGUN: &str = "a launch of it was begun, and nobody knows its end";

fn address(group: &Nodes) -> Address {
    Address::named(Kind::Nodes, &group.name)
}

/// The spec with the types that are still open.
pub(in crate::apply) fn open_types(spec: &Spec, known: Known<'_>) -> Spec {
    with_groups(spec, |group| match known.fixed(group) {
        Some((fixed, _)) => group.only(|each| each == fixed),
        None => group.only(|each| !known.is_refused(group, each)),
    })
}

/// A group of which nothing would be left stays as it is.
fn with_groups(spec: &Spec, change: impl Fn(&Nodes) -> Option<Nodes>) -> Spec {
    let nodes = spec.nodes.iter().map(|group| change(group).unwrap_or_else(|| group.clone())).collect();
    Spec { nodes, ..spec.clone() }
}

/// The spec without the types that a quota of the account rules out, unless that are all of a group's; and why.
pub(in crate::apply) fn within_quotas(spec: &Spec, survey: &Survey) -> (Spec, BTreeMap<(String, String), String>) {
    let mut out = BTreeMap::new();
    for group in &spec.nodes {
        for instance in group.types() {
            if let Some(why) = quotas::rules_out(group, instance, survey) {
                out.insert((group.name.clone(), instance.to_owned()), why);
            }
        }
    }
    let is_out = |group: &Nodes, instance: &str| out.contains_key(&(group.name.clone(), instance.to_owned()));
    (with_groups(spec, |group| group.only(|each| !is_out(group, each))), out)
}

/// The spec with one type a group: the first that the zone offers.
pub(in crate::apply) fn taken(spec: &Spec, survey: &Survey, zone: &str) -> Spec {
    with_groups(spec, |group| {
        let first = offered(group, &survey.offerings, zone).next().unwrap_or(&group.instance).to_owned();
        group.only(|each| each == first)
    })
}

/// By group with several types in the spec: the one that is taken.
pub(in crate::apply) fn pinned(spec: &Spec, taken: &Spec) -> BTreeMap<String, String> {
    let several = spec.nodes.iter().zip(&taken.nodes).filter(|(group, _)| !group.alternatives.is_empty());
    several.map(|(group, taken)| (group.name.clone(), taken.instance.clone())).collect()
}

/// What became of every type.
pub(in crate::apply) fn told(
    spec: &Spec,
    open: &Spec,
    taken: &Spec,
    known: Known<'_>,
    unfit: &BTreeMap<(String, String), String>,
    survey: &Survey,
    zone: &str,
) -> BTreeMap<Address, Vec<Considered>> {
    let mut all = considered(spec);
    for ((group, open), taken) in spec.nodes.iter().zip(&open.nodes).zip(&taken.nodes) {
        let fixed = known.fixed(group);
        let is_after = |instance: &str| {
            group.types().position(|each| each == instance) > group.types().position(|each| each == taken.instance)
        };
        for each in all.get_mut(&address(group)).into_iter().flatten() {
            let instance = each.instance.clone();
            let is_offered = offered(group, &survey.offerings, zone).any(|offered| offered == instance);
            each.is_taken = instance == taken.instance;
            let is_left = match &fixed {
                Some((_, why)) => *why == BEGUN,
                None => open.types().any(|open| open == instance),
            };
            each.may_be = each.is_taken || is_left;
            each.why = match (&fixed, unfit.get(&(group.name.clone(), instance.clone()))) {
                (Some((_, why)), _) if each.is_taken => (*why).to_owned(),
                (Some((_, why)), _) if *why == ROOM && !is_after(&instance) => {
                    "there was no room for it where it was asked for".to_owned()
                }
                (Some((fixed, BEGUN)), _) => format!("the next, if the launch of {fixed} is refused"),
                (Some((fixed, _)), _) => format!("not while it is {fixed}"),
                (None, _) if known.is_refused(group, &instance) => "its launch was refused in this run".to_owned(),
                (None, Some(why)) => why.clone(),
                (None, None) if each.is_taken => format!("the first of the spec's order that {zone} offers"),
                (None, None) if !is_offered => format!("{zone} does not offer it"),
                (None, None) => "the next, if there is no room before".to_owned(),
            };
        }
    }
    all
}
