//! Desired − observed = a plan: what will happen, why, in which order, what it costs, and what speaks against it. Pure.

mod basis;
mod block;
mod budget;
mod cached;
mod check;
mod cost;
mod cover;
mod danger;
mod diff;
mod efs;
mod held;
mod model;
mod nodes;
mod not_ours;
mod outside;
mod paid;
mod preload;
mod replace;
mod rules;
mod safety;
mod saved;
mod since;
mod sizing;
mod steps;
mod storage;
mod summary;
mod topology;

pub use basis::{Basis, Condition, Found, Sources};
pub use block::CapacityBlock;
pub use check::check;
pub use cost::{Cost, CostItem, Line, Meter, PriceSource, Sum};
pub use cover::covers;
pub use diff::{EPOCHS_A_TRY, Input, Options};
pub use held::held;
pub use model::{
    Action, After, Alternative, Alternatives, Change, Danger, FORMAT_VERSION, Finding, Lives, Op, Plan, Purpose, Step,
    Verb,
};
pub use nodes::{NODE_BOOTS_MIN, NODE_ENDS_MIN};
pub use outside::{Counted, Outside, outside_links, say_outside};
pub use paid::existing;
pub use saved::Saved;
pub use sizing::{Proposal, Sizing};
pub use summary::of_existing;
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
    let cost = paid::cost(input, &outcome, prices);
    let mut findings = outcome.findings;
    findings.extend(budget::check(input.purpose, input.desired.budget, &cost));
    findings.extend(budget::unused_prices(prices));
    findings.extend(preload::check(input, &outcome.actions));
    Plan {
        format_version: FORMAT_VERSION,
        purpose: input.purpose,
        cluster: input.desired.id.cluster.clone(),
        region: input.desired.id.region.clone(),
        existing: input
            .observed
            .existing
            .as_ref()
            .map(|existing| existing.id.clone())
            .or_else(|| input.desired.existing.clone()),
        zone: zone.filter(|zone| !zone.is_empty()),
        place: None,
        compared: true,
        actions: outcome.actions,
        steps,
        findings,
        alternatives: paid::alternatives(input.desired, prices),
        blocks: Vec::new(),
        cost,
        sizing: None,
        topology,
        basis: None,
    }
}
