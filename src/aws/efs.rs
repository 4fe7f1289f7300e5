//! Amazon EFS: the file system, and the mount targets by which nodes reach it.
//!
//! A file system is told by its creation token: a second call with it is refused with FileSystemAlreadyExists whatever else it
//! says, and what is there is looked up by the token. A mount target has neither token nor tags: there is one a zone, and it is
//! found by way of its file system.

use std::collections::BTreeMap;

use aws_sdk_efs::types::{
    FileSystemDescription, LifeCycleState, MountTargetDescription, PerformanceMode, ThroughputMode,
};

use super::Aws;
use super::cannot_change;
use super::convert::{efs_tags, fields, resolve, resolve_in, to_efs};
use super::error::{Explain as _, exists_already, found, gone_is_success, is_not_told};
use super::owner::{Owner, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Address, Efs, Kind, MountTarget, TAG_CLUSTER, Tags};
use crate::observed::{Endpoint, Observed, Seen, State};
use crate::spec::EfsThroughput;

const DESCRIBE: &str = "elasticfilesystem:DescribeFileSystems";
const DESCRIBE_TARGETS: &str = "elasticfilesystem:DescribeMountTargets";

impl Aws {
    pub(super) async fn observe_efs(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        if !kinds.iter().any(|kind| matches!(kind, Kind::Efs | Kind::MountTarget)) {
            return Ok(Observed::default());
        }
        let mut observed = Observed::default();
        // Of a file system that is known, its mount targets are asked for without another look at it.
        let only_targets = !kinds.contains(&Kind::Efs);
        if let (true, Some(id)) = (only_targets, &scope.file_system) {
            observed.resources = self.mount_targets(id).await?;
            return Ok(observed);
        }
        for each in self.efs_by(scope.file_system.as_deref(), None).await? {
            let tags = efs_tags(each.tags());
            match owner(scope, Kind::Efs, None, each.file_system_id(), &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => observed.resources.push(self.efs_seen(address, &each)),
            }
        }
        if kinds.contains(&Kind::MountTarget) {
            let ids: Vec<String> = observed.resources.iter().map(|seen| seen.id.clone()).collect();
            for id in ids {
                observed.resources.extend(self.mount_targets(&id).await?);
            }
        }
        observed.resources.retain(|seen| kinds.contains(&seen.address.kind));
        Ok(observed)
    }

    /// The clusters that have a file system there; none where the caller is not told.
    pub(super) async fn clusters_on_efs(&self) -> Result<Vec<String>, CloudError> {
        match self.efs_by(None, None).await {
            Ok(all) => Ok(all.iter().filter_map(|each| efs_tags(each.tags()).remove(TAG_CLUSTER)).collect()),
            Err(error) if is_not_told(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One by id or by token, absent if it does not exist; else all: EFS filters by no tag.
    async fn efs_by(&self, id: Option<&str>, token: Option<&str>) -> Result<Vec<FileSystemDescription>, CloudError> {
        let ask = || {
            let call = self.elasticfilesystem.describe_file_systems();
            call.set_file_system_id(id.map(str::to_owned)).set_creation_token(token.map(str::to_owned))
        };
        if id.is_some() || token.is_some() {
            let answer = found(ask().send().await.look(DESCRIBE))?;
            return Ok(answer.and_then(|answer| answer.file_systems).unwrap_or_default());
        }
        let mut all = Vec::new();
        let mut pages = ask().into_paginator().send();
        while let Some(page) = pages.next().await {
            all.extend(page.look(DESCRIBE)?.file_systems.unwrap_or_default());
        }
        Ok(all)
    }

    async fn mount_targets(&self, file_system: &str) -> Result<Vec<Seen>, CloudError> {
        let mut all = Vec::new();
        let mut pages =
            self.elasticfilesystem.describe_mount_targets().file_system_id(file_system).into_paginator().send();
        while let Some(page) = pages.next().await {
            // Of a file system that is gone there are none.
            let Some(page) = found(page.look(DESCRIBE_TARGETS))? else { break };
            all.extend(page.mount_targets.unwrap_or_default().iter().map(target_seen));
        }
        Ok(all)
    }

    pub(super) async fn create_efs(&self, create: &Create, wanted: &Efs) -> Result<Seen, CloudError> {
        let operation = "elasticfilesystem:CreateFileSystem";
        let (mode, provisioned) = throughput(wanted.throughput);
        let outcome = self
            .elasticfilesystem
            .create_file_system()
            .creation_token(&create.token)
            .performance_mode(PerformanceMode::GeneralPurpose)
            .throughput_mode(mode)
            .set_provisioned_throughput_in_mibps(provisioned)
            .encrypted(true)
            .set_kms_key_id(wanted.kms_key.clone())
            .set_tags(Some(to_efs(&create.tags)))
            .send()
            .await
            .create(operation);
        match outcome {
            Ok(made) => Ok(Seen {
                endpoint: Some(self.efs_endpoint(&made.file_system_id)),
                address: create.address.clone(),
                id: made.file_system_id,
                arn: made.file_system_arn,
                state: state(&made.life_cycle_state),
                lifecycle: made.life_cycle_state.as_str().to_owned(),
                reason: None,
                fields: fields(&create.resource),
                tags: create.tags.clone(),
                file_system: None,
            }),
            Err(error) if exists_already(&error) => {
                let there = self.efs_by(None, Some(&create.token)).await?;
                let one = there.first().map(|each| self.efs_seen(create.address.clone(), each));
                // It has gone between the two calls, or is not known everywhere yet.
                one.ok_or_else(|| CloudError::new(operation, Class::NotYet, "what has this token is not to be seen"))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_mount_target(&self, create: &Create, wanted: &MountTarget) -> Result<Seen, CloudError> {
        let operation = "elasticfilesystem:CreateMountTarget";
        let file_system = resolve_in(&create.known, operation, &Address::one(Kind::Efs))
            .map_err(|error| error.about(&create.address))?;
        let group = resolve(create, operation, &wanted.security_group)?;
        let outcome = self
            .elasticfilesystem
            .create_mount_target()
            .file_system_id(&file_system)
            .subnet_id(&wanted.subnet)
            .security_groups(group)
            .send()
            .await
            .create(operation);
        match outcome {
            Ok(made) => Ok(Seen {
                address: create.address.clone(),
                id: made.mount_target_id,
                arn: None,
                state: state(&made.life_cycle_state),
                lifecycle: made.life_cycle_state.as_str().to_owned(),
                reason: None,
                fields: fields(&create.resource),
                tags: Tags::new(),
                endpoint: None,
                file_system: Some(file_system),
            }),
            Err(error) if exists_already(&error) => {
                let there = self.mount_targets(&file_system).await?;
                let one = there.into_iter().find(|seen| seen.address == create.address);
                one.ok_or_else(|| CloudError::new(operation, Class::NotYet, "the one that is there is not to be seen"))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn update_efs(&self, update: &Update, wanted: &Efs) -> Result<(), CloudError> {
        let operation = "elasticfilesystem:UpdateFileSystem";
        if let Some(field) = update.fields.iter().find(|field| field.as_str() != "throughput") {
            return Err(cannot_change(operation, update, field));
        }
        if !update.fields.is_empty() {
            let (mode, provisioned) = throughput(wanted.throughput);
            self.elasticfilesystem
                .update_file_system()
                .file_system_id(&update.id)
                .throughput_mode(mode)
                .set_provisioned_throughput_in_mibps(provisioned)
                .send()
                .await
                .change(operation)?;
        }
        if !update.set_tags.is_empty() {
            let call = self.elasticfilesystem.tag_resource().resource_id(&update.id);
            let call = call.set_tags(Some(to_efs(&update.set_tags)));
            call.send().await.change("elasticfilesystem:TagResource")?;
        }
        if !update.remove_tags.is_empty() {
            let keys = update.remove_tags.iter().cloned().collect();
            let call = self.elasticfilesystem.untag_resource().resource_id(&update.id).set_tag_keys(Some(keys));
            call.send().await.change("elasticfilesystem:UntagResource")?;
        }
        Ok(())
    }

    pub(super) async fn delete_efs(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.elasticfilesystem.delete_file_system().file_system_id(id);
            gone_is_success(call.send().await.change("elasticfilesystem:DeleteFileSystem").map(|_| ()))?;
        }
        Ok(())
    }

    pub(super) async fn delete_mount_target(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.elasticfilesystem.delete_mount_target().mount_target_id(id);
            gone_is_success(call.send().await.change("elasticfilesystem:DeleteMountTarget").map(|_| ()))?;
        }
        Ok(())
    }

    /// What keeps a file system: its mount targets, on whichever machine they were made.
    pub(super) async fn users_of_efs(&self, id: &str) -> Result<Vec<String>, CloudError> {
        let targets = self.mount_targets(id).await?;
        Ok(targets.iter().map(|seen| format!("mount target {} ({})", seen.id, seen.lifecycle)).collect())
    }

    fn efs_seen(&self, address: Address, each: &FileSystemDescription) -> Seen {
        let lifecycle = &each.life_cycle_state;
        Seen {
            address,
            id: each.file_system_id.clone(),
            arn: each.file_system_arn.clone(),
            state: state(lifecycle),
            lifecycle: lifecycle.as_str().to_owned(),
            reason: None,
            fields: observed_fields(each),
            tags: efs_tags(each.tags()),
            endpoint: Some(self.efs_endpoint(&each.file_system_id)),
            file_system: None,
        }
    }

    /// EFS User Guide, "Mounting with DNS names": the name is made of id and region, and answers in zones with a mount target.
    fn efs_endpoint(&self, id: &str) -> Endpoint {
        let region = &self.region;
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Endpoint { dns_name: format!("{id}.efs.{region}.{domain}"), mount_name: String::new() }
    }
}

fn throughput(wanted: EfsThroughput) -> (ThroughputMode, Option<f64>) {
    match wanted {
        EfsThroughput::Elastic => (ThroughputMode::Elastic, None),
        EfsThroughput::Provisioned(mib) => (ThroughputMode::Provisioned, Some(f64::from(mib))),
    }
}

/// A mode that no spec can say, `bursting`, stands there in AWS's word.
fn observed_fields(each: &FileSystemDescription) -> BTreeMap<String, String> {
    let throughput = match &each.throughput_mode {
        Some(ThroughputMode::Provisioned) => format!("{} MiB/s", each.provisioned_throughput_in_mibps.unwrap_or(0.0)),
        mode => mode.as_ref().map_or("", ThroughputMode::as_str).to_owned(),
    };
    let mut fields = BTreeMap::from([("throughput".to_owned(), throughput)]);
    fields.extend(each.kms_key_id.iter().map(|key| ("kms_key".to_owned(), key.clone())));
    fields
}

fn target_seen(each: &MountTargetDescription) -> Seen {
    let zone = each.availability_zone_name.clone().unwrap_or_default();
    let lifecycle = &each.life_cycle_state;
    Seen {
        address: Address::named(Kind::MountTarget, zone.clone()),
        id: each.mount_target_id.clone(),
        arn: None,
        state: state(lifecycle),
        lifecycle: lifecycle.as_str().to_owned(),
        reason: None,
        fields: [("zone".to_owned(), zone), ("subnet".to_owned(), each.subnet_id.clone())].into(),
        tags: Tags::new(),
        endpoint: None,
        file_system: Some(each.file_system_id.clone()),
    }
}

/// What this version does not know is on its way to something.
fn state(lifecycle: &LifeCycleState) -> State {
    match lifecycle {
        LifeCycleState::Available => State::Ready,
        LifeCycleState::Creating => State::Creating,
        LifeCycleState::Deleted | LifeCycleState::Deleting => State::Deleting,
        LifeCycleState::Error => State::Failed,
        _ => State::Updating,
    }
}
