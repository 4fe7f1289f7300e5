//! The cluster as a picture: buckets, links, the file system and groups of nodes, with sizes, rates and what happens to each.
//!
//! Made from what is wanted; of what goes, from what was seen. Data only: which shape a tier has is the renderer's business.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::diff::Input;
use super::model::{Action, Danger, Verb};
use super::summary::{capacity_text, rate_text};
use crate::catalog::{file_cache, instances};
use crate::desired::{
    Address, Desired, FileSystem, Kind, Link, NodeGroup, Resource, deployment_text, efs_throughput_text, flows_text,
    market_text, media_text,
};
use crate::observed::Observed;
use crate::spec::MetadataIops;

/// Parts, a tier's together and from S3 to the nodes, and what flows between them. Empty where there is nothing to draw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Topology {
    pub parts: Vec<Part>,
    pub flows: Vec<Flow>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    pub tier: Tier,
    /// None for what is not ours, and never changed by us.
    pub address: Option<Address>,
    pub title: String,
    /// Sizes and rates; of what changes, both values.
    pub lines: Vec<String>,
    /// What the plan does to it.
    pub verb: Verb,
    pub danger: Danger,
}

/// Where a part stands on the way from S3 to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// A bucket.
    Source,
    Link,
    Storage,
    Compute,
}

/// An arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Flow {
    /// Index in `parts`: the one nearer to S3.
    pub from: usize,
    /// Index in `parts`: the one nearer to the nodes.
    pub to: usize,
    /// Data flows towards the nodes.
    pub forth: bool,
    /// Data flows towards S3.
    pub back: bool,
}

/// What a link joins and which way.
struct Route {
    bucket: String,
    forth: bool,
    back: bool,
}

/// Changes of these fields are told in the picture.
const TOLD: [&str; 7] =
    ["count", "instance", "capacity", "throughput_per_tib", "throughput", "metadata_iops", "deployment"];

pub(super) fn topology(input: &Input<'_>, actions: &[Action]) -> Topology {
    let mut routes: BTreeMap<&Address, Route> = BTreeMap::new();
    let mut buckets: BTreeMap<String, usize> = BTreeMap::new();
    for action in actions.iter().filter(|action| action.address.kind == Kind::Link) {
        let route = route(&action.address, input.desired, input.observed);
        buckets.insert(route.bucket.clone(), 0);
        routes.insert(&action.address, route);
    }
    let mut topology = Topology::default();
    for (bucket, index) in &mut buckets {
        *index = topology.parts.len();
        topology.parts.push(Part {
            tier: Tier::Source,
            address: None,
            title: format!("s3://{bucket}"),
            lines: vec!["S3 bucket of yours".to_owned()],
            verb: Verb::Keep,
            danger: Danger::Safe,
        });
    }
    let tiers =
        [(Tier::Link, vec![Kind::Link]), (Tier::Storage, Kind::STORAGE.into()), (Tier::Compute, vec![Kind::Nodes])];
    for (tier, kinds) in tiers {
        for action in actions.iter().filter(|action| kinds.contains(&action.address.kind)) {
            let mut part = part(action, tier, input.desired);
            let existing =
                input.observed.existing.as_ref().map(|existing| &existing.id).or(input.desired.existing.as_ref());
            if let (Tier::Storage, Some(id)) = (tier, existing.filter(|id| action.id.as_ref() == Some(*id))) {
                (part.address, part.title) = (None, id.clone());
            }
            topology.parts.push(part);
        }
    }
    topology.flows = flows(&topology.parts, &buckets, &routes);
    if topology.flows.is_empty() { Topology::default() } else { topology }
}

fn flows(parts: &[Part], buckets: &BTreeMap<String, usize>, routes: &BTreeMap<&Address, Route>) -> Vec<Flow> {
    let of = |tier: Tier| parts.iter().enumerate().filter(move |(_, part)| part.tier == tier);
    let storage = of(Tier::Storage).map(|(index, _)| index).next();
    let mut flows = Vec::new();
    for (index, part) in of(Tier::Link) {
        let Some(Route { bucket, forth, back }) = part.address.as_ref().and_then(|address| routes.get(address)) else {
            continue;
        };
        let (forth, back) = (*forth, *back);
        flows.extend(buckets.get(bucket).map(|from| Flow { from: *from, to: index, forth, back }));
        flows.extend(storage.map(|to| Flow { from: index, to, forth, back }));
    }
    for (to, _) in of(Tier::Compute) {
        flows.extend(storage.map(|from| Flow { from, to, forth: true, back: true }));
    }
    flows
}

fn wanted<'a>(address: &Address, desired: &'a Desired) -> Option<&'a Resource> {
    let wanted = desired.resources.get(address).or_else(|| desired.to_export.get(address));
    wanted.map(|wanted| &wanted.resource)
}

fn route(address: &Address, desired: &Desired, observed: &Observed) -> Route {
    if let Some(Resource::Link(link)) = wanted(address, desired) {
        let Link { bucket, import, export, preload_metadata, .. } = link;
        let back = !export.is_empty();
        return Route { bucket: bucket.clone(), forth: !import.is_empty() || *preload_metadata || !back, back };
    }
    let fields = observed.find(address).map(|seen| &seen.fields);
    let field = |name: &str| fields.and_then(|fields| fields.get(name)).map_or("", String::as_str);
    let flows = |name: &str| !matches!(field(name), "" | "never");
    let s3 = field("s3").trim_start_matches("s3://");
    let bucket = s3.split('/').next().unwrap_or_default();
    Route { bucket: bucket.to_owned(), forth: flows("import") || !flows("export"), back: flows("export") }
}

fn part(action: &Action, tier: Tier, desired: &Desired) -> Part {
    let Action { address, verb, danger, summary, changes, .. } = action;
    let mut lines = match wanted(address, desired) {
        Some(Resource::Fsx(file_system)) => storage(file_system),
        Some(Resource::FileCache(cache)) => vec![
            "Amazon File Cache".to_owned(),
            format!(
                "{}, {} in all",
                capacity_text(cache.capacity_gib),
                rate_text(file_cache::THROUGHPUT_PER_TIB.saturating_mul(cache.capacity_gib) / 1000)
            ),
        ],
        Some(Resource::Efs(efs)) => vec![
            "EFS, in every zone of the region".to_owned(),
            format!("throughput: {}", efs_throughput_text(efs.throughput)),
            "grows with what is on it".to_owned(),
        ],
        Some(Resource::Link(link)) => vec![
            format!("{} ⇄ {}", link.s3(), link.path),
            format!("from S3: {}", flows_text(&link.import)),
            format!("to S3: {}", flows_text(&link.export)),
        ],
        Some(Resource::Nodes(group)) => compute(group, desired),
        Some(
            Resource::SecurityGroup(_)
            | Resource::Role(_)
            | Resource::InstanceProfile(_)
            | Resource::Placement(_)
            | Resource::Reservation(_)
            | Resource::MountTarget(_)
            | Resource::Template(_),
        )
        | None => vec![summary.clone()],
    };
    if matches!(verb, Verb::Update | Verb::Replace) {
        let told = changes.iter().filter(|change| TOLD.contains(&change.field.as_str()));
        lines.extend(told.map(|change| {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            format!("{}: {} → {}", change.field, side(&change.before), side(&change.after))
        }));
    }
    Part { tier, address: Some(address.clone()), title: address.to_string(), lines, verb: *verb, danger: *danger }
}

fn storage(file_system: &FileSystem) -> Vec<String> {
    let FileSystem { deployment, media, capacity_gib, throughput_per_tib, throughput, metadata_iops, efa, .. } =
        file_system;
    let mut lines = vec![format!("FSx for Lustre, {} {}", deployment_text(*deployment), media_text(*media))];
    match (capacity_gib, throughput_per_tib) {
        (Some(gib), Some(rate)) => {
            lines.push(format!("{}, {} in all", capacity_text(*gib), rate_text(rate.saturating_mul(*gib) / 1000)));
            lines.push(format!("{} per TiB", rate_text(*rate)));
        }
        (Some(gib), None) => lines.push(capacity_text(*gib)),
        (None, _) => lines.push("grows with what is on it".to_owned()),
    }
    lines.extend(throughput.map(rate_text));
    if let Some(MetadataIops::Provisioned(iops)) = metadata_iops {
        lines.push(format!("{iops} metadata IOPS"));
    }
    if *efa {
        lines.push("EFA".to_owned());
    }
    lines
}

fn compute(group: &NodeGroup, desired: &Desired) -> Vec<String> {
    let NodeGroup { count, instance, market, zone, template, .. } = group;
    let mut lines = vec![format!("{count} × {instance}, {}", market_text(market))];
    if let Some(accelerators) = instances::get(instance).and_then(|known| known.accelerators.as_ref()) {
        let all = u64::from(accelerators.count) * u64::from(*count);
        lines.push(format!("{all} × {} in all", accelerators.name));
    }
    if let Some(Resource::Template(template)) = desired.resources.get(template).map(|wanted| &wanted.resource) {
        lines.push(format!("mounts it at {}", template.boot.mount));
    }
    if !zone.is_empty() {
        lines.push(format!("in {zone}"));
    }
    lines
}
