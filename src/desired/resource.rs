//! The resources of a cluster, as a spec means them. The same types go to the cloud port; no SDK type is in here.
//!
//! A resource names its neighbours by [`Address`]; which id an address has is known only while a plan is applied.
//! [`Resource::fields`] is what plans compare and show: no renderer and no diff knows a resource type by heart.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bootstrap;
use crate::spec::{Compression, Deployment, DriveCache, EfsThroughput, Flow, Market, Media, MetadataIops, ReadCache};

/// Tags by key, sorted.
pub type Tags = BTreeMap<String, String>;

/// What a plan compares, by the field's name in the user's words. The order is the order shown.
pub type Fields = Vec<(&'static str, String)>;

/// The kinds of resources, in the order in which they are made and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    SecurityGroup,
    Role,
    InstanceProfile,
    Placement,
    /// Capacity that is asked for before storage: made and given back within a run, never desired.
    Reservation,
    Fsx,
    /// A file system of Amazon EFS.
    Efs,
    /// Where the nodes of one zone reach it. It has no tags: it is found by way of its file system.
    MountTarget,
    /// Of Amazon File Cache. Its links are made with it, and go with it.
    FileCache,
    Link,
    /// A data repository task: found and waited for, never desired.
    Task,
    Template,
    Nodes,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 13] = [
        Self::SecurityGroup,
        Self::Role,
        Self::InstanceProfile,
        Self::Placement,
        Self::Reservation,
        Self::Fsx,
        Self::Efs,
        Self::MountTarget,
        Self::FileCache,
        Self::Link,
        Self::Task,
        Self::Template,
        Self::Nodes,
    ];

    /// What nodes mount: a cluster has one, of one of these kinds.
    pub const STORAGE: [Self; 3] = [Self::Fsx, Self::Efs, Self::FileCache];

    pub fn is_storage(self) -> bool {
        Self::STORAGE.contains(&self)
    }

    /// As it stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecurityGroup => "security-group",
            Self::Role => "role",
            Self::InstanceProfile => "instance-profile",
            Self::Placement => "placement",
            Self::Reservation => "reservation",
            Self::Fsx => "fsx",
            Self::Efs => "efs",
            Self::MountTarget => "mount-target",
            Self::FileCache => "file-cache",
            Self::Link => "link",
            Self::Task => "task",
            Self::Template => "template",
            Self::Nodes => "nodes",
        }
    }

    /// What a person calls one of them.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::SecurityGroup => "security group",
            Self::Role => "IAM role",
            Self::InstanceProfile => "instance profile",
            Self::Placement => "placement group",
            Self::Reservation => "capacity reservation",
            Self::Fsx => "FSx for Lustre file system",
            Self::Efs => "EFS file system",
            Self::MountTarget => "EFS mount target",
            Self::FileCache => "Amazon File Cache",
            Self::Link => "link to S3",
            Self::Task => "data repository task",
            Self::Template => "launch template",
            Self::Nodes => "node group",
        }
    }
}

/// The stable name of a resource in the spec's terms: `fsx`, `link.train`, `nodes.trainer`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    /// Empty where a cluster has only one of the kind.
    pub name: String,
}

impl Address {
    pub fn one(kind: Kind) -> Self {
        Self { kind, name: String::new() }
    }

    pub fn named(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            f.pad(self.kind.as_str())
        } else {
            f.pad(&format!("{}.{}", self.kind.as_str(), self.name))
        }
    }
}

/// An address that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the address of a resource")]
pub struct NotAnAddress(String);

impl std::str::FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('.').unwrap_or((text, ""));
        Kind::ALL
            .into_iter()
            .find(|each| each.as_str() == kind)
            .map(|kind| Self { kind, name: name.to_owned() })
            .ok_or_else(|| NotAnAddress(text.to_owned()))
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let kinds: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        schemars::json_schema!({
            "description": "The stable name of a resource in the spec's terms: `fsx`, `link.train`, `nodes.trainer`.",
            "type": "string",
            "pattern": format!(r"^({})(\.|$)", kinds.join("|")),
        })
    }
}

/// Something that exists already and is not ours, or something of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An id or a name that the user gave: used, never changed, never deleted.
    Existing(String),
    Ours(Address),
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    SecurityGroup(SecurityGroup),
    Role(Role),
    InstanceProfile(InstanceProfile),
    Placement(PlacementGroup),
    Reservation(CapacityReservation),
    Fsx(FileSystem),
    Efs(Efs),
    MountTarget(MountTarget),
    FileCache(FileCache),
    Link(Link),
    Template(Box<LaunchTemplate>),
    Nodes(NodeGroup),
}

/// All rules are between members of the group itself: the file system's servers and the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub rules: Vec<Rule>,
}

/// Traffic within the group. EC2's own default rule (everything out) stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    TcpIn {
        from: u16,
        to: u16,
    },
    AllIn,
    /// EFA asks for it by group id; the default rule to everywhere does not count.
    AllOut,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TcpIn { from, to } if from == to => write!(f, "tcp {from} in"),
            Self::TcpIn { from, to } => write!(f, "tcp {from}-{to} in"),
            Self::AllIn => f.write_str("all in"),
            Self::AllOut => f.write_str("all out"),
        }
    }
}

/// What nodes may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// JSON, canonical: keys sorted, no white space.
    pub trust: String,
    /// The one inline policy. JSON, canonical.
    pub policy: String,
    /// ARNs of managed policies, sorted.
    pub managed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceProfile {
    pub name: String,
    /// Name of the role in it.
    pub role: String,
}

/// A cluster placement group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementGroup {
    pub name: String,
}

/// An on-demand capacity reservation into which only who names it launches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityReservation {
    pub instance: String,
    pub count: u32,
    pub zone: String,
    /// EC2 ends it by itself then, or within the hour after.
    pub ends: Timestamp,
}

/// A file system, always Lustre 2.15.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    pub deployment: Deployment,
    pub media: Media,
    /// GiB; None on intelligent-tiering.
    pub capacity_gib: Option<u32>,
    /// MB/s per TiB; persistent SSD and HDD.
    pub throughput_per_tib: Option<u32>,
    /// MB/s; intelligent-tiering.
    pub throughput: Option<u32>,
    pub read_cache: Option<ReadCache>,
    pub drive_cache: Option<DriveCache>,
    pub metadata_iops: Option<MetadataIops>,
    pub compression: Compression,
    pub efa: bool,
    pub kms_key: Option<String>,
    pub subnet: String,
    pub security_group: Reference,
}

/// A file system of Amazon EFS: in all zones of the region, encrypted, in general purpose mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Efs {
    pub throughput: EfsThroughput,
    pub kms_key: Option<String>,
}

/// An EFS file system's address in one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountTarget {
    pub zone: String,
    pub subnet: String,
    pub security_group: Reference,
}

/// A cache of Amazon File Cache, always Lustre 2.12 at 1000 MB/s per TiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCache {
    pub capacity_gib: u32,
    pub kms_key: Option<String>,
    pub subnet: String,
    pub security_group: Reference,
    /// Made in the same call. They are resources too, with no work of their own.
    pub links: Vec<Link>,
}

/// A data repository association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// Below the mount, with a leading `/`.
    pub path: String,
    pub import: Vec<Flow>,
    pub export: Vec<Flow>,
    pub import_chunk_mib: Option<u32>,
    /// A metadata import starts with the association.
    pub preload_metadata: bool,
    /// False: the user gave up what is written there, in the spec's words.
    pub export_on_down: bool,
}

impl Link {
    /// `s3://bucket/prefix`
    pub fn s3(&self) -> String {
        s3_url(&self.bucket, &self.prefix)
    }
}

/// `s3://bucket/prefix`, without a slash at the end.
pub fn s3_url(bucket: &str, prefix: &str) -> String {
    if prefix.is_empty() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{prefix}") }
}

/// How the nodes of a group are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchTemplate {
    pub name: String,
    /// `ami-…`
    pub image: String,
    pub root_device: String,
    pub root_volume_gib: u32,
    pub instance: String,
    pub interfaces: Vec<Interface>,
    pub market: Market,
    /// Name of the placement group.
    pub placement: Option<String>,
    pub subnet: String,
    pub security_group: Reference,
    /// Name of the instance profile.
    pub instance_profile: Reference,
    pub boot: bootstrap::Inputs,
    /// On the instances, their volumes and interfaces, beside our own.
    pub node_tags: Tags,
}

/// A network interface of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    pub card: u32,
    pub device: u32,
    pub kind: InterfaceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterfaceKind {
    /// IP only.
    Ena,
    /// IP and EFA.
    Efa,
    /// EFA without an IP address.
    EfaOnly,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroup {
    pub count: u32,
    /// So many will do; at most `count`.
    pub min_count: u32,
    pub instance: String,
    pub image: String,
    pub zone: String,
    pub subnet: String,
    pub market: Market,
    pub template: Address,
    /// How many may be away at once while a change goes through the group. None: all.
    pub max_away: Option<u32>,
}
