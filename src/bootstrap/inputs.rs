//! What a node's boot script is made from: the spec's part and the file system's part, kept apart because only the first
//! decides whether a running node still fits the spec.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the spec (and the catalog) say about one group of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    pub cluster: String,
    pub region: String,
    pub group: String,
    /// How many nodes the group has: more host files than this are of dead nodes.
    pub count: u32,
    /// Where the file system is mounted, an absolute path.
    pub mount: String,
    pub datasets: Vec<InputsDataset>,
    /// How it is mounted.
    #[serde(default)]
    pub service: Service,
    /// The file system has EFA *and* the Lustre client of this instance type can use it (Nitro v4 or later, but for trn2).
    pub storage_efa: bool,
    /// EFA interfaces that the Lustre client of a node is to have. 0: Lustre over TCP is what is expected, and no reason to be
    /// `degraded`.
    pub node_efa_interfaces: u32,
    /// What the user's setup script holds.
    pub setup: Option<String>,
    /// How long after its launch a node powers itself off.
    pub ttl_s: Option<u64>,
    /// None: the file system is the cluster's own. Else it is somebody else's, and other clusters may use it too: what the
    /// nodes share lies in this folder below `.provision`, and the layout of the root is left as it is.
    #[serde(default)]
    pub share: Option<String>,
}

/// What nodes mount, and so which client they need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    #[default]
    FsxLustre,
    Efs,
    /// Mounted as FSx for Lustre is.
    FileCache,
}

/// What a boot script needs to know of a `[[dataset]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputsDataset {
    /// Below the mount, starting with `/`.
    pub path: String,
    /// `preload = "data"`. The other kinds are FSx's own work and none of a node's.
    pub preload_data: bool,
    /// Something written below `path` goes to S3, by itself or at `down`.
    pub exported: bool,
    /// Arguments of `lfs setstripe` for the directory, separated by blanks.
    pub layout: Option<String>,
}

/// Where the file system is, as CreateFileSystem answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub file_system_id: String,
    pub dns_name: String,
    pub mount_name: String,
}

/// Folder in the mount's root for what nodes share; `templates/values.sh.j2` names it too.
pub const SHARED_PATH: &str = "/.provision";

impl Inputs {
    /// Whether the nodes may keep files of their own in the mount's root: not where those would end up in the user's bucket.
    pub(super) fn may_share(&self) -> bool {
        !self.datasets.iter().any(|each| {
            let path = each.path.trim_end_matches('/');
            let covers = path.is_empty() || path == SHARED_PATH || path.starts_with("/.provision/");
            each.exported && covers
        })
    }

    /// Paths below the mount and the arguments of `lfs setstripe` for them, in the spec's order.
    pub(super) fn layouts(&self) -> Vec<(&str, &str)> {
        self.datasets.iter().filter_map(|each| Some((each.path.as_str(), each.layout.as_deref()?))).collect()
    }

    /// Paths to restore from S3 by a node, in the spec's order.
    pub(super) fn preload(&self) -> Vec<&str> {
        self.datasets.iter().filter(|each| each.preload_data).map(|each| each.path.as_str()).collect()
    }
}

/// Returns the digest of what a node was told by the spec, in hex.
///
/// It leaves out the templates, so that a new version of this tool does not replace running nodes; `count`, so that a group
/// can grow under its nodes (they look the others up in the hostfile); and what the catalog says of EFA, which follows the
/// instance type and the interfaces. Layouts are in it where there are any: they came later, and nodes without stay as they are.
#[expect(clippy::missing_panics_doc, reason = "the one `expect` holds for every value")]
pub fn digest(inputs: &Inputs) -> String {
    // No `..`: a new field has to say here whether it replaces nodes.
    let Inputs {
        cluster,
        region,
        group,
        count: _,
        mount,
        datasets,
        // So for its service.
        service: _,
        storage_efa: _,
        node_efa_interfaces: _,
        setup,
        ttl_s,
        // A cluster keeps its file system for life.
        share: _,
    } = inputs;
    let layouts: Vec<_> = datasets.iter().filter_map(|each| Some((&each.path, each.layout.as_ref()?))).collect();
    let datasets: Vec<_> = datasets
        .iter()
        .map(|InputsDataset { path, preload_data, exported, layout: _ }| (path, preload_data, exported))
        .collect();
    let told = ("bootstrap-1", cluster, region, group, mount, datasets, setup, ttl_s);
    let json = if layouts.is_empty() { serde_json::to_vec(&told) } else { serde_json::to_vec(&(told, layouts)) };
    let hash = Sha256::digest(json.expect("strings, numbers and lists of them serialise to JSON"));
    hash.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::fixtures::inputs;

    #[test]
    fn digest_is_stable_across_versions_of_the_tool() {
        insta::assert_snapshot!(digest(&inputs()), @"6683993d80126e70a987fd055d0a25e32b827957ffb99b87abfb892d052c06c9");
    }

    #[test]
    fn digest_follows_the_spec_but_not_the_count() {
        let base = inputs();
        let of = |change: fn(&mut Inputs)| {
            let mut changed = base.clone();
            change(&mut changed);
            digest(&changed) == digest(&base)
        };
        assert!(of(|it| it.count = 64));
        assert!(!of(|it| it.mount = "/lustre".into()));
        assert!(!of(|it| it.setup = None));
        assert!(!of(|it| it.ttl_s = None));
        assert!(!of(|it| it.datasets[0].preload_data = false));
        assert!(!of(|it| it.datasets[0].layout = Some("-c 1".into())));
    }

    #[test]
    fn digest_tells_neighbouring_fields_apart() {
        let (mut left, mut right) = (inputs(), inputs());
        (left.cluster, left.region) = ("ab".into(), "c".into());
        (right.cluster, right.region) = ("a".into(), "bc".into());
        assert_ne!(digest(&left), digest(&right));
    }

    #[test]
    fn nothing_is_shared_in_an_exported_root() {
        let with = |path: &str, exported| {
            let mut changed = inputs();
            changed.datasets = vec![InputsDataset { path: path.into(), preload_data: false, exported, layout: None }];
            changed.may_share()
        };
        assert!(with("/train", true));
        assert!(with("/", false));
        assert!(with("/.provisions", true));
        assert!(!with("/", true));
        assert!(!with("/.provision", true));
        assert!(!with("/.provision/x", true));
    }
}
