//! The role of the nodes and its instance profile.
//!
//! IAM has no tokens: what has a name of ours and our tags is ours, and every step of a creation may be repeated.

use aws_sdk_iam::types::Role as SdkRole;

use super::Aws;
use super::convert::{fields, iam_tags, made, to_iam, url_decoded};
use super::error::{Explain as _, exists_already, found, gone_is_success, left_behind, profile_is_full};
use super::owner::{Owner, adopt, names, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{IAM_PATH, InstanceProfile, Kind, Resource, Role, policy};
use crate::observed::{Observed, Seen, State};

/// The one inline policy.
const POLICY: &str = "provision-node";

impl Aws {
    pub(super) async fn observe_roles(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let mut observed = Observed::default();
        for name in names(scope, &self.region, Kind::Role) {
            let Some(role) = self.role(&name).await? else { continue };
            let tags = iam_tags(role.tags());
            match owner(scope, Kind::Role, Some(&name), &name, &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => {
                    let (policy, managed) = tokio::try_join!(self.inline_policy(&name), self.attached(&name))?;
                    let trust = role.assume_role_policy_document().map(document).unwrap_or_default();
                    let resource =
                        Resource::Role(Role { name: name.clone(), trust, policy: policy.unwrap_or_default(), managed });
                    observed.resources.push(Seen {
                        address,
                        id: name,
                        arn: Some(role.arn),
                        state: State::Ready,
                        lifecycle: String::new(),
                        reason: None,
                        fields: fields(&resource),
                        tags,
                        endpoint: None,
                        file_system: None,
                    });
                }
            }
        }
        Ok(observed)
    }

    pub(super) async fn observe_profiles(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let mut observed = Observed::default();
        for name in names(scope, &self.region, Kind::InstanceProfile) {
            let Some(profile) = self.profile(&name).await? else { continue };
            let tags = iam_tags(profile.tags());
            match owner(scope, Kind::InstanceProfile, Some(&name), &name, &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => {
                    let role = profile.roles().first().map(|role| role.role_name.clone()).unwrap_or_default();
                    let resource = Resource::InstanceProfile(InstanceProfile { name: name.clone(), role });
                    observed.resources.push(Seen {
                        address,
                        id: name,
                        arn: Some(profile.arn),
                        state: State::Ready,
                        lifecycle: String::new(),
                        reason: None,
                        fields: fields(&resource),
                        tags,
                        endpoint: None,
                        file_system: None,
                    });
                }
            }
        }
        Ok(observed)
    }

    pub(super) async fn create_role(&self, create: &Create, role: &Role) -> Result<Seen, CloudError> {
        let call = self.iam.create_role().path(IAM_PATH).role_name(&role.name).assume_role_policy_document(&role.trust);
        let arn = match call.set_tags(Some(to_iam(&create.tags))).send().await.create("iam:CreateRole") {
            Ok(answer) => answer.role.map(|role| role.arn),
            Err(error) if exists_already(&error) => {
                let there = self.role(&role.name).await?.ok_or(error)?;
                adopt(create, "iam:CreateRole", &role.name, &iam_tags(there.tags()))?;
                if there.assume_role_policy_document().map(document).as_ref() != Some(&role.trust) {
                    self.put_trust(role).await?;
                }
                Some(there.arn)
            }
            Err(error) => return Err(error),
        };
        self.put_policy(role).await.map_err(left_behind)?;
        self.attach(role).await.map_err(left_behind)?;
        Ok(made(create, &role.name, arn))
    }

    pub(super) async fn create_profile(&self, create: &Create, profile: &InstanceProfile) -> Result<Seen, CloudError> {
        let call = self.iam.create_instance_profile().path(IAM_PATH).instance_profile_name(&profile.name);
        let arn = match call.set_tags(Some(to_iam(&create.tags))).send().await.create("iam:CreateInstanceProfile") {
            Ok(answer) => answer.instance_profile.map(|profile| profile.arn),
            Err(error) if exists_already(&error) => {
                let there = self.profile(&profile.name).await?.ok_or(error)?;
                adopt(create, "iam:CreateInstanceProfile", &profile.name, &iam_tags(there.tags()))?;
                Some(there.arn)
            }
            Err(error) => return Err(error),
        };
        self.add_role(profile).await.map_err(left_behind)?;
        Ok(made(create, &profile.name, arn))
    }

    pub(super) async fn update_role(&self, update: &Update, role: &Role) -> Result<(), CloudError> {
        for field in &update.fields {
            match field.as_str() {
                "trust" => self.put_trust(role).await?,
                "policy" => self.put_policy(role).await?,
                "managed_policies" => {
                    self.attach(role).await?;
                    for arn in self.attached(&role.name).await? {
                        if !role.managed.contains(&arn) {
                            self.detach(&role.name, &arn).await?;
                        }
                    }
                }
                _ => return Err(super::cannot_change("iam:UpdateRole", update, field)),
            }
        }
        if !update.set_tags.is_empty() {
            self.iam
                .tag_role()
                .role_name(&role.name)
                .set_tags(Some(to_iam(&update.set_tags)))
                .send()
                .await
                .change("iam:TagRole")?;
        }
        if !update.remove_tags.is_empty() {
            let keys = update.remove_tags.iter().cloned().collect();
            self.iam
                .untag_role()
                .role_name(&role.name)
                .set_tag_keys(Some(keys))
                .send()
                .await
                .change("iam:UntagRole")?;
        }
        Ok(())
    }

    pub(super) async fn update_profile(&self, update: &Update, profile: &InstanceProfile) -> Result<(), CloudError> {
        let name = &profile.name;
        for field in &update.fields {
            match field.as_str() {
                "role" => {
                    self.empty_profile(name, Some(&profile.role)).await?;
                    self.add_role(profile).await?;
                }
                _ => return Err(super::cannot_change("iam:UpdateInstanceProfile", update, field)),
            }
        }
        if !update.set_tags.is_empty() {
            let tags = to_iam(&update.set_tags);
            let call = self.iam.tag_instance_profile().instance_profile_name(name).set_tags(Some(tags));
            call.send().await.change("iam:TagInstanceProfile")?;
        }
        if !update.remove_tags.is_empty() {
            let keys = update.remove_tags.iter().cloned().collect();
            let call = self.iam.untag_instance_profile().instance_profile_name(name).set_tag_keys(Some(keys));
            call.send().await.change("iam:UntagInstanceProfile")?;
        }
        Ok(())
    }

    pub(super) async fn delete_roles(&self, delete: &Delete) -> Result<(), CloudError> {
        for name in &delete.ids {
            self.delete_role(name).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_profiles(&self, delete: &Delete) -> Result<(), CloudError> {
        for name in &delete.ids {
            self.empty_profile(name, None).await?;
            let call = self.iam.delete_instance_profile().instance_profile_name(name);
            gone_is_success(call.send().await.change("iam:DeleteInstanceProfile").map(|_| ()))?;
        }
        Ok(())
    }

    /// IAM deletes only a role that holds nothing any more.
    async fn delete_role(&self, name: &str) -> Result<(), CloudError> {
        let Some((attached, inline)) = found(tokio::try_join!(self.attached(name), self.inline_policies(name)))? else {
            return Ok(());
        };
        for arn in attached {
            self.detach(name, &arn).await?;
        }
        for policy in inline {
            let call = self.iam.delete_role_policy().role_name(name).policy_name(policy);
            gone_is_success(call.send().await.change("iam:DeleteRolePolicy").map(|_| ()))?;
        }
        gone_is_success(self.iam.delete_role().role_name(name).send().await.change("iam:DeleteRole").map(|_| ()))
    }

    /// Profiles that hold the role, in words.
    pub(super) async fn users_of_role(&self, name: &str) -> Result<Vec<String>, CloudError> {
        let call = self.iam.list_instance_profiles_for_role().role_name(name);
        let answer = found(call.send().await.look("iam:ListInstanceProfilesForRole"))?;
        let profiles = answer.map(|answer| answer.instance_profiles).unwrap_or_default();
        Ok(profiles.into_iter().map(|profile| format!("instance profile {}", profile.instance_profile_name)).collect())
    }

    pub(super) async fn profile_exists(&self, name: &str) -> Result<bool, CloudError> {
        // A user may give the ARN: its last part is the name.
        Ok(self.profile(name.rsplit('/').next().unwrap_or(name)).await?.is_some())
    }

    async fn role(&self, name: &str) -> Result<Option<SdkRole>, CloudError> {
        let answer = found(self.iam.get_role().role_name(name).send().await.look("iam:GetRole"))?;
        Ok(answer.and_then(|answer| answer.role))
    }

    async fn profile(&self, name: &str) -> Result<Option<aws_sdk_iam::types::InstanceProfile>, CloudError> {
        let call = self.iam.get_instance_profile().instance_profile_name(name);
        let answer = found(call.send().await.look("iam:GetInstanceProfile"))?;
        Ok(answer.and_then(|answer| answer.instance_profile))
    }

    async fn inline_policy(&self, role: &str) -> Result<Option<String>, CloudError> {
        let call = self.iam.get_role_policy().role_name(role).policy_name(POLICY);
        let answer = found(call.send().await.look("iam:GetRolePolicy"))?;
        Ok(answer.map(|answer| document(&answer.policy_document)))
    }

    async fn inline_policies(&self, role: &str) -> Result<Vec<String>, CloudError> {
        let mut names = Vec::new();
        let mut pages = self.iam.list_role_policies().role_name(role).into_paginator().send();
        while let Some(page) = pages.next().await {
            names.extend(page.look("iam:ListRolePolicies")?.policy_names);
        }
        Ok(names)
    }

    /// ARNs of the managed policies, sorted.
    async fn attached(&self, role: &str) -> Result<Vec<String>, CloudError> {
        let mut arns = Vec::new();
        let mut pages = self.iam.list_attached_role_policies().role_name(role).into_paginator().send();
        while let Some(page) = pages.next().await {
            let policies = page.look("iam:ListAttachedRolePolicies")?.attached_policies.unwrap_or_default();
            arns.extend(policies.into_iter().filter_map(|policy| policy.policy_arn));
        }
        arns.sort();
        Ok(arns)
    }

    async fn put_trust(&self, role: &Role) -> Result<(), CloudError> {
        let call = self.iam.update_assume_role_policy().role_name(&role.name).policy_document(&role.trust);
        call.send().await.create("iam:UpdateAssumeRolePolicy").map(|_| ())
    }

    async fn put_policy(&self, role: &Role) -> Result<(), CloudError> {
        let call = self.iam.put_role_policy().role_name(&role.name).policy_name(POLICY).policy_document(&role.policy);
        call.send().await.create("iam:PutRolePolicy").map(|_| ())
    }

    /// Attaching what is attached is no error.
    async fn attach(&self, role: &Role) -> Result<(), CloudError> {
        for arn in &role.managed {
            self.iam
                .attach_role_policy()
                .role_name(&role.name)
                .policy_arn(arn)
                .send()
                .await
                .create("iam:AttachRolePolicy")?;
        }
        Ok(())
    }

    async fn detach(&self, role: &str, arn: &str) -> Result<(), CloudError> {
        let call = self.iam.detach_role_policy().role_name(role).policy_arn(arn);
        gone_is_success(call.send().await.change("iam:DetachRolePolicy").map(|_| ()))
    }

    async fn add_role(&self, profile: &InstanceProfile) -> Result<(), CloudError> {
        let call =
            self.iam.add_role_to_instance_profile().instance_profile_name(&profile.name).role_name(&profile.role);
        match call.send().await.create("iam:AddRoleToInstanceProfile") {
            Ok(_) => Ok(()),
            Err(error) if profile_is_full(&error) => {
                let there = self.profile(&profile.name).await?;
                let holds = there.is_some_and(|there| there.roles().iter().any(|role| role.role_name == profile.role));
                if holds { Ok(()) } else { Err(CloudError { class: Class::Conflict, ..error }) }
            }
            Err(error) => Err(error),
        }
    }

    /// Takes every role but one out of a profile.
    async fn empty_profile(&self, name: &str, but: Option<&str>) -> Result<(), CloudError> {
        let Some(profile) = self.profile(name).await? else { return Ok(()) };
        for role in profile.roles().iter().filter(|role| Some(role.role_name.as_str()) != but) {
            let call =
                self.iam.remove_role_from_instance_profile().instance_profile_name(name).role_name(&role.role_name);
            gone_is_success(call.send().await.change("iam:RemoveRoleFromInstanceProfile").map(|_| ()))?;
        }
        Ok(())
    }
}

/// A policy as IAM gives it, as we write it.
fn document(encoded: &str) -> String {
    policy::canonical_text(&url_decoded(encoded))
}
