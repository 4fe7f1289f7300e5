//! `[[nodes]]`: a group of equal nodes.

use toml::de::DeValue;

use super::{instance, market, shapes};
use crate::catalog::instances::{self, Architecture, InstanceType};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields, wrong_type};
use crate::spec::model::{Alternative, Capacity, Image, Market, MaxAway, NodeEfa, Nodes, Placement, Setup};
use crate::spec::places::span;
use crate::spec::units::Unit;

pub(in crate::spec) const KEYS: &[&str] = &[
    "name",
    "instance",
    "count",
    "min_count",
    "image",
    "market",
    "reservation",
    "capacity",
    "efa",
    "placement",
    "setup",
    "max_away",
    "root_volume",
];
pub(in crate::spec) const PLACEMENTS: &[(&str, Placement)] =
    &[("cluster", Placement::Cluster), ("none", Placement::None)];

pub(in crate::spec) const CAPACITIES: &[(&str, Capacity)] =
    &[("probe", Capacity::Probe), ("reserve", Capacity::Reserve), ("none", Capacity::None)];
/// Accelerators of a node from which on capacity is scarce enough to be asked for first: whole machines of the P, Trn and
/// large G families.
const SCARCE_ACCELERATORS: u32 = 8;

pub(in crate::spec) const NAME_MAX: usize = 32;
/// The bucket of instances that RunInstances draws from holds 1000 (EC2 API guide, ec2-api-throttling): a whole group is
/// one call.
pub(in crate::spec) const COUNT_MAX: i64 = 1000;
/// GiB. Below it no image of ours fits; above it old gp3 volumes do not go (EBS User Guide: 16 TiB).
const ROOT_VOLUME: std::ops::RangeInclusive<u32> = 8..=16_384;
const ROOT_VOLUME_DEFAULT: u32 = 200;
/// Raw bytes. User-data holds 16 KB after compression; scripts come down to a quarter. The exact limit is checked when
/// the boot script is rendered.
const SETUP_MAX: usize = 64 * 1024;

/// Reads a group. `storage_efa` is None where `[storage]` could not be read.
pub(in crate::spec) fn read(
    fields: &Fields<'_, '_>,
    storage_efa: Option<bool>,
    load: &dyn Fn(&str) -> Result<String, String>,
    out: &mut Diagnostics,
) -> Result<Nodes, Complained> {
    let name = name(fields, out);
    let types = instance::read(fields, out);
    let all = types.as_deref().unwrap_or_default();
    let count = count(fields, out);
    let min_count = min_count(fields, count.ok(), out);
    let image = image(fields, all.first().and_then(|first| instances::get(&first.value)), out);
    let each = instance::each(all, out, |instance, out| {
        let facts = instance.and_then(|instance| instances::get(&instance.value));
        let market = market::read(fields, facts, count.ok(), out);
        let capacity = capacity(fields, facts, market.as_ref().ok(), out);
        let efa = efa(fields, instance, facts, count.ok(), storage_efa, out);
        let apart = reserved(capacity.as_ref().ok(), market.as_ref().ok());
        let placement = placement(fields, facts, count.ok(), apart, out);
        let instance = instance.map(|instance| instance.value.clone()).unwrap_or_default();
        Ok((market?, Alternative { instance, capacity: capacity?, efa: efa?, placement: placement? }))
    });
    let market = each.first().and_then(|first| first.as_ref().ok()).map(|(market, _)| market);
    let together = instance::together(fields, all, market, out);
    let setup = setup(fields, load, out);
    let max_away = max_away(fields, out);
    let root_volume_gib = root_volume(fields, out);
    let (name, count, image, _, ()) = (name?, count?, image?, types?, together?);
    let each: Vec<(Market, Alternative)> = each.into_iter().collect::<Result<_, _>>()?;
    let (market, Alternative { instance, capacity, efa, placement }) = each.first().cloned().ok_or(Complained)?;
    let several = if each.len() > 1 { each } else { Vec::new() };
    Ok(Nodes {
        name,
        instance,
        alternatives: several.into_iter().map(|(_, alternative)| alternative).collect(),
        count,
        min_count: min_count?,
        image,
        market,
        capacity,
        efa,
        placement,
        setup: setup?,
        max_away: max_away?,
        root_volume_gib: root_volume_gib?,
    })
}

fn name(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<String, Complained> {
    let Some(At { value, span }) = fields.text("name", "a string such as \"trainer\"", out)? else {
        return Err(fields.missing("name", "name = \"trainer\"", out));
    };
    if shapes::is_name(&value, NAME_MAX) {
        return Ok(value);
    }
    out.push(
        Diagnostic::error("spec::name", "this name cannot be used")
            .at(span, if value.len() > NAME_MAX { "too long" } else { "not a name" })
            .note(format!("small letters, digits and `-`, a letter first, at most {NAME_MAX} characters")),
    );
    Err(Complained)
}

fn count(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<u32, Complained> {
    let Some(At { value, span }) = fields.number("count", "a whole number such as 8", out)? else {
        return Err(fields.missing("count", "count = 8", out));
    };
    match u32::try_from(value) {
        Ok(count) if (1..=COUNT_MAX).contains(&value) => Ok(count),
        _ => {
            out.push(
                Diagnostic::error("spec::count", "a group cannot have this many nodes")
                    .at(span, format!("not from 1 to {COUNT_MAX}"))
                    .note(format!("a group is launched in one call, and EC2 takes {COUNT_MAX} instances in one")),
            );
            Err(Complained)
        }
    }
}

/// With it as high as `count` it says nothing, and is as good as left out.
fn min_count(fields: &Fields<'_, '_>, count: Option<u32>, out: &mut Diagnostics) -> Result<Option<u32>, Complained> {
    let Some(At { value, span }) = fields.number("min_count", "a whole number such as 6", out)? else {
        return Ok(None);
    };
    match u32::try_from(value) {
        Ok(least) if least >= 1 && count.is_none_or(|count| least <= count) => {
            Ok(Some(least).filter(|least| Some(*least) != count))
        }
        _ => {
            let most = count.map_or_else(|| "`count`".to_owned(), |count| format!("{count}, its `count`"));
            out.push(
                Diagnostic::error("spec::min-count", "a group cannot make do with this many nodes")
                    .at(span, format!("not from 1 to {most}"))
                    .note("`up` launches as many as there are to be had, from `min_count` to `count`")
                    .help("leave `min_count` out: then it is all of them or none"),
            );
            Err(Complained)
        }
    }
}

fn max_away(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<MaxAway>, Complained> {
    const KEY: &str = "max_away";
    let Some(value) = fields.get(KEY) else { return Ok(None) };
    let read = if let DeValue::String(text) = value.get_ref() {
        let percent = text.strip_suffix('%').and_then(|percent| percent.parse().ok());
        percent.filter(|percent| (1..=100).contains(percent)).map(MaxAway::Percent)
    } else {
        let number = fields.number(KEY, "a whole number such as 1, or a share such as \"25%\"", out)?;
        let nodes = number.and_then(|At { value, .. }| u32::try_from(value).ok().filter(|nodes| *nodes > 0));
        nodes.map(MaxAway::Nodes)
    };
    if read.is_none() {
        out.push(
            Diagnostic::error("spec::max-away", "so many nodes cannot be away at once")
                .at(span(value), "neither a number of nodes from 1 nor a share from \"1%\" to \"100%\"")
                .help("take `max_away = 1`; or leave it out: then a change takes all nodes of the group at once"),
        );
        return Err(Complained);
    }
    Ok(read)
}

fn image(fields: &Fields<'_, '_>, facts: Option<&InstanceType>, out: &mut Diagnostics) -> Result<Image, Complained> {
    let Some(image) = fields.text("image", "a string such as \"ssm:/aws/service/…\" or \"ami-…\"", out)? else {
        return Ok(default_image(facts));
    };
    if let Some(parameter) = image.value.strip_prefix("ssm:") {
        if shapes::is_parameter(parameter) {
            return Ok(Image::Parameter(parameter.to_owned()));
        }
    } else if shapes::is_id(&image.value, "ami") {
        return Ok(Image::Id(image.value));
    }
    out.push(
        Diagnostic::error("spec::image", "this is not the name of an image")
            .at(image.span, "neither `ssm:` and a parameter's path nor `ami-` and hexadecimal digits")
            .help("leave `image` out: then it is the newest AWS image with the drivers in it"),
    );
    Err(Complained)
}

/// The newest AWS image with the drivers of the type's accelerators: NVIDIA's, or Neuron for Trainium and Inferentia.
pub(super) fn default_image(facts: Option<&InstanceType>) -> Image {
    let neuron = facts
        .and_then(|facts| facts.accelerators.as_ref())
        .is_some_and(|each| each.name.starts_with("Trainium") || each.name.starts_with("Inferentia"));
    if neuron {
        return Image::Parameter("/aws/service/neuron/dlami/base/amazon-linux-2023/latest/image_id".to_owned());
    }
    let architecture = match facts.map(|facts| facts.architecture) {
        Some(Architecture::Arm64) => "arm64",
        Some(Architecture::X86_64 | Architecture::Mac) | None => "x86_64",
    };
    Image::Parameter(format!(
        "/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
    ))
}

fn efa(
    fields: &Fields<'_, '_>,
    instance: Option<&At<String>>,
    facts: Option<&InstanceType>,
    count: Option<u32>,
    storage_efa: Option<bool>,
    out: &mut Diagnostics,
) -> Result<NodeEfa, Complained> {
    let chosen = match fields.get("efa") {
        None => None,
        Some(value) => match value.get_ref() {
            DeValue::Boolean(flag) => Some(At { value: *flag, span: span(value) }),
            DeValue::String(word) if word == "auto" => None,
            _ => return Err(wrong_type(value, "`true`, `false` or \"auto\"", out)),
        },
    };
    if let (Some(At { value: true, span }), Some(facts)) = (chosen, facts)
        && facts.efa_interfaces == 0
    {
        let larger = instances::sizes(facts.family()).find(|size| size.efa_interfaces > 0);
        let mut complaint = Diagnostic::error("spec::efa", "this instance type has no EFA")
            .at(span, format!("not with `{}`", facts.name));
        complaint = match larger {
            Some(size) => complaint.help(format!("take `efa = \"auto\"`, or a size with EFA such as `{}`", size.name)),
            None => complaint.help("take `efa = \"auto\"`"),
        };
        out.push(complaint);
        return Err(Complained);
    }
    let off = chosen.is_some_and(|chosen| !chosen.value);
    if let (Some(true), Some(facts), Some(instance), false) = (storage_efa, facts, instance, off)
        && !facts.lustre_efa
    {
        out.push(
            Diagnostic::warning("spec::efa", "these nodes will mount the file system over TCP")
                .at(instance.span, "cannot reach Lustre over EFA")
                .note("that takes EFA and a Nitro system of version 4 or later, and is not offered on trn2")
                .help("take another instance type, `efa = false` here, or `efa = false` in `[storage]`"),
        );
    }
    let on = match chosen {
        Some(chosen) => chosen.value,
        None => facts.is_some_and(|facts| {
            let between_nodes = facts.efa_interfaces > 0 && count.is_some_and(|count| count > 1);
            between_nodes || (facts.lustre_efa && storage_efa == Some(true))
        }),
    };
    Ok(if on { NodeEfa::On } else { NodeEfa::Off })
}

fn capacity(
    fields: &Fields<'_, '_>,
    facts: Option<&InstanceType>,
    market: Option<&Market>,
    out: &mut Diagnostics,
) -> Result<Capacity, Complained> {
    let on_demand = market.is_none_or(|market| *market == Market::OnDemand);
    match fields.choice("capacity", CAPACITIES, out)? {
        Some(At { value: Capacity::Probe | Capacity::Reserve, span }) if !on_demand => {
            out.push(
                Diagnostic::error("spec::capacity-probe", "capacity can be asked for on demand only")
                    .at(span, "not with this `market`")
                    .note("a reservation or a Capacity Block is there already; spot capacity cannot be reserved")
                    .help("leave `capacity` out"),
            );
            Err(Complained)
        }
        Some(chosen) => Ok(chosen.value),
        None => {
            let accelerators = facts.and_then(|facts| facts.accelerators.as_ref()).map_or(0, |each| each.count);
            let scarce = on_demand && accelerators >= SCARCE_ACCELERATORS;
            Ok(if scarce { Capacity::ProbeIfPossible } else { Capacity::None })
        }
    }
}

/// Who has reserved what the nodes are launched into. The places in a reservation are wherever it was granted: a cluster
/// placement group that it was not made in has none of them (eksctl-io/eksctl#7949, terraform-aws-eks#3730).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reserved {
    /// The user, perhaps in a group of the user's own.
    Given,
    /// This program, before there is a group.
    Held,
}

fn reserved(capacity: Option<&Capacity>, market: Option<&Market>) -> Option<Reserved> {
    match (market, capacity) {
        (Some(Market::Reservation(_) | Market::CapacityBlock(_)), _) => Some(Reserved::Given),
        (_, Some(Capacity::Reserve)) => Some(Reserved::Held),
        (_, Some(Capacity::None | Capacity::Probe | Capacity::ProbeIfPossible) | None) => None,
    }
}

fn placement(
    fields: &Fields<'_, '_>,
    facts: Option<&InstanceType>,
    count: Option<u32>,
    reserved: Option<Reserved>,
    out: &mut Diagnostics,
) -> Result<Placement, Complained> {
    match fields.choice("placement", PLACEMENTS, out)? {
        Some(At { value: Placement::Cluster, span }) if facts.is_some_and(|facts| !facts.cluster_placement) => {
            out.push(
                Diagnostic::error("spec::placement", "this instance type cannot be in a cluster placement group")
                    .at(span, format!("not with `{}`", facts.map_or("", |facts| facts.name)))
                    .help("take `placement = \"none\"`"),
            );
            Err(Complained)
        }
        Some(At { value: Placement::Cluster, span }) if reserved == Some(Reserved::Held) => {
            out.push(
                Diagnostic::error(
                    "spec::placement",
                    "what is held for the nodes is not in their cluster placement group",
                )
                .at(span, "not with `capacity = \"reserve\"`: the launch would find no capacity")
                .help("leave `placement` out; or take `capacity = \"probe\"`, which holds nothing"),
            );
            Err(Complained)
        }
        Some(At { value: Placement::Cluster, span }) if reserved.is_some() => {
            out.push(
                Diagnostic::warning("spec::placement", "a reservation has its own placement")
                    .at(span, "launches will find no capacity unless the reservation was made in this group")
                    .help("leave `placement` out"),
            );
            Ok(Placement::Cluster)
        }
        Some(chosen) => Ok(chosen.value),
        None => {
            let able = facts.is_some_and(|facts| facts.cluster_placement);
            let together = able && reserved.is_none() && count.is_some_and(|count| count > 1);
            Ok(if together { Placement::Cluster } else { Placement::None })
        }
    }
}

fn setup(
    fields: &Fields<'_, '_>,
    load: &dyn Fn(&str) -> Result<String, String>,
    out: &mut Diagnostics,
) -> Result<Option<Setup>, Complained> {
    let Some(At { value: path, span }) = fields.text("setup", "a string: the path of a script", out)? else {
        return Ok(None);
    };
    let mut complaint = Diagnostic::error("spec::setup", "the setup script cannot be used");
    complaint = match load(&path) {
        Err(why) => complaint.at(span, "cannot be read").note(why).help("the path is relative to the spec"),
        Ok(content) if content.trim().is_empty() => complaint.at(span, "an empty file"),
        Ok(content) if content.contains('\0') => complaint.at(span, "not a text"),
        Ok(content) if content.len() > SETUP_MAX => complaint
            .at(span, format!("{} KiB, and at most {} KiB fit", content.len().div_ceil(1024), SETUP_MAX / 1024))
            .help("put the large parts in S3 or on the file system, which is mounted when it runs"),
        Ok(content) => return Ok(Some(Setup { path, content })),
    };
    out.push(complaint);
    Err(Complained)
}

fn root_volume(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<u32, Complained> {
    let Some(At { value, span }) = fields.size("root_volume", "200 GiB", out)? else { return Ok(ROOT_VOLUME_DEFAULT) };
    match value.whole(Unit::Gib).and_then(|gib| u32::try_from(gib).ok()) {
        Some(gib) if ROOT_VOLUME.contains(&gib) => Ok(gib),
        _ => {
            out.push(
                Diagnostic::error("spec::root-volume", "a root volume cannot have this size")
                    .at(span, "not one of those possible")
                    .note(format!("a whole number of GiB from {} to {}", ROOT_VOLUME.start(), ROOT_VOLUME.end())),
            );
            Err(Complained)
        }
    }
}
