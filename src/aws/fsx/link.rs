//! Links: data repository associations.

use std::collections::BTreeSet;

use aws_sdk_fsx::types::{
    AutoExportPolicy, AutoImportPolicy, DataRepositoryAssociation, DataRepositoryLifecycle, EventType, Filter,
    FilterName, S3DataRepositoryConfiguration,
};

use super::cache::is_cache;
use crate::aws::Aws;
use crate::aws::convert::{fields, fsx_tags, resolve_in, to_fsx, to_i32, to_u32};
use crate::aws::error::{Explain as _, found, gone_is_success};
use crate::aws::owner::{Owner, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Address, Kind, Link, Resource, TAG_CLUSTER, link_name};
use crate::observed::{Foreign, Observed, OtherLink, Seen, State};
use crate::spec::Flow;

/// The most that FSx gives a page (API Reference, DescribeDataRepositoryAssociations).
const PAGE: i32 = 25;

impl Aws {
    /// All links of a file system of ours.
    pub(in crate::aws) async fn observe_links(&self, scope: &Scope, file_system: &str) -> Result<Observed, CloudError> {
        let mut observed = Observed::default();
        for each in self.links(Some(file_system)).await? {
            if is_cache(file_system) {
                // It came with the cache, bears its tags, and cannot be anybody else's.
                let address = Address::named(Kind::Link, link_name(path_of(&each)));
                observed.resources.push(seen(address, &each));
                continue;
            }
            let tags = fsx_tags(each.tags());
            let id = each.association_id().unwrap_or_default().to_owned();
            match owner(scope, Kind::Link, None, &id, &tags) {
                Owner::Ours(address) => observed.resources.push(seen(address, &each)),
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                // A stranger's link of our file system stands in the way of one at the same path, and what it has not
                // exported would go down with the file system.
                Owner::Other => {
                    let address = Address::named(Kind::Link, link_name(each.file_system_path().unwrap_or_default()));
                    let why = match tags.get(TAG_CLUSTER) {
                        Some(cluster) => format!("links our file system, and its tag `{TAG_CLUSTER}` says `{cluster}`"),
                        None => format!("links our file system, and has no tag `{TAG_CLUSTER}`"),
                    };
                    observed.foreign.push(Foreign { address, id, why });
                }
            }
        }
        Ok(observed)
    }

    /// Links on a file system that is not ours: our own, and other people's, which are none of our business beyond where they
    /// are.
    pub(in crate::aws) async fn links_on_existing(
        &self,
        scope: &Scope,
        file_system: &str,
    ) -> Result<(Observed, Vec<OtherLink>), CloudError> {
        let mut observed = Observed::default();
        let mut others = Vec::new();
        for each in self.links(Some(file_system)).await? {
            let tags = fsx_tags(each.tags());
            let id = each.association_id().unwrap_or_default().to_owned();
            match owner(scope, Kind::Link, None, &id, &tags) {
                Owner::Ours(address) => observed.resources.push(seen(address, &each)),
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Other => {
                    let path = each.file_system_path().unwrap_or_default().to_owned();
                    let s3 = each.data_repository_path().unwrap_or_default().trim_end_matches('/').to_owned();
                    others.push(OtherLink { id, path, s3, cluster: tags.get(TAG_CLUSTER).cloned() });
                }
            }
        }
        Ok((observed, others))
    }

    /// The file systems that links of ours are on, wherever in the region: what tells of a cluster on a file system that is
    /// not ours once its record is lost.
    pub(in crate::aws) async fn linked_file_systems(&self, scope: &Scope) -> Result<BTreeSet<String>, CloudError> {
        let ours = |each: &DataRepositoryAssociation| {
            let tags = fsx_tags(each.tags());
            let id = each.association_id().unwrap_or_default();
            matches!(owner(scope, Kind::Link, None, id, &tags), Owner::Ours(_))
        };
        let links = self.links(None).await?;
        Ok(links.into_iter().filter(ours).filter_map(|each| each.file_system_id).collect())
    }

    /// Those of one file system, else of the region. FSx filters by nothing else, least of all by tag.
    pub(in crate::aws) async fn links(
        &self,
        file_system: Option<&str>,
    ) -> Result<Vec<DataRepositoryAssociation>, CloudError> {
        let by = |id: &str| if is_cache(id) { FilterName::FileCacheId } else { FilterName::FileSystemId };
        let filter = file_system.map(|id| Filter::builder().name(by(id)).values(id).build());
        let mut links = Vec::new();
        let mut token: Option<String> = None;
        // The SDK has no pages for this call.
        loop {
            let filters = filter.clone().map(|filter| vec![filter]);
            let call = self.fsx.describe_data_repository_associations().set_filters(filters).max_results(PAGE);
            let answer = call.set_next_token(token.clone()).send().await.look("fsx:DescribeDataRepositoryAssociations");
            let Some(answer) = found(answer)? else { return Ok(links) };
            links.extend(answer.associations.unwrap_or_default());
            // The same token again would go round for ever.
            if answer.next_token.is_none() || answer.next_token == token {
                return Ok(links);
            }
            token = answer.next_token;
        }
    }

    pub(in crate::aws) async fn create_link(&self, create: &Create, link: &Link) -> Result<Seen, CloudError> {
        let operation = "fsx:CreateDataRepositoryAssociation";
        let file_system = resolve_in(&create.known, operation, &Address::one(Kind::Fsx))
            .map_err(|error| error.about(&create.address))?;
        // Off is what a policy that is not there means.
        let policies = S3DataRepositoryConfiguration::builder()
            .set_auto_import_policy((!link.import.is_empty()).then(|| import_policy(&link.import)))
            .set_auto_export_policy((!link.export.is_empty()).then(|| export_policy(&link.export)))
            .build();
        let answer = self
            .fsx
            .create_data_repository_association()
            .client_request_token(&create.token)
            .file_system_id(file_system)
            .file_system_path(&link.path)
            .data_repository_path(link.s3())
            .batch_import_meta_data_on_create(link.preload_metadata)
            .set_imported_file_chunk_size(link.import_chunk_mib.map(to_i32))
            .set_s3((!link.import.is_empty() || !link.export.is_empty()).then_some(policies))
            .set_tags(Some(to_fsx(&create.tags)))
            .send()
            .await
            .create(operation)?;
        let made = answer
            .association
            .ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no association"))?;
        let mut seen = seen(create.address.clone(), &made);
        if seen.tags.is_empty() {
            seen.tags.clone_from(&create.tags);
        }
        Ok(seen)
    }

    pub(in crate::aws) async fn update_link(&self, update: &Update, link: &Link) -> Result<(), CloudError> {
        let operation = "fsx:UpdateDataRepositoryAssociation";
        let mut call = self
            .fsx
            .update_data_repository_association()
            .association_id(&update.id)
            .client_request_token(&update.token);
        for field in &update.fields {
            match field.as_str() {
                // Both together: that one which is left out stays as it is, AWS nowhere says.
                "import" | "export" => {
                    let policies = S3DataRepositoryConfiguration::builder()
                        .auto_import_policy(import_policy(&link.import))
                        .auto_export_policy(export_policy(&link.export));
                    call = call.s3(policies.build());
                }
                "import_chunk" => call = call.set_imported_file_chunk_size(link.import_chunk_mib.map(to_i32)),
                _ => return Err(crate::aws::cannot_change(operation, update, field)),
            }
        }
        if !update.fields.is_empty() {
            call.send().await.change(operation)?;
        }
        self.update_fsx_tags(update).await
    }

    /// The files stay on the file system, and S3 is not touched.
    pub(in crate::aws) async fn delete_link(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call =
                self.fsx.delete_data_repository_association().association_id(id).client_request_token(&delete.token);
            let outcome =
                call.delete_data_in_file_system(false).send().await.change("fsx:DeleteDataRepositoryAssociation");
            gone_is_success(outcome.map(|_| ()))?;
        }
        Ok(())
    }
}

/// A list takes the place of the one before; a policy without a list turns it off.
fn import_policy(flows: &[Flow]) -> AutoImportPolicy {
    AutoImportPolicy::builder().set_events(events(flows)).build()
}

fn export_policy(flows: &[Flow]) -> AutoExportPolicy {
    AutoExportPolicy::builder().set_events(events(flows)).build()
}

fn events(flows: &[Flow]) -> Option<Vec<EventType>> {
    let events: Vec<EventType> = flows
        .iter()
        .map(|flow| match flow {
            Flow::New => EventType::New,
            Flow::Changed => EventType::Changed,
            Flow::Deleted => EventType::Deleted,
        })
        .collect();
    (!events.is_empty()).then_some(events)
}

/// In the order in which they are written everywhere.
fn flows(events: &[EventType]) -> Vec<Flow> {
    [(Flow::New, EventType::New), (Flow::Changed, EventType::Changed), (Flow::Deleted, EventType::Deleted)]
        .into_iter()
        .filter(|(_, event)| events.contains(event))
        .map(|(flow, _)| flow)
        .collect()
}

/// `s3://bucket/prefix/` → bucket and prefix, which may be empty.
fn bucket_and_prefix(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("s3://").unwrap_or(url);
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    (bucket, prefix.trim_end_matches('/'))
}

/// Of a cache it stands elsewhere.
fn path_of(each: &DataRepositoryAssociation) -> &str {
    each.file_system_path().or(each.file_cache_path()).unwrap_or_default()
}

fn seen(address: Address, each: &DataRepositoryAssociation) -> Seen {
    let state = match each.lifecycle() {
        Some(DataRepositoryLifecycle::Creating) => State::Creating,
        Some(DataRepositoryLifecycle::Available) => State::Ready,
        Some(DataRepositoryLifecycle::Updating) => State::Updating,
        Some(DataRepositoryLifecycle::Failed) => State::Failed,
        Some(DataRepositoryLifecycle::Deleting) => State::Deleting,
        // A state that this version does not know is neither ready nor on its way: a person has to look.
        _ => State::Misconfigured,
    };
    let (bucket, prefix) = bucket_and_prefix(each.data_repository_path().unwrap_or_default());
    let path = path_of(each);
    let link = Link {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        path: if path.len() > 1 { path.trim_end_matches('/') } else { path }.to_owned(),
        import: flows(
            each.s3().and_then(|s3| s3.auto_import_policy()).map(AutoImportPolicy::events).unwrap_or_default(),
        ),
        export: flows(
            each.s3().and_then(|s3| s3.auto_export_policy()).map(AutoExportPolicy::events).unwrap_or_default(),
        ),
        import_chunk_mib: to_u32(each.imported_file_chunk_size()),
        // Neither is among the fields.
        preload_metadata: false,
        export_on_down: true,
    };
    Seen {
        address,
        id: each.association_id().unwrap_or_default().to_owned(),
        arn: each.resource_arn().map(str::to_owned),
        state,
        lifecycle: each.lifecycle().map_or("", DataRepositoryLifecycle::as_str).to_owned(),
        reason: each.failure_details().and_then(|details| details.message()).map(str::to_owned),
        fields: fields(&Resource::Link(link)),
        tags: fsx_tags(each.tags()),
        endpoint: None,
        file_system: each.file_system_id().or(each.file_cache_id()).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::bucket_and_prefix;

    #[test]
    fn urls_come_with_and_without_prefix_and_slash() {
        assert_eq!(bucket_and_prefix("s3://acme/train/"), ("acme", "train"));
        assert_eq!(bucket_and_prefix("s3://acme/a/b"), ("acme", "a/b"));
        assert_eq!(bucket_and_prefix("s3://acme/"), ("acme", ""));
        assert_eq!(bucket_and_prefix("s3://acme"), ("acme", ""));
    }
}
