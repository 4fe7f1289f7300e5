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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Capacity, Image, Market, Placement};

    fn group(instance: &str, count: u32, efa: NodeEfa) -> Nodes {
        Nodes {
            name: "n".to_owned(),
            instance: instance.to_owned(),
            alternatives: Vec::new(),
            count,
            min_count: None,
            image: Image::Id("ami-1".to_owned()),
            market: Market::OnDemand,
            capacity: Capacity::None,
            efa,
            placement: Placement::None,
            setup: None,
            max_away: None,
            root_volume_gib: 200,
        }
    }

    #[test]
    fn ceilings() {
        let of = |instance: &str, efa, storage_efa, servers| {
            let Ceiling { rate, sure } = ceiling(&group(instance, 2, efa), storage_efa, servers);
            (rate / 1_000_000, sure)
        };
        assert_eq!(of("p5.48xlarge", NodeEfa::On, false, 4), (2500, true), "5 Gbps from each of four servers");
        assert_eq!(of("p5.48xlarge", NodeEfa::On, false, 100), (12_500, true), "one card");
        assert_eq!(of("p5.48xlarge", NodeEfa::On, true, 4), (87_500, true), "eight cards, of which FSx takes 700 Gbps");
        assert_eq!(of("p5.48xlarge", NodeEfa::Off, true, 100), (12_500, true), "EFA is off");
        assert_eq!(of("p4d.24xlarge", NodeEfa::On, true, 100), (12_500, true), "its EFA does not reach Lustre");
        assert_eq!(of("g6e.24xlarge", NodeEfa::On, true, 100), (25_000, true), "two cards");
        assert_eq!(of("g6e.4xlarge", NodeEfa::Off, false, 100), (2500, true));
        assert_eq!(of("g5.xlarge", NodeEfa::Off, false, 100), (1250, false), "AWS says up to");
        assert_eq!(of("zz9.huge", NodeEfa::Off, false, 2), (1250, false), "nobody knows its network");
    }

    #[test]
    fn shares_follow_gpus_else_nodes() {
        let mixed = [group("p5.48xlarge", 2, NodeEfa::On), group("c7i.large", 3, NodeEfa::Off)];
        assert_eq!((share(&mixed[0], &mixed).of(1000), share(&mixed[1], &mixed).of(1000)), (500, 0));
        let plain = [group("c7i.large", 3, NodeEfa::Off), group("m7i.large", 1, NodeEfa::Off)];
        assert_eq!((share(&plain[0], &plain).of(1000), largest_share(&plain).of(1001)), (250, 251));
        assert_eq!(largest_share(&[]).of(u64::MAX), 0);
    }

    #[test]
    fn servers_for_a_rate() {
        assert_eq!((servers_for(0), servers_for(1), servers_for(625_000_001)), (0, 1, 2));
        assert_eq!(servers_for(u64::MAX), 20, "a hundred gigabits are all there is");
    }
}
