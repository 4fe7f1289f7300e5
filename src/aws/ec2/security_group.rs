//! The security group. All of its rules are between its own members.
//!
//! EC2 has no token for it: its name, which is unique in a VPC, keeps it single.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{IpPermission, ResourceType, SecurityGroup as SdkGroup, UserIdGroupPair};

use super::filter;
use crate::aws::Aws;
use crate::aws::convert::{ec2_specification, ec2_tags, fields, made};
use crate::aws::error::{Explain as _, exists_already, gone_is_success, left_behind, rule_exists, rule_is_gone};
use crate::aws::owner::{Owner, adopt, names, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Kind, Resource, Rule, SecurityGroup};
use crate::observed::{Observed, Seen, State};

/// All protocols, as EC2 writes it.
const ALL: &str = "-1";

/// Rules of a group towards itself that are there, and those that nobody asked for, as EC2 told them.
struct Rules {
    missing_in: Vec<IpPermission>,
    missing_out: Vec<IpPermission>,
    extra_in: Vec<IpPermission>,
    extra_out: Vec<IpPermission>,
}

impl Aws {
    pub(in crate::aws) async fn observe_groups(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let by_name = filter("group-name", names(scope, &self.region, Kind::SecurityGroup));
        let mut pages = self.ec2.describe_security_groups().filters(by_name).into_paginator().send();
        let mut observed = Observed::default();
        while let Some(page) = pages.next().await {
            for group in page.look("ec2:DescribeSecurityGroups")?.security_groups.unwrap_or_default() {
                let tags = ec2_tags(group.tags());
                let id = group.group_id().unwrap_or_default();
                match owner(scope, Kind::SecurityGroup, group.group_name(), id, &tags) {
                    Owner::Other => {}
                    Owner::Foreign(foreign) => observed.foreign.push(foreign),
                    Owner::Ours(address) => observed.resources.push(Seen {
                        address,
                        id: id.to_owned(),
                        arn: group.security_group_arn().map(str::to_owned),
                        state: State::Ready,
                        lifecycle: String::new(),
                        reason: None,
                        fields: fields(&Resource::SecurityGroup(SecurityGroup {
                            name: group.group_name().unwrap_or_default().to_owned(),
                            description: String::new(),
                            vpc: group.vpc_id().unwrap_or_default().to_owned(),
                            rules: rules_of(&group).into_iter().collect(),
                        })),
                        tags,
                        endpoint: None,
                        file_system: None,
                    }),
                }
            }
        }
        Ok(observed)
    }

    pub(in crate::aws) async fn create_group(
        &self,
        create: &Create,
        wanted: &SecurityGroup,
    ) -> Result<Seen, CloudError> {
        let operation = "ec2:CreateSecurityGroup";
        let outcome = self
            .ec2
            .create_security_group()
            .group_name(&wanted.name)
            .description(&wanted.description)
            .vpc_id(&wanted.vpc)
            .tag_specifications(ec2_specification(ResourceType::SecurityGroup, &create.tags))
            .send()
            .await
            .create(operation);
        let (group, arn) = match outcome {
            Ok(answer) => {
                let id = answer
                    .group_id
                    .ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no id"))?;
                (SdkGroup::builder().group_id(id).build(), answer.security_group_arn)
            }
            Err(error) if exists_already(&error) => {
                let there = self.group_by(&[("group-name", &wanted.name), ("vpc-id", &wanted.vpc)]).await?;
                // Refused as a duplicate and not found: made a moment ago.
                let there = there.ok_or(CloudError { class: Class::NotYet, ..error })?;
                adopt(create, operation, &wanted.name, &ec2_tags(there.tags()))?;
                let arn = there.security_group_arn().map(str::to_owned);
                (there, arn)
            }
            Err(error) => return Err(error),
        };
        let id = group.group_id().unwrap_or_default().to_owned();
        let rules = compare(&group, &wanted.rules);
        self.add_rules(&id, rules.missing_in, rules.missing_out).await.map_err(left_behind)?;
        Ok(made(create, id, arn))
    }

    /// Adds the rules that are missing and takes away those towards the group itself that nobody asked for. Rules
    /// towards others are not ours to judge.
    pub(in crate::aws) async fn update_group(&self, update: &Update, wanted: &SecurityGroup) -> Result<(), CloudError> {
        let operation = "ec2:AuthorizeSecurityGroupIngress";
        for field in &update.fields {
            match field.as_str() {
                "rules" => {
                    let missing = || CloudError::new(operation, Class::NotFound, format!("{} is not there", update.id));
                    let group = self.group_by(&[("group-id", &update.id)]).await?.ok_or_else(missing)?;
                    let rules = compare(&group, &wanted.rules);
                    self.add_rules(&update.id, rules.missing_in, rules.missing_out).await?;
                    self.remove_rules(&update.id, rules.extra_in, rules.extra_out).await?;
                }
                _ => return Err(crate::aws::cannot_change(operation, update, field)),
            }
        }
        self.update_ec2_tags(std::slice::from_ref(&update.id), update).await
    }

    pub(in crate::aws) async fn delete_group(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            gone_is_success(
                self.ec2
                    .delete_security_group()
                    .group_id(id)
                    .send()
                    .await
                    .change("ec2:DeleteSecurityGroup")
                    .map(|_| ()),
            )?;
        }
        Ok(())
    }

    pub(super) async fn group_by(&self, filters: &[(&str, &str)]) -> Result<Option<SdkGroup>, CloudError> {
        let filters = filters.iter().map(|(name, value)| filter(name, [*value])).collect();
        let answer = self
            .ec2
            .describe_security_groups()
            .set_filters(Some(filters))
            .send()
            .await
            .look("ec2:DescribeSecurityGroups")?;
        Ok(answer.security_groups.unwrap_or_default().into_iter().next())
    }

    /// One call a direction. The rules bear no tags of their own: they live and die with their group.
    async fn add_rules(
        &self,
        id: &str,
        missing_in: Vec<IpPermission>,
        missing_out: Vec<IpPermission>,
    ) -> Result<(), CloudError> {
        if !missing_in.is_empty() {
            let call = self.ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(Some(missing_in));
            if let Err(error) = call.send().await.create("ec2:AuthorizeSecurityGroupIngress") {
                rule_exists(&error).then_some(()).ok_or(error)?;
            }
        }
        if !missing_out.is_empty() {
            let call = self.ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(Some(missing_out));
            if let Err(error) = call.send().await.create("ec2:AuthorizeSecurityGroupEgress") {
                rule_exists(&error).then_some(()).ok_or(error)?;
            }
        }
        Ok(())
    }

    async fn remove_rules(
        &self,
        id: &str,
        extra_in: Vec<IpPermission>,
        extra_out: Vec<IpPermission>,
    ) -> Result<(), CloudError> {
        if !extra_in.is_empty() {
            let call = self.ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(extra_in));
            if let Err(error) = call.send().await.change("ec2:RevokeSecurityGroupIngress") {
                rule_is_gone(&error).then_some(()).ok_or(error)?;
            }
        }
        if !extra_out.is_empty() {
            let call = self.ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(Some(extra_out));
            if let Err(error) = call.send().await.change("ec2:RevokeSecurityGroupEgress") {
                rule_is_gone(&error).then_some(()).ok_or(error)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// The rules of a group towards itself, in our words; what has no word of ours is left out.
pub(super) fn rules_of(group: &SdkGroup) -> BTreeSet<Rule> {
    towards_itself(group, Direction::In)
        .filter_map(|permission| rule(permission, Direction::In))
        .chain(towards_itself(group, Direction::Out).filter_map(|permission| rule(permission, Direction::Out)))
        .collect()
}

fn towards_itself(group: &SdkGroup, direction: Direction) -> impl Iterator<Item = &IpPermission> {
    let permissions = match direction {
        Direction::In => group.ip_permissions(),
        Direction::Out => group.ip_permissions_egress(),
    };
    let id = group.group_id();
    permissions
        .iter()
        .filter(move |each| id.is_some() && each.user_id_group_pairs().iter().any(|pair| pair.group_id() == id))
}

fn rule(permission: &IpPermission, direction: Direction) -> Option<Rule> {
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    match (permission.ip_protocol()?, direction) {
        (ALL, Direction::In) => Some(Rule::AllIn),
        (ALL, Direction::Out) => Some(Rule::AllOut),
        ("tcp", Direction::In) => {
            Some(Rule::TcpIn { from: port(permission.from_port())?, to: port(permission.to_port())? })
        }
        _ => None,
    }
}

fn permission(id: &str, protocol: &str, from: Option<i32>, to: Option<i32>) -> IpPermission {
    IpPermission::builder()
        .ip_protocol(protocol)
        .set_from_port(from)
        .set_to_port(to)
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
        .build()
}

fn compare(group: &SdkGroup, wanted: &[Rule]) -> Rules {
    let id = group.group_id().unwrap_or_default();
    let there = rules_of(group);
    let mut rules =
        Rules { missing_in: Vec::new(), missing_out: Vec::new(), extra_in: Vec::new(), extra_out: Vec::new() };
    for rule in wanted.iter().filter(|rule| !there.contains(rule)) {
        match rule {
            Rule::TcpIn { from, to } => {
                rules.missing_in.push(permission(id, "tcp", Some(i32::from(*from)), Some(i32::from(*to))));
            }
            Rule::AllIn => rules.missing_in.push(permission(id, ALL, None, None)),
            Rule::AllOut => rules.missing_out.push(permission(id, ALL, None, None)),
        }
    }
    let unwanted = |direction| {
        towards_itself(group, direction)
            .filter(move |each| rule(each, direction).is_none_or(|rule| !wanted.contains(&rule)))
            // Only the part towards the group itself: the same permission may name others.
            .map(|each| permission(id, each.ip_protocol().unwrap_or(ALL), each.from_port(), each.to_port()))
            .collect()
    };
    rules.extra_in = unwanted(Direction::In);
    rules.extra_out = unwanted(Direction::Out);
    rules
}
