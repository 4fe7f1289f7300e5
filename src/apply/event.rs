//! What happens during a run, as data: the one source of plain lines, progress bars, JSON lines and the log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::preload::Progress;
use crate::cloud::CloudError;
use crate::desired::Address;
use crate::plan::Op;

/// The format of the JSON lines. New fields and kinds may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub format_version: u32,
    pub at: Timestamp,
    /// Seconds since the run began.
    pub elapsed_s: f64,
    #[serde(rename = "event")]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum What {
    /// Another run holds the cluster. If it does not renew its lock, it is dead, and this one goes on at `until`.
    Held {
        who: String,
        command: String,
        until: Timestamp,
    },
    /// Before the question: a node counts the files outside the links, which takes it up to two minutes.
    Counting {
        node: String,
    },
    /// A zone was asked whether a group has room there, before anything is made in it.
    Room {
        zone: String,
        group: String,
        instance: String,
        count: u32,
        answer: Room,
    },
    /// No zone had room: all are asked again after a pause.
    NoRoomYet {
        /// Since when it is waited for, also by earlier runs.
        since: Timestamp,
        pause_s: u64,
    },
    /// A Capacity Block has not begun, and nothing is made before.
    BlockAhead {
        block: String,
        starts: Timestamp,
        /// Until it begins, or until the next of these events.
        pause_s: u64,
    },
    /// A group's launch was refused for its type; with none of it running, the next of its types is launched.
    NextType {
        address: Address,
        instance: String,
        next: String,
        error: CloudError,
    },
    /// The nodes found no room: the empty file system is given up, and the cluster is made in another zone.
    Moves {
        file_system: String,
        from: String,
        to: String,
    },
    /// Nor has any other zone room: what was made is removed again.
    GivenUp {
        file_system: String,
    },
    /// Whether there is room cannot be asked here; the run goes on without.
    Unasked {
        error: CloudError,
    },
    /// Capacity is reserved for a group and kept until its nodes run, by this run or an earlier one.
    CapacityHeld {
        zone: String,
        group: String,
        instance: String,
        count: u32,
        reservation: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// What was held for a group is given back.
    CapacityGivenBack {
        group: String,
        reservation: String,
        /// Its nodes were launched into it, and run on.
        used: bool,
    },
    /// A step is about to send its first call.
    Started {
        step: usize,
        address: Address,
        op: Op,
    },
    /// It has an id from now on.
    Answered {
        step: usize,
        address: Address,
        id: String,
    },
    /// What a wait sees, whenever that changes.
    Waiting {
        step: usize,
        address: Address,
        detail: String,
        waited_s: u64,
        typical_s: Option<u64>,
    },
    /// A call is tried again.
    Retrying {
        step: usize,
        address: Address,
        error: CloudError,
        pause_s: f64,
    },
    /// Something worth a line: what was waited for, cancelled, taken over.
    Noted {
        step: usize,
        address: Address,
        text: String,
    },
    /// A group has enough nodes, and fewer than it may have: there were no more to be had.
    PartlyFilled {
        step: usize,
        address: Address,
        /// How many it has.
        nodes: u32,
        count: u32,
        /// Why the others could not be launched, where not one could.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<CloudError>,
    },
    Finished {
        step: usize,
        address: Address,
        took_s: f64,
    },
    Failed {
        step: usize,
        address: Address,
        failure: Failure,
    },
    /// The user asked to stop; what is under way is brought to a safe point.
    Stopping,
    /// `--wait-for data`: how far the nodes are with a dataset. After `Ended`.
    Preloading {
        progress: Progress,
    },
    /// `--wait-for data`: how that wait ended.
    DataEnded {
        outcome: Ending,
        waited_s: u64,
    },
    Ended {
        outcome: Ending,
        done: usize,
        failed: usize,
        left: usize,
    },
}

/// What a zone answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Room {
    /// It was reserved, and is given back: at once, or once the nodes run.
    Granted,
    Refused {
        error: CloudError,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Complete,
    Failed,
    Interrupted,
    /// The lock went to somebody else.
    LostLock,
}

/// Files that an export could not copy, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedFiles {
    /// AWS's own word, such as `S3AccessDenied`.
    pub code: String,
    /// What it means and what helps; none for a code that this version does not know.
    pub meaning: Option<String>,
    /// How many of the list, as far as it was read.
    pub count: u64,
    /// The first of them, relative to the mount.
    pub paths: Vec<String>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum Failure {
    #[error("{error}")]
    Cloud { error: CloudError },
    /// AWS brought the resource into a final state that is not the wanted one.
    #[error("{id} became {lifecycle}: {reason}")]
    Broken { id: String, lifecycle: String, reason: String },
    #[error("it took longer than {limit_s} seconds; last seen: {detail}")]
    TimedOut { limit_s: u64, detail: String },
    /// The export did not bring every file to S3.
    #[error("{text}")]
    Unexported {
        text: String,
        /// Where the list of failed files is, in S3.
        report: Option<String>,
        /// What stands in it, by error code; empty where it could not be read, and in logs of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<FailedFiles>,
    },
    #[error("{}", nodes.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>().join("; "))]
    Nodes { nodes: Vec<(String, String)> },
    #[error("it is still used by {}", dependents.join(", "))]
    InUse { dependents: Vec<String> },
    /// What the plan was made from is no longer so; another look is needed.
    #[error("{text}")]
    Stale { text: String },
    #[error("{text}")]
    Boot { text: String },
    #[error("the user asked to stop")]
    Interrupted,
    #[error("another run has taken over the lock")]
    LostLock,
}
