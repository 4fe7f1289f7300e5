//! What a plan may do to data. Files that are not in S3 go only when the user said so in words.

use super::diff::{Input, Outcome, error, warning};
use super::model::{Purpose, Verb};
use super::storage::is_left;
use super::{not_ours, outside};
use crate::desired::{Address, DISCARD, Kind, TAG_UNEXPORTED};
use crate::observed::{Seen, State};
use crate::record::Try;

/// There is no link at all, and there may be files.
pub(super) const NO_LINK: &str = "plan::no-link";

pub(super) fn check(input: &Input<'_>, outcome: &mut Outcome) {
    not_ours::links(input, outcome);
    let Some(file_system) = input.observed.file_system() else {
        return;
    };
    if file_system.state == State::Deleting {
        return;
    }
    let storage_goes = outcome
        .actions
        .iter()
        .any(|action| action.address.kind.is_storage() && matches!(action.verb, Verb::Delete | Verb::Replace));
    let doomed_links: Vec<&Seen> = input
        .observed
        .resources
        .iter()
        .filter(|seen| seen.address.kind == Kind::Link && !not_ours::is_below(input, seen))
        .filter(|link| outcome.work.get(&link.address).is_some_and(|work| !work.delete.is_empty()))
        .collect();
    let mut findings = Vec::new();
    for link in &doomed_links {
        let path = link.fields.get("path").map_or("?", String::as_str);
        let given_up = link.tags.get(TAG_UNEXPORTED).is_some_and(|value| value == DISCARD);
        let was_done = input.record.tries.get(&link.address).is_some_and(|last| last.done);
        // One that never worked: but nodes may have written below its path all the same.
        let may_hold = (was_done || is_used(input)) && !is_left(input);
        if input.options.discard_unexported_data {
            findings.push(lost(&link.address, path, "`--discard-unexported-data`"));
        } else if given_up {
            findings.push(lost(&link.address, path, "`export_on_down = false` in the spec"));
        } else if link.state == State::Failed && may_hold && storage_goes {
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
    let missing = missing_links(input);
    let linked = !missing.is_empty() || input.observed.resources.iter().any(|seen| seen.address.kind == Kind::Link);
    let is_cache = file_system.address.kind == Kind::FileCache;
    for address in missing.iter().filter(|_| storage_goes && (input.purpose == Purpose::Up || is_cache)) {
        let mut finding =
            error("plan::missing-link", Some(address), "files below a link that is missing cannot be exported");
        finding.notes.push(format!("{} has been used, and has no link {address}", file_system.id));
        let help = if is_cache {
            "copy what you need, then give up the rest: `--discard-unexported-data`; or keep the cache: `--keep-storage`"
        } else {
            "undo what replaces the file system and run `provision up`, which makes the link again; then change it"
        };
        finding.help = Some(help.to_owned());
        findings.push(finding);
    }
    if storage_goes && !linked && !input.record.exported && may_hold_files(input) {
        let address = &file_system.address;
        if input.options.discard_unexported_data {
            findings.push(lost(address, "/", "`--discard-unexported-data`"));
        } else {
            let title = if address.kind == Kind::Efs {
                "EFS has no copy in S3, and nothing on it can be exported"
            } else {
                "the file system has no link, so nothing on it can be exported"
            };
            let mut finding = error(NO_LINK, Some(address), title);
            finding.notes.push(format!("nodes have mounted {}, and every file on it would be lost", file_system.id));
            finding.help = Some("copy what you need, then give up the rest: `--discard-unexported-data`; or keep the file system: `--keep-storage`".to_owned());
            findings.push(finding);
        }
    } else if storage_goes && linked && input.purpose == Purpose::Down && !input.options.discard_unexported_data {
        let paths = linked_paths(input);
        if paths != ["/"] {
            let mut finding = warning(outside::CODE, Some(&file_system.address), "files outside the links are deleted");
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
    input.record.tries.is_empty() || (is_used(input) && input.record.links.is_empty())
}

/// Nodes have had the file system mounted, or may have: users may have written files.
fn is_used(input: &Input<'_>) -> bool {
    let launched = |(address, last): (&Address, &Try)| address.kind == Kind::Nodes && last.done && last.count > 0;
    // Nodes that were launched and are forgotten by now cannot say how they were.
    let forgotten = input.observed.nodes.is_empty() && input.record.tries.iter().any(launched);
    let mountable = input.observed.file_system().is_some_and(|seen| seen.state != State::Creating);
    mountable && (input.record.ready || input.observed.was_used() || forgotten)
}

/// Where links are on a file system that goes, or where they were and are made again.
pub(super) fn linked_paths<'a>(input: &'a Input<'_>) -> Vec<&'a str> {
    let wanted = |seen: &&Seen| input.desired.resources.contains_key(&seen.address);
    let links = input.observed.resources.iter().filter(|seen| seen.address.kind == Kind::Link && !wanted(seen));
    let there = links.filter_map(|link| link.fields.get("path")).map(String::as_str);
    let missing = missing_links(input);
    let again = missing.iter().filter_map(|address| Some(input.record.links.get(*address)?.path.as_str()));
    there.chain(again).collect()
}

/// Links of which the record says that there should be one, and there is none, on a file system that has been used and goes.
pub(super) fn missing_links<'a>(input: &'a Input<'_>) -> Vec<&'a Address> {
    if !may_owe_files(input) {
        return Vec::new();
    }
    input.record.links.keys().filter(|address| input.observed.find(address).is_none()).collect()
}

/// The file system goes, and nobody has said that what is on it is in S3 or may be lost.
pub(super) fn may_owe_files(input: &Input<'_>) -> bool {
    let settled = input.options.keep_storage || input.options.discard_unexported_data || input.record.exported;
    let works = |seen: &Seen| !matches!(seen.state, State::Deleting | State::Failed);
    !settled && is_used(input) && input.observed.file_system().is_some_and(works)
}
