//! Answers that only help: from the settings, and from what is in the world.

use crate::cloud::{InUse, Key, Questions, Reservation, Rights, SpotWish, Survey, Unanswered, Verdict};
use crate::desired::{Kind, Resource};
use crate::observed::NodeState;

use super::world::World;

impl World {
    pub(super) fn help(&self, questions: &Questions, survey: &mut Survey) {
        let settings = &self.settings;
        if self.answers("s3", "versioning", !questions.versioned.is_empty(), survey) {
            let kept = |name: &String| (name.clone(), !settings.unversioned.contains(name));
            survey.versioned = questions.versioned.iter().map(kept).collect();
        }
        if self.answers("ec2", "capacity reservations", !questions.reservations.is_empty(), survey) {
            let found = |id: &String| (id.clone(), self.reserved_by_others(id));
            survey.reservations = questions.reservations.iter().map(found).collect();
        }
        if self.answers("ec2", "open capacity reservations", !questions.open_reservations.is_empty(), survey) {
            let open = settings.open_reservations.iter();
            let open = open.filter_map(|id| Some((id.clone(), self.reserved_by_others(id)?)));
            let fits = |each: &Reservation| questions.open_reservations.contains(&each.instance) && each.free > 0;
            survey.open_reservations = open.filter(|(_, each)| fits(each)).collect();
        }
        if self.answers("spot", "spot placement scores", !questions.spot_scores.is_empty(), survey) {
            let scores = |(group, wish): (&String, &SpotWish)| (group.clone(), self.scores(wish));
            survey.spot_scores = questions.spot_scores.iter().map(scores).collect();
        }
        if let Some(key) = &questions.kms_key
            && self.answers("kms", "key", true, survey)
        {
            let enabled = || Key::Found { state: "Enabled".to_owned(), encrypts: true };
            survey.kms_key = Some(settings.keys.get(key).cloned().unwrap_or_else(enabled));
        }
        if self.answers("ec2", "security groups of the existing file system", !questions.servers.is_empty(), survey) {
            survey.server_groups.clone_from(&settings.server_groups);
        }
        if self.answers("servicequotas", "quotas", !questions.quotas.is_empty(), survey) {
            let limit = |id| Some((Clone::clone(id), *settings.limits.get(id)?));
            survey.quotas = questions.quotas.iter().filter_map(limit).collect();
            survey.in_use = self.in_use();
        }
        if let Some(Rights { principal: _, uses, trials: _ }) = &questions.rights
            && self.answers("iam", "permissions, by simulation", true, survey)
        {
            let actions = uses.iter().flat_map(|each| &each.actions);
            survey.rights = actions
                .map(|action| {
                    let denied = settings.denied.get(action);
                    let certain = denied.copied().unwrap_or(false);
                    Verdict { action: action.clone(), resource: None, allowed: denied.is_none(), certain }
                })
                .collect();
        }
    }

    fn answers(&self, service: &str, what: &str, asked: bool, survey: &mut Survey) -> bool {
        match self.settings.silent.get(service) {
            Some(why) if asked => {
                survey.unanswered.push(Unanswered { what: what.to_owned(), why: why.clone() });
                false
            }
            _ => asked,
        }
    }

    fn in_use(&self) -> InUse {
        let InUse { on_demand, spot, file_systems, interfaces } = self.settings.in_use.clone();
        let (mut on_demand, mut spot) = (on_demand.unwrap_or_default(), spot.unwrap_or_default());
        for (_, node) in self.nodes.all().filter(|(_, node)| node.state == NodeState::Running) {
            let of = if node.spot { &mut spot } else { &mut on_demand };
            *of.entry(node.instance.clone()).or_default() += 1;
        }
        let mut all = file_systems.unwrap_or_default();
        for ((_, id), thing) in self.things.all().filter(|((kind, _), _)| *kind == Kind::Fsx) {
            if let Resource::Fsx(file_system) = &thing.resource {
                all.insert(id.clone(), file_system.clone());
            }
        }
        InUse { on_demand: Some(on_demand), spot: Some(spot), file_systems: Some(all), interfaces }
    }
}
