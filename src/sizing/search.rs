//! Every legal file system that could be the cheapest, and the cheapest of them.
//!
//! The search is exhaustive over deployment type, media, EFA, throughput, metadata IOPS and caches. Capacity alone has no end,
//! and is bounded so that nothing beyond the bound can be cheaper: capacity, disks, network and servers only grow with it,
//! so there is a least size below which something is missing; above it each GiB costs more, and the only thing that gets
//! cheaper is metadata, since automatic IOPS grow with the capacity. Once they are enough (or at their most), nothing does.
//! On intelligent-tiering throughput stands for capacity, with the size of the read cache in place of metadata.

use super::advice::Outcome;
use super::config::{Config, words_of};
use super::demand::Demand;
use super::judge::{judgements, worst};
use super::network::{card, over_efa, servers_for, share};
use crate::catalog::fsx::{self, Kind, Sizes, Tier};
use crate::catalog::instances;
use crate::catalog::prices::{Prices, Usd};
use crate::spec::{DriveCache, MetadataIops, Nodes, Open, ReadCache, Storage};

/// What the search may not change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    /// None: nothing is fixed.
    pub(super) storage: Option<&'a Storage>,
    pub(super) open: Open,
    /// There are links, which intelligent-tiering refuses.
    pub(super) linked: bool,
    pub(super) nodes: &'a [Nodes],
}

/// A file system and how it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) config: Config,
    pub(super) outcome: Outcome,
    /// How many requirements it falls short of.
    short: usize,
    pub(super) month: Usd,
}

impl Found {
    /// Fewest shortcomings first, then what is known, then the cheapest; of equals the fastest, then the smallest.
    fn order(&self) -> impl Ord + use<> {
        let Config { kind, capacity_gib, per_tib, efa, .. } = self.config;
        let newest = std::cmp::Reverse(kind);
        (
            self.short,
            self.outcome == Outcome::Unknown,
            self.month,
            newest,
            std::cmp::Reverse(per_tib),
            capacity_gib,
            efa,
        )
    }
}

impl Bounds<'_> {
    /// The kinds that what is fixed leaves.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.allows(*kind)).collect()
    }

    fn allows(&self, kind: Kind) -> bool {
        if self.linked && kind == Kind::Persistent2IntelligentTiering {
            return false;
        }
        let Some(storage) = self.storage else { return true };
        let (deployment, media) = words_of(kind);
        let tiering = kind == Kind::Persistent2IntelligentTiering;
        let newest = tiering || kind == Kind::Persistent2Ssd;
        (self.open.deployment || storage.deployment == deployment)
            && (self.open.media || storage.media == media)
            && (self.open.metadata_iops || newest)
            && (self.open.drive_cache || kind == Kind::Persistent1Hdd)
            && (!storage.efa || newest)
            && (storage.kms_key.is_none() || kind != Kind::Scratch2Ssd)
            && (storage.capacity_gib.is_none() || !tiering)
            && (storage.throughput.is_none() && storage.read_cache.is_none() || tiering)
            && (storage.throughput_per_tib.is_none() || fsx::tier(kind, storage.throughput_per_tib).is_some())
    }

    /// Whether EFA is on. It costs nothing and makes sizes coarser: with it only where every node reaches it.
    pub(super) fn efas(&self, kind: Kind) -> Vec<bool> {
        let able = matches!(kind, Kind::Persistent2Ssd | Kind::Persistent2IntelligentTiering);
        match self.storage {
            Some(storage) if !self.open.efa => vec![storage.efa],
            _ if able && !self.nodes.is_empty() && self.nodes.iter().all(over_efa) => vec![false, true],
            _ => vec![false],
        }
    }
}

/// The best of a kind; None: none is sold that is large enough, or nobody knows its price.
pub(super) fn best_of(kind: Kind, bounds: &Bounds<'_>, demand: &Demand, prices: &Prices) -> Option<Found> {
    let configs = configs(kind, bounds, demand);
    configs.into_iter().filter_map(|config| found(config, bounds, demand, prices)).min_by_key(Found::order)
}

/// The best of all kinds that are left.
pub(super) fn best(bounds: &Bounds<'_>, demand: &Demand, prices: &Prices) -> Option<Found> {
    bounds.kinds().into_iter().filter_map(|kind| best_of(kind, bounds, demand, prices)).min_by_key(Found::order)
}

pub(super) fn found(config: Config, bounds: &Bounds<'_>, demand: &Demand, prices: &Prices) -> Option<Found> {
    let judgements = judgements(&config, demand, bounds.nodes);
    let short = judgements.iter().filter(|judgement| judgement.outcome == Outcome::FallsShort).count();
    Some(Found { config, outcome: worst(&judgements), short, month: config.month(demand, prices)? })
}

/// Every one of a kind that could be the best.
fn configs(kind: Kind, bounds: &Bounds<'_>, demand: &Demand) -> Vec<Config> {
    let mut all = Vec::new();
    for efa in bounds.efas(kind) {
        if kind == Kind::Persistent2IntelligentTiering {
            all.extend(tiering(bounds, demand, efa));
            continue;
        }
        let fixed = bounds.storage.and_then(|storage| storage.throughput_per_tib);
        for tier in fsx::tiers(kind).filter(|tier| fixed.is_none() || tier.per_tib == fixed) {
            all.extend(of_tier(kind, tier, bounds, demand, efa));
        }
    }
    all
}

fn of_tier(kind: Kind, tier: &Tier, bounds: &Bounds<'_>, demand: &Demand, efa: bool) -> Vec<Config> {
    let Some(sizes) = (if efa { tier.efa_sizes } else { Some(tier.sizes) }) else { return Vec::new() };
    let mut all = Vec::new();
    for drive_cache in drive_caches(kind, bounds) {
        let starts = match bounds.storage.and_then(|storage| storage.capacity_gib) {
            Some(fixed) if sizes.contains(fixed) => vec![fixed],
            Some(_) => Vec::new(),
            None => starts(tier, sizes, drive_cache, bounds, demand, efa),
        };
        let grows = bounds.storage.is_none_or(|storage| storage.capacity_gib.is_none());
        for start in starts {
            let mut capacity = Some(start).filter(|gib| *gib > 0);
            while let Some(gib) = capacity {
                let base = Config {
                    kind,
                    capacity_gib: Some(gib),
                    per_tib: tier.per_tib,
                    throughput: None,
                    metadata: None,
                    read_cache: None,
                    drive_cache,
                    efa,
                };
                all.extend(metadata(kind, gib, bounds).map(|metadata| Config { metadata, ..base }));
                let automatic = fsx::automatic_metadata_iops(gib);
                let enough = u64::from(automatic) * fsx::OPENS_PER_IOPS >= demand.opens;
                let ends = enough || automatic == fsx::METADATA_IOPS_MAX || kind != Kind::Persistent2Ssd || !grows;
                capacity = if ends { None } else { sizes.at_least(u64::from(gib) + 1) };
            }
        }
    }
    all
}

/// The least sizes from which on nothing is missing that size can give: one, and with an SSD cache before HDD another, at
/// which the whole dataset fits into the cache.
fn starts(
    tier: &Tier,
    sizes: Sizes,
    drive_cache: Option<DriveCache>,
    bounds: &Bounds<'_>,
    demand: &Demand,
    efa: bool,
) -> Vec<u32> {
    let per_gib = |per_tib: u32| u128::from(per_tib) * 1000;
    let (read, write) = (u128::from(demand.read), u128::from(demand.write));
    let busy = |disk_read: u128, disk_write: u128| {
        (read * disk_write + write * disk_read).div_ceil((disk_read * disk_write).max(1))
    };
    let held = u128::from(demand.capacity()).div_ceil(1 << 30);
    let network = (read + write).div_ceil(per_gib(tier.network).max(1));
    let server_gib = if efa { tier.efa_server_gib.unwrap_or(tier.server_gib) } else { tier.server_gib };
    let servers = u128::from(servers(bounds.nodes, demand, efa).saturating_sub(1)) * u128::from(server_gib) + 1;
    let least = held.max(network).max(servers);
    let write_rate = per_gib(tier.disk_write);
    let mut found = vec![least.max(busy(per_gib(tier.disk_read), write_rate))];
    if drive_cache == Some(DriveCache::Read) {
        let cached = (u128::from(demand.dataset) * 100).div_ceil(u128::from(fsx::DRIVE_CACHE_PERCENT) << 30);
        let rate = u128::from(1000 * fsx::DRIVE_CACHE_READ * fsx::DRIVE_CACHE_PERCENT / 100);
        found.push(least.max(cached).max(busy(rate.max(per_gib(tier.disk_read)), write_rate)));
    }
    let sold = |gib: u128| u64::try_from(gib).ok().and_then(|gib| sizes.at_least(gib));
    found.into_iter().filter_map(sold).collect()
}

/// How many object servers the nodes need to read from over TCP, as far as their own network goes.
fn servers(nodes: &[Nodes], demand: &Demand, efa: bool) -> u32 {
    let over_tcp = nodes.iter().filter(|group| !(efa && over_efa(group)));
    let each = over_tcp.map(|group| {
        let share = share(group, nodes);
        let wanted = share.of(demand.read).max(share.of(demand.write));
        let most = card(instances::get(&group.instance)).map_or(u64::MAX, |card| card.rate);
        servers_for(wanted.min(most))
    });
    each.max().unwrap_or(1).max(1)
}

fn drive_caches(kind: Kind, bounds: &Bounds<'_>) -> Vec<Option<DriveCache>> {
    if kind != Kind::Persistent1Hdd {
        return vec![None];
    }
    match bounds.storage {
        Some(Storage { drive_cache: Some(fixed), .. }) if !bounds.open.drive_cache => vec![Some(*fixed)],
        _ => vec![Some(DriveCache::None), Some(DriveCache::Read)],
    }
}

/// Metadata IOPS at a capacity: the automatic ones, and everything above them.
fn metadata(kind: Kind, gib: u32, bounds: &Bounds<'_>) -> impl Iterator<Item = Option<MetadataIops>> + use<> {
    let fixed = bounds.storage.and_then(|storage| storage.metadata_iops).filter(|_| !bounds.open.metadata_iops);
    let choices = match (kind, fixed) {
        (Kind::Persistent2Ssd, Some(MetadataIops::Provisioned(iops))) => vec![Some(MetadataIops::Provisioned(iops))],
        (Kind::Persistent2Ssd, Some(MetadataIops::Auto) | None) => {
            let above = fsx::metadata_iops().filter(|iops| *iops > fsx::automatic_metadata_iops(gib));
            let bought = above.map(|iops| Some(MetadataIops::Provisioned(iops)));
            std::iter::once(Some(MetadataIops::Auto)).chain(bought).collect()
        }
        (Kind::Scratch2Ssd | Kind::Persistent1Ssd | Kind::Persistent1Hdd | Kind::Persistent2IntelligentTiering, _) => {
            vec![None]
        }
    };
    choices.into_iter()
}

/// Intelligent-tiering: the least throughput that is enough, alone and with each kind of cache that holds the dataset.
fn tiering(bounds: &Bounds<'_>, demand: &Demand, efa: bool) -> Vec<Config> {
    const MOST: u64 = (fsx::TIERING_THROUGHPUT_MAX / fsx::TIERING_THROUGHPUT_STEP) as u64;
    let step = u64::from(fsx::TIERING_THROUGHPUT_STEP);
    let fixed = bounds.storage.and_then(|storage| storage.throughput).map(|rate| u64::from(rate) / step);
    let least = demand.read.saturating_add(demand.write).div_ceil(step * 1_000_000);
    let least = fixed.unwrap_or(least.max(u64::from(servers(bounds.nodes, demand, efa))).clamp(1, MOST));
    let gib = demand.dataset.div_ceil(1 << 30);
    let at = |steps: u64| fixed.unwrap_or(least.max(steps).min(MOST));
    let own = at(gib.div_ceil(u64::from(fsx::READ_CACHE_MAX_GIB)));
    let size = gib.clamp(own * u64::from(fsx::READ_CACHE_MIN_GIB), own * u64::from(fsx::READ_CACHE_MAX_GIB));
    let proportional = at(gib.div_ceil(step * fsx::READ_CACHE_GIB_PER_MBPS));
    let mut caches = vec![(least, ReadCache::None), (proportional, ReadCache::ProportionalToThroughput)];
    caches.extend(u32::try_from(size).ok().map(|size| (own, ReadCache::Provisioned(size))));
    if let Some(cache) = bounds.storage.and_then(|storage| storage.read_cache) {
        caches = vec![(least, cache), (proportional, cache), (own, cache)];
    }
    let given = match bounds.storage.and_then(|storage| storage.metadata_iops) {
        Some(MetadataIops::Provisioned(iops)) if !bounds.open.metadata_iops => vec![iops],
        Some(MetadataIops::Provisioned(_) | MetadataIops::Auto) | None => fsx::METADATA_IOPS_TIERING.to_vec(),
    };
    let mut all = Vec::new();
    for (steps, cache) in caches {
        let Ok(throughput) = u32::try_from(steps * step) else { continue };
        all.extend(given.iter().map(|iops| Config {
            kind: Kind::Persistent2IntelligentTiering,
            capacity_gib: None,
            per_tib: None,
            throughput: Some(throughput),
            metadata: Some(MetadataIops::Provisioned(*iops)),
            read_cache: Some(cache),
            drive_cache: None,
            efa,
        }));
    }
    all
}
