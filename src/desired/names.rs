//! Names, tags, tokens and digests: all deterministic, so that a repeated call meets what the first one made.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::resource::{Address, Kind, Tags};

pub const TAG_CLUSTER: &str = "provision:cluster";
pub const TAG_DEPLOYMENT: &str = "provision:deployment";
pub const TAG_ADDRESS: &str = "provision:address";
/// Digest of the part of the spec that a resource came from.
pub const TAG_SPEC: &str = "provision:spec";
/// Which try at this address made it; tells a resource of today from one that was replaced.
pub const TAG_EPOCH: &str = "provision:epoch";
/// On a link whose unexported files the user gave up in the spec, with the value [`DISCARD`]: `down` works without a spec.
pub const TAG_UNEXPORTED: &str = "provision:unexported";
pub const DISCARD: &str = "discard";
/// In [`TAG_SPEC`] of a reservation: it was made to learn whether there is room, and goes at once.
pub const PROBED: &str = "probe";
/// In [`TAG_SPEC`] of a reservation: it is kept until its nodes run.
pub const HELD: &str = "reserve";
/// Where lists of files that an export could not copy go: a folder inside the linked prefix, as FSx demands.
pub const EXPORT_REPORTS: &str = "provision-export-reports";
/// Which file system a template and its nodes mount: another one needs other nodes.
pub const TAG_FILE_SYSTEM: &str = "provision:file-system";
/// Written by a node on itself.
pub const TAG_NODE: &str = "provision:node";
/// Written by a node on itself, where datasets are preloaded with their data.
pub const TAG_PRELOAD: &str = "provision:preload";
/// On an instance of a group with `min_count`: which nodes were there at its launch, by the last [`PEER_DIGITS`] digits of their
/// ids, separated by blanks; [`NO_PEERS`] where there were none. Read by the node (`templates/shared.sh`).
pub const TAG_PEERS: &str = "provision:peers";
pub const NO_PEERS: &str = "none";
pub const PEER_DIGITS: usize = 4;

/// On an instance: how long after its launch it ends itself, in seconds, as it was told at its launch.
pub const TAG_TTL: &str = "provision:ttl";
/// On an instance: when it ends itself, RFC 3339 in UTC and whole seconds. Set by `provision extend`, read by the node
/// (`templates/ttl.sh`); it wins over [`TAG_TTL`].
pub const TAG_UNTIL: &str = "provision:until";

/// Whether an instance that shows its tags in its metadata may have a tag by this key: such keys are path segments there
/// (EC2 User Guide, "View tags for your EC2 instances using instance metadata").
pub fn is_metadata_key(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphanumeric() || "+-=._,:@".contains(c)) && !matches!(key, "." | ".." | "_index")
}

/// The path of our roles and profiles in IAM: sets them apart in a list, and lets a policy allow just them.
pub const IAM_PATH: &str = "/provision/";

/// Who a cluster is; everything is named after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterId {
    pub cluster: String,
    pub region: String,
    /// Random, fixed by whoever writes the deployment record first.
    pub deployment: String,
}

impl ClusterId {
    /// The name of a resource that AWS tells by name; None where it gives an id.
    ///
    /// `/` cannot be in a cluster's or a group's name, so no two clusters share a name, whatever prefix they share.
    /// IAM is global and knows no `/` in names, so there the region stands in the name: at most 10 + 38 + 1 + 14 = 63
    /// characters of the 64 that a role may have.
    pub fn name(&self, address: &Address) -> Option<String> {
        match address.kind {
            Kind::SecurityGroup => Some(format!("provision/{}", self.cluster)),
            Kind::Role | Kind::InstanceProfile => Some(format!("provision-{}-{}", self.cluster, self.region)),
            Kind::Placement | Kind::Template => Some(format!("provision/{}/{}", self.cluster, address.name)),
            Kind::Reservation
            | Kind::Fsx
            | Kind::Efs
            | Kind::MountTarget
            | Kind::FileCache
            | Kind::Link
            | Kind::Task
            | Kind::Nodes => None,
        }
    }

    /// The tags that make a resource findable, beside the user's own.
    pub fn tags(&self, address: &Address, spec: &str, epoch: u32, user: &Tags) -> Tags {
        let mut tags = user.clone();
        for (key, value) in [
            (TAG_CLUSTER, self.cluster.clone()),
            (TAG_DEPLOYMENT, self.deployment.clone()),
            (TAG_ADDRESS, address.to_string()),
            (TAG_SPEC, spec.to_owned()),
            (TAG_EPOCH, epoch.to_string()),
        ] {
            tags.insert(key.to_owned(), value);
        }
        if matches!(
            address.kind,
            Kind::Fsx
                | Kind::Efs
                | Kind::FileCache
                | Kind::Link
                | Kind::Nodes
                | Kind::Reservation
                | Kind::SecurityGroup
        ) {
            // What consoles show in the column "Name".
            tags.entry("Name".to_owned()).or_insert_with(|| format!("{}/{address}", self.cluster));
        }
        tags
    }

    /// The client token of one try at one thing. FSx takes 63 characters, EC2 64.
    pub fn token(&self, what: &str, epoch: u32) -> String {
        format!("p-{}", digest(&[&self.deployment, what, &epoch.to_string()], 24))
    }
}

/// Hex of the first `bytes` bytes of SHA-256 over the parts, each with its length before it so that no two lists run together.
pub fn digest(parts: &[&str], bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(bytes).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The name of a link: its path without the leading `/`. What a tag value may not hold is left out, and a digest keeps it unique.
pub fn link_name(path: &str) -> String {
    let bare = path.trim_matches('/');
    if bare.is_empty() {
        return "root".to_owned();
    }
    let plain: String =
        bare.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')).take(100).collect();
    // A directory that is really called `root` must not meet the name of `/`.
    if plain == bare && plain != "root" { plain } else { format!("{plain}-{}", digest(&[path], 4)) }
}
