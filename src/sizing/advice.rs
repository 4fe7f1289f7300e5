//! What advice says, as data: made by [`super::advise`], shown by renderers, and the JSON of `provision advise`.
//!
//! Every figure has its unit and every fact its source. What is not known says so: an unknown price or limit is `None`,
//! never zero, and a fact that nobody could confirm keeps its mark (`verified: false`) up to the screen.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::amount::Amount;
use crate::catalog::prices::Usd;

/// The format of the JSON. New fields may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Advice {
    pub format_version: u32,
    pub region: String,
    pub prices: PricesOf,
    /// The sentence that matters first.
    pub headline: String,
    /// What the storage must do, each with where that follows from.
    pub requirements: Vec<Requirement>,
    /// What nobody said and had to be taken for granted.
    pub assumptions: Vec<Assumption>,
    /// What was said and cannot all be true, a sentence each.
    pub contradictions: Vec<String>,
    /// Every service, deployment and media, best first.
    pub options: Vec<Candidate>,
    /// What `[storage]` says, where it says all of it: how far that goes.
    pub current: Option<Evaluated>,
    /// The cheapest FSx for Lustre that meets every requirement, of what `[storage]` leaves open. None: nothing does.
    pub chosen: Option<Evaluated>,
    /// What more money buys, cheapest first: no point is both dearer and slower than another.
    pub frontier: Vec<Point>,
    pub time_and_money: TimeAndMoney,
}

/// Where the prices come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PricesOf {
    /// Another one than asked for where nobody knows that one's prices: then costs are told by this one's.
    pub region: String,
    /// The day of the oldest source.
    pub date: Option<String>,
    pub source: String,
}

/// Something that the storage must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Requirement {
    pub key: Key,
    pub wanted: Amount,
    /// Where it follows from, such as "`read` in `[workload]`" or "8 nodes × 8 GPUs × 40 samples/s × 2 MB".
    pub because: String,
    /// It hangs on something assumed.
    pub assumed: bool,
}

/// Which requirement, in the order shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// Bytes to hold, with some room.
    Capacity,
    /// Bytes a second over all nodes.
    Read,
    Write,
    /// Bytes a second of one node.
    NodeRead,
    NodeWrite,
    Latency,
    /// Files opened a second.
    Opens,
    /// Several nodes write the same directory.
    SharedWrites,
    /// Files are written in place, renamed and locked.
    Posix,
    /// Objects of the datasets appear as files.
    S3Link,
    /// New and changed objects appear by themselves.
    S3Import,
    /// Files flow to S3 by themselves.
    S3Export,
    /// Files of a server on premises appear as files.
    NfsLink,
    /// What is not in S3 survives the loss of a disk or server.
    Durability,
    /// Read and written from on premises, too.
    OnPremises,
}

impl Key {
    /// A few words, such as "read of one node".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Read => "read",
            Self::Write => "write",
            Self::NodeRead => "read of one node",
            Self::NodeWrite => "write of one node",
            Self::Latency => "latency",
            Self::Opens => "files opened",
            Self::SharedWrites => "shared writes",
            Self::Posix => "POSIX",
            Self::S3Link => "S3 as files",
            Self::S3Import => "import by itself",
            Self::S3Export => "export by itself",
            Self::NfsLink => "NFS as files",
            Self::Durability => "durability",
            Self::OnPremises => "on-premises access",
        }
    }
}

/// Something that was taken for granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Assumption {
    /// The key of `[workload]` that would say it, such as `sample_size`; None: it cannot be said.
    pub key: Option<String>,
    /// A phrase, such as "one sample".
    pub what: String,
    /// Its value in words, such as "2 MB".
    pub value: String,
    pub why: String,
}

/// One way to store the data: a service, with its deployment and media where it has some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Candidate {
    /// 1 is the best.
    pub rank: u32,
    /// Stable, such as `fsx-lustre/persistent-2-ssd` or `efs`.
    pub id: String,
    pub service: Service,
    /// "FSx for Lustre, persistent-2 on SSD"
    pub name: String,
    pub fit: Fit,
    /// The size that it was judged and priced at, in words; None where it has none.
    pub size: Option<String>,
    /// Of FSx for Lustre: the cheapest that meets most.
    pub configuration: Option<Configuration>,
    /// One for each requirement, in their order.
    pub judgements: Vec<Judgement>,
    /// It goes on where one availability zone fails. A cluster lives in one zone: no requirement, but good to know.
    pub several_zones: Option<bool>,
    /// At that size and use; None: a price is not known.
    pub monthly: Option<Usd>,
    /// What the sum is made of.
    pub costs: Vec<CostLine>,
    /// One sentence.
    pub verdict: String,
    /// How it gets made: by `provision`, or why not.
    pub provision: Provision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    FsxLustre,
    FileCache,
    Efs,
    FileGateway,
    Mountpoint,
    S3Express,
    S3Files,
    FsxOpenzfs,
    FsxOntap,
    LocalNvme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Meets every requirement.
    Fits,
    /// Falls short nowhere, but of something nobody knows.
    Unknown,
    FallsShort,
}

/// Whether `provision` makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Provision {
    /// With this `kind` in `[storage]`.
    Kind {
        kind: String,
    },
    AdviceOnly {
        why: String,
    },
}

/// One requirement held against one option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Judgement {
    pub key: Key,
    pub outcome: Outcome,
    pub wanted: Amount,
    /// None: nobody knows.
    pub had: Option<Amount>,
    /// Where it falls short of a number: by how many percent of what is wanted.
    pub short_percent: Option<u64>,
    /// What there is to know beside the numbers, such as "one appliance writes a prefix at a time".
    pub note: Option<String>,
    pub source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Meets,
    FallsShort,
    Unknown,
}

/// Where a fact is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Source {
    pub text: String,
    /// The day it was looked at.
    pub date: String,
    /// False: general knowledge or a single weak source; show it.
    pub verified: bool,
}

/// One part of a monthly cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CostLine {
    /// With its quantity, such as "43,981 GB stored".
    pub what: String,
    pub quantity: u64,
    /// Of one of them; None: not known.
    pub price: Option<Usd>,
    pub monthly: Option<Usd>,
    pub source: Source,
}

/// A legal FSx for Lustre file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Configuration {
    /// As `[storage]` says it: `persistent-2`.
    pub deployment: String,
    /// `ssd`
    pub media: String,
    /// None: elastic.
    pub capacity_gib: Option<u32>,
    pub throughput_mbps_per_tib: Option<u32>,
    /// Of the whole, on intelligent-tiering.
    pub throughput_mbps: Option<u32>,
    /// None: older types, which have no such figure, and `auto`.
    pub metadata_iops: Option<u32>,
    /// `proportional`, `none` or `1024 GiB`, on intelligent-tiering; `read` or `none` on HDD.
    pub cache: Option<String>,
    pub efa: bool,
    /// "persistent-2 on SSD, 50.4 TiB, 500 MB/s per TiB"
    pub words: String,
    /// The lines of `[storage]` that say it.
    pub spec_lines: Vec<String>,
}

/// A file system held against the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evaluated {
    pub configuration: Configuration,
    /// It meets every requirement.
    pub meets: bool,
    /// None: a price is not known.
    pub monthly: Option<Usd>,
    pub hourly: Option<Usd>,
    /// Where data passes on its way to the nodes, in that order.
    pub stages: Vec<Headroom>,
    /// The one with the least headroom.
    pub bottleneck: Option<Stage>,
    /// Why this one, or where it falls short: a sentence.
    pub why: String,
    /// What nodes wait for storage, of each thousand seconds; None: nobody said what they need.
    pub wait_permille: Option<u64>,
}

/// A place that data passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    ClientNetwork,
    ServerNetwork,
    Disk,
    Metadata,
    S3Import,
}

impl Stage {
    pub const fn words(self) -> &'static str {
        match self {
            Self::ClientNetwork => "client network",
            Self::ServerNetwork => "server network",
            Self::Disk => "disk",
            Self::Metadata => "metadata",
            Self::S3Import => "S3 import",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// How much of a stage is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Headroom {
    pub stage: Stage,
    pub wanted: Amount,
    /// None: nobody knows, and it is no bottleneck by this count.
    pub had: Option<Amount>,
    /// What is left, of each hundred that there are; negative: what is missing. None: nobody knows.
    pub left_percent: Option<i64>,
    pub source: Source,
}

/// A point of the frontier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Point {
    pub configuration: Configuration,
    pub monthly: Usd,
    pub hourly: Usd,
    /// Read from disk, bytes a second: what training gets of data larger than the servers' memory.
    pub read: u64,
    pub write: u64,
    /// It meets every requirement.
    pub meets: bool,
    pub is_chosen: bool,
    pub is_current: bool,
    pub wait_permille: Option<u64>,
    /// What the nodes' waiting costs, an hour.
    pub idle_hourly: Option<Usd>,
}

/// What slow or fast storage costs in time and money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TimeAndMoney {
    pub first_epoch: Option<FirstEpoch>,
    pub keeping: Option<Keeping>,
    pub idle: Option<Idle>,
}

/// Until the first epoch has ended, seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FirstEpoch {
    /// `preload = "metadata"`: each file comes from S3 when it is first read; nodes start at once.
    pub lazy_s: u64,
    /// `preload = "data"`: the restore of everything…
    pub restore_s: u64,
    /// …and then an epoch from disk.
    pub preloaded_s: u64,
    /// Every later epoch.
    pub epoch_s: u64,
    /// What holds up the first epoch by lazy load; None: nothing does.
    pub bound_by: Option<String>,
    /// What the nodes cost more by the slower way; None: prices or nodes are not known.
    pub difference: Option<Usd>,
    pub sentence: String,
}

/// The file system all month long, or made and filled anew for each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Keeping {
    pub runs_per_month: u64,
    pub hours_per_run: u64,
    pub keep_monthly: Usd,
    /// Storage while it is there, and nodes that wait for the import.
    pub anew_monthly: Usd,
    /// Of which nodes wait.
    pub anew_waiting: Usd,
    pub sentence: String,
}

/// Nodes that wait for storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Idle {
    /// "8 × p5.48xlarge"
    pub nodes: String,
    pub nodes_hourly: Usd,
    pub wait_permille: u64,
    pub idle_hourly: Usd,
    /// The file system that makes the waiting cost least in all; None: there is none better.
    pub better: Option<Better>,
    pub sentence: String,
}

/// What more throughput would bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Better {
    pub configuration: Configuration,
    /// More for storage, an hour.
    pub costs_hourly: Usd,
    /// Less for nodes that wait, an hour.
    pub saves_hourly: Usd,
}
