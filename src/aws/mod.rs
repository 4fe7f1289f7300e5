//! The port on the AWS SDK: one file a service. Nothing above this module names a type of the SDK.
//!
//! It translates and does no more: no order, no waiting, no retry beyond the SDK's. What may be repeated is made so that
//! a repetition meets what the first try made: by token where AWS has one, else by name and tags.

#![expect(
    clippy::result_large_err,
    reason = "the port's error is large, and rare beside the requests that it is about"
)]

mod cloudwatch;
mod connect;
mod convert;
mod ec2;
mod efs;
mod error;
mod fsx;
mod helps;
mod hints;
mod iam;
mod kms;
mod listing;
mod observe;
mod owner;
mod pricing;
mod quotas;
mod remote;
mod rights;
mod s3;
mod ssm;
mod sts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use connect::{Aws, NoRegion, Options};
pub use pricing::PriceList;

use jiff::Timestamp;

use crate::cloud::{
    Class, Cloud, CloudError, Create, Created, Delete, Excerpt, Export, Identity, Overwrite, Questions, QueuePoint,
    Result, Scope, Survey, Update, Written,
};
use crate::desired::{Address, Kind, Resource};
use crate::observed::{Observed, Task};

impl Cloud for Aws {
    async fn identity(&self) -> Result<Identity> {
        self.who_am_i().await
    }

    async fn survey(&self, questions: &Questions) -> Result<Survey> {
        self.answer(questions).await
    }

    async fn observe(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed> {
        self.observe_all(scope, kinds).await
    }

    async fn clusters(&self) -> Result<BTreeSet<String>> {
        self.all_clusters().await
    }

    async fn create(&self, create: &Create) -> Result<Created> {
        let made = match &create.resource {
            Resource::SecurityGroup(group) => self.create_group(create, group).await.map(Created::Resource),
            Resource::Role(role) => self.create_role(create, role).await.map(Created::Resource),
            Resource::InstanceProfile(profile) => self.create_profile(create, profile).await.map(Created::Resource),
            Resource::Placement(placement) => self.create_placement(create, placement).await.map(Created::Resource),
            Resource::Reservation(wanted) => self.create_reservation(create, wanted).await.map(Created::Resource),
            Resource::Fsx(file_system) => self.create_file_system(create, file_system).await.map(Created::Resource),
            Resource::Efs(efs) => self.create_efs(create, efs).await.map(Created::Resource),
            Resource::FileCache(cache) => self.create_cache(create, cache).await.map(Created::Resource),
            Resource::MountTarget(target) => self.create_mount_target(create, target).await.map(Created::Resource),
            Resource::Link(link) => self.create_link(create, link).await.map(Created::Resource),
            Resource::Template(template) => self.create_template(create, template).await.map(Created::Resource),
            Resource::Nodes(group) => self.launch(create, group).await.map(Created::Nodes),
        };
        made.map_err(|error| error.about(&create.address))
    }

    async fn update(&self, update: &Update) -> Result<()> {
        let done = match &update.resource {
            Resource::SecurityGroup(group) => self.update_group(update, group).await,
            Resource::Role(role) => self.update_role(update, role).await,
            Resource::InstanceProfile(profile) => self.update_profile(update, profile).await,
            Resource::Placement(_) => self.update_placement(update).await,
            Resource::Reservation(_) => Err(cannot_change("ec2:ModifyCapacityReservation", update, "tags")),
            Resource::Fsx(file_system) => self.update_file_system(update, file_system).await,
            Resource::Efs(efs) => self.update_efs(update, efs).await,
            Resource::FileCache(_) => self.update_cache(update).await,
            Resource::MountTarget(_) => Err(cannot_change("elasticfilesystem:DescribeMountTargets", update, "subnet")),
            Resource::Link(link) => self.update_link(update, link).await,
            Resource::Template(template) => self.update_template(update, template).await,
            Resource::Nodes(_) => self.update_nodes(update).await,
        };
        done.map_err(|error| error.about(&update.address))
    }

    async fn delete(&self, delete: &Delete) -> Result<()> {
        let done = match delete.address.kind {
            Kind::SecurityGroup => self.delete_group(delete).await,
            Kind::Role => self.delete_roles(delete).await,
            Kind::InstanceProfile => self.delete_profiles(delete).await,
            Kind::Placement => self.delete_placement(delete).await,
            Kind::Reservation => self.cancel_reservations(delete).await,
            Kind::Fsx => self.delete_file_system(delete).await,
            Kind::Efs => self.delete_efs(delete).await,
            Kind::FileCache => self.delete_cache(delete).await,
            Kind::MountTarget => self.delete_mount_target(delete).await,
            Kind::Link => self.delete_link(delete).await,
            Kind::Task => self.stop_tasks(delete).await,
            Kind::Template => self.delete_template(delete).await,
            Kind::Nodes => self.terminate(delete).await,
        };
        done.map_err(|error| error.about(&delete.address))
    }

    async fn export(&self, export: &Export) -> Result<Task> {
        self.start_export(export).await
    }

    async fn cancel_task(&self, id: &str) -> Result<()> {
        self.stop_task(id).await
    }

    async fn export_queue(&self, file_system: &str, now: Timestamp) -> Result<Vec<QueuePoint>> {
        self.age_of_queue(file_system, now).await
    }

    async fn read_object(&self, url: &str, most: u64) -> Result<Option<Excerpt>> {
        self.beginning_of(url, most).await
    }

    async fn parameters(&self, path: &str) -> Result<BTreeMap<String, String>> {
        self.parameters_below(path).await
    }

    async fn put_parameter(&self, name: &str, value: &str, overwrite: Overwrite) -> Result<Written> {
        self.write_parameter(name, value, overwrite).await
    }

    async fn delete_parameters(&self, names: &[String]) -> Result<()> {
        self.remove_parameters(names).await
    }

    async fn dependents(&self, address: &Address, id: &str) -> Result<Vec<String>> {
        match address.kind {
            Kind::SecurityGroup => self.users_of_group(id).await,
            Kind::Placement => self.users_of_placement(id).await,
            Kind::Role => self.users_of_role(id).await,
            Kind::Efs => self.users_of_efs(id).await,
            // Nothing but a task keeps these, and tasks are observed.
            Kind::InstanceProfile
            | Kind::Reservation
            | Kind::Fsx
            | Kind::MountTarget
            | Kind::FileCache
            | Kind::Link
            | Kind::Task
            | Kind::Template
            | Kind::Nodes => Ok(Vec::new()),
        }
    }
}

/// The planner asked for a change that AWS knows no call for.
fn cannot_change(operation: &str, update: &Update, field: &str) -> CloudError {
    CloudError::new(operation, Class::Invalid, format!("`{field}` cannot be changed in place")).about(&update.address)
}
