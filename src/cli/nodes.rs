//! Which node somebody means.

use std::collections::BTreeMap;

use super::exit::{cloud, plain};
use crate::cloud::{Cloud, Scope};
use crate::desired::Kind;
use crate::observed::Node;

/// All nodes of a cluster, the newest last. None is an error: whoever asks wants one.
pub(super) async fn of<C: Cloud>(connected: &C, cluster: &str, named: &str) -> anyhow::Result<Vec<Node>> {
    let scope = Scope { cluster: cluster.to_owned(), deployment: None, names: BTreeMap::new(), file_system: None };
    let observed = connected.observe(&scope, &[Kind::Nodes]).await.map_err(|error| cloud(error, "look for nodes"))?;
    let mut nodes = observed.nodes;
    if nodes.is_empty() {
        return Err(plain(format!("`{cluster}` has no nodes"), format!("make them: `provision up{named}`")));
    }
    nodes.sort_by(|a, b| (a.launched, &a.id).cmp(&(b.launched, &b.id)));
    Ok(nodes)
}

/// The one node meant by an id, the beginning of one, a private address, or a group of one node.
pub(super) fn choose<'a>(nodes: &'a [Node], asked: &str) -> anyhow::Result<&'a Node> {
    let exact = |node: &&Node| node.id == asked || node.private_ip.as_deref() == Some(asked);
    if let Some(node) = nodes.iter().find(exact) {
        return Ok(node);
    }
    let of_group = |node: &&Node| node.address.name == asked && node.exists();
    let begins = |node: &&Node| asked.len() > 2 && node.id.starts_with(asked);
    let found: Vec<&Node> = nodes.iter().filter(|node| of_group(node) || begins(node)).collect();
    match found.as_slice() {
        [node] => Ok(node),
        [] => Err(plain(format!("no node is called `{asked}`"), format!("take one of {}", listed(nodes.iter())))),
        several => Err(plain(
            format!("`{asked}` is {} nodes", several.len()),
            format!("take one of {}", listed(several.iter().copied())),
        )),
    }
}

/// So many are named.
const MOST: usize = 10;

fn listed<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> String {
    let more = nodes.clone().count().saturating_sub(MOST);
    let named: Vec<String> = nodes.take(MOST).map(|node| format!("{} ({})", node.id, node.address.name)).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::Address;
    use crate::observed::NodeState;

    fn node(id: &str, group: &str, ip: &str) -> Node {
        Node {
            address: Address::named(Kind::Nodes, group),
            id: id.to_owned(),
            state: NodeState::Running,
            report: None,
            instance: "p5.48xlarge".to_owned(),
            image: "ami-0a".to_owned(),
            zone: "us-east-1a".to_owned(),
            private_ip: Some(ip.to_owned()),
            launched: None,
            spot: false,
            reason: None,
            tags: crate::desired::Tags::new(),
            preload: None,
        }
    }

    #[test]
    fn one_is_meant_or_all_are_named() {
        let nodes = [
            node("i-0aa1", "trainer", "10.0.0.1"),
            node("i-0ab2", "trainer", "10.0.0.2"),
            node("i-0b", "head", "10.0.0.3"),
        ];
        let id = |asked: &str| choose(&nodes, asked).map(|node| node.id.clone()).map_err(|error| error.to_string());
        assert_eq!(id("i-0aa1"), Ok("i-0aa1".to_owned()));
        assert_eq!(id("10.0.0.2"), Ok("i-0ab2".to_owned()));
        assert_eq!(id("i-0b"), Ok("i-0b".to_owned()));
        assert_eq!(id("head"), Ok("i-0b".to_owned()));
        assert_eq!(id("trainer"), Err("`trainer` is 2 nodes".to_owned()));
        assert_eq!(id("i-0a"), Err("`i-0a` is 2 nodes".to_owned()));
        assert_eq!(id("i-"), Err("no node is called `i-`".to_owned()));
    }
}
