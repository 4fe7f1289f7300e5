//! A look at many kinds at once: one request a kind, all of them at the same time.

use std::collections::BTreeSet;

use super::Aws;
use crate::cloud::{CloudError, Scope};
use crate::desired::Kind;
use crate::observed::{Existing, Observed};

impl Aws {
    pub(super) async fn observe_all(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        // Boxed, or the state of all looks together would lie on the stack of each caller.
        let (groups, roles, profiles, placements, reservations, storage, efs, templates, nodes) = tokio::try_join!(
            Box::pin(self.only(kinds, Kind::SecurityGroup, self.observe_groups(scope))),
            Box::pin(self.only(kinds, Kind::Role, self.observe_roles(scope))),
            Box::pin(self.only(kinds, Kind::InstanceProfile, self.observe_profiles(scope))),
            Box::pin(self.only(kinds, Kind::Placement, self.observe_placements(scope))),
            Box::pin(self.only(kinds, Kind::Reservation, self.observe_reservations(scope))),
            Box::pin(self.observe_storage(scope, kinds)),
            Box::pin(self.observe_efs(scope, kinds)),
            Box::pin(self.only(kinds, Kind::Template, self.observe_templates(scope))),
            Box::pin(self.only(kinds, Kind::Nodes, self.observe_nodes(scope))),
        )?;
        let mut all = Observed::default();
        for part in [groups, roles, profiles, placements, reservations, storage, efs, templates, nodes] {
            all.merge(part);
        }
        Ok(all)
    }

    async fn only(
        &self,
        kinds: &[Kind],
        kind: Kind,
        look: impl Future<Output = Result<Observed, CloudError>>,
    ) -> Result<Observed, CloudError> {
        if kinds.contains(&kind) { look.await } else { Ok(Observed::default()) }
    }

    /// Beside what is ours, the file system that is not: named by the scope, else found by our links on it where there is no
    /// record that would tell.
    async fn observe_storage(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        if !kinds.iter().any(|kind| matches!(kind, Kind::Fsx | Kind::FileCache | Kind::Link | Kind::Task)) {
            return Ok(Observed::default());
        }
        let mut all = Box::pin(self.observe_own_storage(scope, kinds)).await?;
        let mut others: BTreeSet<String> = scope.existing.iter().cloned().collect();
        if scope.deployment.is_none() {
            let own: BTreeSet<&str> = all.resources.iter().filter_map(|seen| seen.file_system.as_deref()).collect();
            let linked = Box::pin(self.linked_file_systems(scope)).await?;
            let is_own = |id: &String| {
                own.contains(id.as_str())
                    || all.resources.iter().any(|seen| seen.address.kind == Kind::Fsx && seen.id == *id)
            };
            others.extend(linked.into_iter().filter(|id| !is_own(id)));
        }
        // The one that is named comes first: of several it is what counts.
        let named = others.iter().filter(|id| scope.existing.as_ref() == Some(*id));
        for id in named.chain(others.iter().filter(|id| scope.existing.as_ref() != Some(*id))) {
            let part = Box::pin(self.observe_existing(scope, kinds, id)).await?;
            let first = all.existing.take();
            all.merge(part);
            all.existing = first.or(all.existing);
        }
        Ok(all)
    }

    async fn observe_existing(&self, scope: &Scope, kinds: &[Kind], id: &str) -> Result<Observed, CloudError> {
        let file_system =
            async { if kinds.contains(&Kind::Fsx) { self.existing_file_system(id).await } else { Ok(None) } };
        let (file_system, (mut all, links), tasks) = tokio::try_join!(
            file_system,
            // Also for tasks: which of them are ours, links tell.
            self.links_on_existing(scope, id),
            self.only(kinds, Kind::Task, self.observe_tasks(id)),
        )?;
        all.existing = file_system.map(|existing| Existing { links, ..existing });
        all.merge(tasks);
        all.keep_our_tasks(&scope.cluster);
        if !kinds.contains(&Kind::Link) {
            all.resources.clear();
            all.foreign.clear();
        }
        Ok(all)
    }

    /// Links and tasks are found by the id of their file system. Where that is not known yet, it is looked for first.
    async fn observe_own_storage(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        if let Some(id) = &scope.file_system {
            let (file_systems, caches, below) = tokio::try_join!(
                self.only(kinds, Kind::Fsx, self.observe_file_systems(scope)),
                self.only(kinds, Kind::FileCache, self.observe_caches(scope)),
                self.observe_below(scope, kinds, std::slice::from_ref(id)),
            )?;
            let mut all = file_systems;
            all.merge(caches);
            all.merge(below);
            return Ok(all);
        }
        let file_systems = Box::pin(self.observe_file_systems(scope)).await?;
        // Asked only where the cluster may have one: nobody else needs the right to.
        let caches = Box::pin(self.only(kinds, Kind::FileCache, self.observe_caches(scope))).await?;
        let all = file_systems.resources.iter().chain(&caches.resources);
        let ids: Vec<String> = all.map(|seen| seen.id.clone()).collect();
        let mut all = if kinds.contains(&Kind::Fsx) { file_systems } else { Observed::default() };
        all.merge(caches);
        all.merge(Box::pin(self.observe_below(scope, kinds, &ids)).await?);
        Ok(all)
    }

    /// More than one file system only where one of them is a stray.
    async fn observe_below(
        &self,
        scope: &Scope,
        kinds: &[Kind],
        file_systems: &[String],
    ) -> Result<Observed, CloudError> {
        let mut all = Observed::default();
        for id in file_systems {
            let (links, tasks) = tokio::try_join!(
                self.only(kinds, Kind::Link, self.observe_links(scope, id)),
                self.only(kinds, Kind::Task, self.observe_tasks(id)),
            )?;
            all.merge(links);
            all.merge(tasks);
        }
        Ok(all)
    }
}
