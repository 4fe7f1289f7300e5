//! The questions that only help: each answer that fails is told, and fails nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use tokio::task::JoinSet;

use super::Aws;
use crate::cloud::{CloudError, InUse, Questions, QuotaId, Survey, Unanswered};

impl Aws {
    pub(super) async fn what_helps(&self, questions: &Questions) -> Survey {
        let rights = async {
            match &questions.rights {
                Some(rights) => self.verdicts(rights).await,
                None => (Vec::new(), Vec::new()),
            }
        };
        let keys: BTreeSet<String> = questions.kms_key.iter().cloned().collect();
        let open = async {
            match &questions.open_reservations {
                types if types.is_empty() => Ok(BTreeMap::new()),
                types => self.open_reservations(types).await,
            }
        };
        let spot: BTreeSet<String> = questions.spot_scores.keys().cloned().collect();
        let (versioned, reservations, open, scores, key, (groups, unseen), limits, (rights, unjudged)) = tokio::join!(
            self.each(&questions.versioned, "versioning of", |aws, name| async move { aws.is_versioned(&name).await }),
            self.each(
                &questions.reservations,
                "capacity reservation",
                |aws, id| async move { aws.reservation(&id).await }
            ),
            open,
            self.each(&spot, "spot placement scores for the group", |aws, group| {
                let wish = questions.spot_scores.get(&group).cloned();
                async move {
                    match wish {
                        Some(wish) => aws.spot_scores(&wish).await,
                        None => Ok(BTreeMap::new()),
                    }
                }
            }),
            self.each(&keys, "key", |aws, id| async move { aws.key(&id).await }),
            self.groups_of_servers(questions),
            self.limits_and_use(questions),
            rights,
        );
        let (quotas, in_use, unlimited) = limits;
        let (open, unopened) = match open {
            Ok(open) => (open, Vec::new()),
            Err(why) => (BTreeMap::new(), vec![Unanswered { what: "open capacity reservations".to_owned(), why }]),
        };
        let unanswered = [versioned.1, reservations.1, unopened, scores.1, key.1, unseen, unlimited, unjudged].concat();
        Survey {
            versioned: versioned.0,
            reservations: reservations.0,
            open_reservations: open,
            spot_scores: scores.0,
            kms_key: key.0.into_values().next(),
            server_groups: groups,
            quotas,
            in_use,
            rights,
            unanswered,
            ..Survey::default()
        }
    }

    /// Asks the same about each of these at once.
    pub(super) async fn each<T, F>(
        &self,
        names: &BTreeSet<String>,
        what: &str,
        ask: impl Fn(Self, String) -> F,
    ) -> (BTreeMap<String, T>, Vec<Unanswered>)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CloudError>> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        for name in names {
            let answer = ask(self.clone(), name.clone());
            let name = name.clone();
            asked.spawn(async move { (name, answer.await) });
        }
        let mut answers: Vec<(String, Result<T, CloudError>)> = asked.join_all().await;
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        let mut unanswered = Vec::new();
        let mut answered = BTreeMap::new();
        for (name, answer) in answers {
            match answer {
                Ok(answer) => {
                    answered.insert(name, answer);
                }
                Err(why) => unanswered.push(Unanswered { what: format!("{what} `{name}`"), why }),
            }
        }
        (answered, unanswered)
    }

    /// What is in use counts only against a limit that is known.
    async fn limits_and_use(&self, questions: &Questions) -> (BTreeMap<QuotaId, u64>, InUse, Vec<Unanswered>) {
        let services: BTreeSet<String> = questions.quotas.iter().map(|id| id.service.clone()).collect();
        let (limits, mut unanswered) = self
            .each(&services, "quotas of", |aws, service| {
                let ids: BTreeSet<QuotaId> =
                    questions.quotas.iter().filter(|id| id.service == service).cloned().collect();
                async move { aws.limits(&service, &ids).await }
            })
            .await;
        let known = |service: &str| limits.get(service).is_some_and(|limits| !limits.is_empty());
        let (instances, file_systems, interfaces) = tokio::join!(
            when(known("ec2"), self.running(&questions.running)),
            when(known("fsx"), self.all_lustre()),
            when(known("vpc"), self.interface_count()),
        );
        let mut told = |what: &str, why: CloudError| {
            unanswered.push(Unanswered { what: what.to_owned(), why });
        };
        let mut in_use = InUse::default();
        match instances {
            Some(Ok((on_demand, spot))) => (in_use.on_demand, in_use.spot) = (Some(on_demand), Some(spot)),
            Some(Err(why)) => told("running instances", why),
            None => {}
        }
        match file_systems {
            Some(Ok(all)) => in_use.file_systems = Some(all),
            Some(Err(why)) => told("file systems of the account", why),
            None => {}
        }
        match interfaces {
            Some(Ok(count)) => in_use.interfaces = Some(count),
            Some(Err(why)) => told("network interfaces of the account", why),
            None => {}
        }
        (limits.into_values().flatten().collect(), in_use, unanswered)
    }
}

async fn when<T>(wanted: bool, asked: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(asked.await) } else { None }
}
