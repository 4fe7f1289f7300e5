//! What IAM can narrow of each action: by which types of resources, under which condition keys.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::table;

const DATA: &str = include_str!("data/actions.tsv");

/// An action of a policy; `s3:Get*` stands for all that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `ec2:RunInstances`
    pub name: &'static str,
    /// The calls on which AWS checks it too. Empty: it is a call of ours, and checked on that alone.
    pub with: Vec<&'static str>,
    /// The types of resources that a policy may name with it. Empty: only `*` stands for its resource.
    pub resources: Vec<ResourceType>,
    /// Condition keys whatever the resource.
    pub keys: Vec<&'static str>,
}

/// A type of resource, as an action takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// `security-group`
    pub name: &'static str,
    /// Without a permission on one of this type the action is refused.
    pub required: bool,
    /// Condition keys that go with this type alone; `aws:ResourceTag` stands for those of all tags.
    pub keys: Vec<&'static str>,
}

/// Every action that a policy of ours may name, by name.
pub fn all() -> &'static BTreeMap<&'static str, Action> {
    static ALL: OnceLock<BTreeMap<&'static str, Action>> = OnceLock::new();
    ALL.get_or_init(|| {
        table::rows(DATA)
            .map(|mut cells| {
                let name = cells.text();
                let with = list(cells.text(), ',');
                let resources = list(cells.text(), ',').into_iter().map(resource_type).collect();
                (name, Action { name, with, resources, keys: list(cells.text(), ',') })
            })
            .collect()
    })
}

fn resource_type(cell: &'static str) -> ResourceType {
    let (name, keys) = cell.split_once('+').unwrap_or((cell, "-"));
    ResourceType { name: name.trim_end_matches('*'), required: name.ends_with('*'), keys: list(keys, '+') }
}

fn list(cell: &'static str, separator: char) -> Vec<&'static str> {
    if cell == "-" { Vec::new() } else { cell.split(separator).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let all = all();
        let launch = &all["ec2:RunInstances"];
        let of = |name: &str| launch.resources.iter().find(|each| each.name == name).expect("a type of RunInstances");
        assert!(of("instance").required && of("instance").keys == ["aws:RequestTag"]);
        assert!(!of("launch-template").required && of("launch-template").keys == ["aws:ResourceTag"]);
        assert_eq!(all["iam:PassRole"].with, ["ec2:RunInstances", "iam:AddRoleToInstanceProfile"]);
        assert_eq!(all["iam:PassRole"].keys, ["iam:PassedToService"]);
        assert!(all["ec2:DescribeSubnets"].resources.is_empty() && all["ec2:DescribeSubnets"].with.is_empty());
    }

    #[test]
    fn an_action_comes_with_calls_of_ours() {
        let all = all();
        for call in all.values().flat_map(|action| &action.with) {
            assert!(all.get(call).is_some_and(|action| action.with.is_empty()), "{call} is no call of ours");
        }
    }
}
