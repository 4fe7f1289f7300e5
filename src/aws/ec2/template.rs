//! The launch template: how the nodes of a group are made. Its default version is the one in force.
//!
//! It bears tags, its instances' tags it does not hold: those carry the group's address and epoch, which change from
//! launch to launch, and so they stand in RunInstances alone.

use aws_sdk_ec2::types as sdk;
use base64::Engine as _;

use super::filter;
use crate::aws::Aws;
use crate::aws::convert::{ec2_specification, ec2_tags, fields, made, resolve, to_i32, to_u32};
use crate::aws::error::{Explain as _, exists_already, found, gone_is_success, left_behind, token_was_for_other_data};
use crate::aws::owner::{Owner, adopt, names, owner};
use crate::bootstrap;
use crate::cloud::{Class, CloudError, Create, Delete, Known, Scope, Update};
use crate::desired::{
    Interface, InterfaceKind, Kind, LaunchTemplate, Reference, Resource, TAG_CLUSTER, Tags, is_metadata_key,
};
use crate::observed::{Observed, Seen, State};
use crate::spec::Market;

/// The version that a launch takes.
pub(super) const DEFAULT: &str = "$Default";

impl Aws {
    /// By tag and by name, since neither finds everything; then the version in force of each that is ours.
    pub(in crate::aws) async fn observe_templates(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let wanted = names(scope, &self.region, Kind::Template);
        let by_tag = self.templates(filter(&format!("tag:{TAG_CLUSTER}"), [&scope.cluster]));
        let by_name = async {
            if wanted.is_empty() {
                Ok(Vec::new())
            } else {
                self.templates(filter("launch-template-name", wanted)).await
            }
        };
        let (mut all, others) = tokio::try_join!(by_tag, by_name)?;
        for other in others {
            if all.iter().all(|each| each.launch_template_id != other.launch_template_id) {
                all.push(other);
            }
        }
        let mut observed = Observed::default();
        for each in all {
            let (id, name) =
                (each.launch_template_id.unwrap_or_default(), each.launch_template_name.unwrap_or_default());
            let tags = ec2_tags(each.tags.as_deref().unwrap_or_default());
            match owner(scope, Kind::Template, Some(&name), &id, &tags) {
                Owner::Other => {}
                Owner::Foreign(foreign) => observed.foreign.push(foreign),
                Owner::Ours(address) => {
                    // Gone between the two looks.
                    let Some(data) = self.default_version(&id).await? else { continue };
                    observed.resources.push(Seen {
                        address,
                        id,
                        arn: None,
                        state: State::Ready,
                        lifecycle: String::new(),
                        reason: None,
                        fields: fields(&Resource::Template(Box::new(observed_template(name, &data)))),
                        tags,
                        endpoint: None,
                        file_system: None,
                    });
                }
            }
        }
        Ok(observed)
    }

    async fn templates(&self, by: sdk::Filter) -> Result<Vec<sdk::LaunchTemplate>, CloudError> {
        let mut templates = Vec::new();
        let mut pages = self.ec2.describe_launch_templates().filters(by).into_paginator().send();
        while let Some(page) = pages.next().await {
            templates.extend(page.look("ec2:DescribeLaunchTemplates")?.launch_templates.unwrap_or_default());
        }
        Ok(templates)
    }

    async fn default_version(&self, id: &str) -> Result<Option<sdk::ResponseLaunchTemplateData>, CloudError> {
        let call = self.ec2.describe_launch_template_versions().launch_template_id(id).versions(DEFAULT);
        let answer = found(call.send().await.look("ec2:DescribeLaunchTemplateVersions"))?;
        let version = answer.and_then(|answer| answer.launch_template_versions).unwrap_or_default().into_iter().next();
        Ok(version.and_then(|version| version.launch_template_data))
    }

    pub(in crate::aws) async fn create_template(
        &self,
        create: &Create,
        wanted: &LaunchTemplate,
    ) -> Result<Seen, CloudError> {
        let operation = "ec2:CreateLaunchTemplate";
        let data = data(create, operation, wanted)?;
        let outcome = self
            .ec2
            .create_launch_template()
            .client_token(&create.token)
            .launch_template_name(&wanted.name)
            .launch_template_data(data.clone())
            .tag_specifications(ec2_specification(sdk::ResourceType::LaunchTemplate, &create.tags))
            .send()
            .await
            .create(operation);
        match outcome {
            Ok(answer) => {
                let id = answer.launch_template.and_then(|template| template.launch_template_id);
                let id = id.ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no id"))?;
                Ok(made(create, id, None))
            }
            // The token of a try with other data, such as before the spec was edited, is the same story.
            Err(error) if exists_already(&error) || token_was_for_other_data(&error) => {
                let there = self.templates(filter("launch-template-name", [&wanted.name])).await?.into_iter().next();
                // Refused as a duplicate and not found: made a moment ago.
                let there = there.ok_or(CloudError { class: Class::NotYet, ..error })?;
                adopt(create, operation, &wanted.name, &ec2_tags(there.tags()))?;
                let id = there.launch_template_id.unwrap_or_default();
                self.new_default(&id, data).await?;
                Ok(made(create, id, None))
            }
            Err(error) => Err(error),
        }
    }

    pub(in crate::aws) async fn update_template(
        &self,
        update: &Update,
        wanted: &LaunchTemplate,
    ) -> Result<(), CloudError> {
        let operation = "ec2:CreateLaunchTemplateVersion";
        if update.fields.contains("name") {
            return Err(crate::aws::cannot_change(operation, update, "name"));
        }
        // A version is whole: whichever field differs, all of them are in it.
        if !update.fields.is_empty() {
            let create = Create {
                address: update.address.clone(),
                resource: update.resource.clone(),
                tags: Tags::new(),
                token: update.token.clone(),
                count: 1,
                least: 1,
                known: update.known.clone(),
            };
            self.new_default(&update.id, data(&create, operation, wanted)?).await?;
        }
        self.update_ec2_tags(std::slice::from_ref(&update.id), update).await
    }

    /// No token of ours: one more version costs nothing, and a token that was there for other data would be refused when
    /// a change is taken back.
    async fn new_default(&self, id: &str, data: sdk::RequestLaunchTemplateData) -> Result<(), CloudError> {
        let operation = "ec2:CreateLaunchTemplateVersion";
        let call = self.ec2.create_launch_template_version().launch_template_id(id).launch_template_data(data);
        let answer = call.send().await.create(operation)?;
        let number = answer.launch_template_version.and_then(|version| version.version_number);
        let number = number.ok_or_else(|| CloudError::new(operation, Class::Unknown, "the answer holds no version"))?;
        let call = self.ec2.modify_launch_template().launch_template_id(id).default_version(number.to_string());
        call.send().await.create("ec2:ModifyLaunchTemplate").map_err(left_behind).map(|_| ())
    }

    pub(in crate::aws) async fn delete_template(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.ec2.delete_launch_template().launch_template_id(id);
            gone_is_success(call.send().await.change("ec2:DeleteLaunchTemplate").map(|_| ()))?;
        }
        Ok(())
    }
}

fn data(
    create: &Create,
    operation: &str,
    wanted: &LaunchTemplate,
) -> Result<sdk::RequestLaunchTemplateData, CloudError> {
    let LaunchTemplate {
        name: _,
        image,
        root_device,
        root_volume_gib,
        instance,
        interfaces,
        market,
        placement,
        subnet,
        security_group,
        instance_profile,
        boot,
        node_tags,
    } = wanted;
    let group = resolve(create, operation, security_group)?;
    let root = sdk::LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_type(sdk::VolumeType::Gp3)
        .volume_size(to_i32(*root_volume_gib))
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    let (options, reservation) = market_options(market);
    Ok(sdk::RequestLaunchTemplateData::builder()
        .image_id(image)
        .instance_type(sdk::InstanceType::from(instance.as_str()))
        .block_device_mappings(
            sdk::LaunchTemplateBlockDeviceMappingRequest::builder().device_name(root_device).ebs(root).build(),
        )
        .set_network_interfaces(Some(interfaces.iter().map(|each| network_interface(*each, subnet, &group)).collect()))
        .iam_instance_profile(profile(resolve(create, operation, instance_profile)?))
        .set_placement(
            placement.as_ref().map(|name| sdk::LaunchTemplatePlacementRequest::builder().group_name(name).build()),
        )
        .metadata_options(metadata_options(node_tags))
        .set_instance_market_options(options)
        .set_capacity_reservation_specification(reservation)
        // A node that shuts itself down (its time to live is over) is to stop billing. A one-time spot instance is
        // terminated by that anyway, and spot requests do not take the setting everywhere.
        .set_instance_initiated_shutdown_behavior((*market != Market::Spot).then_some(sdk::ShutdownBehavior::Terminate))
        .user_data(user_data(&create.known, operation, boot).map_err(|error| error.about(&create.address))?)
        .build())
}

fn user_data(known: &Known, operation: &str, boot: &bootstrap::Inputs) -> Result<String, CloudError> {
    let endpoint = known.endpoint.as_ref().ok_or_else(|| {
        CloudError::new(
            operation,
            Class::Invalid,
            "the file system's DNS and mount name are needed for the boot script and not known",
        )
    })?;
    let script = bootstrap::user_data(boot, endpoint)
        .map_err(|error| CloudError::new(operation, Class::Invalid, error.to_string()))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(script))
}

fn profile(name: String) -> sdk::LaunchTemplateIamInstanceProfileSpecificationRequest {
    let builder = sdk::LaunchTemplateIamInstanceProfileSpecificationRequest::builder();
    // A user may give either.
    if name.starts_with("arn:") { builder.arn(name).build() } else { builder.name(name).build() }
}

/// No public address: it cannot be asked for with more than one interface, and the subnet's own setting decides for one.
fn network_interface(
    interface: Interface,
    subnet: &str,
    group: &str,
) -> sdk::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
    let kind = match interface.kind {
        InterfaceKind::Ena => None,
        InterfaceKind::Efa => Some("efa"),
        InterfaceKind::EfaOnly => Some("efa-only"),
    };
    sdk::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .network_card_index(to_i32(interface.card))
        .device_index(to_i32(interface.device))
        .set_interface_type(kind.map(str::to_owned))
        .subnet_id(subnet)
        .groups(group)
        .delete_on_termination(true)
        .build()
}

/// Version 2 only, from the instance itself and not from a container in it, and its tags readable without an API call where
/// EC2 takes their keys there.
fn metadata_options(node_tags: &Tags) -> sdk::LaunchTemplateInstanceMetadataOptionsRequest {
    let tags = if node_tags.keys().all(|key| is_metadata_key(key)) {
        sdk::LaunchTemplateInstanceMetadataTagsState::Enabled
    } else {
        sdk::LaunchTemplateInstanceMetadataTagsState::Disabled
    };
    sdk::LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(sdk::LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(sdk::LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .instance_metadata_tags(tags)
        .build()
}

fn market_options(
    market: &Market,
) -> (
    Option<sdk::LaunchTemplateInstanceMarketOptionsRequest>,
    Option<sdk::LaunchTemplateCapacityReservationSpecificationRequest>,
) {
    let into = |id: &String| {
        let target = sdk::CapacityReservationTarget::builder().capacity_reservation_id(id).build();
        Some(
            sdk::LaunchTemplateCapacityReservationSpecificationRequest::builder()
                .capacity_reservation_target(target)
                .build(),
        )
    };
    let options = sdk::LaunchTemplateInstanceMarketOptionsRequest::builder();
    match market {
        Market::OnDemand => (None, None),
        Market::Spot => {
            let once = sdk::LaunchTemplateSpotMarketOptionsRequest::builder()
                .spot_instance_type(sdk::SpotInstanceType::OneTime)
                .instance_interruption_behavior(sdk::InstanceInterruptionBehavior::Terminate)
                .build();
            (Some(options.market_type(sdk::MarketType::Spot).spot_options(once).build()), None)
        }
        // A block needs both.
        Market::CapacityBlock(id) => (Some(options.market_type(sdk::MarketType::CapacityBlock).build()), into(id)),
        Market::Reservation(id) => (None, into(id)),
    }
}

/// What a version says, in our types. What is not among the fields is left empty.
fn observed_template(name: String, data: &sdk::ResponseLaunchTemplateData) -> LaunchTemplate {
    let root = data.block_device_mappings().iter().find(|mapping| mapping.ebs().is_some());
    let interfaces = data.network_interfaces().iter().map(|each| Interface {
        card: to_u32(each.network_card_index()).unwrap_or(0),
        device: to_u32(each.device_index()).unwrap_or(0),
        kind: match each.interface_type() {
            Some("efa") => InterfaceKind::Efa,
            Some("efa-only") => InterfaceKind::EfaOnly,
            _ => InterfaceKind::Ena,
        },
    });
    let reservation = data
        .capacity_reservation_specification()
        .and_then(|each| each.capacity_reservation_target())
        .and_then(|target| target.capacity_reservation_id())
        .map(str::to_owned);
    let market = match (data.instance_market_options().and_then(|options| options.market_type()), reservation) {
        (Some(sdk::MarketType::Spot), _) => Market::Spot,
        (Some(sdk::MarketType::CapacityBlock), id) => Market::CapacityBlock(id.unwrap_or_default()),
        (_, Some(id)) => Market::Reservation(id),
        (_, None) => Market::OnDemand,
    };
    LaunchTemplate {
        name,
        image: data.image_id().unwrap_or_default().to_owned(),
        root_device: root.and_then(|mapping| mapping.device_name()).unwrap_or_default().to_owned(),
        root_volume_gib: to_u32(
            root.and_then(sdk::LaunchTemplateBlockDeviceMapping::ebs)
                .and_then(sdk::LaunchTemplateEbsBlockDevice::volume_size),
        )
        .unwrap_or(0),
        instance: data.instance_type().map_or("", sdk::InstanceType::as_str).to_owned(),
        interfaces: interfaces.collect(),
        market,
        placement: data.placement().and_then(|placement| placement.group_name()).map(str::to_owned),
        subnet: data.network_interfaces().first().and_then(|each| each.subnet_id()).unwrap_or_default().to_owned(),
        security_group: Reference::Existing(String::new()),
        instance_profile: Reference::Existing(String::new()),
        // A boot script cannot be read back as what it came from.
        boot: bootstrap::Inputs::default(),
        node_tags: Tags::new(),
    }
}
