//! Desired − observed = a plan: what will happen, why, in which order, what it costs, and what speaks against it. Pure.

mod check;
mod cost;
mod danger;
mod diff;
mod model;
mod nodes;
mod rules;
mod safety;
mod steps;
mod summary;
mod topology;

pub use check::check;
pub use diff::{Input, Options};
pub use model::{
    Action, After, Change, Cost, CostItem, Danger, FORMAT_VERSION, Finding, Op, Plan, Purpose, Step, Verb,
};
pub use topology::{Flow, Part, Tier, Topology};

use crate::catalog::prices::Prices;
use crate::desired::Resource;

/// Makes the plan.
pub fn plan(input: &Input<'_>, prices: &Prices) -> Plan {
    let mut outcome = diff::diff(input);
    safety::check(input, &mut outcome);
    danger::explain(&mut outcome);
    let steps = steps::steps(input, &outcome);
    let topology = topology::topology(input, &outcome.actions);
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
        topology,
    }
}
