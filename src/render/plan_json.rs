//! A plan for a program: the plan's own fields, and a summary beside them so that a gate needs no arithmetic. It is also the
//! saved plan that `up --plan` compares with.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{plan_cost, plan_facts};
use crate::plan::{
    Action, Alternatives, Basis, CapacityBlock, Cost, Danger, FORMAT_VERSION, Finding, Lives, Plan, Purpose, Sizing,
    Step, Topology, Verb,
};

/// What `provision plan --format json` prints. New fields may come; none changes its meaning.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Plan")]
struct Document<'a> {
    /// The format of this document.
    #[schemars(extend("const" = FORMAT_VERSION))]
    format_version: u32,
    summary: Summary<'a>,
    purpose: Purpose,
    cluster: &'a str,
    region: &'a str,
    /// Id of a file system that exists and is not ours; absent where there is none. No step is about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    existing: Option<&'a str>,
    /// The availability zone; null where none is known or nothing is wanted.
    zone: Option<&'a str>,
    /// The subnet behind it, and why it was chosen; null when nothing is wanted or nothing was looked at.
    place: Option<&'a Lives>,
    /// False: made from the spec alone, without a look at what exists.
    compared: bool,
    /// Every resource, changed or not, in the order shown.
    actions: &'a [Action],
    /// What is done for them, each step after those that it names.
    steps: &'a [Step],
    /// What to know before saying yes, the worst first.
    findings: Vec<&'a Finding>,
    /// Groups that may be of several types: each type's price, which one is taken and why. Absent where there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alternatives: &'a [Alternatives],
    /// Capacity Blocks that nodes are launched into, with the moments that matter. Absent where there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    blocks: &'a [CapacityBlock],
    cost: &'a Cost,
    /// How storage was sized for the workload; absent where the spec says its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    sizing: Option<&'a Sizing>,
    topology: &'a Topology,
    /// What `up --plan` compares; null where it applies nothing.
    basis: Option<&'a Basis>,
}

/// The plan in figures, so that a gate needs no arithmetic.
#[derive(Serialize, JsonSchema)]
struct Summary<'a> {
    /// The line that every face of a plan begins with.
    headline: String,
    create: usize,
    update: usize,
    replace: usize,
    delete: usize,
    keep: usize,
    /// The class of the most dangerous action.
    worst_danger: Danger,
    has_changes: bool,
    /// An error keeps it from being applied.
    is_refused: bool,
    /// Millionths of a US dollar.
    hourly_micros: i64,
    /// False: some prices are unknown, and the sum is of the others.
    hourly_complete: bool,
    cost: plan_cost::Sums<'a>,
}

/// Pretty JSON with a line break at its end. Money is in millionths of a US dollar.
pub fn plan(plan: &Plan) -> String {
    let Plan {
        format_version,
        purpose,
        cluster,
        region,
        existing,
        zone,
        place,
        compared,
        actions,
        steps,
        alternatives,
        blocks,
        cost,
        sizing,
        topology,
        basis,
        ..
    } = plan;
    let (hourly, hourly_complete) = cost.hourly();
    let summary = Summary {
        headline: plan_facts::headline(plan),
        create: plan.count(Verb::Create),
        update: plan.count(Verb::Update),
        replace: plan.count(Verb::Replace),
        delete: plan.count(Verb::Delete),
        keep: plan.count(Verb::Keep),
        worst_danger: plan.worst(),
        has_changes: plan.has_changes(),
        is_refused: plan.is_refused(),
        hourly_micros: hourly.micros(),
        hourly_complete,
        cost: plan_cost::sums(plan),
    };
    pretty(&Document {
        format_version: *format_version,
        summary,
        purpose: *purpose,
        cluster,
        region,
        existing: existing.as_deref(),
        zone: zone.as_deref(),
        place: place.as_ref(),
        compared: *compared,
        actions,
        steps,
        findings: plan_facts::findings(plan),
        alternatives,
        blocks,
        cost,
        sizing: sizing.as_ref(),
        topology,
        basis: basis.as_ref(),
    })
}

/// The JSON Schema of what [`plan`] returns.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document<'_>>()
}

pub(super) fn pretty(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document);
    text.expect("plain data with names as keys has a JSON form") + "\n"
}

pub(super) fn compact(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("plain data with names as keys has a JSON form")
}
