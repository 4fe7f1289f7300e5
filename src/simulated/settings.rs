//! How a world behaves: delays, lag, limits, what the account has, and how nodes and exports turn out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::remote::Play;
use crate::cloud::{Bucket, CloudError, ImageFacts, InUse, Key, QuotaId, Reservation, ServerGroup, Subnet};
use crate::desired::Kind;

/// Everything that can be set; [`super::Simulated::adjust`] changes it while the world runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Fixes all chance: latency, lag, random faults.
    pub seed: u64,
    pub region: String,
    pub delays: Delays,
    pub lag: Lag,
    /// The longest way of a request there, and of its answer back.
    pub latency: Duration,
    /// How many of a kind there may be; nodes are counted each. Absent: no limit.
    pub quotas: BTreeMap<Kind, u32>,
    /// How many instances of a type a zone still has. Absent: no end.
    pub capacity: BTreeMap<(String, String), u32>,
    /// The first is the default VPC's.
    pub subnets: Vec<Subnet>,
    /// Where a type is offered. Absent: everywhere.
    pub offerings: BTreeMap<String, BTreeSet<String>>,
    /// By parameter name and by image id.
    pub images: BTreeMap<String, ImageFacts>,
    /// Absent: there, in this region.
    pub buckets: BTreeMap<String, Bucket>,
    /// What lies in a bucket: sizes by key. Absent: nothing.
    pub objects: BTreeMap<String, BTreeMap<String, u64>>,
    /// Buckets that keep nothing of what is deleted.
    pub unversioned: BTreeSet<String>,
    /// A block that is `scheduled` begins and ends by itself.
    pub reservations: BTreeMap<String, Reservation>,
    /// Those of them that launches fall into without naming them.
    pub open_reservations: BTreeSet<String>,
    /// Absent: enabled.
    pub keys: BTreeMap<String, Key>,
    /// Around a file system that is not the clients'. Empty: nobody tells.
    pub server_groups: BTreeMap<String, ServerGroup>,
    /// What Service Quotas tells. Absent: no limit. Nothing is held to it: see `quotas`.
    pub limits: BTreeMap<QuotaId, u64>,
    /// By others.
    pub in_use: InUse,
    /// Actions that nobody is allowed, as far as a simulation of policies tells; and whether EC2 itself says so.
    pub denied: BTreeMap<String, bool>,
    /// Services that give no answer to what only helps, such as `servicequotas`.
    pub silent: BTreeMap<String, CloudError>,
    /// How nodes turn out; the last that fits counts. None fits: ready.
    pub nodes: Vec<(Which, Boot)>,
    pub preload: Restore,
    /// What commands on nodes do, by a word in their lines; the last that fits counts. None fits: the count of files is
    /// played from the files that there are, and everything else ends well and says nothing.
    pub commands: Vec<(String, Play)>,
    /// Nodes whose agent is not heard of, by id; `*` is all of them.
    pub offline: BTreeSet<String>,
    /// What nodes have printed, by id.
    pub consoles: BTreeMap<String, String>,
    pub export: ExportOutcome,
    pub queue: QueueTold,
    pub while_creating: WhileCreating,
}

/// How long things take. The defaults are AWS's in the field (see the fact sheets' figures for creation).
#[derive(Debug, Clone)]
pub struct Delays {
    pub file_system_create: Duration,
    pub file_system_update: Duration,
    pub file_system_delete: Duration,
    /// How long the interfaces of a deleted file system still hold its security group.
    pub interfaces_linger: Duration,
    /// From one growth of a file system to the next.
    pub growth_interval: Duration,
    pub efs_create: Duration,
    pub efs_delete: Duration,
    pub mount_target_create: Duration,
    pub mount_target_delete: Duration,
    pub link_create: Duration,
    pub link_update: Duration,
    pub link_delete: Duration,
    pub task: Duration,
    /// From a file's closing to its object.
    pub auto_export: Duration,
    pub node_pending: Duration,
    /// From running to the node's own report, where the file system is there.
    pub node_boot: Duration,
    pub node_shutting_down: Duration,
    /// How long a terminated instance is still shown.
    pub node_shown: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            file_system_create: seconds(480),
            file_system_update: seconds(120),
            file_system_delete: seconds(240),
            interfaces_linger: seconds(30),
            growth_interval: seconds(6 * 3600),
            efs_create: seconds(5),
            efs_delete: seconds(5),
            mount_target_create: seconds(90),
            mount_target_delete: seconds(30),
            link_create: seconds(90),
            link_update: seconds(30),
            link_delete: seconds(60),
            task: seconds(120),
            auto_export: seconds(60),
            node_pending: seconds(20),
            node_boot: seconds(180),
            node_shutting_down: seconds(60),
            node_shown: seconds(3600),
        }
    }
}

/// The longest time that an answer may be behind the truth.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lag {
    /// Of what was made, changed or deleted. Tags given in the creating call come with the thing itself.
    pub resources: Duration,
    /// Of tags that were set or removed later.
    pub tags: Duration,
    /// Zero is what the port promises.
    pub parameters: Duration,
}

/// Some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    All,
    /// By the group's name.
    Group(String),
    /// The n-th node ever launched of a group, from 0.
    Node(String, u32),
}

/// How a node's boot ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    Ready,
    Degraded(String),
    Failed(String),
    /// It never says anything.
    Silent,
}

/// How the nodes get on with a dataset of `preload = "data"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restore {
    pub files: u64,
    pub mib: u64,
    pub takes: Duration,
    /// So many files never come.
    pub failed: u64,
    /// Nothing moves beyond so many percent.
    pub stalls_at: Option<u64>,
    /// No node says anything of it, as nodes of an earlier version do.
    pub silent: bool,
}

impl Default for Restore {
    fn default() -> Self {
        let takes = Duration::from_secs(1200);
        Self { files: 10_000, mib: 100_000, takes, failed: 0, stalls_at: None, silent: false }
    }
}

/// How an export task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportOutcome {
    Succeeds,
    /// FAILED, with so many files left.
    FailsFiles(u64),
    /// SUCCEEDED, and yet so many files left.
    SucceedsWithout(u64),
    /// Executes for ever.
    Hangs,
    /// Somebody cancels it.
    Canceled,
}

/// What CloudWatch says of the queue of automatic export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueTold {
    /// A point a minute while it is in use, and one of 0 after it; a minute late.
    Truth,
    /// Nothing, ever.
    Silence,
    /// Always this many seconds.
    Stuck(u64),
    /// From so many seconds at the world's second 0 down by so many a minute, to 0.
    Falling { from_s: u64, a_minute: u64 },
}

/// Whether a file system that is being created can be deleted; AWS does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileCreating {
    Deletable,
    Refused,
}

impl Default for Settings {
    fn default() -> Self {
        let region = "us-east-1";
        let subnet = |letter: char| Subnet {
            id: format!("subnet-{letter}"),
            vpc: "vpc-1".to_owned(),
            zone: format!("{region}{letter}"),
            zone_id: format!("use1-az-{letter}"),
            free_addresses: 4000,
        };
        let image = ImageFacts {
            id: "ami-1".to_owned(),
            name: "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023)".to_owned(),
            architecture: "x86_64".to_owned(),
            root_device: "/dev/xvda".to_owned(),
            root_gib: 35,
        };
        let parameter =
            "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id";
        Self {
            seed: 0,
            region: region.to_owned(),
            delays: Delays::default(),
            lag: Lag::default(),
            latency: Duration::from_millis(50),
            quotas: BTreeMap::new(),
            capacity: BTreeMap::new(),
            subnets: ['a', 'b', 'c'].into_iter().map(subnet).collect(),
            offerings: BTreeMap::new(),
            images: [(parameter.to_owned(), image.clone()), (image.id.clone(), image)].into(),
            buckets: BTreeMap::new(),
            objects: BTreeMap::new(),
            unversioned: BTreeSet::new(),
            reservations: BTreeMap::new(),
            open_reservations: BTreeSet::new(),
            keys: BTreeMap::new(),
            server_groups: BTreeMap::new(),
            limits: BTreeMap::new(),
            in_use: InUse::default(),
            denied: BTreeMap::new(),
            silent: BTreeMap::new(),
            nodes: Vec::new(),
            preload: Restore::default(),
            commands: Vec::new(),
            offline: BTreeSet::new(),
            consoles: BTreeMap::new(),
            export: ExportOutcome::Succeeds,
            queue: QueueTold::Truth,
            while_creating: WhileCreating::Deletable,
        }
    }
}

impl Settings {
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}
