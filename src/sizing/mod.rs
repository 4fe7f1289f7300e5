//! From what a workload needs to the cheapest file system that does it.
//!
//! Only what `[storage]` leaves open is chosen; deployment type, media and EFA stay as they are. The legal matrix is small,
//! so it is searched, not reasoned about.

mod need;

use crate::catalog::fsx::{self, Kind, Sizes, Tier};
use crate::catalog::prices::{Prices, Usd};
use crate::diagnostic::Diagnostic;
use crate::spec::{MetadataIops, Service, Storage, Workload, units};
use need::Need;

/// Fills what `[storage]` leaves open with the cheapest legal values that do the work: capacity, throughput per TiB, and
/// metadata IOPS above the automatic ones where those would be too few. What the spec fixes is kept; where it fixes
/// capacity and throughput both, it is taken at its word.
#[expect(clippy::result_large_err, reason = "called once a run")]
pub fn size(storage: &Storage, workload: &Workload) -> Result<Storage, Diagnostic> {
    match storage.service {
        Service::FsxLustre => {}
        // The one has no size, and the other holds what is read and not what there is.
        Service::Efs(_) | Service::FileCache => return Ok(storage.clone()),
    }
    let need = Need::of(workload);
    if storage.kind() == Kind::Persistent2IntelligentTiering {
        return tiering(storage, &need);
    }
    let fast_enough_by_hand = storage.throughput_per_tib.is_some() || fsx::throughputs(storage.kind()).is_empty();
    if storage.capacity_gib.is_some() && fast_enough_by_hand {
        return Ok(storage.clone());
    }
    let cheapest = fsx::tiers(storage.kind())
        .filter(|tier| storage.throughput_per_tib.is_none() || tier.per_tib == storage.throughput_per_tib)
        .flat_map(|tier| choices(storage, tier, &need))
        .min_by_key(|choice| (choice.month, std::cmp::Reverse(choice.per_tib), choice.capacity_gib));
    match cheapest {
        Some(Choice { capacity_gib, per_tib, metadata_iops, month: _ }) => Ok(Storage {
            capacity_gib: Some(capacity_gib),
            throughput_per_tib: per_tib,
            metadata_iops,
            ..storage.clone()
        }),
        None => Err(nothing(storage, &need)),
    }
}

/// One way to do the work, and what it costs a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    capacity_gib: u32,
    per_tib: Option<u32>,
    metadata_iops: Option<MetadataIops>,
    month: Usd,
}

/// Every way of one tier that could be the cheapest: from the smallest capacity that holds the data fast enough, step by
/// step up to the one whose automatic metadata IOPS are enough. Beyond it, everything only costs more.
fn choices(storage: &Storage, tier: &Tier, need: &Need) -> Vec<Choice> {
    let Some(sizes) = (if storage.efa { tier.efa_sizes } else { Some(tier.sizes) }) else { return Vec::new() };
    let Some(least) = need.capacity_gib(tier).and_then(|gib| sizes.at_least(gib)) else { return Vec::new() };
    let mut found = Vec::new();
    let mut capacity = match storage.capacity_gib {
        Some(fixed) if fixed < least || !sizes.contains(fixed) => return found,
        Some(fixed) => fixed,
        None => least,
    };
    loop {
        found.extend(with_metadata(storage, tier, capacity, need));
        let automatic = storage.kind() == Kind::Persistent2Ssd
            && storage.metadata_iops == Some(MetadataIops::Auto)
            && u64::from(fsx::automatic_metadata_iops(capacity)) < need.metadata_iops
            && fsx::automatic_metadata_iops(capacity) < fsx::METADATA_IOPS_MAX;
        match next(sizes, capacity) {
            Some(larger) if automatic && storage.capacity_gib.is_none() => capacity = larger,
            _ => return found,
        }
    }
}

fn next(sizes: Sizes, capacity_gib: u32) -> Option<u32> {
    sizes.at_least(u64::from(capacity_gib) + 1)
}

/// The cheapest metadata IOPS that are enough at a capacity, if any are.
fn with_metadata(storage: &Storage, tier: &Tier, capacity_gib: u32, need: &Need) -> Option<Choice> {
    let included = fsx::automatic_metadata_iops(capacity_gib);
    let enough = |iops: u32| u64::from(iops) >= need.metadata_iops;
    let metadata_iops = match storage.metadata_iops {
        // Older types have no figure to compare with.
        None => None,
        Some(MetadataIops::Auto) if enough(included) => Some(MetadataIops::Auto),
        Some(MetadataIops::Auto) => Some(MetadataIops::Provisioned(fsx::metadata_iops().find(|iops| enough(*iops))?)),
        Some(MetadataIops::Provisioned(iops)) if enough(iops) => Some(MetadataIops::Provisioned(iops)),
        Some(MetadataIops::Provisioned(_)) => return None,
    };
    let month = month(storage.kind(), tier.per_tib, capacity_gib, metadata_iops)?;
    Some(Choice { capacity_gib, per_tib: tier.per_tib, metadata_iops, month })
}

/// Storage and metadata IOPS above the included ones, a month. An HDD cache costs the same share at both throughputs and
/// is left out: the order stays the same.
fn month(kind: Kind, per_tib: Option<u32>, capacity_gib: u32, metadata: Option<MetadataIops>) -> Option<Usd> {
    let prices = Prices::builtin();
    let storage = prices.storage_gb_month(kind, per_tib, false)?.times(u64::from(capacity_gib));
    let extra = match metadata {
        Some(MetadataIops::Provisioned(iops)) => iops.saturating_sub(fsx::automatic_metadata_iops(capacity_gib)),
        Some(MetadataIops::Auto) | None => 0,
    };
    Some(storage + prices.metadata_iops_month()?.times(u64::from(extra)))
}

/// Intelligent-tiering holds anything; only its throughput can be too little, and that the spec gives.
#[expect(clippy::result_large_err, reason = "called once a run")]
fn tiering(storage: &Storage, need: &Need) -> Result<Storage, Diagnostic> {
    let given = u64::from(storage.throughput.unwrap_or(0)).saturating_mul(1_000_000);
    if given >= need.read.saturating_add(need.write) { Ok(storage.clone()) } else { Err(nothing(storage, need)) }
}

fn nothing(storage: &Storage, need: &Need) -> Diagnostic {
    let mut fixed = Vec::new();
    if let Some(gib) = storage.capacity_gib {
        fixed.push(format!("`capacity = \"{}\"`", units::capacity(gib)));
    }
    if let Some(rate) = storage.throughput_per_tib {
        fixed.push(format!("`throughput_per_tib = \"{rate} MB/s\"`"));
    }
    if let Some(rate) = storage.throughput {
        fixed.push(format!("`throughput = \"{rate} MB/s\"`"));
    }
    if let Some(MetadataIops::Provisioned(iops)) = storage.metadata_iops {
        fixed.push(format!("`metadata_iops = {iops}`"));
    }
    let complaint = Diagnostic::error("sizing::none", "no file system of this kind does the work of `[workload]`")
        .note(format!("asked for: {need}"))
        .note(format!("looked among: {}{}", storage.kind(), if storage.efa { " with EFA" } else { "" }));
    if fixed.is_empty() {
        complaint.help("ask for less, or split the work over several clusters")
    } else {
        complaint.help(format!("raise or leave out {}", fixed.join(" and ")))
    }
}

#[cfg(test)]
mod tests;
