//! The spec, typed: what `cluster.toml` says once every value was found legal.
//!
//! Defaults are filled in here and nowhere later. No value in here needs another check: [`super::read`] is the
//! only way to make a [`Spec`], and it collects every problem before it gives one out.

mod groups;

use std::collections::BTreeMap;

pub use groups::*;

use jiff::SignedDuration;

use crate::catalog::fsx::Kind;
use crate::catalog::layouts;
use crate::catalog::prices::{HOURS_PER_MONTH, Usd};

/// A whole `cluster.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub cluster: Cluster,
    pub network: Network,
    pub storage: Storage,
    /// At most 8, no two of overlapping paths or prefixes.
    pub datasets: Vec<Dataset>,
    /// At least one group, names unique.
    pub nodes: Vec<Nodes>,
    pub workload: Option<Workload>,
    /// What `[storage]` does not say, so that `[workload]` may.
    pub open: Open,
    /// `[storage]` as the file has it, where `storage` was filled from `[workload]` since.
    pub written: Option<Storage>,
}

impl Spec {
    /// The datasets whose data the nodes restore.
    pub fn preloads_data(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.iter().filter(|dataset| dataset.preload == Preload::Data)
    }
}

/// `[cluster]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// `[a-z][a-z0-9-]{0,37}`
    pub name: String,
    /// None: from the environment or the profile.
    pub region: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// How long nodes may bill after they were launched.
    pub ttl: Option<SignedDuration>,
    pub launch: Launch,
    /// An instance profile that exists already; None: one is made with the least rights.
    pub instance_profile: Option<String>,
    /// What it may cost at most, once it is as the spec says.
    pub budget: Option<Budget>,
}

/// So much for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub amount: Usd,
    pub per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    Hour,
    Day,
    Week,
    Month,
}

impl Per {
    pub const fn hours(self) -> u64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => HOURS_PER_MONTH,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl std::fmt::Display for Budget {
    /// `500.00 USD/day`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.amount, self.per.word())
    }
}

/// When nodes are launched, seen from the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// Once the file system can be mounted: no GPU minute is paid before.
    AfterStorage,
    /// As soon as the file system has a name: capacity first, nodes boot while it is made.
    WithStorage,
}

/// `[network]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Candidates; one availability zone is chosen among them. Empty: the default VPC's.
    pub subnets: Vec<String>,
    /// A security group that exists already; None: one is made.
    pub security_group: Option<String>,
}

/// `[storage]`: one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Whose it is. What only FSx for Lustre has means nothing of another service's.
    pub service: Service,
    /// `fs-…`: one that is there already, and somebody else's: linked and mounted, never changed. Then all that says what a
    /// file system is to be means nothing; `efa` says whether nodes mount it over EFA.
    pub existing: Option<String>,
    pub deployment: Deployment,
    pub media: Media,
    /// GiB. None on intelligent-tiering (elastic), or when `[workload]` is to size it.
    pub capacity_gib: Option<u32>,
    /// MB/s per TiB. None on scratch and intelligent-tiering, or when `[workload]` is to size it.
    pub throughput_per_tib: Option<u32>,
    /// MB/s of the whole file system; intelligent-tiering only.
    pub throughput: Option<u32>,
    /// Intelligent-tiering only.
    pub read_cache: Option<ReadCache>,
    /// HDD only.
    pub drive_cache: Option<DriveCache>,
    /// Persistent-2 only. It cannot be added after creation, so it is never absent there.
    pub metadata_iops: Option<MetadataIops>,
    pub compression: Compression,
    pub efa: bool,
    /// Absolute path on the nodes, such as `/fsx`.
    pub mount: String,
    /// Id, alias or ARN; not on scratch.
    pub kms_key: Option<String>,
}

/// The service that a file system is of, with what only that one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    FsxLustre,
    Efs(EfsThroughput),
    /// Amazon File Cache: Lustre before buckets, that go with it for life. Its size is `capacity_gib`.
    FileCache,
}

impl Service {
    /// Where nodes mount it, where the spec does not say.
    pub const fn default_mount(self) -> &'static str {
        match self {
            Self::FsxLustre => "/fsx",
            Self::Efs(_) => "/efs",
            Self::FileCache => "/cache",
        }
    }
}

/// How fast an EFS file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EfsThroughput {
    /// As fast as it is used, and paid for by what is read and written.
    Elastic,
    /// MiB/s
    Provisioned(u32),
}

impl Storage {
    /// Storage of another service than FSx for Lustre: nothing of what only that one has.
    pub(super) fn of_other(service: Service, mount: String, kms_key: Option<String>) -> Self {
        Self {
            service,
            existing: None,
            deployment: Deployment::Persistent2,
            media: Media::Ssd,
            capacity_gib: None,
            throughput_per_tib: None,
            throughput: None,
            read_cache: None,
            drive_cache: None,
            metadata_iops: None,
            compression: Compression::None,
            efa: false,
            mount,
            kms_key,
        }
    }

    /// Whether a workload can size it: it is to be made, and of a service that sells sizes.
    pub fn has_sizes(&self) -> bool {
        match self.service {
            Service::FsxLustre => self.existing.is_none(),
            Service::Efs(_) | Service::FileCache => false,
        }
    }

    /// What the catalog knows this file system as.
    pub fn kind(&self) -> Kind {
        self.deployment.on(self.media)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deployment {
    Scratch2,
    Persistent1,
    Persistent2,
}

impl Deployment {
    /// What the catalog knows a file system of this type on this medium as.
    pub fn on(self, media: Media) -> Kind {
        match (self, media) {
            (Self::Scratch2, _) => Kind::Scratch2Ssd,
            (Self::Persistent1, Media::Hdd) => Kind::Persistent1Hdd,
            (Self::Persistent1, Media::Ssd | Media::IntelligentTiering) => Kind::Persistent1Ssd,
            (Self::Persistent2, Media::IntelligentTiering) => Kind::Persistent2IntelligentTiering,
            (Self::Persistent2, Media::Ssd | Media::Hdd) => Kind::Persistent2Ssd,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Media {
    Ssd,
    Hdd,
    IntelligentTiering,
}

/// SSD read cache of an intelligent-tiering file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadCache {
    None,
    /// GiB
    Provisioned(u32),
    ProportionalToThroughput,
}

/// SSD read cache of an HDD file system, 20% of its capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriveCache {
    None,
    Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataIops {
    /// Follows the capacity.
    Auto,
    Provisioned(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
}

/// `[[dataset]]`: one data repository association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    pub bucket: String,
    /// Without leading or trailing `/`; empty for the whole bucket.
    pub prefix: String,
    /// Below the mount, starting with `/`, without trailing `/` (but for `/` itself).
    pub path: String,
    /// What flows from S3 into the file system by itself; sorted, no doubles.
    pub import: Vec<Flow>,
    /// What flows from the file system into S3 by itself; sorted, no doubles.
    pub export: Vec<Flow>,
    pub preload: Preload,
    /// False: what was written below `path` is given up at `down`, in the user's own words.
    pub export_on_down: bool,
    /// MiB of a file per stripe on import (ImportedFileChunkSize), 1 to 512000. FSx's default is 1024.
    pub import_chunk_mib: Option<u32>,
    /// How files that nodes write below `path` are spread over the storage targets. None: as all of the file system.
    pub layout: Option<Layout>,
}

/// How a new file is spread over storage targets. Imported files follow `import_chunk` instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Named(&'static layouts::Layout),
    Explicit {
        /// -1 for all targets, else 1 to 2000; of more than there are, all.
        stripe_count: i32,
        /// KiB, a multiple of 64 below 4 GiB. None: the file system's, 1 MiB.
        stripe_size_kib: Option<u32>,
    },
}

impl Layout {
    /// The arguments of `lfs setstripe`, separated by blanks.
    pub fn setstripe(self) -> String {
        match self {
            Self::Named(layout) => layout.setstripe.to_owned(),
            Self::Explicit { stripe_count, stripe_size_kib: None } => format!("-c {stripe_count}"),
            Self::Explicit { stripe_count, stripe_size_kib: Some(kib) } => format!("-c {stripe_count} -S {kib}K"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    New,
    Changed,
    Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preload {
    None,
    Metadata,
    Data,
}

/// Which keys `[storage]` leaves out although a default stands in for them: the default of `deployment` is not the user's
/// choice, and `[workload]` may make another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a key of its own")]
pub struct Open {
    pub deployment: bool,
    pub media: bool,
    pub metadata_iops: bool,
    pub drive_cache: bool,
    pub efa: bool,
}

/// `[workload]`: what the storage is for. Sizes `[storage]` where that leaves capacity and throughput out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// Bytes.
    pub dataset_size: Option<u64>,
    /// Bytes a second, over all nodes.
    pub read: Option<u64>,
    /// Bytes a second, over all nodes.
    pub write: Option<u64>,
    pub files: Option<u64>,
    pub latency: Option<SignedDuration>,
    /// Bytes of a file in the middle.
    pub file_size: Option<u64>,
    /// Bytes of the largest file.
    pub largest_file: Option<u64>,
    /// Samples that one GPU takes in a thousand seconds: half a sample a second is something.
    pub samples_per_gpu_milli: Option<u64>,
    /// Bytes.
    pub sample_size: Option<u64>,
    /// How long one pass over the dataset may take.
    pub epoch: Option<SignedDuration>,
    /// Bytes of all that is written for one checkpoint.
    pub checkpoint_size: Option<u64>,
    pub checkpoint_interval: Option<SignedDuration>,
    /// How long writing one may take.
    pub checkpoint_time: Option<SignedDuration>,
    /// Several nodes write into the same directories.
    pub shared_writes: Option<bool>,
    /// How long what is written must outlive the run that wrote it, where it is not in S3.
    pub retention: Option<SignedDuration>,
    /// Machines outside of AWS read and write it, too.
    pub on_premises: Option<bool>,
    /// Where the data is now.
    pub source: Option<Source>,
    /// Of S3, where that is another region than the cluster's.
    pub source_region: Option<String>,
    pub runs_per_month: Option<u32>,
    pub run_time: Option<SignedDuration>,
}

/// Where data is before it is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    S3,
    /// On a server of the user's own, reached by NFS.
    OnPremisesNfs,
    /// Nowhere yet: it is made here.
    None,
}
