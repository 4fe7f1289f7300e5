//! The cluster placement group. EC2 has no token for it: its name, which is unique in a region, keeps it single.

use aws_sdk_ec2::types::{PlacementGroup as SdkPlacement, PlacementGroupState, PlacementStrategy, ResourceType};

use super::filter;
use crate::aws::Aws;
use crate::aws::convert::{ec2_specification, ec2_tags, fields, made};
use crate::aws::error::{Explain as _, exists_already, gone_is_success};
use crate::aws::owner::{Owner, adopt, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope, Update};
use crate::desired::{Kind, PlacementGroup, Resource};
use crate::observed::{Observed, Seen, State};

impl Aws {
    /// All there are: a filter by tag would miss a stranger of the name that we want, a filter by name what is left of ours.
    pub(in crate::aws) async fn observe_placements(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let answer = self.ec2.describe_placement_groups().send().await.look("ec2:DescribePlacementGroups")?;
        let mut observed = Observed::default();
        for each in answer.placement_groups.unwrap_or_default() {
            if each.state() == Some(&PlacementGroupState::Deleted) {
                continue;
            }
            let name = each.group_name().unwrap_or_default();
            match owner(scope, Kind::Placement, Some(name), name, &ec2_tags(each.tags())) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => observed.resources.push(Seen {
                    address,
                    id: name.to_owned(),
                    arn: each.group_arn().map(str::to_owned),
                    state: state(&each),
                    lifecycle: each.state().map_or("", PlacementGroupState::as_str).to_owned(),
                    reason: None,
                    fields: observed_fields(&each),
                    tags: ec2_tags(each.tags()),
                    endpoint: None,
                    file_system: None,
                }),
            }
        }
        Ok(observed)
    }

    pub(in crate::aws) async fn create_placement(
        &self,
        create: &Create,
        wanted: &PlacementGroup,
    ) -> Result<Seen, CloudError> {
        let operation = "ec2:CreatePlacementGroup";
        let outcome = self
            .ec2
            .create_placement_group()
            .group_name(&wanted.name)
            .strategy(PlacementStrategy::Cluster)
            .tag_specifications(ec2_specification(ResourceType::PlacementGroup, &create.tags))
            .send()
            .await
            .create(operation);
        match outcome {
            Ok(answer) => Ok(made(create, &wanted.name, answer.placement_group.and_then(|group| group.group_arn))),
            Err(error) if exists_already(&error) => {
                let by_name = filter("group-name", [&wanted.name]);
                let answer = self
                    .ec2
                    .describe_placement_groups()
                    .filters(by_name)
                    .send()
                    .await
                    .look("ec2:DescribePlacementGroups")?;
                let there = answer.placement_groups.unwrap_or_default().into_iter().next();
                // Refused as a duplicate and not found: made a moment ago.
                let there = there.ok_or(CloudError { class: Class::NotYet, ..error })?;
                adopt(create, operation, &wanted.name, &ec2_tags(there.tags()))?;
                Ok(Seen {
                    fields: observed_fields(&there),
                    state: state(&there),
                    ..made(create, &wanted.name, there.group_arn)
                })
            }
            Err(error) => Err(error),
        }
    }

    pub(in crate::aws) async fn update_placement(&self, update: &Update) -> Result<(), CloudError> {
        if let Some(field) = update.fields.first() {
            return Err(crate::aws::cannot_change("ec2:CreatePlacementGroup", update, field));
        }
        if update.set_tags.is_empty() && update.remove_tags.is_empty() {
            return Ok(());
        }
        // Its tags go by its other id, `pg-…`, which only a look tells.
        let by_name = filter("group-name", [&update.id]);
        let answer =
            self.ec2.describe_placement_groups().filters(by_name).send().await.look("ec2:DescribePlacementGroups")?;
        let id = answer.placement_groups.unwrap_or_default().into_iter().find_map(|group| group.group_id);
        let id = id
            .ok_or_else(|| CloudError::new("ec2:CreateTags", Class::NotFound, format!("{} is not there", update.id)))?;
        self.update_ec2_tags(&[id], update).await
    }

    pub(in crate::aws) async fn delete_placement(&self, delete: &Delete) -> Result<(), CloudError> {
        for name in &delete.ids {
            let call = self.ec2.delete_placement_group().group_name(name);
            gone_is_success(call.send().await.change("ec2:DeletePlacementGroup").map(|_| ()))?;
        }
        Ok(())
    }
}

fn state(each: &SdkPlacement) -> State {
    match each.state() {
        Some(PlacementGroupState::Pending) => State::Creating,
        Some(PlacementGroupState::Available) => State::Ready,
        Some(PlacementGroupState::Deleting | PlacementGroupState::Deleted) => State::Deleting,
        // A state that this version does not know is neither ready nor on its way: a person has to look.
        _ => State::Misconfigured,
    }
}

fn observed_fields(each: &SdkPlacement) -> std::collections::BTreeMap<String, String> {
    let name = each.group_name().unwrap_or_default().to_owned();
    let mut fields = fields(&Resource::Placement(PlacementGroup { name }));
    // Ours knows one strategy; what is there may have another.
    fields.insert("strategy".to_owned(), each.strategy().map_or("", PlacementStrategy::as_str).to_owned());
    fields
}
