//! What is looked at before a plan: subnets, offerings, images, buckets, what the user has given by id.
//!
//! Everything is asked for by filter and not by id, since by id one that is missing spoils the answer for the others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice, Image, IpPermission, LocationType, SecurityGroup};

use super::filter;
use super::security_group::rules_of;
use crate::aws::Aws;
use crate::aws::convert::to_u32;
use crate::aws::error::Explain as _;
use crate::catalog::efs::NFS_PORT;
use crate::catalog::fsx::LUSTRE_PORTS;
use crate::cloud::{CloudError, GroupFacts, ImageFacts, Questions, Subnet, Survey};
use crate::desired::Rule;

impl Aws {
    pub(in crate::aws) async fn answer(&self, questions: &Questions) -> Result<Survey, CloudError> {
        let (settled, helps) = tokio::join!(self.what_settles(questions), self.what_helps(questions));
        let Survey { subnets, offerings, images, buckets, security_group, instance_profile, .. } = settled?;
        Ok(Survey { subnets, offerings, images, buckets, security_group, instance_profile, ..helps })
    }

    /// Without these answers there is no plan.
    async fn what_settles(&self, questions: &Questions) -> Result<Survey, CloudError> {
        let profile = async {
            match &questions.instance_profile {
                Some(name) => self.profile_exists(name).await,
                None => Ok(false),
            }
        };
        let (subnets, offerings, images, buckets, security_group, instance_profile) = tokio::try_join!(
            self.subnets(questions.subnets.as_deref()),
            self.offerings(&questions.instance_types),
            self.images(&questions.image_parameters, &questions.images),
            self.buckets(&questions.buckets),
            self.group_facts(questions.security_group.as_deref()),
            profile,
        )?;
        Ok(Survey { subnets, offerings, images, buckets, security_group, instance_profile, ..Survey::default() })
    }

    async fn subnets(&self, wanted: Option<&[String]>) -> Result<Vec<Subnet>, CloudError> {
        let by = match wanted {
            None => return Ok(Vec::new()),
            Some([]) => filter("default-for-az", ["true"]),
            Some(ids) => filter("subnet-id", ids.iter().cloned()),
        };
        let mut subnets = Vec::new();
        let mut pages = self.ec2.describe_subnets().filters(by).into_paginator().send();
        while let Some(page) = pages.next().await {
            subnets.extend(page.look("ec2:DescribeSubnets")?.subnets.unwrap_or_default().into_iter().filter_map(
                |each| {
                    Some(Subnet {
                        id: each.subnet_id?,
                        vpc: each.vpc_id.unwrap_or_default(),
                        zone: each.availability_zone.unwrap_or_default(),
                        zone_id: each.availability_zone_id.unwrap_or_default(),
                        free_addresses: to_u32(each.available_ip_address_count).unwrap_or(0),
                    })
                },
            ));
        }
        subnets.sort_by(|a, b| (&a.zone, &a.id).cmp(&(&b.zone, &b.id)));
        Ok(subnets)
    }

    async fn offerings(&self, types: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>, CloudError> {
        let mut offerings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        if types.is_empty() {
            return Ok(offerings);
        }
        let call = self.ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let mut pages = call.filters(filter("instance-type", types.iter().cloned())).into_paginator().send();
        while let Some(page) = pages.next().await {
            for each in page.look("ec2:DescribeInstanceTypeOfferings")?.instance_type_offerings.unwrap_or_default() {
                if let (Some(kind), Some(zone)) = (each.instance_type, each.location) {
                    offerings.entry(kind.as_str().to_owned()).or_default().insert(zone);
                }
            }
        }
        Ok(offerings)
    }

    async fn images(
        &self,
        parameters: &BTreeSet<String>,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, ImageFacts>, CloudError> {
        let names: Vec<String> = parameters.iter().cloned().collect();
        // As asked → image id.
        let mut asked = self.parameter_values(&names).await?;
        asked.extend(ids.iter().map(|id| (id.clone(), id.clone())));
        asked.retain(|_, id| id.starts_with("ami-"));
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let distinct: BTreeSet<String> = asked.values().cloned().collect();
        let mut images = BTreeMap::new();
        let mut pages = self.ec2.describe_images().filters(filter("image-id", distinct)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.look("ec2:DescribeImages")?.images.unwrap_or_default();
            images.extend(page.iter().filter_map(facts).map(|facts| (facts.id.clone(), facts)));
        }
        Ok(asked.into_iter().filter_map(|(name, id)| Some((name, images.get(&id)?.clone()))).collect())
    }

    async fn group_facts(&self, id: Option<&str>) -> Result<Option<GroupFacts>, CloudError> {
        let Some(id) = id else { return Ok(None) };
        let group = self.group_by(&[("group-id", id)]).await?;
        Ok(group.map(|group| {
            let rules = rules_of(&group);
            let all_in = rules.contains(&Rule::AllIn);
            GroupFacts {
                vpc: group.vpc_id().unwrap_or_default().to_owned(),
                nfs_in: all_in || lets_in(&group, (NFS_PORT, NFS_PORT)),
                lustre_in: all_in || LUSTRE_PORTS.iter().all(|ports| lets_in(&group, *ports)),
                all_in,
                // By group id: for EFA a rule to everywhere does not count.
                all_out: rules.contains(&Rule::AllOut),
            }
        }))
    }
}

fn facts(image: &Image) -> Option<ImageFacts> {
    let root = image.root_device_name().unwrap_or_default();
    let mapping = image.block_device_mappings().iter().find(|mapping| mapping.device_name() == Some(root));
    Some(ImageFacts {
        id: image.image_id()?.to_owned(),
        name: image.name().unwrap_or_default().to_owned(),
        architecture: image.architecture().map_or("", |architecture| architecture.as_str()).to_owned(),
        root_device: root.to_owned(),
        root_gib: to_u32(mapping.and_then(BlockDeviceMapping::ebs).and_then(EbsBlockDevice::volume_size)).unwrap_or(0),
    })
}

/// One rule covers the ports, from the group itself or from addresses that its members may well have.
fn lets_in(group: &SecurityGroup, (from, to): (u16, u16)) -> bool {
    group.ip_permissions().iter().any(|permission| {
        let ports = match permission.ip_protocol() {
            Some("-1") => true,
            Some("tcp") => {
                permission.from_port().is_some_and(|first| first <= i32::from(from))
                    && permission.to_port().is_some_and(|last| last >= i32::from(to))
            }
            _ => false,
        };
        ports && (from_itself(group, permission) || from_private_addresses(permission))
    })
}

fn from_itself(group: &SecurityGroup, permission: &IpPermission) -> bool {
    permission.user_id_group_pairs().iter().any(|pair| pair.group_id() == group.group_id())
}

/// Which addresses a VPC has is not looked at: a range of private ones is taken for its own. FSx checks again, before
/// anything costs.
pub(super) fn from_private_addresses(permission: &IpPermission) -> bool {
    permission.ip_ranges().iter().filter_map(|range| range.cidr_ip()).any(|cidr| {
        let address = cidr.split('/').next().and_then(|address| address.parse::<Ipv4Addr>().ok());
        address.is_some_and(|address| address.is_private() || address.is_unspecified() || address.octets()[0] == 100)
    })
}
