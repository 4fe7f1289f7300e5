//! What more money buys: file systems none of which is both dearer and slower than another, by what nodes can read.

use super::advice::{Key, Outcome, Point};
use super::config::{Config, reads_beside};
use super::demand::{Demand, clamp};
use super::judge::{judgements, worst};
use super::network::{ceiling, share};
use super::search::Bounds;
use crate::catalog::fsx::{self, Kind};
use crate::catalog::prices::{Prices, Usd};
use crate::spec::{DriveCache, MetadataIops, Nodes, ReadCache};

/// More points say no more.
const POINTS_MOST: usize = 24;
/// How far beyond what is wanted it is worth looking, in times.
const BEYOND: u64 = 4;
/// More sizes of one tier are thinned out.
const SIZES_MOST: u32 = 64;

/// What nodes can read of a file system: the narrowest of disks, servers, their own network and metadata.
pub(super) fn delivered(config: &Config, demand: &Demand, nodes: &[Nodes]) -> Option<u64> {
    let gives = config.gives(demand)?;
    let mut rate = reads_beside(demand.write, &gives).min(gives.network.saturating_sub(demand.write));
    if let Some(opens) = gives.opens
        && demand.opens > 0
    {
        // Reading is held up as much as opening is.
        rate = rate.min(clamp(u128::from(opens) * u128::from(demand.read) / u128::from(demand.opens)));
    }
    for group in nodes {
        // All nodes go on together: the one with the least holds up the rest.
        let whole = u128::from(ceiling(group, config.efa, gives.servers).rate);
        let part = share(group, nodes).of(demand.read);
        if part > 0 {
            rate = rate.min(clamp(whole * u128::from(demand.read) / u128::from(part)));
        }
    }
    Some(rate)
}

/// Of each thousand seconds, how many nodes wait that could take more than they get.
pub(super) fn wait_permille(delivered: u64, demand: &Demand) -> u64 {
    let taken = demand.gpus_take.unwrap_or(demand.read);
    let missing = taken.saturating_sub(delivered);
    clamp((u128::from(missing) * 1000).div_ceil(u128::from(taken.max(1))))
}

/// All points, cheapest first. `marked`: the chosen and the current one, which are in it whatever they are.
pub(super) fn points(
    bounds: &Bounds<'_>,
    demand: &Demand,
    prices: &Prices,
    nodes_hourly: Option<Usd>,
    marked: (Option<Config>, Option<Config>),
) -> Vec<Point> {
    let (chosen, current) = marked;
    let wanted = demand.read.max(demand.gpus_take.unwrap_or(0));
    let most = wanted.saturating_mul(BEYOND);
    let mut all: Vec<(Usd, u64, Config)> = Vec::new();
    for config in bounds.kinds().into_iter().flat_map(|kind| configs(kind, bounds, demand, most)) {
        let judged = judgements(&config, demand, bounds.nodes);
        // A quality that is missing is not to be had for more of the same.
        let lacks = judged.iter().any(|each| {
            each.outcome == Outcome::FallsShort && (each.short_percent.is_none() || each.key == Key::Latency)
        });
        let month = config.month(demand, prices);
        let rate = delivered(&config, demand, bounds.nodes);
        if let (Some(month), Some(rate), false) = (month, rate, lacks) {
            all.push((month, rate, config));
        }
    }
    // Cheapest first, and of equal price the fastest: whatever is not faster than all before it is worth nothing.
    all.sort_by_key(|(month, rate, config)| (*month, std::cmp::Reverse(*rate), config.capacity_gib, config.per_tib));
    let mut best = 0;
    all.retain(|(_, rate, _)| {
        let better = *rate > best;
        best = best.max(*rate);
        better
    });
    let mut points = thinned(all);
    for config in [chosen, current].into_iter().flatten() {
        if !points.iter().any(|(_, _, each)| *each == config)
            && let (Some(month), Some(rate)) = (config.month(demand, prices), delivered(&config, demand, bounds.nodes))
        {
            points.push((month, rate, config));
        }
    }
    points.sort_by_key(|(month, rate, _)| (*month, *rate));
    points
        .into_iter()
        .map(|(monthly, read, config)| {
            let wait = wait_permille(read, demand);
            Point {
                configuration: config.configuration(),
                monthly,
                hourly: monthly.month_to_hour(),
                read,
                write: config.gives(demand).map_or(0, |gives| gives.disk_write),
                meets: worst(&judgements(&config, demand, bounds.nodes)) != Outcome::FallsShort,
                is_chosen: chosen == Some(config),
                is_current: current == Some(config),
                wait_permille: demand.gpus_take.map(|_| wait),
                idle_hourly: demand.gpus_take.and(nodes_hourly).map(|hourly| hourly.part(wait, 1000)),
            }
        })
        .collect()
}

/// Evenly, with both ends.
fn thinned(all: Vec<(Usd, u64, Config)>) -> Vec<(Usd, u64, Config)> {
    let count = all.len();
    if count <= POINTS_MOST {
        return all;
    }
    let kept = |index: usize| (0..POINTS_MOST).any(|step| step * (count - 1) / (POINTS_MOST - 1) == index);
    all.into_iter().enumerate().filter(|(index, _)| kept(*index)).map(|(_, each)| each).collect()
}

/// Those of a kind that hold the data, up to a rate; with metadata as it comes, and as much as is needed.
fn configs(kind: Kind, bounds: &Bounds<'_>, demand: &Demand, most: u64) -> Vec<Config> {
    let mut all = Vec::new();
    for efa in bounds.efas(kind) {
        if kind == Kind::Persistent2IntelligentTiering {
            let step = u64::from(fsx::TIERING_THROUGHPUT_STEP);
            let last = most.saturating_add(demand.write).div_ceil(step * 1_000_000).min(u64::from(SIZES_MOST));
            for steps in 1..=last.max(1) {
                let throughput = u32::try_from(steps * step).ok();
                let cache = Some(ReadCache::ProportionalToThroughput);
                all.extend(fsx::METADATA_IOPS_TIERING.map(|iops| Config {
                    kind,
                    capacity_gib: None,
                    per_tib: None,
                    throughput,
                    metadata: Some(MetadataIops::Provisioned(iops)),
                    read_cache: cache,
                    drive_cache: None,
                    efa,
                }));
            }
            continue;
        }
        for tier in fsx::tiers(kind) {
            let Some(sizes) = (if efa { tier.efa_sizes } else { Some(tier.sizes) }) else { continue };
            let held = demand.capacity().div_ceil(1 << 30);
            let Some(first) = sizes.at_least(held) else { continue };
            // MB/s per TiB are kB/s per GiB.
            let enough = most.saturating_add(demand.write).div_ceil(u64::from(tier.disk_read) * 1000);
            let last = sizes.at_least(enough).unwrap_or(first).max(first);
            let stride = ((last - first) / sizes.step_gib / SIZES_MOST + 1).saturating_mul(sizes.step_gib);
            let mut gib = first;
            loop {
                let metadata = (kind == Kind::Persistent2Ssd).then(|| metadata(gib, demand));
                all.push(Config {
                    kind,
                    capacity_gib: Some(gib),
                    per_tib: tier.per_tib,
                    throughput: None,
                    metadata,
                    read_cache: None,
                    drive_cache: (kind == Kind::Persistent1Hdd).then_some(DriveCache::None),
                    efa,
                });
                match gib.checked_add(stride).and_then(|next| sizes.at_least(u64::from(next))) {
                    Some(next) if next <= last => gib = next,
                    Some(_) | None => break,
                }
            }
        }
    }
    all
}

/// What is opened at the rate wanted, bought where it does not come by itself.
fn metadata(gib: u32, demand: &Demand) -> MetadataIops {
    let enough = |iops: u32| u64::from(iops) * fsx::OPENS_PER_IOPS >= demand.opens;
    if enough(fsx::automatic_metadata_iops(gib)) {
        return MetadataIops::Auto;
    }
    let bought = fsx::metadata_iops().find(|iops| enough(*iops)).unwrap_or(fsx::METADATA_IOPS_MAX);
    MetadataIops::Provisioned(bought)
}
