//! A plan: what a run will do, why, and in which order. Data only; made by `diff`, checked by `check`, shown by `render`,
//! carried out by `apply`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::block::CapacityBlock;
use super::cost::Cost;
use super::sizing::Sizing;
use super::topology::Topology;
use crate::catalog::prices::Usd;
use crate::desired::{Address, Choice, Kind, Place, Point};
use crate::diagnostic::Severity;

/// The format of a plan's JSON. New fields may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub format_version: u32,
    pub purpose: Purpose,
    pub cluster: String,
    pub region: String,
    /// `fs-…`: the file system that exists and is not ours. No step is about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// Where the cluster lives; None when nothing is wanted.
    pub zone: Option<String>,
    /// The subnet behind it and why it was chosen; None when nothing is wanted, or nothing was looked at.
    pub place: Option<Lives>,
    /// False: made from the spec alone, without a look at what exists.
    pub compared: bool,
    /// Every resource, changed or not, in the order shown.
    pub actions: Vec<Action>,
    /// What is done for them, each step after those that it names.
    pub steps: Vec<Step>,
    pub findings: Vec<Finding>,
    /// The groups that may be of several types, with what became of each type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternatives>,
    /// The Capacity Blocks that nodes are launched into, as far as they were looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<CapacityBlock>,
    pub cost: Cost,
    /// How storage was sized; None: the spec says all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
    /// The cluster as a picture.
    pub topology: Topology,
    /// What it was made from. None: from the spec alone, or a removal; `up --plan` applies neither.
    pub basis: Option<Basis>,
}

/// A group that may be of several types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alternatives {
    pub address: Address,
    /// Nodes of the group.
    pub count: u32,
    /// In the order of the spec.
    pub types: Vec<Alternative>,
}

/// One of the types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alternative {
    pub instance: String,
    /// An hour of one node; null where it is not known.
    pub price: Option<Usd>,
    /// An hour of the whole group.
    pub hourly: Option<Usd>,
    /// The nodes are of this type, or are about to be.
    pub is_taken: bool,
    /// They are, or it may come to that before there is a node.
    pub may_be: bool,
    /// Why it is taken or not.
    pub why: String,
}

/// Where a cluster lives or is to live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lives {
    pub place: Place,
    /// Why there; null where an older version has chosen.
    pub choice: Option<Choice>,
    /// Chosen for this plan. False: an earlier run has settled it, and it stays.
    pub is_new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Make the cluster, or bring it to what the spec says.
    Up,
    /// Remove it.
    Down,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Action {
    pub address: Address,
    pub verb: Verb,
    pub danger: Danger,
    /// Why it is of this class, and what that means: a sentence for who has never seen FSx.
    pub danger_reason: String,
    /// `fs-…`, `dra-…`; none where it is not made yet, and for groups of nodes.
    pub id: Option<String>,
    /// One line: size, rate, count, so that nobody has to read the fields.
    pub summary: String,
    pub changes: Vec<Change>,
    /// Why: each is a sentence.
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Create,
    Update,
    /// Delete, then create.
    Replace,
    Delete,
    Keep,
}

impl Verb {
    /// `+ ~ ± -` and nothing.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Delete => "-",
            Self::Keep => " ",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }
}

/// How bad the worst consequence of an action is, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    Safe,
    /// I/O stalls for a moment.
    Disruptive,
    /// What runs on nodes is lost.
    DestroysCompute,
    /// Files are lost, but for those that are in S3 by then.
    DestroysData,
}

/// One field, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// It cannot be changed in place.
    pub forces_replace: bool,
}

/// One thing to do, with the wait for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    pub address: Address,
    pub op: Op,
    pub after: Vec<After>,
}

/// An edge of the graph: how far another step must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct After {
    /// Index in `steps`; always smaller than that of the step that has the edge.
    pub step: usize,
    pub point: Point,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Op {
    /// Write the intent, make it, wait until it is ready.
    Create {
        epoch: u32,
        /// Node groups: how many to launch.
        count: u32,
        /// With how many of them the step has done its work, where that is fewer than `count`. 0: the group has enough without
        /// them. None: with all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least: Option<u32>,
    },
    /// Change these fields, then wait until it is ready again.
    Update { fields: Vec<String>, set_tags: Vec<String>, remove_tags: Vec<String>, nodes: Vec<String> },
    /// Somebody or something is at it already: wait until it is ready.
    Settle,
    /// Wait until the metadata import of a link has ended.
    Preload,
    /// Wait for, or cancel, the tasks that would block a deletion.
    EndTasks,
    /// Automatic export off, copy what is new or changed to S3, and see that nothing failed.
    Export,
    /// Remove it and wait until it is gone.
    Delete { ids: Vec<String> },
}

impl Op {
    /// It sends a call that changes something.
    pub const fn is_mutating(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Update { .. } | Self::EndTasks | Self::Export | Self::Delete { .. } => true,
            Self::Settle | Self::Preload => false,
        }
    }
}

/// Something to know before saying yes. An error keeps the plan from being applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, such as `plan::foreign`.
    pub code: &'static str,
    pub address: Option<Address>,
    pub title: String,
    pub notes: Vec<String>,
    pub help: Option<String>,
}

impl Plan {
    /// Made from the spec alone: what exists was not looked at, so nobody knows what this changes.
    #[must_use]
    pub fn not_compared(mut self) -> Self {
        self.compared = false;
        self.cost.before = None;
        self
    }

    /// Nothing to change and nothing to wait for.
    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// Something would be changed.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| step.op.is_mutating())
    }

    /// Nothing of the cluster is left once it is carried out. What is not ours is none of it.
    pub fn leaves_nothing(&self) -> bool {
        self.actions.iter().all(|action| action.verb == Verb::Delete || self.is_existing(action))
    }

    /// The line of the file system that is not ours.
    pub fn is_existing(&self, action: &Action) -> bool {
        action.address.kind == Kind::Fsx && self.existing.is_some() && action.id == self.existing
    }

    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// How many actions of a verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.actions.iter().filter(|action| action.verb == verb).count()
    }

    pub fn worst(&self) -> Danger {
        self.actions.iter().map(|action| action.danger).max().unwrap_or(Danger::Safe)
    }
}
