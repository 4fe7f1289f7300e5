//! The port on the world: each call as the requests that it takes at AWS.

use std::collections::{BTreeMap, BTreeSet};

use super::client::{Call, Simulated};
use super::look::{ACCOUNT, View};
use super::world::{Maker, Parameter, World, refuse};
use jiff::Timestamp;

use crate::cloud::{
    Bucket, Class, Cloud, CloudError, Create, Created, Delete, Excerpt, Export, Identity, Overwrite, Questions,
    QueuePoint, Result, Scope, Survey, Update, Written,
};
use crate::desired::{Address, Kind, Resource, Tags};
use crate::observed::{Observed, Task};

/// SSM: names in one DeleteParameters.
const NAMES_AT_ONCE: usize = 10;

impl Cloud for Simulated {
    async fn identity(&self) -> Result<Identity> {
        let who = |world: &mut World| {
            Ok(Identity {
                account: ACCOUNT.to_owned(),
                arn: format!("arn:aws:iam::{ACCOUNT}:user/{}", self.name()),
                region: world.settings.region.clone(),
                partition: "aws".to_owned(),
            })
        };
        self.request(Call::read("sts:GetCallerIdentity"), who).await
    }

    async fn survey(&self, questions: &Questions) -> Result<Survey> {
        let mut survey = Survey::default();
        if let Some(subnets) = &questions.subnets {
            survey.subnets =
                self.request(Call::read("ec2:DescribeSubnets"), |world| Ok(world.subnets(subnets))).await?;
        }
        if !questions.instance_types.is_empty() {
            let types = questions.instance_types.iter();
            let offerings = |world: &mut World| Ok(types.map(|each| (each.clone(), world.offered_in(each))).collect());
            survey.offerings = self.request(Call::read("ec2:DescribeInstanceTypeOfferings"), offerings).await?;
        }
        for (operation, asked) in
            [("ssm:GetParameters", &questions.image_parameters), ("ec2:DescribeImages", &questions.images)]
        {
            if !asked.is_empty() {
                let found = |world: &mut World| Ok(chosen(&world.settings.images, asked));
                survey.images.extend(self.request(Call::read(operation), found).await?);
            }
        }
        for bucket in &questions.buckets {
            let head = |world: &mut World| {
                let here = || Bucket::InRegion(world.settings.region.clone());
                Ok(world.settings.buckets.get(bucket).cloned().unwrap_or_else(here))
            };
            let found = self.request(Call::read("s3:HeadBucket"), head).await?;
            survey.buckets.insert(bucket.clone(), found);
        }
        if questions.security_group.is_some() {
            let facts = |world: &mut World| Ok(world.group_facts(questions));
            survey.security_group = self.request(Call::read("ec2:DescribeSecurityGroups"), facts).await?;
        }
        if let Some(profile) = &questions.instance_profile {
            let key = (Kind::InstanceProfile, profile.clone());
            let exists = |world: &mut World| Ok(world.things.seen(&key, world.now).is_some());
            survey.instance_profile = self.request(Call::read("iam:GetInstanceProfile"), exists).await?;
        }
        // What only helps changes nothing and fails nothing: no request of its own.
        self.world().help(questions, &mut survey);
        Ok(survey)
    }

    async fn observe(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed> {
        let mut observed = Observed::default();
        for &kind in kinds {
            let look = |world: &mut World| Ok(world.observe(scope, kind, View::Lagging));
            observed.refresh(&[kind], self.request(Call::read(describe(kind)), look).await?);
        }
        Ok(observed)
    }

    async fn clusters(&self) -> Result<BTreeSet<String>> {
        self.request(Call::read("tag:GetResources"), |world| Ok(world.clusters())).await
    }

    async fn create(&self, create: &Create) -> Result<Created> {
        let address = &create.address;
        let id = match &create.resource {
            Resource::SecurityGroup(group) => self.create_security_group(create, group).await?,
            Resource::Role(role) => self.create_role(create, role).await?,
            Resource::InstanceProfile(profile) => self.create_profile(create, profile).await?,
            Resource::Placement(_) => self.create_placement(create).await?,
            Resource::Template(template) => self.create_template(create, template).await?,
            Resource::Reservation(wanted) => {
                let make = |world: &mut World| world.reserve(create, wanted);
                self.request(Call::write("ec2:CreateCapacityReservation", address), make).await?
            }
            Resource::Fsx(wanted) => {
                let make = |world: &mut World| world.create_file_system(create, wanted);
                self.request(Call::write("fsx:CreateFileSystem", address), make).await?
            }
            Resource::Efs(_) => {
                let make = |world: &mut World| world.create_efs(create);
                self.request(Call::write("elasticfilesystem:CreateFileSystem", address), make).await?
            }
            Resource::FileCache(wanted) => {
                let make = |world: &mut World| world.create_file_cache(create, wanted);
                self.request(Call::write("fsx:CreateFileCache", address), make).await?
            }
            Resource::MountTarget(wanted) => {
                let make = |world: &mut World| world.create_mount_target(create, wanted);
                self.request(Call::write("elasticfilesystem:CreateMountTarget", address), make).await?
            }
            Resource::Link(wanted) => {
                let make = |world: &mut World| world.create_link(create, wanted);
                self.request(Call::write("fsx:CreateDataRepositoryAssociation", address), make).await?
            }
            Resource::Nodes(group) => {
                let launch = |world: &mut World| {
                    let ids = world.launch(create, group)?;
                    let nodes = ids.iter().filter_map(|id| Some(world.nodes.get(id)?.observed(address, id)));
                    Ok(Created::Nodes(nodes.collect()))
                };
                return self.request(Call::write("ec2:RunInstances", address), launch).await;
            }
        };
        // The answer to the last request of a creation; no request of its own.
        let world = self.world();
        match world.existing(&(address.kind, id.clone())) {
            Ok(thing) => Ok(Created::Resource(world.seen(address, &id, thing))),
            Err(refusal) => Err(CloudError::new("create", refusal.class, refusal.message).about(address)),
        }
    }

    async fn update(&self, update: &Update) -> Result<()> {
        let address = &update.address;
        if !update.fields.is_empty() {
            match &update.resource {
                Resource::SecurityGroup(group) => self.update_security_group(update, group).await?,
                Resource::Role(role) => self.update_role(update, role).await?,
                Resource::InstanceProfile(profile) => self.update_profile(update, profile).await?,
                Resource::Template(template) => {
                    let change = |world: &mut World| world.update_template(update, template);
                    self.request(Call::write("ec2:CreateLaunchTemplateVersion", address), change).await?;
                }
                Resource::Fsx(wanted) => {
                    let change = |world: &mut World| world.update_file_system(update, wanted);
                    self.request(Call::write("fsx:UpdateFileSystem", address), change).await?;
                }
                Resource::Efs(wanted) => {
                    let change = |world: &mut World| world.update_efs(update, wanted);
                    self.request(Call::write("elasticfilesystem:UpdateFileSystem", address), change).await?;
                }
                Resource::Link(wanted) => {
                    let change = |world: &mut World| world.update_link(update, wanted);
                    self.request(Call::write("fsx:UpdateDataRepositoryAssociation", address), change).await?;
                }
                Resource::Placement(_)
                | Resource::Reservation(_)
                | Resource::MountTarget(_)
                | Resource::FileCache(_)
                | Resource::Nodes(_) => {
                    let refusal = |_: &mut World| {
                        refuse(Class::Invalid, "InvalidParameter", format!("{address} cannot be changed in place"))
                    };
                    return self.request(Call::write("ec2:Modify", address), refusal).await;
                }
            }
        }
        let (tag, untag) = tagging(address.kind);
        if !update.set_tags.is_empty() {
            let set = |tags: &mut Tags| tags.extend(update.set_tags.clone());
            self.request(Call::write(tag, address), |world| world.change_tags(update, set)).await?;
        }
        if !update.remove_tags.is_empty() {
            let remove = |tags: &mut Tags| tags.retain(|key, _| !update.remove_tags.contains(key));
            self.request(Call::write(untag, address), |world| world.change_tags(update, remove)).await?;
        }
        Ok(())
    }

    async fn delete(&self, delete: &Delete) -> Result<()> {
        if delete.address.kind == Kind::Nodes {
            let end = |world: &mut World| {
                world.terminate(delete);
                Ok(())
            };
            return self.request(Call::write("ec2:TerminateInstances", &delete.address), end).await;
        }
        for id in &delete.ids {
            self.delete_named(delete, id).await?;
        }
        Ok(())
    }

    async fn export(&self, export: &Export) -> Result<Task> {
        self.request(Call::write("fsx:CreateDataRepositoryTask", &export.address), |world| world.export(export)).await
    }

    async fn cancel_task(&self, id: &str) -> Result<()> {
        let cancel = |world: &mut World| {
            if world.tasks_of_others.contains(id) {
                world.ledger.touched.push(format!("task {id} was cancelled"));
            }
            world.cancel_task(id);
            Ok(())
        };
        self.request(Call::write_about("fsx:CancelDataRepositoryTask", id), cancel).await
    }

    async fn export_queue(&self, file_system: &str, _now: Timestamp) -> Result<Vec<QueuePoint>> {
        self.request(Call::read("cloudwatch:GetMetricData"), |world| Ok(world.queue_of(file_system))).await
    }

    async fn read_object(&self, url: &str, most: u64) -> Result<Option<Excerpt>> {
        let read = |world: &mut World| {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let excerpt = |text: &String| {
                let bytes = &text.as_bytes()[..text.len().min(most)];
                Excerpt { text: String::from_utf8_lossy(bytes).into_owned(), is_whole: text.len() <= most }
            };
            Ok(world.reports.get(url).map(excerpt))
        };
        self.request(Call::read("s3:GetObject"), read).await
    }

    async fn parameters(&self, path: &str) -> Result<BTreeMap<String, String>> {
        let root = format!("{}/", path.trim_end_matches('/'));
        let read = |world: &mut World| {
            let found = world.parameters.all_seen(world.now).filter(|(name, _)| name.starts_with(&root));
            Ok(found.map(|(name, parameter)| (name.clone(), parameter.value.clone())).collect())
        };
        self.request(Call::read("ssm:GetParametersByPath"), read).await
    }

    async fn put_parameter(&self, name: &str, value: &str, overwrite: Overwrite) -> Result<Written> {
        self.request(Call::write_about("ssm:PutParameter", name), |world| {
            Ok(world.put_parameter(name, value, overwrite))
        })
        .await
    }

    async fn delete_parameters(&self, names: &[String]) -> Result<()> {
        for some in names.chunks(NAMES_AT_ONCE) {
            let delete = |world: &mut World| {
                for name in some {
                    world.delete_parameter(name);
                }
                Ok(())
            };
            self.request(Call::write_about("ssm:DeleteParameters", some.join(" ")), delete).await?;
        }
        Ok(())
    }

    async fn dependents(&self, address: &Address, id: &str) -> Result<Vec<String>> {
        let key = (address.kind, id.to_owned());
        self.request(Call::read("ec2:DescribeNetworkInterfaces"), |world| Ok(world.users(&key))).await
    }
}

impl World {
    pub(super) fn put_parameter(&mut self, name: &str, value: &str, overwrite: Overwrite) -> Written {
        let there = self.parameters.get(name).map(|parameter| parameter.maker);
        if there.is_some() && overwrite == Overwrite::No {
            return Written::Exists;
        }
        if there == Some(Maker::Others) {
            self.ledger.touched.push(format!("parameter {name} was changed"));
        }
        let parameter = Parameter { value: value.to_owned(), maker: there.unwrap_or(Maker::Clients) };
        let shown = self.now + self.random.up_to(self.settings.lag.parameters);
        self.parameters.put(name.to_owned(), parameter, self.now, shown);
        Written::Done
    }

    fn delete_parameter(&mut self, name: &str) {
        let shown = self.now + self.random.up_to(self.settings.lag.parameters);
        let gone = self.parameters.remove(name, self.now, shown);
        if gone.is_some_and(|parameter| parameter.maker == Maker::Others) {
            self.ledger.touched.push(format!("parameter {name} was deleted"));
        }
    }
}

fn chosen<T: Clone>(all: &BTreeMap<String, T>, asked: &BTreeSet<String>) -> BTreeMap<String, T> {
    all.iter().filter(|(name, _)| asked.contains(*name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

const fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::SecurityGroup => "ec2:DescribeSecurityGroups",
        Kind::Role => "iam:GetRole",
        Kind::InstanceProfile => "iam:GetInstanceProfile",
        Kind::Placement => "ec2:DescribePlacementGroups",
        Kind::Reservation => "ec2:DescribeCapacityReservations",
        Kind::Fsx => "fsx:DescribeFileSystems",
        Kind::Efs => "elasticfilesystem:DescribeFileSystems",
        Kind::MountTarget => "elasticfilesystem:DescribeMountTargets",
        Kind::FileCache => "fsx:DescribeFileCaches",
        Kind::Link => "fsx:DescribeDataRepositoryAssociations",
        Kind::Task => "fsx:DescribeDataRepositoryTasks",
        Kind::Template => "ec2:DescribeLaunchTemplates",
        Kind::Nodes => "ec2:DescribeInstances",
    }
}

const fn tagging(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Role => ("iam:TagRole", "iam:UntagRole"),
        Kind::InstanceProfile => ("iam:TagInstanceProfile", "iam:UntagInstanceProfile"),
        Kind::Fsx | Kind::FileCache | Kind::Link | Kind::Task => ("fsx:TagResource", "fsx:UntagResource"),
        Kind::Efs | Kind::MountTarget => ("elasticfilesystem:TagResource", "elasticfilesystem:UntagResource"),
        Kind::SecurityGroup | Kind::Placement | Kind::Reservation | Kind::Template | Kind::Nodes => {
            ("ec2:CreateTags", "ec2:DeleteTags")
        }
    }
}
