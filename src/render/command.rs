//! What a command has done on nodes.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use serde::Serialize;

use super::console::lines;
use super::plan_json::pretty;
use super::text::{clean, count};
use super::theme::{BAD, Theme};
use crate::cloud::CommandState;

/// The format of the JSON. New fields may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

/// A command, on all its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    pub format_version: u32,
    pub cluster: String,
    /// Its words.
    pub command: Vec<String>,
    /// Ids in the history of commands of Systems Manager.
    pub ids: Vec<String>,
    /// Somebody asked to stop: what had not ended by then was cancelled.
    pub cancelled: bool,
    /// Those that it was sent to and that have ended, by name.
    pub nodes: Vec<NodeRun>,
    /// Those that it was not sent to, since Systems Manager does not hear of them.
    pub unreachable: Vec<Unreachable>,
}

/// How it went on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRun {
    /// `trainer/0`
    pub name: String,
    /// `i-…`
    pub node: String,
    pub state: RunState,
    pub exit_code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// There was more: 24,000 characters of output and 8,000 of errors are kept.
    pub truncated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    Succeeded,
    /// It ended with another exit code than 0.
    Failed,
    TimedOut,
    /// The node did not take it.
    Undelivered,
    Cancelled,
    /// The node has said nothing for longer than it may run.
    Lost,
}

impl From<CommandState> for RunState {
    fn from(state: CommandState) -> Self {
        match state {
            CommandState::Succeeded => Self::Succeeded,
            CommandState::Failed => Self::Failed,
            CommandState::TimedOut => Self::TimedOut,
            CommandState::Undelivered => Self::Undelivered,
            CommandState::Cancelled => Self::Cancelled,
            CommandState::Waiting | CommandState::Running => Self::Lost,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// `trainer/0`
    pub name: String,
    /// `i-…`
    pub node: String,
}

impl Command {
    /// It ended with 0 on every node that it was meant for.
    pub fn is_good(&self) -> bool {
        !self.cancelled
            && self.unreachable.is_empty()
            && self.nodes.iter().all(|node| node.state == RunState::Succeeded)
    }
}

pub fn json(command: &Command) -> String {
    pretty(command)
}

/// What a node has printed, each line behind the node's name. Results and errors go to different places.
pub fn stdout(node: &NodeRun) -> String {
    prefixed(&node.name, &node.stdout)
}

pub fn stderr(node: &NodeRun) -> String {
    prefixed(&node.name, &node.stderr)
}

fn prefixed(name: &str, text: &str) -> String {
    let mut out = String::new();
    for line in lines(text) {
        let _ = writeln!(out, "{name} | {line}");
    }
    out
}

/// What has to be said of a node beside its output; nothing where all is well.
pub fn remark(node: &NodeRun, theme: &Theme) -> Option<String> {
    let what = match node.state {
        RunState::Succeeded => None,
        RunState::Failed => Some(match node.exit_code {
            Some(code) => format!("exit code {code}"),
            None => "failed".to_owned(),
        }),
        RunState::TimedOut => Some("ended: it ran for longer than --timeout".to_owned()),
        RunState::Undelivered => Some("the node did not take the command".to_owned()),
        RunState::Cancelled => Some("cancelled".to_owned()),
        RunState::Lost => Some("no word for longer than --timeout; the node may be gone".to_owned()),
    };
    let cut = node.truncated.then(|| {
        "there was more output: Systems Manager keeps 24,000 characters of it and 8,000 of errors; write it to a file".to_owned()
    });
    let all: Vec<String> = what.into_iter().chain(cut).collect();
    (!all.is_empty()).then(|| theme.paint(BAD, &clean(&format!("{}: {}", node.name, all.join("; ")), theme)))
}

/// The last words, with what to do about nodes that were not reached.
pub fn end(command: &Command, theme: &Theme) -> String {
    let mut out = String::new();
    if command.cancelled {
        out += "Cancelled: nodes were asked to end the command. What it had done by then stays done.\n";
    }
    if !command.unreachable.is_empty() {
        let names: Vec<String> =
            command.unreachable.iter().map(|each| format!("{} ({})", each.name, each.node)).collect();
        let _ = writeln!(
            out,
            "error: Systems Manager does not hear of {}: {}\n{UNREACHABLE}",
            count(names.len(), "node"),
            clean(&super::text::listed(&names, 8), theme)
        );
    }
    let bad = command.nodes.iter().filter(|node| node.state != RunState::Succeeded).count();
    if bad > 0 && !command.cancelled {
        let all = count(command.nodes.len(), "node");
        let _ = writeln!(out, "error: the command did not end well on {bad} of {all}");
    }
    out
}

/// Why a node may not answer.
pub const UNREACHABLE: &str = "help: a node answers some minutes after its start, if its image has the SSM agent (Amazon Linux, Ubuntu and \
    the DLAMIs have it, Rocky and RHEL do not), its role holds AmazonSSMManagedInstanceCore, and it reaches the service (NAT, or \
    interface endpoints of ssm, ssmmessages and ec2messages)";
