//! Caches of Amazon File Cache: made with their links, deleted with them. The facts are those of the FSx API reference.

use super::storage::{id_of, thing};
use super::world::{Answer, Due, Key, World, refuse};
use crate::cloud::{Class, Create};
use crate::desired::{FileCache, Kind, Resource};
use crate::observed::State;

const CREATE: &str = "fsx:CreateFileCache";

impl World {
    /// Its links come and go with it, and bear its tags.
    pub(super) fn create_file_cache(&mut self, create: &Create, wanted: &FileCache) -> Answer<String> {
        let parameters = format!("{:?} {:?}", create.resource, create.tags);
        if let Some(id) = self.made_by_token(CREATE, Kind::FileCache, create, &parameters)? {
            return Ok(id);
        }
        self.within_quota(Kind::FileCache, self.count(Kind::FileCache), 1)?;
        self.zone_of(&wanted.subnet)?;
        let group = id_of(&wanted.security_group, create)?;
        self.lets_lustre_in(&group, false)?;
        if wanted.links.is_empty() || wanted.links.iter().any(|link| link.path == "/") {
            return refuse(Class::Invalid, "BadRequest", "a cache has links, and none at its root");
        }
        let id = self.id("fc");
        let key = (Kind::FileCache, id.clone());
        let shown = self.shown();
        self.things.put(key.clone(), thing(create, State::Creating, [(Kind::SecurityGroup, group)]), self.now, shown);
        for link in &wanted.links {
            let on_it = [(Kind::FileCache, id.clone())];
            let mut made = thing(create, State::Creating, on_it);
            made.resource = Resource::Link(link.clone());
            let link = (Kind::Link, self.id("dra"));
            self.things.put(link, made, self.now, shown);
        }
        self.later(self.settings.delays.file_system_create, Due::Created(key));
        self.spend(CREATE, &create.token, parameters, vec![id.clone()]);
        Ok(id)
    }

    /// What becomes of a cache becomes of its links.
    pub(super) fn links_follow(&mut self, cache: &Key, state: State) {
        let links: Vec<Key> = self
            .things
            .all()
            .filter(|((kind, _), thing)| *kind == Kind::Link && thing.uses.get(&Kind::FileCache) == Some(&cache.1))
            .map(|(key, _)| key.clone())
            .collect();
        for link in links {
            self.things.get_mut(&link).into_iter().for_each(|thing| thing.state = state);
        }
    }

    /// What has not been exported by now is lost.
    pub(super) fn delete_file_cache(&mut self, id: &str) -> Answer<()> {
        let key = (Kind::FileCache, id.to_owned());
        let Some(thing) = self.things.get(&key) else { return Ok(()) };
        if thing.state == State::Deleting {
            return Ok(());
        }
        if let Some((task, _)) = self.tasks.all().find(|(_, task)| task.file_system == id && task.state.is_active()) {
            return refuse(Class::Busy, "BadRequest", format!("{task} is still running on {id}"));
        }
        self.lose_all(id);
        self.change(&key, |thing| thing.state = State::Deleting);
        self.links_follow(&key, State::Deleting);
        self.later(self.settings.delays.file_system_delete, Due::Gone(key));
        Ok(())
    }
}
