//! What a later round of a run may do that is bound to a plan: finish what was begun, and no more.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Action, Change, Op, Plan, Verb};
use crate::desired::Address;

/// Whether a later plan of the same run does nothing that the one agreed to does not: what was begun may be finished, and
/// nothing else is begun.
pub fn covers(agreed: &Plan, later: &Plan) -> bool {
    let known: BTreeMap<&Address, &Action> = agreed.actions.iter().map(|action| (&action.address, action)).collect();
    let actions = later.actions.iter().filter(|action| action.verb != Verb::Keep).all(|action| {
        known.get(&action.address).is_some_and(|agreed| {
            let is_begun = match (agreed.verb, action.verb) {
                (Verb::Create, Verb::Create | Verb::Update)
                | (Verb::Replace, Verb::Replace | Verb::Create | Verb::Update)
                | (Verb::Delete, Verb::Delete) => true,
                (Verb::Update, Verb::Update) => action.changes.iter().all(|change| {
                    let same = |each: &Change| each.field == change.field && each.after == change.after;
                    agreed.changes.iter().any(same)
                }),
                (Verb::Create | Verb::Update | Verb::Replace | Verb::Delete | Verb::Keep, _) => false,
            };
            is_begun && action.danger <= agreed.danger
        })
    });
    let made = |plan: &Plan, address: &Address| -> u32 {
        plan.steps
            .iter()
            .filter(|step| step.address == *address)
            .map(|step| if let Op::Create { count, .. } = step.op { count } else { 0 })
            .sum()
    };
    actions
        && deleted(later).is_subset(&deleted(agreed))
        && later.steps.iter().all(|step| made(later, &step.address) <= made(agreed, &step.address))
}

fn deleted(plan: &Plan) -> BTreeSet<&str> {
    let ids = plan.steps.iter().filter_map(|step| match &step.op {
        Op::Delete { ids } => Some(ids),
        Op::Create { .. } | Op::Update { .. } | Op::Settle | Op::Preload | Op::EndTasks | Op::Export => None,
    });
    ids.flatten().map(String::as_str).collect()
}
