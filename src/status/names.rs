//! What a node is called: `trainer/0`, by its place among the nodes of its group that exist, as `status` lists them.

use crate::observed::Node;

/// A node with its name; one that has ended has none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    pub name: Option<String>,
    pub node: &'a Node,
}

impl Named<'_> {
    /// `trainer/0`, or the id of one that has ended.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.node.id)
    }
}

/// All nodes of a look: those that exist by group and id, then those that have ended.
pub fn named(nodes: &[Node]) -> Vec<Named<'_>> {
    let mut sorted: Vec<&Node> = nodes.iter().collect();
    sorted.sort_by_key(|node| (!node.exists(), &node.address, &node.id));
    let mut index = 0;
    let mut named: Vec<Named<'_>> = Vec::with_capacity(sorted.len());
    for node in sorted {
        let goes_on = named.last().is_some_and(|last| last.node.address == node.address);
        index = if goes_on { index + 1 } else { 0 };
        let name = node.exists().then(|| format!("{}/{index}", node.address.name));
        named.push(Named { name, node });
    }
    named
}

/// The node that a word means: an id or the beginning of one, a private address, a name, or a group of one node.
/// Else all that it could mean: none or several.
pub fn find<'a>(nodes: &'a [Node], word: &str) -> Result<Named<'a>, Vec<Named<'a>>> {
    let all = named(nodes);
    let is_exact = |each: &&Named<'_>| {
        each.node.id == word || each.name.as_deref() == Some(word) || each.node.private_ip.as_deref() == Some(word)
    };
    if let Some(found) = all.iter().find(is_exact) {
        return Ok(found.clone());
    }
    // `i-` alone is the beginning of all.
    let begins = |node: &Node| word.len() > 2 && node.id.starts_with(word);
    let mut fits: Vec<Named<'_>> = all
        .into_iter()
        .filter(|each| begins(each.node) || (each.name.is_some() && each.node.address.name == word))
        .collect();
    match fits.pop() {
        Some(found) if fits.is_empty() => Ok(found),
        Some(last) => {
            fits.push(last);
            Err(fits)
        }
        None => Err(fits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Address, Kind, Tags};
    use crate::observed::NodeState;

    fn node(group: &str, id: &str, state: NodeState) -> Node {
        Node {
            address: Address::named(Kind::Nodes, group),
            id: id.to_owned(),
            state,
            report: None,
            instance: String::new(),
            image: String::new(),
            zone: String::new(),
            private_ip: Some(format!("10.0.0.{}", id.len())),
            launched: None,
            spot: false,
            reason: None,
            tags: Tags::new(),
            preload: None,
        }
    }

    fn nodes() -> Vec<Node> {
        vec![
            node("trainer", "i-0b2", NodeState::Running),
            node("trainer", "i-0a", NodeState::Terminated),
            node("trainer", "i-0b1x", NodeState::Running),
            node("data", "i-0ccccc", NodeState::Pending),
        ]
    }

    #[test]
    fn a_node_is_found_by_whatever_status_shows_of_it() {
        let nodes = nodes();
        let id = |word: &str| find(&nodes, word).map(|found| found.node.id.as_str()).map_err(|fits| fits.len());
        for (word, found) in [
            ("i-0b2", Ok("i-0b2")),
            ("trainer/0", Ok("i-0b1x")),
            ("trainer/1", Ok("i-0b2")),
            ("i-0b1", Ok("i-0b1x")),
            ("10.0.0.8", Ok("i-0ccccc")),
            ("data", Ok("i-0ccccc")),
            ("i-0a", Ok("i-0a")),
            ("i-0", Err(4)),
            ("i-", Err(0)),
            ("", Err(0)),
            ("trainer", Err(2)),
            ("trainer/2", Err(0)),
            ("nobody", Err(0)),
        ] {
            assert_eq!(id(word), found, "{word}");
        }
    }

    #[test]
    fn one_that_has_ended_takes_nobodys_name() {
        let nodes = nodes();
        let labels: Vec<String> = named(&nodes).iter().map(|each| each.label().to_owned()).collect();
        assert_eq!(labels, ["data/0", "trainer/0", "trainer/1", "i-0a"]);
    }
}
