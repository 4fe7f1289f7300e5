//! Desired − observed = what happens to each resource. Which steps that takes, and in which order, is `steps`.

use std::collections::{BTreeMap, BTreeSet};

use super::cached;
use super::held::held;
use super::model::{Action, Danger, Finding, Purpose, Verb};
use super::nodes::{self, Batch, Case};
use super::not_ours;
use super::replace;
use super::rules;
use super::safety::{may_owe_files, missing_links};
use super::storage::{is_left, storage_is_replaced, was_available};
use super::summary;
use crate::desired::{
    Address, DISCARD, Desired, Kind, Resource, TAG_EPOCH, TAG_FILE_SYSTEM, TAG_SPEC, TAG_UNEXPORTED, Tags, Wanted,
};
use crate::diagnostic::Severity;
use crate::observed::{Node, Observed, Seen, State};
use crate::record::Record;

/// What the user allows or wants beyond the spec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// A file system may be replaced if the spec cannot be met otherwise.
    pub replace_storage: bool,
    /// What `ssm:` parameters name today is taken, though an older image is pinned.
    pub refresh_images: bool,
    /// `down` deletes without exporting.
    pub discard_unexported_data: bool,
    /// `down` exports links, and deletes what is outside of all of them.
    pub discard_unlinked_files: bool,
    /// `down` leaves the file system and its links.
    pub keep_storage: bool,
    /// `up` moves a cluster to another zone whose nodes find no room beside a file system that is still empty.
    pub move_if_empty: bool,
}

/// How many numbers a try may take: a token that meets what is gone gives way to the next.
pub const EPOCHS_A_TRY: u32 = 4;

/// What is to be compared.
pub struct Input<'a> {
    pub purpose: Purpose,
    pub desired: &'a Desired,
    pub observed: &'a Observed,
    pub record: &'a Record,
    pub options: Options,
    /// Ids of nodes to be replaced although nothing is wrong with them.
    pub replace: &'a [String],
}

/// The work at one address; `steps` turns it into steps.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Ids to delete first.
    pub delete: Vec<String>,
    /// A link: copy to S3 before.
    pub export: bool,
    pub create: Option<(u32, u32)>,
    /// Nodes: with how many of them it is done; None: with all.
    pub least: Option<u32>,
    /// Nodes: what follows, each once those before it are ready; with the number of its try.
    pub rolls: Vec<(u32, Batch)>,
    /// In this order, one call each.
    pub updates: Vec<BTreeSet<String>>,
    pub set_tags: BTreeSet<String>,
    pub remove_tags: BTreeSet<String>,
    /// Ids of nodes whose tags change.
    pub nodes: Vec<String>,
    pub settle: bool,
    pub preload: bool,
}

impl Work {
    /// How many of the nodes that are launched need not come.
    pub(super) fn may_be_missing(&self) -> u32 {
        let first = self.create.zip(self.least).map_or(0, |((_, count), least)| count.saturating_sub(least));
        first + self.rolls.iter().map(|(_, batch)| batch.add - batch.least).sum::<u32>()
    }
}

/// Actions, the work behind them, and what has to be said.
#[derive(Default)]
pub(super) struct Outcome {
    pub actions: Vec<Action>,
    pub work: BTreeMap<Address, Work>,
    pub findings: Vec<Finding>,
}

pub(super) fn diff(input: &Input<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    foreign(input, &mut outcome);
    let storage_replaced = storage_is_replaced(input, &mut outcome);
    // What nodes mount, if it stays; else they are made anew for the next one.
    let stays = |seen: &&Seen| !storage_replaced && seen.state != State::Deleting;
    let ours = || input.observed.file_system().filter(stays).map(|seen| seen.id.as_str());
    let mounted = input.desired.existing.as_deref().or_else(ours);
    for (address, wanted) in &input.desired.resources {
        let (action, work) = match &wanted.resource {
            Resource::Nodes(group) => {
                let at_once = nodes::at_once(input, &outcome, address);
                node_group(input, address, wanted, group, &Case { mounted, asked: input.replace, at_once })
            }
            Resource::Link(_) if cached::is_cached(input) => cached::link(input, address, wanted, storage_replaced),
            _ => resource(input, address, wanted, mounted, storage_replaced),
        };
        outcome.actions.push(action);
        outcome.work.insert(address.clone(), work);
    }
    unwanted(input, &mut outcome);
    not_ours::shown(input, &mut outcome);
    links_to_export(input, &mut outcome);
    replace::check(input, &mut outcome);
    outcome.actions.sort_by(|a, b| a.address.cmp(&b.address));
    outcome
}

pub(super) fn error(code: &'static str, address: Option<&Address>, title: impl Into<String>) -> Finding {
    finding(Severity::Error, code, address, title)
}

pub(super) fn warning(code: &'static str, address: Option<&Address>, title: impl Into<String>) -> Finding {
    finding(Severity::Warning, code, address, title)
}

pub(super) fn note(code: &'static str, address: Option<&Address>, title: impl Into<String>) -> Finding {
    finding(Severity::Note, code, address, title)
}

fn finding(severity: Severity, code: &'static str, address: Option<&Address>, title: impl Into<String>) -> Finding {
    Finding { severity, code, address: address.cloned(), title: title.into(), notes: Vec::new(), help: None }
}

/// What bears our names and is not ours is never touched: `up` refuses, `down` says so and goes on.
fn foreign(input: &Input<'_>, outcome: &mut Outcome) {
    for foreign in &input.observed.foreign {
        let title = format!("a {} of this name exists and is not ours", foreign.address.kind.noun());
        let mut finding = match input.purpose {
            Purpose::Up => error("plan::foreign", Some(&foreign.address), title),
            Purpose::Down => warning("plan::foreign", Some(&foreign.address), format!("left alone: {title}")),
        };
        finding.notes.push(format!("{} {}", foreign.id, foreign.why));
        if input.purpose == Purpose::Up {
            finding.help = Some("rename the cluster in the spec, or rename or remove the other one by hand".to_owned());
        }
        outcome.findings.push(finding);
    }
    if input.purpose == Purpose::Down {
        return;
    }
    let mut seen = BTreeSet::new();
    // One that was given back may be seen for a while beside the next: each goes, or is what the record says.
    let is_one = |each: &&Seen| each.state != State::Deleting && each.address.kind != Kind::Reservation;
    for resource in input.observed.resources.iter().filter(is_one) {
        if !seen.insert(&resource.address) {
            let mut finding =
                error("plan::double", Some(&resource.address), format!("there are two of {}", resource.address));
            let ids: Vec<&str> = input
                .observed
                .resources
                .iter()
                .filter(|each| each.address == resource.address)
                .map(|each| each.id.as_str())
                .collect();
            finding.notes.push(format!("both carry our tags: {}", ids.join(", ")));
            finding.help =
                Some("delete the one that is not in use by hand, or everything with `provision down`".to_owned());
            outcome.findings.push(finding);
        }
    }
}

/// Everything but nodes.
fn resource(
    input: &Input<'_>,
    address: &Address,
    wanted: &Wanted,
    mounted: Option<&str>,
    storage_replaced: bool,
) -> (Action, Work) {
    let mut work = Work::default();
    let mut action = Action {
        address: address.clone(),
        verb: Verb::Keep,
        danger: Danger::Safe,
        danger_reason: String::new(),
        id: None,
        summary: summary::of(&wanted.resource),
        changes: Vec::new(),
        reasons: Vec::new(),
    };
    let create = Some((input.record.next_epoch(address, input.observed), 1));
    let preload = matches!(&wanted.resource, Resource::Link(link) if link.preload_metadata);
    let Some(seen) = input.observed.find(address) else {
        action.verb = Verb::Create;
        (work.create, work.preload) = (create, preload);
        if address.kind == Kind::Efs {
            action.reasons.push(
                "Nothing on it has a copy in S3: once nodes have used it, `down` deletes it only with \
                 `--discard-unexported-data`."
                    .to_owned(),
            );
        }
        if input.record.tries.get(address).is_some_and(|last| last.done) {
            action.reasons.push("It was made before and is gone.".to_owned());
        }
        return (action, work);
    };
    action.id = Some(seen.id.clone());
    let (changes, mut reasons) = rules::compare(address.kind, wanted, seen);
    let broken = seen.state == State::Failed;
    let swept =
        storage_replaced && (address.kind.is_storage() || matches!(address.kind, Kind::MountTarget | Kind::Link));
    if seen.state == State::Deleting {
        action.verb = Verb::Create;
        action.reasons.push(format!("{} is being deleted; another one is made once it is gone.", seen.id));
        work.delete.push(seen.id.clone());
        (work.create, work.preload) = (create, preload);
        return (action, work);
    }
    if broken || swept || changes.iter().any(|change| change.forces_replace) {
        if broken {
            reasons.push(format!(
                "It is {}: {}",
                seen.lifecycle,
                seen.reason.as_deref().unwrap_or("AWS gives no reason.")
            ));
        } else if swept && !address.kind.is_storage() {
            reasons.push("The file system below it is replaced.".to_owned());
        }
        action.verb = Verb::Replace;
        let may_lose = address.kind.is_storage() && was_available(input) && !is_left(input);
        action.danger = if may_lose { Danger::DestroysData } else { Danger::Disruptive };
        (action.changes, action.reasons) = (changes, reasons);
        work.delete.push(seen.id.clone());
        work.export = address.kind == Kind::Link && exportable(input, seen);
        (work.create, work.preload) = (create, preload);
        return (action, work);
    }
    tags(input, address, wanted, seen, &mut work);
    update(address.kind, wanted, seen, &changes, mounted, &mut work, &mut action);
    action.changes.extend(changes);
    action.changes.extend(tag_changes(&work, &seen.tags, &wanted_tags(input, address, wanted)));
    if seen.state == State::Misconfigured && address.kind == Kind::Link {
        // Sending the association its own settings makes FSx try again (User Guide, "Data repository association lifecycle").
        action.reasons.push(format!(
            "It is {}: {}",
            seen.lifecycle,
            seen.reason.as_deref().unwrap_or("AWS gives no reason.")
        ));
        work.updates.push(BTreeSet::from(["import".to_owned(), "export".to_owned()]));
    }
    if !work.updates.is_empty() || !work.set_tags.is_empty() || !work.remove_tags.is_empty() {
        action.verb = Verb::Update;
    }
    if matches!(seen.state, State::Creating | State::Updating) {
        work.settle = true;
        action.reasons.push(format!("It is {}; the run waits for it.", seen.lifecycle));
    }
    // An import begins once its link is there.
    let begins = seen.state == State::Creating || input.record.importing.contains(address);
    work.preload = preload && (begins || imports(input, seen));
    (action, work)
}

fn update(
    kind: Kind,
    wanted: &Wanted,
    seen: &Seen,
    changes: &[super::Change],
    mounted: Option<&str>,
    work: &mut Work,
    action: &mut Action,
) {
    let mut fields: BTreeSet<String> = changes.iter().map(|change| change.field.clone()).collect();
    if kind == Kind::Fsx {
        // First metadata IOPS, then the rest: FSx refuses them together with capacity.
        if fields.remove("metadata_iops") {
            work.updates.push(BTreeSet::from(["metadata_iops".to_owned()]));
        }
        if !changes.is_empty() {
            action.danger = Danger::Disruptive;
            if changes.iter().any(|change| change.field == "capacity") {
                action.reasons.push("FSx takes one growth of capacity in 6 hours.".to_owned());
            }
        }
    }
    let from_other_spec = seen.tags.get(TAG_SPEC) != Some(&wanted.spec);
    let mounts_another = seen.tags.get(TAG_FILE_SYSTEM).map(String::as_str) != mounted;
    if kind == Kind::Template && (from_other_spec || mounts_another) {
        fields.insert("boot".to_owned());
        work.set_tags.extend([TAG_SPEC.to_owned(), TAG_FILE_SYSTEM.to_owned()]);
        action.reasons.push("Nodes launched from now on are made from the new version.".to_owned());
    }
    if !fields.is_empty() {
        work.updates.push(fields);
        work.set_tags.insert(TAG_SPEC.to_owned());
    }
    if from_other_spec && kind != Kind::Template && !changes.is_empty() {
        action.reasons.push("The spec has changed.".to_owned());
    } else if !changes.is_empty() && !from_other_spec {
        action.reasons.push("It was changed by hand since the last `up`; the spec has not changed.".to_owned());
    }
}

/// Our own tags and the user's. What anybody else put on a resource stays.
fn tags(input: &Input<'_>, address: &Address, wanted: &Wanted, seen: &Seen, work: &mut Work) {
    if address.kind == Kind::MountTarget {
        // It can have none.
        return;
    }
    for (key, value) in wanted_tags(input, address, wanted) {
        if seen.tags.get(&key) != Some(&value) {
            work.set_tags.insert(key);
        }
    }
    let given_up =
        (!wanted.tags.contains_key(TAG_UNEXPORTED) && seen.tags.contains_key(TAG_UNEXPORTED)).then_some(TAG_UNEXPORTED);
    let left = input.record.tag_keys.iter().map(String::as_str).chain(given_up);
    work.remove_tags.extend(
        left.filter(|key| !input.desired.tags.contains_key(*key) && seen.tags.contains_key(*key))
            .map(ToOwned::to_owned),
    );
}

/// As fields, so that a plan shows them: but for what says where a resource came from.
fn tag_changes(work: &Work, seen: &Tags, wanted: &Tags) -> Vec<super::Change> {
    let set = work.set_tags.iter().filter(|key| wanted.contains_key(*key)).map(|key| (key, wanted.get(key)));
    let removed = work.remove_tags.iter().map(|key| (key, None));
    set.chain(removed)
        .map(|(key, after)| super::Change {
            field: format!("tags.{key}"),
            before: seen.get(key).cloned(),
            after: after.cloned(),
            forces_replace: false,
        })
        .collect()
}

/// What is compared: not the digest and the epoch, which say where a resource came from.
fn wanted_tags(input: &Input<'_>, address: &Address, wanted: &Wanted) -> BTreeMap<String, String> {
    let mut tags = input.desired.id.tags(address, &wanted.spec, 0, &input.desired.tags);
    tags.retain(|key, _| key != TAG_SPEC && key != TAG_EPOCH);
    tags.extend(wanted.tags.clone());
    tags
}

fn imports(input: &Input<'_>, link: &Seen) -> bool {
    let s3 = link.fields.get("s3").map_or("", String::as_str);
    input.observed.tasks.iter().any(|task| {
        task.state.is_active()
            && task.work == crate::observed::Work::Import
            && task.paths.iter().all(|path| path.trim_end_matches('/') == s3 || path.starts_with(&format!("{s3}/")))
    })
}

fn node_group(
    input: &Input<'_>,
    address: &Address,
    wanted: &Wanted,
    group: &crate::desired::NodeGroup,
    case: &Case<'_>,
) -> (Action, Work) {
    let live: Vec<&Node> = input.observed.nodes_of(address).collect();
    let fleet = nodes::fleet(wanted, group, &live, case);
    let least = fleet.first.fewer();
    let Batch { remove, add, least: _ } = fleet.first;
    let mut work = Work { delete: remove, settle: fleet.booting, least, ..Work::default() };
    let epoch = input.record.next_epoch(address, input.observed);
    if add > 0 {
        work.create = Some((epoch, add));
    }
    let epochs = (epoch..).step_by(EPOCHS_A_TRY as usize).skip(1);
    work.rolls = epochs.zip(fleet.rolls).collect();
    let kept: Vec<&Node> = live.into_iter().filter(|node| fleet.kept.contains(&node.id)).collect();
    let tags = wanted_tags(input, address, wanted);
    for node in kept {
        let set: Vec<&String> =
            tags.iter().filter(|(key, value)| node.tags.get(*key) != Some(value)).map(|(key, _)| key).collect();
        let remove: Vec<&String> = input
            .record
            .tag_keys
            .iter()
            .filter(|key| !input.desired.tags.contains_key(*key) && node.tags.contains_key(*key))
            .collect();
        if !set.is_empty() || !remove.is_empty() {
            work.nodes.push(node.id.clone());
            work.set_tags.extend(set.into_iter().cloned());
            work.remove_tags.extend(remove.into_iter().cloned());
        }
    }
    let mut changes = fleet.changes;
    if let Some(node) = input.observed.nodes.iter().find(|node| work.nodes.first() == Some(&node.id)) {
        changes.extend(tag_changes(&work, &node.tags, &tags));
    }
    let mut reasons = fleet.reasons;
    if fleet.booting {
        reasons.push("Some have not said yet that they are ready; the run waits for them.".to_owned());
    }
    let mut verb = fleet.verb.unwrap_or(Verb::Keep);
    if verb == Verb::Keep && !work.nodes.is_empty() {
        verb = Verb::Update;
    }
    let action = Action {
        address: address.clone(),
        verb,
        danger: fleet.danger.unwrap_or(Danger::Safe),
        danger_reason: String::new(),
        id: None,
        summary: summary::of(&wanted.resource),
        changes,
        reasons,
    };
    (action, work)
}

/// A link from which files can still be copied, or might be.
pub(super) fn exportable(input: &Input<'_>, seen: &Seen) -> bool {
    let given_up = seen.tags.get(TAG_UNEXPORTED).is_some_and(|value| value == DISCARD);
    let owes = !input.options.discard_unexported_data && !given_up && !is_left(input);
    owes && !matches!(seen.state, State::Failed | State::Deleting)
}

/// What is there and is not wanted any more: all of it, at `down`.
fn unwanted(input: &Input<'_>, outcome: &mut Outcome) {
    let with_storage = |kind: Kind| matches!(kind, Kind::MountTarget | Kind::Link | Kind::SecurityGroup);
    let keep = |kind: Kind| input.options.keep_storage && (kind.is_storage() || with_storage(kind));
    let storage_goes = |outcome: &Outcome| {
        outcome.work.iter().any(|(address, work)| address.kind.is_storage() && !work.delete.is_empty())
    };
    let mut groups: BTreeMap<Address, Vec<&Node>> = BTreeMap::new();
    for node in input.observed.nodes.iter().filter(|node| node.exists()) {
        groups.entry(node.address.clone()).or_default().push(node);
    }
    for (address, nodes) in groups {
        if input.desired.resources.contains_key(&address) {
            continue;
        }
        let ids = nodes.iter().map(|node| node.id.clone()).collect();
        let summary = format!("{} × {}", nodes.len(), nodes[0].instance);
        outcome.actions.push(removal(address.clone(), None, summary, Danger::DestroysCompute));
        outcome.work.insert(address, Work { delete: ids, ..Work::default() });
    }
    let held =
        if input.purpose == Purpose::Up { held(input.desired, input.observed, input.record) } else { Vec::new() };
    for seen in &input.observed.resources {
        if input.desired.resources.contains_key(&seen.address) || held.iter().any(|held| held.id == seen.id) {
            continue;
        }
        if input.purpose == Purpose::Up && seen.address.kind == Kind::MountTarget && !storage_goes(outcome) {
            // Of another zone, and somebody else's to remove as long as the file system stays.
            continue;
        }
        if keep(seen.address.kind) {
            let mut action = removal(seen.address.clone(), Some(seen.id.clone()), summary::of_seen(seen), Danger::Safe);
            action.verb = Verb::Keep;
            action.reasons.push("`--keep-storage`".to_owned());
            outcome.actions.push(action);
            continue;
        }
        let (danger, export) = match seen.address.kind {
            Kind::Fsx | Kind::Efs | Kind::FileCache => (Danger::DestroysData, false),
            Kind::Link => (Danger::Disruptive, exportable(input, seen)),
            _ => (Danger::Safe, false),
        };
        let mut action = removal(seen.address.clone(), Some(seen.id.clone()), summary::of_seen(seen), danger);
        if export {
            action.reasons.push(format!(
                "What is not in S3 yet is exported to {} first.",
                seen.fields.get("s3").map_or("S3", String::as_str)
            ));
        }
        outcome.actions.push(action);
        let work = outcome.work.entry(seen.address.clone()).or_default();
        work.delete.push(seen.id.clone());
        work.export |= export;
        // One on its way out cannot be exported; once it is gone, it is missing.
        let owes = seen.state == State::Deleting && input.purpose == Purpose::Down && may_owe_files(input);
        work.settle |= seen.address.kind == Kind::Link && (seen.state == State::Creating || owes);
    }
}

/// Links that `down` makes again, so that what is below them can be exported.
fn links_to_export(input: &Input<'_>, outcome: &mut Outcome) {
    // FSx gives a cache that is there no link.
    if input.purpose == Purpose::Up || cached::is_cached(input) {
        return;
    }
    for address in missing_links(input) {
        let Some(wanted) = input.desired.to_export.get(address) else { continue };
        let mut action = removal(address.clone(), None, summary::of(&wanted.resource), Danger::Disruptive);
        action
            .reasons
            .push("It is missing; it is made again, so that what is not in S3 can be exported first.".to_owned());
        outcome.actions.push(action);
        let create = Some((input.record.next_epoch(address, input.observed), 1));
        outcome.work.insert(address.clone(), Work { create, export: true, ..Work::default() });
    }
}

fn removal(address: Address, id: Option<String>, summary: String, danger: Danger) -> Action {
    let (changes, reasons) = (Vec::new(), Vec::new());
    Action { address, verb: Verb::Delete, danger, danger_reason: String::new(), id, summary, changes, reasons }
}
