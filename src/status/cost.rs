//! What a cluster costs as it is, not as it is wanted.

use super::build::Facts;
use super::model::{Group, NodeRow};
use crate::catalog::prices::{Prices, Usd};
use crate::desired::Address;
use crate::observed::{NodeState, Observed};
use crate::plan::Plan;

/// What runs now costs: the plan's prices, for as many nodes as there are. What no plan knows has only its list price.
pub(super) fn hourly(
    observed: &Observed,
    plan: Option<&Plan>,
    groups: &[Group],
    facts: &Facts<'_>,
    prices: &Prices,
) -> (Usd, bool) {
    let mut sum = Usd::ZERO;
    let mut is_complete = true;
    let mut add = |price: Option<Usd>| match price {
        Some(price) => sum += price,
        None => is_complete = false,
    };
    let items = |address: &Address| {
        let all = plan.iter().flat_map(|plan| &plan.cost.items);
        all.filter(|item| item.address == *address).collect::<Vec<_>>()
    };
    if let Some(seen) = observed.file_system() {
        // One that is to be changed does not cost what the plan says.
        let changes = plan.is_some_and(|plan| {
            let mut actions = plan.actions.iter();
            actions.any(|each| each.address == seen.address && !each.changes.is_empty())
        });
        let items = items(&seen.address);
        if changes || items.is_empty() {
            add(None);
        } else {
            for item in items {
                add(item.hourly);
            }
        }
    }
    for group in groups {
        let billed: Vec<&NodeRow> =
            group.nodes.iter().filter(|row| matches!(row.state, NodeState::Pending | NodeState::Running)).collect();
        let items = items(&group.address);
        let number = billed.len() as u64;
        match group.wanted {
            Some(wanted) if wanted > 0 && !items.is_empty() && number > 0 => {
                for item in items {
                    add(item.hourly.map(|all| all.times(number).divided_by(u64::from(wanted))));
                }
            }
            Some(_) | None => {
                for row in billed {
                    let price =
                        prices.instance_hour(&row.instance).filter(|_| !row.spot && prices.covers(facts.region));
                    add(price);
                    // Its volume is not seen.
                    add(None);
                }
            }
        }
    }
    (sum, is_complete)
}
