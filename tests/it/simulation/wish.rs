//! What a life's specs are drawn from, in a form that can be kept in a file.

use provision::simulated::Random;
use provision::spec::{Compression, EfsThroughput, Flow, Launch, MaxAway, MetadataIops, Preload, Service, Setup, Spec};
use serde::{Deserialize, Serialize};

use super::story::Keeps;
use crate::lifecycle::harness;

/// A spec in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wish {
    pub groups: Vec<Group>,
    /// Below the mount. `/keep` is in every spec of a life that has any: nodes write there at any time.
    pub datasets: Vec<String>,
    pub capacity_gib: u32,
    pub iops: Option<u32>,
    pub compressed: bool,
    /// The value of the user's tag; None: no such tag.
    pub tag: Option<u32>,
    pub with_storage: bool,
    /// Import flows of the datasets.
    pub imports_deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub name: String,
    pub count: u32,
    /// Another setup script: the nodes are replaced.
    pub setup: u32,
}

impl Wish {
    pub(super) fn draw(random: &mut Random) -> Self {
        let counts = [1, 2, 3, 8];
        let groups: usize = *random.pick(&[1, 1, 2, 3]);
        let datasets = ["/keep", "/out", "/train", "/out2"];
        Self {
            groups: (0..groups)
                .map(|index| Group { name: format!("g{index}"), count: *random.pick(&counts), setup: 0 })
                .collect(),
            datasets: datasets[..*random.pick(&[1, 1, 2, 4])].iter().map(|&path| path.to_owned()).collect(),
            capacity_gib: 2400,
            iops: None,
            compressed: random.below(2) == 0,
            tag: Some(0),
            with_storage: random.below(3) == 0,
            imports_deleted: false,
        }
    }

    /// One thing that people change.
    pub(super) fn change(&mut self, random: &mut Random) {
        let last = self.groups.len() - 1;
        let any = *random.pick(&(0..=last).collect::<Vec<usize>>());
        match random.below(12) {
            0 => self.capacity_gib += 2400,
            1 if self.datasets.len() < 8 => self.datasets.push(format!("/new{}", self.datasets.len())),
            2 if self.datasets.len() > 1 => {
                self.datasets.pop();
            }
            3 => self.groups[any].count += *random.pick(&[1, 2, 3]),
            4 => self.groups[any].count = (self.groups[any].count / 2).max(1),
            5 if last < 3 => {
                let name = format!("n{}", random.below(100));
                if self.groups.iter().all(|group| group.name != name) {
                    self.groups.push(Group { name, count: 2, setup: 0 });
                }
            }
            6 if last > 0 => {
                self.groups.remove(any);
            }
            7 => self.groups[any].setup += 1,
            8 => self.tag = self.tag.map_or(Some(1), |tag| (tag % 2 == 0).then_some(tag + 1)),
            9 => self.compressed = !self.compressed,
            10 => self.iops = Some(self.iops.map_or(12_000, |iops| iops + 12_000)),
            _ => self.imports_deleted = !self.imports_deleted,
        }
    }

    pub(super) fn spec(&self, storage: Keeps) -> Spec {
        let mut spec = self.on_lustre();
        match storage {
            Keeps::Fsx => return spec,
            Keeps::Efs => {
                spec.storage.service = Service::Efs(EfsThroughput::Elastic);
                spec.storage.capacity_gib = None;
                spec.datasets.clear();
            }
            Keeps::FileCache => spec.storage.service = Service::FileCache,
        }
        (spec.storage.throughput_per_tib, spec.storage.metadata_iops) = (None, None);
        spec.storage.compression = Compression::None;
        for dataset in &mut spec.datasets {
            (dataset.import, dataset.export, dataset.preload) = (Vec::new(), Vec::new(), Preload::None);
        }
        spec
    }

    fn on_lustre(&self) -> Spec {
        let mut spec = harness::spec(&[], &self.datasets.iter().map(String::as_str).collect::<Vec<_>>());
        spec.nodes = self
            .groups
            .iter()
            .map(|group| {
                let mut nodes = harness::group(&group.name, group.count);
                let content = format!("#!/bin/sh\necho {}\n", group.setup);
                // Every other change goes through the group a few nodes at a time.
                nodes.max_away = (group.setup % 2 == 1).then_some(MaxAway::Nodes(1 + group.count / 3));
                nodes.setup = (group.setup > 0).then(|| Setup { path: "setup.sh".into(), content });
                nodes
            })
            .collect();
        spec.storage.capacity_gib = Some(self.capacity_gib);
        spec.storage.metadata_iops = Some(self.iops.map_or(MetadataIops::Auto, MetadataIops::Provisioned));
        spec.storage.compression = if self.compressed { Compression::Lz4 } else { Compression::None };
        spec.cluster.launch = if self.with_storage { Launch::WithStorage } else { Launch::AfterStorage };
        spec.cluster.tags.extend(self.tag.map(|tag| ("tag".to_owned(), tag.to_string())));
        if self.imports_deleted {
            spec.datasets.iter_mut().for_each(|dataset| dataset.import.push(Flow::Deleted));
        }
        spec
    }
}
