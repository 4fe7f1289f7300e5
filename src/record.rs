//! The deployment record: what is written down before the calls that it covers, and read by whoever comes next.
//!
//! It says who the cluster is (the deployment id), what was settled (zone, images), and for every address which try at it
//! is the current one. A try starts as an intent, written before its call; its number is part of the call's token. So a
//! call repeated after a crash carries the same token and meets what the first one made, and a new try after a known end
//! carries another. The record is no state: which resources there are is only ever learnt by looking.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::{Address, Pins, TAG_EPOCH};
use crate::observed::Observed;

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
    /// The spec has links. While none of them was made, an `up` was cut short, and there is nothing to export.
    #[serde(default)]
    pub linked: bool,
    /// A node has been ready since the storage was made: there may be files on it.
    #[serde(default)]
    pub ready: bool,
    #[serde(default)]
    pub tries: BTreeMap<Address, Try>,
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
            linked: false,
            ready: false,
            tries: BTreeMap::new(),
        }
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

    /// Addresses made a moment ago that the look at hand does not show: it may be an old one.
    ///
    /// `intents`: also those of which nobody knows whether they were made. Whoever creates need not wait for them, since the
    /// same token meets them; whoever deletes must.
    pub fn not_yet_visible(&self, observed: &Observed, now: Timestamp, intents: bool) -> Vec<Address> {
        self.tries
            .iter()
            .filter(|(_, last)| last.done || intents)
            .filter(|(_, last)| now.duration_since(last.at).as_secs() < CONSISTENCY_WINDOW_S)
            .filter(|(address, last)| {
                let nodes = observed.nodes.iter().filter(|node| node.address == **address).count();
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
