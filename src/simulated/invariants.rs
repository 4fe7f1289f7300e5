//! The engine's promises, checked on the truth of a world. Nothing in here knows how the engine keeps them.

use std::collections::BTreeMap;
use std::fmt;

use super::client::Simulated;
use super::nodes::{Machine, cluster_of};
use super::world::{Key, Maker, World};
use crate::desired::{Kind, Resource, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, Tags};
use crate::observed::{NodeState, State};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Exists because of us, and nobody can find it from the cluster's name.
    Unfindable { what: String, missing: &'static str },
    /// More than one live thing of one address.
    Duplicate { address: String, ids: Vec<String> },
    /// More live nodes than were ever asked for at once.
    TooManyNodes { address: String, live: u32, asked: u32 },
    /// Somebody else's thing was changed or deleted.
    ForeignTouched(String),
    /// Files gone that were neither exported nor given up.
    DataLost(u64),
    /// Objects gone that no user's deletion explains.
    ObjectsDeleted(u64),
    /// A client changes the cluster after another one has begun to.
    Interleaved { client: String, other: String },
    /// Still there after a complete removal.
    LeftBehind(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfindable { what, missing } => write!(f, "findable: {what} has no tag `{missing}`"),
            Self::Duplicate { address, ids } => {
                write!(f, "convergent: {address} is there {} times: {}", ids.len(), ids.join(", "))
            }
            Self::TooManyNodes { address, live, asked } => {
                write!(f, "convergent: {address} has {live} nodes, {asked} were asked for")
            }
            Self::ForeignTouched(what) => write!(f, "clean: not ours, and yet {what}"),
            Self::DataLost(files) => write!(f, "data-safe: {files} files are lost"),
            Self::ObjectsDeleted(objects) => write!(f, "clean: {objects} objects were deleted from S3"),
            Self::Interleaved { client, other } => write!(f, "convergent: {client} goes on after {other} has begun"),
            Self::LeftBehind(what) => write!(f, "clean: {what} is left behind"),
        }
    }
}

/// What must hold at every instant.
pub fn check(simulated: &Simulated) -> Vec<Violation> {
    promises(&simulated.world())
}

/// Looking after every step, not only when a test asks.
#[derive(Debug, Default)]
pub(super) struct Watch {
    on: bool,
    first: Vec<Violation>,
    /// Clients that have changed something and hold locks, in the order in which they began; the last one has its turn.
    turns: Vec<String>,
    /// Lock parameters, and which client made each.
    locks: BTreeMap<String, String>,
}

impl Simulated {
    /// From now on every request and everything that happens of itself is followed by a look at the promises. Each client
    /// counts as one process, and two processes must not change the cluster in turns.
    pub fn watch(&self) {
        self.world().watch.on = true;
    }

    /// What was found broken first while watching.
    pub fn broken(&self) -> Vec<Violation> {
        self.world().watch.first.clone()
    }
}

impl World {
    pub(super) fn watch_promises(&mut self) {
        if self.watch.on && self.watch.first.is_empty() {
            self.watch.first = promises(self);
            self.note_broken();
        }
    }

    /// A client is about to change the cluster. One whose turn is over was overtaken, and should know.
    pub(super) fn watch_turn(&mut self, client: &str) {
        if !self.watch.on || self.watch.turns.last().is_some_and(|last| last == client) {
            return;
        }
        if !self.watch.turns.iter().any(|each| each == client) {
            self.watch.turns.push(client.to_owned());
        } else if self.watch.first.is_empty() {
            let other = self.watch.turns.last().cloned().unwrap_or_default();
            self.watch.first.push(Violation::Interleaved { client: client.to_owned(), other });
            self.note_broken();
        }
    }

    /// A client has made or removed parameters. One that gives its last lock back may have another turn.
    pub(super) fn watch_locks(&mut self, client: &str, operation: &str, names: &str) {
        for name in names.split(' ').filter(|name| is_lock(name)) {
            if operation == "ssm:PutParameter" {
                self.watch.locks.entry(name.to_owned()).or_insert_with(|| client.to_owned());
            } else if self.watch.locks.remove(name).is_some_and(|holder| holder == client)
                && !self.watch.locks.values().any(|holder| holder == client)
            {
                self.watch.turns.retain(|each| each != client);
            }
        }
    }

    /// In the history, at the moment it happened.
    fn note_broken(&mut self) {
        let texts: Vec<String> = self.watch.first.iter().map(ToString::to_string).collect();
        for text in texts {
            self.note(format!("BROKEN {text}"));
        }
    }
}

pub(super) fn is_lock(parameter: &str) -> bool {
    parameter.contains("/lock/")
}

fn promises(world: &World) -> Vec<Violation> {
    let mut violations = Vec::new();
    findable(world, &mut violations);
    no_duplicate(world, &mut violations);
    not_too_many_nodes(world, &mut violations);
    violations.extend(world.ledger.touched.iter().cloned().map(Violation::ForeignTouched));
    if world.ledger.lost > 0 && !world.discard_allowed {
        violations.push(Violation::DataLost(world.ledger.lost));
    }
    if world.ledger.objects_deleted > world.ledger.files_deleted {
        violations.push(Violation::ObjectsDeleted(world.ledger.objects_deleted - world.ledger.files_deleted));
    }
    violations
}

/// What must hold besides after `down` has ended well: nothing of the clusters' is left.
pub fn check_clean(simulated: &Simulated) -> Vec<Violation> {
    let mut violations = check(simulated);
    let world = simulated.world();
    let things = world.things.all().filter(|(_, thing)| thing.maker == Maker::Clients);
    let things = things.map(|((kind, id), thing)| format!("{} {id} ({})", kind.noun(), thing.lifecycle()));
    let nodes =
        world.nodes.all().filter(|(_, node)| node.maker == Maker::Clients && node.state != NodeState::Terminated);
    let nodes = nodes.map(|(id, node)| format!("instance {id} ({:?})", node.state));
    let parameters = world.parameters.all().filter(|(_, parameter)| parameter.maker == Maker::Clients);
    let parameters = parameters.map(|(name, _)| format!("parameter {name}"));
    violations.extend(things.chain(nodes).chain(parameters).map(Violation::LeftBehind));
    violations
}

fn findable(world: &World, violations: &mut Vec<Violation>) {
    let mut look = |key: Key, tags: &Tags| {
        if world.retagged.contains(&key) {
            return;
        }
        let keys = [TAG_CLUSTER, TAG_DEPLOYMENT, TAG_ADDRESS].into_iter();
        let missing = keys.filter(|tag| !tags.contains_key(*tag));
        let what = format!("{} {}", key.0.noun(), key.1);
        violations.extend(missing.map(|missing| Violation::Unfindable { what: what.clone(), missing }));
    };
    // A mount target can have no tags: it is found by way of its file system, which it cannot outlive.
    let tagged = |(kind, _): &Key| *kind != Kind::MountTarget;
    for (key, thing) in world.things.all().filter(|(key, thing)| tagged(key) && thing.maker == Maker::Clients) {
        look(key.clone(), &thing.tags);
    }
    for (id, node) in world.nodes.all().filter(|(_, node)| node.maker == Maker::Clients && node.exists()) {
        look((Kind::Nodes, id.clone()), &node.tags);
    }
}

/// A cluster's address, as a person writes it.
fn address_of(tags: &Tags) -> String {
    format!("{} of {}", tags.get(TAG_ADDRESS).map_or("?", String::as_str), cluster_of(tags))
}

fn no_duplicate(world: &World, violations: &mut Vec<Violation>) {
    let mut live: BTreeMap<(Kind, String), Vec<String>> = BTreeMap::new();
    for ((kind, id), thing) in world.things.all() {
        let counts = thing.maker == Maker::Clients && !matches!(thing.state, State::Deleting | State::Failed);
        if counts {
            let address = match &thing.resource {
                Resource::MountTarget(target) => format!("{:?} in {}", thing.uses.get(&Kind::Efs), target.zone),
                // It bears the tags of its cache.
                Resource::Link(link) if thing.uses.contains_key(&Kind::FileCache) => {
                    format!("link at {} of {}", link.path, cluster_of(&thing.tags))
                }
                _ => address_of(&thing.tags),
            };
            live.entry((*kind, address)).or_default().push(id.clone());
        }
    }
    let doubles = live.into_iter().filter(|(_, ids)| ids.len() > 1);
    violations.extend(doubles.map(|((_, address), ids)| Violation::Duplicate { address, ids }));
}

fn not_too_many_nodes(world: &World, violations: &mut Vec<Violation>) {
    for ((cluster, address), asked) in &world.asked {
        let of = |tags: &Tags| cluster_of(tags) == *cluster && tags.get(TAG_ADDRESS) == Some(address);
        let ours = |node: &Machine| node.maker == Maker::Clients && node.exists() && of(&node.tags);
        let live = world.nodes.all().filter(|(_, node)| ours(node)).count();
        let live = u32::try_from(live).unwrap_or(u32::MAX);
        if live > *asked {
            violations.push(Violation::TooManyNodes {
                address: format!("{address} of {cluster}"),
                live,
                asked: *asked,
            });
        }
    }
}
