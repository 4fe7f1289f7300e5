//! From what happens to each resource to steps in an order: removals from the nodes down to the network, then everything
//! that is made, from the network up to the nodes. What no edge holds back runs at once.

use std::collections::{BTreeMap, BTreeSet};

use super::cached::is_cached;
use super::diff::{Input, Outcome, Work};
use super::model::{After, Op, Purpose, Step};
use crate::desired::{Address, Kind, Point, Resource};

pub(super) fn steps(input: &Input<'_>, outcome: &Outcome) -> Vec<Step> {
    let mut graph = Graph { input, outcome, steps: Vec::new(), removed: BTreeMap::new(), made: BTreeMap::new() };
    graph.removals();
    graph.makes();
    graph.steps
}

struct Graph<'a> {
    input: &'a Input<'a>,
    outcome: &'a Outcome,
    steps: Vec<Step>,
    /// The step after which something is gone.
    removed: BTreeMap<Address, usize>,
    /// The steps after which something has an id, and is in its final state.
    made: BTreeMap<Address, Made>,
}

/// A link on its way out.
struct DoomedLink {
    address: Address,
    ids: Vec<String>,
    /// It is missing, and made again to be exported.
    create: Option<(u32, u32)>,
    export: bool,
    settle: bool,
}

#[derive(Clone, Copy)]
struct Made {
    /// None: it has an id already.
    answered: Option<After>,
    done: After,
    /// It has just been made: whoever needs it has to wait. Else it is only being changed.
    is_new: bool,
}

impl Graph<'_> {
    fn push(&mut self, address: &Address, op: Op, mut after: Vec<After>) -> After {
        after.sort_by_key(|each| (each.step, each.point));
        after.dedup();
        self.steps.push(Step { address: address.clone(), op, after });
        After { step: self.steps.len() - 1, point: Point::Done }
    }

    fn work(&self, kind: Kind) -> Vec<(&Address, &Work)> {
        self.outcome.work.iter().filter(|(address, _)| address.kind == kind).collect()
    }

    fn removed_of(&self, kinds: &[Kind]) -> Vec<After> {
        self.removed
            .iter()
            .filter(|(address, _)| kinds.contains(&address.kind))
            .map(|(_, step)| After { step: *step, point: Point::Done })
            .collect()
    }

    fn remove(&mut self, kind: Kind, after: &[Kind]) {
        self.remove_after(kind, after, &[]);
    }

    /// `besides`: what else has to have ended.
    fn remove_after(&mut self, kind: Kind, after: &[Kind], besides: &[After]) {
        let doomed: Vec<(Address, Vec<String>)> = self
            .work(kind)
            .into_iter()
            .filter(|(_, work)| !work.delete.is_empty())
            .map(|(address, work)| (address.clone(), work.delete.clone()))
            .collect();
        for (address, ids) in doomed {
            let mut edges = self.removed_of(after);
            edges.extend(besides);
            let step = self.push(&address, Op::Delete { ids }, edges);
            self.removed.insert(address, step.step);
        }
    }

    fn removals(&mut self) {
        self.remove(Kind::Reservation, &[]);
        self.remove(Kind::Nodes, &[]);
        self.storage();
        self.remove(Kind::Template, &[Kind::Nodes]);
        self.remove(Kind::Placement, &[Kind::Nodes]);
        self.remove(Kind::InstanceProfile, &[Kind::Nodes]);
        self.remove(Kind::Role, &[Kind::InstanceProfile]);
        let mut inside = vec![Kind::Nodes, Kind::MountTarget, Kind::Template];
        inside.extend(Kind::STORAGE);
        self.remove(Kind::SecurityGroup, &inside);
    }

    /// Tasks end, every link is exported, and only when all of that went well does the first link go.
    fn storage(&mut self) {
        let goes = |kind: Kind| self.work(kind).iter().any(|(_, work)| !work.delete.is_empty());
        let storage_goes = Kind::STORAGE.into_iter().any(goes);
        let again = |address: &Address| self.input.desired.to_export.contains_key(address);
        let links: Vec<DoomedLink> = self
            .work(Kind::Link)
            .into_iter()
            .filter(|(address, work)| !work.delete.is_empty() || (work.create.is_some() && again(address)))
            .map(|(address, work)| DoomedLink {
                address: address.clone(),
                ids: work.delete.clone(),
                create: work.create.filter(|_| again(address)),
                export: work.export,
                settle: work.settle,
            })
            .collect();
        // When the file system stays, links may go while nodes run on: their files stay on it. Not so at
        // `down`: after the cluster nobody exports what they still write, whoever's the file system is.
        let last_export = storage_goes || self.input.purpose == Purpose::Down;
        let mut ready = if last_export { self.removed_of(&[Kind::Nodes]) } else { Vec::new() };
        if storage_goes && self.input.observed.tasks.iter().any(|task| task.state.is_active()) {
            ready = vec![self.push(&Address::one(Kind::Task), Op::EndTasks, ready)];
        }
        let mut exported = ready.clone();
        let mut before: Option<After> = None;
        for DoomedLink { address, ids: _, create, export, settle } in &links {
            let mut edges = ready.clone();
            if let Some((epoch, count)) = *create {
                let mut after = ready.clone();
                after.extend(before);
                let made = self.push(address, Op::Create { epoch, count, least: None }, after);
                before = Some(made);
                edges.push(made);
            }
            if *settle {
                edges.push(self.push(address, Op::Settle, ready.clone()));
            }
            if *export {
                exported.push(self.push(address, Op::Export, edges));
            } else {
                exported.extend(edges);
            }
        }
        let cached = is_cached(self.input);
        // Those of a cache go with it.
        for DoomedLink { address, ids, .. } in links.into_iter().filter(|_| !cached) {
            let mut edges = exported.clone();
            edges.extend(before);
            let step = self.push(&address, Op::Delete { ids }, edges);
            self.removed.insert(address, step.step);
            before = Some(step);
        }
        self.remove(Kind::MountTarget, &[Kind::Nodes]);
        self.remove(Kind::Fsx, &[Kind::Nodes, Kind::Link]);
        self.remove(Kind::Efs, &[Kind::Nodes, Kind::MountTarget]);
        self.remove_after(Kind::FileCache, &[Kind::Nodes], &exported);
    }

    fn makes(&mut self) {
        let mut last_link: Option<After> = self
            .removed
            .iter()
            .filter(|(address, _)| address.kind == Kind::Link)
            .map(|(_, step)| After { step: *step, point: Point::Done })
            .max_by_key(|after| after.step);
        for (address, wanted) in &self.input.desired.resources {
            let Some(work) = self.outcome.work.get(address) else {
                continue;
            };
            let mut edges: Vec<After> =
                self.removed.get(address).map(|step| After { step: *step, point: Point::Done }).into_iter().collect();
            self.edges(address, &wanted.after, &mut edges);
            if address.kind == Kind::Link {
                edges.extend(last_link);
            }
            let made = self.make(address, work, &edges);
            self.roll(address, work, &edges);
            if let Some(made) = made {
                self.made.insert(address.clone(), made);
                if address.kind == Kind::Link {
                    last_link = Some(made.done);
                }
                if work.preload && matches!(wanted.resource, Resource::Link(_)) {
                    self.push(address, Op::Preload, vec![made.done]);
                }
            } else if work.preload {
                self.push(address, Op::Preload, edges);
            }
        }
    }

    /// What is kept as it is passes on what it stands on itself: that may be about to change.
    fn edges(&self, address: &Address, after: &[(Address, Point)], edges: &mut Vec<After>) {
        for (needed, point) in after {
            if self.made.contains_key(needed) {
                edges.extend(self.edge(address, needed, *point));
            } else if let Some(kept) = self.input.desired.resources.get(needed) {
                self.edges(address, &kept.after, edges);
            }
        }
    }

    /// Nodes need not wait while the file system below them is only changed; links must, since FSx takes one change at a time.
    fn edge(&self, address: &Address, needed: &Address, point: Point) -> Option<After> {
        let made = self.made.get(needed)?;
        if !made.is_new && needed.kind.is_storage() && address.kind != Kind::Link {
            return None;
        }
        match point {
            Point::Answered => made.answered,
            Point::Done => Some(made.done),
        }
    }

    /// Batch after batch, each once all nodes of the group but its own are ready.
    fn roll(&mut self, address: &Address, work: &Work, edges: &[After]) {
        let is_first = |step: &Step| {
            step.address == *address && matches!(step.op, Op::Create { .. } | Op::Settle | Op::Delete { .. })
        };
        let mut before = edges.to_vec();
        for (step, _) in self.steps.iter().enumerate().filter(|(_, step)| is_first(step)) {
            before.push(After { step, point: Point::Done });
        }
        for (epoch, batch) in &work.rolls {
            let gone = self.push(address, Op::Delete { ids: batch.remove.clone() }, before);
            before = vec![gone];
            // For nobody of too many comes another.
            if batch.add > 0 {
                let create = Op::Create { epoch: *epoch, count: batch.add, least: batch.fewer() };
                before = vec![self.push(address, create, before)];
            }
        }
    }

    fn make(&mut self, address: &Address, work: &Work, edges: &[After]) -> Option<Made> {
        let mut edges = edges.to_vec();
        let mut last: Option<Made> = None;
        if work.settle && (work.delete.is_empty() || address.kind == Kind::Nodes) {
            let done = self.push(address, Op::Settle, edges.clone());
            last = Some(Made { answered: None, done, is_new: true });
            if address.kind != Kind::Nodes {
                edges = vec![done];
            }
        }
        if work.create.is_some() && !work.nodes.is_empty() {
            let keys = |keys: &BTreeSet<String>| keys.iter().cloned().collect();
            let (set_tags, remove_tags) = (keys(&work.set_tags), keys(&work.remove_tags));
            let op = Op::Update { fields: Vec::new(), set_tags, remove_tags, nodes: work.nodes.clone() };
            self.push(address, op, edges.clone());
        }
        if let Some((epoch, count)) = work.create {
            let done = self.push(address, Op::Create { epoch, count, least: work.least }, edges);
            return Some(Made { answered: Some(After { point: Point::Answered, ..done }), done, is_new: true });
        }
        let tags = (!work.set_tags.is_empty() || !work.remove_tags.is_empty()).then(Vec::new);
        let mut calls: Vec<Vec<String>> = work.updates.iter().map(|fields| fields.iter().cloned().collect()).collect();
        if calls.is_empty() {
            calls.extend(tags);
        }
        let count = calls.len();
        for (index, fields) in calls.into_iter().enumerate() {
            let is_last = index + 1 == count;
            let pick = |keys: &BTreeSet<String>| {
                if is_last { keys.iter().cloned().collect() } else { Vec::new() }
            };
            let op = Op::Update {
                fields,
                set_tags: pick(&work.set_tags),
                remove_tags: pick(&work.remove_tags),
                nodes: work.nodes.clone(),
            };
            let done = self.push(address, op, edges.clone());
            edges = vec![done];
            let is_new = last.is_some_and(|made| made.is_new);
            last = Some(Made { answered: None, done, is_new });
        }
        last
    }
}
