//! `[cluster]`: name, region, tags, lifetime, budget.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::shapes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields, Read, text, wrong_type};
use crate::spec::model::{Cluster, Launch};
use crate::spec::places::span;

pub(in crate::spec) const KEYS: &[&str] = &["name", "region", "tags", "ttl", "launch", "instance_profile", "budget"];

/// The longest name that leaves room for a region in the 64 characters of a role's name.
pub(in crate::spec) const NAME_MAX: usize = 38;
/// Tags a resource may have (FSx and EC2: 50), less the ten `provision:` tags and `Name` that a node may get from us.
pub(in crate::spec) const TAGS_MAX: usize = 50 - 10 - 1;
/// Nobody means a cluster for longer, and time stamps stay far from their limits.
const TTL_MAX: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Whether a cluster may have this name.
pub fn is_cluster_name(name: &str) -> bool {
    shapes::is_name(name, NAME_MAX)
}

pub(in crate::spec) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Cluster, Complained> {
    let name = name(fields, out);
    let region = region(fields, out);
    let tags = tags(fields.get("tags"), out);
    let ttl = ttl(fields, out);
    let launches = [("after-storage", Launch::AfterStorage), ("with-storage", Launch::WithStorage)];
    let launch = fields.choice("launch", &launches, out);
    let instance_profile = instance_profile(fields, out);
    let budget = fields.budget("budget", out);
    Ok(Cluster {
        name: name?,
        region: region?.map(|region| region.value),
        tags: tags?,
        ttl: ttl?.map(|ttl| ttl.value),
        launch: launch?.map_or(Launch::AfterStorage, |launch| launch.value),
        instance_profile: instance_profile?.map(|profile| profile.value),
        budget: budget?.map(|budget| budget.value),
    })
}

fn name(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<String, Complained> {
    let Some(At { value, span }) = fields.text("name", "a string such as \"video-pretrain\"", out)? else {
        return Err(fields.missing("name", "name = \"video-pretrain\"", out));
    };
    if is_cluster_name(&value) {
        return Ok(value);
    }
    out.push(
        Diagnostic::error("spec::name", "this name cannot be used")
            .at(span, if value.len() > NAME_MAX { "too long" } else { "not a name" })
            .note(format!("small letters, digits and `-`, a letter first, at most {NAME_MAX} characters")),
    );
    Err(Complained)
}

pub(in crate::spec) fn region(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Read<String> {
    let Some(region) = fields.text("region", "a string such as \"us-east-1\"", out)? else { return Ok(None) };
    if shapes::is_region(&region.value) {
        return Ok(Some(region));
    }
    let zone = region.value.strip_suffix(|last: char| last.is_ascii_lowercase()).filter(|text| shapes::is_region(text));
    let mut complaint = Diagnostic::error("spec::region", "this is not a region")
        .at(region.span, if zone.is_some() { "an availability zone" } else { "not the name of a region" });
    complaint = match zone {
        Some(zone) => complaint.help(format!("write `region = \"{zone}\"`; subnets choose the zone")),
        None => complaint.help("write it like `region = \"us-east-1\"`"),
    };
    out.push(complaint);
    Err(Complained)
}

fn tags(value: Option<&Spanned<DeValue<'_>>>, out: &mut Diagnostics) -> Result<BTreeMap<String, String>, Complained> {
    let Some(value) = value else { return Ok(BTreeMap::new()) };
    let DeValue::Table(table) = value.get_ref() else {
        return Err(wrong_type(value, "a table such as { team = \"vision\" }", out));
    };
    let mut fine = true;
    if table.len() > TAGS_MAX {
        out.push(
            Diagnostic::error("spec::tags", "there are too many tags")
                .at(span(value), format!("{} tags", table.len()))
                .note(format!("AWS allows 50 a resource, and `provision` adds up to 11: {TAGS_MAX} are left")),
        );
        fine = false;
    }
    let tags = one_by_one(table, &mut fine, out);
    if fine { Ok(tags) } else { Err(Complained) }
}

fn one_by_one(table: &DeTable<'_>, fine: &mut bool, out: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (key, value) in table {
        if let Some(fault) = key_fault(key.get_ref()) {
            let complaint = Diagnostic::error("spec::tags", "this tag cannot be used").at(span(key), fault);
            out.push(if fault.starts_with('`') { complaint } else { complaint.note(CHARACTERS) });
            *fine = false;
        }
        let Ok(At { value, span }) = text(value, "a string such as \"vision\"", out) else {
            *fine = false;
            continue;
        };
        if value.chars().count() > 256 || !value.chars().all(is_tag_char) {
            let fault = if value.chars().all(is_tag_char) {
                "longer than 256 characters"
            } else {
                "has a character that tags may not have"
            };
            out.push(Diagnostic::error("spec::tags", "this tag cannot be used").at(span, fault).note(CHARACTERS));
            *fine = false;
        }
        tags.insert(key.get_ref().to_string(), value);
    }
    tags
}

const CHARACTERS: &str = "letters, digits, blanks and `_ . : / = + - @`; keys to 128 characters, values to 256";

fn key_fault(key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase();
    if lower.starts_with("aws:") {
        Some("`aws:` is for AWS alone")
    } else if lower.starts_with("provision:") {
        Some("`provision:` is for this program: it finds its resources by it")
    } else if key.is_empty() || key.chars().count() > 128 {
        Some("must have 1 to 128 characters")
    } else if !key.chars().all(is_tag_char) {
        Some("has a character that tags may not have")
    } else {
        None
    }
}

/// API:Tag, the same for FSx, EC2 and IAM.
fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}

fn ttl(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Read<SignedDuration> {
    let Some(ttl) = fields.duration("ttl", "72h", out)? else { return Ok(None) };
    let fault = if ttl.value <= SignedDuration::ZERO {
        "not a time to come"
    } else if ttl.value > TTL_MAX {
        "more than a year"
    } else {
        return Ok(Some(ttl));
    };
    out.push(
        Diagnostic::error("spec::ttl", "no cluster can have this lifetime")
            .at(ttl.span, fault)
            .help("give more than zero and at most `365d`, or leave `ttl` out: then nodes run until `provision down`"),
    );
    Err(Complained)
}

fn instance_profile(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Read<String> {
    let Some(profile) = fields.text("instance_profile", "a string: the name of an instance profile", out)? else {
        return Ok(None);
    };
    let name = &profile.value;
    let characters = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if (1..=128).contains(&name.len()) && name.chars().all(characters) {
        return Ok(Some(profile));
    }
    let mut complaint = Diagnostic::error("spec::instance-profile", "this is not the name of an instance profile")
        .at(profile.span, if name.starts_with("arn:") { "an ARN" } else { "not a name" })
        .note("letters, digits and `+=,.@_-`, at most 128 characters");
    if let Some(name) = name.strip_prefix("arn:").and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name) {
        complaint = complaint.help(format!("write `instance_profile = \"{name}\"`"));
    }
    out.push(complaint);
    Err(Complained)
}
