//! What is told by name: security group, role, profile, placement group, launch template.
//!
//! None of them is made in one request alone that could carry a token, so a second creation meets the name: with our
//! tags it takes over what is there and completes it, without them it is refused. Between two requests of a creation
//! the thing is there in part, and looks show it so.

use super::client::{Call, Simulated};
use super::storage::{id_of, thing};
use super::world::{Answer, Key, Thing, Uses, World, kind_of, name_of, refuse, same_owner};
use crate::bootstrap::Service;
use crate::cloud::{Class, Create, Delete, Result, Update};
use crate::desired::{Address, InstanceProfile, Kind, LaunchTemplate, Reference, Resource, Role, Rule, SecurityGroup};
use crate::observed::State;

impl Simulated {
    pub(super) async fn create_security_group(&self, create: &Create, group: &SecurityGroup) -> Result<String> {
        let bare = Resource::SecurityGroup(SecurityGroup { rules: Vec::new(), ..group.clone() });
        let make = Call::write("ec2:CreateSecurityGroup", &create.address);
        let id = self.request(make, |world| world.make_named(create, bare, Some("sg"), Uses::new())).await?;
        self.authorize(&create.address, &id, &group.rules).await?;
        Ok(id)
    }

    async fn authorize(&self, address: &Address, id: &str, rules: &[Rule]) -> Result<()> {
        let (outgoing, incoming): (Vec<Rule>, Vec<Rule>) =
            rules.iter().cloned().partition(|rule| *rule == Rule::AllOut);
        for (operation, rules) in
            [("ec2:AuthorizeSecurityGroupIngress", incoming), ("ec2:AuthorizeSecurityGroupEgress", outgoing)]
        {
            if !rules.is_empty() {
                self.request(Call::write(operation, address), |world| world.add_rules(id, &rules)).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn create_role(&self, create: &Create, role: &Role) -> Result<String> {
        let bare = Resource::Role(Role { policy: String::new(), managed: Vec::new(), ..role.clone() });
        let id = self
            .request(Call::write("iam:CreateRole", &create.address), |world| {
                world.make_named(create, bare, None, Uses::new())
            })
            .await?;
        let put = Call::write("iam:PutRolePolicy", &create.address);
        self.request(put, |world| world.change_role(&id, |there| there.policy.clone_from(&role.policy))).await?;
        self.attach(&create.address, &id, &role.managed).await?;
        Ok(id)
    }

    async fn attach(&self, address: &Address, id: &str, managed: &[String]) -> Result<()> {
        for policy in managed {
            let attach = |there: &mut Role| {
                if !there.managed.contains(policy) {
                    there.managed.push(policy.clone());
                    there.managed.sort();
                }
            };
            self.request(Call::write("iam:AttachRolePolicy", address), |world| world.change_role(id, attach)).await?;
        }
        Ok(())
    }

    pub(super) async fn create_profile(&self, create: &Create, profile: &InstanceProfile) -> Result<String> {
        let bare = Resource::InstanceProfile(InstanceProfile { role: String::new(), ..profile.clone() });
        let make = Call::write("iam:CreateInstanceProfile", &create.address);
        let id = self.request(make, |world| world.make_named(create, bare, None, Uses::new())).await?;
        let add = Call::write("iam:AddRoleToInstanceProfile", &create.address);
        self.request(add, |world| world.put_role_into(&id, &profile.role)).await?;
        Ok(id)
    }

    pub(super) async fn create_placement(&self, create: &Create) -> Result<String> {
        let make = Call::write("ec2:CreatePlacementGroup", &create.address);
        self.request(make, |world| world.make_named(create, create.resource.clone(), None, Uses::new())).await
    }

    pub(super) async fn create_template(&self, create: &Create, template: &LaunchTemplate) -> Result<String> {
        let make = Call::write("ec2:CreateLaunchTemplate", &create.address);
        self.request(make, |world| world.make_template(create, template)).await
    }

    pub(super) async fn update_security_group(&self, update: &Update, group: &SecurityGroup) -> Result<()> {
        self.authorize(&update.address, &update.id, &group.rules).await?;
        let revoke = Call::write("ec2:RevokeSecurityGroupRules", &update.address);
        self.request(revoke, |world| world.keep_rules(&update.id, &group.rules)).await
    }

    pub(super) async fn update_role(&self, update: &Update, role: &Role) -> Result<()> {
        let id = &update.id;
        if update.fields.contains("trust") {
            let trust = Call::write("iam:UpdateAssumeRolePolicy", &update.address);
            self.request(trust, |world| world.change_role(id, |there| there.trust.clone_from(&role.trust))).await?;
        }
        if update.fields.contains("policy") {
            let put = Call::write("iam:PutRolePolicy", &update.address);
            self.request(put, |world| world.change_role(id, |there| there.policy.clone_from(&role.policy))).await?;
        }
        if update.fields.contains("managed_policies") {
            self.attach(&update.address, id, &role.managed).await?;
            let keep = |there: &mut Role| there.managed.retain(|policy| role.managed.contains(policy));
            let detach = Call::write("iam:DetachRolePolicy", &update.address);
            self.request(detach, |world| world.change_role(id, keep)).await?;
        }
        Ok(())
    }

    pub(super) async fn update_profile(&self, update: &Update, profile: &InstanceProfile) -> Result<()> {
        let remove = Call::write("iam:RemoveRoleFromInstanceProfile", &update.address);
        self.request(remove, |world| world.empty_profile(&update.id)).await?;
        let add = Call::write("iam:AddRoleToInstanceProfile", &update.address);
        self.request(add, |world| world.put_role_into(&update.id, &profile.role)).await
    }

    /// Policies and roles must be out before role and profile can go.
    pub(super) async fn delete_named(&self, delete: &Delete, id: &str) -> Result<()> {
        let address = &delete.address;
        let last = match address.kind {
            Kind::Role => {
                let bare = |there: &mut Role| there.managed.clear();
                self.request(Call::write("iam:DetachRolePolicy", address), |world| found(world.change_role(id, bare)))
                    .await?;
                let bare = |there: &mut Role| there.policy.clear();
                self.request(Call::write("iam:DeleteRolePolicy", address), |world| found(world.change_role(id, bare)))
                    .await?;
                "iam:DeleteRole"
            }
            Kind::InstanceProfile => {
                let remove = Call::write("iam:RemoveRoleFromInstanceProfile", address);
                self.request(remove, |world| found(world.empty_profile(id))).await?;
                "iam:DeleteInstanceProfile"
            }
            Kind::SecurityGroup => "ec2:DeleteSecurityGroup",
            Kind::Placement => "ec2:DeletePlacementGroup",
            Kind::Reservation => "ec2:CancelCapacityReservation",
            Kind::Template => "ec2:DeleteLaunchTemplate",
            Kind::Fsx => "fsx:DeleteFileSystem",
            Kind::Efs => "elasticfilesystem:DeleteFileSystem",
            Kind::FileCache => "fsx:DeleteFileCache",
            Kind::MountTarget => "elasticfilesystem:DeleteMountTarget",
            Kind::Link => "fsx:DeleteDataRepositoryAssociation",
            Kind::Task | Kind::Nodes => "ec2:TerminateInstances",
        };
        self.request(Call::write(last, address), |world| match address.kind {
            Kind::Fsx => world.delete_file_system(id),
            Kind::Efs => world.delete_efs(id),
            Kind::FileCache => world.delete_file_cache(id),
            Kind::MountTarget => {
                world.delete_mount_target(id);
                Ok(())
            }
            Kind::Link => {
                world.delete_link(id);
                Ok(())
            }
            _ => world.delete_thing(delete, id),
        })
        .await
    }
}

/// Of a deletion: not found is success.
fn found(answer: Answer<()>) -> Answer<()> {
    answer.or_else(|refusal| if refusal.class == Class::NotFound { Ok(()) } else { Err(refusal) })
}

impl World {
    /// Makes a thing, or takes over the one of the same name and owner.
    fn make_named(&mut self, create: &Create, bare: Resource, prefix: Option<&str>, uses: Uses) -> Answer<String> {
        let kind = kind_of(&bare);
        if let Some(key) = self.namesake(&bare) {
            return self.adopt(create, &key);
        }
        self.within_quota(kind, self.count(kind), 1)?;
        let name = name_of(&bare).unwrap_or_default().to_owned();
        let id = prefix.map_or(name, |prefix| self.id(prefix));
        self.put((kind, id.clone()), Thing { resource: bare, ..thing(create, State::Ready, uses) });
        Ok(id)
    }

    /// The thing that has the name already; a security group's is unique in its VPC.
    fn namesake(&self, wanted: &Resource) -> Option<Key> {
        let same = |there: &Resource| match (there, wanted) {
            (Resource::SecurityGroup(there), Resource::SecurityGroup(wanted)) => {
                there.name == wanted.name && there.vpc == wanted.vpc
            }
            _ => kind_of(there) == kind_of(wanted) && name_of(there) == name_of(wanted),
        };
        self.things.all().find(|(_, thing)| same(&thing.resource)).map(|(key, _)| key.clone())
    }

    fn adopt(&self, create: &Create, key: &Key) -> Answer<String> {
        let (kind, id) = key;
        let thing = self.existing(key)?;
        if !same_owner(&thing.tags, &create.tags) {
            return refuse(Class::Conflict, "Duplicate", format!("{} {id} has the name and is not ours", kind.noun()));
        }
        self.needed(*kind, id)?;
        Ok(id.clone())
    }

    fn make_template(&mut self, create: &Create, template: &LaunchTemplate) -> Answer<String> {
        let uses = uses_of(create, template)?;
        let parameters = format!("{:?} {:?} {uses:?} {:?}", create.resource, create.tags, create.known.endpoint);
        if let Some(id) = self.made_by_token("ec2:CreateLaunchTemplate", Kind::Template, create, &parameters)? {
            return Ok(id);
        }
        let id = self.make_named(create, create.resource.clone(), Some("lt"), uses)?;
        self.spend("ec2:CreateLaunchTemplate", &create.token, parameters, vec![id.clone()]);
        Ok(id)
    }

    /// A new version, at once the default one.
    pub(super) fn update_template(&mut self, update: &Update, template: &LaunchTemplate) -> Answer<()> {
        let key = (Kind::Template, update.id.clone());
        self.existing(&key)?;
        let as_create = Create {
            address: update.address.clone(),
            resource: update.resource.clone(),
            tags: update.set_tags.clone(),
            token: update.token.clone(),
            count: 1,
            least: 1,
            known: update.known.clone(),
        };
        let uses = uses_of(&as_create, template)?;
        self.change(&key, |thing| {
            thing.resource = update.resource.clone();
            thing.uses = uses;
        });
        Ok(())
    }

    fn add_rules(&mut self, id: &str, rules: &[Rule]) -> Answer<()> {
        self.change_group(id, |group| {
            group.rules.extend(rules.iter().cloned());
            group.rules.sort();
            group.rules.dedup();
        })?;
        self.reach_waiting();
        Ok(())
    }

    fn keep_rules(&mut self, id: &str, rules: &[Rule]) -> Answer<()> {
        self.change_group(id, |group| group.rules.retain(|rule| rules.contains(rule)))
    }

    fn change_group(&mut self, id: &str, change: impl FnOnce(&mut SecurityGroup)) -> Answer<()> {
        let key = (Kind::SecurityGroup, id.to_owned());
        self.existing(&key)?;
        self.change(&key, |thing| {
            if let Resource::SecurityGroup(group) = &mut thing.resource {
                change(group);
            }
        });
        Ok(())
    }

    fn change_role(&mut self, id: &str, change: impl FnOnce(&mut Role)) -> Answer<()> {
        let key = (Kind::Role, id.to_owned());
        self.existing(&key)?;
        self.change(&key, |thing| {
            if let Resource::Role(role) = &mut thing.resource {
                change(role);
            }
        });
        Ok(())
    }

    fn put_role_into(&mut self, id: &str, role: &str) -> Answer<()> {
        self.needed(Kind::Role, role)?;
        let key = (Kind::InstanceProfile, id.to_owned());
        if let Some(other) = self.existing(&key)?.uses.get(&Kind::Role)
            && other != role
        {
            return refuse(Class::Conflict, "LimitExceeded", format!("instance profile {id} has the role {other}"));
        }
        self.set_role(&key, role);
        Ok(())
    }

    fn empty_profile(&mut self, id: &str) -> Answer<()> {
        let key = (Kind::InstanceProfile, id.to_owned());
        self.existing(&key)?;
        self.set_role(&key, "");
        Ok(())
    }

    fn set_role(&mut self, key: &Key, role: &str) {
        self.change(key, |thing| {
            if let Resource::InstanceProfile(profile) = &mut thing.resource {
                role.clone_into(&mut profile.role);
            }
            thing.uses = if role.is_empty() { [].into() } else { [(Kind::Role, role.to_owned())].into() };
        });
    }
}

/// What a template refers to. User-data names the file system, which therefore has to be known.
fn uses_of(create: &Create, template: &LaunchTemplate) -> Answer<Uses> {
    let Some(endpoint) = &create.known.endpoint else {
        return refuse(Class::Invalid, "MissingParameter", "the file system's endpoint was not given");
    };
    let profile = match &template.instance_profile {
        // Told by name: what is made under our name.
        Reference::Existing(name) => name.clone(),
        reference @ Reference::Ours(_) => id_of(reference, create)?,
    };
    let storage = match template.boot.service {
        Service::FsxLustre => Kind::Fsx,
        Service::Efs => Kind::Efs,
        Service::FileCache => Kind::FileCache,
    };
    let mut uses = Uses::from([
        (Kind::SecurityGroup, id_of(&template.security_group, create)?),
        (Kind::InstanceProfile, profile),
        (storage, endpoint.file_system_id.clone()),
    ]);
    if let Some(placement) = &template.placement {
        uses.insert(Kind::Placement, placement.clone());
    }
    Ok(uses)
}
