//! What a plan may do to data. Files that are not in S3 go only when the user said so in words.

use super::diff::{Input, Outcome, error, warning};
use super::model::{Purpose, Verb};
use crate::desired::{Address, DISCARD, Kind, TAG_UNEXPORTED};
use crate::observed::{Node, Report, Seen, State};

pub(super) fn check(input: &Input<'_>, outcome: &mut Outcome) {
    let goes = |kind: Kind| {
        outcome
            .actions
            .iter()
            .any(|action| action.address.kind == kind && matches!(action.verb, Verb::Delete | Verb::Replace))
    };
    let Some(file_system) = input.observed.file_system() else {
        return;
    };
    if file_system.state == State::Deleting {
        return;
    }
    let storage_goes = goes(Kind::Fsx);
    let doomed_links: Vec<&Seen> = input
        .observed
        .resources
        .iter()
        .filter(|seen| seen.address.kind == Kind::Link)
        .filter(|link| outcome.work.get(&link.address).is_some_and(|work| !work.delete.is_empty()))
        .collect();
    let mut findings = Vec::new();
    for link in &doomed_links {
        let path = link.fields.get("path").map_or("?", String::as_str);
        let given_up = link.tags.get(TAG_UNEXPORTED).is_some_and(|value| value == DISCARD);
        let was_done = input.record.tries.get(&link.address).is_some_and(|last| last.done);
        if input.options.discard_unexported_data {
            findings.push(lost(&link.address, path, "`--discard-unexported-data`"));
        } else if given_up {
            findings.push(lost(&link.address, path, "`export_on_down = false` in the spec"));
        } else if link.state == State::Failed && was_done && storage_goes {
            let mut finding =
                error("plan::cannot-export", Some(&link.address), "files below a broken link cannot be exported");
            finding.notes.push(format!(
                "{} is {}: {}",
                link.id,
                link.lifecycle,
                link.reason.as_deref().unwrap_or("AWS gives no reason")
            ));
            finding.help = Some(format!(
                "mend its cause and run `provision up`, or give up what is below {path} and not in S3: `--discard-unexported-data`"
            ));
            findings.push(finding);
        } else if !storage_goes {
            let mut finding =
                warning("plan::unlinked", Some(&link.address), "files stay on the file system without their link");
            finding.notes.push(format!(
                "what is new below {path} is exported before; what is written there later is exported by nobody"
            ));
            findings.push(finding);
        }
    }
    for foreign in input.observed.foreign.iter().filter(|foreign| foreign.address.kind == Kind::Link && storage_goes) {
        if !input.options.discard_unexported_data {
            let mut finding =
                error("plan::foreign-link", Some(&foreign.address), "the file system has a link that is not ours");
            finding.notes.push(format!("{} {}; what is below it and not in S3 would be lost", foreign.id, foreign.why));
            finding.help = Some(
                "export and delete that association by hand, or give its files up: `--discard-unexported-data`"
                    .to_owned(),
            );
            findings.push(finding);
        }
    }
    let linked = input.observed.resources.iter().any(|seen| seen.address.kind == Kind::Link);
    if storage_goes && !linked && !input.record.exported && may_hold_files(input) {
        let address = Address::one(Kind::Fsx);
        if input.options.discard_unexported_data {
            findings.push(lost(&address, "/", "`--discard-unexported-data`"));
        } else {
            let mut finding =
                error("plan::no-link", Some(&address), "the file system has no link, so nothing on it can be exported");
            finding.notes.push(format!("nodes have mounted {}, and every file on it would be lost", file_system.id));
            finding.help = Some("copy what you need, then give up the rest: `--discard-unexported-data`; or keep the file system: `--keep-storage`".to_owned());
            findings.push(finding);
        }
    } else if storage_goes && linked && input.purpose == Purpose::Down && !input.options.discard_unexported_data {
        let paths: Vec<&str> =
            doomed_links.iter().filter_map(|link| link.fields.get("path")).map(String::as_str).collect();
        if paths != ["/"] {
            let mut finding =
                warning("plan::outside-links", Some(&Address::one(Kind::Fsx)), "files outside the links are deleted");
            finding.notes.push(format!("only what is below {} is exported", paths.join(", ")));
            findings.push(finding);
        }
    }
    outcome.findings.extend(findings);
}

fn lost(address: &Address, path: &str, why: &str) -> super::Finding {
    let mut finding = warning("plan::discard", Some(address), "files that are not in S3 are lost");
    finding.notes.push(format!("everything below {path} that was not exported yet goes, because of {why}"));
    finding
}

/// Whether there can be files although there is no link. Without a record nobody knows, so there may.
fn may_hold_files(input: &Input<'_>) -> bool {
    let record = input.record;
    let had_link = record.tries.iter().any(|(address, last)| address.kind == Kind::Link && last.done && last.count > 0);
    let was_ready = |node: &Node| matches!(node.report, Some(Report::Ready | Report::Degraded(_)));
    let used = record.ready || input.observed.nodes.iter().any(was_ready);
    record.tries.is_empty() || had_link || (used && !record.linked)
}
