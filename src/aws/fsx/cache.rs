//! Caches of Amazon File Cache. Their links are made and deleted by the same calls, and take the tags of the cache.

use aws_sdk_fsx::types::{
    CreateFileCacheLustreConfiguration, FileCache as SdkFileCache, FileCacheDataRepositoryAssociation,
    FileCacheLifecycle, FileCacheLustreDeploymentType, FileCacheLustreMetadataConfiguration, FileCacheType,
};

use crate::aws::Aws;
use crate::aws::cannot_change;
use crate::aws::convert::{fields, fsx_tags, resolve, to_fsx, to_i32, to_u32};
use crate::aws::error::{Explain as _, found, gone_is_success, rules_not_seen_yet};
use crate::aws::owner::{Owner, owner};
use crate::catalog::file_cache::{LUSTRE, METADATA_GIB, THROUGHPUT_PER_TIB};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Address, FileCache, Kind, Reference, Resource, Tags};
use crate::observed::{Endpoint, Observed, Seen, State};

impl Aws {
    pub(in crate::aws) async fn observe_caches(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let mut observed = Observed::default();
        for each in self.caches(scope.file_system.as_deref().filter(|id| is_cache(id))).await? {
            let tags = self.tags_of_cache(&each).await?;
            match owner(scope, Kind::FileCache, None, each.file_cache_id().unwrap_or_default(), &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => observed.resources.push(seen(address, &each, tags)),
            }
        }
        Ok(observed)
    }

    /// One by id, absent if it does not exist; else all of the region.
    async fn caches(&self, id: Option<&str>) -> Result<Vec<SdkFileCache>, CloudError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let call = self.fsx.describe_file_caches().set_file_cache_ids(id.map(|id| vec![id.to_owned()]));
            let Some(answer) = found(call.set_next_token(token.clone()).send().await.look("fsx:DescribeFileCaches"))?
            else {
                return Ok(all);
            };
            all.extend(answer.file_caches.unwrap_or_default());
            // The same token again would go round for ever.
            if answer.next_token.is_none() || answer.next_token == token {
                return Ok(all);
            }
            token = answer.next_token;
        }
    }

    /// What DescribeFileCaches leaves out.
    async fn tags_of_cache(&self, each: &SdkFileCache) -> Result<Tags, CloudError> {
        let mut tags = Tags::new();
        let mut token: Option<String> = None;
        loop {
            let call = self.fsx.list_tags_for_resource().set_resource_arn(each.resource_arn.clone());
            let answer = call.set_next_token(token.clone()).send().await.look("fsx:ListTagsForResource");
            // It went between the two calls.
            let Some(answer) = found(answer)? else { return Ok(tags) };
            tags.extend(fsx_tags(answer.tags()));
            if answer.next_token.is_none() || answer.next_token == token {
                return Ok(tags);
            }
            token = answer.next_token;
        }
    }

    pub(in crate::aws) async fn create_cache(&self, create: &Create, wanted: &FileCache) -> Result<Seen, CloudError> {
        let operation = "fsx:CreateFileCache";
        let group = resolve(create, operation, &wanted.security_group)?;
        let metadata = FileCacheLustreMetadataConfiguration::builder().storage_capacity(to_i32(METADATA_GIB)).build();
        let lustre = CreateFileCacheLustreConfiguration::builder()
            .per_unit_storage_throughput(to_i32(THROUGHPUT_PER_TIB))
            .deployment_type(FileCacheLustreDeploymentType::Cache1)
            .metadata_configuration(metadata)
            .build();
        let links: Vec<FileCacheDataRepositoryAssociation> = wanted
            .links
            .iter()
            .map(|link| {
                let association = FileCacheDataRepositoryAssociation::builder();
                association.file_cache_path(&link.path).data_repository_path(link.s3()).build()
            })
            .collect();
        let outcome = self
            .fsx
            .create_file_cache()
            .client_request_token(&create.token)
            .file_cache_type(FileCacheType::Lustre)
            .file_cache_type_version(LUSTRE)
            .storage_capacity(to_i32(wanted.capacity_gib))
            .subnet_ids(&wanted.subnet)
            .security_group_ids(group)
            .set_kms_key_id(wanted.kms_key.clone())
            .set_tags(Some(to_fsx(&create.tags)))
            .copy_tags_to_data_repository_associations(true)
            .set_data_repository_associations(Some(links))
            .lustre_configuration(lustre)
            .send()
            .await
            .create(operation);
        let answer = outcome.map_err(|error| match &wanted.security_group {
            Reference::Ours(_) => rules_not_seen_yet(error),
            Reference::Existing(_) => error,
        })?;
        let made =
            answer.file_cache.ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no cache"))?;
        let told = fsx_tags(made.tags());
        Ok(Seen {
            address: create.address.clone(),
            state: state(made.lifecycle.as_ref()),
            lifecycle: made.lifecycle.as_ref().map_or("", FileCacheLifecycle::as_str).to_owned(),
            reason: made.failure_details.and_then(|details| details.message),
            fields: fields(&create.resource),
            tags: if told.is_empty() { create.tags.clone() } else { told },
            endpoint: endpoint(made.dns_name, made.lustre_configuration.and_then(|lustre| lustre.mount_name)),
            id: made.file_cache_id.unwrap_or_default(),
            arn: made.resource_arn,
            file_system: None,
        })
    }

    /// Only its tags: what else it is, it stays.
    pub(in crate::aws) async fn update_cache(&self, update: &Update) -> Result<(), CloudError> {
        if let Some(field) = update.fields.iter().next() {
            return Err(cannot_change("fsx:UpdateFileCache", update, field));
        }
        self.update_fsx_tags(update).await
    }

    pub(in crate::aws) async fn delete_cache(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.fsx.delete_file_cache().file_cache_id(id).client_request_token(&delete.token);
            gone_is_success(call.send().await.change("fsx:DeleteFileCache").map(|_| ()))?;
        }
        Ok(())
    }
}

/// `fc-…`: a cache, and no file system.
pub(in crate::aws) fn is_cache(id: &str) -> bool {
    id.starts_with("fc-")
}

fn endpoint(dns_name: Option<String>, mount_name: Option<String>) -> Option<Endpoint> {
    Some(Endpoint { dns_name: dns_name?, mount_name: mount_name? })
}

/// What this version does not know is on its way to something.
fn state(lifecycle: Option<&FileCacheLifecycle>) -> State {
    match lifecycle {
        Some(FileCacheLifecycle::Creating) => State::Creating,
        Some(FileCacheLifecycle::Available) => State::Ready,
        Some(FileCacheLifecycle::Deleting) => State::Deleting,
        Some(FileCacheLifecycle::Failed) => State::Failed,
        _ => State::Updating,
    }
}

fn seen(address: Address, each: &SdkFileCache, tags: Tags) -> Seen {
    let cache = FileCache {
        capacity_gib: to_u32(each.storage_capacity()).unwrap_or(0),
        kms_key: each.kms_key_id().map(str::to_owned),
        subnet: each.subnet_ids().first().cloned().unwrap_or_default(),
        // Neither is among the fields.
        security_group: Reference::Existing(String::new()),
        links: Vec::new(),
    };
    Seen {
        address,
        id: each.file_cache_id().unwrap_or_default().to_owned(),
        arn: each.resource_arn().map(str::to_owned),
        state: state(each.lifecycle()),
        lifecycle: each.lifecycle().map_or("", FileCacheLifecycle::as_str).to_owned(),
        reason: each.failure_details().and_then(|details| details.message()).map(str::to_owned),
        fields: fields(&Resource::FileCache(cache)),
        tags,
        endpoint: endpoint(
            each.dns_name.clone(),
            each.lustre_configuration().and_then(|lustre| lustre.mount_name()).map(str::to_owned),
        ),
        file_system: None,
    }
}
