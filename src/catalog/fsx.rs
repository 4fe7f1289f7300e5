//! What FSx for Lustre sells: which sizes and speeds go together, and what they give.
//!
//! A "TiB" in AWS's tables is 1000 GiB: a 1200 GiB file system is sold as 1.2 TiB, and 4800 GiB at 1000 MB/s per TiB is
//! said to give 4800 MB/s (FSx for Lustre User Guide, performance). Everything here counts in GiB and in those TiB.

use std::fmt;
use std::sync::LazyLock;

use super::table::{self, Cells};

const DATA: &str = include_str!("data/fsx.tsv");

/// Most GiB that StorageCapacity can say (API model 2018-03-01: 0 to 2147483647).
pub const CAPACITY_MAX_GIB: u32 = 2_147_483_647;
/// Links a file system may have (API: CreateDataRepositoryAssociation; quota, not adjustable).
pub const LINKS_MAX: usize = 8;
/// Ports between clients and servers (User Guide, "File system access control with Amazon VPC").
pub const LUSTRE_PORTS: [(u16, u16); 2] = [(988, 988), (1018, 1023)];
/// Metadata IOPS one metadata server carries (User Guide, subnet planning).
pub const METADATA_IOPS_PER_SERVER: u32 = 12_000;
/// Most that MetadataConfiguration.Iops may say (API: MetadataIopsForLustre).
pub const METADATA_IOPS_MAX: u32 = 192_000;
/// MetadataConfiguration.Iops below the multiples of 12000 (API).
const METADATA_IOPS_SMALL: [u32; 3] = [1500, 3000, 6000];
/// Intelligent-tiering takes these only, and no automatic mode (API).
pub const METADATA_IOPS_TIERING: [u32; 2] = [6000, 12_000];
/// ThroughputCapacity of intelligent-tiering is a multiple of this many MB/s, one object server each (API).
pub const TIERING_THROUGHPUT_STEP: u32 = 4000;
pub const TIERING_THROUGHPUT_MAX: u32 = 2_000_000;
/// SizeGiB of a provisioned read cache, for each 4000 MB/s (API: LustreReadCacheConfiguration).
pub const READ_CACHE_MIN_GIB: u32 = 32;
pub const READ_CACHE_MAX_GIB: u32 = 131_072;
/// GiB of a proportional read cache for each MB/s (User Guide, managing-ssd-read-cache).
pub const READ_CACHE_GIB_PER_MBPS: u64 = 5;
/// Network of an intelligent-tiering file system, MB/s for each 4000 (User Guide, intelligent-tiering).
pub const TIERING_NETWORK_PER_STEP: u64 = 12_500;
/// SSD cache of an HDD file system, percent of its capacity (API: DriveCacheType).
pub const DRIVE_CACHE_PERCENT: u64 = 20;
/// What that cache reads, MB/s per TiB of it (User Guide, hdd-storage).
pub const DRIVE_CACHE_READ: u64 = 200;
/// Files opened and closed a second for each metadata IOPS (User Guide, managing-metadata-performance).
pub const OPENS_PER_IOPS: u64 = 2;
/// ImportedFileChunkSize, MiB (API: Megabytes).
pub const IMPORT_CHUNK_MAX_MIB: u32 = 512_000;

/// Deployment type and media together: what a rule, a size and a price hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Scratch2Ssd,
    Persistent1Ssd,
    Persistent1Hdd,
    Persistent2Ssd,
    Persistent2IntelligentTiering,
}

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::Scratch2Ssd,
        Self::Persistent1Ssd,
        Self::Persistent1Hdd,
        Self::Persistent2Ssd,
        Self::Persistent2IntelligentTiering,
    ];

    /// As in the data files.
    pub fn sku(self) -> &'static str {
        match self {
            Self::Scratch2Ssd => "scratch-2-ssd",
            Self::Persistent1Ssd => "persistent-1-ssd",
            Self::Persistent1Hdd => "persistent-1-hdd",
            Self::Persistent2Ssd => "persistent-2-ssd",
            Self::Persistent2IntelligentTiering => "persistent-2-it",
        }
    }
}

impl fmt::Display for Kind {
    /// In the words of the spec, such as "`persistent-2` on SSD".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scratch2Ssd => "`scratch-2` on SSD",
            Self::Persistent1Ssd => "`persistent-1` on SSD",
            Self::Persistent1Hdd => "`persistent-1` on HDD",
            Self::Persistent2Ssd => "`persistent-2` on SSD",
            Self::Persistent2IntelligentTiering => "`persistent-2` on intelligent-tiering",
        })
    }
}

/// One row of what is sold. Speeds are MB/s per TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// PerUnitStorageThroughput; None on scratch.
    pub per_tib: Option<u32>,
    pub sizes: Sizes,
    /// None: no EFA.
    pub efa_sizes: Option<Sizes>,
    /// What one object server holds.
    pub server_gib: u32,
    pub efa_server_gib: Option<u32>,
    pub network: u32,
    pub network_burst: Option<u32>,
    pub disk_read: u32,
    pub disk_write: u32,
    pub disk_burst: Option<u32>,
}

/// Legal capacities: the smallest, and all multiples of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    pub smallest_gib: u32,
    pub step_gib: u32,
}

impl Sizes {
    pub fn contains(self, gib: u32) -> bool {
        gib == self.smallest_gib || (gib > 0 && gib.is_multiple_of(self.step_gib) && gib <= CAPACITY_MAX_GIB)
    }

    /// The smallest legal size that is at least this large.
    pub fn at_least(self, gib: u64) -> Option<u32> {
        if gib <= u64::from(self.smallest_gib) {
            return Some(self.smallest_gib);
        }
        let step = u64::from(self.step_gib);
        let size = gib.div_ceil(step).checked_mul(step)?;
        u32::try_from(size).ok().filter(|size| *size <= CAPACITY_MAX_GIB)
    }

    /// The largest legal size that is at most this large.
    pub fn at_most(self, gib: u64) -> Option<u32> {
        let gib = u32::try_from(gib).unwrap_or(CAPACITY_MAX_GIB).min(CAPACITY_MAX_GIB);
        let multiple = gib / self.step_gib * self.step_gib;
        if multiple > 0 {
            return Some(multiple);
        }
        (gib >= self.smallest_gib).then_some(self.smallest_gib)
    }
}

static TIERS: LazyLock<Vec<(&'static str, Tier)>> = LazyLock::new(|| table::rows(DATA).map(read).collect());

fn read(mut cells: Cells) -> (&'static str, Tier) {
    let (sku, per_tib) = (cells.text(), cells.maybe());
    let sizes = Sizes { smallest_gib: cells.number(), step_gib: cells.number() };
    let efa_sizes = cells.maybe().map(|step| Sizes { smallest_gib: step, step_gib: step });
    let tier = Tier {
        per_tib,
        sizes,
        efa_sizes,
        server_gib: cells.number(),
        efa_server_gib: cells.maybe(),
        network: cells.number(),
        network_burst: cells.maybe(),
        disk_read: cells.number(),
        disk_write: cells.number(),
        disk_burst: cells.maybe(),
    };
    (sku, tier)
}

/// The day the facts were checked.
pub fn date() -> &'static str {
    table::header(DATA, "date")
}

/// What is sold of a kind, slowest first. None of intelligent-tiering, which has neither sizes nor tiers.
pub fn tiers(kind: Kind) -> impl Iterator<Item = &'static Tier> {
    TIERS.iter().filter(move |(sku, _)| *sku == kind.sku()).map(|(_, tier)| tier)
}

/// The row of a kind and its throughput per TiB (None on scratch).
pub fn tier(kind: Kind, per_tib: Option<u32>) -> Option<&'static Tier> {
    tiers(kind).find(|tier| tier.per_tib == per_tib)
}

/// The legal throughputs per TiB, slowest first; none on scratch and intelligent-tiering.
pub fn throughputs(kind: Kind) -> Vec<u32> {
    tiers(kind).filter_map(|tier| tier.per_tib).collect()
}

/// The legal sizes. Without a throughput only where every throughput of the kind has the same ones.
pub fn capacity_step(kind: Kind, per_tib: Option<u32>, efa: bool) -> Option<Sizes> {
    let mut sizes = tiers(kind)
        .filter(|tier| per_tib.is_none() || tier.per_tib == per_tib)
        .filter_map(|tier| if efa { tier.efa_sizes } else { Some(tier.sizes) });
    let first = sizes.next()?;
    sizes.all(|other| other == first).then_some(first)
}

/// The largest legal size at or below and the smallest at or above so many GiB.
pub fn nearest_capacities(sizes: Sizes, gib: u64) -> (Option<u32>, Option<u32>) {
    (sizes.at_most(gib), sizes.at_least(gib))
}

/// Metadata IOPS of mode AUTOMATIC at a capacity (User Guide, managing-metadata-performance).
pub fn automatic_metadata_iops(capacity_gib: u32) -> u32 {
    match capacity_gib {
        0..2400 => 1500,
        2400..4800 => 3000,
        4800..12_000 => 6000,
        12_000..48_000 => 12_000,
        _ => (capacity_gib / 24_000).saturating_mul(12_000).min(METADATA_IOPS_MAX),
    }
}

/// Legal values of provisioned metadata IOPS on SSD, smallest first.
pub fn metadata_iops() -> impl Iterator<Item = u32> {
    METADATA_IOPS_SMALL.into_iter().chain((1..=METADATA_IOPS_MAX / 12_000).map(|count| count * 12_000))
}

/// How many servers, and so addresses in the subnet, a file system takes: metadata servers and object servers.
/// `throughput` is that of an intelligent-tiering file system. None where there is no such file system.
pub fn server_count(
    kind: Kind,
    per_tib: Option<u32>,
    efa: bool,
    capacity_gib: Option<u32>,
    throughput: Option<u32>,
    metadata_iops: Option<u32>,
) -> Option<u32> {
    let metadata = metadata_iops.unwrap_or(1).div_ceil(METADATA_IOPS_PER_SERVER).max(1);
    let objects = if kind == Kind::Persistent2IntelligentTiering {
        throughput?.div_ceil(TIERING_THROUGHPUT_STEP)
    } else {
        let tier = tier(kind, per_tib)?;
        let server_gib = if efa { tier.efa_server_gib? } else { tier.server_gib };
        capacity_gib?.div_ceil(server_gib)
    };
    Some(metadata + objects.max(1))
}

/// What a whole file system gives, MB/s. Estimates: AWS promises none of them to the digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throughput {
    /// From the servers' memory, always.
    pub network: u64,
    /// From the servers' memory, for a while.
    pub network_burst: u64,
    pub disk_read: u64,
    pub disk_write: u64,
    /// From disk, for a while.
    pub disk_burst: u64,
}

impl Tier {
    /// The whole file system's throughput at a capacity: the figure per TiB × GiB ÷ 1000, as AWS's own examples do.
    pub fn throughput(&self, capacity_gib: u32) -> Throughput {
        let whole = |per_tib: u32| u64::from(per_tib) * u64::from(capacity_gib) / 1000;
        Throughput {
            network: whole(self.network),
            network_burst: whole(self.network_burst.unwrap_or(self.network)),
            disk_read: whole(self.disk_read),
            disk_write: whole(self.disk_write),
            disk_burst: whole(self.disk_burst.unwrap_or(self.disk_read)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_the_elastic_one_has_tiers() {
        assert_eq!(TIERS.len(), 10);
        let counts: Vec<usize> = Kind::ALL.into_iter().map(|kind| tiers(kind).count()).collect();
        assert_eq!(counts, [1, 3, 2, 4, 0]);
        assert_eq!(throughputs(Kind::Persistent2Ssd), [125, 250, 500, 1000]);
        assert_eq!(throughputs(Kind::Scratch2Ssd), [0; 0]);
    }

    #[test]
    fn legal_sizes() {
        let legal = |kind, per_tib, efa, gib| capacity_step(kind, per_tib, efa).expect("sold").contains(gib);
        for gib in [1200, 2400, 4800, 7200, 100_800] {
            assert!(legal(Kind::Persistent2Ssd, Some(250), false, gib), "{gib}");
        }
        for gib in [0, 1, 600, 1199, 1201, 3600, 5000] {
            assert!(!legal(Kind::Persistent2Ssd, Some(250), false, gib), "{gib}");
        }
        for (per_tib, smallest) in [(125, 38_400), (250, 19_200), (500, 9600), (1000, 4800)] {
            assert!(legal(Kind::Persistent2Ssd, Some(per_tib), true, smallest));
            assert!(legal(Kind::Persistent2Ssd, Some(per_tib), true, smallest * 3));
            assert!(!legal(Kind::Persistent2Ssd, Some(per_tib), true, smallest / 2));
        }
        assert!(
            legal(Kind::Persistent1Hdd, Some(12), false, 12_000) && legal(Kind::Persistent1Hdd, Some(40), false, 5400)
        );
        assert_eq!(capacity_step(Kind::Persistent1Ssd, Some(50), true), None, "no EFA");
        assert_eq!(capacity_step(Kind::Persistent1Hdd, None, false), None, "depends on the throughput");
        assert!(capacity_step(Kind::Persistent2Ssd, None, false).is_some(), "the same for all four");
        assert_eq!(capacity_step(Kind::Persistent2IntelligentTiering, None, false), None, "elastic");
    }

    #[test]
    fn nearest_sizes_enclose() {
        let sizes = capacity_step(Kind::Persistent2Ssd, Some(250), false).expect("sold");
        assert_eq!(nearest_capacities(sizes, 5000), (Some(4800), Some(7200)));
        assert_eq!(nearest_capacities(sizes, 100), (None, Some(1200)));
        assert_eq!(nearest_capacities(sizes, 1500), (Some(1200), Some(2400)));
        assert_eq!(nearest_capacities(sizes, 4800), (Some(4800), Some(4800)));
        assert_eq!(nearest_capacities(sizes, u64::MAX), (Some(CAPACITY_MAX_GIB / 2400 * 2400), None));
    }

    #[test]
    fn metadata() {
        let table = [
            (1200, 1500),
            (2400, 3000),
            (4800, 6000),
            (9600, 6000),
            (12_000, 12_000),
            (45_600, 12_000),
            (48_000, 24_000),
            (72_000, 36_000),
            (u32::MAX, 192_000),
        ];
        for (capacity, iops) in table {
            assert_eq!(automatic_metadata_iops(capacity), iops, "{capacity}");
            assert!(metadata_iops().any(|legal| legal == iops), "{iops} is itself legal");
        }
        assert_eq!(metadata_iops().collect::<Vec<_>>()[..5], [1500, 3000, 6000, 12_000, 24_000]);
        assert_eq!(metadata_iops().last(), Some(METADATA_IOPS_MAX));
    }

    #[test]
    fn servers() {
        let p2 = Kind::Persistent2Ssd;
        assert_eq!(server_count(p2, Some(250), false, Some(1200), None, Some(1500)), Some(2));
        assert_eq!(server_count(p2, Some(250), false, Some(9600), None, Some(24_000)), Some(6));
        assert_eq!(server_count(p2, Some(1000), true, Some(9600), None, Some(6000)), Some(3));
        assert_eq!(server_count(Kind::Scratch2Ssd, None, false, Some(4800), None, None), Some(3));
        assert_eq!(
            server_count(Kind::Persistent2IntelligentTiering, None, false, None, Some(8000), Some(6000)),
            Some(3)
        );
        assert_eq!(server_count(p2, Some(251), false, Some(1200), None, None), None);
    }

    #[test]
    fn throughput_follows_the_capacity() {
        let tier = tier(Kind::Persistent2Ssd, Some(1000)).expect("sold");
        assert_eq!(tier.throughput(4800).disk_read, 4800, "the example of the User Guide");
        assert_eq!(tier.throughput(4800).network, 12_480);
    }
}
