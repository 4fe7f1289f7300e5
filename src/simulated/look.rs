//! What a look at the world shows: with lag through the port, without it for tests.

use std::collections::BTreeSet;

use super::efs::storage_of;
use super::world::{Key, Maker, Thing, World, name_of};
use crate::cloud::{GroupFacts, Questions, Scope, Subnet};
use crate::desired::{Address, Kind, Resource, Rule, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, Tags, link_name};
use crate::observed::{Endpoint, Existing, Foreign, Observed, OtherLink, Seen, Task};

/// Which state of the world a look gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// What the cloud's copies say.
    Lagging,
    Truth,
}

/// The account in which everything is.
pub(super) const ACCOUNT: &str = "123456789012";

impl World {
    pub(super) fn observe(&self, scope: &Scope, kind: Kind, view: View) -> Observed {
        let mut observed = Observed::default();
        match kind {
            Kind::Nodes => {
                let nodes: Vec<_> = match view {
                    View::Lagging => self.nodes.all_seen(self.now).collect(),
                    View::Truth => self.nodes.all().collect(),
                };
                let ours = nodes.into_iter().filter_map(|(id, node)| Some((owned(scope, kind, &node.tags)?, id, node)));
                observed.nodes.extend(ours.map(|(address, id, node)| node.observed(&address, id)));
            }
            Kind::Task => {
                let tasks: Vec<_> = match view {
                    View::Lagging => self.tasks.all_seen(self.now).collect(),
                    View::Truth => self.tasks.all().collect(),
                };
                let existing = self.existing_id(scope, view);
                let (on_existing, others): (Vec<_>, Vec<_>) =
                    tasks.into_iter().partition(|(_, task)| existing.as_ref() == Some(&task.file_system));
                let mut beside = self.observe(scope, Kind::Link, view);
                beside.tasks = on_existing.into_iter().map(|(_, task)| task.clone()).collect();
                beside.keep_our_tasks(&scope.cluster);
                observed.tasks.append(&mut beside.tasks);
                let ours = others.into_iter().filter(|(_, task)| self.on_ours(scope, task, view));
                observed.tasks.extend(ours.map(|(_, task)| task.clone()));
            }
            Kind::SecurityGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::Placement
            | Kind::Reservation
            | Kind::Fsx
            | Kind::Efs
            | Kind::MountTarget
            | Kind::FileCache
            | Kind::Link
            | Kind::Template => {
                for (key, thing) in self.all_things(view).filter(|((each, _), _)| *each == kind) {
                    self.sort_in(scope, key, thing, &mut observed);
                }
                if kind == Kind::Fsx {
                    let id = self.existing_id(scope, view);
                    observed.existing = id.and_then(|id| self.existing_file_system(scope, &id, view));
                }
            }
        }
        observed
    }

    /// The file system that is not ours: as named, else where a link of ours is on one that nobody would take for ours.
    fn existing_id(&self, scope: &Scope, view: View) -> Option<String> {
        scope.existing.clone().or_else(|| {
            let links = self.all_things(view).filter(|((kind, _), thing)| {
                *kind == Kind::Link && scope.deployment.is_none() && owned(scope, Kind::Link, &thing.tags).is_some()
            });
            let mut on = links.filter_map(|(_, thing)| thing.uses.get(&Kind::Fsx));
            on.find(|id| {
                let file_system = self.things.get(&(Kind::Fsx, (*id).clone()));
                file_system.is_some_and(|thing| thing.maker == Maker::Others)
            })
            .cloned()
        })
    }

    fn existing_file_system(&self, scope: &Scope, id: &str, view: View) -> Option<Existing> {
        let (_, thing) = self.all_things(view).find(|((kind, each), _)| *kind == Kind::Fsx && each == id)?;
        let Resource::Fsx(file_system) = &thing.resource else { return None };
        let Seen { id, state, lifecycle, fields, endpoint, .. } = self.seen(&Address::one(Kind::Fsx), id, thing);
        let links = self.all_things(view).filter_map(|((_, other), thing)| {
            let Resource::Link(link) = &thing.resource else { return None };
            let is_other = thing.uses.get(&Kind::Fsx) == Some(&id) && owned(scope, Kind::Link, &thing.tags).is_none();
            let cluster = thing.tags.get(TAG_CLUSTER).cloned();
            is_other.then(|| OtherLink { id: other.clone(), path: link.path.clone(), s3: link.s3(), cluster })
        });
        let links = links.collect();
        let subnet = self.settings.subnets.iter().find(|subnet| subnet.id == file_system.subnet);
        Some(Existing {
            interfaces: vec![format!("eni-of-{id}")],
            id,
            service: "LUSTRE".to_owned(),
            state,
            lifecycle,
            version: "2.15".to_owned(),
            backup_days: 0,
            legacy_link: None,
            fields,
            vpc: subnet.map(|subnet| subnet.vpc.clone()).unwrap_or_default(),
            subnet: file_system.subnet.clone(),
            endpoint,
            links,
        })
    }

    fn all_things(&self, view: View) -> Box<dyn Iterator<Item = (&Key, &Thing)> + '_> {
        match view {
            View::Lagging => Box::new(self.things.all_seen(self.now)),
            View::Truth => Box::new(self.things.all()),
        }
    }

    /// Ours by its tags, or foreign by its name, or no concern of this cluster's.
    fn sort_in(&self, scope: &Scope, key: &Key, thing: &Thing, observed: &mut Observed) {
        let (kind, id) = key;
        let on = storage_of(&thing.uses).map(|(_, id)| id);
        let elsewhere = *kind == Kind::Link && scope.file_system.is_some() && on != scope.file_system;
        if elsewhere {
            return;
        }
        if let (Resource::Link(link), Some(cache)) = (&thing.resource, thing.uses.get(&Kind::FileCache)) {
            // It was made with its cache, and is whose that is.
            let ours =
                owned(scope, Kind::FileCache, &thing.tags).is_some() || scope.file_system.as_ref() == Some(cache);
            if ours {
                let address = Address::named(Kind::Link, link_name(&link.path));
                observed.resources.push(self.seen(&address, id, thing));
            }
            return;
        }
        if let Resource::MountTarget(target) = &thing.resource {
            // It has no tags: it is ours if its file system is.
            let file_system = on.as_ref().and_then(|id| self.things.get(&(Kind::Efs, id.clone())));
            let by_tags = file_system.is_some_and(|thing| owned(scope, Kind::Efs, &thing.tags).is_some());
            if by_tags || (on.is_some() && on == scope.file_system) {
                let address = Address::named(Kind::MountTarget, &target.zone);
                observed.resources.push(self.seen(&address, id, thing));
            }
            return;
        }
        if let Some(address) = owned(scope, *kind, &thing.tags) {
            observed.resources.push(self.seen(&address, id, thing));
        } else if kind.is_storage() && scope.file_system.as_ref() == Some(id) && !thing.tags.contains_key(TAG_CLUSTER) {
            // Asked for by its id: found also when somebody has taken its tags away.
            observed.resources.push(self.seen(&Address::one(*kind), id, thing));
        } else if let Some(name) = name_of(&thing.resource)
            && let Some((address, _)) =
                scope.names.iter().find(|(address, each)| address.kind == *kind && *each == name)
        {
            let why = stranger(scope, &thing.tags);
            observed.foreign.push(Foreign { address: address.clone(), id: id.clone(), why });
        }
    }

    fn on_ours(&self, scope: &Scope, task: &Task, view: View) -> bool {
        if let Some(file_system) = &scope.file_system {
            return task.file_system == *file_system;
        }
        Kind::STORAGE.into_iter().any(|kind| {
            let key = (kind, task.file_system.clone());
            let there = match view {
                View::Lagging => self.things.seen(&key, self.now),
                View::Truth => self.things.get(&key),
            };
            there.is_some_and(|thing| owned(scope, kind, &thing.tags).is_some())
        })
    }

    pub(super) fn seen(&self, address: &Address, id: &str, thing: &Thing) -> Seen {
        let region = &self.settings.region;
        let endpoint = match thing.resource {
            Resource::Fsx(_) | Resource::FileCache(_) => Some(Endpoint {
                dns_name: format!("{id}.fsx.{region}.amazonaws.com"),
                mount_name: id.chars().rev().take(8).collect(),
            }),
            Resource::Efs(_) => {
                Some(Endpoint { dns_name: format!("{id}.efs.{region}.amazonaws.com"), mount_name: String::new() })
            }
            _ => None,
        };
        Seen {
            address: address.clone(),
            id: id.to_owned(),
            arn: self.arn(id, thing),
            state: thing.state,
            lifecycle: thing.lifecycle().to_owned(),
            reason: thing.reason.clone(),
            fields: thing.resource.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            tags: thing.tags.clone(),
            endpoint,
            file_system: storage_of(&thing.uses).map(|(_, id)| id),
        }
    }

    fn arn(&self, id: &str, thing: &Thing) -> Option<String> {
        let region = &self.settings.region;
        let on = storage_of(&thing.uses).map(|(_, id)| id).unwrap_or_default();
        match thing.resource {
            Resource::Fsx(_) => Some(format!("arn:aws:fsx:{region}:{ACCOUNT}:file-system/{id}")),
            Resource::FileCache(_) => Some(format!("arn:aws:fsx:{region}:{ACCOUNT}:file-cache/{id}")),
            Resource::Efs(_) => Some(format!("arn:aws:elasticfilesystem:{region}:{ACCOUNT}:file-system/{id}")),
            Resource::Link(_) => Some(format!("arn:aws:fsx:{region}:{ACCOUNT}:association/{on}/{id}")),
            Resource::Role(_) => Some(format!("arn:aws:iam::{ACCOUNT}:role/{id}")),
            Resource::InstanceProfile(_) => Some(format!("arn:aws:iam::{ACCOUNT}:instance-profile/{id}")),
            Resource::SecurityGroup(_)
            | Resource::MountTarget(_)
            | Resource::Placement(_)
            | Resource::Reservation(_)
            | Resource::Template(_)
            | Resource::Nodes(_) => None,
        }
    }

    /// Every cluster that has anything: things, instances, or a record.
    pub(super) fn clusters(&self) -> BTreeSet<String> {
        let things = self.things.all_seen(self.now).map(|(_, thing)| &thing.tags);
        let nodes = self.nodes.all_seen(self.now).filter(|(_, node)| node.exists()).map(|(_, node)| &node.tags);
        let tagged = things.chain(nodes).filter_map(|tags| tags.get(TAG_CLUSTER).cloned());
        let records = self
            .parameters
            .all_seen(self.now)
            .filter_map(|(name, _)| name.strip_prefix("/provision/")?.split('/').next());
        tagged.chain(records.map(ToOwned::to_owned)).collect()
    }

    pub(super) fn subnets(&self, asked: &[String]) -> Vec<Subnet> {
        let wanted = |subnet: &&Subnet| asked.is_empty() || asked.contains(&subnet.id);
        let now = |subnet: &Subnet| Subnet { free_addresses: self.free_addresses(&subnet.id), ..subnet.clone() };
        self.settings.subnets.iter().filter(wanted).map(now).collect()
    }

    /// All zones, where nothing else was set.
    pub(super) fn offered_in(&self, instance: &str) -> BTreeSet<String> {
        let everywhere = || self.settings.subnets.iter().map(|subnet| subnet.zone.clone()).collect();
        self.settings.offerings.get(instance).cloned().unwrap_or_else(everywhere)
    }

    pub(super) fn group_facts(&self, questions: &Questions) -> Option<GroupFacts> {
        let key = (Kind::SecurityGroup, questions.security_group.clone()?);
        let Resource::SecurityGroup(group) = &self.things.seen(&key, self.now)?.resource else { return None };
        let lets = |wanted: &dyn Fn(&Rule) -> bool| group.rules.iter().any(wanted);
        Some(GroupFacts {
            vpc: group.vpc.clone(),
            lustre_in: lets(&|rule| matches!(rule, Rule::AllIn | Rule::TcpIn { from: ..=988, to: 988.. })),
            nfs_in: lets(&|rule| matches!(rule, Rule::AllIn | Rule::TcpIn { from: ..=2049, to: 2049.. })),
            all_in: lets(&|rule| *rule == Rule::AllIn),
            all_out: lets(&|rule| *rule == Rule::AllOut),
        })
    }
}

/// The address that a thing has in the cluster, by its tags.
fn owned(scope: &Scope, kind: Kind, tags: &Tags) -> Option<Address> {
    let address: Address = tags.get(TAG_ADDRESS)?.parse().ok()?;
    let cluster = tags.get(TAG_CLUSTER) == Some(&scope.cluster);
    let deployment = scope.deployment.is_none() || tags.get(TAG_DEPLOYMENT) == scope.deployment.as_ref();
    (cluster && deployment && address.kind == kind).then_some(address)
}

/// Why a thing with these tags is not ours.
fn stranger(scope: &Scope, tags: &Tags) -> String {
    match (tags.get(TAG_CLUSTER), tags.get(TAG_DEPLOYMENT)) {
        (None, _) => format!("has no tag `{TAG_CLUSTER}`"),
        (Some(cluster), _) if *cluster != scope.cluster => format!("`{TAG_CLUSTER}` is `{cluster}`"),
        (Some(_), Some(deployment)) => format!("`{TAG_DEPLOYMENT}` is `{deployment}`"),
        (Some(_), None) => format!("has no tag `{TAG_DEPLOYMENT}`"),
    }
}
