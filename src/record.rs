//! The deployment record: what is written down before the calls that it covers, and read by whoever comes next.
//!
//! It says who the cluster is (the deployment id), what was settled (zone, images), and for every address which try at it
//! is the current one. A try starts as an intent, written before its call; its number is part of the call's token. So a
//! call repeated after a crash carries the same token and meets what the first one made, and a new try after a known end
//! carries another. The record is no state: which resources there are is only ever learnt by looking.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::{Address, Desired, Kind, Link, Pins, Place, Resource, TAG_EPOCH, TAG_FILE_SYSTEM, Tags, Wanted};
use crate::observed::{Observed, Seen};

/// How long a thing may stay invisible after it was made. AWS gives no figure (EC2 API developer guide, "Eventual
/// consistency"); half a minute is the longest that we plan for, and this is a little more.
pub const CONSISTENCY_WINDOW_S: i64 = 32;

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub format: u32,
    pub cluster: String,
    pub deployment: String,
    #[serde(default)]
    pub pins: Pins,
    /// Keys of the user's tags as last applied: those that leave the spec are removed, others are not ours to touch.
    #[serde(default)]
    pub tag_keys: Vec<String>,
    /// `down` has copied everything to S3 and no node was launched since: what is left of the storage may go.
    #[serde(default)]
    pub exported: bool,
    /// What the spec links and `down` has to export. Written before the first of them is made: one that is missing although
    /// nodes have been ready was never made, or deleted by hand, and `down` makes it again to export what is below it.
    #[serde(default)]
    pub links: BTreeMap<Address, Linked>,
    /// Links whose metadata is imported, as far as nobody has seen that end: a task may be seen some time after its link is there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub importing: BTreeSet<Address>,
    /// The file system has been AVAILABLE: somebody may have mounted it. Until then nothing can be on it.
    #[serde(default = "perhaps")]
    pub available: bool,
    /// A node has been ready since the storage was made: there may be files on it.
    #[serde(default)]
    pub ready: bool,
    /// Somebody may have written to the storage: a node was launched, whether it became ready or not, or a run has handed the
    /// cluster over. Once true it stays so until the storage is gone.
    #[serde(default = "perhaps")]
    pub used: bool,
    /// A move to another zone is begun: written before its first call, and over once the file system is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
    /// Until when calls that change or delete may have been sent: what was before them may be seen a little longer. None: what
    /// they brought about has been seen.
    #[serde(default)]
    pub changing: Option<Timestamp>,
    /// Until when `provision extend` lets nodes live; nodes made before then end then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Since when a run waits for capacity: kept when it is interrupted, so that the next one can say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Timestamp>,
    #[serde(default)]
    pub tries: BTreeMap<Address, Try>,
}

/// What older records do not say.
fn perhaps() -> bool {
    true
}

/// A cluster that leaves a zone without room; its place in the record is the one that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// `fs-…`: the empty file system that is given up. No other may be deleted for it.
    pub file_system: String,
    pub from: Place,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linked {
    pub bucket: String,
    pub prefix: String,
    pub path: String,
}

impl From<&Link> for Linked {
    fn from(link: &Link) -> Self {
        Self { bucket: link.bucket.clone(), prefix: link.prefix.clone(), path: link.path.clone() }
    }
}

impl Linked {
    /// A link for nothing but an export.
    fn to_export(&self) -> Wanted {
        let Self { bucket, prefix, path } = self.clone();
        let (import, export) = (Vec::new(), Vec::new());
        let (import_chunk_mib, preload_metadata, export_on_down) = (None, false, true);
        let link = Link { bucket, prefix, path, import, export, import_chunk_mib, preload_metadata, export_on_down };
        Wanted { resource: Resource::Link(link), spec: "to-export".to_owned(), tags: Tags::new(), after: Vec::new() }
    }
}

/// The links whose files `down` has to export.
pub fn links(desired: &Desired) -> BTreeMap<Address, Linked> {
    desired
        .resources
        .iter()
        .filter_map(|(address, wanted)| match &wanted.resource {
            Resource::Link(link) if link.export_on_down => Some((address.clone(), link.into())),
            _ => None,
        })
        .collect()
}

/// The latest try at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Try {
    pub epoch: u32,
    /// False: an intent, whose outcome nobody has written down.
    pub done: bool,
    /// When its call was answered; of an intent, when it was about to be sent.
    pub at: Timestamp,
    /// How many of it there should be: nodes of a group, else 1. 0 once it was deleted.
    pub count: u32,
}

impl Record {
    pub fn new(cluster: &str, deployment: &str) -> Self {
        Self {
            format: FORMAT,
            cluster: cluster.to_owned(),
            deployment: deployment.to_owned(),
            pins: Pins::default(),
            tag_keys: Vec::new(),
            exported: false,
            links: BTreeMap::new(),
            importing: BTreeSet::new(),
            available: false,
            ready: false,
            used: false,
            moving: None,
            changing: None,
            until: None,
            waiting: None,
            tries: BTreeMap::new(),
        }
    }

    /// The links again, for nothing but an export.
    pub fn to_export(&self) -> BTreeMap<Address, Wanted> {
        self.links.iter().map(|(address, link)| (address.clone(), link.to_export())).collect()
    }

    /// The number of the next try: an open intent is tried again under its own number, unless its resource was seen.
    pub fn next_epoch(&self, address: &Address, observed: &Observed) -> u32 {
        let seen = epochs(address, observed).max();
        match (self.tries.get(address), seen) {
            (None, None) => 0,
            (None, Some(seen)) => seen + 1,
            (Some(last), Some(seen)) if seen >= last.epoch => seen + 1,
            (Some(Try { epoch, done: true, .. }), _) => epoch + 1,
            (Some(Try { epoch, done: false, .. }), _) => *epoch,
        }
    }

    /// Calls of a run that nobody has heard of since may have been sent as late as that. True: that is news.
    pub fn sent_until(&mut self, at: Timestamp) -> bool {
        let before = self.clone();
        for last in self.tries.values_mut().filter(|last| !last.done) {
            last.at = last.at.max(at);
        }
        self.changing = self.changing.map(|last| last.max(at));
        *self != before
    }

    /// Capacity may be reserved: a run was about to ask for some, and nobody has written down that it was given back.
    pub fn may_hold_capacity(&self) -> bool {
        self.tries.iter().any(|(address, last)| address.kind == Kind::Reservation && !(last.done && last.count == 0))
    }

    /// A reservation that is seen was made by the latest try and not given back since. A look may show others for a while.
    pub fn holds(&self, seen: &Seen) -> bool {
        let epoch = seen.tags.get(TAG_EPOCH).and_then(|epoch| epoch.parse().ok());
        self.tries.get(&seen.address).is_none_or(|last| Some(last.epoch) == epoch && !(last.done && last.count == 0))
    }

    /// A launch was begun whose end nobody has written down.
    pub fn may_have_launched(&self) -> bool {
        self.tries.iter().any(|(address, last)| address.kind == Kind::Nodes && !last.done)
    }

    /// The file system that a move has begun to give up, if it is still there.
    pub fn leaves<'a>(&'a self, observed: &Observed) -> Option<&'a Moving> {
        let there = observed.file_system().map(|seen| seen.id.as_str());
        self.moving.as_ref().filter(|moving| Some(moving.file_system.as_str()) == there)
    }

    /// Why there may be files on the cluster's own file system that no run has put there; None: there is surely none. A node
    /// that never said that it is ready may have written all the same, and so may one of which nobody knows whether it ever was.
    pub fn may_hold_files(&self, observed: &Observed) -> Option<&'static str> {
        let storage = observed.file_system().map(|seen| seen.id.as_str());
        let nodes = |(address, last): (&Address, &Try)| address.kind == Kind::Nodes && last.count > 0;
        let may_mount = |tags: &Tags| tags.get(TAG_FILE_SYSTEM).is_none_or(|mounted| Some(mounted.as_str()) == storage);
        if observed.nodes.iter().any(|node| node.exists() || may_mount(&node.tags)) {
            Some("nodes were launched beside it")
        } else if self.ready || self.used {
            Some("nodes may have been launched beside it")
        } else if self.tries.is_empty() {
            Some("there is no record of what was launched beside it")
        } else if self.may_have_launched() || self.tries.iter().any(nodes) {
            Some("nobody knows whether a launch that was begun came to its end")
        } else if observed.foreign.iter().any(|foreign| foreign.address.kind == Kind::Link) {
            Some("somebody else has a link on it")
        } else {
            None
        }
    }

    /// What was changed or deleted a moment ago may still be seen as it was.
    pub fn may_show_what_was(&self, now: Timestamp) -> bool {
        self.changing.is_some_and(|at| now.duration_since(at).as_secs() < CONSISTENCY_WINDOW_S)
    }

    /// As it is stored.
    pub fn to_text(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|why| format!("the deployment record cannot be written: {why}"))
    }

    /// Addresses made a moment ago that the look at hand does not show: it may be an old one.
    ///
    /// `goes`: what is to be deleted. Whoever creates need not wait for what may have been made, since the same token meets
    /// it; whoever deletes must.
    pub fn not_yet_visible(
        &self,
        observed: &Observed,
        now: Timestamp,
        goes: impl Fn(&Address) -> bool,
    ) -> Vec<Address> {
        self.tries
            .iter()
            .filter(|(address, last)| {
                // Of a group some nodes may be seen before others: then its call was carried out.
                let was_made = last.done || epochs(address, observed).any(|epoch| epoch == last.epoch);
                was_made || goes(address)
            })
            .filter(|(_, last)| now.duration_since(last.at).as_secs() < CONSISTENCY_WINDOW_S)
            .filter(|(address, last)| {
                let nodes = observed.nodes_of(address).count();
                let others = observed.resources.iter().filter(|seen| seen.address == **address).count();
                nodes.max(others) < last.count as usize
            })
            .map(|(address, _)| address.clone())
            .collect()
    }
}

fn epochs<'a>(address: &'a Address, observed: &'a Observed) -> impl Iterator<Item = u32> + 'a {
    let resources = observed.resources.iter().filter(move |seen| seen.address == *address).map(|seen| &seen.tags);
    let nodes = observed.nodes.iter().filter(move |node| node.address == *address).map(|node| &node.tags);
    resources.chain(nodes).filter_map(|tags| tags.get(TAG_EPOCH)?.parse().ok())
}

/// Below it are the records of all clusters.
pub const ROOT: &str = "/provision";

/// `/provision/<cluster>`
pub fn path(cluster: &str) -> String {
    format!("{ROOT}/{cluster}")
}

pub fn record_name(cluster: &str) -> String {
    format!("{}/record", path(cluster))
}

/// A record that this version cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("`{name}` was written by a newer version of provision (format {format}, this one reads {FORMAT})")]
    Newer { name: String, format: u64 },
    #[error("`{name}` is no deployment record: {why}")]
    Broken { name: String, why: String },
}

/// The record among a cluster's parameters, if there is one.
pub fn read(cluster: &str, parameters: &BTreeMap<String, String>) -> Result<Option<Record>, Unreadable> {
    let name = record_name(cluster);
    let Some(text) = parameters.get(&name) else {
        return Ok(None);
    };
    let format = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|value| value.get("format")?.as_u64());
    match format {
        Some(format) if format > u64::from(FORMAT) => Err(Unreadable::Newer { name, format }),
        _ => serde_json::from_str(text).map(Some).map_err(|why| Unreadable::Broken { name, why: why.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{Foreign, Node, NodeState, Seen, State};

    fn file_system() -> Observed {
        let seen = Seen {
            address: Address::one(Kind::Fsx),
            id: "fs-1".to_owned(),
            arn: None,
            state: State::Ready,
            lifecycle: "AVAILABLE".to_owned(),
            reason: None,
            fields: BTreeMap::new(),
            tags: Tags::new(),
            endpoint: None,
            file_system: None,
        };
        Observed { resources: vec![seen], ..Observed::default() }
    }

    fn node(state: NodeState, mounts: Option<&str>) -> Node {
        Node {
            address: Address::named(Kind::Nodes, "trainer"),
            id: "i-1".to_owned(),
            state,
            report: None,
            preload: None,
            instance: "p5.48xlarge".to_owned(),
            image: "ami-1".to_owned(),
            zone: "us-east-1a".to_owned(),
            private_ip: None,
            launched: None,
            spot: false,
            reason: None,
            tags: mounts.map(|id| (TAG_FILE_SYSTEM.to_owned(), id.to_owned())).into_iter().collect(),
        }
    }

    fn tried(kind: Kind, done: bool, count: u32) -> (Address, Try) {
        (Address::named(kind, "trainer"), Try { epoch: 0, done, at: Timestamp::UNIX_EPOCH, count })
    }

    /// A launch was refused, and nothing else has happened beside the file system.
    fn refused() -> Record {
        let tries = [tried(Kind::Fsx, true, 1), tried(Kind::Nodes, true, 0)].into();
        Record { available: true, tries, ..Record::new("video", "d-1") }
    }

    #[test]
    fn nothing_is_on_a_file_system_only_if_no_launch_can_have_come_to_it() {
        let known = refused();
        let holds = |record: Record, change: &dyn Fn(&mut Observed)| {
            let mut observed = file_system();
            change(&mut observed);
            record.may_hold_files(&observed).is_some()
        };
        let with = |more: (Address, Try)| Record { tries: [more].into(), ..refused() };
        assert!(!holds(known.clone(), &|_| {}));
        assert!(holds(Record { used: true, ..known.clone() }, &|_| {}));
        assert!(holds(Record { ready: true, ..known.clone() }, &|_| {}));
        assert!(holds(Record { tries: BTreeMap::new(), ..known.clone() }, &|_| {}));
        assert!(holds(with(tried(Kind::Nodes, false, 2)), &|_| {}), "nobody knows its end");
        assert!(holds(with(tried(Kind::Nodes, true, 2)), &|_| {}), "they are forgotten");
        let seen = |state: NodeState, mounts: Option<&'static str>| {
            holds(refused(), &move |observed| observed.nodes.push(node(state, mounts)))
        };
        assert!(seen(NodeState::Pending, Some("fs-0")) && seen(NodeState::Terminated, Some("fs-1")));
        assert!(seen(NodeState::Terminated, None), "nobody knows what it mounted");
        assert!(!seen(NodeState::Terminated, Some("fs-0")), "it was launched beside another one");
        let linked = |observed: &mut Observed| {
            let address = Address::named(Kind::Link, "lab");
            observed.foreign.push(Foreign { address, id: "dra-1".to_owned(), why: String::new() });
        };
        assert!(holds(known, &linked));
    }

    #[test]
    fn what_older_versions_wrote_tells_nothing_of_who_used_it() {
        let mut value: serde_json::Value = serde_json::from_str(&refused().to_text().expect("text")).expect("json");
        value.as_object_mut().expect("an object").remove("used");
        let record: Record = serde_json::from_value(value).expect("it is read");
        assert!(record.may_hold_files(&file_system()).is_some());
    }

    fn reservation(epoch: u32) -> Seen {
        Seen {
            address: Address::named(Kind::Reservation, "trainer"),
            id: format!("cr-{epoch}"),
            arn: None,
            state: State::Ready,
            lifecycle: "active".to_owned(),
            reason: None,
            fields: BTreeMap::new(),
            tags: [(TAG_EPOCH.to_owned(), epoch.to_string())].into(),
            endpoint: None,
            file_system: None,
        }
    }

    #[test]
    fn of_reservations_that_are_seen_the_latest_is_held_until_it_is_given_back() {
        let mut record = Record::new("video", "d-1");
        let held = |record: &Record| [1, 2].map(|epoch| record.holds(&reservation(epoch)));
        assert_eq!(held(&record), [true, true], "nobody knows");
        let mut tried = |done, count| {
            let last = Try { epoch: 2, done, at: Timestamp::UNIX_EPOCH, count };
            record.tries.insert(reservation(2).address, last);
            held(&record)
        };
        assert_eq!(tried(false, 1), [false, true], "its answer may be lost");
        assert_eq!(tried(true, 1), [false, true]);
        assert_eq!(tried(true, 0), [false, false]);
    }
}
