//! A file system that exists and is somebody else's: a line in the plan with no work behind it, and what becomes of our links
//! on it.

use super::diff::{Input, Outcome, warning};
use super::model::{Action, Danger, Purpose, Verb};
use super::summary;
use crate::desired::{Address, Kind};
use crate::observed::Seen;

/// A file system of somebody else's is shown, and nothing is done to it: there is no work behind the line.
pub(super) fn shown(input: &Input<'_>, outcome: &mut Outcome) {
    let address = Address::one(Kind::Fsx);
    let seen = input.observed.existing.as_ref();
    let Some(id) = seen.map(|seen| &seen.id).or(input.desired.existing.as_ref()) else { return };
    if outcome.actions.iter().any(|action| action.address == address) {
        return;
    }
    outcome.actions.push(Action {
        address,
        verb: Verb::Keep,
        danger: Danger::Safe,
        danger_reason: String::new(),
        id: Some(id.clone()),
        summary: seen.map_or_else(|| format!("{id}, existing, not ours"), summary::of_existing),
        changes: Vec::new(),
        reasons: vec![match input.purpose {
            Purpose::Up => {
                "It exists and is not ours: it is linked and mounted, and never changed or deleted.".to_owned()
            }
            Purpose::Down => "It exists and is not ours: it stays as it is, with every file on it.".to_owned(),
        }],
    });
}

/// Whether a link is on it.
pub(super) fn is_below(input: &Input<'_>, link: &Seen) -> bool {
    let existing = input.observed.existing.as_ref().map(|existing| &existing.id);
    existing.is_some() && link.file_system.as_ref() == existing
}

/// Links that go from a file system that is not ours: no file is lost, as it stays with all that is on it. What is told is
/// what is not exported, and what can be read no more.
pub(super) fn links(input: &Input<'_>, outcome: &mut Outcome) {
    let Some(existing) = &input.observed.existing else { return };
    for link in input.observed.resources.iter().filter(|seen| seen.address.kind == Kind::Link) {
        let work = outcome.work.get(&link.address).filter(|work| !work.delete.is_empty());
        let Some(work) = work.filter(|_| is_below(input, link)) else { continue };
        let path = link.fields.get("path").map_or("?", String::as_str);
        let mut finding =
            warning("plan::unlinked", Some(&link.address), "files stay on the file system without their link");
        finding.notes.push(if work.export {
            format!("what is new below {path} is exported before; what is written there later is exported by nobody")
        } else {
            format!("what is new below {path} is not exported; it stays on {}", existing.id)
        });
        finding.notes.push(format!(
            "files below {path} whose content is only in S3 cannot be read on {} until it is linked again: `lfs hsm_restore` \
             loads them before",
            existing.id
        ));
        outcome.findings.push(finding);
    }
}
