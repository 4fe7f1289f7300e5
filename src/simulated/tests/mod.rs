//! The simulator itself, through the port and its hooks.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod crashes;
mod data;
mod lifecycle;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Settings, Simulated};
use crate::bootstrap;
use crate::cloud::{Class, Cloud, CloudError, Create, Created, Delete, Export, Known, Scope, Update};
use crate::desired::{
    Address, ClusterId, FileSystem, InstanceProfile, Interface, InterfaceKind, Kind, LaunchTemplate, Link, NodeGroup,
    PlacementGroup, Reference, Resource, Role, Rule, SecurityGroup, Tags,
};
use crate::observed::{Node, Observed, Seen};
use crate::spec::{Compression, Deployment, Flow, Market, Media, MetadataIops};

/// A small engine: knows what it wants and what it has made, and decides nothing.
struct Cluster {
    cloud: Simulated,
    id: ClusterId,
    known: Known,
}

const SUBNET: &str = "subnet-a";

impl Cluster {
    fn new(cloud: Simulated) -> Self {
        let text = str::to_owned;
        let id = ClusterId { cluster: text("video"), region: text("us-east-1"), deployment: text("d1") };
        Self { cloud, id, known: Known::default() }
    }

    fn quick() -> Self {
        Self::new(Simulated::new(Settings { latency: Duration::ZERO, ..Settings::default() }))
    }

    /// The same cluster, run by another client that knows what this one knows.
    fn client(&self, name: &str) -> Self {
        Self { cloud: self.cloud.client(name), id: self.id.clone(), known: self.known.clone() }
    }

    fn order(&self, address: &Address, resource: Resource, epoch: u32) -> Create {
        let count = if let Resource::Nodes(group) = &resource { group.count } else { 1 };
        Create {
            address: address.clone(),
            resource,
            tags: self.id.tags(address, "digest", epoch, &Tags::new()),
            token: self.id.token(&address.to_string(), epoch),
            count,
            least: count,
            known: self.known.clone(),
        }
    }

    async fn make(&mut self, address: Address, resource: Resource) -> Result<Seen, CloudError> {
        let order = self.order(&address, resource, 1);
        match self.cloud.create(&order).await? {
            Created::Resource(seen) => {
                self.know(&seen);
                Ok(seen)
            }
            Created::Nodes(_) => panic!("nodes are launched by `launch`"),
        }
    }

    fn know(&mut self, seen: &Seen) {
        self.known.ids.insert(seen.address.clone(), seen.id.clone());
        if let Some(endpoint) = &seen.endpoint {
            self.known.endpoint = Some(bootstrap::Endpoint {
                file_system_id: seen.id.clone(),
                dns_name: endpoint.dns_name.clone(),
                mount_name: endpoint.mount_name.clone(),
            });
        }
    }

    fn name(&self, kind: Kind) -> String {
        self.id.name(&trainer(kind)).unwrap_or_default()
    }

    fn security_group(&self) -> Resource {
        Resource::SecurityGroup(SecurityGroup {
            name: self.name(Kind::SecurityGroup),
            description: String::new(),
            vpc: "vpc-1".to_owned(),
            rules: vec![Rule::TcpIn { from: 988, to: 988 }, Rule::AllIn, Rule::AllOut],
        })
    }

    fn role(&self) -> Resource {
        let managed = vec!["arn:1".to_owned(), "arn:2".to_owned()];
        Resource::Role(Role { name: self.name(Kind::Role), trust: "{}".to_owned(), policy: "{1}".to_owned(), managed })
    }

    fn profile(&self) -> Resource {
        Resource::InstanceProfile(InstanceProfile {
            name: self.name(Kind::InstanceProfile),
            role: self.name(Kind::Role),
        })
    }

    fn template(&self) -> Resource {
        let interface = |device, kind| Interface { card: 0, device, kind };
        Resource::Template(Box::new(LaunchTemplate {
            name: self.name(Kind::Template),
            image: "ami-1".to_owned(),
            root_device: "/dev/xvda".to_owned(),
            root_volume_gib: 100,
            instance: "p5.48xlarge".to_owned(),
            interfaces: vec![interface(0, InterfaceKind::Ena), interface(1, InterfaceKind::EfaOnly)],
            market: Market::OnDemand,
            placement: Some(self.name(Kind::Placement)),
            subnet: SUBNET.to_owned(),
            security_group: Reference::Ours(Address::one(Kind::SecurityGroup)),
            instance_profile: Reference::Ours(Address::one(Kind::InstanceProfile)),
            boot: bootstrap::Inputs {
                cluster: self.id.cluster.clone(),
                region: self.id.region.clone(),
                group: "trainer".to_owned(),
                count: 2,
                mount: "/fsx".to_owned(),
                datasets: Vec::new(),
                service: bootstrap::Service::FsxLustre,
                storage_efa: false,
                node_efa_interfaces: 1,
                setup: None,
                ttl_s: None,
                share: None,
            },
            node_tags: Tags::new(),
        }))
    }

    /// Security group, role, profile and placement group.
    async fn make_ground(&mut self) -> Result<(), CloudError> {
        for (kind, resource) in [
            (Kind::SecurityGroup, self.security_group()),
            (Kind::Role, self.role()),
            (Kind::InstanceProfile, self.profile()),
            (Kind::Placement, Resource::Placement(PlacementGroup { name: self.name(Kind::Placement) })),
        ] {
            self.make(trainer(kind), resource).await?;
        }
        Ok(())
    }

    async fn make_file_system(&mut self) -> Result<Seen, CloudError> {
        self.make(Address::one(Kind::Fsx), file_system(1200)).await
    }

    async fn make_link(&mut self, path: &str, export: &[Flow]) -> Result<Seen, CloudError> {
        self.make(Address::named(Kind::Link, path.trim_start_matches('/')), link(path, export)).await
    }

    /// Ground, file system, template, nodes; returns the ids of the nodes. Nothing is waited for.
    async fn make_all(&mut self, nodes: u32) -> Result<Vec<String>, CloudError> {
        self.make_ground().await?;
        self.make_file_system().await?;
        self.make(trainer(Kind::Template), self.template()).await?;
        self.launch(nodes, 1).await
    }

    async fn launch(&self, count: u32, epoch: u32) -> Result<Vec<String>, CloudError> {
        let order = self.order(&trainer(Kind::Nodes), group(count), epoch);
        match self.cloud.create(&order).await? {
            Created::Nodes(nodes) => Ok(nodes.into_iter().map(|node| node.id).collect()),
            Created::Resource(_) => panic!("a launch answers with nodes"),
        }
    }

    async fn delete(&self, kind: Kind, ids: &[String]) -> Result<(), CloudError> {
        let delete = Delete { address: trainer(kind), ids: ids.to_vec(), token: "t".to_owned() };
        self.cloud.delete(&delete).await
    }

    fn update(&self, address: Address, resource: Resource, fields: &[&str]) -> Update {
        Update {
            id: self.known.ids.get(&address).cloned().unwrap_or_default(),
            token: self.id.token(&format!("update {address} {fields:?}"), 1),
            address,
            arn: None,
            resource,
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            set_tags: Tags::new(),
            remove_tags: BTreeSet::new(),
            nodes: Vec::new(),
            known: self.known.clone(),
        }
    }

    fn export_of(&self, path: &str) -> Export {
        Export {
            address: Address::one(Kind::Fsx),
            file_system: self.known.ids[&Address::one(Kind::Fsx)].clone(),
            path: path.to_owned(),
            report: "s3://b/report".to_owned(),
            tags: Tags::new(),
            token: self.id.token(&format!("export {path}"), 1),
        }
    }

    fn scope(&self) -> Scope {
        let addresses =
            [Kind::SecurityGroup, Kind::Role, Kind::InstanceProfile, Kind::Placement, Kind::Template].map(trainer);
        let names: BTreeMap<_, _> =
            addresses.into_iter().filter_map(|each| Some((each.clone(), self.id.name(&each)?))).collect();
        Scope {
            cluster: self.id.cluster.clone(),
            deployment: Some(self.id.deployment.clone()),
            names,
            file_system: None,
            existing: None,
        }
    }

    async fn look(&self, kind: Kind) -> Observed {
        self.cloud.observe(&self.scope(), &[kind]).await.expect("a look succeeds")
    }

    fn truth(&self) -> Observed {
        self.cloud.truth(&self.id.cluster)
    }

    fn nodes(&self) -> Vec<Node> {
        self.truth().nodes
    }
}

/// The address that a kind has in these tests.
fn trainer(kind: Kind) -> Address {
    if matches!(kind, Kind::Placement | Kind::Template | Kind::Nodes) {
        Address::named(kind, "trainer")
    } else {
        Address::one(kind)
    }
}

fn group(count: u32) -> Resource {
    Resource::Nodes(NodeGroup {
        count,
        min_count: count,
        instance: "p5.48xlarge".to_owned(),
        image: "ami-1".to_owned(),
        zone: "us-east-1a".to_owned(),
        subnet: SUBNET.to_owned(),
        market: Market::OnDemand,
        template: trainer(Kind::Template),
        max_away: None,
    })
}

fn file_system(gib: u32) -> Resource {
    Resource::Fsx(FileSystem {
        deployment: Deployment::Persistent2,
        media: Media::Ssd,
        capacity_gib: Some(gib),
        throughput_per_tib: Some(125),
        throughput: None,
        read_cache: None,
        drive_cache: None,
        metadata_iops: Some(MetadataIops::Auto),
        compression: Compression::Lz4,
        efa: false,
        kms_key: None,
        subnet: SUBNET.to_owned(),
        security_group: Reference::Ours(Address::one(Kind::SecurityGroup)),
    })
}

fn link(path: &str, export: &[Flow]) -> Resource {
    Resource::Link(Link {
        bucket: "b".to_owned(),
        prefix: path.trim_start_matches('/').to_owned(),
        path: path.to_owned(),
        import: Vec::new(),
        export: export.to_vec(),
        import_chunk_mib: None,
        preload_metadata: false,
        export_on_down: true,
    })
}

fn class<T: std::fmt::Debug>(result: Result<T, CloudError>) -> Class {
    result.expect_err("it must be refused").class
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
