//! File systems and links: how they come, change and go. The facts are those of the FSx API model and user guide.

use super::files::below;
use super::settings::WhileCreating;
use super::world::{Answer, Due, Key, Maker, Thing, Uses, World, refuse};
use crate::cloud::{Bucket, Class, Create, Delete, Update};
use crate::desired::{Address, FileSystem, Kind, Link, Reference, Resource, Rule, SecurityGroup};
use crate::observed::{State, Work};

/// FSx: data repository associations of one file system.
const LINKS_AT_MOST: usize = 8;
/// The port of Lustre, which the security group must let in.
const LUSTRE_PORT: u16 = 988;
/// GiB of one object server; each, and the metadata server, takes an address of the subnet.
const GIB_PER_SERVER: u32 = 2400;
/// What FSx says when a link fails: also when the cause is another link being created at the same time.
const NO_PERMISSION: &str = "unable to validate access to the S3 bucket: s3:Get*, s3:List* and s3:PutObject are needed";

impl World {
    pub(super) fn create_file_system(&mut self, create: &Create, wanted: &FileSystem) -> Answer<String> {
        let parameters = format!(
            "{:?} {:?} {:?}",
            create.resource,
            create.tags,
            create.known.ids.get(&Address::one(Kind::SecurityGroup))
        );
        if let Some(id) = self.made_by_token("fsx:CreateFileSystem", Kind::Fsx, create, &parameters)? {
            return Ok(id);
        }
        self.within_quota(Kind::Fsx, self.count(Kind::Fsx), 1)?;
        let zone = self.zone_of(&wanted.subnet)?;
        let group = id_of(&wanted.security_group, create)?;
        self.lets_lustre_in(&group, wanted.efa)?;
        if addresses_of(wanted) > self.free_addresses(&wanted.subnet) {
            return refuse(
                Class::Capacity,
                "InsufficientFreeAddresses",
                format!("{} has too few free addresses", wanted.subnet),
            );
        }
        self.house(zone);
        let id = self.id("fs");
        let key = (Kind::Fsx, id.clone());
        self.put(key.clone(), thing(create, State::Creating, [(Kind::SecurityGroup, group)]));
        self.later(self.settings.delays.file_system_create, Due::Created(key));
        self.spend("fsx:CreateFileSystem", &create.token, parameters, vec![id.clone()]);
        Ok(id)
    }

    /// What a token made, while it is still there: of what is gone FSx knows no more.
    pub(super) fn made_by_token(
        &self,
        scope: &str,
        kind: Kind,
        create: &Create,
        parameters: &str,
    ) -> Answer<Option<String>> {
        let there = |id: &&String| self.things.get(&(kind, (*id).clone())).is_some();
        let Some(spent) = self.tokens.get(&(scope.to_owned(), create.token.clone())) else { return Ok(None) };
        if !spent.made.iter().any(|id| there(&id)) {
            return Ok(None);
        }
        let made = self.spent(scope, &create.token, parameters)?;
        Ok(made.and_then(|made| made.iter().find(there)).cloned())
    }

    /// The group exists, and FSx can see the rules that Lustre needs.
    pub(super) fn lets_lustre_in(&self, id: &str, efa: bool) -> Answer<()> {
        let group = self.needed(Kind::SecurityGroup, id)?;
        if !opens_lustre(group, efa) {
            let message = format!(
                "{id} does not permit Lustre LNET network traffic on port {LUSTRE_PORT}, or all that EFA needs"
            );
            return refuse(Class::Invalid, "InvalidNetworkSettings", message);
        }
        match self.things.seen(&(Kind::SecurityGroup, id.to_owned()), self.now) {
            Some(seen) if opens_lustre(seen, efa) => Ok(()),
            _ => refuse(Class::NotYet, "InvalidNetworkSettings", format!("the rules of {id} are not known yet")),
        }
    }

    pub(super) fn free_addresses(&self, subnet: &str) -> u32 {
        let all = self.settings.subnets.iter().find(|each| each.id == subnet).map_or(0, |each| each.free_addresses);
        let servers = self.things.all().map(|(_, thing)| match &thing.resource {
            Resource::Fsx(file_system) if file_system.subnet == subnet => addresses_of(file_system),
            Resource::MountTarget(target) if target.subnet == subnet => 1,
            Resource::FileCache(cache) if cache.subnet == subnet => 1 + cache.capacity_gib.div_ceil(GIB_PER_SERVER),
            _ => 0,
        });
        let nodes =
            self.nodes.all().filter(|(_, node)| node.holds() && node.subnet == subnet).map(|(_, node)| node.addresses);
        all.saturating_sub(servers.chain(nodes).sum())
    }

    pub(super) fn create_link(&mut self, create: &Create, wanted: &Link) -> Answer<String> {
        let Some(file_system) = create.known.ids.get(&Address::one(Kind::Fsx)).cloned() else {
            return refuse(Class::Invalid, "FileSystemNotFound", "no file system was named");
        };
        let parameters = format!("{file_system} {:?} {:?}", create.resource, create.tags);
        if let Some(id) = self.made_by_token("fsx:CreateDataRepositoryAssociation", Kind::Link, create, &parameters)? {
            return Ok(id);
        }
        if matches!(self.needed(Kind::Fsx, &file_system)?.state, State::Deleting | State::Failed) {
            return refuse(Class::Invalid, "BadRequest", format!("{file_system} is being deleted or has failed"));
        }
        let beside: Vec<(&Link, State)> = self
            .things
            .all()
            .filter(|(_, thing)| thing.uses.get(&Kind::Fsx) == Some(&file_system))
            .filter_map(
                |(_, thing)| if let Resource::Link(link) = &thing.resource { Some((link, thing.state)) } else { None },
            )
            .collect();
        if beside.len() >= LINKS_AT_MOST {
            return refuse(Class::Quota, "ServiceLimitExceeded", format!("{file_system} has {LINKS_AT_MOST} links"));
        }
        let both_ways = |a: &str, b: &str| below(a, b) || below(b, a);
        if let Some((other, _)) = beside
            .iter()
            .find(|(other, _)| both_ways(&other.path, &wanted.path) || both_ways(&other.s3(), &wanted.s3()))
        {
            let message = format!("{} on {} overlaps with {} on {}", wanted.s3(), wanted.path, other.s3(), other.path);
            return refuse(Class::Invalid, "BadRequest", message);
        }
        let two_at_once = beside.iter().any(|(_, state)| *state == State::Creating);
        self.bucket_fits(wanted)?;
        let no_bucket =
            self.settings.buckets.get(&wanted.bucket).is_some_and(|bucket| !matches!(bucket, Bucket::InRegion(_)));
        let id = self.id("dra");
        let key = (Kind::Link, id.clone());
        let mut link = thing(create, State::Creating, [(Kind::Fsx, file_system)]);
        if two_at_once || no_bucket {
            link.reason = Some(NO_PERMISSION.to_owned());
        }
        self.put(key.clone(), link);
        self.later(self.settings.delays.link_create, Due::Created(key));
        self.spend("fsx:CreateDataRepositoryAssociation", &create.token, parameters, vec![id.clone()]);
        Ok(id)
    }

    /// Automatic import needs the bucket in the file system's own region.
    fn bucket_fits(&self, link: &Link) -> Answer<()> {
        match self.settings.buckets.get(&link.bucket) {
            Some(Bucket::InRegion(region)) if *region != self.settings.region && !link.import.is_empty() => {
                let message = format!("{} is in {region}: no automatic import from there", link.bucket);
                refuse(Class::Invalid, "BadRequest", message)
            }
            _ => Ok(()),
        }
    }

    /// A creation ends: well, unless a reason stands there already or a test has ordered one.
    pub(super) fn created(&mut self, key: &Key) {
        let ordered = self.failing.remove(&key.0);
        let over = match self.things.get(key) {
            Some(thing) if thing.state == State::Creating => thing.uses.get(&Kind::Fsx).cloned(),
            _ => return,
        };
        let waits = over.as_ref().and_then(|id| self.things.get(&(Kind::Fsx, id.clone())));
        if waits.is_some_and(|file_system| file_system.state == State::Creating) {
            // A link to a file system that is still being made is queued.
            return self.later(self.settings.delays.link_create, Due::Created(key.clone()));
        }
        let Some(thing) = self.things.get_mut(key) else { return };
        thing.reason = ordered.or(thing.reason.take());
        thing.state = if thing.reason.is_some() { State::Failed } else { State::Ready };
        let made = thing.clone();
        self.note(format!("{} {}", key.1, made.lifecycle()));
        if made.state != State::Ready {
            if key.0 == Kind::FileCache {
                self.links_follow(key, State::Failed);
            }
            return;
        }
        match &made.resource {
            Resource::Fsx(_) => self.mount_waiting(&key.1),
            Resource::FileCache(_) => {
                self.links_follow(key, State::Ready);
                self.mount_waiting(&key.1);
            }
            Resource::MountTarget(_) => {
                if let Some(file_system) = made.uses.get(&Kind::Efs) {
                    self.mount_waiting(file_system);
                }
            }
            Resource::Link(link) if link.preload_metadata => {
                if let Some(file_system) = over {
                    self.start_task(&file_system, Work::Import, vec![link.s3()], &made.tags, None);
                }
            }
            _ => {}
        }
    }

    pub(super) fn updated(&mut self, key: &Key) {
        if let Some(thing) = self.things.get_mut(key)
            && thing.state == State::Updating
        {
            thing.state = State::Ready;
            self.note(format!("{} AVAILABLE", key.1));
        }
    }

    /// A deletion ends.
    pub(super) fn gone(&mut self, key: &Key) {
        let shown = self.shown();
        let Some(thing) = self.things.remove(key, self.now, shown) else { return };
        self.note(format!("{} is gone", key.1));
        if !key.0.is_storage() {
            return;
        }
        if let Some(group) = thing.uses.get(&Kind::SecurityGroup) {
            self.lingering.push((group.clone(), self.now + self.settings.delays.interfaces_linger));
        }
        let links: Vec<Key> = self
            .things
            .all()
            .filter(|(_, thing)| thing.uses.get(&key.0) == Some(&key.1))
            .map(|(key, _)| key.clone())
            .collect();
        for link in links.iter().filter(|(kind, _)| matches!(kind, Kind::Link | Kind::MountTarget)) {
            self.things.remove(link, self.now, shown);
        }
    }

    pub(super) fn update_file_system(&mut self, update: &Update, wanted: &FileSystem) -> Answer<()> {
        let parameters = format!("{:?} {:?}", update.resource, update.fields);
        if self.spent("fsx:UpdateFileSystem", &update.token, &parameters)?.is_some() {
            return Ok(());
        }
        let key = (Kind::Fsx, update.id.clone());
        let thing = self.existing(&key)?;
        let Resource::Fsx(present) = &thing.resource else {
            return refuse(Class::Invalid, "BadRequest", "not a file system");
        };
        if thing.state != State::Ready {
            return refuse(Class::Conflict, "BadRequest", format!("{} is {}", update.id, thing.lifecycle()));
        }
        let mut next = present.clone();
        for field in &update.fields {
            match field.as_str() {
                "capacity" => next.capacity_gib = wanted.capacity_gib,
                "throughput_per_tib" if !present.efa => next.throughput_per_tib = wanted.throughput_per_tib,
                "throughput" => next.throughput = wanted.throughput,
                "read_cache" => next.read_cache = wanted.read_cache,
                "metadata_iops" => next.metadata_iops = wanted.metadata_iops,
                "compression" => next.compression = wanted.compression,
                _ => return refuse(Class::Invalid, "BadRequest", format!("{field} cannot be changed in place")),
            }
        }
        let grows = next.capacity_gib > present.capacity_gib;
        if next.capacity_gib < present.capacity_gib || next.throughput < present.throughput {
            return refuse(Class::Invalid, "BadRequest", "a file system cannot shrink");
        }
        if grows && next.metadata_iops != present.metadata_iops {
            return refuse(
                Class::Invalid,
                "BadRequest",
                "storage capacity and metadata IOPS cannot change in one request",
            );
        }
        let rests = thing.grown.is_some_and(|at| self.now < at + self.settings.delays.growth_interval);
        if grows && rests {
            return refuse(
                Class::Conflict,
                "BadRequest",
                "the last growth of the file system was less than 6 hours ago",
            );
        }
        let now = self.now;
        self.change(&key, |thing| {
            thing.resource = Resource::Fsx(next);
            thing.state = State::Updating;
            thing.grown = if grows { Some(now) } else { thing.grown };
        });
        self.later(self.settings.delays.file_system_update, Due::Updated(key));
        self.spend("fsx:UpdateFileSystem", &update.token, parameters, Vec::new());
        Ok(())
    }

    pub(super) fn update_link(&mut self, update: &Update, wanted: &Link) -> Answer<()> {
        let key = (Kind::Link, update.id.clone());
        let thing = self.existing(&key)?;
        let Resource::Link(present) = &thing.resource else {
            return refuse(Class::Invalid, "BadRequest", "not a link");
        };
        if !matches!(thing.state, State::Ready | State::Misconfigured) {
            return refuse(Class::Conflict, "BadRequest", format!("{} is {}", update.id, thing.lifecycle()));
        }
        let mut next = present.clone();
        for field in &update.fields {
            match field.as_str() {
                "import" => next.import.clone_from(&wanted.import),
                "export" => next.export.clone_from(&wanted.export),
                "import_chunk" => next.import_chunk_mib = wanted.import_chunk_mib,
                _ => return refuse(Class::Invalid, "BadRequest", format!("{field} cannot be changed in place")),
            }
        }
        // What the user wants done on `down` is no field of AWS's and costs no request.
        next.export_on_down = wanted.export_on_down;
        self.bucket_fits(&next)?;
        self.change(&key, |thing| {
            thing.resource = Resource::Link(next);
            thing.state = State::Updating;
            thing.reason = None;
        });
        self.later(self.settings.delays.link_update, Due::Updated(key));
        Ok(())
    }

    pub(super) fn delete_file_system(&mut self, id: &str) -> Answer<()> {
        let key = (Kind::Fsx, id.to_owned());
        let Some(thing) = self.things.get(&key) else { return Ok(()) };
        match thing.state {
            State::Deleting => return Ok(()),
            State::Creating if self.settings.while_creating == WhileCreating::Refused => {
                return refuse(Class::Conflict, "BadRequest", format!("{id} is CREATING"));
            }
            State::Creating | State::Ready | State::Updating | State::Misconfigured | State::Failed => {}
        }
        if let Some((task, _)) = self.tasks.all().find(|(_, task)| task.file_system == id && task.state.is_active()) {
            return refuse(Class::Busy, "BadRequest", format!("{task} is still running on {id}"));
        }
        self.lose_all(id);
        self.change(&key, |thing| thing.state = State::Deleting);
        self.later(self.settings.delays.file_system_delete, Due::Gone(key));
        Ok(())
    }

    pub(super) fn delete_link(&mut self, id: &str) {
        let key = (Kind::Link, id.to_owned());
        let Some(thing) = self.things.get(&key).cloned() else { return };
        // One of a cache goes with it alone.
        let (Resource::Link(link), Some(file_system)) = (&thing.resource, thing.uses.get(&Kind::Fsx)) else { return };
        if thing.state == State::Deleting {
            return;
        }
        if thing.state != State::Failed {
            self.lose_below(file_system, link);
        }
        self.change(&key, |thing| thing.state = State::Deleting);
        self.later(self.settings.delays.link_delete, Due::Gone(key));
    }

    /// What is told by name and stands on nothing else: gone at once, unless something holds it.
    pub(super) fn delete_thing(&mut self, delete: &Delete, id: &str) -> Answer<()> {
        let key = (delete.address.kind, id.to_owned());
        if self.things.get(&key).is_none() {
            return Ok(());
        }
        if let Some(user) = self.users(&key).first() {
            return refuse(Class::InUse, "DependencyViolation", format!("{} {id} is used by {user}", key.0.noun()));
        }
        self.remove(&key);
        Ok(())
    }
}

/// A new thing of a client's.
pub(super) fn thing(create: &Create, state: State, uses: impl IntoIterator<Item = (Kind, String)>) -> Thing {
    Thing {
        resource: create.resource.clone(),
        tags: create.tags.clone(),
        state,
        reason: None,
        maker: Maker::Clients,
        uses: Uses::from_iter(uses),
        grown: None,
    }
}

/// The id that a reference means in a creation.
pub(super) fn id_of(reference: &Reference, create: &Create) -> Answer<String> {
    match reference {
        Reference::Existing(id) => Ok(id.clone()),
        Reference::Ours(address) => match create.known.ids.get(address) {
            Some(id) => Ok(id.clone()),
            None => refuse(Class::Invalid, "MissingParameter", format!("the id of {address} was not given")),
        },
    }
}

/// EFA asks for everything within the group, both ways.
fn opens_lustre(group: &Thing, efa: bool) -> bool {
    let Resource::SecurityGroup(SecurityGroup { rules, .. }) = &group.resource else { return false };
    let opens = |rule: &Rule| match rule {
        Rule::TcpIn { from, to } => (*from..=*to).contains(&LUSTRE_PORT),
        Rule::AllIn => true,
        Rule::AllOut => false,
    };
    let efa_opens = rules.contains(&Rule::AllIn) && rules.contains(&Rule::AllOut);
    rules.iter().any(opens) && (!efa || efa_opens)
}

fn addresses_of(file_system: &FileSystem) -> u32 {
    1 + file_system.capacity_gib.unwrap_or(GIB_PER_SERVER).div_ceil(GIB_PER_SERVER)
}
