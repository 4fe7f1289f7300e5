//! The port: all that the engine asks of a cloud. Two implementations: `aws` on the SDK, `simulated` in memory.
//!
//! Few methods over resources, not forty calls. An implementation translates; it never decides an order, waits for a
//! state or retries beyond what its SDK does. Each method may fail with an *unknown outcome*; the next look tells.

mod error;
mod listing;
mod remote;
mod survey;

pub use error::{Class, CloudError, Limit, LimitedBy, Remains};
pub use listing::{Listed, ListedPage, Listing, OBJECTS_A_PAGE, Objects};
pub use remote::{Command, CommandOutput, CommandState, Console, Invocation, NODES_A_COMMAND, Remote, SessionTicket};
pub use survey::{
    Bucket, Context, GroupFacts, ImageFacts, InUse, Key, LetIn, Questions, QuotaId, Reservation, Rights, ServerGroup,
    SpotWish, Subnet, Survey, Unanswered, Use, Verdict,
};

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use jiff::Timestamp;

use crate::bootstrap;
use crate::desired::{Address, Kind, Resource, Tags};
use crate::observed::{Node, Observed, Seen, Task};

pub type Result<T> = std::result::Result<T, CloudError>;

/// Whom the cloud takes us for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    /// ARN of the user or the role.
    pub arn: String,
    pub region: String,
    /// `aws`, `aws-cn`, `aws-us-gov`
    pub partition: String,
}

/// What belongs to a cluster, for a look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub cluster: String,
    /// Ours only with this id in its tag; None: any deployment of the cluster's name.
    pub deployment: Option<String>,
    /// The name of each resource that is told by name; a stranger that bears one of them is foreign.
    pub names: BTreeMap<Address, String>,
    /// The file system, where its id is known: links and tasks are looked up with it, and it is asked for by id.
    pub file_system: Option<String>,
    /// A file system of somebody else's that our links are on. None: there is none, or nobody knows any more; without a
    /// deployment either, our links are looked for on every file system of the region.
    pub existing: Option<String>,
}

/// Ids and endpoints by address: what a creation needs of what was made before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub ids: BTreeMap<Address, String>,
    pub endpoint: Option<bootstrap::Endpoint>,
}

/// One thing to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    pub address: Address,
    pub resource: Resource,
    /// On the resource itself, in the call that makes it.
    pub tags: Tags,
    /// Deterministic: the same for every try at the same thing. At most 63 characters of `[a-z0-9-]`.
    pub token: String,
    /// Node groups: how many to launch. 1 elsewhere.
    pub count: u32,
    /// With fewer nodes than these none is launched, with more as many as there are, up to `count`. 1 elsewhere.
    pub least: u32,
    pub known: Known,
}

/// What was made, or was there already under the same token or name with our tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    Resource(Seen),
    Nodes(Vec<Node>),
}

/// One thing to change in place. All changed fields that may travel in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub address: Address,
    pub id: String,
    pub arn: Option<String>,
    /// What it shall be.
    pub resource: Resource,
    /// Which fields of it to send; names as in [`Resource::fields`].
    pub fields: BTreeSet<String>,
    /// Tags to set (`None`: none); sent alone, never through an update of the resource.
    pub set_tags: Tags,
    pub remove_tags: BTreeSet<String>,
    /// Ids of a node group whose tags change; empty elsewhere.
    pub nodes: Vec<String>,
    pub token: String,
    pub known: Known,
}

/// What to remove. Not found is success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    pub address: Address,
    /// Several only for nodes.
    pub ids: Vec<String>,
    pub token: String,
}

/// A copy of all that is new or changed below a link into its bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub address: Address,
    pub file_system: String,
    /// Below the mount, with a leading `/`.
    pub path: String,
    /// `s3://…`: where the list of failed files goes; inside the linked prefix.
    pub report: String,
    pub tags: Tags,
    pub token: String,
}

/// How long the oldest change that automatic export has still to bring to S3 had waited at a moment, over all links of a
/// file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePoint {
    pub at: Timestamp,
    pub age_s: u64,
}

/// The beginning of an object in S3, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Bytes that are no UTF-8 are replaced.
    pub text: String,
    pub is_whole: bool,
}

/// Whether a parameter that exists already may be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    Yes,
    No,
}

/// How a write of a parameter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Done,
    /// There is one by this name already, and [`Overwrite::No`] was said.
    Exists,
}

/// A cloud. Cheap to clone: clones are the same cloud.
pub trait Cloud: Remote + Objects + Clone + Send + Sync + 'static {
    fn identity(&self) -> impl Future<Output = Result<Identity>> + Send;

    /// Answers all questions at once, with as few requests as they allow.
    fn survey(&self, questions: &Questions) -> impl Future<Output = Result<Survey>> + Send;

    /// Looks at the kinds named, of one cluster. One request a kind where the cloud allows it: this is also how the
    /// engine waits, for all that is waiting of a kind at once.
    fn observe(&self, scope: &Scope, kinds: &[Kind]) -> impl Future<Output = Result<Observed>> + Send;

    /// Names of all clusters that have anything in the region.
    fn clusters(&self) -> impl Future<Output = Result<BTreeSet<String>>> + Send;

    /// Makes a resource, or takes over the one that the same token or name has made.
    fn create(&self, create: &Create) -> impl Future<Output = Result<Created>> + Send;

    fn update(&self, update: &Update) -> impl Future<Output = Result<()>> + Send;

    fn delete(&self, delete: &Delete) -> impl Future<Output = Result<()>> + Send;

    fn export(&self, export: &Export) -> impl Future<Output = Result<Task>> + Send;

    /// Ended already is success.
    fn cancel_task(&self, id: &str) -> impl Future<Output = Result<()>> + Send;

    /// What was told of the queue of automatic export in the quarter of an hour before now, in no order. There are points only
    /// while the queue is in use, and they come a minute or more late: none is not an empty queue.
    fn export_queue(&self, file_system: &str, now: Timestamp) -> impl Future<Output = Result<Vec<QueuePoint>>> + Send;

    /// Reads an object of S3 (`s3://bucket/key`), no more than its first `most` bytes. None: there is none.
    fn read_object(&self, url: &str, most: u64) -> impl Future<Output = Result<Option<Excerpt>>> + Send;

    /// All parameters below a path, at any depth, by their whole name. Always the newest.
    fn parameters(&self, path: &str) -> impl Future<Output = Result<BTreeMap<String, String>>> + Send;

    /// With [`Overwrite::No`], atomic: of two writers one is told [`Written::Exists`].
    fn put_parameter(
        &self,
        name: &str,
        value: &str,
        overwrite: Overwrite,
    ) -> impl Future<Output = Result<Written>> + Send;

    /// Not found is success.
    fn delete_parameters(&self, names: &[String]) -> impl Future<Output = Result<()>> + Send;

    /// What uses this resource and so keeps it from being deleted, in words for a person.
    fn dependents(&self, address: &Address, id: &str) -> impl Future<Output = Result<Vec<String>>> + Send;
}

/// The time of day, for leases and logs. Waiting goes through `tokio::time`, which tests can run ahead of.
pub trait Clock: Clone + Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
