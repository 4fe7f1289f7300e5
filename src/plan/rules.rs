//! What a change of a field means: in place, a replacement, or nothing at all. One rule a field.
//!
//! Sources: FSx API, UpdateFileSystem and UpdateDataRepositoryAssociation; FSx for Lustre User Guide, "Managing storage
//! capacity", "Managing throughput capacity", "Managing metadata performance", "EFA-enabled file systems"; EFS API, UpdateFileSystem.

use std::collections::BTreeMap;

use super::model::Change;
use crate::catalog;
use crate::desired::{Kind, Wanted};
use crate::observed::Seen;

/// What it takes to bring one field from one value to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    InPlace,
    /// The reason is a sentence for the user.
    Replace(&'static str),
    /// Not a difference that matters.
    Same,
}

/// The changed fields of a resource, and the reasons for those that force a replacement.
pub(super) fn compare(kind: Kind, wanted: &Wanted, seen: &Seen) -> (Vec<Change>, Vec<String>) {
    let mut changes = Vec::new();
    let mut reasons = Vec::new();
    for (field, after) in wanted.resource.fields() {
        let before = seen.fields.get(field);
        // What AWS does not give back cannot be compared. The one absence that says something is that of metadata IOPS.
        if before.is_none() && field != "metadata_iops" || before == Some(&after) {
            continue;
        }
        let effect = match kind {
            Kind::Fsx => file_system(field, before.map(String::as_str), &after, &seen.fields),
            Kind::Efs => efs(field, before.map(String::as_str), &after),
            Kind::FileCache => file_cache(field, before.map(String::as_str), &after),
            Kind::Link => link(field),
            Kind::SecurityGroup if field == "vpc" => Effect::Replace("A security group belongs to one VPC."),
            Kind::SecurityGroup | Kind::Role | Kind::InstanceProfile | Kind::Template => Effect::InPlace,
            Kind::Placement => Effect::Replace("A placement group cannot be changed."),
            // Of mount targets there is one in a zone, and that is what counts.
            Kind::MountTarget | Kind::Reservation | Kind::Task | Kind::Nodes => Effect::Same,
        };
        let forces_replace = match effect {
            Effect::Same => continue,
            Effect::InPlace => false,
            Effect::Replace(why) => {
                reasons.push(format!(
                    "`{field}` cannot change from {} to {after}: {why}",
                    before.map_or("nothing", String::as_str)
                ));
                true
            }
        };
        changes.push(Change { field: field.to_owned(), before: before.cloned(), after: Some(after), forces_replace });
    }
    (changes, reasons)
}

fn link(field: &str) -> Effect {
    match field {
        "path" | "s3" => Effect::Replace("An association keeps its path and its bucket for life."),
        _ => Effect::InPlace,
    }
}

/// EFS API, UpdateFileSystem: its throughput, and nothing else that a spec says.
fn efs(field: &str, before: Option<&str>, after: &str) -> Effect {
    match field {
        "throughput" => Effect::InPlace,
        "kms_key" => kms_key(before, after),
        _ => Effect::Same,
    }
}

/// FSx API, UpdateFileCache: its maintenance window, and nothing that a spec says.
fn file_cache(field: &str, before: Option<&str>, after: &str) -> Effect {
    match field {
        "kms_key" => kms_key(before, after),
        _ => Effect::Replace("It is fixed at the creation of a cache."),
    }
}

fn file_system(field: &str, before: Option<&str>, after: &str, seen: &BTreeMap<String, String>) -> Effect {
    let is = |name: &str, value: &str| seen.get(name).is_some_and(|seen| seen == value);
    let grows = before.and_then(number).zip(number(after)).is_some_and(|(before, after)| after > before);
    match field {
        "capacity" | "throughput" if grows => Effect::InPlace,
        "capacity" => Effect::Replace("A file system grows and never shrinks."),
        "throughput_per_tib" if is("efa", "true") => {
            Effect::Replace("The throughput of a file system with EFA is fixed at its creation.")
        }
        "throughput_per_tib" if is("media", "hdd") => {
            Effect::Replace("The throughput of a file system on HDD is fixed at its creation.")
        }
        "throughput" => Effect::Replace("The throughput of an intelligent-tiering file system rises and never falls."),
        "throughput_per_tib" | "compression" | "read_cache" => Effect::InPlace,
        "metadata_iops" => metadata(before, after, seen),
        "kms_key" => kms_key(before, after),
        "deployment" | "media" | "efa" | "drive_cache" => {
            Effect::Replace("It is fixed at the creation of a file system.")
        }
        "subnet" => Effect::Replace("A file system stays in the subnet and the zone that it was made in."),
        _ => Effect::Same,
    }
}

/// Up only; between `auto` and a number only where the number is not below what `auto` gives.
fn metadata(before: Option<&str>, after: &str, seen: &BTreeMap<String, String>) -> Effect {
    const NEVER_ADDED: &str = "It can only be given when a file system is made.";
    const NEVER_FALLS: &str = "Metadata IOPS rise and never fall.";
    let Some(before) = before else {
        return Effect::Replace(NEVER_ADDED);
    };
    let automatic = seen
        .get("capacity")
        .and_then(|text| number(text))
        .and_then(|gib| u32::try_from(gib).ok())
        .map(catalog::fsx::automatic_metadata_iops);
    let value = |text: &str| {
        if text == "auto" { automatic.map(u64::from) } else { number(text) }
    };
    match (value(before), value(after)) {
        // Back to `auto` only from exactly its own value (User Guide, "Managing metadata performance").
        (Some(before), Some(now)) if after == "auto" && before == now => Effect::InPlace,
        (Some(before), Some(now)) if after != "auto" && now >= before => Effect::InPlace,
        _ => Effect::Replace(NEVER_FALLS),
    }
}

/// AWS answers with the key's ARN; the spec may name it by ARN or id. An alias says nothing about which key it meant then.
fn kms_key(before: Option<&str>, after: &str) -> Effect {
    let same = before.is_none_or(|before| before == after || before.ends_with(&format!("key/{after}")));
    if same || after.contains("alias/") {
        Effect::Same
    } else {
        Effect::Replace("A file system keeps its key for life.")
    }
}

/// The leading number of `4800 GiB`.
fn number(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}
