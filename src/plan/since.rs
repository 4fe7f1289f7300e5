//! What has changed in a cluster since a plan was made, one finding a resource.

use std::collections::{BTreeMap, BTreeSet};

use super::basis::{Basis, Found};
use super::diff::error;
use super::model::Finding;
use super::saved::AGAIN;
use crate::desired::{Address, TAG_SPEC};

pub(super) fn settled(then: &Basis, now: &Basis, findings: &mut Vec<Finding>) {
    let mut notes = Vec::new();
    if then.place != now.place {
        let text = |basis: &Basis| {
            basis.place.as_ref().map_or_else(|| "none".to_owned(), |place| format!("{} ({})", place.zone, place.subnet))
        };
        notes.push(format!("the place was {}, now it is {}", text(then), text(now)));
    }
    let images: BTreeSet<&String> = then.images.keys().chain(now.images.keys()).collect();
    for image in images {
        let (before, after) = (then.images.get(image), now.images.get(image));
        if before != after {
            let text = |id: Option<&String>| id.map_or("none", String::as_str).to_owned();
            notes.push(format!("the image `{image}` was {}, now it is {}", text(before), text(after)));
        }
    }
    for group in then.types.keys().chain(now.types.keys()).collect::<BTreeSet<&String>>() {
        let (before, after) = (then.types.get(group), now.types.get(group));
        if before != after {
            let text = |instance: Option<&String>| instance.map_or("none", String::as_str).to_owned();
            notes.push(format!("the type of nodes.{group} was {}, now it is {}", text(before), text(after)));
        }
    }
    // Another spec has other images; that has been said.
    if !notes.is_empty() && then.spec == now.spec {
        let mut finding =
            error("saved::settled", None, "the cluster would be made in another place, or of other images or types");
        finding.notes = notes;
        finding.help = Some(AGAIN.to_owned());
        findings.push(finding);
    }
}

pub(super) fn resources(then: &Basis, now: &Basis, findings: &mut Vec<Finding>) {
    let by_key = |basis: &Basis| -> BTreeMap<(Address, String), Found> {
        let key = |found: &Found| (found.address.clone(), found.id.clone());
        basis.resources.iter().map(|found| (key(found), found.clone())).collect()
    };
    let (before, after) = (by_key(then), by_key(now));
    let keys: BTreeSet<&(Address, String)> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (address, id) = key;
        let (title, notes) = match (before.get(key), after.get(key)) {
            (Some(_), None) => (format!("{address} was deleted since the plan"), vec![format!("{id} is gone")]),
            (None, Some(_)) => (format!("{address} was made since the plan"), vec![format!("{id} is there")]),
            (Some(before), Some(after)) if before != after => changed(before, after),
            _ => continue,
        };
        findings.push(since(address, title, notes));
    }
}

fn since(address: &Address, title: String, notes: Vec<String>) -> Finding {
    let mut finding = error("saved::changed", Some(address), title);
    finding.notes = notes;
    finding.help = Some(AGAIN.to_owned());
    finding
}

fn changed(before: &Found, after: &Found) -> (String, Vec<String>) {
    let mut what = Vec::new();
    let mut notes = Vec::new();
    if before.state != after.state {
        what.push("state".to_owned());
        notes.push(format!("{} was {}, now it is {}", after.id, before.state.word(), after.state.word()));
    }
    let mut fields: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    fields.retain(|field| before.fields.get(*field) != after.fields.get(*field));
    // That another spec was applied shows in what it changed.
    if fields.len() > 1 {
        fields.retain(|field| field.strip_prefix("tags.") != Some(TAG_SPEC));
    }
    for field in fields {
        let (then, now) = (before.fields.get(field), after.fields.get(field));
        let text = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
        what.push(format!("`{field}`"));
        notes.push(format!("`{field}` of {} was {}, now it is {}", after.id, text(then), text(now)));
    }
    (format!("{} was changed since the plan: {}", after.address, what.join(", ")), notes)
}

pub(super) fn nodes(then: &Basis, now: &Basis, findings: &mut Vec<Finding>) {
    let none = BTreeMap::new();
    let groups: BTreeSet<&Address> = then.nodes.keys().chain(now.nodes.keys()).collect();
    for group in groups {
        let (before, after) = (then.nodes.get(group).unwrap_or(&none), now.nodes.get(group).unwrap_or(&none));
        let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let notes: Vec<String> = ids
            .into_iter()
            .filter_map(|id| match (before.get(id), after.get(id)) {
                (Some(_), None) => Some(format!("{id} is gone")),
                (None, Some(_)) => Some(format!("{id} is new")),
                (Some(then), Some(now)) if then != now => Some(node_changed(id, then, now)),
                _ => None,
            })
            .collect();
        if !notes.is_empty() {
            findings.push(since(group, format!("{group} has changed since the plan"), notes));
        }
    }
}

fn node_changed(id: &str, then: &str, now: &str) -> String {
    let word = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let (then, now) = (word(then), word(now));
    if then == now { format!("{id} has other tags") } else { format!("{id} was {then}, now it is {now}") }
}
