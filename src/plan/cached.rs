//! Links of a cache: made with it, never changed, gone with it. They are shown and exported like others, and nothing is sent about
//! them; what they are to be instead needs another cache.

use super::diff::{Input, Work, exportable};
use super::model::{Action, Danger, Verb};
use super::summary;
use crate::desired::{Address, Kind, Wanted};
use crate::observed::{Seen, State};

/// The cluster's storage is a cache: the one that is there, else the one that is wanted.
pub(super) fn is_cached(input: &Input<'_>) -> bool {
    let there = input.observed.file_system().map(|seen| seen.address.kind);
    let wanted = || input.desired.storage().map(|(address, _)| address.kind);
    there.or_else(wanted) == Some(Kind::FileCache)
}

/// Why the links of a cache that is there are not those that are wanted.
pub(super) fn other_links(input: &Input<'_>, cache: &Seen) -> Vec<String> {
    let on_it = |seen: &&Seen| seen.address.kind == Kind::Link && seen.file_system.as_ref() == Some(&cache.id);
    let there: Vec<&Seen> = input.observed.resources.iter().filter(on_it).collect();
    let mut reasons = Vec::new();
    for (address, wanted) in input.desired.resources.iter().filter(|(address, _)| address.kind == Kind::Link) {
        let s3 = |fields: &[(&str, String)]| fields.iter().find(|(name, _)| *name == "s3").map(|(_, s3)| s3.clone());
        let wants = s3(&wanted.resource.fields()).unwrap_or_default();
        match there.iter().find(|seen| seen.address == *address) {
            None => reasons.push(format!("`{address}` cannot be added: the links of a cache are made with it.")),
            Some(seen) if seen.fields.get("s3") != Some(&wants) => {
                let is = seen.fields.get("s3").map_or("nothing", String::as_str);
                reasons
                    .push(format!("`{address}` cannot change from {is} to {wants}: a cache keeps its links for life."));
            }
            Some(_) => {}
        }
    }
    for seen in there.iter().filter(|seen| !input.desired.resources.contains_key(&seen.address)) {
        reasons.push(format!("`{}` cannot be removed: a cache keeps its links for life.", seen.address));
    }
    reasons
}

/// A link that is wanted.
pub(super) fn link(input: &Input<'_>, address: &Address, wanted: &Wanted, storage_replaced: bool) -> (Action, Work) {
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
    let storage = input.observed.file_system().filter(|seen| seen.state != State::Deleting);
    let seen = input.observed.find(address).filter(|seen| seen.state != State::Deleting);
    match (storage, seen) {
        (Some(_), Some(seen)) => {
            action.id = Some(seen.id.clone());
            if storage_replaced {
                action.verb = Verb::Replace;
                action.danger = Danger::Disruptive;
                action.reasons.push("The cache that it is a part of is replaced.".to_owned());
                work.delete.push(seen.id.clone());
                work.export = exportable(input, seen);
            }
        }
        // Made a moment ago, with its cache: it will be seen.
        (Some(_), None) if !storage_replaced => {}
        _ => {
            action.verb = Verb::Create;
            action.reasons.push("It is made with the cache.".to_owned());
            action.reasons.push("A file loads when it is first read.".to_owned());
        }
    }
    (action, work)
}
