//! One line a resource: what a reviewer needs to see of it without reading its fields.

use std::fmt::Write as _;

use crate::catalog::file_cache;
use crate::desired::{
    CapacityReservation, Efs, FileCache, FileSystem, Kind, LaunchTemplate, Link, MountTarget, NodeGroup, Resource,
    Role, SecurityGroup, deployment_text, efs_throughput_text, flows_sentence, market_text, media_text,
};
use crate::observed::{Existing, Seen};
use crate::spec::MetadataIops;

pub(super) fn of(resource: &Resource) -> String {
    match resource {
        Resource::SecurityGroup(SecurityGroup { name, rules, .. }) => {
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            format!("{name}, {} among members", rules.join(", "))
        }
        Resource::Role(Role { name, .. }) => format!("{name}, tags only itself"),
        Resource::InstanceProfile(profile) => profile.name.clone(),
        Resource::Placement(group) => format!("{}, cluster", group.name),
        Resource::Reservation(CapacityReservation { instance, count, zone, ends: _ }) => {
            format!("{count} × {instance} in {zone}, reserved")
        }
        Resource::Fsx(file_system) => storage(file_system),
        Resource::Efs(Efs { throughput, kms_key: _ }) => {
            format!("regional, {} throughput, encrypted", efs_throughput_text(*throughput))
        }
        Resource::MountTarget(MountTarget { zone, subnet, security_group: _ }) => match (zone.as_str(), subnet) {
            ("", _) => "where nodes reach it".to_owned(),
            (zone, subnet) => format!("where nodes in {zone} reach it, in {subnet}"),
        },
        Resource::FileCache(FileCache { capacity_gib, links, .. }) => {
            let rate = file_cache::THROUGHPUT_PER_TIB.saturating_mul(*capacity_gib) / 1000;
            format!("{}, {}, {}", capacity_text(*capacity_gib), rate_text(rate), plural(links.len(), "link"))
        }
        Resource::Link(link) => {
            let Link { path, import, export, export_on_down, .. } = link;
            format!("{} ⇄ {path}: {}", link.s3(), flows_sentence(import, export, *export_on_down))
        }
        Resource::Template(template) => {
            let LaunchTemplate { image, instance, interfaces, .. } = template.as_ref();
            let image = if image.is_empty() { "image known once compared" } else { image };
            format!("{instance}, {image}, {}", plural(interfaces.len(), "interface"))
        }
        Resource::Nodes(NodeGroup { count, min_count, instance, market, zone, .. }) => {
            let zone = if zone.is_empty() { String::new() } else { format!(" in {zone}") };
            let least = if min_count < count { format!("{min_count} to ") } else { String::new() };
            format!("{least}{count} × {instance} {}{zone}", market_text(market))
        }
    }
}

// Writing to a String cannot fail.
fn storage(file_system: &FileSystem) -> String {
    let mut text = format!("{} {}", deployment_text(file_system.deployment), media_text(file_system.media));
    if let Some(gib) = file_system.capacity_gib {
        let _ = write!(text, ", {}", capacity_text(gib));
        if let Some(rate) = file_system.throughput_per_tib {
            // AWS counts a TiB of capacity as 1000 GiB (FSx for Lustre User Guide, "Performance", its example).
            let _ = write!(text, ", {} per TiB = {}", rate_text(rate), rate_text(rate.saturating_mul(gib) / 1000));
        }
    }
    if let Some(rate) = file_system.throughput {
        let _ = write!(text, ", {}", rate_text(rate));
    }
    match file_system.metadata_iops {
        Some(MetadataIops::Provisioned(iops)) => {
            let _ = write!(text, ", {iops} metadata IOPS");
        }
        Some(MetadataIops::Auto) | None => {}
    }
    if file_system.efa {
        text.push_str(", EFA");
    }
    text
}

/// As AWS says it: 4800 GiB are 4.8 TiB (FSx for Lustre User Guide, "Getting started").
pub(super) fn capacity_text(gib: u32) -> String {
    let (whole, rest) = (gib / 1000, gib % 1000);
    if rest == 0 {
        format!("{whole} TiB")
    } else {
        format!("{whole}.{} TiB", format!("{rest:03}").trim_end_matches('0'))
    }
}

/// MB/s as people say it.
pub(super) fn rate_text(megabytes: u32) -> String {
    if megabytes >= 1000 && megabytes.is_multiple_of(100) {
        let tenths = megabytes / 100;
        if tenths.is_multiple_of(10) {
            format!("{} GB/s", tenths / 10)
        } else {
            format!("{}.{} GB/s", tenths / 10, tenths % 10)
        }
    } else {
        format!("{megabytes} MB/s")
    }
}

/// Of something that is not wanted any more, only what was seen is known.
pub(super) fn of_seen(seen: &Seen) -> String {
    let field = |name: &str| seen.fields.get(name).cloned().unwrap_or_default();
    match seen.address.kind {
        Kind::Fsx => format!("{} {}, {}", field("deployment"), field("media"), field("capacity")),
        Kind::Efs => format!("regional, {} throughput", field("throughput")),
        Kind::FileCache => format!("cache, {}", field("capacity")),
        Kind::MountTarget => format!("where nodes in {} reach it, in {}", field("zone"), field("subnet")),
        Kind::Link => format!("{} ⇄ {}", field("s3"), field("path")),
        Kind::Reservation => format!("{} × {} in {}, reserved", field("count"), field("instance"), field("zone")),
        _ => field("name"),
    }
}

/// Of a file system that is not ours.
pub fn of_existing(existing: &Existing) -> String {
    let Existing { service, fields, .. } = existing;
    let field = |name: &str| fields.get(name).map(String::as_str);
    let kind = match (field("deployment"), field("media")) {
        (Some(deployment), Some(media)) => format!("{deployment} {media}"),
        _ => service.to_lowercase(),
    };
    let size = field("capacity").or(field("throughput")).map(|size| format!(", {size}")).unwrap_or_default();
    let efa = if field("efa") == Some("true") { ", EFA" } else { "" };
    format!("{kind}{size}{efa}, existing, not ours")
}

pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
