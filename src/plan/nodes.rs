//! Node groups: how many to launch, which to end, and why.

use jiff::Timestamp;

use super::diff::{Input, Outcome};
use super::model::{Change, Danger, Verb};
use crate::desired::{Address, Kind, NodeGroup, TAG_FILE_SYSTEM, TAG_SPEC, Wanted};
use crate::observed::{Node, NodeState, Report, Seen};

/// How long a node usually takes to end, and to boot until it has the file system mounted: minutes, from field reports
/// (awsome-distributed-training; nodes with 8 accelerators are slower than most).
pub const NODE_ENDS_MIN: u64 = 2;
pub const NODE_BOOTS_MIN: u64 = 5;

/// So many batches are named one by one.
const MOST_BATCHES_NAMED: usize = 8;

/// Nodes that go, and how many come for them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// Ids, in the order in which they were chosen.
    pub remove: Vec<String>,
    pub add: u32,
    /// With how many of those added what follows may begin, and the group has enough. Never more than `add`.
    pub least: u32,
}

impl Batch {
    /// For a step: None where it takes all of them.
    pub(super) fn fewer(&self) -> Option<u32> {
        (self.least < self.add).then_some(self.least)
    }
}

/// What a group is compared for.
pub(super) struct Case<'a> {
    /// The file system that nodes should have; None: one that is yet to be made.
    pub mounted: Option<&'a str>,
    /// Ids of nodes that somebody wants replaced.
    pub asked: &'a [String],
    /// What the nodes stand on goes too: none of them can stay meanwhile.
    pub at_once: bool,
}

/// What a node group needs.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    pub first: Batch,
    /// What follows, each once the one before it is ready.
    pub rolls: Vec<Batch>,
    /// Nodes that stay and have not yet said that they are ready.
    pub booting: bool,
    pub kept: Vec<String>,
    pub verb: Option<Verb>,
    pub danger: Option<Danger>,
    pub changes: Vec<Change>,
    pub reasons: Vec<String>,
}

/// Whether something that all nodes of a group stand on goes, so that none of them can outlast it.
pub(super) fn at_once(input: &Input<'_>, outcome: &Outcome, group: &Address) -> bool {
    let carries = |address: &Address| match address.kind {
        Kind::Template | Kind::Placement => address.name == group.name,
        Kind::SecurityGroup | Kind::Role | Kind::InstanceProfile | Kind::MountTarget => true,
        kind => kind.is_storage(),
    };
    let goes = outcome.work.iter().any(|(address, work)| carries(address) && !work.delete.is_empty());
    let unwanted = |seen: &Seen| !input.desired.resources.contains_key(&seen.address) && carries(&seen.address);
    goes || input.observed.resources.iter().any(unwanted)
}

/// Compares a group with the nodes that are there.
pub(super) fn fleet(wanted: &Wanted, group: &NodeGroup, live: &[&Node], case: &Case<'_>) -> Fleet {
    let mut fleet = Fleet::default();
    let want = group.count as usize;
    let enough = group.min_count.min(group.count) as usize;
    let outdated = |node: &Node| node.tags.get(TAG_SPEC).is_some_and(|spec| *spec != wanted.spec);
    let mounts_another = |node: &Node| node.tags.get(TAG_FILE_SYSTEM).map(String::as_str) != case.mounted;
    let is_asked_for = |node: &Node| case.asked.contains(&node.id);
    let (mut anew, rest): (Vec<&Node>, Vec<&Node>) =
        live.iter().copied().partition(|node| mounts_another(node) || outdated(node));
    let (mut bad, mut good): (Vec<&Node>, Vec<&Node>) =
        rest.into_iter().partition(|node| why_failed(node).is_some() || is_asked_for(node));

    // Of too many the newest go: the oldest hold the ranks that running jobs know.
    good.sort_by(|a, b| stays(a).cmp(&stays(b)));
    let mut excess = good.split_off(good.len().min(want));
    excess.reverse();
    let add = want - good.len();
    bad.sort_by(|a, b| stays(b).cmp(&stays(a)));
    anew.sort_by(|a, b| stays(b).cmp(&stays(a)));
    let works = |node: &Node| why_failed(node).is_none() && !is_booting(node);

    for (index, node) in bad.iter().enumerate() {
        let verb = if index < add { "is replaced" } else { "goes" };
        let why = why_failed(node).unwrap_or_else(|| "it was named".to_owned());
        fleet.reasons.push(format!("{} {verb}: {why}.", node.id));
    }
    for node in &excess {
        fleet.reasons.push(match &node.report {
            Some(Report::Degraded(why)) => {
                format!("{} goes first of more than {want}: it is degraded: {why}.", node.id)
            }
            None => format!("{} goes first of more than {want}: it still boots.", node.id),
            Some(_) => format!("{} goes: the newest of more than {want}.", node.id),
        });
    }
    if let Some(first) = anew.first() {
        fleet.changes = differences(group, first, wanted);
        fleet.reasons.push(if mounts_another(first) {
            "They mount a file system that is gone or goes.".to_owned()
        } else {
            "What a node is made from has changed; running nodes keep what they were made from.".to_owned()
        });
    }
    if add > 0 && enough < want {
        fleet.reasons.push(if good.len() + anew.len() < enough {
            format!("As many are launched as there are to be had: {enough} of {want} are enough.")
        } else {
            format!("Up to {add} are launched, as many as there are to be had: {enough} of {want} are enough.")
        });
    }
    let ids = |nodes: &[&Node]| -> Vec<String> { nodes.iter().map(|node| node.id.clone()).collect() };
    let booting = good.iter().filter(|node| is_booting(node)).count();
    fleet.booting = booting > 0;
    fleet.kept = ids(&good);

    let can_roll = !case.at_once && !anew.iter().any(|node| mounts_another(node));
    let rolled = group.max_away.filter(|_| can_roll);
    let working = |nodes: &[&Node]| nodes.iter().filter(|node| works(node)).count();
    let there = working(&good) + working(&anew);
    // Whom a partly filled group has never had is not away.
    let full = there.clamp(enough, want);
    let begun = match rolled {
        None => anew.len(),
        Some(most) => {
            // Where more are away than may be, nobody who works goes before others have come.
            let stay = full.saturating_sub(most as usize).min(there);
            anew.len() - working(&anew) + (there - stay).min(working(&anew))
        }
    };
    let (now, later) = anew.split_at(begun);
    let most = rolled.map_or(1, |most| most as usize).max(1);
    // More than have to be made come back for nobody, and go before the others.
    let mut surplus = later.len().saturating_sub(add);
    let first = add - (later.len() - surplus);
    // Those that boot are waited for with the first batch.
    let mut sure = good.len() + later.len();
    let is_last = later.is_empty();
    // Before the next batch may begin the group is as full as it was; and after the last it has enough.
    let mut least = |add: usize, goes: usize, is_last: bool| {
        sure -= goes;
        let least = if is_last { enough } else { full }.saturating_sub(sure).min(add);
        sure += least;
        number(least)
    };
    fleet.first = Batch { remove: ids(&bad), add: number(first), least: least(first, 0, is_last) };
    let batches = later.len().div_ceil(most);
    fleet.rolls = later
        .chunks(most)
        .enumerate()
        .map(|(index, nodes)| {
            let for_nobody = surplus.min(nodes.len());
            surplus -= for_nobody;
            let add = nodes.len() - for_nobody;
            let least = least(add, nodes.len(), index + 1 == batches);
            Batch { remove: ids(nodes), add: number(add), least }
        })
        .collect();
    fleet.first.remove.extend(ids(now));
    fleet.first.remove.extend(ids(&excess));
    fleet.reasons.extend(how(group, can_roll, anew.len(), rolled, &fleet));

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
        () if fleet.first != Batch::default() => Verb::Update,
        () => Verb::Keep,
    });
    let runs = |node: &&Node| why_failed(node).is_none();
    let destroys = !anew.is_empty() || !excess.is_empty() || bad.iter().any(runs);
    fleet.danger = Some(if destroys { Danger::DestroysCompute } else { Danger::Safe });
    fleet
}

/// How a change goes through a group.
fn how(group: &NodeGroup, can_roll: bool, anew: usize, rolled: Option<u32>, fleet: &Fleet) -> Option<String> {
    if anew < 2 {
        return None;
    }
    let Some(most) = rolled else {
        return match (group.max_away, can_roll) {
            (None, false) => None,
            (None, true) => Some(
                "All of them go at once: a job over the whole group stops either way. `max_away = 1` would replace one \
                 after another."
                    .to_owned(),
            ),
            (Some(_), _) => {
                Some("All of them go at once, whatever `max_away` says: what they stand on goes too.".to_owned())
            }
        };
    };
    let first = Some(&fleet.first).filter(|first| **first != Batch::default());
    let batches: Vec<String> = first
        .into_iter()
        .chain(&fleet.rolls)
        .map(|batch| batch.remove.join(" "))
        .filter(|ids| !ids.is_empty())
        .collect();
    let minutes = (NODE_ENDS_MIN + NODE_BOOTS_MIN) * batches.len() as u64;
    let unnamed = batches.len().saturating_sub(MOST_BATCHES_NAMED);
    let mut named: Vec<String> = batches.iter().take(MOST_BATCHES_NAMED).cloned().collect();
    if unnamed > 0 {
        named.push(format!("and {unnamed} more"));
    }
    let (count, s) = (batches.len(), if batches.len() == 1 { "" } else { "es" });
    Some(format!(
        "At most {most} of {} away at once: {count} batch{s}, each ready before the next begins, about {minutes} minutes in all: {}.",
        group.count,
        named.join("; ")
    ))
}

fn number(nodes: usize) -> u32 {
    u32::try_from(nodes).unwrap_or(u32::MAX)
}

/// Who stays longest comes first: those that work before degraded, booting and failed ones, then the oldest.
fn stays(node: &Node) -> (u8, Option<Timestamp>, &str) {
    let worth = match (why_failed(node), &node.report) {
        (Some(_), _) => 3,
        // No job runs there yet.
        (None, None) => 2,
        (None, Some(Report::Degraded(_))) => 1,
        (None, Some(Report::Ready | Report::Failed(_))) => 0,
    };
    (worth, node.launched, &node.id)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::desired::{Resource, Tags};
    use crate::spec::Market;

    const FILE_SYSTEM: &str = "fs-1";

    fn group(count: u32, max_away: Option<u32>) -> NodeGroup {
        NodeGroup {
            count,
            min_count: count,
            instance: "p5.48xlarge".to_owned(),
            image: "ami-1".to_owned(),
            zone: "us-east-1a".to_owned(),
            subnet: "subnet-1".to_owned(),
            market: Market::OnDemand,
            template: Address::named(Kind::Template, "trainer"),
            max_away,
        }
    }

    fn node(index: usize, report: u8, is_outdated: bool, launched: i64) -> Node {
        let report = match report {
            0 => Some(Report::Failed("bad".to_owned())),
            1 => Some(Report::Degraded("slow".to_owned())),
            2 => None,
            _ => Some(Report::Ready),
        };
        let spec = if is_outdated { "old" } else { "new" };
        Node {
            address: Address::named(Kind::Nodes, "trainer"),
            id: format!("i-{index}"),
            state: NodeState::Running,
            report,
            instance: "p5.48xlarge".to_owned(),
            image: "ami-1".to_owned(),
            zone: String::new(),
            private_ip: None,
            launched: Timestamp::from_second(launched).ok(),
            spot: false,
            reason: None,
            tags: Tags::from([
                (TAG_SPEC.to_owned(), spec.to_owned()),
                (TAG_FILE_SYSTEM.to_owned(), FILE_SYSTEM.to_owned()),
            ]),
            preload: None,
        }
    }

    fn compared(live: &[&Node], group: &NodeGroup, asked: &[String]) -> Fleet {
        let wanted = Wanted {
            resource: Resource::Nodes(group.clone()),
            spec: "new".to_owned(),
            tags: Tags::new(),
            after: Vec::new(),
        };
        fleet(&wanted, group, live, &Case { mounted: Some(FILE_SYSTEM), asked, at_once: false })
    }

    fn rank(node: &Node) -> (u8, Option<Timestamp>) {
        let worth = match node.report {
            None => 2,
            Some(Report::Degraded(_)) => 1,
            Some(_) => 0,
        };
        (worth, node.launched)
    }

    fn is_ready(node: &Node) -> bool {
        matches!(node.report, Some(Report::Ready | Report::Degraded(_)))
    }

    #[test]
    fn of_too_many_an_old_node_that_works_stays_until_the_new_ones_do() {
        let nodes = [node(0, 2, false, 0), node(1, 2, false, 0), node(2, 7, false, 0), node(3, 7, true, 0)];
        let live: Vec<&Node> = nodes.iter().collect();
        let fleet = compared(&live, &group(3, Some(1)), &[]);
        assert_eq!(fleet.first, Batch::default());
        assert_eq!(fleet.rolls, [Batch { remove: vec!["i-3".to_owned()], add: 0, least: 0 }]);
    }

    #[test]
    fn a_partly_filled_group_asks_for_the_rest_and_is_well_without() {
        let nodes: Vec<Node> = (0..3).map(|index| node(index, 7, false, 0)).collect();
        let live: Vec<&Node> = nodes.iter().collect();
        let of = |live: &[&Node], min_count, max_away| {
            compared(live, &NodeGroup { min_count, ..group(6, max_away) }, &[]).first
        };
        assert_eq!(of(&live, 3, None), Batch { remove: Vec::new(), add: 3, least: 0 });
        assert_eq!(of(&live, 4, None), Batch { remove: Vec::new(), add: 3, least: 1 });
        assert_eq!(of(&[], 4, None), Batch { remove: Vec::new(), add: 6, least: 4 });
        // One that was named ends in any case.
        let wish = compared(&live, &NodeGroup { min_count: 2, ..group(6, None) }, &["i-1".to_owned()]);
        assert_eq!(wish.first, Batch { remove: vec!["i-1".to_owned()], add: 4, least: 0 });
    }

    #[test]
    fn a_change_goes_through_a_partly_filled_group_and_waits_where_nothing_comes_back() {
        let nodes: Vec<Node> = (0..4).zip(0..).map(|(index, at)| node(index, 7, true, at)).collect();
        let live: Vec<&Node> = nodes.iter().collect();
        let fleet = compared(&live, &NodeGroup { min_count: 2, ..group(6, Some(1)) }, &[]);
        // The first launch fills the group up as well, and has to bring as many as went.
        assert_eq!(fleet.first, Batch { remove: vec!["i-3".to_owned()], add: 3, least: 1 });
        let numbers: Vec<(u32, u32)> = fleet.rolls.iter().map(|batch| (batch.add, batch.least)).collect();
        assert_eq!(numbers, [(1, 1), (1, 1), (1, 0)], "with 3 of 4 back, 2 are enough at the end");
    }

    proptest! {
        #[test]
        fn a_group_comes_to_its_count_and_never_has_more_away_than_it_may(
            seeds in proptest::collection::vec((0_u8..8, any::<bool>(), 0_i64..5), 0..12),
            count in 1_u32..12,
            max_away in proptest::option::of(1_u32..5),
            asked in proptest::collection::btree_set(0_usize..12, 0..2),
            min_count in proptest::option::of(1_u32..12),
        ) {
            let min_count = min_count.unwrap_or(count).min(count);
            let nodes: Vec<Node> =
                seeds.iter().enumerate().map(|(index, (report, old, at))| node(index, *report, *old, *at)).collect();
            let live: Vec<&Node> = nodes.iter().collect();
            let asked: Vec<String> = asked.iter().map(|index| format!("i-{index}")).collect();
            let fleet = compared(&live, &NodeGroup { min_count, ..group(count, max_away) }, &asked);

            let batches: Vec<&Batch> = std::iter::once(&fleet.first).chain(&fleet.rolls).collect();
            let gone: Vec<&String> = batches.iter().flat_map(|batch| &batch.remove).collect();
            let unique: BTreeSet<&String> = gone.iter().copied().chain(&fleet.kept).collect();
            prop_assert_eq!(unique.len(), gone.len() + fleet.kept.len(), "nobody goes twice, or goes and stays");
            prop_assert_eq!(unique.len(), nodes.len(), "everybody goes or stays");
            let added: u32 = batches.iter().map(|batch| batch.add).sum();
            prop_assert_eq!(fleet.kept.len() + added as usize, count as usize);
            let stays = |node: &&&Node| fleet.kept.contains(&node.id);
            prop_assert!(live.iter().filter(stays).all(|node| why_failed(node).is_none() && !asked.contains(&node.id)));

            // Of equal nodes that are too many, those go that are degraded or newer.
            let current = |node: &&&Node| {
                why_failed(node).is_none() && node.tags[TAG_SPEC] == "new" && !asked.contains(&node.id)
            };
            let last_kept = live.iter().filter(current).filter(stays).map(|node| rank(node)).max();
            let first_gone = live.iter().filter(current).filter(|node| !stays(node)).map(|node| rank(node)).min();
            if let (Some(kept), Some(gone)) = (last_kept, first_gone) {
                prop_assert!(kept <= gone);
            }

            // Also where no launch brings more than it has to.
            let fewest: u32 = batches.iter().map(|batch| batch.least).sum();
            prop_assert!(fleet.kept.len() + fewest as usize >= min_count as usize);
            prop_assert!(batches.iter().all(|batch| batch.least <= batch.add));
            if min_count == count {
                prop_assert!(batches.iter().all(|batch| batch.fewer().is_none()), "all of them or none");
            }

            // At no moment are more away than allowed, but for those that were, and those that were named.
            let Some(most) = max_away else {
                prop_assert!(fleet.rolls.is_empty());
                return Ok(());
            };
            let ready: BTreeSet<&String> = live.iter().filter(|node| is_ready(node)).map(|node| &node.id).collect();
            let away = |ready: usize| (count as usize).saturating_sub(ready);
            let named = live.iter().filter(|node| asked.contains(&node.id) && is_ready(node)).count();
            // Whom a partly filled group has never had is not away.
            let unfilled = count as usize - ready.len().clamp(min_count as usize, count as usize);
            let allowed = (unfilled + most as usize).max(away(ready.len())) + named;
            let mut there: BTreeSet<&String> = ready;
            // Those that boot are waited for with the first batch.
            let settled = live.iter().filter(stays).filter(|node| is_booting(node)).count();
            let (mut came, mut came_at_least) = (0, 0);
            for (index, batch) in batches.into_iter().enumerate() {
                there.retain(|id| !batch.remove.contains(id));
                let left = there.len() + came;
                prop_assert!(away(left) <= allowed, "{} of {} away, {} allowed", away(left), count, allowed);
                let fewest = there.len() + came_at_least;
                prop_assert!(away(fewest) <= allowed, "{} of {} away if no more come", away(fewest), count);
                came += batch.add as usize + if index == 0 { settled } else { 0 };
                came_at_least += batch.least as usize + if index == 0 { settled } else { 0 };
            }
        }
    }
}
