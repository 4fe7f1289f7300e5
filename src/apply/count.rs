//! Before a file system goes: a node counts the files that no link covers, since no export takes them along.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cloud::remote::{Command, Progress};
use crate::cloud::unlinked::{Counted, lines, parse};
use crate::cloud::{Cloud, CloudError, Scope};
use crate::desired::Kind;
use crate::observed::{Node, NodeState, Observed, Report};

/// A node gives up after a minute and a half by itself (templates/count.sh).
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Asks one of the cluster's nodes. Nothing is asked where there is no file system, or none of its files can be lost.
pub async fn count_unlinked<C: Cloud>(cloud: &C, cluster: &str) -> Counted {
    let scope = Scope { cluster: cluster.to_owned(), deployment: None, names: BTreeMap::new(), file_system: None };
    let observed = match cloud.observe(&scope, &[Kind::Fsx, Kind::Link, Kind::Nodes]).await {
        Ok(observed) => observed,
        Err(error) => return unknown(&error),
    };
    if !observed.was_available() || !observed.was_used() {
        return Counted::NotAsked;
    }
    match ask(cloud, &observed).await {
        Ok(counted) => counted,
        Err(error) => unknown(&error),
    }
}

fn unknown(error: &CloudError) -> Counted {
    Counted::Unknown(error.to_string())
}

async fn ask<C: Cloud>(cloud: &C, observed: &Observed) -> Result<Counted, CloudError> {
    let links = observed.resources.iter().filter(|seen| seen.address.kind == Kind::Link);
    let paths: Vec<String> = links.filter_map(|link| link.fields.get("path").cloned()).collect();
    let usable = |node: &&Node| {
        node.state == NodeState::Running && matches!(node.report, Some(Report::Ready | Report::Degraded(_)))
    };
    let ready: Vec<String> = observed.nodes.iter().filter(usable).map(|node| node.id.clone()).collect();
    if ready.is_empty() {
        return Ok(Counted::Unknown("no node is ready".to_owned()));
    }
    // A few are enough to find one that answers.
    let asked = &ready[..ready.len().min(crate::cloud::remote::NODES_A_COMMAND)];
    let Some(node) = cloud.online(asked).await?.into_iter().next() else {
        return Ok(Counted::Unknown("no node answers to Systems Manager".to_owned()));
    };
    let command = Command {
        nodes: vec![node],
        lines: lines(&paths),
        timeout_s: u32::try_from(PATIENCE.as_secs()).unwrap_or(u32::MAX),
        comment: "provision down: files outside the links".to_owned(),
    };
    let id = cloud.send(&command).await?;
    let until = Instant::now() + PATIENCE;
    loop {
        let invocation = cloud.invocations(&id).await?.into_iter().find(|it| it.progress.has_ended());
        match invocation.map(|it| (it.progress, it.output)) {
            Some((Progress::Done(0), output)) => {
                let found = parse(&output).map(Counted::Found);
                return Ok(found.unwrap_or_else(|| Counted::Unknown("the node's answer is not understood".to_owned())));
            }
            Some((Progress::Done(code), _)) => {
                return Ok(Counted::Unknown(format!("the node's search exited {code}")));
            }
            Some((Progress::Broken(why), _)) => return Ok(Counted::Unknown(format!("the node's search ended: {why}"))),
            _ if Instant::now() >= until => {
                return Ok(Counted::Unknown("the node has not answered in two minutes".to_owned()));
            }
            _ => sleep(BETWEEN_LOOKS).await,
        }
    }
}
