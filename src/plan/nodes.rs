//! Node groups: how many to launch, which to end, and why.

use super::model::{Change, Danger, Verb};
use crate::desired::{NodeGroup, TAG_FILE_SYSTEM, TAG_SPEC, Wanted};
use crate::observed::{Node, NodeState, Report};

/// What a node group needs.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Ids to end, in the order in which they were chosen.
    pub remove: Vec<String>,
    pub add: u32,
    /// Nodes that stay and have not yet said that they are ready.
    pub booting: bool,
    pub kept: Vec<String>,
    pub verb: Option<Verb>,
    pub danger: Option<Danger>,
    pub changes: Vec<Change>,
    pub reasons: Vec<String>,
}

/// Compares a group with the nodes that are there. `mounted`: the file system that they should have; None: one that is yet
/// to be made.
pub(super) fn fleet(wanted: &Wanted, group: &NodeGroup, live: &[&Node], mounted: Option<&str>) -> Fleet {
    let mut fleet = Fleet::default();
    let want = group.count as usize;
    let outdated = |node: &Node| node.tags.get(TAG_SPEC).is_some_and(|spec| *spec != wanted.spec);
    let mounts_another = |node: &Node| node.tags.get(TAG_FILE_SYSTEM).map(String::as_str) != mounted;
    let (anew, rest): (Vec<&Node>, Vec<&Node>) =
        live.iter().copied().partition(|node| mounts_another(node) || outdated(node));
    let (failed, mut good): (Vec<&Node>, Vec<&Node>) = rest.into_iter().partition(|node| why_failed(node).is_some());

    for node in &failed {
        fleet.reasons.push(format!("{} is replaced: {}.", node.id, why_failed(node).unwrap_or_default()));
    }
    if !anew.is_empty() {
        fleet.changes = differences(group, anew[0], wanted);
        fleet.reasons.push(if mounts_another(anew[0]) {
            "They mount a file system that is gone or goes.".to_owned()
        } else {
            "What a node is made from has changed; running nodes keep what they were made from.".to_owned()
        });
    }
    // Of too many the newest go: the oldest hold the ranks that running jobs know.
    good.sort_by(|a, b| (a.launched, &a.id).cmp(&(b.launched, &b.id)));
    let excess = good.split_off(good.len().min(want));
    for node in &excess {
        fleet.reasons.push(format!("{} goes: the newest of more than {want}.", node.id));
    }
    fleet.booting = good.iter().any(|node| is_booting(node));
    fleet.kept = good.iter().map(|node| node.id.clone()).collect();
    fleet.add = group.count - u32::try_from(good.len()).unwrap_or(group.count);
    let destroys = !anew.is_empty() || !excess.is_empty();
    fleet.remove = failed.iter().chain(&anew).chain(&excess).map(|node| node.id.clone()).collect();

    if live.len() != want {
        let (before, after) = (live.len().to_string(), want.to_string());
        fleet.changes.insert(
            0,
            Change { field: "count".into(), before: Some(before), after: Some(after), forces_replace: false },
        );
    }
    fleet.verb = Some(match () {
        () if live.is_empty() => Verb::Create,
        () if !anew.is_empty() => Verb::Replace,
        () if fleet.add > 0 || !fleet.remove.is_empty() => Verb::Update,
        () => Verb::Keep,
    });
    fleet.danger = Some(if destroys { Danger::DestroysCompute } else { Danger::Safe });
    fleet
}

/// It runs or will run, and has not said how its boot ended.
pub(super) fn is_booting(node: &Node) -> bool {
    node.report.is_none() && matches!(node.state, NodeState::Pending | NodeState::Running)
}

fn why_failed(node: &Node) -> Option<String> {
    match (&node.report, node.state) {
        (_, NodeState::Stopped | NodeState::Stopping) => Some("it is stopped".to_owned()),
        (Some(Report::Failed(why)), _) => Some(format!("it failed: {why}")),
        (Some(Report::Ready | Report::Degraded(_)) | None, _) => None,
    }
}

fn differences(group: &NodeGroup, node: &Node, wanted: &Wanted) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut push = |field: &str, before: &str, after: &str| {
        if before != after {
            let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
            changes.push(Change { field: field.to_owned(), before, after, forces_replace: true });
        }
    };
    push("instance", &node.instance, &group.instance);
    push("image", &node.image, &group.image);
    if changes.is_empty() && node.tags.get(TAG_SPEC) != Some(&wanted.spec) {
        let before = node.tags.get(TAG_SPEC).cloned();
        changes.push(Change {
            field: "boot and launch".into(),
            before,
            after: Some(wanted.spec.clone()),
            forces_replace: true,
        });
    }
    changes
}
