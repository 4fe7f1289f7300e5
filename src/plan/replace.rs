//! Replacing nodes that were named: nothing else may change along with them.

use super::diff::{Input, Outcome, error};
use super::model::{Danger, Verb};
use crate::desired::Kind;

/// Complains of nodes that are not the cluster's, and of whatever else the plan would change.
pub(super) fn check(input: &Input<'_>, outcome: &mut Outcome) {
    if input.replace.is_empty() {
        return;
    }
    let is_ours = |id: &&String| input.observed.nodes.iter().any(|node| node.id == **id);
    for id in input.replace.iter().filter(|id| !is_ours(id)) {
        let mut finding = error("replace::not-ours", None, format!("{id} is no node of this cluster"));
        finding.help = Some("`provision status` lists its nodes".to_owned());
        outcome.findings.push(finding);
    }
    // Nodes that have failed or are missing are made good by the same launch.
    let is_repair = |danger: Danger, verb: Verb| danger == Danger::Safe && matches!(verb, Verb::Create | Verb::Update);
    let others: Vec<String> = outcome
        .actions
        .iter()
        .filter(|action| action.verb != Verb::Keep)
        .filter(|action| {
            let named = input
                .replace
                .iter()
                .any(|id| input.observed.nodes.iter().any(|node| node.id == *id && node.address == action.address));
            let allowed = match action.address.kind {
                Kind::Nodes if named => matches!(action.verb, Verb::Create | Verb::Update),
                Kind::Nodes => is_repair(action.danger, action.verb),
                _ => false,
            };
            !allowed
        })
        .map(|action| format!("{} {}", action.verb.word(), action.address))
        .collect();
    if !others.is_empty() {
        let mut finding =
            error("replace::more", None, "the cluster differs from the spec in more than the node to be replaced");
        finding.notes.push(format!("`up` would also {}", others.join(", ")));
        finding.help = Some("`provision up` first, or undo the change in the spec".to_owned());
        outcome.findings.push(finding);
    }
}
