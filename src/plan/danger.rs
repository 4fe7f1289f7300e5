//! Why an action is of its danger class, in a sentence for a reviewer who has never seen FSx.

use super::diff::{Outcome, Work};
use super::model::{Action, Danger, Verb};
use crate::desired::Kind;

/// Writes the sentence into every action.
pub(super) fn explain(outcome: &mut Outcome) {
    let storage_goes = outcome
        .actions
        .iter()
        .any(|action| action.address.kind.is_storage() && matches!(action.verb, Verb::Replace | Verb::Delete));
    for action in &mut outcome.actions {
        let ended = outcome.work.get(&action.address).map_or(0, |work: &Work| {
            work.delete.len() + work.rolls.iter().map(|(_, batch)| batch.remove.len()).sum::<usize>()
        });
        action.danger_reason = reason(action, ended, storage_goes);
    }
}

/// `ended`: how many nodes of a group go.
fn reason(action: &Action, ended: usize, storage_goes: bool) -> String {
    match action.address.kind {
        Kind::Fsx => file_system(action.verb, action.danger).to_owned(),
        // It too holds what is not in S3 yet, and goes for good.
        Kind::FileCache => file_cache(action.verb, action.danger).to_owned(),
        Kind::Efs => efs(action.verb, action.danger).to_owned(),
        Kind::MountTarget => mount_target(action.verb).to_owned(),
        Kind::Link => link(action.verb, storage_goes).to_owned(),
        Kind::Nodes => nodes(action.verb, action.danger, ended),
        kind @ (Kind::SecurityGroup
        | Kind::Role
        | Kind::InstanceProfile
        | Kind::Placement
        | Kind::Reservation
        | Kind::Task
        | Kind::Template) => other(action.verb, kind),
    }
}

const NEW: &str = "It is new: nothing that exists is touched.";
const EMPTY: &str =
    "It never became usable, or no node was ever launched beside it: no file can be on it. Another one is made.";
const KEPT: &str = "Nothing is changed.";

fn file_system(verb: Verb, danger: Danger) -> &'static str {
    match (verb, danger) {
        (Verb::Create, _) => NEW,
        (Verb::Keep, _) => KEPT,
        (Verb::Update, Danger::Safe) => "Only tags are changed: it goes on working.",
        (Verb::Update, _) => "Reads and writes pause for moments while AWS changes it; no file is lost.",
        (Verb::Replace, Danger::DestroysData) => {
            "The file system is deleted and an empty one is made: files that are not in S3 by then are lost for good."
        }
        (Verb::Replace, _) => EMPTY,
        (Verb::Delete, _) => {
            "A deleted file system cannot be brought back: files that are not in S3 by then are lost for good."
        }
    }
}

fn file_cache(verb: Verb, danger: Danger) -> &'static str {
    match (verb, danger) {
        (Verb::Create, _) => NEW,
        (Verb::Keep, _) => KEPT,
        (Verb::Update, _) => "Only tags are changed: it goes on working.",
        (Verb::Replace, Danger::DestroysData) => {
            "The cache and its links are deleted and made anew: files that are not in S3 by then are lost for good."
        }
        (Verb::Replace, _) => EMPTY,
        (Verb::Delete, _) => {
            "A deleted cache cannot be brought back: files that are not in S3 by then are lost for good."
        }
    }
}

fn efs(verb: Verb, danger: Danger) -> &'static str {
    match (verb, danger) {
        (Verb::Create, _) => NEW,
        (Verb::Keep, _) => KEPT,
        (Verb::Update, _) => "It goes on working while AWS changes it; no file is lost.",
        (Verb::Replace, Danger::DestroysData) => {
            "The file system is deleted and an empty one is made: nothing on it has a copy in S3, and every file is lost for good."
        }
        (Verb::Replace, _) => EMPTY,
        (Verb::Delete, _) => {
            "A deleted file system cannot be brought back: nothing on it has a copy in S3, and every file is lost for good."
        }
    }
}

fn mount_target(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => NEW,
        Verb::Keep | Verb::Update => KEPT,
        Verb::Replace => "Nodes cannot reach the file system until the new one is there; no file goes.",
        Verb::Delete => "It is an address of the file system, and holds no data.",
    }
}

fn link(verb: Verb, storage_goes: bool) -> &'static str {
    match verb {
        Verb::Create => NEW,
        Verb::Keep => KEPT,
        Verb::Update => "It is changed in place: no file moves or goes.",
        Verb::Replace if storage_goes => {
            "Nothing flows between S3 and the file system until both are made anew; objects in S3 stay."
        }
        Verb::Replace => "Nothing flows between S3 and the directory until the new link is there; no file goes.",
        Verb::Delete if storage_goes => "The file system that it ties to S3 goes too; objects in S3 stay.",
        Verb::Delete => "Nothing flows between S3 and the directory any more; files and objects stay where they are.",
    }
}

fn nodes(verb: Verb, danger: Danger, ended: usize) -> String {
    let ends = if ended == 1 { "1 node is ended".to_owned() } else { format!("{ended} nodes are ended") };
    match (verb, danger) {
        (Verb::Create, _) => NEW.to_owned(),
        (_, Danger::Disruptive | Danger::DestroysCompute | Danger::DestroysData) => {
            format!("{ends}: jobs that run there stop, and what is on their own disks is lost.")
        }
        (Verb::Keep, Danger::Safe) => KEPT.to_owned(),
        (_, Danger::Safe) if ended > 0 => format!("{ends}, stopped or failed already; the others run on."),
        (_, Danger::Safe) => "Nodes that run are left alone.".to_owned(),
    }
}

fn other(verb: Verb, kind: Kind) -> String {
    match verb {
        Verb::Create => NEW.to_owned(),
        Verb::Keep => KEPT.to_owned(),
        Verb::Update if kind == Kind::Template => "Nodes that run keep what they were made from.".to_owned(),
        Verb::Update => "It is changed in place: what runs goes on.".to_owned(),
        Verb::Replace => {
            format!("What uses the {} waits from its deletion until the new one is there.", kind.noun())
        }
        Verb::Delete => "It holds no data, and goes once nothing of the cluster uses it.".to_owned(),
    }
}
