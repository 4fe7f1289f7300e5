//! The status of a cluster as data.

use jiff::Timestamp;
use serde::Serialize;

use crate::apply::preload::Progress;
use crate::catalog::prices::Usd;
use crate::desired::Address;
use crate::observed::{NodeState, State, TaskState, Work};
use crate::plan::{Action, CapacityBlock};

/// The format of the JSON. New fields may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub format_version: u32,
    pub cluster: String,
    pub region: String,
    pub deployment: Option<String>,
    pub zone: Option<String>,
    pub file_system: Option<FileSystem>,
    pub links: Vec<Link>,
    /// Those that still work, and those that left files behind.
    pub tasks: Vec<TaskRow>,
    /// Datasets with `preload = "data"`, in the spec's order; without a spec nobody knows their paths.
    pub preload: Vec<Progress>,
    pub groups: Vec<Group>,
    /// Capacity Blocks of the spec, as far as they were found; without a spec nobody knows of them.
    pub blocks: Vec<CapacityBlock>,
    /// When nodes end themselves; None: no node that runs has a ttl that it says.
    pub ends: Option<Ends>,
    /// Nodes that a look still sees and that ended when their ttl was over.
    pub ended: usize,
    /// Everything else that exists, by address.
    pub others: Vec<Other>,
    pub lock: Option<Lock>,
    /// What `up` would do; None: there was no spec to compare with.
    pub drift: Option<Vec<Action>>,
    /// Millionths of a US dollar an hour, for what runs now.
    pub hourly: Usd,
    /// False: some prices are unknown, and the sum is of the others.
    pub hourly_complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    pub id: String,
    pub state: State,
    pub lifecycle: String,
    pub reason: Option<String>,
    pub summary: String,
    /// False: the spec names one that exists. It is never changed or deleted, and its cost is not the cluster's.
    pub ours: bool,
    /// A command to be pasted on a machine in the same network.
    pub mount_command: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    pub address: Address,
    pub id: String,
    pub path: String,
    pub s3: String,
    pub import: String,
    pub export: String,
    /// What flows in, what flows out and what deletions do: a sentence.
    pub flows: String,
    pub state: State,
    pub lifecycle: String,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    pub id: String,
    pub work: Work,
    pub state: TaskState,
    pub paths: Vec<String>,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub reason: Option<String>,
    /// Where the list of failed files is.
    pub report: Option<String>,
    pub age_s: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub address: Address,
    /// What was wanted last; None where nobody knows.
    pub wanted: Option<u32>,
    /// So many will do (`min_count`); None: all, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u32>,
    pub ready: usize,
    pub degraded: usize,
    pub failed: usize,
    pub booting: usize,
    /// Stopped: not on its own on the way to anything.
    pub stopped: usize,
    /// Of those in `lost`, how many no other node has replaced.
    pub missing: usize,
    /// By id.
    pub nodes: Vec<NodeRow>,
    /// Nodes that EC2 took away, as long as it shows them: about an hour. The last first.
    pub lost: Vec<Lost>,
}

/// A node that EC2 took away: a spot interruption, hardware that broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub id: String,
    pub instance: String,
    pub zone: String,
    pub spot: bool,
    /// `shutting-down` or `terminated`.
    pub state: NodeState,
    /// EC2 took a spot instance back.
    pub interrupted: bool,
    /// EC2's own word, such as `Server.SpotInstanceTermination`.
    pub code: String,
    /// None: EC2 does not say.
    pub at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRow {
    /// `trainer/0`: its place among the nodes of its group.
    pub name: String,
    pub id: String,
    pub instance: String,
    pub state: NodeState,
    pub health: Health,
    /// Why it is degraded or failed, or why AWS stopped it.
    pub why: Option<String>,
    /// The step of its boot that failed, as its tag says.
    pub step: Option<String>,
    /// What to do about it: a command.
    pub hint: Option<String>,
    pub ip: Option<String>,
    pub zone: String,
    pub spot: bool,
    pub age_s: Option<u64>,
}

/// The best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Ready,
    /// It has not said yet how its boot ended.
    Booting,
    Degraded,
    Stopped,
    Failed,
}

/// What ends the cost when nobody is watching, and what it does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// Nodes that end themselves, of those that exist.
    pub nodes: usize,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// Seconds from now to the last end.
    pub left_s: u64,
    /// What everything costs until the last end at most; of the known prices.
    pub cost: Usd,
    pub cost_complete: bool,
    /// What goes on costing after it, an hour: the file system.
    pub then_hourly: Usd,
    pub then_complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    pub address: Address,
    pub id: String,
    pub state: State,
}

/// Who is at work on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    pub who: String,
    pub command: String,
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Status {
    /// Nothing of the cluster exists.
    pub fn is_empty(&self) -> bool {
        !self.file_system.as_ref().is_some_and(|file_system| file_system.ours)
            && self.links.is_empty()
            && self.others.is_empty()
            && self.groups.iter().all(|group| group.nodes.is_empty())
    }

    /// Nodes that a job can run on (degraded ones among them), and all that exist.
    pub fn nodes(&self) -> (usize, usize) {
        let sum = |of: fn(&Group) -> usize| self.groups.iter().map(of).sum();
        (sum(|group| group.ready + group.degraded), sum(|group| group.nodes.len()))
    }
}
