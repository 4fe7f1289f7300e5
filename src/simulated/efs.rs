//! File systems of EFS and their mount targets. The facts are those of the EFS API reference and user guide.
//!
//! Nothing on EFS has a copy in S3: what is on a file system that goes is lost.

use super::storage::{id_of, thing};
use super::world::{Answer, Due, Key, Uses, World, refuse};
use crate::cloud::{Class, Create, Update};
use crate::desired::{Address, Efs, Kind, MountTarget, Resource, Rule, SecurityGroup};
use crate::observed::State;

/// Where a mount target listens.
const NFS_PORT: u16 = 2049;

const CREATE: &str = "elasticfilesystem:CreateFileSystem";

impl World {
    /// A token that was used meets what it has made, whatever else the request says: FileSystemAlreadyExists names it.
    pub(super) fn create_efs(&mut self, create: &Create) -> Answer<String> {
        let spent = self.tokens.get(&(CREATE.to_owned(), create.token.clone()));
        let there = spent.into_iter().flat_map(|spent| &spent.made);
        let mut there = there.filter(|id| self.things.get(&(Kind::Efs, (*id).clone())).is_some());
        if let Some(id) = there.next() {
            return Ok(id.clone());
        }
        self.within_quota(Kind::Efs, self.count(Kind::Efs), 1)?;
        let id = self.id("fs");
        let key = (Kind::Efs, id.clone());
        self.put(key.clone(), thing(create, State::Creating, []));
        self.later(self.settings.delays.efs_create, Due::Created(key));
        self.spend(CREATE, &create.token, String::new(), vec![id.clone()]);
        Ok(id)
    }

    /// One a zone: a second call meets the first one's (MountTargetConflict). It takes no token and has no tags.
    pub(super) fn create_mount_target(&mut self, create: &Create, wanted: &MountTarget) -> Answer<String> {
        let Some(file_system) = create.known.ids.get(&Address::one(Kind::Efs)).cloned() else {
            return refuse(Class::Invalid, "FileSystemNotFound", "no file system was named");
        };
        let zone = self.zone_of(&wanted.subnet)?;
        if let Some(id) = self.mount_target_in(&file_system, &zone) {
            return Ok(id);
        }
        let there = self.needed(Kind::Efs, &file_system)?;
        if !matches!(there.state, State::Ready | State::Updating) {
            let message = format!("{file_system} is {}", there.lifecycle());
            return refuse(Class::NotYet, "IncorrectFileSystemLifeCycleState", message);
        }
        let group = id_of(&wanted.security_group, create)?;
        self.needed(Kind::SecurityGroup, &group)?;
        if self.free_addresses(&wanted.subnet) == 0 {
            let message = format!("{} has no free address", wanted.subnet);
            return refuse(Class::Capacity, "NoFreeAddressesInSubnet", message);
        }
        let id = self.id("fsmt");
        let key = (Kind::MountTarget, id.clone());
        let mut target = thing(create, State::Creating, [(Kind::Efs, file_system), (Kind::SecurityGroup, group)]);
        target.tags.clear();
        self.put(key.clone(), target);
        self.later(self.settings.delays.mount_target_create, Due::Created(key));
        Ok(id)
    }

    fn mount_target_in(&self, file_system: &str, zone: &str) -> Option<String> {
        let mut all =
            self.things.all().filter(|(_, thing)| thing.uses.get(&Kind::Efs).is_some_and(|on| on == file_system));
        let in_zone = |resource: &Resource| matches!(resource, Resource::MountTarget(target) if target.zone == zone);
        all.find(|(_, thing)| in_zone(&thing.resource)).map(|((_, id), _)| id.clone())
    }

    pub(super) fn update_efs(&mut self, update: &Update, wanted: &Efs) -> Answer<()> {
        let key = (Kind::Efs, update.id.clone());
        let thing = self.existing(&key)?;
        let Resource::Efs(present) = &thing.resource else {
            return refuse(Class::Invalid, "BadRequest", "not a file system");
        };
        if thing.state != State::Ready {
            let message = format!("{} is {}", update.id, thing.lifecycle());
            return refuse(Class::Conflict, "IncorrectFileSystemLifeCycleState", message);
        }
        let mut next = present.clone();
        for field in &update.fields {
            match field.as_str() {
                "throughput" => next.throughput = wanted.throughput,
                _ => return refuse(Class::Invalid, "BadRequest", format!("{field} cannot be changed in place")),
            }
        }
        self.change(&key, |thing| {
            thing.resource = Resource::Efs(next);
            thing.state = State::Updating;
        });
        self.later(self.settings.delays.file_system_update, Due::Updated(key));
        Ok(())
    }

    /// Refused while there is a mount target. With it goes what is on it.
    pub(super) fn delete_efs(&mut self, id: &str) -> Answer<()> {
        let key = (Kind::Efs, id.to_owned());
        let Some(thing) = self.things.get(&key) else { return Ok(()) };
        if thing.state == State::Deleting {
            return Ok(());
        }
        if let Some(user) = self.users(&key).first() {
            return refuse(Class::InUse, "FileSystemInUse", format!("{id} has {user}"));
        }
        let files = self.files.remove(id).unwrap_or_default();
        let lost: u64 = files.values().map(|counts| counts.dirty + counts.exported).sum();
        self.ledger.lost += lost;
        if lost > 0 {
            self.note(format!("{lost} files of {id} are lost"));
        }
        self.change(&key, |thing| thing.state = State::Deleting);
        self.later(self.settings.delays.efs_delete, Due::Gone(key));
        Ok(())
    }

    pub(super) fn delete_mount_target(&mut self, id: &str) {
        let key = (Kind::MountTarget, id.to_owned());
        if self.things.get(&key).is_none_or(|thing| thing.state == State::Deleting) {
            return;
        }
        self.change(&key, |thing| thing.state = State::Deleting);
        self.later(self.settings.delays.mount_target_delete, Due::Gone(key));
    }

    /// The file system is usable; one of EFS has besides a mount target that lets NFS in.
    pub(super) fn can_mount(&self, uses: &Uses) -> bool {
        let usable = |state: State| matches!(state, State::Ready | State::Updating | State::Misconfigured);
        let Some(key) = storage_of(uses) else { return false };
        let is_there = self.things.get(&key).is_some_and(|thing| usable(thing.state));
        is_there && (key.0 != Kind::Efs || self.is_reached(&key.1))
    }

    fn is_reached(&self, file_system: &str) -> bool {
        self.things.all().any(|((kind, _), thing)| {
            let on_it = *kind == Kind::MountTarget && thing.uses.get(&Kind::Efs).is_some_and(|on| on == file_system);
            let group = thing.uses.get(&Kind::SecurityGroup).map(|id| (Kind::SecurityGroup, id.clone()));
            on_it && thing.state == State::Ready && group.is_some_and(|key| self.lets_nfs_in(&key))
        })
    }

    fn lets_nfs_in(&self, group: &Key) -> bool {
        let Some(Resource::SecurityGroup(SecurityGroup { rules, .. })) =
            self.things.get(group).map(|thing| &thing.resource)
        else {
            return false;
        };
        rules.iter().any(|rule| match rule {
            Rule::TcpIn { from, to } => (*from..=*to).contains(&NFS_PORT),
            Rule::AllIn => true,
            Rule::AllOut => false,
        })
    }
}

/// What a node or a template is to mount.
pub(super) fn storage_of(uses: &Uses) -> Option<Key> {
    Kind::STORAGE.into_iter().find_map(|kind| Some((kind, uses.get(&kind)?.clone())))
}
