//! What a test does to the world behind the port's back, and what it reads there. None of it is a request.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::client::Simulated;
use super::files::{Counts, Ledger};
use super::history::{Entry, Event, Outcome, Request};
use super::look::View;
use super::settings::Settings;
use super::world::{Due, Maker, Thing, Uses, World, kind_of, name_of};
use crate::cloud::{Overwrite, Scope};
use crate::desired::{Kind, Link, MountTarget, Reference, Resource, TAG_CLUSTER, Tags};
use crate::observed::{NodeState, Observed, State, Task, Work};

/// The world's own behaviour.
impl Simulated {
    /// Changes how the world behaves from now on.
    pub fn adjust(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world().settings);
    }

    /// Refuses an operation, such as `fsx:DeleteFileSystem`, to everybody.
    pub fn deny(&self, operation: &str) {
        self.world().denied.insert(operation.to_owned());
    }

    pub fn allow(&self, operation: &str) {
        self.world().denied.remove(operation);
    }

    /// Does not know an operation at all, as a stand-in for AWS that lacks it.
    pub fn lack(&self, operation: &str) {
        self.world().unknown.insert(operation.to_owned());
    }

    /// From then on a zone has so many instances of a type.
    pub fn capacity_at(&self, after: Duration, instance: &str, zone: &str, count: u32) {
        let (instance, zone) = (instance.to_owned(), zone.to_owned());
        self.world().later(after, Due::Capacity { instance, zone, count });
    }

    /// Lets the next creation of a file system or link end as FAILED.
    pub fn fail_next(&self, kind: Kind, reason: &str) {
        self.world().failing.insert(kind, reason.to_owned());
    }

    /// Takes back what was ordered to fail and has not come up.
    pub fn fail_no_more(&self) {
        self.world().failing.clear();
    }
}

/// Somebody's hand.
impl Simulated {
    /// Puts a thing that is not the clients': they may look at it and not touch it. Of a node group, one node. Returns its id.
    pub fn plant(&self, resource: Resource, tags: Tags) -> String {
        let mut world = self.world();
        if let Resource::Nodes(group) = &resource {
            return world.plant_node(group, tags);
        }
        let kind = kind_of(&resource);
        let id =
            name_of(&resource).filter(|_| !matches!(kind, Kind::SecurityGroup | Kind::Template)).map(ToOwned::to_owned);
        let id = id.unwrap_or_else(|| world.id(kind.as_str()));
        let uses = match &resource {
            Resource::InstanceProfile(profile) => Uses::from([(Kind::Role, profile.role.clone())]),
            _ => Uses::new(),
        };
        let (state, reason, maker, grown) = (State::Ready, None, Maker::Others, None);
        let thing = Thing { resource, tags, state, reason, maker, uses, grown };
        let now = world.now;
        world.things.put((kind, id.clone()), thing, now, now);
        id
    }

    /// Puts a link of somebody else's on a file system.
    pub fn plant_link(&self, file_system: &str, link: Link, tags: Tags) -> String {
        let id = self.plant(Resource::Link(link), tags);
        let mut world = self.world();
        if let Some(thing) = world.things.get_mut(&(Kind::Link, id.clone())) {
            thing.uses.insert(Kind::Fsx, file_system.to_owned());
        }
        id
    }

    /// Somebody gives an EFS file system a mount target in another subnet.
    pub fn add_mount_target(&self, file_system: &str, subnet: &str, security_group: &str) -> String {
        let mut world = self.world();
        let zone = world.zone_of(subnet).unwrap_or_default();
        let security_group = Reference::Existing(security_group.to_owned());
        let target = MountTarget { zone, subnet: subnet.to_owned(), security_group };
        let key = (Kind::MountTarget, world.id("fsmt"));
        let uses = Uses::from([(Kind::Efs, file_system.to_owned())]);
        let (resource, tags) = (Resource::MountTarget(target), Tags::new());
        // Whoever made it, it goes with its file system.
        let (state, reason, maker, grown) = (State::Ready, None, Maker::Clients, None);
        let now = world.now;
        world.things.put(key.clone(), Thing { resource, tags, state, reason, maker, uses, grown }, now, now);
        key.1
    }

    /// Somebody writes files onto one file system, whoever's it is.
    pub fn write_onto(&self, file_system: &str, path: &str, files: u64) {
        self.world().write(file_system, path, files);
    }

    /// Somebody starts an import on a file system.
    pub fn import_onto(&self, file_system: &str, s3: &str) -> String {
        let mut world = self.world();
        let id = world.start_task(file_system, Work::Import, vec![s3.to_owned()], &Tags::new(), None).id;
        world.tasks_of_others.insert(id.clone());
        id
    }

    /// A task as it is.
    pub fn task(&self, id: &str) -> Option<Task> {
        self.world().tasks.get(&id.to_owned()).cloned()
    }

    /// Puts a parameter that is not the clients'.
    pub fn plant_parameter(&self, name: &str, value: &str) {
        let mut world = self.world();
        world.put_parameter(name, value, Overwrite::Yes);
        if let Some(parameter) = world.parameters.get_mut(name) {
            parameter.maker = Maker::Others;
        }
    }

    /// Makes all that a cluster has somebody else's: from now on no client may touch it.
    pub fn disown(&self, cluster: &str) {
        let mut world = self.world();
        let ours = |tags: &Tags| tags.get(TAG_CLUSTER).is_some_and(|each| each == cluster);
        let keys: Vec<_> =
            world.things.all().filter(|(_, thing)| ours(&thing.tags)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            world.things.get_mut(&key).into_iter().for_each(|thing| thing.maker = Maker::Others);
        }
        let ids: Vec<_> = world.nodes.all().filter(|(_, node)| ours(&node.tags)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            world.nodes.get_mut(&id).into_iter().for_each(|node| node.maker = Maker::Others);
        }
        let record = format!("/provision/{cluster}/");
        let names: Vec<_> = world
            .parameters
            .all()
            .filter(|(name, _)| name.starts_with(&record))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            world.parameters.get_mut(&name).into_iter().for_each(|parameter| parameter.maker = Maker::Others);
        }
    }

    /// Changes a thing by hand, visible at once.
    pub fn change_by_hand(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Resource)) {
        self.by_hand(kind, id, |thing| change(&mut thing.resource));
    }

    /// Changes the tags of a thing or a node by hand, visible at once.
    pub fn tag_by_hand(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Tags)) {
        self.world().retagged.insert((kind, id.to_owned()));
        if kind == Kind::Nodes {
            let mut world = self.world();
            let now = world.now;
            world.nodes.change(id, now, now, |node| change(&mut node.tags));
        } else {
            self.by_hand(kind, id, |thing| change(&mut thing.tags));
        }
    }

    /// Puts a thing into another state, such as MISCONFIGURED.
    pub fn set_state(&self, kind: Kind, id: &str, state: State, reason: &str) {
        self.by_hand(kind, id, |thing| {
            thing.state = state;
            thing.reason = Some(reason.to_owned());
        });
    }

    fn by_hand(&self, kind: Kind, id: &str, change: impl FnOnce(&mut Thing)) {
        let mut world = self.world();
        world.note(format!("somebody changes {} {id}", kind.noun()));
        let now = world.now;
        world.things.change(&(kind, id.to_owned()), now, now, change);
    }

    /// Deletes a thing by hand, at once and whatever stands on it; of a node, ends it as AWS would.
    pub fn delete_by_hand(&self, kind: Kind, id: &str) {
        let mut world = self.world();
        world.note(format!("somebody deletes {} {id}", kind.noun()));
        if kind == Kind::Nodes {
            world.end_node(id, Some("Client.UserInitiatedShutdown"));
        } else {
            world.files.remove(id);
            world.gone(&(kind, id.to_owned()));
        }
    }

    /// Stops a node, as its owner would to save money.
    pub fn stop_by_hand(&self, id: &str) {
        let mut world = self.world();
        let now = world.now;
        world.nodes.change(id, now, now, |node| node.state = NodeState::Stopped);
    }

    /// AWS takes a node back: a spot interruption, the end of a capacity block, broken hardware.
    pub fn interrupt(&self, id: &str, reason: &str) {
        self.world().end_node(id, Some(reason));
    }
}

/// Files and what happens to them.
impl Simulated {
    /// Writes files below a path of every file system of the clients' that is usable. Returns how many in all.
    pub fn write_files(&self, path: &str, files: u64) -> u64 {
        let mut world = self.world();
        let mounted = mounted(&world);
        for file_system in &mounted {
            world.write(file_system, path, files);
        }
        files * mounted.len() as u64
    }

    /// Deletes exported files below a path.
    pub fn delete_files(&self, path: &str, files: u64) {
        let mut world = self.world();
        for file_system in mounted(&world) {
            world.delete_files(&file_system, path, files);
        }
    }

    /// What is on a file system, by directory.
    pub fn files(&self, file_system: &str) -> BTreeMap<String, Counts> {
        self.world().files.get(file_system).cloned().unwrap_or_default()
    }

    pub fn ledger(&self) -> Ledger {
        self.world().ledger.clone()
    }

    /// The user has said in words that what is not exported may go.
    pub fn allow_discard(&self) {
        self.world().discard_allowed = true;
    }
}

fn mounted(world: &World) -> Vec<String> {
    let usable = |state: State| matches!(state, State::Ready | State::Updating | State::Misconfigured);
    let ours = |thing: &Thing| thing.maker == Maker::Clients && usable(thing.state);
    let things = world.things.all();
    things.filter(|((kind, _), thing)| kind.is_storage() && ours(thing)).map(|((_, id), _)| id.clone()).collect()
}

/// What a test reads.
impl Simulated {
    /// All that a cluster has, without lag, request or fault.
    pub fn truth(&self, cluster: &str) -> Observed {
        let (deployment, names) = (None, BTreeMap::new());
        let scope = Scope { cluster: cluster.to_owned(), deployment, names, file_system: None, existing: None };
        let world = self.world();
        let mut observed = Observed::default();
        for kind in Kind::ALL {
            observed.refresh(&[kind], world.observe(&scope, kind, View::Truth));
        }
        observed
    }

    /// File systems that were made in a zone where one of these groups had not been granted room within so long before.
    pub fn housed_without_room(&self, groups: &[String], within: Duration) -> Vec<String> {
        let world = self.world();
        let lacks = |at: Duration, zone: &str, group: &String| {
            !world.granted.iter().any(|(then, of, there)| {
                of == group && there == zone && *then <= at && at.saturating_sub(*then) <= within
            })
        };
        let each = world.housed.iter().flat_map(|(at, zone)| groups.iter().map(move |group| (*at, zone, group)));
        each.filter(|(at, zone, group)| lacks(*at, zone, group))
            .map(|(at, zone, group)| format!("{zone} at {:.1} s had not been asked for {group}", at.as_secs_f64()))
            .collect()
    }

    /// File systems that a client has deleted although a node had once been launched for them.
    pub fn deleted_after_a_launch(&self) -> Vec<String> {
        self.world().lived_on.1.clone()
    }

    /// Whether somebody else's thing is still there.
    pub fn exists(&self, kind: Kind, id: &str) -> bool {
        self.world().things.get(&(kind, id.to_owned())).is_some()
    }

    /// Parameters below a path, without lag, request or fault.
    pub fn parameters_now(&self, path: &str) -> BTreeMap<String, String> {
        let world = self.world();
        let below = world.parameters.all().filter(|(name, _)| name.starts_with(path));
        below.map(|(name, parameter)| (name.clone(), parameter.value.clone())).collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.world().entries.clone()
    }

    /// The history for a person, one line an entry.
    pub fn history(&self) -> String {
        self.world().entries.iter().fold(String::new(), |mut text, entry| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{entry}");
            text
        })
    }

    /// How many requests a client has sent.
    pub fn requests(&self, client: &str) -> usize {
        self.of_client(client, |_| true)
    }

    /// How many requests of a client have changed something, or may have.
    pub fn mutations(&self, client: &str) -> usize {
        self.of_client(client, |request| {
            request.mutating
                && match request.outcome {
                    Outcome::Answered | Outcome::Lost(_) | Outcome::Hung(_) | Outcome::Crashed(_) => true,
                    Outcome::Sent | Outcome::Failed(_) => false,
                }
        })
    }

    fn of_client(&self, client: &str, counts: impl Fn(&Request) -> bool) -> usize {
        let world = self.world();
        let requests = world.entries.iter().filter_map(|entry| match &entry.what {
            Event::Request(request) => Some(request),
            Event::Happened(_) => None,
        });
        requests.filter(|request| request.client == client && counts(request)).count()
    }
}
