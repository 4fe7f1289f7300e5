//! From a spec, and what was settled for it, to resources and their dependencies.

use std::collections::BTreeMap;

use super::alternatives::{Considered, considered};
use super::names::{ClusterId, DISCARD, TAG_UNEXPORTED, digest, link_name};
use super::place::{Pins, Place, image_key};
use super::policy;
use super::resource::{
    Address, Efs, FileCache, FileSystem, InstanceProfile, Interface, InterfaceKind, Kind, LaunchTemplate, Link,
    MountTarget, NodeGroup, PlacementGroup, Reference, Resource, Role, Rule, SecurityGroup, Tags,
};
use crate::bootstrap;
use crate::catalog::efs::NFS_PORT;
use crate::catalog::fsx::LUSTRE_PORTS;
use crate::catalog::instances::{self, InstanceType};
use crate::cloud::Identity;
use crate::spec::{Budget, Dataset, EfsThroughput, Launch, Layout, NodeEfa, Nodes, Placement, Preload, Service, Spec};

/// All that a spec means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    pub id: ClusterId,
    /// The user's own tags.
    pub tags: Tags,
    pub resources: BTreeMap<Address, Wanted>,
    /// Links that are to go and are made again before, if they are not there: to export what is below them.
    pub to_export: BTreeMap<Address, Wanted>,
    /// What it may cost at most.
    pub budget: Option<Budget>,
    /// What became of each type of the groups that may be of several.
    pub alternatives: BTreeMap<Address, Vec<Considered>>,
    /// `fs-…`: a file system that is there already. It is no resource: only its id is named, by links and nodes.
    pub existing: Option<String>,
}

/// One resource, with what must be there before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub resource: Resource,
    /// Digest of what the spec says of it; on the resource as a tag.
    pub spec: String,
    /// Beside the user's and those that every resource of ours has.
    pub tags: Tags,
    pub after: Vec<(Address, Point)>,
}

/// How far something must be before what follows may start.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// The call that makes it was answered: it has an id.
    Answered,
    /// It is in its final state.
    Done,
}

/// What is not known from the spec alone.
pub struct Settled<'a> {
    pub id: &'a ClusterId,
    pub identity: &'a Identity,
    pub place: &'a Place,
    pub pins: &'a Pins,
}

impl Desired {
    /// Nothing at all: what `down` wants.
    pub fn nothing(id: ClusterId) -> Self {
        let (tags, resources, to_export) = (Tags::new(), BTreeMap::new(), BTreeMap::new());
        Self { id, tags, resources, to_export, budget: None, alternatives: BTreeMap::new(), existing: None }
    }

    /// What nodes mount, if it is the cluster's own.
    pub fn storage(&self) -> Option<(&Address, &Wanted)> {
        self.resources.iter().find(|(address, _)| address.kind.is_storage())
    }

    /// With how many nodes a group has enough, where that is fewer than all.
    pub fn enough(&self, group: &Address) -> Option<u32> {
        match &self.resources.get(group)?.resource {
            Resource::Nodes(group) => Some(group.min_count).filter(|least| *least < group.count),
            _ => None,
        }
    }

    /// The name of every wanted resource that is told by name.
    pub fn names(&self) -> BTreeMap<Address, String> {
        self.resources.keys().filter_map(|address| Some((address.clone(), self.id.name(address)?))).collect()
    }
}

/// What the spec alone tells: names and shapes, without subnet, image and deployment.
pub fn build_offline(spec: &Spec, identity: &Identity) -> Desired {
    let id =
        ClusterId { cluster: spec.cluster.name.clone(), region: identity.region.clone(), deployment: String::new() };
    let place = Place { subnet: String::new(), vpc: String::new(), zone: String::new() };
    let pins = Pins::default();
    build(spec, &Settled { id: &id, identity, place: &place, pins: &pins })
}

/// Builds the resources of a spec.
pub fn build(spec: &Spec, settled: &Settled<'_>) -> Desired {
    let mut builder = Builder { spec, settled, resources: BTreeMap::new() };
    let security_group = builder.security_group();
    let profile = builder.profile();
    if spec.storage.existing.is_none() {
        match spec.storage.service {
            Service::FsxLustre => builder.file_system(security_group.clone()),
            Service::Efs(throughput) => builder.efs(throughput, security_group.clone()),
            Service::FileCache => builder.file_cache(security_group.clone()),
        }
    }
    builder.links();
    for group in &spec.nodes {
        builder.group(group, &security_group, &profile);
    }
    let (id, tags) = (settled.id.clone(), spec.cluster.tags.clone());
    let (budget, existing) = (spec.cluster.budget, spec.storage.existing.clone());
    let (resources, alternatives) = (builder.resources, considered(spec));
    Desired { id, tags, resources, to_export: BTreeMap::new(), budget, alternatives, existing }
}

struct Builder<'a> {
    spec: &'a Spec,
    settled: &'a Settled<'a>,
    resources: BTreeMap<Address, Wanted>,
}

impl Builder<'_> {
    fn add(&mut self, address: Address, resource: Resource, after: Vec<(Address, Point)>) {
        let text: Vec<String> = resource.fields().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let parts: Vec<&str> = text.iter().map(String::as_str).collect();
        self.add_with_digest(address, resource, digest(&parts, 8), after);
    }

    fn add_with_digest(&mut self, address: Address, resource: Resource, spec: String, after: Vec<(Address, Point)>) {
        let mut tags = Tags::new();
        if let Resource::Link(Link { export_on_down: false, .. }) = resource {
            tags.insert(TAG_UNEXPORTED.to_owned(), DISCARD.to_owned());
        }
        self.resources.insert(address, Wanted { resource, spec, tags, after });
    }

    fn name(&self, address: &Address) -> String {
        self.settled.id.name(address).unwrap_or_default()
    }

    fn security_group(&mut self) -> Reference {
        if let Some(existing) = &self.spec.network.security_group {
            return Reference::Existing(existing.clone());
        }
        let address = Address::one(Kind::SecurityGroup);
        // Ports: FSx for Lustre User Guide, "Limiting file system access with Amazon VPC". With EFA, anywhere in the
        // cluster, all traffic among members by group id: same page, and EC2 User Guide, "Elastic Fabric Adapter".
        let efa = self.spec.storage.efa || self.spec.nodes.iter().any(|group| group.efa == NodeEfa::On);
        let ports = match self.spec.storage.service {
            Service::FsxLustre | Service::FileCache => LUSTRE_PORTS.to_vec(),
            Service::Efs(_) => vec![(NFS_PORT, NFS_PORT)],
        };
        // Several nodes are there to talk to each other, over ports that nobody knows before: a rendezvous, NCCL, MPI.
        let several = self.spec.nodes.iter().map(|group| group.count).sum::<u32>() > 1;
        let rules = if efa || several {
            vec![Rule::AllIn, Rule::AllOut]
        } else {
            ports.into_iter().map(|(from, to)| Rule::TcpIn { from, to }).collect()
        };
        let of = match self.spec.storage.service {
            Service::FsxLustre | Service::FileCache => "Lustre",
            Service::Efs(_) => "EFS",
        };
        let group = SecurityGroup {
            name: self.name(&address),
            description: format!("{of} and nodes of the cluster {}", self.settled.id.cluster),
            vpc: self.settled.place.vpc.clone(),
            rules,
        };
        self.add(address.clone(), Resource::SecurityGroup(group), Vec::new());
        Reference::Ours(address)
    }

    fn profile(&mut self) -> Reference {
        if let Some(existing) = &self.spec.cluster.instance_profile {
            return Reference::Existing(existing.clone());
        }
        let identity = self.settled.identity;
        let role_address = Address::one(Kind::Role);
        let role = Role {
            name: self.name(&role_address),
            trust: policy::trust(identity),
            policy: policy::node(identity, &self.settled.id.cluster, self.spec.preloads_data().next().is_some()),
            managed: policy::managed(identity),
        };
        let role_name = role.name.clone();
        self.add(role_address.clone(), Resource::Role(role), Vec::new());
        let address = Address::one(Kind::InstanceProfile);
        let profile = InstanceProfile { name: self.name(&address), role: role_name };
        self.add(address.clone(), Resource::InstanceProfile(profile), vec![(role_address, Point::Done)]);
        Reference::Ours(address)
    }

    fn file_system(&mut self, security_group: Reference) {
        let storage = &self.spec.storage;
        let file_system = FileSystem {
            deployment: storage.deployment,
            media: storage.media,
            capacity_gib: storage.capacity_gib,
            throughput_per_tib: storage.throughput_per_tib,
            throughput: storage.throughput,
            read_cache: storage.read_cache,
            drive_cache: storage.drive_cache,
            metadata_iops: storage.metadata_iops,
            compression: storage.compression,
            efa: storage.efa,
            kms_key: storage.kms_key.clone(),
            subnet: self.settled.place.subnet.clone(),
            security_group: security_group.clone(),
        };
        self.add(Address::one(Kind::Fsx), Resource::Fsx(file_system), done(&[security_group]));
    }

    /// Made with its links, all of them at once: FSx takes none later.
    fn file_cache(&mut self, security_group: Reference) {
        let storage = &self.spec.storage;
        let cache = FileCache {
            capacity_gib: storage.capacity_gib.unwrap_or(0),
            kms_key: storage.kms_key.clone(),
            subnet: self.settled.place.subnet.clone(),
            security_group: security_group.clone(),
            links: self.spec.datasets.iter().map(|dataset| link(dataset).1).collect(),
        };
        self.add(Address::one(Kind::FileCache), Resource::FileCache(cache), done(&[security_group]));
    }

    /// The mount target alone is in a subnet, and alone waits for the security group.
    fn efs(&mut self, throughput: EfsThroughput, security_group: Reference) {
        let efs = Efs { throughput, kms_key: self.spec.storage.kms_key.clone() };
        let address = Address::one(Kind::Efs);
        self.add(address.clone(), Resource::Efs(efs), Vec::new());
        let Place { subnet, vpc: _, zone } = self.settled.place;
        let mut after = done(std::slice::from_ref(&security_group));
        after.push((address, Point::Done));
        let target = MountTarget { zone: zone.clone(), subnet: subnet.clone(), security_group };
        self.add(mount_target(zone), Resource::MountTarget(target), after);
    }

    /// One after another: of two associations made at once on one file system, FSx ends one as FAILED and blames
    /// permissions (hashicorp/terraform-provider-aws#24678).
    fn links(&mut self) {
        let mut links: Vec<(Address, Link)> = self.spec.datasets.iter().map(link).collect();
        links.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut before = Address::one(storage_kind(self.spec.storage.service));
        for (address, link) in links {
            let mut after = self.after_storage(Point::Done);
            if before.kind == Kind::Link {
                after.push((before, Point::Done));
            }
            before = address.clone();
            self.add(address, Resource::Link(link), after);
        }
    }

    /// One that exists is waited for by nobody.
    fn after_storage(&self, point: Point) -> Vec<(Address, Point)> {
        match self.spec.storage.service {
            Service::FsxLustre if self.spec.storage.existing.is_some() => Vec::new(),
            Service::FsxLustre => vec![(Address::one(Kind::Fsx), point)],
            Service::FileCache => vec![(Address::one(Kind::FileCache), point)],
            Service::Efs(_) => match point {
                Point::Answered => vec![(Address::one(Kind::Efs), point)],
                Point::Done => vec![(mount_target(&self.settled.place.zone), point)],
            },
        }
    }

    fn group(&mut self, group: &Nodes, security_group: &Reference, profile: &Reference) {
        let facts = instances::get(&group.instance);
        let placement = match group.placement {
            Placement::None => None,
            Placement::Cluster => {
                let address = Address::named(Kind::Placement, &group.name);
                let name = self.name(&address);
                self.add(address.clone(), Resource::Placement(PlacementGroup { name: name.clone() }), Vec::new());
                Some((address, name))
            }
        };
        let image = self.settled.pins.images.get(&image_key(&group.image));
        let template_address = Address::named(Kind::Template, &group.name);
        let template = LaunchTemplate {
            name: self.name(&template_address),
            image: image.map(|image| image.id.clone()).unwrap_or_default(),
            root_device: image.map(|image| image.root_device.clone()).unwrap_or_default(),
            root_volume_gib: group.root_volume_gib.max(image.map_or(0, |image| image.root_gib)),
            instance: group.instance.clone(),
            interfaces: interfaces(facts, group.efa),
            market: group.market.clone(),
            placement: placement.as_ref().map(|(_, name)| name.clone()),
            subnet: self.settled.place.subnet.clone(),
            security_group: security_group.clone(),
            instance_profile: profile.clone(),
            boot: self.boot(group, facts),
            node_tags: self.spec.cluster.tags.clone(),
        };
        let nodes = NodeGroup {
            count: group.count,
            min_count: group.least(),
            instance: group.instance.clone(),
            image: template.image.clone(),
            zone: self.settled.place.zone.clone(),
            subnet: self.settled.place.subnet.clone(),
            market: group.market.clone(),
            template: template_address.clone(),
            max_away: group.max_away.map(|most| most.of(group.count)),
        };
        let node_digest = node_digest(&template);
        let template_digest = digest(&[&node_digest, &bootstrap::digest(&template.boot), &group.count.to_string()], 8);
        let mut template_after = done(&[security_group.clone(), profile.clone()]);
        template_after.extend(self.after_storage(Point::Answered));
        self.add_with_digest(
            template_address.clone(),
            Resource::Template(Box::new(template)),
            template_digest,
            template_after,
        );

        let storage = match self.spec.cluster.launch {
            Launch::AfterStorage => Point::Done,
            Launch::WithStorage => Point::Answered,
        };
        let mut after = vec![(template_address, Point::Done)];
        after.extend(self.after_storage(storage));
        after.extend(placement.map(|(address, _)| (address, Point::Done)));
        self.add_with_digest(Address::named(Kind::Nodes, &group.name), Resource::Nodes(nodes), node_digest, after);
    }

    fn boot(&self, group: &Nodes, facts: Option<&InstanceType>) -> bootstrap::Inputs {
        let Spec { cluster, storage, datasets, .. } = self.spec;
        bootstrap::Inputs {
            cluster: cluster.name.clone(),
            region: self.settled.identity.region.clone(),
            group: group.name.clone(),
            count: group.count,
            mount: storage.mount.clone(),
            datasets: datasets
                .iter()
                .map(|Dataset { path, preload, export, export_on_down, layout, .. }| bootstrap::InputsDataset {
                    path: path.clone(),
                    preload_data: *preload == Preload::Data,
                    exported: *export_on_down || !export.is_empty(),
                    layout: layout.map(Layout::setstripe),
                })
                .collect(),
            service: match storage.service {
                Service::FsxLustre => bootstrap::Service::FsxLustre,
                Service::Efs(_) => bootstrap::Service::Efs,
                Service::FileCache => bootstrap::Service::FileCache,
            },
            storage_efa: storage.efa && facts.is_some_and(|facts| facts.lustre_efa),
            node_efa_interfaces: match group.efa {
                NodeEfa::On => facts.map_or(0, InstanceType::lustre_efa_interfaces),
                NodeEfa::Off => 0,
            },
            setup: group.setup.as_ref().map(|setup| setup.content.clone()),
            ttl_s: cluster.ttl.and_then(|ttl| u64::try_from(ttl.as_secs()).ok()),
            share: storage.existing.as_ref().map(|_| format!("{}/{}", cluster.name, self.settled.id.deployment)),
        }
    }
}

/// The kind of the resource that nodes mount.
pub const fn storage_kind(service: Service) -> Kind {
    match service {
        Service::FsxLustre => Kind::Fsx,
        Service::Efs(_) => Kind::Efs,
        Service::FileCache => Kind::FileCache,
    }
}

/// EFS has one mount target a zone.
fn mount_target(zone: &str) -> Address {
    Address::named(Kind::MountTarget, zone)
}

fn done(references: &[Reference]) -> Vec<(Address, Point)> {
    references
        .iter()
        .filter_map(|reference| match reference {
            Reference::Ours(address) => Some((address.clone(), Point::Done)),
            Reference::Existing(_) => None,
        })
        .collect()
}

/// The link that a dataset means.
pub fn link(dataset: &Dataset) -> (Address, Link) {
    // The layout is the nodes' work, and no part of the association.
    let Dataset { bucket, prefix, path, import, export, preload, export_on_down, import_chunk_mib, layout: _ } =
        dataset;
    let link = Link {
        bucket: bucket.clone(),
        prefix: prefix.clone(),
        path: path.clone(),
        import: import.clone(),
        export: export.clone(),
        import_chunk_mib: *import_chunk_mib,
        preload_metadata: *preload != Preload::None,
        export_on_down: *export_on_down,
    };
    (Address::named(Kind::Link, link_name(path)), link)
}

/// What a running node was made from. How many there are, which datasets are linked and how long they may live can change
/// without a new node: those are not in it.
fn node_digest(template: &LaunchTemplate) -> String {
    let mut boot = template.boot.clone();
    boot.datasets.clear();
    boot.ttl_s = None;
    let mut parts: Vec<String> = Resource::Template(Box::new(template.clone()))
        .fields()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.push(bootstrap::digest(&boot));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    digest(&parts, 8)
}

/// The network interfaces of a node (EC2 User Guide, "Maximize network bandwidth on Amazon EC2 instances with multiple
/// network cards"): the first carries the address; every other one EFA alone.
fn interfaces(facts: Option<&InstanceType>, efa: NodeEfa) -> Vec<Interface> {
    let primary = |kind| Interface { card: 0, device: 0, kind };
    let Some(facts) = facts.filter(|facts| efa == NodeEfa::On && facts.efa_interfaces > 0) else {
        return vec![primary(InterfaceKind::Ena)];
    };
    if facts.network_cards <= 1 {
        return vec![primary(InterfaceKind::Efa)];
    }
    // Where `efa-only` is not known to work, each interface carries an address too.
    let kind = if facts.efa_only { InterfaceKind::EfaOnly } else { InterfaceKind::Efa };
    let mut interfaces = match (facts.efa_first_card, facts.efa_only) {
        (0, false) => vec![primary(InterfaceKind::Efa)],
        (0, true) => vec![primary(InterfaceKind::Ena), Interface { card: 0, device: 1, kind }],
        (_, _) => vec![primary(InterfaceKind::Ena)],
    };
    let left = (facts.efa_interfaces as usize).saturating_sub(usize::from(facts.efa_first_card == 0));
    let device = u32::from(!facts.efa_only);
    interfaces.extend((1..facts.network_cards).take(left).map(|card| Interface { card, device, kind }));
    interfaces
}
