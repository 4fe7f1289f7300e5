//! One legal FSx for Lustre file system, as the search sees it: what it gives, what it costs, how it is said.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::advice::Configuration;
use super::demand::{Demand, clamp};
use crate::catalog::fsx::{self, Kind, Tier};
use crate::catalog::prices::{AccessTier, Prices, Usd};
use crate::catalog::services::{self, Fact, Value};
use crate::spec::{Deployment, DriveCache, Media, MetadataIops, ReadCache, Storage, units};

/// A file system that could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) kind: Kind,
    /// None: elastic.
    pub(super) capacity_gib: Option<u32>,
    pub(super) per_tib: Option<u32>,
    /// MB/s of the whole; intelligent-tiering.
    pub(super) throughput: Option<u32>,
    pub(super) metadata: Option<MetadataIops>,
    pub(super) read_cache: Option<ReadCache>,
    pub(super) drive_cache: Option<DriveCache>,
    pub(super) efa: bool,
}

/// What a file system gives, whoever uses it. Bytes a second, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gives {
    /// Bytes; None: elastic.
    pub(super) holds: Option<u64>,
    pub(super) disk_read: u64,
    pub(super) disk_write: u64,
    pub(super) network: u64,
    /// Object servers.
    pub(super) servers: u32,
    /// Files a second; None: no figure is published.
    pub(super) opens: Option<u64>,
    /// The fact that tells the first byte of a read.
    pub(super) latency: &'static str,
}

/// The deployment type and media of a kind, as the spec has them.
pub(super) fn words_of(kind: Kind) -> (Deployment, Media) {
    match kind {
        Kind::Scratch2Ssd => (Deployment::Scratch2, Media::Ssd),
        Kind::Persistent1Ssd => (Deployment::Persistent1, Media::Ssd),
        Kind::Persistent1Hdd => (Deployment::Persistent1, Media::Hdd),
        Kind::Persistent2Ssd => (Deployment::Persistent2, Media::Ssd),
        Kind::Persistent2IntelligentTiering => (Deployment::Persistent2, Media::IntelligentTiering),
    }
}

pub(super) fn deployment_word(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Scratch2 => "scratch-2",
        Deployment::Persistent1 => "persistent-1",
        Deployment::Persistent2 => "persistent-2",
    }
}

pub(super) fn media_word(media: Media) -> &'static str {
    match media {
        Media::Ssd => "ssd",
        Media::Hdd => "hdd",
        Media::IntelligentTiering => "intelligent-tiering",
    }
}

/// Its first byte, of the table.
pub(super) fn latency_fact(name: &str) -> Option<(&'static Fact, u64)> {
    let fact = services::get("fsx-lustre", name)?;
    match fact.value {
        Value::Number(microseconds) => Some((fact, microseconds)),
        Value::Any | Value::Yes | Value::No | Value::Unknown => None,
    }
}

impl Config {
    fn tier(&self) -> Option<&'static Tier> {
        fsx::tier(self.kind, self.per_tib)
    }

    /// The metadata IOPS that it has; None: no figure is published.
    pub(super) fn metadata_iops(&self) -> Option<u32> {
        match (self.metadata, self.capacity_gib) {
            (Some(MetadataIops::Provisioned(iops)), _) => Some(iops),
            (Some(MetadataIops::Auto), Some(gib)) => Some(fsx::automatic_metadata_iops(gib)),
            (Some(MetadataIops::Auto), None) | (None, _) => None,
        }
    }

    /// GiB of the SSD cache before intelligent-tiering.
    fn read_cache_gib(&self) -> u64 {
        match self.read_cache {
            None | Some(ReadCache::None) => 0,
            Some(ReadCache::Provisioned(gib)) => u64::from(gib),
            Some(ReadCache::ProportionalToThroughput) => {
                u64::from(self.throughput.unwrap_or(0)).saturating_mul(fsx::READ_CACHE_GIB_PER_MBPS)
            }
        }
    }

    /// What it gives to this demand: whether the dataset fits into a cache decides how fast it is read.
    pub(super) fn gives(&self, demand: &Demand) -> Option<Gives> {
        let opens = self.metadata_iops().map(|iops| u64::from(iops) * fsx::OPENS_PER_IOPS);
        if self.kind == Kind::Persistent2IntelligentTiering {
            let rate = u64::from(self.throughput?);
            let cached = u128::from(self.read_cache_gib()) << 30 >= u128::from(demand.dataset);
            return Some(Gives {
                holds: None,
                disk_read: rate.saturating_mul(1_000_000),
                disk_write: rate.saturating_mul(1_000_000),
                network: (rate / u64::from(fsx::TIERING_THROUGHPUT_STEP))
                    .saturating_mul(fsx::TIERING_NETWORK_PER_STEP * 1_000_000),
                servers: u32::try_from(rate / u64::from(fsx::TIERING_THROUGHPUT_STEP)).unwrap_or(u32::MAX),
                opens,
                latency: if cached { "latency-tiering-cached" } else { "latency-tiering" },
            });
        }
        let (tier, gib) = (self.tier()?, self.capacity_gib?);
        // MB/s per TiB of 1000 GiB are kB/s per GiB.
        let whole = |per_tib: u32| u64::from(per_tib).saturating_mul(u64::from(gib)).saturating_mul(1000);
        let in_cache = self.drive_cache == Some(DriveCache::Read)
            && (u128::from(gib) << 30) * u128::from(fsx::DRIVE_CACHE_PERCENT) >= u128::from(demand.dataset) * 100;
        let cache = u64::from(gib).saturating_mul(1000 * fsx::DRIVE_CACHE_READ * fsx::DRIVE_CACHE_PERCENT / 100);
        let server_gib = if self.efa { tier.efa_server_gib? } else { tier.server_gib };
        Some(Gives {
            holds: Some(u64::from(gib) << 30),
            disk_read: if in_cache { whole(tier.disk_read).max(cache) } else { whole(tier.disk_read) },
            disk_write: whole(tier.disk_write),
            network: whole(tier.network),
            servers: gib.div_ceil(server_gib),
            opens,
            latency: if self.kind == Kind::Persistent1Hdd && !in_cache { "latency-hdd" } else { "latency-ssd" },
        })
    }

    /// What it costs a month, part by part; None where a price is not known.
    pub(super) fn costs(&self, demand: &Demand, prices: &Prices) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut push = |what: String, quantity: u64, price: Option<Usd>, sure: bool| {
            parts.push(Part { what, quantity, price, sure });
        };
        if let Some(gib) = self.capacity_gib {
            let cached = self.drive_cache == Some(DriveCache::Read);
            let what = format!("GB of storage{}", if cached { " with SSD read cache" } else { "" });
            push(what, u64::from(gib), prices.storage_gb_month(self.kind, self.per_tib, cached), true);
        }
        if let Some(rate) = self.throughput {
            push("MB/s of throughput".to_owned(), u64::from(rate), prices.tiering_throughput_month(), true);
        }
        if self.kind == Kind::Persistent2IntelligentTiering {
            let gb = demand.held.div_ceil(1_000_000_000);
            let frequent = prices.tiering_storage(AccessTier::Frequent);
            push("GB on intelligent-tiering, used in the last 30 days".to_owned(), gb, frequent, true);
            push("GB watched over".to_owned(), gb, prices.tiering_monitoring_gb_month(), true);
            let cache = self.read_cache_gib();
            if cache > 0 {
                push("GB of SSD read cache".to_owned(), cache, prices.read_cache_gb_month(), true);
            }
        }
        if let Some(MetadataIops::Provisioned(iops)) = self.metadata {
            // No page says how many come with intelligent-tiering: all are counted.
            let included = self.capacity_gib.map_or(0, fsx::automatic_metadata_iops);
            let above = u64::from(iops.saturating_sub(included));
            if above > 0 {
                let sure = self.capacity_gib.is_some();
                push("metadata IOPS above the automatic ones".to_owned(), above, prices.metadata_iops_month(), sure);
            }
        }
        parts
    }

    /// A month; None where a price is not known.
    pub(super) fn month(&self, demand: &Demand, prices: &Prices) -> Option<Usd> {
        self.costs(demand, prices).iter().map(Part::month).sum()
    }

    /// `[storage]` with this filled in.
    pub(super) fn storage(&self, base: &Storage) -> Storage {
        let Self { kind, capacity_gib, per_tib, throughput, metadata, read_cache, drive_cache, efa } = *self;
        let (deployment, media) = words_of(kind);
        Storage {
            deployment,
            media,
            capacity_gib,
            throughput_per_tib: per_tib,
            throughput,
            read_cache,
            drive_cache,
            metadata_iops: metadata,
            efa,
            ..base.clone()
        }
    }

    /// What `[storage]` says, where it says all of it.
    pub(super) fn of(storage: &Storage) -> Option<Self> {
        let kind = storage.kind();
        let sized = if kind == Kind::Persistent2IntelligentTiering {
            storage.throughput.is_some() && storage.metadata_iops.is_some() && storage.read_cache.is_some()
        } else {
            storage.capacity_gib.is_some()
                && (storage.throughput_per_tib.is_some() || fsx::throughputs(kind).is_empty())
        };
        (sized && storage.has_sizes()).then_some(Self {
            kind,
            capacity_gib: storage.capacity_gib,
            per_tib: storage.throughput_per_tib,
            throughput: storage.throughput,
            metadata: storage.metadata_iops,
            read_cache: storage.read_cache,
            drive_cache: storage.drive_cache,
            efa: storage.efa,
        })
    }

    /// "50.4 TiB at 500 MB/s per TiB"
    pub(super) fn size(&self) -> String {
        let mut words = match (self.capacity_gib, self.throughput) {
            (Some(gib), _) => units::capacity(gib),
            (None, Some(rate)) => format!("{rate} MB/s"),
            (None, None) => String::new(),
        };
        if let Some(rate) = self.per_tib {
            let _ = write!(words, " at {rate} MB/s per TiB");
        }
        if let Some(MetadataIops::Provisioned(iops)) = self.metadata {
            let _ = write!(words, ", {iops} metadata IOPS");
        }
        match (self.read_cache, self.drive_cache) {
            (Some(ReadCache::Provisioned(gib)), _) => {
                let _ = write!(words, ", {gib} GiB of read cache");
            }
            (Some(ReadCache::ProportionalToThroughput), _) | (_, Some(DriveCache::Read)) => {
                words.push_str(", with read cache");
            }
            (Some(ReadCache::None) | None, Some(DriveCache::None) | None) => {}
        }
        if self.efa {
            words.push_str(", over EFA");
        }
        words
    }

    /// "`persistent-2` on SSD" without the marks.
    pub(super) fn kind_words(&self) -> String {
        self.kind.to_string().replace('`', "")
    }

    pub(super) fn configuration(&self) -> Configuration {
        let (deployment, media) = words_of(self.kind);
        let (deployment, media) = (deployment_word(deployment), media_word(media));
        let cache = match (self.read_cache, self.drive_cache) {
            (Some(ReadCache::None), _) | (None, Some(DriveCache::None)) => Some("none".to_owned()),
            (Some(ReadCache::Provisioned(gib)), _) => Some(format!("{gib} GiB")),
            (Some(ReadCache::ProportionalToThroughput), _) => Some("proportional".to_owned()),
            (None, Some(DriveCache::Read)) => Some("read".to_owned()),
            (None, None) => None,
        };
        let mut lines = vec![format!("deployment = \"{deployment}\""), format!("media = \"{media}\"")];
        lines.extend(self.capacity_gib.map(|gib| format!("capacity = \"{}\"", units::capacity(gib))));
        lines.extend(self.per_tib.map(|rate| format!("throughput_per_tib = \"{rate} MB/s\"")));
        lines.extend(self.throughput.map(|rate| format!("throughput = \"{rate} MB/s\"")));
        let metadata_iops = match self.metadata {
            Some(MetadataIops::Provisioned(iops)) => Some(iops),
            Some(MetadataIops::Auto) | None => None,
        };
        lines.extend(metadata_iops.map(|iops| format!("metadata_iops = {iops}")));
        let key = if self.read_cache.is_some() { "read_cache" } else { "drive_cache" };
        lines.extend(cache.as_ref().map(|cache| format!("{key} = \"{cache}\"")));
        if self.efa {
            lines.push("efa = true".to_owned());
        }
        Configuration {
            deployment: deployment.to_owned(),
            media: media.to_owned(),
            capacity_gib: self.capacity_gib,
            throughput_mbps_per_tib: self.per_tib,
            throughput_mbps: self.throughput,
            metadata_iops,
            cache,
            efa: self.efa,
            words: format!("{}, {}", self.kind_words(), self.size()),
            spec_lines: lines,
        }
    }
}

/// One part of what a file system costs a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) what: String,
    pub(super) quantity: u64,
    /// Of one.
    pub(super) price: Option<Usd>,
    pub(super) sure: bool,
}

impl Part {
    pub(super) fn month(&self) -> Option<Usd> {
        self.price.map(|price| price.times(self.quantity))
    }
}

/// How much of reading a file system's disks have left beside so much writing: both share them.
pub(super) fn reads_beside(write: u64, gives: &Gives) -> u64 {
    let left = gives.disk_write.saturating_sub(write);
    clamp(u128::from(gives.disk_read) * u128::from(left) / u128::from(gives.disk_write.max(1)))
}
