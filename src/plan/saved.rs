//! A plan that was written to a file and reviewed, and whether it may still be applied.
//!
//! The file is the plan's JSON. It is only ever compared: what `up --plan` does comes from the spec and the cloud, by way of a
//! plan made anew, so a changed file can make `up` refuse and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::basis::{Basis, ORDER, TOOL_VERSION};
use super::diff::error;
use super::model::{Action, Change, Danger, FORMAT_VERSION, Finding, Op, Plan, Purpose, Step, Verb};
use super::since::{nodes, resources, settled};
use crate::desired::Address;

/// What is read of a saved plan. Everything else in it is for readers.
#[derive(Debug, Clone, Deserialize)]
pub struct Saved {
    purpose: Purpose,
    cluster: String,
    region: String,
    compared: bool,
    actions: Vec<SavedAction>,
    steps: Vec<SavedStep>,
    findings: Vec<SavedFinding>,
    basis: Option<Basis>,
}

#[derive(Debug, Clone, Deserialize)]
struct SavedAction {
    address: Address,
    verb: Verb,
    danger: Danger,
    id: Option<String>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Deserialize)]
struct SavedStep {
    address: Address,
    op: Op,
}

#[derive(Debug, Clone, Deserialize)]
struct SavedFinding {
    severity: String,
    title: String,
}

/// What to do about most differences.
pub(super) const AGAIN: &str = "run `provision plan` again and have the new plan reviewed";

impl Saved {
    /// Reads a file's text. A finding says why that cannot be.
    pub fn read(text: &str) -> Result<Self, Box<Finding>> {
        let unreadable = |why: String| {
            let mut finding = error("saved::unreadable", None, "this is not a saved plan");
            finding.notes.push(why);
            finding.help = Some("`provision plan --out plan.json` writes one".to_owned());
            Box::new(finding)
        };
        let value: Value = serde_json::from_str(text).map_err(|why| unreadable(format!("it is not JSON: {why}")))?;
        match value.get("format_version").map(Value::as_u64) {
            Some(Some(version)) if version == u64::from(FORMAT_VERSION) => {}
            Some(Some(version)) => {
                let mut finding = error("saved::unreadable", None, "the plan has another format");
                finding.notes.push(format!("its format is {version}, this version reads {FORMAT_VERSION}"));
                finding.help = Some(AGAIN.to_owned());
                return Err(Box::new(finding));
            }
            Some(None) | None => return Err(unreadable("it has no `format_version`".to_owned())),
        }
        let version = value.pointer("/basis/tool_version").and_then(Value::as_str).map(ToOwned::to_owned);
        serde_json::from_value(value).map_err(|why| match version {
            Some(version) if version != TOOL_VERSION => Box::new(of_version(&version)),
            _ => unreadable(why.to_string()),
        })
    }

    /// What keeps it from being applied whatever the cloud looks like; known without a look.
    pub fn unfit(&self, cluster: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut push = |title: &str, note: String, help: &str| {
            let mut finding = error("saved::unfit", None, title);
            finding.notes.push(note);
            finding.help = Some(help.to_owned());
            findings.push(finding);
        };
        if self.purpose == Purpose::Down {
            push(
                "the plan is one of `down`",
                "a removal is not applied from a file".to_owned(),
                "run `provision down`, which shows its plan and asks",
            );
        }
        if !self.compared || self.basis.is_none() {
            push(
                "the plan was made from the spec alone",
                "nobody has seen what it would do to what exists".to_owned(),
                "run `provision plan` without `--offline` and have that plan reviewed",
            );
        }
        let errors: Vec<&str> =
            self.findings.iter().filter(|each| each.severity == "error").map(|each| each.title.as_str()).collect();
        if !errors.is_empty() {
            push(
                "the plan is one that is refused",
                format!("it says: {}", errors.join("; ")),
                "do what the plan says about it, then run `provision plan` again",
            );
        }
        if self.cluster != cluster {
            push(
                "the plan is of another cluster",
                format!("it is of {}, the spec of {cluster}", self.cluster),
                "name the spec that the plan was made from: `provision up SPEC --plan FILE`",
            );
        }
        findings
    }

    /// Everything in which the plan made now differs from this one; empty: it does exactly this.
    pub fn differences(&self, now: &Plan) -> Vec<Finding> {
        let (Some(then), Some(basis)) = (&self.basis, &now.basis) else {
            return self.unfit(&now.cluster);
        };
        let mut findings = self.unfit(&now.cluster);
        if then.tool_version != basis.tool_version {
            findings.push(of_version(&then.tool_version));
        }
        options(then, basis, &mut findings);
        spec(then, basis, &mut findings);
        if whose(self, then, now, basis, &mut findings) {
            settled(then, basis, &mut findings);
            resources(then, basis, &mut findings);
            nodes(then, basis, &mut findings);
        }
        // What follows from a difference is not another one.
        if findings.is_empty() {
            deeds(self, now, &mut findings);
        }
        findings
    }
}

fn of_version(version: &str) -> Finding {
    let mut finding = error("saved::version", None, "the plan was made by another version of provision");
    finding.notes.push(format!("it was made by {version}, this is {TOOL_VERSION}"));
    finding.help = Some(format!("apply it with version {version}, or {AGAIN}"));
    finding
}

fn options(then: &Basis, now: &Basis, findings: &mut Vec<Finding>) {
    let help = match (then.replace_storage, now.replace_storage) {
        (true, false) => "say `--replace-storage` here as well: a file alone allows nothing",
        (false, true) => "leave `--replace-storage` out, or plan with it and have that plan reviewed",
        (true, true) | (false, false) => return,
    };
    let mut finding = error("saved::options", None, "the plan was made with other options");
    let word = |with: bool| if with { "with" } else { "without" };
    finding.notes.push(format!(
        "it was made {} `--replace-storage`, this run is {} it",
        word(then.replace_storage),
        word(now.replace_storage)
    ));
    finding.help = Some(help.to_owned());
    findings.push(finding);
}

fn spec(then: &Basis, now: &Basis, findings: &mut Vec<Finding>) {
    let names: BTreeSet<&String> = then.spec.keys().chain(now.spec.keys()).collect();
    let mut notes: Vec<String> = names
        .into_iter()
        .filter_map(|part| match (then.spec.get(part), now.spec.get(part)) {
            (Some(_), None) => Some(format!("{part} is not in it any more")),
            (None, Some(_)) => Some(format!("{part} is new")),
            (Some(before), Some(after)) if before != after => Some(format!("{part} says something else")),
            _ => None,
        })
        .collect();
    // A dataset that comes or goes moves the others.
    if notes.iter().any(|note| note.starts_with("[[dataset]]")) {
        notes.retain(|note| !note.starts_with(ORDER));
    }
    if !notes.is_empty() {
        let mut finding = error("saved::spec", None, "the spec is not the one that the plan was made from");
        finding.notes = notes;
        finding.help = Some(format!("take the spec of the plan, or {AGAIN}"));
        findings.push(finding);
    }
}

/// True: it is the same cluster, so that it makes sense to look for what has changed in it.
fn whose(saved: &Saved, then: &Basis, now: &Plan, basis: &Basis, findings: &mut Vec<Finding>) -> bool {
    let mut push = |title: &str, note: String, help: String| {
        let mut finding = error("saved::cluster", None, title);
        finding.notes.push(note);
        finding.help = Some(help);
        findings.push(finding);
    };
    let mut is_same = saved.cluster == now.cluster;
    if then.account != basis.account {
        is_same = false;
        push(
            "the plan was made in another account",
            "these credentials are not of the account that it was made in".to_owned(),
            format!("use credentials of that account (`--profile`), or {AGAIN}"),
        );
    }
    if saved.region != now.region {
        is_same = false;
        push(
            "the plan was made in another region",
            format!("it was made in {}, this is {}", saved.region, now.region),
            format!("say `--region {}`, or {AGAIN}", saved.region),
        );
    }
    if is_same && then.deployment != basis.deployment {
        is_same = false;
        let title = match (&then.deployment, &basis.deployment) {
            (None, _) => "the cluster was made since the plan",
            (Some(_), None) => "the cluster was removed since the plan",
            (Some(_), Some(_)) => "the cluster was removed and made again since the plan",
        };
        let text = |deployment: &Option<String>| {
            deployment.as_ref().map_or_else(|| "none".to_owned(), |id| format!("the deployment {id}"))
        };
        push(
            title,
            format!("then there was {}, now {}", text(&then.deployment), text(&basis.deployment)),
            AGAIN.to_owned(),
        );
    }
    is_same
}

/// What is done to one resource.
#[derive(Debug, Default, PartialEq, Eq)]
struct Deed<'a> {
    actions: Vec<(Verb, Danger, Option<&'a str>, &'a [Change])>,
    calls: Vec<&'a Op>,
}

/// Waits, and the ending of tasks before a file system goes, depend on what moves by itself.
const fn counts(op: &Op) -> bool {
    match op {
        Op::Create { .. } | Op::Update { .. } | Op::Export | Op::Delete { .. } => true,
        Op::Settle | Op::Preload | Op::EndTasks => false,
    }
}

fn deeds(saved: &Saved, now: &Plan, findings: &mut Vec<Finding>) {
    let mut then: BTreeMap<&Address, Deed<'_>> = BTreeMap::new();
    for SavedAction { address, verb, danger, id, changes } in &saved.actions {
        then.entry(address).or_default().actions.push((*verb, *danger, id.as_deref(), changes));
    }
    for SavedStep { address, op } in saved.steps.iter().filter(|step| counts(&step.op)) {
        then.entry(address).or_default().calls.push(op);
    }
    let mut after: BTreeMap<&Address, Deed<'_>> = BTreeMap::new();
    for Action { address, verb, danger, id, changes, .. } in &now.actions {
        after.entry(address).or_default().actions.push((*verb, *danger, id.as_deref(), changes));
    }
    for Step { address, op, .. } in now.steps.iter().filter(|step| counts(&step.op)) {
        after.entry(address).or_default().calls.push(op);
    }
    let addresses: BTreeSet<&&Address> = then.keys().chain(after.keys()).collect();
    for address in addresses {
        let (before, after) = (then.get(*address), after.get(*address));
        if before == after {
            continue;
        }
        let mut finding =
            error("saved::plan", Some(address), format!("{address}: the plan would do something else now"));
        finding.notes.push(format!("it says: {}; now it is: {}", deed_text(before), deed_text(after)));
        finding.help = Some(AGAIN.to_owned());
        findings.push(finding);
    }
}

fn deed_text(deed: Option<&Deed<'_>>) -> String {
    let Some(Deed { actions, calls }) = deed else {
        return "nothing".to_owned();
    };
    let verbs: Vec<&str> = actions.iter().map(|(verb, ..)| verb.word()).collect();
    let fields: BTreeSet<&str> =
        actions.iter().flat_map(|(.., changes)| changes.iter()).map(|change| change.field.as_str()).collect();
    let fields: Vec<&str> = fields.into_iter().collect();
    let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    let calls = match calls.len() {
        0 => String::new(),
        1 => " in 1 call".to_owned(),
        count => format!(" in {count} calls"),
    };
    format!("{}{fields}{calls}", verbs.join(", "))
}
