//! The world behind all clients: what exists, what is still going to happen, and when.
//!
//! Nothing runs in the background. Each look first brings the world up to the present: what is due on the agenda
//! happens, in order. What clients do is in the modules beside this one, each an `impl World`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::client::Client;
use super::files::{Files, Ledger};
use super::history::{Entry, Event};
use super::invariants::Watch;
use super::nodes::Machine;
use super::random::Random;
use super::remote::Sent;
use super::restore::Restoring;
use super::settings::Settings;
use super::shelf::Shelf;
use crate::cloud::{Class, Update};
use crate::desired::{Kind, Resource, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, Tags};
use crate::observed::{State, Task};

/// Kind and id; names of two kinds may be the same.
pub(super) type Key = (Kind, String);

/// What a thing stands on, by kind.
pub(super) type Uses = BTreeMap<Kind, String>;

/// Who made a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// A client, through the port.
    Clients,
    /// Somebody else: no client may touch it.
    Others,
}

/// Anything but nodes and tasks.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    /// As it is, which is less than what was asked for while a creation of several requests is under way.
    pub(super) resource: Resource,
    pub(super) tags: Tags,
    pub(super) state: State,
    pub(super) reason: Option<String>,
    pub(super) maker: Maker,
    pub(super) uses: Uses,
    /// When it last grew; file systems only.
    pub(super) grown: Option<Duration>,
}

impl Thing {
    /// AWS's own word for the state.
    pub(super) const fn lifecycle(&self) -> &'static str {
        match (&self.resource, self.state) {
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Creating) => "CREATING",
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Ready) => "AVAILABLE",
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Updating) => "UPDATING",
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Misconfigured) => "MISCONFIGURED",
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Failed) => "FAILED",
            (Resource::Fsx(_) | Resource::FileCache(_) | Resource::Link(_), State::Deleting) => "DELETING",
            (Resource::Efs(_) | Resource::MountTarget(_), State::Creating) => "creating",
            (Resource::Efs(_) | Resource::MountTarget(_), State::Updating) => "updating",
            (Resource::Efs(_) | Resource::MountTarget(_), State::Misconfigured | State::Failed) => "error",
            (Resource::Efs(_) | Resource::MountTarget(_), State::Deleting) => "deleting",
            _ => "available",
        }
    }
}

/// A parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) value: String,
    pub(super) maker: Maker,
}

/// What is going to happen.
#[derive(Debug, Clone)]
pub(super) enum Due {
    Created(Key),
    Updated(Key),
    Gone(Key),
    TaskStarts(String),
    TaskEnds(String),
    TaskCanceled(String),
    /// Of a reservation: its own end.
    Expires(Key),
    /// So many instances of a type has a zone from now on.
    Capacity {
        instance: String,
        zone: String,
        count: u32,
    },
    NodeRuns(String),
    NodeBooted(String),
    NodePreloads(String),
    NodeTerminated(String),
    NodeForgotten(String),
    Exported {
        file_system: String,
        path: String,
        files: u64,
    },
    ObjectsDeleted {
        file_system: String,
        path: String,
        files: u64,
    },
}

/// Why the cloud does not do what it was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) class: Class,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Of capacity: zones that have some.
    pub(super) elsewhere: Vec<String>,
}

pub(super) fn refuse<T>(class: Class, code: &'static str, message: impl Into<String>) -> Answer<T> {
    Err(Refusal { class, code, message: message.into(), elsewhere: Vec::new() })
}

pub(super) type Answer<T> = std::result::Result<T, Refusal>;

/// A request with a token, and what it made.
#[derive(Debug, Clone)]
pub(super) struct Spent {
    /// All its parameters, to compare with those of a later request.
    pub(super) parameters: String,
    pub(super) made: Vec<String>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) now: Duration,
    pub(super) random: Random,
    agenda: BTreeMap<(Duration, u64), Due>,
    counter: u64,
    pub(super) things: Shelf<Key, Thing>,
    pub(super) nodes: Shelf<String, Machine>,
    pub(super) tasks: Shelf<String, Task>,
    pub(super) parameters: Shelf<String, Parameter>,
    /// By scope (the operation, with the zone for instances) and token.
    pub(super) tokens: BTreeMap<(String, String), Spent>,
    /// Security groups that the interfaces of deleted file systems still hold.
    pub(super) lingering: Vec<(String, Duration)>,
    /// How the next file system or link of a kind ends instead of being made.
    pub(super) failing: Uses,
    /// How many nodes of a cluster's address were ever asked for at once.
    pub(super) asked: BTreeMap<(String, String), u32>,
    /// When which group was granted a reservation in which zone.
    pub(super) granted: Vec<(Duration, String, String)>,
    /// When a file system was made in which zone.
    pub(super) housed: Vec<(Duration, String)>,
    /// File systems that a node was ever launched for, and those of them that a client has deleted.
    pub(super) lived_on: (BTreeSet<String>, Vec<String>),
    /// How many nodes of a group were ever launched.
    pub(super) launches: BTreeMap<String, u32>,
    pub(super) files: BTreeMap<String, Files>,
    /// What automatic export has had to do: of which file system, from when until when.
    pub(super) queued: Vec<(String, Duration, Duration)>,
    /// Reports of tasks, by URL.
    pub(super) reports: BTreeMap<String, String>,
    /// What nodes restore, by file system.
    pub(super) restores: BTreeMap<String, Restoring>,
    /// Sent to nodes, by id.
    pub(super) commands: BTreeMap<String, Sent>,
    pub(super) ledger: Ledger,
    /// Tasks that somebody else has started: no client may cancel one.
    pub(super) tasks_of_others: BTreeSet<String>,
    /// Whose tags somebody else has changed: whether we find them is not in our hands.
    pub(super) retagged: BTreeSet<Key>,
    /// Losing data is no violation: the user wants it so.
    pub(super) discard_allowed: bool,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) denied: BTreeSet<String>,
    /// Operations that the endpoint does not know.
    pub(super) unknown: BTreeSet<String>,
    pub(super) entries: Vec<Entry>,
    /// Whether the promises are looked at after every step, and what was found broken first.
    pub(super) watch: Watch,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            random: Random::new(settings.seed),
            settings,
            now: Duration::ZERO,
            agenda: BTreeMap::new(),
            counter: 0,
            things: Shelf::default(),
            nodes: Shelf::default(),
            tasks: Shelf::default(),
            parameters: Shelf::default(),
            tokens: BTreeMap::new(),
            lingering: Vec::new(),
            failing: BTreeMap::new(),
            asked: BTreeMap::new(),
            granted: Vec::new(),
            housed: Vec::new(),
            lived_on: Default::default(),
            launches: BTreeMap::new(),
            files: BTreeMap::new(),
            queued: Vec::new(),
            reports: BTreeMap::new(),
            restores: BTreeMap::new(),
            commands: BTreeMap::new(),
            ledger: Ledger::default(),
            tasks_of_others: BTreeSet::new(),
            retagged: BTreeSet::new(),
            discard_allowed: false,
            clients: BTreeMap::new(),
            denied: BTreeSet::new(),
            unknown: BTreeSet::new(),
            entries: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// Lets happen what is due until then.
    pub(super) fn advance(&mut self, to: Duration) {
        while let Some(first) = self.agenda.first_entry() {
            if first.key().0 > to {
                break;
            }
            self.now = self.now.max(first.key().0);
            let due = first.remove();
            self.happen(due);
            self.watch_promises();
        }
        self.now = self.now.max(to);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Created(key) => self.created(&key),
            Due::Updated(key) => self.updated(&key),
            Due::Gone(key) => self.gone(&key),
            Due::TaskStarts(id) => self.task_starts(&id),
            Due::TaskEnds(id) => self.task_ends(&id),
            Due::TaskCanceled(id) => self.task_canceled(&id),
            Due::Expires(key) => self.expires(&key),
            Due::Capacity { instance, zone, count } => self.capacity_is(&instance, &zone, count),
            Due::NodeRuns(id) => self.node_runs(&id),
            Due::NodeBooted(id) => self.node_booted(&id),
            Due::NodePreloads(id) => self.node_preloads(&id),
            Due::NodeTerminated(id) => self.node_terminated(&id),
            Due::NodeForgotten(id) => self.node_forgotten(&id),
            Due::Exported { file_system, path, files } => self.auto_exported(&file_system, &path, files),
            Due::ObjectsDeleted { file_system, path, files } => self.objects_deleted(&file_system, &path, files),
        }
    }

    pub(super) fn later(&mut self, delay: Duration, due: Due) {
        self.counter += 1;
        self.agenda.insert((self.now.saturating_add(delay), self.counter), due);
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.entries.push(Entry { at: self.now, what: Event::Happened(what.into()) });
    }

    /// The next id of a kind, as long as AWS's.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}-{:017x}", self.counter)
    }

    /// When readers see what changes now.
    pub(super) fn shown(&mut self) -> Duration {
        self.now + self.random.up_to(self.settings.lag.resources)
    }

    /// When readers see the tags that are set now.
    pub(super) fn tags_shown(&mut self) -> Duration {
        self.now + self.random.up_to(self.settings.lag.tags)
    }

    pub(super) fn put(&mut self, key: Key, thing: Thing) {
        let shown = self.shown();
        self.things.put(key, thing, self.now, shown);
    }

    /// A client changes a thing.
    pub(super) fn change(&mut self, key: &Key, change: impl FnOnce(&mut Thing)) {
        self.touch(key, "changed");
        let shown = self.shown();
        self.things.change(key, self.now, shown, change);
    }

    /// A client removes a thing, at once.
    pub(super) fn remove(&mut self, key: &Key) {
        self.touch(key, "deleted");
        let shown = self.shown();
        self.things.remove(key, self.now, shown);
    }

    /// Sets or removes tags, of a thing or of the nodes named.
    pub(super) fn change_tags(&mut self, update: &Update, change: impl Fn(&mut Tags)) -> Answer<()> {
        if update.address.kind == Kind::Nodes {
            for id in &update.nodes {
                if self.nodes.get(id).is_some_and(|node| node.maker == Maker::Others) {
                    self.ledger.touched.push(format!("instance {id} was tagged"));
                }
                let shown = self.tags_shown();
                self.nodes.change(id, self.now, shown, |node| change(&mut node.tags));
            }
            return Ok(());
        }
        let key = (update.address.kind, update.id.clone());
        self.existing(&key)?;
        self.touch(&key, "tagged");
        let shown = self.tags_shown();
        self.things.change(&key, self.now, shown, |thing| change(&mut thing.tags));
        Ok(())
    }

    /// Keeps book of what a client does to others' things.
    pub(super) fn touch(&mut self, key: &Key, how: &str) {
        if self.things.get(key).is_some_and(|thing| thing.maker == Maker::Others) {
            self.ledger.touched.push(format!("{} {} was {how}", key.0.noun(), key.1));
        }
    }

    /// A thing that a request builds on: one that was made a moment ago may not be known yet.
    pub(super) fn needed(&self, kind: Kind, id: &str) -> Answer<&Thing> {
        let key = (kind, id.to_owned());
        match (self.things.get(&key), self.things.seen(&key, self.now)) {
            (Some(thing), Some(_)) => Ok(thing),
            (Some(_), None) => refuse(Class::NotYet, "NotFound", format!("{} {id} is not known yet", kind.noun())),
            // AWS says the same of what is not known yet and of what is no more.
            (None, _) => refuse(Class::NotYet, "NotFound", format!("{} {id} does not exist", kind.noun())),
        }
    }

    /// A thing that a request changes.
    pub(super) fn existing(&self, key: &Key) -> Answer<&Thing> {
        match self.things.get(key) {
            Some(thing) => Ok(thing),
            None => refuse(Class::NotFound, "NotFound", format!("{} {} does not exist", key.0.noun(), key.1)),
        }
    }

    /// What stands on a thing and keeps it from being deleted, in words.
    pub(super) fn users(&self, key: &Key) -> Vec<String> {
        let (kind, id) = key;
        let stands = |uses: &Uses| uses.get(kind) == Some(id);
        let mut users: Vec<String> = self
            .things
            .all()
            // A template holds nothing, and a file system takes its links along.
            .filter(|((user, _), thing)| !matches!(user, Kind::Template | Kind::Link) && stands(&thing.uses))
            .map(|((user, id), _)| format!("{} {id}", user.noun()))
            .collect();
        // Terminated instances hold nothing; profiles can be taken away under running ones.
        let held = matches!(kind, Kind::SecurityGroup | Kind::Placement);
        let nodes = self.nodes.all().filter(|(_, node)| held && node.holds() && stands(&node.uses));
        users.extend(nodes.map(|(id, _)| format!("instance {id}")));
        if *kind == Kind::SecurityGroup {
            let lingering = self.lingering.iter().filter(|(group, until)| group == id && self.now < *until);
            users.extend(lingering.map(|_| "network interface of a deleted file system".to_owned()));
        }
        users
    }

    /// What a token has made before: nothing, or those things, or a refusal if it was for something else.
    pub(super) fn spent(&self, scope: &str, token: &str, parameters: &str) -> Answer<Option<&[String]>> {
        match self.tokens.get(&(scope.to_owned(), token.to_owned())) {
            None => Ok(None),
            Some(spent) if spent.parameters == parameters => Ok(Some(&spent.made)),
            Some(_) => refuse(
                Class::Conflict,
                "IdempotentParameterMismatch",
                format!("token {token} was used with other parameters"),
            ),
        }
    }

    pub(super) fn spend(&mut self, scope: &str, token: &str, parameters: String, made: Vec<String>) {
        self.tokens.insert((scope.to_owned(), token.to_owned()), Spent { parameters, made });
    }

    /// One more of a kind must be allowed.
    pub(super) fn within_quota(&self, kind: Kind, present: usize, more: u32) -> Answer<()> {
        match self.settings.quotas.get(&kind) {
            Some(&limit) if present + more as usize > limit as usize => {
                refuse(Class::Quota, "LimitExceeded", format!("the account may have {limit} of {}", kind.noun()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.things.all().filter(|((each, _), _)| *each == kind).count()
    }

    pub(super) fn zone_of(&self, subnet: &str) -> Answer<String> {
        match self.settings.subnets.iter().find(|each| each.id == subnet) {
            Some(found) => Ok(found.zone.clone()),
            None => refuse(Class::Invalid, "InvalidSubnetID.NotFound", format!("subnet {subnet} does not exist")),
        }
    }
}

/// Whether a thing with these tags is the one that a creation with those tags means.
pub(super) fn same_owner(there: &Tags, wanted: &Tags) -> bool {
    [TAG_CLUSTER, TAG_DEPLOYMENT, TAG_ADDRESS]
        .into_iter()
        .all(|key| there.contains_key(key) && there.get(key) == wanted.get(key))
}

/// What AWS tells a resource by; None where it gives an id.
pub(super) fn name_of(resource: &Resource) -> Option<&str> {
    match resource {
        Resource::SecurityGroup(group) => Some(&group.name),
        Resource::Role(role) => Some(&role.name),
        Resource::InstanceProfile(profile) => Some(&profile.name),
        Resource::Placement(placement) => Some(&placement.name),
        Resource::Template(template) => Some(&template.name),
        Resource::Reservation(_)
        | Resource::Fsx(_)
        | Resource::FileCache(_)
        | Resource::Efs(_)
        | Resource::MountTarget(_)
        | Resource::Link(_)
        | Resource::Nodes(_) => None,
    }
}

pub(super) const fn kind_of(resource: &Resource) -> Kind {
    match resource {
        Resource::SecurityGroup(_) => Kind::SecurityGroup,
        Resource::Role(_) => Kind::Role,
        Resource::InstanceProfile(_) => Kind::InstanceProfile,
        Resource::Placement(_) => Kind::Placement,
        Resource::Reservation(_) => Kind::Reservation,
        Resource::Fsx(_) => Kind::Fsx,
        Resource::Efs(_) => Kind::Efs,
        Resource::MountTarget(_) => Kind::MountTarget,
        Resource::FileCache(_) => Kind::FileCache,
        Resource::Link(_) => Kind::Link,
        Resource::Template(_) => Kind::Template,
        Resource::Nodes(_) => Kind::Nodes,
    }
}
