//! The file system.

use std::collections::BTreeMap;

use aws_sdk_fsx::types::{
    AdministrativeAction, AdministrativeActionType, CreateFileSystemLustreConfiguration,
    CreateFileSystemLustreMetadataConfiguration, DataCompressionType, DriveCacheType, FileSystem as SdkFileSystem,
    FileSystemLifecycle, FileSystemType, LustreDeploymentType, LustreFileSystemConfiguration,
    LustreReadCacheConfiguration, LustreReadCacheSizingMode, MetadataConfigurationMode, Status, StorageType,
    UpdateFileSystemLustreConfiguration, UpdateFileSystemLustreMetadataConfiguration,
};

use crate::aws::Aws;
use crate::aws::convert::{fields, fsx_tags, resolve, to_fsx, to_i32, to_u32};
use crate::aws::error::{Explain as _, found, gone_is_success, rules_not_seen_yet};
use crate::aws::owner::{Owner, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Address, FileSystem, Kind, Reference, Resource};
use crate::observed::{Endpoint, Existing, Observed, Seen, State};
use crate::spec::{Compression, Deployment, DriveCache, Media, MetadataIops, ReadCache};

/// The version that links, metadata configuration and EFA work with on every deployment type.
const LUSTRE: &str = "2.15";

impl Aws {
    pub(in crate::aws) async fn observe_file_systems(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let mut observed = Observed::default();
        for each in self.file_systems(scope.file_system.as_deref()).await? {
            let tags = fsx_tags(each.tags());
            match owner(scope, Kind::Fsx, None, each.file_system_id().unwrap_or_default(), &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => observed.resources.push(seen(address, &each)),
            }
        }
        Ok(observed)
    }

    /// One by id, absent if it does not exist; else all: FSx filters by nothing, least of all by tag.
    pub(in crate::aws) async fn file_systems(&self, id: Option<&str>) -> Result<Vec<SdkFileSystem>, CloudError> {
        if let Some(id) = id {
            let answer = found(
                self.fsx.describe_file_systems().file_system_ids(id).send().await.look("fsx:DescribeFileSystems"),
            )?;
            return Ok(answer.and_then(|answer| answer.file_systems).unwrap_or_default());
        }
        let mut all = Vec::new();
        let mut pages = self.fsx.describe_file_systems().into_paginator().send();
        // Pages may be short or empty and still not the last.
        while let Some(page) = pages.next().await {
            all.extend(page.look("fsx:DescribeFileSystems")?.file_systems.unwrap_or_default());
        }
        Ok(all)
    }

    /// A file system that is not ours, without its links. It is read in one type and written in none.
    pub(in crate::aws) async fn existing_file_system(&self, id: &str) -> Result<Option<Existing>, CloudError> {
        Ok(self.file_systems(Some(id)).await?.first().map(existing))
    }

    /// All of FSx for Lustre, by id, but for kinds that this version does not know.
    pub(in crate::aws) async fn all_lustre(&self) -> Result<BTreeMap<String, FileSystem>, CloudError> {
        let all = self.file_systems(None).await?;
        let known = |each: &&SdkFileSystem| {
            let is_lustre = each.file_system_type() == Some(&FileSystemType::Lustre);
            is_lustre && matches!(kind(each), (Some(_), Some(_)))
        };
        Ok(all
            .iter()
            .filter(known)
            .map(|each| (each.file_system_id().unwrap_or_default().to_owned(), typed(each)))
            .collect())
    }

    pub(in crate::aws) async fn create_file_system(
        &self,
        create: &Create,
        wanted: &FileSystem,
    ) -> Result<Seen, CloudError> {
        let operation = "fsx:CreateFileSystem";
        let group = resolve(create, operation, &wanted.security_group)?;
        let outcome = self
            .fsx
            .create_file_system()
            .client_request_token(&create.token)
            .file_system_type(FileSystemType::Lustre)
            .file_system_type_version(LUSTRE)
            .storage_type(storage_type(wanted.media))
            .set_storage_capacity(wanted.capacity_gib.map(to_i32))
            .subnet_ids(&wanted.subnet)
            .security_group_ids(group)
            .set_kms_key_id(wanted.kms_key.clone())
            .set_tags(Some(to_fsx(&create.tags)))
            .lustre_configuration(configuration(wanted))
            .send()
            .await
            .create(operation);
        let answer = outcome.map_err(|error| match &wanted.security_group {
            Reference::Ours(_) => rules_not_seen_yet(error),
            // A group that the user gave is not young: its rules are what they are.
            Reference::Existing(_) => error,
        })?;
        let made = answer
            .file_system
            .ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no file system"))?;
        let mut seen = seen(create.address.clone(), &made);
        if seen.tags.is_empty() {
            seen.tags.clone_from(&create.tags);
        }
        Ok(seen)
    }

    pub(in crate::aws) async fn update_file_system(
        &self,
        update: &Update,
        wanted: &FileSystem,
    ) -> Result<(), CloudError> {
        let operation = "fsx:UpdateFileSystem";
        let mut call = self.fsx.update_file_system().file_system_id(&update.id).client_request_token(&update.token);
        let mut lustre = UpdateFileSystemLustreConfiguration::builder();
        let mut has_lustre = false;
        for field in &update.fields {
            has_lustre |= field != "capacity";
            match field.as_str() {
                "capacity" => call = call.set_storage_capacity(wanted.capacity_gib.map(to_i32)),
                "throughput_per_tib" => {
                    lustre = lustre.set_per_unit_storage_throughput(wanted.throughput_per_tib.map(to_i32));
                }
                "throughput" => lustre = lustre.set_throughput_capacity(wanted.throughput.map(to_i32)),
                "read_cache" => lustre = lustre.set_data_read_cache_configuration(wanted.read_cache.map(read_cache)),
                "compression" => lustre = lustre.data_compression_type(compression(wanted.compression)),
                "metadata_iops" => {
                    let metadata = wanted.metadata_iops.map(|iops| {
                        let (mode, number) = metadata(iops);
                        UpdateFileSystemLustreMetadataConfiguration::builder().mode(mode).set_iops(number).build()
                    });
                    lustre = lustre.set_metadata_configuration(metadata);
                }
                _ => return Err(crate::aws::cannot_change(operation, update, field)),
            }
        }
        if has_lustre {
            call = call.lustre_configuration(lustre.build());
        }
        if !update.fields.is_empty() {
            call.send().await.change(operation)?;
        }
        self.update_fsx_tags(update).await
    }

    /// Tags travel alone, and go by ARN.
    pub(in crate::aws) async fn update_fsx_tags(&self, update: &Update) -> Result<(), CloudError> {
        if update.set_tags.is_empty() && update.remove_tags.is_empty() {
            return Ok(());
        }
        let arn = update.arn.as_ref().ok_or_else(|| {
            CloudError::new(
                "fsx:TagResource",
                Class::Invalid,
                format!("the ARN of {} is needed and not known", update.id),
            )
        })?;
        if !update.set_tags.is_empty() {
            self.fsx
                .tag_resource()
                .resource_arn(arn)
                .set_tags(Some(to_fsx(&update.set_tags)))
                .send()
                .await
                .change("fsx:TagResource")?;
        }
        if !update.remove_tags.is_empty() {
            let keys = update.remove_tags.iter().cloned().collect();
            self.fsx
                .untag_resource()
                .resource_arn(arn)
                .set_tag_keys(Some(keys))
                .send()
                .await
                .change("fsx:UntagResource")?;
        }
        Ok(())
    }

    /// Without a final backup: that is FSx's default for Lustre ("Default = true" of SkipFinalBackup in the API model), and
    /// saying nothing is legal for scratch and linked file systems too, which know no backups.
    pub(in crate::aws) async fn delete_file_system(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.fsx.delete_file_system().file_system_id(id).client_request_token(&delete.token);
            gone_is_success(call.send().await.change("fsx:DeleteFileSystem").map(|_| ()))?;
        }
        Ok(())
    }
}

fn configuration(wanted: &FileSystem) -> CreateFileSystemLustreConfiguration {
    let deployment = match wanted.deployment {
        Deployment::Scratch2 => LustreDeploymentType::Scratch2,
        Deployment::Persistent1 => LustreDeploymentType::Persistent1,
        Deployment::Persistent2 => LustreDeploymentType::Persistent2,
    };
    // Scratch knows no backups, and refuses the field; elsewhere the documented default is 0 in one place and 30 in another,
    // and a link needs 0.
    let retention = match wanted.deployment {
        Deployment::Scratch2 => None,
        Deployment::Persistent1 | Deployment::Persistent2 => Some(0),
    };
    let drive_cache = wanted.drive_cache.map(|cache| match cache {
        DriveCache::None => DriveCacheType::None,
        DriveCache::Read => DriveCacheType::Read,
    });
    let metadata = wanted.metadata_iops.map(|iops| {
        let (mode, number) = metadata(iops);
        CreateFileSystemLustreMetadataConfiguration::builder().mode(mode).set_iops(number).build()
    });
    CreateFileSystemLustreConfiguration::builder()
        .deployment_type(deployment)
        .set_automatic_backup_retention_days(retention)
        .set_per_unit_storage_throughput(wanted.throughput_per_tib.map(to_i32))
        .set_throughput_capacity(wanted.throughput.map(to_i32))
        .set_data_read_cache_configuration(wanted.read_cache.map(read_cache))
        .set_drive_cache_type(drive_cache)
        .set_metadata_configuration(metadata)
        .data_compression_type(compression(wanted.compression))
        // Some types refuse even `false`.
        .set_efa_enabled(wanted.efa.then_some(true))
        .build()
}

fn storage_type(media: Media) -> StorageType {
    match media {
        Media::Ssd => StorageType::Ssd,
        Media::Hdd => StorageType::Hdd,
        Media::IntelligentTiering => StorageType::IntelligentTiering,
    }
}

fn compression(compression: Compression) -> DataCompressionType {
    match compression {
        Compression::None => DataCompressionType::None,
        Compression::Lz4 => DataCompressionType::Lz4,
    }
}

fn metadata(iops: MetadataIops) -> (MetadataConfigurationMode, Option<i32>) {
    match iops {
        MetadataIops::Auto => (MetadataConfigurationMode::Automatic, None),
        MetadataIops::Provisioned(number) => (MetadataConfigurationMode::UserProvisioned, Some(to_i32(number))),
    }
}

fn read_cache(cache: ReadCache) -> LustreReadCacheConfiguration {
    let (mode, size) = match cache {
        ReadCache::None => (LustreReadCacheSizingMode::NoCache, None),
        ReadCache::Provisioned(gib) => (LustreReadCacheSizingMode::UserProvisioned, Some(to_i32(gib))),
        ReadCache::ProportionalToThroughput => (LustreReadCacheSizingMode::ProportionalToThroughputCapacity, None),
    };
    LustreReadCacheConfiguration::builder().sizing_mode(mode).set_size_gib(size).build()
}

fn seen(address: Address, each: &SdkFileSystem) -> Seen {
    let update = latest_update(each.administrative_actions());
    let updating = update
        .and_then(AdministrativeAction::status)
        .is_some_and(|status| matches!(status, Status::Pending | Status::InProgress));
    let lifecycle = each.lifecycle().map_or("", FileSystemLifecycle::as_str).to_owned();
    let state = match each.lifecycle() {
        Some(FileSystemLifecycle::Creating) => State::Creating,
        Some(FileSystemLifecycle::Available) if updating => State::Updating,
        Some(FileSystemLifecycle::Available) => State::Ready,
        Some(FileSystemLifecycle::Updating) => State::Updating,
        Some(FileSystemLifecycle::Deleting) => State::Deleting,
        Some(FileSystemLifecycle::Failed) => State::Failed,
        // A state that this version does not know is neither ready nor on its way: a person has to look.
        _ => State::Misconfigured,
    };
    let failed_update = update.filter(|action| action.status() == Some(&Status::Failed));
    let reason = each.failure_details().and_then(|details| details.message()).map(str::to_owned).or_else(|| {
        let why = failed_update?.failure_details().and_then(|details| details.message()).unwrap_or("no reason given");
        Some(format!("the last change failed: {why}"))
    });
    let endpoint = each.dns_name().zip(each.lustre_configuration().and_then(LustreFileSystemConfiguration::mount_name));
    let endpoint = endpoint.map(|(dns, mount)| Endpoint { dns_name: dns.to_owned(), mount_name: mount.to_owned() });
    Seen {
        address,
        id: each.file_system_id().unwrap_or_default().to_owned(),
        arn: each.resource_arn().map(str::to_owned),
        state,
        lifecycle,
        reason,
        fields: observed_fields(each),
        tags: fsx_tags(each.tags()),
        endpoint,
        file_system: None,
    }
}

fn existing(each: &SdkFileSystem) -> Existing {
    let Seen { id, state, lifecycle, fields, endpoint, .. } = seen(Address::one(Kind::Fsx), each);
    let lustre = each.lustre_configuration();
    let legacy = lustre.and_then(LustreFileSystemConfiguration::data_repository_configuration);
    Existing {
        id,
        service: each.file_system_type().map_or("", FileSystemType::as_str).to_owned(),
        state,
        lifecycle,
        version: each.file_system_type_version().unwrap_or_default().to_owned(),
        backup_days: to_u32(lustre.and_then(LustreFileSystemConfiguration::automatic_backup_retention_days))
            .unwrap_or(0),
        legacy_link: legacy.and_then(|legacy| legacy.import_path()).map(str::to_owned),
        fields,
        vpc: each.vpc_id().unwrap_or_default().to_owned(),
        subnet: each.subnet_ids().first().cloned().unwrap_or_default(),
        interfaces: each.network_interface_ids().to_vec(),
        endpoint,
        links: Vec::new(),
    }
}

fn latest_update(actions: &[AdministrativeAction]) -> Option<&AdministrativeAction> {
    actions
        .iter()
        .filter(|action| action.administrative_action_type() == Some(&AdministrativeActionType::FileSystemUpdate))
        .max_by_key(|action| action.request_time().map(|time| (time.secs(), time.subsec_nanos())))
}

/// Through the same types as what is desired. A value that this version does not know stands there in AWS's word for it.
fn observed_fields(each: &SdkFileSystem) -> BTreeMap<String, String> {
    let (deployment, media) = kind(each);
    let mut fields = fields(&Resource::Fsx(typed(each)));
    if deployment.is_none() {
        let word = each.lustre_configuration().and_then(LustreFileSystemConfiguration::deployment_type);
        fields.insert("deployment".to_owned(), word.map_or("", LustreDeploymentType::as_str).to_owned());
    }
    if media.is_none() {
        let word = each.storage_type().map_or("", StorageType::as_str);
        fields.insert("media".to_owned(), word.to_owned());
    }
    fields
}

/// None for what this version does not know.
fn kind(each: &SdkFileSystem) -> (Option<Deployment>, Option<Media>) {
    let deployment = match each.lustre_configuration().and_then(LustreFileSystemConfiguration::deployment_type) {
        Some(LustreDeploymentType::Scratch2) => Some(Deployment::Scratch2),
        Some(LustreDeploymentType::Persistent1) => Some(Deployment::Persistent1),
        Some(LustreDeploymentType::Persistent2) => Some(Deployment::Persistent2),
        _ => None,
    };
    // SSD is what FSx takes where nothing is said.
    let media = match each.storage_type().unwrap_or(&StorageType::Ssd) {
        StorageType::Ssd => Some(Media::Ssd),
        StorageType::Hdd => Some(Media::Hdd),
        StorageType::IntelligentTiering => Some(Media::IntelligentTiering),
        _ => None,
    };
    (deployment, media)
}

/// What is not known is taken for the simplest.
fn typed(each: &SdkFileSystem) -> FileSystem {
    let (deployment, media) = kind(each);
    let lustre = each.lustre_configuration();
    let metadata = lustre.and_then(LustreFileSystemConfiguration::metadata_configuration);
    let cache = lustre.and_then(LustreFileSystemConfiguration::data_read_cache_configuration);
    FileSystem {
        deployment: deployment.unwrap_or(Deployment::Scratch2),
        media: media.unwrap_or(Media::Ssd),
        capacity_gib: to_u32(each.storage_capacity()).filter(|_| media != Some(Media::IntelligentTiering)),
        throughput_per_tib: to_u32(lustre.and_then(LustreFileSystemConfiguration::per_unit_storage_throughput)),
        throughput: to_u32(lustre.and_then(LustreFileSystemConfiguration::throughput_capacity)),
        read_cache: cache.and_then(|cache| match cache.sizing_mode()? {
            LustreReadCacheSizingMode::NoCache => Some(ReadCache::None),
            LustreReadCacheSizingMode::UserProvisioned => to_u32(cache.size_gib()).map(ReadCache::Provisioned),
            LustreReadCacheSizingMode::ProportionalToThroughputCapacity => Some(ReadCache::ProportionalToThroughput),
            _ => None,
        }),
        drive_cache: lustre.and_then(LustreFileSystemConfiguration::drive_cache_type).and_then(|cache| match cache {
            DriveCacheType::None => Some(DriveCache::None),
            DriveCacheType::Read => Some(DriveCache::Read),
            _ => None,
        }),
        metadata_iops: metadata.and_then(|metadata| match metadata.mode()? {
            // The number that comes with it follows the capacity and is nobody's wish.
            MetadataConfigurationMode::Automatic => Some(MetadataIops::Auto),
            MetadataConfigurationMode::UserProvisioned => to_u32(metadata.iops()).map(MetadataIops::Provisioned),
            _ => None,
        }),
        compression: match lustre.and_then(LustreFileSystemConfiguration::data_compression_type) {
            Some(DataCompressionType::Lz4) => Compression::Lz4,
            _ => Compression::None,
        },
        // Absent, not false, where it is off.
        efa: lustre.and_then(LustreFileSystemConfiguration::efa_enabled).unwrap_or(false),
        kms_key: each.kms_key_id().map(str::to_owned),
        subnet: each.subnet_ids().first().cloned().unwrap_or_default(),
        // Not told by FSx, and not among the fields.
        security_group: Reference::Existing(String::new()),
    }
}
