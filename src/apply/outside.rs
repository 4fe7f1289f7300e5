//! Files outside every link: counted on a node before `down` asks its question, since with the file system they go for good.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::command::{Order, command};
use super::prepare::Prepared;
use crate::cloud::{Cloud, CommandState};
use crate::observed::{Node, NodeState, Report};
use crate::plan::{Counted, Input, Options, outside_links};

/// The node stops counting by itself after 120 seconds (`templates/count.sh`); what is over that is the way there and back.
const ON_THE_NODE: Duration = Duration::from_secs(180);
/// However slow the cloud is, a person waits for the question.
const LIMIT: Duration = Duration::from_secs(240);
/// Nodes that are looked at for one that answers.
const CANDIDATES: usize = 20;

/// Asks a node, where there is anything to ask. Changes nothing; whatever goes wrong is an answer.
pub(super) async fn count<C: Cloud>(
    cloud: &C,
    prepared: &Prepared,
    options: Options,
    stop: &CancellationToken,
    asks: impl FnOnce(&Node),
) -> Option<Counted> {
    let input = Input {
        purpose: prepared.plan.purpose,
        desired: &prepared.desired,
        observed: &prepared.observed,
        record: &prepared.record,
        options,
        replace: &[],
    };
    let paths = outside_links(&input)?;
    let counted = tokio::time::timeout(LIMIT, ask(cloud, prepared, &paths, stop, asks)).await;
    Some(match counted {
        Ok(counted) => counted,
        Err(_) => Counted::Not(format!("no answer within {} s", LIMIT.as_secs())),
    })
}

async fn ask<C: Cloud>(
    cloud: &C,
    prepared: &Prepared,
    paths: &[&str],
    stop: &CancellationToken,
    asks: impl FnOnce(&Node),
) -> Counted {
    let mut mounted: Vec<&Node> = prepared.observed.nodes.iter().filter(|node| has_it_mounted(node)).collect();
    // One that is only degraded may be slow: after those that are ready.
    mounted.sort_by_key(|node| (node.report != Some(Report::Ready), node.id.clone()));
    mounted.truncate(CANDIDATES);
    if mounted.is_empty() {
        return Counted::Not("no node is ready to be asked".to_owned());
    }
    let ids: Vec<String> = mounted.iter().map(|node| node.id.clone()).collect();
    let online = match cloud.online(&ids).await {
        Ok(online) => online,
        Err(error) => return Counted::Not(error.to_string()),
    };
    let Some(node) = mounted.into_iter().find(|node| online.contains(&node.id)) else {
        return Counted::Not("no ready node answers Systems Manager".to_owned());
    };
    let Ok(words) = shlex::try_join(paths.iter().copied()) else {
        return Counted::Not("the path of a link cannot be passed to a shell".to_owned());
    };
    asks(node);
    let order = Order {
        nodes: vec![node.id.clone()],
        lines: vec![
            format!("# provision: count-unlinked {words}"),
            format!("/usr/local/sbin/provision-node count-unlinked {words}"),
        ],
        comment: "provision: count files outside the links".to_owned(),
        timeout: ON_THE_NODE,
    };
    let answer = match command(cloud, &order, stop, |_| {}).await {
        Ok(ran) => ran.answers.into_iter().next(),
        Err(error) => return Counted::Not(error.to_string()),
    };
    let Some(answer) = answer else { return Counted::Not("the count was cancelled".to_owned()) };
    match answer.state {
        CommandState::Succeeded => {
            Counted::read(&node.id, &answer.output.stdout).unwrap_or_else(|| Counted::Not(too_old(&node.id)))
        }
        CommandState::Failed => {
            let said = answer.output.stderr.lines().next_back().unwrap_or_default().trim().to_owned();
            Counted::Not(if said.is_empty() { too_old(&node.id) } else { format!("{}: {said}", node.id) })
        }
        CommandState::TimedOut => Counted::Not(format!("{} did not end the count in time", node.id)),
        CommandState::Waiting | CommandState::Running | CommandState::Undelivered | CommandState::Cancelled => {
            Counted::Not(format!("{} did not take the command", node.id))
        }
    }
}

fn has_it_mounted(node: &Node) -> bool {
    node.state == NodeState::Running && matches!(node.report, Some(Report::Ready | Report::Degraded(_)))
}

fn too_old(node: &str) -> String {
    format!("{node} cannot count: it was booted by an older version")
}
