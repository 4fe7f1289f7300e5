//! What people ask of running nodes: a command, a shell, the console. The engine's own use of it is one: before a file system
//! goes, a node counts the files that no link covers.

use std::collections::BTreeSet;
use std::future::Future;

use serde::Serialize;

use super::Result;

/// Nodes that one command may be sent to by id (SSM API Reference, SendCommand: InstanceIds).
pub const NODES_A_COMMAND: usize = 50;
/// Characters of output that are kept of each stream (SSM API Reference, GetCommandInvocation: StandardOutputContent).
pub const OUTPUT_MAX: usize = 24_000;

/// Lines of shell for some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// `i-…`, at most [`NODES_A_COMMAND`].
    pub nodes: Vec<String>,
    /// Run by root's shell, one after the other.
    pub lines: Vec<String>,
    /// Seconds that it may run on a node, 1 to 172,800.
    pub timeout_s: u32,
    /// What it is for, at most 100 characters: shown in the console of AWS.
    pub comment: String,
}

/// How far a command is on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    Waiting,
    Running,
    /// With its exit code.
    Done(i32),
    /// It did not run to its end: AWS's word for why.
    Broken(String),
}

impl Progress {
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Broken(_))
    }
}

/// A command on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invocation {
    pub node: String,
    pub progress: Progress,
    /// At most [`OUTPUT_MAX`] characters; empty until it has ended.
    pub output: String,
    pub errors: String,
}

/// A shell that was opened: what the Session Manager plugin needs to join it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ticket {
    pub session_id: String,
    /// Lets anyone in who has it.
    pub token_value: String,
    pub stream_url: String,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// Reaches nodes without an open port: through the agent of Systems Manager that runs on them.
pub trait Remote {
    /// Which of these nodes have an agent that answers.
    fn online(&self, nodes: &[String]) -> impl Future<Output = Result<BTreeSet<String>>> + Send;

    /// Sends a command and does not wait for it. Returns its id.
    fn send(&self, command: &Command) -> impl Future<Output = Result<String>> + Send;

    /// How far a command is; nodes that it has not reached may be missing.
    fn invocations(&self, id: &str) -> impl Future<Output = Result<Vec<Invocation>>> + Send;

    /// Ended already is success.
    fn cancel_command(&self, id: &str) -> impl Future<Output = Result<()>> + Send;

    /// What a node has written to its console, the newest 64 KB; None: nothing yet.
    fn console(&self, node: &str) -> impl Future<Output = Result<Option<String>>> + Send;

    fn open_session(&self, node: &str) -> impl Future<Output = Result<Ticket>> + Send;

    /// Ended already is success.
    fn end_session(&self, id: &str) -> impl Future<Output = Result<()>> + Send;
}
