//! Nodes: a whole group is launched by one call, or not at all.

use aws_sdk_ec2::types::{
    CapacityReservationSpecification, CapacityReservationTarget, Instance, InstanceLifecycleType, InstanceStateName,
    LaunchTemplateSpecification, ResourceType, Tag,
};

use super::filter;
use super::template::DEFAULT;
use crate::aws::Aws;
use crate::aws::connect::launch_settings;
use crate::aws::convert::{ec2_specification, ec2_tags, resolve_in, timestamp, to_ec2, to_i32};
use crate::aws::error::{Explain as _, unknown_instances};
use crate::aws::owner::{Owner, owner};
use crate::cloud::{CloudError, Create, Delete, Scope, Update};
use crate::desired::{Address, Kind, NodeGroup, TAG_CLUSTER, TAG_NODE, TAG_PRELOAD};
use crate::observed::{Node, NodeState, Observed, Preload, Report};

/// The most ids that a call takes (EC2 API Reference).
const IDS_A_CALL: usize = 1000;
/// EC2 gives up to 1000, which with 33 interfaces each are 27 MB of XML at once; 250 are 7.
const PAGE: i32 = 250;

impl Aws {
    pub(in crate::aws) async fn observe_nodes(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let by_tag = filter(&format!("tag:{TAG_CLUSTER}"), [&scope.cluster]);
        let mut observed = Observed::default();
        self.each_instance(vec![by_tag], |instance| {
            let tags = ec2_tags(instance.tags());
            match owner(scope, Kind::Nodes, None, instance.instance_id().unwrap_or_default(), &tags) {
                Owner::Other => {}
                Owner::Ours(address) => observed.nodes.extend(node(address, instance)),
                // What has ended stands there for an hour and is in nobody's way.
                Owner::Foreign(foreign) => {
                    if node(foreign.address.clone(), instance).is_some_and(|node| node.exists()) {
                        observed.foreign.push(foreign);
                    }
                }
            }
        })
        .await?;
        Ok(observed)
    }

    /// Shows each instance to `visit` and forgets it: with 33 interfaces each, a thousand of them fill 100 MB.
    pub(super) async fn each_instance(
        &self,
        filters: Vec<aws_sdk_ec2::types::Filter>,
        mut visit: impl FnMut(&Instance),
    ) -> Result<(), CloudError> {
        let call = self.ec2.describe_instances().set_filters(Some(filters)).max_results(PAGE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let reservations = page.look("ec2:DescribeInstances")?.reservations.unwrap_or_default();
            reservations.iter().flat_map(aws_sdk_ec2::types::Reservation::instances).for_each(&mut visit);
        }
        Ok(())
    }

    /// What the token has made, be it alive or ended: EC2 replays an answer for as long as it remembers the token.
    pub(in crate::aws) async fn launch(&self, create: &Create, group: &NodeGroup) -> Result<Vec<Node>, CloudError> {
        let operation = "ec2:RunInstances";
        let template =
            resolve_in(&create.known, operation, &group.template).map_err(|error| error.about(&create.address))?;
        let template = LaunchTemplateSpecification::builder().launch_template_id(template).version(DEFAULT).build();
        let tagged = [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
        let answer = self
            .ec2
            .run_instances()
            .client_token(&create.token)
            // As many as there are, in one zone. Without `min_count` in the spec all or nothing: half a group trains nothing
            // and bills all the same.
            .min_count(to_i32(create.least))
            .max_count(to_i32(create.count))
            .launch_template(template)
            // Beside the template, which knows nothing of it: once the nodes run, it is gone.
            .set_capacity_reservation_specification(reserved(create))
            .set_tag_specifications(Some(
                tagged.into_iter().map(|kind| ec2_specification(kind, &create.tags)).collect(),
            ))
            .customize()
            .config_override(launch_settings())
            .send()
            .await
            .create(operation)?;
        let instances = answer.instances.unwrap_or_default();
        let mut nodes: Vec<Node> =
            instances.iter().filter_map(|instance| node(create.address.clone(), instance)).collect();
        for node in nodes.iter_mut().filter(|node| node.tags.is_empty()) {
            node.tags.clone_from(&create.tags);
        }
        Ok(nodes)
    }

    pub(in crate::aws) async fn update_nodes(&self, update: &Update) -> Result<(), CloudError> {
        if let Some(field) = update.fields.first() {
            return Err(crate::aws::cannot_change("ec2:ModifyInstanceAttribute", update, field));
        }
        self.update_ec2_tags(&update.nodes, update).await
    }

    pub(in crate::aws) async fn update_ec2_tags(&self, ids: &[String], update: &Update) -> Result<(), CloudError> {
        for batch in ids.chunks(IDS_A_CALL) {
            if !update.set_tags.is_empty() {
                let call =
                    self.ec2.create_tags().set_resources(Some(batch.to_vec())).set_tags(Some(to_ec2(&update.set_tags)));
                call.send().await.change("ec2:CreateTags")?;
            }
            if !update.remove_tags.is_empty() {
                let keys = update.remove_tags.iter().map(|key| Tag::builder().key(key).build()).collect();
                let call = self.ec2.delete_tags().set_resources(Some(batch.to_vec())).set_tags(Some(keys));
                call.send().await.change("ec2:DeleteTags")?;
            }
        }
        Ok(())
    }

    /// One id that EC2 does not know any more makes it refuse the whole call; the others are then ended without it.
    pub(in crate::aws) async fn terminate(&self, delete: &Delete) -> Result<(), CloudError> {
        for batch in delete.ids.chunks(IDS_A_CALL) {
            let mut ids = batch.to_vec();
            while !ids.is_empty() {
                let outcome = self.ec2.terminate_instances().set_instance_ids(Some(ids.clone())).send().await;
                let Err(error) = outcome.change("ec2:TerminateInstances") else { break };
                let unknown = unknown_instances(&error, &ids);
                if unknown.is_empty() {
                    return Err(error);
                }
                ids.retain(|id| !unknown.contains(id));
            }
        }
        Ok(())
    }
}

/// What is held for the group, and for nobody else.
fn reserved(create: &Create) -> Option<CapacityReservationSpecification> {
    let id = create.known.ids.get(&Address::named(Kind::Reservation, &create.address.name))?;
    let target = CapacityReservationTarget::builder().capacity_reservation_id(id).build();
    Some(CapacityReservationSpecification::builder().capacity_reservation_target(target).build())
}

/// None for what has no id or no state, which EC2 always gives.
fn node(address: Address, instance: &Instance) -> Option<Node> {
    let state = match instance.state()?.name()? {
        InstanceStateName::Pending => NodeState::Pending,
        InstanceStateName::Running => NodeState::Running,
        InstanceStateName::Stopping => NodeState::Stopping,
        InstanceStateName::ShuttingDown => NodeState::ShuttingDown,
        InstanceStateName::Terminated => NodeState::Terminated,
        // A state that this version does not know counts as there, so that it is ended, and not as running.
        _ => NodeState::Stopped,
    };
    let tags = ec2_tags(instance.tags());
    let report = tags.get(TAG_NODE).filter(|_| state == NodeState::Running).and_then(|text| Report::parse(text));
    let preload = tags.get(TAG_PRELOAD).and_then(|text| Preload::parse(text));
    Some(Node {
        address,
        id: instance.instance_id()?.to_owned(),
        state,
        report,
        preload,
        instance: instance.instance_type().map_or("", |kind| kind.as_str()).to_owned(),
        image: instance.image_id().unwrap_or_default().to_owned(),
        zone: instance.placement().and_then(|placement| placement.availability_zone()).unwrap_or_default().to_owned(),
        private_ip: instance.private_ip_address().map(str::to_owned),
        launched: instance.launch_time().and_then(timestamp),
        spot: instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
        reason: reason(instance),
        tags,
    })
}

/// The code, its text, and when, which stands in a text beside them: `User initiated (2026-11-29 13:05:00 GMT)`.
fn reason(instance: &Instance) -> Option<String> {
    let transition = instance.state_transition_reason().filter(|text| !text.is_empty());
    let (code, message) = instance.state_reason().map(|reason| (reason.code(), reason.message())).unwrap_or_default();
    let said = match (code, message) {
        // Mostly it begins with its code.
        (Some(code), Some(message)) if !message.starts_with(code) => format!("{code}: {message}"),
        (_, Some(text)) | (Some(text), None) => text.to_owned(),
        (None, None) => return transition.map(str::to_owned),
    };
    let at = transition.and_then(|text| Some(&text[text.rfind('(')?..])).filter(|at| at.ends_with(" GMT)"));
    Some(at.map_or_else(|| said.clone(), |at| format!("{said} {at}")))
}
