//! What a plan was made from, as far as that decides what the plan does. It stands in the plan's JSON, so that `up --plan` can
//! tell whether all of it is still so, and name what is not.
//!
//! Left out is what moves by itself while nothing has happened: a node that boots, a file system that becomes available, the
//! progress of tasks, addresses, and tags that are nobody's business here. No part of it is secret: no boot script, and of what
//! a spec says nothing but digests.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desired::{Address, Desired, Place, TAG_NODE, TAG_PRELOAD, Tags, digest};
use crate::observed::{Node, NodeState, Observed, Report, Seen, State};
use crate::record::Record;
use crate::spec::{Cluster, Nodes, Setup, Spec};

/// All that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// Of the program that made the plan.
    pub tool_version: String,
    /// A digest of its number.
    pub account: String,
    /// None: the cluster did not exist, and its id will be drawn when it is made.
    pub deployment: Option<String>,
    pub replace_storage: bool,
    /// Digest of each part of the spec, by its name: `[storage]`, `[[nodes]] trainer`.
    pub spec: BTreeMap<String, String>,
    /// Where the cluster is or will be.
    pub place: Option<Place>,
    /// Ids of images, by the image as the spec writes it.
    pub images: BTreeMap<String, String>,
    /// By group with several types: the one that is taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
    /// Everything but nodes, by address and id.
    pub resources: Vec<Found>,
    /// By group and id: how a node is, in a word, and a digest of what it was made from.
    pub nodes: BTreeMap<Address, BTreeMap<String, String>>,
}

/// A resource that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    pub address: Address,
    pub id: String,
    pub state: Condition,
    /// Its fields, and as `tags.…` its tags of ours and of the spec. A long value stands as its digest.
    pub fields: BTreeMap<String, String>,
}

/// How a resource is, without the steps on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Or is about to.
    Works,
    Misconfigured,
    Failed,
    Deleting,
}

impl Condition {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Works => "working",
            Self::Misconfigured => "misconfigured",
            Self::Failed => "failed",
            Self::Deleting => "being deleted",
        }
    }
}

impl From<State> for Condition {
    fn from(state: State) -> Self {
        match state {
            State::Creating | State::Ready | State::Updating => Self::Works,
            State::Misconfigured => Self::Misconfigured,
            State::Failed => Self::Failed,
            State::Deleting => Self::Deleting,
        }
    }
}

/// What a basis is taken from.
pub struct Sources<'a> {
    pub spec: &'a Spec,
    pub account: &'a str,
    /// The deployment exists: there is a record of it, or something with its tag.
    pub is_deployed: bool,
    pub replace_storage: bool,
    pub record: &'a Record,
    pub desired: &'a Desired,
    pub observed: &'a Observed,
}

impl Basis {
    pub fn of(sources: &Sources<'_>) -> Self {
        let Sources { spec, account, is_deployed, replace_storage, record, desired, observed } = sources;
        let ours: BTreeSet<&str> = desired.tags.keys().chain(&record.tag_keys).map(String::as_str).collect();
        let mut resources: Vec<Found> = observed.resources.iter().map(|seen| found(seen, &ours)).collect();
        resources.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
        let mut nodes: BTreeMap<Address, BTreeMap<String, String>> = BTreeMap::new();
        for node in observed.nodes.iter().filter(|node| node.exists()) {
            nodes.entry(node.address.clone()).or_default().insert(node.id.clone(), node_text(node, &ours));
        }
        Self {
            tool_version: TOOL_VERSION.to_owned(),
            account: digest(&[account], DIGEST_BYTES),
            deployment: is_deployed.then(|| record.deployment.clone()),
            replace_storage: *replace_storage,
            spec: parts(spec),
            place: record.pins.place.clone(),
            images: record.pins.images.iter().map(|(image, pinned)| (image.clone(), pinned.id.clone())).collect(),
            types: record.pins.types.clone(),
            resources,
            nodes,
        }
    }
}

/// Of this program.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Digests of what the parts of a spec mean. Comments, spelling (`4.8 TiB`, `4800 GiB`) and the order of keys, tables and node
/// groups do not matter; the order of datasets does, since nodes preload in it.
///
/// The region is compared by itself. `[workload]` is not in it: what it sizes stands in `[storage]`. Where a script lies does
/// not matter, what it says does. The text under the digest is what Rust's `Debug` writes: no new field can be forgotten, and
/// two versions of the program are not compared.
fn parts(spec: &Spec) -> BTreeMap<String, String> {
    let Spec { cluster, network, storage, datasets, nodes, workload: _, open: _, written: _ } = spec;
    let cluster = Cluster { region: None, ..cluster.clone() };
    let mut texts = BTreeMap::from([
        ("[cluster]".to_owned(), format!("{cluster:?}")),
        ("[network]".to_owned(), format!("{network:?}")),
        ("[storage]".to_owned(), format!("{storage:?}")),
    ]);
    for dataset in datasets {
        texts.insert(format!("[[dataset]] {}", dataset.path), format!("{dataset:?}"));
    }
    let order: Vec<&str> = datasets.iter().map(|dataset| dataset.path.as_str()).collect();
    texts.insert(ORDER.to_owned(), format!("{order:?}"));
    for group in nodes {
        let setup = group.setup.clone().map(|setup| Setup { path: String::new(), ..setup });
        let group = Nodes { setup, ..group.clone() };
        texts.insert(format!("[[nodes]] {}", group.name), format!("{group:?}"));
    }
    texts.into_iter().map(|(part, text)| (part, digest(&[&text], DIGEST_BYTES))).collect()
}

/// The part of a spec that says nothing but in which order the datasets stand.
pub(super) const ORDER: &str = "the order of [[dataset]]";
/// 128 bits: nobody finds another text for one.
const DIGEST_BYTES: usize = 16;

fn found(seen: &Seen, ours: &BTreeSet<&str>) -> Found {
    let tags = tags(&seen.tags, ours).map(|(key, value)| (format!("tags.{key}"), short(value)));
    let fields = seen.fields.iter().map(|(field, value)| (field.clone(), short(value)));
    Found {
        address: seen.address.clone(),
        id: seen.id.clone(),
        state: seen.state.into(),
        fields: fields.chain(tags).collect(),
    }
}

/// A policy would be a page.
fn short(value: &str) -> String {
    /// Longer than any field but the documents of a role.
    const MOST: usize = 200;
    if value.len() > MOST { format!("sha256:{}", digest(&[value], DIGEST_BYTES)) } else { value.to_owned() }
}

/// Ours, but for the report that a node writes on itself, and those that the spec gives or gave.
fn tags<'a>(tags: &'a Tags, ours: &BTreeSet<&str>) -> impl Iterator<Item = (&'a String, &'a String)> {
    tags.iter().filter(|(key, _)| {
        let is_ours = key.starts_with("provision:") && *key != TAG_NODE && *key != TAG_PRELOAD;
        is_ours || *key == "Name" || ours.contains(key.as_str())
    })
}

fn node_text(node: &Node, ours: &BTreeSet<&str>) -> String {
    let condition = match (&node.report, node.state) {
        (_, NodeState::Stopped | NodeState::Stopping) => "stopped",
        (Some(Report::Failed(_)), _) => "failed",
        (Some(Report::Ready | Report::Degraded(_)) | None, _) => "running",
    };
    let mut made_from = vec![node.instance.as_str(), &node.image, &node.zone];
    made_from.extend(tags(&node.tags, ours).flat_map(|(key, value)| [key.as_str(), value]));
    format!("{condition} {}", digest(&made_from, 8))
}
