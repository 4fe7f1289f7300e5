//! What is looked at before a plan, and does not belong to the cluster: the account, its limits, and what the user has given
//! by id.
//!
//! Some of it only helps: where a service does not tell (or not to us), [`Survey::unanswered`] says so, and nothing fails.

use std::collections::{BTreeMap, BTreeSet};

use super::{CloudError, Create};
use crate::desired::FileSystem;

/// What has to be known before a cluster can be planned and does not belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// None: no question. Empty: the default subnets of the default VPC.
    pub subnets: Option<Vec<String>>,
    /// Where each of them is offered.
    pub instance_types: BTreeSet<String>,
    /// SSM parameters that hold an image id.
    pub image_parameters: BTreeSet<String>,
    /// `ami-…`
    pub images: BTreeSet<String>,
    pub buckets: BTreeSet<String>,
    /// Ids that the user gave.
    pub security_group: Option<String>,
    pub instance_profile: Option<String>,
    /// Buckets of which it counts whether they keep what is deleted. Like all that follows, no more than a help.
    pub versioned: BTreeSet<String>,
    /// `cr-…`
    pub reservations: BTreeSet<String>,
    /// Types whose launches may fall into reservations of the account that nobody has to name.
    pub open_reservations: BTreeSet<String>,
    /// By group: spot instances whose zone is still to be chosen.
    pub spot_scores: BTreeMap<String, SpotWish>,
    /// Id, alias or ARN.
    pub kms_key: Option<String>,
    /// `eni-…` of the servers of a file system that is not ours: which groups they are in, and what those let in.
    pub servers: BTreeSet<String>,
    /// Limits, and what of them is in use.
    pub quotas: BTreeSet<QuotaId>,
    /// Patterns of instance types, such as `p*`: which running instances count.
    pub running: BTreeSet<String>,
    pub rights: Option<Rights>,
}

/// So many spot instances in one zone, of any of these types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotWish {
    pub types: Vec<String>,
    pub count: u32,
}

/// A quota as Service Quotas names it: `ec2` and `L-417A185B`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaId {
    pub service: String,
    pub code: String,
}

/// What the caller would have to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// ARN of the user or the role whose policies are asked; None: nobody's (the root user has none).
    pub principal: Option<String>,
    pub uses: Vec<Use>,
    /// Creations that are tried without making anything.
    pub trials: Vec<Create>,
}

/// Actions, each on each of these resources, in requests that have this about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub context: Vec<Context>,
}

/// A condition key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// `aws:RequestTag/provision:cluster`
    pub key: String,
    pub values: Vec<String>,
    /// The key has any number of values, such as `aws:CalledVia`.
    pub is_list: bool,
}

/// The answers. What does not exist is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    pub subnets: Vec<Subnet>,
    /// Names of the zones that offer a type.
    pub offerings: BTreeMap<String, BTreeSet<String>>,
    /// By parameter name or image id, as asked.
    pub images: BTreeMap<String, ImageFacts>,
    pub buckets: BTreeMap<String, Bucket>,
    pub security_group: Option<GroupFacts>,
    /// It exists.
    pub instance_profile: bool,
    /// Whether a bucket keeps what is deleted; absent here and below: no answer.
    pub versioned: BTreeMap<String, bool>,
    /// None: there is none.
    pub reservations: BTreeMap<String, Option<Reservation>>,
    /// By id, those that launches fall into by themselves, and that have room.
    pub open_reservations: BTreeMap<String, Reservation>,
    /// By group, and by the id of a zone: how likely it has room, from 1 to 10.
    pub spot_scores: BTreeMap<String, BTreeMap<String, u32>>,
    pub kms_key: Option<Key>,
    /// By id, the groups of the servers, and the group that the user gave.
    pub server_groups: BTreeMap<String, ServerGroup>,
    /// Limits, rounded down.
    pub quotas: BTreeMap<QuotaId, u64>,
    pub in_use: InUse,
    pub rights: Vec<Verdict>,
    pub unanswered: Vec<Unanswered>,
}

/// A capacity reservation, or a capacity block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub instance: String,
    pub zone: String,
    /// AWS's own word: `active`, `scheduled`, `expired`, …
    pub state: String,
    /// How many instances more can be launched into it.
    pub free: u32,
    /// None: AWS does not say.
    pub is_block: Option<bool>,
    pub starts: Option<jiff::Timestamp>,
    pub ends: Option<jiff::Timestamp>,
    /// ARN of the placement group that it was made in.
    pub placement_group: Option<String>,
}

/// A security group around a file system that is not ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerGroup {
    /// A server is in it.
    pub holds_servers: bool,
    /// What it lets in.
    pub lets_in: Vec<LetIn>,
}

/// One rule of a security group, as far as it matters to Lustre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetIn {
    /// All protocols and ports.
    pub all: bool,
    /// TCP ports, both included.
    pub from: u16,
    pub to: u16,
    /// Ids of groups.
    pub groups: BTreeSet<String>,
    /// It has a range of addresses that nodes of the same VPC may well have.
    pub private_addresses: bool,
}

/// A key of KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Missing,
    Found {
        /// AWS's own word: `Enabled`, `Disabled`, `PendingDeletion`, …
        state: String,
        /// It is symmetric and for encryption.
        encrypts: bool,
    },
}

/// What counts against the quotas asked for. None: no answer, or not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    /// Instances that are paid on demand, also in capacity reservations and not in capacity blocks, by type.
    pub on_demand: Option<BTreeMap<String, u32>>,
    pub spot: Option<BTreeMap<String, u32>>,
    /// FSx for Lustre, by id, but for types that this version does not know.
    pub file_systems: Option<BTreeMap<String, FileSystem>>,
    pub interfaces: Option<u32>,
}

/// Whether the caller may do something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    /// `ec2:RunInstances`
    pub action: String,
    /// ARN; None: the service did not say on what.
    pub resource: Option<String>,
    pub allowed: bool,
    /// The service itself said so; else it is what the policies say that could be read.
    pub certain: bool,
}

/// A question that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// `quotas of ec2`
    pub what: String,
    pub why: CloudError,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    /// `us-east-1a`
    pub zone: String,
    /// `use1-az4`: the same zone in every account.
    pub zone_id: String,
    pub free_addresses: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    pub id: String,
    pub name: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
    /// `/dev/xvda`
    pub root_device: String,
    /// Smallest root volume, GiB.
    pub root_gib: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    InRegion(String),
    Missing,
    /// It exists; we may not see it (its region is told all the same, where AWS does).
    Denied {
        region: Option<String>,
    },
}

/// What a given security group lets through within itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    pub vpc: String,
    pub lustre_in: bool,
    pub nfs_in: bool,
    pub all_in: bool,
    pub all_out: bool,
}
