//! Nodes from outside, without an open port: their console, and commands and sessions through Systems Manager.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::Result;

/// SendCommand takes so many instance ids a call (SSM API Reference, SendCommand, checked 2026-11).
pub const NODES_A_COMMAND: usize = 50;

/// What a node has printed on its console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// As it came, control characters and all: at most the last 64 KB. Empty: nothing yet.
    pub text: String,
    /// When the cloud last took it down.
    pub at: Option<Timestamp>,
}

/// A shell script for nodes, run by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Instance ids, at most [`NODES_A_COMMAND`].
    pub nodes: Vec<String>,
    pub lines: Vec<String>,
    /// For whoever looks at the history of commands; at most 100 characters.
    pub comment: String,
    /// How long it may take to reach a node: 30 seconds at least.
    pub delivery: Duration,
    /// How long it may run on a node: a second to 48 hours.
    pub timeout: Duration,
}

/// How far a command is on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    /// It has not reached the node yet.
    Waiting,
    Running,
    Succeeded,
    /// It ended with another exit code than 0.
    Failed,
    /// It ran for longer than it may and was ended.
    TimedOut,
    /// It never reached the node.
    Undelivered,
    Cancelled,
}

impl CommandState {
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// A command on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    pub node: String,
    pub state: CommandState,
    /// The service's own word for it.
    pub detail: String,
}

/// What a command has printed on one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandOutput {
    pub stdout: String,
    pub stderr: String,
    /// None: it did not run to its end.
    pub exit_code: Option<i32>,
    /// The service keeps only the beginning of long output.
    pub truncated: bool,
}

/// A session that waits for somebody to speak through it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTicket {
    pub id: String,
    /// Whoever has it is root on the node: it must not be printed, logged or given in an argument.
    pub token: String,
    pub stream_url: String,
    /// Of the service that began it.
    pub endpoint: String,
}

impl fmt::Debug for SessionTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, token: _, stream_url: _, endpoint } = self;
        f.debug_struct("SessionTicket").field("id", id).field("endpoint", endpoint).finish_non_exhaustive()
    }
}

/// The part of a cloud that speaks with nodes. None of it changes what a cluster is.
pub trait Remote {
    /// Also of a node that has ended, for as long as the cloud shows it.
    fn console(&self, node: &str) -> impl Future<Output = Result<Console>> + Send;

    /// Which of these nodes take commands now.
    fn online(&self, nodes: &[String]) -> impl Future<Output = Result<BTreeSet<String>>> + Send;

    /// Returns the id of the command. Never repeated by itself: the command could run twice.
    fn send(&self, command: &Command) -> impl Future<Output = Result<String>> + Send;

    /// How far a command is, on each node; a node of which nothing is known yet is absent.
    fn invocations(&self, command: &str) -> impl Future<Output = Result<Vec<Invocation>>> + Send;

    /// Of a command that has ended on the node.
    fn output(&self, command: &str, node: &str) -> impl Future<Output = Result<CommandOutput>> + Send;

    /// Asks for its end on every node; ended already is success.
    fn cancel_command(&self, command: &str) -> impl Future<Output = Result<()>> + Send;

    fn start_session(&self, node: &str) -> impl Future<Output = Result<SessionTicket>> + Send;

    /// Ended already is success.
    fn end_session(&self, id: &str) -> impl Future<Output = Result<()>> + Send;
}
