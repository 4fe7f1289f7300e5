//! An independent look at a finished plan: it knows the promises, not how `diff` and `steps` keep them.
//!
//! Runs in every test and before every apply. What it finds is a bug of ours, never the user's fault.

use std::collections::BTreeSet;

use super::model::{Op, Plan, Purpose, Step, Verb};
use crate::desired::{Address, Kind};

/// Every promise that the plan breaks, in words. Empty: none.
pub fn check(plan: &Plan) -> Vec<String> {
    let mut broken = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            broken.push(what);
        }
    };
    let verbs =
        |address: &Address| plan.actions.iter().find(|action| action.address == *address).map(|action| action.verb);
    for (index, step) in plan.steps.iter().enumerate() {
        for after in &step.after {
            must(after.step < index, format!("step {index} ({}) waits for a later one", step.address));
        }
        if step.address.kind == Kind::Task {
            continue;
        }
        let verb = verbs(&step.address);
        let allowed = match &step.op {
            Op::Delete { .. } => {
                matches!(verb, Some(Verb::Delete | Verb::Replace))
                    || step.address.kind == Kind::Nodes
                    || gone_first(plan, step)
            }
            Op::Export => matches!(verb, Some(Verb::Delete | Verb::Replace)),
            Op::Create { .. } => {
                matches!(verb, Some(Verb::Create | Verb::Replace))
                    || step.address.kind == Kind::Nodes
                    || is_made_to_export(plan, step)
            }
            Op::Update { .. } => matches!(verb, Some(Verb::Update | Verb::Replace)) || step.address.kind == Kind::Nodes,
            Op::Settle | Op::Preload => verb.is_some(),
            Op::EndTasks => true,
        };
        if let Op::Create { count, least, .. } = &step.op {
            let is_some = *count > 0 && least.is_none_or(|least| least < *count);
            must(is_some, format!("{} is to bring {count}, and at least {least:?}", step.address));
        }
        must(allowed, format!("a step of {} does more than the plan shows ({:?})", step.address, step.op));
    }
    existing_is_left_alone(plan, &mut must);
    writers_have_ended(plan, &mut must);
    data_is_safe(plan, &mut must);
    one_link_at_a_time(plan, &mut must);
    for (index, step) in plan.steps.iter().enumerate() {
        if matches!(step.address.kind, Kind::Fsx | Kind::MountTarget) && matches!(step.op, Op::Create { .. }) {
            for (other, rules) in
                plan.steps.iter().enumerate().filter(|(_, each)| {
                    each.address.kind == Kind::SecurityGroup && !matches!(each.op, Op::Delete { .. })
                })
            {
                must(precedes(plan, other, index), format!("{} does not wait for {}", step.address, rules.address));
            }
        }
    }
    broken
}

/// A resource that is already on its way out is only waited for.
fn gone_first(plan: &Plan, step: &Step) -> bool {
    plan.steps.iter().any(|other| other.address == step.address && matches!(other.op, Op::Create { .. }))
}

/// A link may be made only to be exported and deleted.
fn is_made_to_export(plan: &Plan, step: &Step) -> bool {
    let has =
        |wanted: fn(&Op) -> bool| plan.steps.iter().any(|other| other.address == step.address && wanted(&other.op));
    step.address.kind == Kind::Link && has(|op| *op == Op::Export) && has(|op| matches!(op, Op::Delete { .. }))
}

/// Nothing is done to a file system that is not ours: no step names it, and none is about a file system unless it goes and is
/// another one.
fn existing_is_left_alone(plan: &Plan, must: &mut impl FnMut(bool, String)) {
    let Some(existing) = &plan.existing else { return };
    for step in plan.steps.iter().filter(|step| step.address.kind.is_storage()) {
        let goes = matches!(&step.op, Op::Delete { ids } if !ids.contains(existing));
        must(goes, format!("{existing} is not ours, and a step is about it ({:?})", step.op));
    }
    let tasks = indices(plan, |step| step.op == Op::EndTasks);
    let deletes = indices(plan, |step| step.address.kind.is_storage());
    must(tasks.is_empty() || !deletes.is_empty(), format!("tasks of {existing} are ended, which is not ours"));
}

/// What a node writes after the last export has no way to S3.
fn writers_have_ended(plan: &Plan, must: &mut impl FnMut(bool, String)) {
    if plan.purpose != Purpose::Down {
        return;
    }
    let ended = indices(plan, |step| step.address.kind == Kind::Nodes && matches!(step.op, Op::Delete { .. }));
    for export in indices(plan, |step| step.op == Op::Export) {
        for nodes in &ended {
            let (link, nodes_of) = (&plan.steps[export].address, &plan.steps[*nodes].address);
            must(precedes(plan, *nodes, export), format!("{link} is exported before {nodes_of} have ended"));
        }
    }
}

/// No link and no file system goes before every export that the plan has, and no file system before its nodes and links.
fn data_is_safe(plan: &Plan, must: &mut impl FnMut(bool, String)) {
    let exports: Vec<usize> = indices(plan, |step| step.op == Op::Export);
    let doomed = indices(plan, |step| {
        matches!(step.op, Op::Delete { .. }) && (step.address.kind == Kind::Link || step.address.kind.is_storage())
    });
    for index in &doomed {
        for export in &exports {
            must(
                precedes(plan, *export, *index),
                format!("{} goes before {} is exported", plan.steps[*index].address, plan.steps[*export].address),
            );
        }
    }
    for index in doomed.into_iter().filter(|index| plan.steps[*index].address.kind.is_storage()) {
        for other in indices(plan, |step| {
            let before = matches!(step.address.kind, Kind::Link | Kind::MountTarget | Kind::Nodes);
            before && matches!(step.op, Op::Delete { .. })
        }) {
            must(precedes(plan, other, index), format!("the file system goes before {}", plan.steps[other].address));
        }
    }
}

fn one_link_at_a_time(plan: &Plan, must: &mut impl FnMut(bool, String)) {
    let links = indices(plan, |step| {
        step.address.kind == Kind::Link && matches!(step.op, Op::Create { .. } | Op::Delete { .. } | Op::Update { .. })
    });
    for pair in links.windows(2) {
        must(
            precedes(plan, pair[0], pair[1]),
            format!("{} and {} are changed at once", plan.steps[pair[0]].address, plan.steps[pair[1]].address),
        );
    }
}

fn indices(plan: &Plan, matches: impl Fn(&Step) -> bool) -> Vec<usize> {
    plan.steps.iter().enumerate().filter(|(_, step)| matches(step)).map(|(index, _)| index).collect()
}

/// Whether one step has to end before another may start.
fn precedes(plan: &Plan, first: usize, then: usize) -> bool {
    let mut reached = BTreeSet::from([then]);
    let mut open = vec![then];
    while let Some(index) = open.pop() {
        for after in plan.steps.get(index).map(|step| step.after.as_slice()).unwrap_or_default() {
            if after.step == first {
                return true;
            }
            if reached.insert(after.step) {
                open.push(after.step);
            }
        }
    }
    false
}
