//! A look at the nodes of a cluster, and the one that a word means.

use super::args::Which;
use super::commands::status::which;
use super::connect::{Connected, connect};
use super::exit::{cloud, plain};
use super::settings::Settings;
use crate::cloud::{Cloud, Scope};
use crate::desired::Kind;
use crate::observed::{Node, NodeState, Report};
use crate::status::{Named, find, named};

/// The nodes of one cluster.
pub(super) struct Fleet {
    pub cloud: Connected,
    pub cluster: String,
    pub nodes: Vec<Node>,
}

/// More are not listed in an error.
const MOST_NODES: usize = 20;

/// Looks at nothing but nodes. A cluster without any is an error.
pub(super) async fn look(given: &Which, settings: &Settings) -> anyhow::Result<Fleet> {
    let (cluster, spec) = which(given, settings)?;
    let connected = connect(settings, spec.and_then(|spec| spec.cluster.region).as_deref()).await?;
    let scope =
        Scope { cluster: cluster.clone(), deployment: None, names: [].into(), file_system: None, existing: None };
    let observed =
        connected.observe(&scope, &[Kind::Nodes]).await.map_err(|error| cloud(error, "look at the nodes"))?;
    let nodes = observed.nodes;
    if nodes.is_empty() {
        return Err(plain(
            format!("{cluster} has no nodes"),
            "make them: `provision up`; list the clusters that exist: `provision list`",
        ));
    }
    Ok(Fleet { cloud: connected, cluster, nodes })
}

impl Fleet {
    /// The one node that is meant.
    pub(super) fn one(&self, word: &str) -> anyhow::Result<Named<'_>> {
        find(&self.nodes, word).map_err(|fits| {
            let title = if fits.is_empty() {
                format!("{} has no node `{word}`", self.cluster)
            } else {
                format!("`{word}` is not one node but {}", fits.len())
            };
            let known = if fits.is_empty() { named(&self.nodes) } else { fits };
            plain(title, format!("name one of these:\n{}", listing(&known)))
        })
    }
}

/// One a line: name, id, address, state.
pub(super) fn listing(nodes: &[Named<'_>]) -> String {
    let mut lines: Vec<String> = nodes.iter().take(MOST_NODES).map(line).collect();
    if nodes.len() > MOST_NODES {
        lines.push(format!("  and {} more: `provision status`", nodes.len() - MOST_NODES));
    }
    lines.join("\n")
}

fn line(each: &Named<'_>) -> String {
    let Named { name, node } = each;
    let state = match (node.state, &node.report) {
        (NodeState::Running | NodeState::Pending, Some(Report::Ready)) => "ready",
        (NodeState::Running | NodeState::Pending, Some(Report::Degraded(_))) => "degraded",
        (NodeState::Running | NodeState::Pending, Some(Report::Failed(_))) => "failed",
        (NodeState::Running | NodeState::Pending, None) => "booting",
        (NodeState::Stopping | NodeState::Stopped, _) => "stopped",
        (NodeState::ShuttingDown | NodeState::Terminated, _) => "ended",
    };
    let name = name.as_deref().unwrap_or(&node.address.name);
    format!("  {name}  {}  {}  {state}", node.id, node.private_ip.as_deref().unwrap_or("-"))
}

/// Jobs can run on it: it has the file system mounted.
pub(super) fn is_ready(node: &Node) -> bool {
    node.state == NodeState::Running && matches!(node.report, Some(Report::Ready | Report::Degraded(_)))
}
