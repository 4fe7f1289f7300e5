//! How fast one node can read: its network, and what FSx gives one client.

use crate::catalog::instances::{self, InstanceType};
use crate::catalog::services::{self, Value};
use crate::spec::{NodeEfa, Nodes};

/// Bytes a second in a Gbps.
const GBPS: u64 = 125_000_000;

/// A part of a whole, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    part: u64,
    of: u64,
}

impl Share {
    /// Rounded up.
    pub(super) fn of(self, whole: u64) -> u64 {
        let part = (u128::from(whole) * u128::from(self.part)).div_ceil(u128::from(self.of.max(1)));
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

fn weight(group: &Nodes) -> u64 {
    let gpus = |facts: &InstanceType| facts.accelerators.as_ref().map(|each| u64::from(each.count));
    instances::get(&group.instance).and_then(gpus).unwrap_or(0)
}

/// What one node of a group has of the whole work: by GPUs where any group has some, else all nodes alike.
pub(super) fn share(group: &Nodes, nodes: &[Nodes]) -> Share {
    let gpus: u64 = nodes.iter().map(|each| weight(each).saturating_mul(u64::from(each.count))).sum();
    if gpus > 0 {
        return Share { part: weight(group), of: gpus };
    }
    Share { part: 1, of: nodes.iter().map(|each| u64::from(each.count)).sum() }
}

/// That of the node with the most to do.
pub(super) fn largest_share(nodes: &[Nodes]) -> Share {
    nodes.iter().map(|group| share(group, nodes)).max_by_key(|share| share.part).unwrap_or(Share { part: 0, of: 1 })
}

/// What a node can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ceiling {
    /// Bytes a second.
    pub(super) rate: u64,
    /// False: AWS says "up to", or nobody knows the type's network.
    pub(super) sure: bool,
}

/// A figure of FSx for Lustre that the table has.
fn figure(name: &str) -> u64 {
    match services::get("fsx-lustre", name).map(|fact| fact.value) {
        Some(Value::Number(rate)) => rate,
        Some(Value::Any | Value::Yes | Value::No | Value::Unknown) | None => u64::MAX,
    }
}

/// Over TCP through one network card: no more than the card, than FSx gives a client, and than each server gives it.
fn tcp(facts: Option<&InstanceType>, servers: u32) -> Ceiling {
    let card = card(facts);
    let of_fsx = figure("node-tcp").min(figure("node-tcp-server").saturating_mul(u64::from(servers)));
    Ceiling { rate: card.map_or(of_fsx, |card| card.rate.min(of_fsx)), sure: card.is_some_and(|card| card.sure) }
}

/// One network card of a type; None: not in the table.
pub(super) fn card(facts: Option<&InstanceType>) -> Option<Ceiling> {
    let facts = facts?;
    let network = facts.network()?;
    let rate = u64::from(network.gbps) * GBPS / u64::from(facts.network_cards.max(1));
    Some(Ceiling { rate, sure: network.sustained })
}

/// Whether nodes of a group reach a file system with EFA over it.
pub(super) fn over_efa(group: &Nodes) -> bool {
    group.efa == NodeEfa::On && instances::get(&group.instance).is_some_and(|facts| facts.lustre_efa)
}

/// What one node of a group can take of a file system of so many object servers.
pub(super) fn ceiling(group: &Nodes, storage_efa: bool, servers: u32) -> Ceiling {
    let facts = instances::get(&group.instance);
    let plain = tcp(facts, servers);
    if !(storage_efa && over_efa(group)) {
        return plain;
    }
    let interfaces = facts.map_or(0, InstanceType::lustre_efa_interfaces);
    match card(facts) {
        Some(card) => {
            let rate = card.rate.saturating_mul(u64::from(interfaces)).min(figure("node-efa"));
            Ceiling { rate, sure: card.sure }
        }
        None => Ceiling { rate: figure("node-efa"), sure: false },
    }
}

/// The least object servers with which a node takes so many bytes a second over TCP, as far as FSx lets it.
pub(super) fn servers_for(rate: u64) -> u32 {
    let rate = rate.min(figure("node-tcp"));
    u32::try_from(rate.div_ceil(figure("node-tcp-server").max(1))).unwrap_or(u32::MAX)
}
