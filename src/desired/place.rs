//! Where a cluster lives: one subnet, and with it one availability zone, chosen before anything is made.
//!
//! A file system is nailed to its zone, so a zone without the GPUs, or a subnet without free addresses, is ruled out here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::favour::{self, favour};
use super::sized::PinnedStorage;
use crate::catalog::{file_cache, fsx};
use crate::cloud::{ImageFacts, Reservation, Subnet, Survey};
use crate::diagnostic::Diagnostic;
use crate::spec::{Image, Market, MetadataIops, Nodes, Service, Spec, Storage};

/// What was settled at the first `up` and stays: kept in the deployment record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    pub place: Option<Place>,
    /// Why it is that place; None where an older version chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// By the image as the spec writes it.
    #[serde(default)]
    pub images: BTreeMap<String, PinnedImage>,
    /// By group with several types to choose from: the one that it was launched as last, or is about to be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
    /// `fs-…`: the file system of somebody else's that the links are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// What the storage was sized to, where `[workload]` does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<PinnedStorage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub subnet: String,
    pub vpc: String,
    pub zone: String,
}

impl From<&Subnet> for Place {
    fn from(subnet: &Subnet) -> Self {
        Self { subnet: subnet.id.clone(), vpc: subnet.vpc.clone(), zone: subnet.zone.clone() }
    }
}

/// Why a cluster is to live where it does, and where else it could or could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What speaks for the chosen place.
    pub reasons: Vec<String>,
    /// Nothing speaks against these, in the order in which they would have been chosen.
    #[serde(default)]
    pub others: Vec<Place>,
    #[serde(default)]
    pub ruled_out: Vec<RuledOut>,
}

/// A place that cannot hold the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuledOut {
    pub place: Place,
    /// What speaks against it: one or more.
    pub against: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedImage {
    pub id: String,
    pub architecture: String,
    pub root_device: String,
    pub root_gib: u32,
}

impl From<&ImageFacts> for PinnedImage {
    fn from(facts: &ImageFacts) -> Self {
        let ImageFacts { id, name: _, architecture, root_device, root_gib } = facts;
        Self {
            id: id.clone(),
            architecture: architecture.clone(),
            root_device: root_device.clone(),
            root_gib: *root_gib,
        }
    }
}

/// How many addresses of the subnet a cluster takes: one a server of the file system, one a node.
///
/// EFA-only interfaces take none (EC2 User Guide, "EFA-only interfaces"), and every type has exactly one interface with an address.
pub fn addresses_needed(spec: &Spec) -> u32 {
    let nodes: u32 = spec.nodes.iter().map(|group| group.count).sum();
    nodes.saturating_add(servers(&spec.storage))
}

/// How many servers a file system has; 0 where its size is not known yet.
fn servers(storage: &Storage) -> u32 {
    if storage.existing.is_some() {
        return 0;
    }
    match storage.service {
        Service::FsxLustre => {}
        // Its mount target.
        Service::Efs(_) => return 1,
        Service::FileCache => return file_cache::servers(storage.capacity_gib.unwrap_or(0)),
    }
    let kind = storage.kind();
    let metadata = match (storage.metadata_iops, storage.capacity_gib) {
        (Some(MetadataIops::Provisioned(iops)), _) => Some(iops),
        (Some(MetadataIops::Auto), Some(gib)) => Some(fsx::automatic_metadata_iops(gib)),
        (Some(MetadataIops::Auto) | None, _) => None,
    };
    let Storage { throughput_per_tib, efa, capacity_gib, throughput, .. } = storage;
    fsx::server_count(kind, *throughput_per_tib, *efa, *capacity_gib, *throughput, metadata).unwrap_or(0)
}

/// A candidate and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub subnet: Subnet,
    /// Empty: nothing.
    pub against: Vec<String>,
    /// Of each group, how far down its list the first type stands that the zone offers.
    pub ranks: Vec<usize>,
    /// Of each group, how much is known in favour of the zone.
    pub favour: Vec<u32>,
}

/// The types of a group that a zone offers, in order of preference.
pub fn offered<'a>(
    group: &'a Nodes,
    offerings: &'a BTreeMap<String, BTreeSet<String>>,
    zone: &'a str,
) -> impl Iterator<Item = &'a str> {
    group.types().filter(move |each| offerings.get(*each).is_some_and(|zones| zones.contains(zone)))
}

/// Every candidate with what speaks against it, in the order of preference: as the spec lists them, else by zone.
pub fn candidates(spec: &Spec, survey: &Survey, addresses: u32) -> Vec<Candidate> {
    let mut subnets = survey.subnets.clone();
    let listed = |subnet: &Subnet| spec.network.subnets.iter().position(|id| *id == subnet.id);
    subnets.sort_by(|a, b| (listed(a), &a.zone, &a.id).cmp(&(listed(b), &b.zone, &b.id)));
    subnets
        .into_iter()
        .map(|subnet| {
            let mut against = Vec::new();
            let mut ranks = Vec::new();
            for group in &spec.nodes {
                let first = offered(group, &survey.offerings, &subnet.zone).next();
                if first.is_none() {
                    let types: Vec<&str> = group.types().collect();
                    against.push(format!("does not offer {}", types.join(" or ")));
                }
                ranks.push(group.types().position(|each| Some(each) == first).unwrap_or(usize::MAX));
            }
            against.sort_unstable();
            against.dedup();
            for (group, _, reserved) in reserved(spec, survey).filter(|(_, _, each)| each.zone != subnet.zone) {
                against.push(format!("the capacity reserved for nodes.{group} is in {}", reserved.zone));
            }
            if subnet.free_addresses < addresses {
                against.push(format!("{} free addresses, {addresses} needed", subnet.free_addresses));
            }
            let favour = favour(spec, survey, &subnet);
            Candidate { subnet, against, ranks, favour }
        })
        .collect()
}

/// The best of the candidates that nothing speaks against, and why.
///
/// A better type comes before everything else, and the first group counts most. Among zones that are equal in that, one that
/// an earlier run had settled on (`before`) stays; else what is known in favour of a zone counts, and then the spec's order.
pub fn choose(spec: &Spec, survey: &Survey, before: Option<&Place>) -> Result<(Place, Choice), Diagnostic> {
    let (mut possible, ruled_out): (Vec<Candidate>, Vec<Candidate>) =
        candidates(spec, survey, addresses_needed(spec)).into_iter().partition(|each| each.against.is_empty());
    let listed_first = possible.first().map(|each| each.ranks.clone());
    let was_settled = |each: &Candidate| before.is_some_and(|before| Place::from(&each.subnet) == *before);
    possible.sort_by_key(|each| (each.ranks.clone(), !was_settled(each), Reverse(each.favour.clone())));
    if let Some((first, others)) = possible.split_first() {
        let is_preferred = listed_first.as_ref() != Some(&first.ranks);
        let elsewhere: Vec<&Subnet> = others.iter().map(|each| &each.subnet).collect();
        let reasons = if was_settled(first) {
            vec!["an earlier run had settled on it, and nothing speaks against it".to_owned()]
        } else if is_preferred {
            [preferred(spec, survey, &first.subnet), favour::reasons(spec, survey, &first.subnet, &elsewhere)].concat()
        } else {
            reasons(spec, survey, first, others)
        };
        let choice = Choice {
            reasons,
            others: others.iter().map(|each| (&each.subnet).into()).collect(),
            ruled_out: ruled_out
                .into_iter()
                .map(|Candidate { subnet, against, .. }| RuledOut { place: (&subnet).into(), against })
                .collect(),
        };
        return Ok(((&first.subnet).into(), choice));
    }
    let mut diagnostic = if ruled_out.is_empty() {
        Diagnostic::error("place::subnet", "there is no subnet to put the cluster in")
            .note("the spec names no subnets, and the region has no default VPC with default subnets")
            .help("name subnets of yours: `[network] subnets = [\"subnet-…\"]`")
    } else {
        Diagnostic::error("place::zone", "no availability zone can hold the whole cluster")
            .help("name subnets in other zones under `[network]`, or take another instance type")
    };
    for Candidate { subnet, against, .. } in &ruled_out {
        diagnostic = diagnostic.note(format!("{} ({}): {}", subnet.zone, subnet.id, against.join("; ")));
    }
    Err(diagnostic)
}

/// What speaks for one that comes before those that stand before it.
fn preferred(spec: &Spec, survey: &Survey, subnet: &Subnet) -> Vec<String> {
    let types: Vec<String> = spec
        .nodes
        .iter()
        .filter(|group| !group.alternatives.is_empty())
        .filter_map(|group| {
            let first = offered(group, &survey.offerings, &subnet.zone).next()?;
            Some(format!("{first} for nodes.{}", group.name))
        })
        .collect();
    vec![format!("it offers what the spec prefers: {}", types.join(", "))]
}

/// What speaks for the first of the possible candidates.
fn reasons(spec: &Spec, survey: &Survey, first: &Candidate, others: &[Candidate]) -> Vec<String> {
    let Candidate { subnet, favour, .. } = first;
    let mut reasons: Vec<String> = reserved(spec, survey)
        .filter(|(_, _, reserved)| reserved.zone == subnet.zone)
        .map(|(group, id, _)| format!("the capacity reserved for nodes.{group} is there ({id})"))
        .collect();
    let elsewhere: Vec<&Subnet> = others.iter().map(|each| &each.subnet).collect();
    reasons.extend(favour::reasons(spec, survey, subnet, &elsewhere));
    let equal: Vec<&Candidate> = others.iter().filter(|other| other.ranks == first.ranks).collect();
    let is_ahead = equal.iter().any(|other| other.favour < *favour);
    let is_alone = others.is_empty() || equal.iter().all(|other| other.favour < *favour);
    reasons.push(match (others.is_empty(), is_ahead, spec.network.subnets.is_empty()) {
        (true, ..) => "it is the only one that nothing speaks against".to_owned(),
        // More speaks for it than for any other: that was the reason.
        (false, true, _) if is_alone => return reasons,
        (false, true, false) => "of those with as much in their favour it is the first in the spec".to_owned(),
        (false, true, true) => "of those with as much in their favour it is the first by name".to_owned(),
        (false, false, false) => "of the subnets in the spec it is the first that nothing speaks against".to_owned(),
        (false, false, true) => {
            "by name it is the first zone of the default VPC that nothing speaks against".to_owned()
        }
    });
    reasons
}

/// The reservations that groups are to be launched into, by group and id, as far as they were found.
fn reserved<'a>(spec: &'a Spec, survey: &'a Survey) -> impl Iterator<Item = (&'a str, &'a str, &'a Reservation)> {
    spec.nodes.iter().filter_map(|group| match &group.market {
        Market::CapacityBlock(id) | Market::Reservation(id) => {
            let found = survey.reservations.get(id)?.as_ref()?;
            Some((group.name.as_str(), id.as_str(), found))
        }
        Market::OnDemand | Market::Spot => None,
    })
}

/// The image as the spec writes it: the key by which it is pinned.
pub fn image_key(image: &Image) -> String {
    match image {
        Image::Parameter(name) => format!("ssm:{name}"),
        Image::Id(id) => id.clone(),
    }
}
