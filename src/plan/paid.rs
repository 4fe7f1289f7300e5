//! What is paid for: of the wanted cluster, and of what was seen of it. Both through the same functions, so that what
//! stays as it is costs the same to the micro-dollar.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cost::{Cost, CostItem, Meter, PriceSource, Sum};
use super::diff::{Input, Outcome};
use super::efs;
use super::model::{Action, Alternative, Alternatives, Verb};
use crate::catalog::fsx::{self, Kind as FsxKind};
use crate::catalog::not_included::{self, When};
use crate::catalog::prices::Prices;
use crate::desired::{
    Address, Considered, Desired, Efs, FileSystem, Kind, Resource, deployment_text, market_text, media_text,
};
use crate::observed::{Node, NodeState, Observed, Seen, State};
use crate::spec::{Deployment, DriveCache, EfsThroughput, Market, Media, MetadataIops, ReadCache};

/// What the cluster costs once the actions are done, and now.
pub(super) fn cost(input: &Input<'_>, outcome: &Outcome, prices: &Prices) -> Cost {
    let actions: &[Action] = &outcome.actions;
    let stays = |address: &Address| {
        let is_kept = actions.iter().any(|action| action.address == *address && action.verb == Verb::Keep);
        is_kept && !input.desired.resources.contains_key(address)
    };
    let now = existing(input.observed, prices);
    let mut items = wanted(input.desired, prices);
    items.extend(now.iter().filter(|item| stays(&item.address)).cloned());
    sort(&mut items);
    let ttl_s = input.desired.resources.values().find_map(|wanted| match &wanted.resource {
        Resource::Template(template) => template.boot.ttl_s,
        _ => None,
    });
    let not_included = not_included::of(&with(input.desired, input.observed)).map(str::to_owned).collect();
    let most = most(input.desired, &items, prices);
    let least = least(input.desired, outcome, &items, prices);
    let cost = Cost {
        items,
        most: None,
        least: None,
        before: Some(now),
        ttl_s,
        until: last_end(input),
        prices_of: prices.date().unwrap_or("unknown in this region").to_owned(),
        prices: PriceSource::of(prices),
        not_included,
    };
    let most = most.map(|(most, is_all)| {
        let sum = cost.sum(&most);
        Sum { complete: sum.complete && is_all, ..sum }
    });
    let least = least.map(|least| cost.sum(&least));
    Cost { most, least, ..cost }
}

/// The same items with no more nodes in any group than its launches have to bring; None: all have to bring all.
fn least(desired: &Desired, outcome: &Outcome, items: &[CostItem], prices: &Prices) -> Option<Vec<CostItem>> {
    let mut least = items.to_vec();
    let mut is_open = false;
    for (address, work) in &outcome.work {
        let missing = u64::from(work.may_be_missing());
        let Some(Resource::Nodes(group)) = desired.resources.get(address).map(|wanted| &wanted.resource) else {
            continue;
        };
        if missing == 0 {
            continue;
        }
        is_open = true;
        let count = u64::from(group.count).saturating_sub(missing);
        for item in least.iter_mut().filter(|item| item.address == *address) {
            match item.meter {
                Meter::Instances => *item = instances(address, &group.instance, &group.market, count, prices),
                Meter::RootVolumes => {
                    let each = item.quantity / u64::from(group.count.max(1));
                    *item = root_volumes(address, Some(each), count, prices);
                }
                Meter::Storage | Meter::Throughput | Meter::ReadCache | Meter::MetadataIops => {}
            }
        }
    }
    is_open.then_some(least)
}

/// What each type of a group that may be of several costs.
pub(super) fn alternatives(desired: &Desired, prices: &Prices) -> Vec<Alternatives> {
    let of_group = |(address, types): (&Address, &Vec<Considered>)| {
        let Some(Resource::Nodes(group)) = desired.resources.get(address).map(|wanted| &wanted.resource) else {
            return None;
        };
        let types = types
            .iter()
            .map(|Considered { instance, is_taken, may_be, why }| {
                let item = instances(address, instance, &group.market, u64::from(group.count), prices);
                let (instance, why, price, hourly) = (instance.clone(), why.clone(), item.price, item.hourly);
                Alternative { instance, price, hourly, is_taken: *is_taken, may_be: *may_be, why }
            })
            .collect();
        Some(Alternatives { address: address.clone(), count: group.count, types })
    };
    desired.alternatives.iter().filter_map(of_group).collect()
}

/// The same items with each group of the dearest type whose price is known, and whether all are; None: no group may be of
/// another.
fn most(desired: &Desired, items: &[CostItem], prices: &Prices) -> Option<(Vec<CostItem>, bool)> {
    let mut most = items.to_vec();
    let (mut is_open, mut is_all) = (false, true);
    for Alternatives { address, count: _, types } in alternatives(desired, prices) {
        let Some(Resource::Nodes(group)) = desired.resources.get(&address).map(|wanted| &wanted.resource) else {
            continue;
        };
        let possible: Vec<&Alternative> = types.iter().filter(|each| each.may_be).collect();
        let Some(dearest) = possible.iter().max_by_key(|each| each.hourly).filter(|_| possible.len() > 1) else {
            continue;
        };
        is_open = true;
        is_all &= possible.iter().all(|each| each.hourly.is_some());
        let dearest = instances(&address, &dearest.instance, &group.market, u64::from(group.count), prices);
        let mut of_group = most.iter_mut().filter(|item| item.address == address && item.meter == Meter::Instances);
        if let Some(item) = of_group.next() {
            *item = dearest;
        }
    }
    is_open.then_some((most, is_all))
}

/// When the last of the nodes that the cluster goes on with ends itself.
fn last_end(input: &Input<'_>) -> Option<Timestamp> {
    let stays = |node: &&Node| node.exists() && input.desired.resources.contains_key(&node.address);
    input.observed.nodes.iter().filter(stays).filter_map(Node::ends).max()
}

fn sort(items: &mut [CostItem]) {
    items.sort_by(|a, b| (&a.address, a.meter, &a.what).cmp(&(&b.address, b.meter, &b.what)));
}

/// What a spec's cluster costs.
fn wanted(desired: &Desired, prices: &Prices) -> Vec<CostItem> {
    let mut items = Vec::new();
    for (address, wanted) in &desired.resources {
        match &wanted.resource {
            Resource::Fsx(file_system) => storage(address, &Storage::of(file_system), prices, &mut items),
            Resource::FileCache(cache) => items.push(cache_item(address, Some(cache.capacity_gib), prices)),
            Resource::Efs(efs) => items.extend(efs::items(address, Some(efs.throughput), prices)),
            Resource::Nodes(group) => {
                items.push(instances(address, &group.instance, &group.market, u64::from(group.count), prices));
                let template = desired.resources.get(&group.template).map(|wanted| &wanted.resource);
                if let Some(Resource::Template(template)) = template {
                    let each = Some(u64::from(template.root_volume_gib));
                    items.push(root_volumes(address, each, u64::from(group.count), prices));
                }
            }
            Resource::SecurityGroup(_)
            | Resource::Role(_)
            | Resource::InstanceProfile(_)
            | Resource::Placement(_)
            // Given back within the run.
            | Resource::Reservation(_)
            | Resource::MountTarget(_)
            | Resource::Link(_)
            | Resource::Template(_) => {}
        }
    }
    items
}

/// What was seen costs, as it was seen. What is on its way out is paid for no more, or for some minutes at most.
pub fn existing(observed: &Observed, prices: &Prices) -> Vec<CostItem> {
    let mut items = Vec::new();
    for seen in observed.resources.iter().filter(|seen| seen.address.kind.is_storage()) {
        match seen.state {
            State::Creating | State::Ready | State::Updating | State::Misconfigured
                if seen.address.kind == Kind::FileCache =>
            {
                let capacity = seen.fields.get("capacity").and_then(|text| number(text));
                items.push(cache_item(&seen.address, capacity.and_then(|gib| u32::try_from(gib).ok()), prices));
            }
            State::Creating | State::Ready | State::Updating | State::Misconfigured
                if seen.address.kind == Kind::Efs =>
            {
                items.extend(efs::items(&seen.address, efs::seen(seen), prices));
            }
            State::Creating | State::Ready | State::Updating | State::Misconfigured => {
                storage(&seen.address, &Storage::seen(seen), prices, &mut items);
            }
            // No page of AWS says whether one that failed is paid for.
            State::Failed => {
                let what = format!("{}, which has failed", seen.id);
                items.push(CostItem::by_month(&seen.address, Meter::Storage, what, None, 1));
            }
            State::Deleting => {}
        }
    }
    // What a run that died has left: paid for like instances, until the plan's removal or its own end.
    for seen in observed.resources.iter().filter(|seen| seen.address.kind == Kind::Reservation) {
        let field = |name: &str| seen.fields.get(name).map_or("", String::as_str);
        let count = number(field("count")).unwrap_or(1);
        items.push(instances(&seen.address, field("instance"), &Market::OnDemand, count, prices));
    }
    let mut running: BTreeMap<(&Address, &str, bool), u64> = BTreeMap::new();
    let mut volumes: BTreeMap<&Address, u64> = BTreeMap::new();
    for node in &observed.nodes {
        match node.state {
            NodeState::Pending | NodeState::Running => {
                *running.entry((&node.address, &node.instance, node.spot)).or_default() += 1;
                *volumes.entry(&node.address).or_default() += 1;
            }
            // Its volume is paid for as long as it is not terminated.
            NodeState::Stopping | NodeState::Stopped => *volumes.entry(&node.address).or_default() += 1,
            NodeState::ShuttingDown | NodeState::Terminated => {}
        }
    }
    let template = |address: &Address, field: &str| {
        let seen = observed.find(&Address::named(Kind::Template, address.name.clone()));
        seen.and_then(|seen| seen.fields.get(field)).map(String::as_str)
    };
    for ((address, instance, spot), count) in running {
        let market = match template(address, "market") {
            _ if spot => Market::Spot,
            Some(text) => market_of(text),
            None => Market::OnDemand,
        };
        items.push(instances(address, instance, &market, count, prices));
    }
    for (address, count) in volumes {
        let each = template(address, "root_volume").and_then(number);
        items.push(root_volumes(address, each, count, prices));
    }
    sort(&mut items);
    items
}

/// Reads what [`market_text`] writes.
fn market_of(text: &str) -> Market {
    match text.split_once(' ') {
        Some(("capacity-block", id)) => Market::CapacityBlock(id.to_owned()),
        Some(("reservation", id)) => Market::Reservation(id.to_owned()),
        Some(_) | None if text == "spot" => Market::Spot,
        Some(_) | None => Market::OnDemand,
    }
}

fn instances(address: &Address, instance: &str, market: &Market, count: u64, prices: &Prices) -> CostItem {
    let price = match market {
        Market::OnDemand | Market::Reservation(_) => prices.instance_hour(instance),
        // Spot prices change by the minute; Capacity Blocks are paid beforehand.
        Market::Spot | Market::CapacityBlock(_) => None,
    };
    let what = format!("{count} × {instance} {}", market_text(market));
    CostItem::by_hour(address, Meter::Instances, what, price, count)
}

fn root_volumes(address: &Address, each_gib: Option<u64>, count: u64, prices: &Prices) -> CostItem {
    let (what, price, gib) = match each_gib {
        Some(each) => {
            let gib = each.saturating_mul(count);
            (format!("{gib} GiB of gp3 root volumes"), prices.gp3_gb_month(), gib)
        }
        None => (format!("root volumes of {count}"), None, count),
    };
    CostItem::by_month(address, Meter::RootVolumes, what, price, gib)
}

/// What of a file system has a price.
struct Storage {
    deployment: String,
    media: String,
    /// None: one that we do not make.
    kind: Option<FsxKind>,
    capacity_gib: Option<u32>,
    per_tib: Option<u32>,
    throughput: Option<u32>,
    read_cache: Option<ReadCache>,
    is_cached: bool,
    metadata: Option<MetadataIops>,
}

impl Storage {
    fn of(file_system: &FileSystem) -> Self {
        Self {
            deployment: deployment_text(file_system.deployment).to_owned(),
            media: media_text(file_system.media).to_owned(),
            kind: Some(file_system.deployment.on(file_system.media)),
            capacity_gib: file_system.capacity_gib,
            per_tib: file_system.throughput_per_tib,
            throughput: file_system.throughput,
            read_cache: file_system.read_cache,
            is_cached: file_system.drive_cache == Some(DriveCache::Read),
            metadata: file_system.metadata_iops,
        }
    }

    /// From the fields as [`Resource::fields`] writes them.
    fn seen(seen: &Seen) -> Self {
        let field = |name: &str| seen.fields.get(name).map(String::as_str);
        let figure = |name: &str| field(name).and_then(number).and_then(|number| u32::try_from(number).ok());
        let (deployment, media) = (field("deployment").unwrap_or("unknown"), field("media").unwrap_or("unknown"));
        let known = [Deployment::Scratch2, Deployment::Persistent1, Deployment::Persistent2]
            .into_iter()
            .find(|each| deployment_text(*each) == deployment)
            .zip(
                [Media::Ssd, Media::Hdd, Media::IntelligentTiering].into_iter().find(|each| media_text(*each) == media),
            );
        Self {
            deployment: deployment.to_owned(),
            media: media.to_owned(),
            kind: known.map(|(deployment, media)| deployment.on(media)),
            capacity_gib: figure("capacity"),
            per_tib: figure("throughput_per_tib"),
            throughput: figure("throughput"),
            read_cache: match field("read_cache") {
                None => None,
                Some("none") => Some(ReadCache::None),
                Some("proportional") => Some(ReadCache::ProportionalToThroughput),
                Some(_) => figure("read_cache").map(ReadCache::Provisioned),
            },
            is_cached: field("drive_cache") == Some("read"),
            metadata: match field("metadata_iops") {
                None => None,
                Some("auto") => Some(MetadataIops::Auto),
                Some(_) => figure("metadata_iops").map(MetadataIops::Provisioned),
            },
        }
    }
}

/// A cache is paid for by its size, with all that it does.
fn cache_item(address: &Address, capacity_gib: Option<u32>, prices: &Prices) -> CostItem {
    let (what, price) = match capacity_gib {
        Some(gib) => (format!("cache, {gib} GiB"), prices.file_cache_gb_month()),
        None => ("cache".to_owned(), None),
    };
    CostItem::by_month(address, Meter::Storage, what, price, u64::from(capacity_gib.unwrap_or(1)))
}

/// The leading number of `4800 GiB`.
fn number(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

fn storage(address: &Address, storage: &Storage, prices: &Prices, items: &mut Vec<CostItem>) {
    let Storage { deployment, media, kind, capacity_gib, per_tib, throughput, read_cache, is_cached, metadata } =
        storage;
    let mut push = |meter, what, price, count| items.push(CostItem::by_month(address, meter, what, price, count));
    let text = format!("{deployment} {media}");
    if let Some(gib) = capacity_gib {
        let rate = per_tib.map(|rate| format!(" at {rate} MB/s per TiB")).unwrap_or_default();
        let cache = if *is_cached { " with read cache" } else { "" };
        let price = kind.and_then(|kind| prices.storage_gb_month(kind, *per_tib, *is_cached));
        push(Meter::Storage, format!("{text}, {gib} GiB{rate}{cache}"), price, u64::from(*gib));
    } else if throughput.is_none() {
        push(Meter::Storage, text.clone(), None, 1);
    }
    if let Some(rate) = throughput {
        push(Meter::Throughput, format!("{text}, {rate} MB/s"), prices.tiering_throughput_month(), u64::from(*rate));
    }
    let cache_gib = match read_cache {
        None | Some(ReadCache::None) => None,
        Some(ReadCache::Provisioned(gib)) => Some(u64::from(*gib)),
        Some(ReadCache::ProportionalToThroughput) => {
            throughput.map(|rate| fsx::READ_CACHE_GIB_PER_MBPS.saturating_mul(u64::from(rate)))
        }
    };
    if let Some(gib) = cache_gib {
        push(Meter::ReadCache, format!("{gib} GiB of SSD read cache"), prices.read_cache_gb_month(), gib);
    }
    match (metadata, capacity_gib) {
        (Some(MetadataIops::Provisioned(iops)), Some(gib)) => {
            let above = iops.saturating_sub(fsx::automatic_metadata_iops(*gib));
            if above > 0 {
                let what = format!("{above} metadata IOPS above the automatic ones");
                push(Meter::MetadataIops, what, prices.metadata_iops_month(), u64::from(above));
            }
        }
        // Intelligent-tiering has no automatic ones, and no page says how many come with it.
        (Some(MetadataIops::Provisioned(iops)), None) => {
            push(Meter::MetadataIops, format!("{iops} metadata IOPS"), None, u64::from(*iops));
        }
        (Some(MetadataIops::Auto) | None, _) => {}
    }
}

/// What brings costs that are in no sum.
fn with(desired: &Desired, observed: &Observed) -> Vec<When> {
    let mut found = Vec::new();
    let mut of_market = |market: &Market| {
        found.extend(match market {
            Market::OnDemand => None,
            Market::Spot => Some(When::Spot),
            Market::CapacityBlock(_) => Some(When::CapacityBlock),
            Market::Reservation(_) => Some(When::Reservation),
        });
    };
    for wanted in desired.resources.values() {
        if let Resource::Nodes(group) = &wanted.resource {
            of_market(&group.market);
        }
    }
    for seen in observed.resources.iter().filter(|seen| seen.address.kind == Kind::Template) {
        if let Some(market) = seen.fields.get("market") {
            of_market(&market_of(market));
        }
    }
    let wants = |matches: fn(&Resource) -> bool| desired.resources.values().any(|wanted| matches(&wanted.resource));
    let sees = |kind: Kind, field: &str, is: fn(&str) -> bool| {
        let mut of_kind = observed.resources.iter().filter(|seen| seen.address.kind == kind);
        of_kind.any(|seen| seen.fields.get(field).is_some_and(|value| is(value)))
    };
    if wants(|resource| matches!(resource, Resource::Link(_))) || sees(Kind::Link, "s3", |_| true) {
        found.push(When::Datasets);
    }
    let is_tiering =
        |resource: &Resource| matches!(resource, Resource::Fsx(FileSystem { media: Media::IntelligentTiering, .. }));
    if wants(is_tiering) || sees(Kind::Fsx, "media", |media| media == media_text(Media::IntelligentTiering)) {
        found.push(When::IntelligentTiering);
    }
    let is_elastic =
        |resource: &Resource| matches!(resource, Resource::Efs(Efs { throughput: EfsThroughput::Elastic, kms_key: _ }));
    if wants(is_elastic) || sees(Kind::Efs, "throughput", |throughput| throughput == "elastic") {
        found.push(When::EfsElastic);
    }
    if desired.existing.is_some() || observed.existing.is_some() {
        found.push(When::Existing);
    }
    // Of one that is there, AWS answers with a key also where it is AWS's own.
    let has_key = |resource: &Resource| {
        matches!(
            resource,
            Resource::Fsx(FileSystem { kms_key: Some(_), .. }) | Resource::Efs(Efs { kms_key: Some(_), .. })
        )
    };
    if wants(has_key) {
        found.push(When::KmsKey);
    }
    found
}
