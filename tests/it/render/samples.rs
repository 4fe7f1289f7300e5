//! A cluster to make plans, runs and status of, through the real `desired::build` and `plan::plan`.

use std::collections::BTreeMap;

use provision::catalog::prices::PriceBook;
use provision::cloud::Identity;
use provision::desired::{
    Address, ClusterId, Desired, Kind, PinnedImage, Pins, Place, Resource, Settled, TAG_EPOCH, TAG_FILE_SYSTEM, build,
};
use provision::observed::{Endpoint, Node, NodeState, Observed, Report, Seen, State, Task, TaskState, Work};
use provision::plan::{self, Input, Options, Plan, Purpose};
use provision::record::{Record, Try};
use provision::spec::{
    Capacity, Cluster, Compression, Dataset, Deployment, EfsThroughput, Flow, Image, Launch, Market, Media,
    MetadataIops, Network, NodeEfa, Nodes, Open, Placement, Preload, Service, Spec, Storage,
};

pub(super) const NOW: &str = "2026-03-05T12:00:00Z";

pub(super) fn now() -> jiff::Timestamp {
    NOW.parse().expect("a time stamp")
}

pub(super) fn spec() -> Spec {
    Spec {
        cluster: Cluster {
            name: "video-pretrain".to_owned(),
            region: Some("us-east-1".to_owned()),
            tags: BTreeMap::from([("team".to_owned(), "vision".to_owned())]),
            ttl: None,
            launch: Launch::AfterStorage,
            instance_profile: None,
            budget: None,
        },
        network: Network::default(),
        storage: Storage {
            service: Service::FsxLustre,
            existing: None,
            deployment: Deployment::Persistent2,
            media: Media::Ssd,
            capacity_gib: Some(4800),
            throughput_per_tib: Some(250),
            throughput: None,
            read_cache: None,
            drive_cache: None,
            metadata_iops: Some(MetadataIops::Provisioned(12_000)),
            compression: Compression::Lz4,
            efa: false,
            mount: "/fsx".to_owned(),
            kms_key: None,
        },
        datasets: vec![
            dataset("train", "/train", Vec::new()),
            dataset("checkpoints", "/checkpoints", vec![Flow::New, Flow::Changed]),
        ],
        nodes: vec![nodes("trainer", "p5.48xlarge", 8)],
        workload: None,
        open: Open::default(),
        written: None,
    }
}

/// The nodes on EFS.
pub(super) fn on_efs(throughput: EfsThroughput) -> Spec {
    let mut spec = spec();
    spec.datasets.clear();
    let storage = &mut spec.storage;
    storage.service = Service::Efs(throughput);
    (storage.capacity_gib, storage.throughput_per_tib, storage.metadata_iops) = (None, None, None);
    storage.compression = Compression::None;
    spec
}

/// The nodes on a cache before the same buckets.
pub(super) fn on_cache() -> Spec {
    let mut spec = spec();
    for dataset in &mut spec.datasets {
        (dataset.import, dataset.export) = (Vec::new(), Vec::new());
    }
    let storage = &mut spec.storage;
    storage.service = Service::FileCache;
    (storage.capacity_gib, storage.throughput_per_tib, storage.metadata_iops) = (Some(2400), None, None);
    storage.compression = Compression::None;
    spec
}

pub(super) fn dataset(prefix: &str, path: &str, export: Vec<Flow>) -> Dataset {
    Dataset {
        bucket: "acme-video".to_owned(),
        prefix: prefix.to_owned(),
        path: path.to_owned(),
        import: vec![Flow::New, Flow::Changed],
        export,
        preload: Preload::None,
        export_on_down: true,
        import_chunk_mib: None,
        layout: None,
    }
}

pub(super) fn nodes(name: &str, instance: &str, count: u32) -> Nodes {
    Nodes {
        name: name.to_owned(),
        instance: instance.to_owned(),
        alternatives: Vec::new(),
        count,
        min_count: None,
        image: Image::Id("ami-0aa".to_owned()),
        market: Market::OnDemand,
        capacity: Capacity::None,
        efa: NodeEfa::On,
        placement: Placement::Cluster,
        setup: None,
        max_away: None,
        root_volume_gib: 200,
    }
}

pub(super) fn desired(spec: &Spec) -> Desired {
    let identity = Identity {
        account: "000000000000".to_owned(),
        arn: "arn:aws:iam::000000000000:user/ana".to_owned(),
        region: spec.cluster.region.clone().unwrap_or_default(),
        partition: "aws".to_owned(),
    };
    let id =
        ClusterId { cluster: spec.cluster.name.clone(), region: identity.region.clone(), deployment: "d-1".to_owned() };
    let place =
        Place { subnet: "subnet-0aa".to_owned(), vpc: "vpc-0aa".to_owned(), zone: format!("{}a", identity.region) };
    let image = PinnedImage {
        id: "ami-0aa".to_owned(),
        architecture: "x86_64".to_owned(),
        root_device: "/dev/xvda".to_owned(),
        root_gib: 8,
    };
    let pins = Pins {
        place: Some(place.clone()),
        images: BTreeMap::from([
            ("ami-0bb".to_owned(), PinnedImage { id: "ami-0bb".to_owned(), ..image.clone() }),
            ("ami-0aa".to_owned(), image),
        ]),
        ..Pins::default()
    };
    let settled = Settled { id: &id, identity: &identity, place: &place, pins: &pins };
    build(spec, &settled)
}

fn id(address: &Address) -> String {
    match address.kind {
        Kind::SecurityGroup => "sg-0123".to_owned(),
        Kind::Fsx | Kind::Efs => "fs-0123".to_owned(),
        Kind::MountTarget => "fsmt-0123".to_owned(),
        Kind::FileCache => "fc-0123".to_owned(),
        Kind::Link => format!("dra-{}", address.name),
        Kind::Template => format!("lt-{}", address.name),
        Kind::Role | Kind::InstanceProfile => "provision-video-pretrain-us-east-1".to_owned(),
        Kind::Placement | Kind::Reservation | Kind::Task | Kind::Nodes => {
            format!("provision/video-pretrain/{}", address.name)
        }
    }
}

/// All of it is there and ready.
pub(super) fn observed(desired: &Desired) -> Observed {
    let mut observed = Observed::default();
    let storage = desired.storage().map_or_else(|| "fs-0123".to_owned(), |(address, _)| id(address));
    for (address, wanted) in &desired.resources {
        let mut tags = desired.id.tags(address, &wanted.spec, 0, &desired.tags);
        tags.insert(TAG_EPOCH.to_owned(), "0".to_owned());
        if matches!(address.kind, Kind::Template | Kind::Nodes) {
            tags.insert(TAG_FILE_SYSTEM.to_owned(), storage.clone());
        }
        if let Resource::Nodes(group) = &wanted.resource {
            for number in 0..group.count {
                observed.nodes.push(Node {
                    address: address.clone(),
                    id: format!("i-{}-{number:03}", address.name),
                    state: NodeState::Running,
                    report: Some(Report::Ready),
                    preload: None,
                    instance: group.instance.clone(),
                    image: group.image.clone(),
                    zone: group.zone.clone(),
                    private_ip: Some(format!("10.0.{}.{}", number / 250, number % 250 + 4)),
                    launched: Some("2026-03-05T09:30:00Z".parse().expect("a time stamp")),
                    spot: false,
                    reason: None,
                    tags: tags.clone(),
                });
            }
            continue;
        }
        if address.kind == Kind::MountTarget {
            tags.clear();
        }
        let fields = wanted.resource.fields();
        observed.resources.push(Seen {
            address: address.clone(),
            id: id(address),
            arn: None,
            state: State::Ready,
            lifecycle: "AVAILABLE".to_owned(),
            reason: None,
            fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            tags,
            endpoint: (address.kind == Kind::Fsx).then(|| Endpoint {
                dns_name: "fs-0123.fsx.us-east-1.amazonaws.com".to_owned(),
                mount_name: "abcdbev".to_owned(),
            }),
            // Only where it matters: the links of a cache are told by it.
            file_system: (address.kind == Kind::Link && storage.starts_with("fc-")).then(|| storage.clone()),
        });
    }
    observed
}

pub(super) fn record(desired: &Desired) -> Record {
    let mut record = Record::new(&desired.id.cluster, &desired.id.deployment);
    record.tag_keys = desired.tags.keys().cloned().collect();
    for (address, wanted) in &desired.resources {
        let count = match &wanted.resource {
            Resource::Nodes(group) => group.count,
            _ => 1,
        };
        let done = Try { epoch: 0, done: true, at: "2026-03-05T09:30:00Z".parse().expect("a time stamp"), count };
        record.tries.insert(address.clone(), done);
    }
    record
}

/// `up` from nothing.
pub(super) fn create(spec: &Spec) -> Plan {
    let desired = desired(spec);
    let record = Record::new(&desired.id.cluster, &desired.id.deployment);
    plan_of(Purpose::Up, &desired, &Observed::default(), &record, Options::default())
}

/// `up` from one spec to another.
pub(super) fn change(before: &Spec, after: &Spec, options: Options) -> Plan {
    let old = desired(before);
    plan_of(Purpose::Up, &desired(after), &observed(&old), &record(&old), options)
}

pub(super) fn down(spec: &Spec, options: Options) -> Plan {
    let old = desired(spec);
    let nothing = Desired::nothing(old.id.clone());
    plan_of(Purpose::Down, &nothing, &observed(&old), &record(&old), options)
}

pub(super) fn plan_of(
    purpose: Purpose,
    desired: &Desired,
    observed: &Observed,
    record: &Record,
    options: Options,
) -> Plan {
    let input = Input { purpose, desired, observed, record, options, replace: &[] };
    plan::plan(&input, &PriceBook::default().prices(&desired.id.region))
}

/// An export under way.
pub(super) fn export_task() -> Task {
    Task {
        id: "task-0123".to_owned(),
        file_system: "fs-0123".to_owned(),
        work: Work::Export,
        state: TaskState::Executing,
        paths: vec!["checkpoints".to_owned()],
        total: 12_000,
        succeeded: 3_400,
        failed: 0,
        reason: None,
        report: None,
        started: Some("2026-03-05T11:58:00Z".parse().expect("a time stamp")),
        tags: BTreeMap::new(),
    }
}
