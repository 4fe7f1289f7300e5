//! How far a group of nodes is filled: a launch may bring fewer nodes than it asks for, and be well for all that.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::context::Context;
use super::event::What;
use crate::cloud::{Class, Clock, Cloud, CloudError, Remains};
use crate::desired::{Address, NO_PEERS, PEER_DIGITS, Resource, TAG_PEERS};
use crate::plan::Op;

/// Characters (EC2 User Guide, "Tag restrictions"): enough for 51 nodes.
const TAG_VALUE_MAX: usize = 256;

/// What the launches of a run have brought, group by group.
#[derive(Debug, Default)]
pub(super) struct Fill(Mutex<BTreeMap<Address, Launched>>);

#[derive(Debug, Default, Clone)]
struct Launched {
    ids: Vec<String>,
    /// So many did not come that were asked for.
    short: u32,
}

/// A group that runs with fewer nodes than it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartlyFilled {
    pub address: Address,
    pub nodes: u32,
    pub count: u32,
}

impl Fill {
    fn of(&self, address: &Address) -> Launched {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned().unwrap_or_default()
    }

    fn add(&self, address: &Address, ids: &[String], asked: u32) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let launched = groups.entry(address.clone()).or_default();
        launched.ids.extend_from_slice(ids);
        launched.short += asked.saturating_sub(number(ids.len()));
    }
}

impl<C, K> Context<C, K> {
    /// How many nodes a group has once `added` are there; 1 of everything else.
    pub(super) fn expected(&self, address: &Address, added: u32) -> u32 {
        match self.desired.resources.get(address).map(|wanted| &wanted.resource) {
            Some(Resource::Nodes(group)) => group.count.max(added).saturating_sub(self.fill.of(address).short),
            _ => 1,
        }
    }

    /// The nodes of a group that are there when a step of its begins.
    fn present(&self, index: usize, address: &Address) -> Vec<String> {
        let before = self.plan.steps.iter().take(index).filter(|step| step.address == *address);
        let gone: Vec<&String> = before
            .filter_map(|step| if let Op::Delete { ids } = &step.op { Some(ids) } else { None })
            .flatten()
            .collect();
        let stay = self.observed.nodes_of(address).map(|node| &node.id).filter(|id| !gone.contains(id)).cloned();
        stay.chain(self.fill.of(address).ids).collect()
    }

    /// Whom the nodes of a launch join, as a tag for them: None where that needs not be said, or is too long for one.
    pub(super) fn peers(&self, index: usize, address: &Address, resource: &Resource) -> Option<(String, String)> {
        let Resource::Nodes(group) = resource else { return None };
        if group.min_count >= group.count {
            return None;
        }
        let mut peers = self.present(index, address);
        peers.sort();
        let ends: Vec<&str> = peers.iter().filter_map(|id| id.get(id.len().checked_sub(PEER_DIGITS)?..)).collect();
        let value = if ends.is_empty() { NO_PEERS.to_owned() } else { ends.join(" ") };
        (value.len() <= TAG_VALUE_MAX).then(|| (TAG_PEERS.to_owned(), value))
    }

    /// Groups that this run leaves partly filled.
    pub(super) fn partly_filled(&self) -> Vec<PartlyFilled> {
        let of_group = |(index, address): (usize, &Address)| {
            let Some(Resource::Nodes(group)) = self.desired.resources.get(address).map(|wanted| &wanted.resource)
            else {
                return None;
            };
            let nodes = number(self.present(index, address).len());
            let is_short = self.fill.of(address).short > 0 && nodes < group.count;
            is_short.then(|| PartlyFilled { address: address.clone(), nodes, count: group.count })
        };
        let end = self.plan.steps.len();
        self.desired.resources.keys().map(|address| (end, address)).filter_map(of_group).collect()
    }
}

impl<C: Cloud, K: Clock> Context<C, K> {
    /// A launch has brought some, and says so where it was asked for more. `asked`: by the call.
    pub(super) fn launched(
        &self,
        index: usize,
        address: &Address,
        ids: &[String],
        asked: u32,
        error: Option<CloudError>,
    ) {
        self.fill.add(address, ids, asked);
        if number(ids.len()) >= asked {
            return;
        }
        if let Some(Resource::Nodes(group)) = self.desired.resources.get(address).map(|wanted| &wanted.resource) {
            let (nodes, count) = (number(self.present(index, address).len()), group.count);
            self.emit(What::PartlyFilled { step: index, address: address.clone(), nodes, count, error });
        }
    }
}

fn number(nodes: usize) -> u32 {
    u32::try_from(nodes).unwrap_or(u32::MAX)
}

/// The cloud has no more of them, or the account may have no more: nothing came of the call, and nothing is wrong with it.
pub(super) fn is_used_up(error: &CloudError) -> bool {
    matches!(error.class, Class::Capacity | Class::ReservationFull | Class::Quota) && error.remains == Remains::Nothing
}
