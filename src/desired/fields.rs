//! What a plan shows and compares of each resource: name and value of every field, in the user's words.
//!
//! An observed resource is brought into the same types and through the same functions, so both sides are written alike.

use super::flows::flows_text;
use super::resource::{
    CapacityReservation, Efs, Fields, FileCache, FileSystem, InstanceProfile, Interface, InterfaceKind, LaunchTemplate,
    Link, MountTarget, NodeGroup, PlacementGroup, Resource, Role, SecurityGroup,
};
use crate::spec::{Compression, Deployment, DriveCache, EfsThroughput, Market, Media, MetadataIops, ReadCache};

impl Resource {
    /// Every field that a plan compares, in the order shown.
    pub fn fields(&self) -> Fields {
        match self {
            Self::SecurityGroup(SecurityGroup { name, description: _, vpc, rules }) => {
                let mut rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                rules.sort();
                vec![("name", name.clone()), ("vpc", vpc.clone()), ("rules", rules.join(", "))]
            }
            Self::Role(Role { name, trust, policy, managed }) => vec![
                ("name", name.clone()),
                ("trust", trust.clone()),
                ("policy", policy.clone()),
                ("managed_policies", managed.join(", ")),
            ],
            Self::InstanceProfile(InstanceProfile { name, role }) => {
                vec![("name", name.clone()), ("role", role.clone())]
            }
            Self::Placement(PlacementGroup { name }) => {
                vec![("name", name.clone()), ("strategy", "cluster".to_owned())]
            }
            Self::Reservation(CapacityReservation { instance, count, zone, ends }) => vec![
                ("instance", instance.clone()),
                ("count", count.to_string()),
                ("zone", zone.clone()),
                ("ends", ends.to_string()),
            ],
            Self::Fsx(file_system) => file_system.fields(),
            Self::Efs(Efs { throughput, kms_key }) => {
                let mut fields = vec![("throughput", efs_throughput_text(*throughput))];
                fields.extend(kms_key.iter().map(|key| ("kms_key", key.clone())));
                fields
            }
            Self::MountTarget(MountTarget { zone, subnet, security_group: _ }) => {
                vec![("zone", zone.clone()), ("subnet", subnet.clone())]
            }
            Self::FileCache(FileCache { capacity_gib, kms_key, subnet, security_group: _, links: _ }) => {
                let mut fields = vec![("capacity", format!("{capacity_gib} GiB"))];
                fields.extend(kms_key.iter().map(|key| ("kms_key", key.clone())));
                fields.push(("subnet", subnet.clone()));
                fields
            }
            Self::Link(link) => link.fields(),
            Self::Template(template) => template.fields(),
            Self::Nodes(NodeGroup {
                count,
                instance,
                image,
                zone,
                subnet: _,
                market,
                template: _,
                max_away: _,
                min_count: _,
            }) => {
                vec![
                    ("count", count.to_string()),
                    ("instance", instance.clone()),
                    ("image", image.clone()),
                    ("zone", zone.clone()),
                    ("market", market_text(market)),
                ]
            }
        }
    }
}

impl FileSystem {
    fn fields(&self) -> Fields {
        let Self {
            deployment,
            media,
            capacity_gib,
            throughput_per_tib,
            throughput,
            read_cache,
            drive_cache,
            metadata_iops,
            compression,
            efa,
            kms_key,
            subnet,
            security_group: _,
        } = self;
        let mut fields =
            vec![("deployment", deployment_text(*deployment).to_owned()), ("media", media_text(*media).to_owned())];
        let numbers = [
            ("capacity", capacity_gib.map(|gib| format!("{gib} GiB"))),
            ("throughput_per_tib", throughput_per_tib.map(|rate| format!("{rate} MB/s"))),
            ("throughput", throughput.map(|rate| format!("{rate} MB/s"))),
            ("read_cache", read_cache.map(read_cache_text)),
            (
                "drive_cache",
                drive_cache.map(|cache| {
                    match cache {
                        DriveCache::None => "none",
                        DriveCache::Read => "read",
                    }
                    .to_owned()
                }),
            ),
            ("metadata_iops", metadata_iops.map(metadata_text)),
        ];
        fields.extend(numbers.into_iter().filter_map(|(name, value)| Some((name, value?))));
        fields.push((
            "compression",
            match compression {
                Compression::None => "none",
                Compression::Lz4 => "lz4",
            }
            .to_owned(),
        ));
        fields.push(("efa", efa.to_string()));
        if let Some(key) = kms_key {
            fields.push(("kms_key", key.clone()));
        }
        fields.push(("subnet", subnet.clone()));
        fields
    }
}

impl Link {
    fn fields(&self) -> Fields {
        let Self {
            bucket: _,
            prefix: _,
            path,
            import,
            export,
            import_chunk_mib,
            preload_metadata: _,
            export_on_down: _,
        } = self;
        let mut fields = vec![
            ("path", path.clone()),
            ("s3", self.s3()),
            ("import", flows_text(import)),
            ("export", flows_text(export)),
        ];
        if let Some(chunk) = import_chunk_mib {
            fields.push(("import_chunk", format!("{chunk} MiB")));
        }
        fields
    }
}

impl LaunchTemplate {
    /// The boot script is not in here: it is compared by the digest of what it comes from.
    fn fields(&self) -> Fields {
        let Self {
            name,
            image,
            root_device: _,
            root_volume_gib,
            instance,
            interfaces,
            market,
            placement,
            subnet,
            security_group: _,
            instance_profile: _,
            boot: _,
            node_tags: _,
        } = self;
        vec![
            ("name", name.clone()),
            ("instance", instance.clone()),
            ("image", image.clone()),
            ("root_volume", format!("{root_volume_gib} GiB")),
            ("interfaces", interfaces_text(interfaces)),
            ("market", market_text(market)),
            ("placement", placement.clone().unwrap_or_else(|| "none".to_owned())),
            ("subnet", subnet.clone()),
        ]
    }
}

pub fn deployment_text(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Scratch2 => "scratch-2",
        Deployment::Persistent1 => "persistent-1",
        Deployment::Persistent2 => "persistent-2",
    }
}

pub fn media_text(media: Media) -> &'static str {
    match media {
        Media::Ssd => "ssd",
        Media::Hdd => "hdd",
        Media::IntelligentTiering => "intelligent-tiering",
    }
}

/// `elastic`, or `256 MiB/s`.
pub fn efs_throughput_text(throughput: EfsThroughput) -> String {
    match throughput {
        EfsThroughput::Elastic => "elastic".to_owned(),
        EfsThroughput::Provisioned(mib) => format!("{mib} MiB/s"),
    }
}

pub(super) fn metadata_text(metadata: MetadataIops) -> String {
    match metadata {
        MetadataIops::Auto => "auto".to_owned(),
        MetadataIops::Provisioned(iops) => iops.to_string(),
    }
}

pub(super) fn read_cache_text(cache: ReadCache) -> String {
    match cache {
        ReadCache::None => "none".to_owned(),
        ReadCache::Provisioned(gib) => format!("{gib} GiB"),
        ReadCache::ProportionalToThroughput => "proportional".to_owned(),
    }
}

pub fn market_text(market: &Market) -> String {
    match market {
        Market::OnDemand => "on-demand".to_owned(),
        Market::Spot => "spot".to_owned(),
        Market::CapacityBlock(id) => format!("capacity-block {id}"),
        Market::Reservation(id) => format!("reservation {id}"),
    }
}

fn interfaces_text(interfaces: &[Interface]) -> String {
    let efa = interfaces.iter().filter(|each| each.kind != InterfaceKind::Ena).count();
    match (interfaces.len(), efa) {
        (1, 0) => "1".to_owned(),
        (count, efa) => format!("{count}, {efa} with EFA"),
    }
}
