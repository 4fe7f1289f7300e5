//! What the caller may do, without doing it: IAM simulates the caller's policies, EC2 tries and stops short of it.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use tokio::task::JoinSet;

use super::Aws;
use super::connect::simulation_settings;
use super::error::{Explain as _, would_be_done};
use crate::cloud::{Class, CloudError, Create, Rights, Unanswered, Use, Verdict};
use crate::desired::Resource;

/// IAM's simulator takes few requests a second.
const AT_ONCE: usize = 4;

impl Aws {
    pub(super) async fn verdicts(&self, rights: &Rights) -> (Vec<Verdict>, Vec<Unanswered>) {
        let Rights { principal, uses, trials } = rights;
        let simulation = async {
            match principal {
                Some(principal) => self.simulated(principal, uses).await,
                None => Ok(Vec::new()),
            }
        };
        let (simulated, tried) = tokio::join!(simulation, self.tried(trials));
        let mut unanswered = Vec::new();
        let mut verdicts = tried;
        match simulated {
            Ok(simulated) => verdicts.extend(simulated),
            Err(why) => unanswered.push(Unanswered { what: "permissions, by simulation".to_owned(), why }),
        }
        verdicts.sort();
        verdicts.dedup();
        (verdicts, unanswered)
    }

    async fn simulated(&self, principal: &str, uses: &[Use]) -> Result<Vec<Verdict>, CloudError> {
        let mut verdicts = Vec::new();
        let mut principal = principal.to_owned();
        let mut path_is_known = false;
        let mut left = uses;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(AT_ONCE));
            let mut asked = JoinSet::new();
            for each in now {
                let (aws, principal, each) = (self.clone(), principal.clone(), each.clone());
                asked.spawn(async move { aws.simulate(&principal, &each).await });
            }
            let answers: Result<Vec<Vec<Verdict>>, CloudError> = asked.join_all().await.into_iter().collect();
            match answers {
                Ok(answers) => {
                    verdicts.extend(answers.into_iter().flatten());
                    left = later;
                }
                // A session does not tell the path of its role, without which its ARN is another's.
                Err(error) if error.class == Class::NotFound && !path_is_known => {
                    path_is_known = true;
                    principal = self.role_arn(&principal).await?.ok_or(error)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(verdicts)
    }

    async fn role_arn(&self, principal: &str) -> Result<Option<String>, CloudError> {
        let Some((_, name)) = principal.rsplit_once('/').filter(|(before, _)| before.contains(":role")) else {
            return Ok(None);
        };
        let answer = self.iam.get_role().role_name(name).send().await.look("iam:GetRole")?;
        Ok(answer.role.map(|role| role.arn))
    }

    async fn simulate(&self, principal: &str, each: &Use) -> Result<Vec<Verdict>, CloudError> {
        let context = each.context.iter().map(|context| {
            let kind = if context.is_list { ContextKeyTypeEnum::StringList } else { ContextKeyTypeEnum::String };
            ContextEntry::builder()
                .context_key_name(&context.key)
                .set_context_key_values(Some(context.values.clone()))
                .context_key_type(kind)
                .build()
        });
        let context: Vec<ContextEntry> = context.collect();
        let mut verdicts = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .iam
                .simulate_principal_policy()
                .policy_source_arn(principal)
                .set_action_names(Some(each.actions.clone()))
                .set_resource_arns(Some(each.resources.clone()))
                .set_context_entries(Some(context.clone()))
                .set_marker(marker)
                .customize()
                .config_override(simulation_settings())
                .send()
                .await
                .look("iam:SimulatePrincipalPolicy")?;
            verdicts.extend(answer.evaluation_results().iter().flat_map(read));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(verdicts);
            }
        }
    }

    async fn tried(&self, trials: &[Create]) -> Vec<Verdict> {
        let mut asked = JoinSet::new();
        for create in trials.iter().cloned() {
            let aws = self.clone();
            asked.spawn(async move {
                let outcome = aws.try_to_create(&create).await?;
                let allowed = match &outcome {
                    Ok(()) => true,
                    Err(error) if would_be_done(error) => true,
                    Err(error) if error.class == Class::Denied => false,
                    // Refused for another reason: that is for the run itself to meet.
                    Err(_) => return None,
                };
                let operation = match &create.resource {
                    Resource::SecurityGroup(_) => "ec2:CreateSecurityGroup",
                    Resource::Placement(_) => "ec2:CreatePlacementGroup",
                    _ => "ec2:CreateLaunchTemplate",
                };
                Some(Verdict { action: operation.to_owned(), resource: None, allowed, certain: true })
            });
        }
        asked.join_all().await.into_iter().flatten().collect()
    }
}

/// By resource, where IAM told them apart.
fn read(result: &EvaluationResult) -> Vec<Verdict> {
    let verdict = |resource: Option<&str>, decision: &PolicyEvaluationDecisionType| Verdict {
        action: result.eval_action_name().to_owned(),
        resource: resource.filter(|resource| *resource != "*").map(str::to_owned),
        allowed: *decision == PolicyEvaluationDecisionType::Allowed,
        certain: false,
    };
    let specific = result.resource_specific_results();
    if specific.is_empty() {
        vec![verdict(result.eval_resource_name(), result.eval_decision())]
    } else {
        specific.iter().map(|each| verdict(Some(each.eval_resource_name()), each.eval_resource_decision())).collect()
    }
}
