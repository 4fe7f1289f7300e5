//! What is there now, in the terms of `desired`. Made by the cloud port; no SDK type is in here.

mod preload;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use preload::{Amount, Loading, Preload, Stage};

use crate::desired::{Address, Kind, TAG_CLUSTER, TAG_TTL, TAG_UNTIL, Tags};

/// One look at the cloud. Only what carries our cluster's name is in it, and what bears a name that we want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Everything but nodes and tasks. An address can stand here twice: then one of them is a stray.
    pub resources: Vec<Seen>,
    pub nodes: Vec<Node>,
    pub tasks: Vec<Task>,
    /// Bears a name that we want and lacks our tags: never touched, and a reason to refuse.
    pub foreign: Vec<Foreign>,
    /// The file system that the spec names with `existing`. It stands in no list of what plans are made of: nothing that
    /// changes, tags or deletes can be planned for it.
    pub existing: Option<Existing>,
}

/// A file system of somebody else's that our links are on and our nodes mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Existing {
    /// `fs-…`
    pub id: String,
    /// `LUSTRE`, `WINDOWS`, …
    pub service: String,
    pub state: State,
    /// AWS's own word for the state.
    pub lifecycle: String,
    /// Of Lustre, such as `2.15`.
    pub version: String,
    /// For how many days it keeps automatic backups; 0: there are none.
    pub backup_days: u32,
    /// `s3://…` of a link of the older kind, made with the file system.
    pub legacy_link: Option<String>,
    /// By the same names as those of a file system of ours.
    pub fields: BTreeMap<String, String>,
    pub vpc: String,
    /// Where its servers are.
    pub subnet: String,
    /// `eni-…` of its servers.
    pub interfaces: Vec<String>,
    /// None: it cannot be mounted.
    pub endpoint: Option<Endpoint>,
    /// Other people's. Ours are among the resources.
    pub links: Vec<OtherLink>,
}

/// A link of somebody else's on an existing file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherLink {
    /// `dra-…`
    pub id: String,
    pub path: String,
    /// `s3://…`, without a slash at the end.
    pub s3: String,
    /// The cluster whose tags it bears.
    pub cluster: Option<String>,
}

impl Existing {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// A resource that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    pub address: Address,
    /// The id by which it is changed and deleted: `fs-…`, `dra-…`, `sg-…`, `lt-…`; a name for role, profile and placement group.
    pub id: String,
    pub arn: Option<String>,
    pub state: State,
    /// AWS's own word for the state.
    pub lifecycle: String,
    /// AWS's own reason for a failure.
    pub reason: Option<String>,
    /// By the same names as [`crate::desired::Resource::fields`]; what cannot be read back is absent.
    pub fields: BTreeMap<String, String>,
    pub tags: Tags,
    /// File systems only: what nodes need to mount it.
    pub endpoint: Option<Endpoint>,
    /// The id of the file system that it is on; links and mount targets only.
    pub file_system: Option<String>,
}

/// How a node reaches a file system; known from the answer to its creation on. EFS has no mount names: it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    pub dns_name: String,
    pub mount_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Creating,
    Ready,
    Updating,
    /// Usable in part and not by itself on the way to better.
    Misconfigured,
    Failed,
    Deleting,
}

/// An instance of a node group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    pub address: Address,
    /// `i-…`
    pub id: String,
    pub state: NodeState,
    /// What the node says of itself by the tag `provision:node`, while it runs.
    pub report: Option<Report>,
    /// How the restore of datasets gets on, by the tag `provision:preload`.
    pub preload: Option<Preload>,
    pub instance: String,
    pub image: String,
    pub zone: String,
    pub private_ip: Option<String>,
    pub launched: Option<Timestamp>,
    pub spot: bool,
    /// Why it was ended or stopped, in EC2's words: the code first, then a text, then when, as far as EC2 says.
    pub reason: Option<String>,
    pub tags: Tags,
}

impl Node {
    /// It bills or may bill again, and a `down` has to end it.
    pub fn exists(&self) -> bool {
        match self.state {
            NodeState::Pending | NodeState::Running | NodeState::Stopping | NodeState::Stopped => true,
            NodeState::ShuttingDown | NodeState::Terminated => false,
        }
    }

    /// How EC2 itself took it away. None: it is there, or somebody else has ended it.
    pub fn taken(&self) -> Option<Taken> {
        let reason = self.reason.as_deref().filter(|_| !self.exists())?;
        let code = reason.split([':', ' ']).next().unwrap_or_default();
        let is_code = code.starts_with("Server.") || code.starts_with("Client.");
        if !is_code || BY_PEOPLE.contains(&code) {
            return None;
        }
        let at = reason.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(" GMT)"));
        let at = at.and_then(|at| DateTime::strptime("%Y-%m-%d %H:%M:%S", at).ok());
        let at = at.and_then(|at| at.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
        Some(Taken { code: code.to_owned(), at })
    }

    /// When it ends itself. None: never, or it was launched by a version that does not say.
    pub fn ends(&self) -> Option<Timestamp> {
        let ttl_s: i64 = self.tags.get(TAG_TTL)?.parse().ok()?;
        let told = self.tags.get(TAG_UNTIL).and_then(|until| until.parse().ok());
        told.or_else(|| self.launched?.checked_add(SignedDuration::from_secs(ttl_s)).ok())
    }
}

/// Codes of reasons for which somebody, or the instance itself, has ended it (EC2 API Reference, StateReason). All others
/// are EC2's: a spot interruption, hardware that broke, a volume that cannot be made.
const BY_PEOPLE: [&str; 4] = [
    "Client.InstanceInitiatedShutdown",
    "Client.InstanceTerminated",
    "Client.UserInitiatedHibernate",
    "Client.UserInitiatedShutdown",
];

/// That EC2 took a node away, and nobody had asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// EC2's own word, such as `Server.SpotInstanceTermination` (EC2 API Reference, StateReason).
    pub code: String,
    /// None: EC2 does not say.
    pub at: Option<Timestamp>,
}

impl Taken {
    /// A spot instance, taken back for somebody who pays more.
    pub fn is_interruption(&self) -> bool {
        matches!(self.code.as_str(), "Server.SpotInstanceTermination" | "Server.SpotInstanceShutdown")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    Ready,
    Degraded(String),
    Failed(String),
}

impl Report {
    /// Reads the tag `provision:node`; None for words that no node of ours writes.
    pub fn parse(tag: &str) -> Option<Self> {
        let (word, why) = tag.split_once(':').unwrap_or((tag, ""));
        let why = why.trim().to_owned();
        match word.trim() {
            "ready" => Some(Self::Ready),
            "degraded" => Some(Self::Degraded(why)),
            "failed" => Some(Self::Failed(why)),
            _ => None,
        }
    }
}

/// A data repository task of our file system, whoever started it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// `task-…`
    pub id: String,
    pub file_system: String,
    pub work: Work,
    pub state: TaskState,
    /// As given to AWS: relative to the mount for exports, `s3://…` for imports. Empty: everything.
    pub paths: Vec<String>,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub reason: Option<String>,
    /// Where the list of failed files is.
    pub report: Option<String>,
    pub started: Option<Timestamp>,
    pub tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    Export,
    Import,
    Release,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    Pending,
    Executing,
    Canceling,
    Canceled,
    Succeeded,
    Failed,
}

impl TaskState {
    /// It still works, and a file system cannot be deleted meanwhile.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Executing | Self::Canceling)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    pub address: Address,
    pub id: String,
    /// What speaks against it being ours, such as "has no tag `provision:cluster`".
    pub why: String,
}

impl Observed {
    /// The resource at an address; what is already on its way out only if there is no other.
    pub fn find(&self, address: &Address) -> Option<&Seen> {
        self.best(|seen| seen.address == *address)
    }

    /// The cluster's own file system, of whatever service.
    pub fn file_system(&self) -> Option<&Seen> {
        self.best(|seen| seen.address.kind.is_storage())
    }

    fn best(&self, fits: impl Fn(&Seen) -> bool) -> Option<&Seen> {
        let fitting = self.resources.iter().filter(|seen| fits(seen));
        fitting.min_by_key(|seen| (seen.state == State::Deleting, seen.state == State::Failed))
    }

    /// The id of what nodes mount: the cluster's own file system, or the existing one.
    pub fn storage(&self) -> Option<&str> {
        self.existing.as_ref().map(|existing| existing.id.as_str()).or(self.file_system().map(|seen| seen.id.as_str()))
    }

    /// Leaves of the tasks of somebody else's file system only those that have to do with us: with our cluster's tag, or
    /// with nothing but files below our links. The others are not ours to wait for, least of all to cancel.
    pub fn keep_our_tasks(&mut self, cluster: &str) {
        let links: Vec<&Seen> = self.resources.iter().filter(|seen| seen.address.kind == Kind::Link).collect();
        let field = |link: &Seen, name: &str| link.fields.get(name).cloned().unwrap_or_default();
        let below = |path: &str, top: &str| {
            let (path, top) = (path.trim_end_matches('/'), top.trim_end_matches('/'));
            path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_ours = |path: &String| {
            let name = if path.starts_with("s3://") { "s3" } else { "path" };
            let path = if name == "s3" { path.clone() } else { format!("/{}", path.trim_matches('/')) };
            links.iter().any(|link| below(&path, &field(link, name)))
        };
        self.tasks.retain(|task| {
            let tagged = task.tags.get(TAG_CLUSTER).map(|tag| tag == cluster);
            tagged.unwrap_or_else(|| !task.paths.is_empty() && task.paths.iter().all(is_ours))
        });
    }

    /// The nodes of a group that bill or may bill again.
    pub fn nodes_of(&self, address: &Address) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.address == *address && node.exists())
    }

    /// Adds what a look at other kinds has seen.
    pub fn merge(&mut self, other: Self) {
        let Self { resources, nodes, tasks, foreign, existing } = other;
        self.existing = existing.or(self.existing.take());
        self.resources.extend(resources);
        self.nodes.extend(nodes);
        self.tasks.extend(tasks);
        self.foreign.extend(foreign);
    }

    /// The file system is, or was, AVAILABLE.
    pub fn was_available(&self) -> bool {
        let works = |seen: &Seen| matches!(seen.state, State::Ready | State::Updating | State::Misconfigured);
        self.file_system().is_some_and(works)
    }

    /// A node has been ready: there may be files on the file system.
    pub fn was_used(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.report, Some(Report::Ready | Report::Degraded(_))))
    }

    /// Takes over what a later look at some kinds has seen; what is known of other kinds stays.
    pub fn refresh(&mut self, kinds: &[Kind], newer: Self) {
        self.resources.retain(|seen| !kinds.contains(&seen.address.kind));
        self.resources.extend(newer.resources);
        self.foreign.retain(|foreign| !kinds.contains(&foreign.address.kind));
        self.foreign.extend(newer.foreign);
        if kinds.contains(&Kind::Fsx) {
            self.existing = newer.existing;
        }
        if kinds.contains(&Kind::Nodes) {
            self.nodes = newer.nodes;
        }
        if kinds.contains(&Kind::Task) {
            self.tasks = newer.tasks;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_ended_a_node_stands_in_its_reason() {
        let taken = |state, reason: &str| {
            let node = Node {
                address: Address::named(Kind::Nodes, "trainer"),
                id: "i-1".to_owned(),
                state,
                report: None,
                preload: None,
                instance: String::new(),
                image: String::new(),
                zone: String::new(),
                private_ip: None,
                launched: None,
                spot: true,
                reason: Some(reason.to_owned()),
                tags: Tags::new(),
            };
            node.taken().map(|taken| {
                (taken.is_interruption(), taken.at.map(|at| at.to_string()).unwrap_or_default(), taken.code)
            })
        };
        let spot = "Server.SpotInstanceTermination";
        let said = format!("{spot}: Spot instance termination (2026-11-29 13:05:00 GMT)");
        let at = "2026-11-29T13:05:00Z".to_owned();
        for state in [NodeState::ShuttingDown, NodeState::Terminated] {
            assert_eq!(taken(state, &said), Some((true, at.clone(), spot.to_owned())));
        }
        assert_eq!(taken(NodeState::Terminated, spot), Some((true, String::new(), spot.to_owned())));
        assert_eq!(
            taken(NodeState::Terminated, "Server.InternalError: it broke (once)"),
            Some((false, String::new(), "Server.InternalError".to_owned()))
        );
        let volumes = "Client.VolumeLimitExceeded: Volume limit exceeded";
        assert!(taken(NodeState::Terminated, volumes).is_some_and(|(interrupted, ..)| !interrupted));
        assert_eq!(taken(NodeState::Running, &said), None, "it is there");
        let own = ["Client.UserInitiatedShutdown: User initiated shutdown", "User initiated (2026-11-29 13:05:00 GMT)"];
        for reason in own {
            assert_eq!(taken(NodeState::Terminated, reason), None, "{reason}");
        }
    }
}
