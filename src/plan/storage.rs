//! Whether the file system that is there has to go, and whether it may.

use super::cached;
use super::diff::{Input, Outcome, error};
use super::model::Purpose;
use super::rules;
use crate::desired::Kind;
use crate::observed::State;

/// Whether another file system takes the place of the one that is there; complains if nobody has allowed it.
pub(super) fn storage_is_replaced(input: &Input<'_>, outcome: &mut Outcome) -> bool {
    let Some((address, wanted)) = input.desired.storage() else { return false };
    let Some(seen) = input.observed.find(address) else { return false };
    let reasons = match seen.state {
        State::Deleting => return false,
        // It never worked: nothing can be on it.
        State::Failed if !was_available(input) => return true,
        State::Failed => vec![format!("It is FAILED: {}", seen.reason.as_deref().unwrap_or("AWS gives no reason"))],
        State::Creating | State::Ready | State::Updating | State::Misconfigured => {
            rules::compare(address.kind, wanted, seen).1
        }
    };
    let mut reasons = reasons;
    if address.kind == Kind::FileCache && cached::shows_links(input, seen) {
        reasons.extend(cached::other_links(input, seen));
    }
    if reasons.is_empty() {
        return false;
    }
    if !input.options.replace_storage && !is_left(input) {
        let mut finding = error("plan::replace-storage", Some(address), "this change needs another file system");
        finding.notes = reasons;
        let (what, help) = if address.kind == Kind::Efs {
            (
                "every file on it",
                "undo the change in the spec; or copy what you need and `provision down`, which says what would be lost",
            )
        } else {
            (
                "every file on it that is not in S3",
                "undo the change in the spec, or say `--replace-storage`: links are exported first, then all of it is made anew",
            )
        };
        finding.notes.push(format!("{} and {what} would be deleted", seen.id));
        finding.help = Some(help.to_owned());
        outcome.findings.push(finding);
    }
    true
}

/// A move has begun to give it up, and nothing can be on it.
pub(super) fn is_left(input: &Input<'_>) -> bool {
    let (record, observed) = (input.record, input.observed);
    input.purpose == Purpose::Up && record.leaves(observed).is_some() && record.may_hold_files(observed).is_none()
}

/// Without a record nobody knows, so it may have been.
pub(super) fn was_available(input: &Input<'_>) -> bool {
    input.record.available || input.record.tries.is_empty() || input.observed.was_available()
}
