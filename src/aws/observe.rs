//! A look at many kinds at once: one request a kind, all of them at the same time.

use super::Aws;
use crate::cloud::{CloudError, Scope};
use crate::desired::Kind;
use crate::observed::Observed;

impl Aws {
    pub(super) async fn observe_all(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        // Boxed, or the state of all looks together would lie on the stack of each caller.
        let (groups, roles, profiles, placements, storage, templates, nodes) = tokio::try_join!(
            Box::pin(self.only(kinds, Kind::SecurityGroup, self.observe_groups(scope))),
            Box::pin(self.only(kinds, Kind::Role, self.observe_roles(scope))),
            Box::pin(self.only(kinds, Kind::InstanceProfile, self.observe_profiles(scope))),
            Box::pin(self.only(kinds, Kind::Placement, self.observe_placements(scope))),
            Box::pin(self.observe_storage(scope, kinds)),
            Box::pin(self.only(kinds, Kind::Template, self.observe_templates(scope))),
            Box::pin(self.only(kinds, Kind::Nodes, self.observe_nodes(scope))),
        )?;
        let mut all = Observed::default();
        for part in [groups, roles, profiles, placements, storage, templates, nodes] {
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

    /// Links and tasks are found by the id of their file system. Where that is not known yet, it is looked for first.
    async fn observe_storage(&self, scope: &Scope, kinds: &[Kind]) -> Result<Observed, CloudError> {
        if let Some(id) = &scope.file_system {
            let (file_systems, below) = tokio::try_join!(
                self.only(kinds, Kind::Fsx, self.observe_file_systems(scope)),
                self.observe_below(scope, kinds, std::slice::from_ref(id)),
            )?;
            let mut all = file_systems;
            all.merge(below);
            return Ok(all);
        }
        if !kinds.iter().any(|kind| matches!(kind, Kind::Fsx | Kind::Link | Kind::Task)) {
            return Ok(Observed::default());
        }
        let file_systems = Box::pin(self.observe_file_systems(scope)).await?;
        let ids: Vec<String> = file_systems.resources.iter().map(|seen| seen.id.clone()).collect();
        let mut all = if kinds.contains(&Kind::Fsx) { file_systems } else { Observed::default() };
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
