//! A command on nodes: sent in batches, looked after until it has ended on each of them, cancelled when the user asks.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::patience::patiently;
use crate::cloud::{Class, Cloud, CloudError, Command, CommandOutput, CommandState, NODES_A_COMMAND};

/// How long a command may take to reach a node; the least that SendCommand takes (SSM API Reference, TimeoutSeconds).
pub const DELIVERY: Duration = Duration::from_secs(30);
/// How long a command may run (the document AWS-RunShellScript, executionTimeout).
pub const LONGEST: Duration = Duration::from_secs(48 * 3600);
/// A node that went away under a command says nothing any more: after its time and this, it is given up.
const GRACE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What to do, and where.
#[derive(Debug, Clone)]
pub struct Order {
    /// Instance ids, of any number.
    pub nodes: Vec<String>,
    pub lines: Vec<String>,
    pub comment: String,
    pub timeout: Duration,
}

/// How it ended on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub node: String,
    /// Not final: the node has said nothing for longer than the command may run.
    pub state: CommandState,
    pub output: CommandOutput,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Of AWS, one for each batch.
    pub commands: Vec<String>,
    /// By node.
    pub answers: Vec<Answer>,
    /// The user asked to stop, and the cloud was asked to cancel what still ran.
    pub cancelled: bool,
}

/// Runs a command to its end on every node; `told` hears of each end as it is seen.
pub async fn command<C: Cloud>(
    cloud: &C,
    order: &Order,
    stop: &CancellationToken,
    mut told: impl FnMut(&Answer),
) -> Result<Ran, CloudError> {
    let mut ran = Ran::default();
    let done = follow(cloud, order, stop, &mut ran, &mut told).await;
    if done.is_err() || ran.cancelled {
        for id in &ran.commands {
            // What was wrong before matters more than that it cannot be cancelled.
            let cancelled = patiently(|| cloud.cancel_command(id)).await;
            if done.is_ok() {
                cancelled?;
            }
        }
    }
    done?;
    ran.answers.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(ran)
}

async fn follow<C: Cloud>(
    cloud: &C,
    order: &Order,
    stop: &CancellationToken,
    ran: &mut Ran,
    told: &mut impl FnMut(&Answer),
) -> Result<(), CloudError> {
    let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for nodes in order.nodes.chunks(NODES_A_COMMAND) {
        if stop.is_cancelled() {
            ran.cancelled = true;
            return Ok(());
        }
        let id = send(cloud, order, nodes).await?;
        ran.commands.push(id.clone());
        open.insert(id, nodes.to_vec());
    }
    let deadline = Instant::now() + DELIVERY + order.timeout + GRACE;
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                ran.cancelled = true;
                return Ok(());
            }
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        let overdue = Instant::now() >= deadline;
        for (id, nodes) in &mut open {
            let seen = patiently(|| cloud.invocations(id)).await?;
            let states: BTreeMap<&str, CommandState> =
                seen.iter().map(|each| (each.node.as_str(), each.state)).collect();
            for node in std::mem::take(nodes) {
                let state = states.get(node.as_str()).copied().unwrap_or(CommandState::Waiting);
                if !state.is_final() && !overdue {
                    nodes.push(node);
                    continue;
                }
                let output = match state {
                    CommandState::Waiting | CommandState::Running | CommandState::Undelivered => {
                        CommandOutput::default()
                    }
                    CommandState::Succeeded
                    | CommandState::Failed
                    | CommandState::TimedOut
                    | CommandState::Cancelled => patiently(|| cloud.output(id, &node)).await?,
                };
                let answer = Answer { node, state, output };
                told(&answer);
                ran.answers.push(answer);
            }
        }
        open.retain(|_, nodes| !nodes.is_empty());
        if open.is_empty() {
            return Ok(());
        }
    }
}

/// Repeated only where it was refused for sure, or it could run twice.
async fn send<C: Cloud>(cloud: &C, order: &Order, nodes: &[String]) -> Result<String, CloudError> {
    let Order { nodes: _, lines, comment, timeout } = order;
    let command = Command {
        nodes: nodes.to_vec(),
        lines: lines.clone(),
        comment: comment.clone(),
        delivery: DELIVERY,
        timeout: *timeout,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match cloud.send(&command).await {
            Err(error) if error.class == Class::Throttled => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE * 4);
            }
            other => return other,
        }
    }
}
