//! Desired − observed = a plan: what will happen, why, in which order, what it costs, and what speaks against it. Pure.

mod basis;
mod check;
mod cost;
mod cover;
mod diff;
mod model;
mod nodes;
mod rules;
mod safety;
mod saved;
mod since;
mod steps;
mod summary;

pub use basis::{Basis, Condition, Found, Sources};
pub use check::check;
pub use cover::covers;
pub use diff::{Input, Options};
pub use model::{
    Action, After, Change, Cost, CostItem, Danger, FORMAT_VERSION, Finding, Op, Plan, Purpose, Step, Verb,
};
pub use saved::Saved;

use crate::catalog::prices::Prices;
use crate::desired::Resource;

/// Makes the plan.
pub fn plan(input: &Input<'_>, prices: &Prices) -> Plan {
    let mut outcome = diff::diff(input);
    safety::check(input, &mut outcome);
    let steps = steps::steps(input, &outcome);
    let zone = input.desired.resources.values().find_map(|wanted| match &wanted.resource {
        Resource::Nodes(group) => Some(group.zone.clone()),
        _ => None,
    });
    Plan {
        format_version: FORMAT_VERSION,
        purpose: input.purpose,
        cluster: input.desired.id.cluster.clone(),
        region: input.desired.id.region.clone(),
        zone: zone.filter(|zone| !zone.is_empty()),
        compared: true,
        actions: outcome.actions,
        steps,
        findings: outcome.findings,
        cost: cost::cost(input.desired, prices),
        basis: None,
    }
}
