//! A plan for a program: the plan's own fields, and a summary beside them so that a gate needs no arithmetic. It is also the
//! saved plan that `up --plan` compares with.

use serde::Serialize;

use crate::plan::{Action, Basis, Cost, Danger, Finding, Plan, Purpose, Step, Verb};

#[derive(Serialize)]
struct Document<'a> {
    format_version: u32,
    summary: Summary,
    purpose: Purpose,
    cluster: &'a str,
    region: &'a str,
    zone: Option<&'a str>,
    compared: bool,
    actions: &'a [Action],
    steps: &'a [Step],
    findings: &'a [Finding],
    cost: &'a Cost,
    basis: Option<&'a Basis>,
}

#[derive(Serialize)]
struct Summary {
    create: usize,
    update: usize,
    replace: usize,
    delete: usize,
    keep: usize,
    worst_danger: Danger,
    has_changes: bool,
    /// An error keeps it from being applied.
    is_refused: bool,
    /// Millionths of a US dollar.
    hourly_micros: i64,
    /// False: some prices are unknown, and the sum is of the others.
    hourly_complete: bool,
}

/// Pretty JSON with a line break at its end. Money is in millionths of a US dollar.
pub fn plan(plan: &Plan) -> String {
    let Plan { format_version, purpose, cluster, region, zone, compared, actions, steps, findings, cost, basis } = plan;
    let (hourly, hourly_complete) = cost.hourly();
    let summary = Summary {
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
    };
    pretty(&Document {
        format_version: *format_version,
        summary,
        purpose: *purpose,
        cluster,
        region,
        zone: zone.as_deref(),
        compared: *compared,
        actions,
        steps,
        findings,
        cost,
        basis: basis.as_ref(),
    })
}

pub(super) fn pretty(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document);
    text.expect("plain data with names as keys has a JSON form") + "\n"
}

pub(super) fn compact(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("plain data with names as keys has a JSON form")
}
