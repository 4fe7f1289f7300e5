//! What keeps a resource from being deleted, in words; and which clusters there are.

use std::collections::BTreeSet;

use super::filter;
use crate::aws::Aws;
use crate::aws::convert::{ec2_tags, fsx_tags};
use crate::aws::error::Explain as _;
use crate::cloud::CloudError;
use crate::desired::TAG_CLUSTER;

/// Below it are the records of all clusters: `/provision/<cluster>/…`.
const RECORDS: &str = "/provision";
/// States in which an instance is there, or may come back.
const ALIVE: [&str; 4] = ["pending", "running", "stopping", "stopped"];

impl Aws {
    /// Network interfaces in a group, and other groups whose rules name it.
    pub(in crate::aws) async fn users_of_group(&self, id: &str) -> Result<Vec<String>, CloudError> {
        let (mut users, into, out_of) = tokio::try_join!(
            self.interfaces_in(id),
            self.groups_naming(id, "ip-permission.group-id"),
            self.groups_naming(id, "egress.ip-permission.group-id"),
        )?;
        users.extend(into.union(&out_of).cloned());
        Ok(users)
    }

    async fn interfaces_in(&self, group: &str) -> Result<Vec<String>, CloudError> {
        let mut users = Vec::new();
        let mut pages =
            self.ec2.describe_network_interfaces().filters(filter("group-id", [group])).into_paginator().send();
        while let Some(page) = pages.next().await {
            for each in page.look("ec2:DescribeNetworkInterfaces")?.network_interfaces.unwrap_or_default() {
                let holder = each.attachment().and_then(|attachment| attachment.instance_id()).or(each.requester_id());
                let parts = [each.description().filter(|text| !text.is_empty()), holder];
                let about = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
                let id = each.network_interface_id().unwrap_or_default();
                users.push(if about.is_empty() {
                    format!("network interface {id}")
                } else {
                    format!("network interface {id} ({about})")
                });
            }
        }
        Ok(users)
    }

    /// Other than itself: its own rules do not keep a group.
    async fn groups_naming(&self, group: &str, by: &str) -> Result<BTreeSet<String>, CloudError> {
        let mut users = BTreeSet::new();
        let mut pages = self.ec2.describe_security_groups().filters(filter(by, [group])).into_paginator().send();
        while let Some(page) = pages.next().await {
            for each in page.look("ec2:DescribeSecurityGroups")?.security_groups.unwrap_or_default() {
                let id = each.group_id().unwrap_or_default();
                if id != group {
                    users.insert(format!("a rule of security group {id} ({})", each.group_name().unwrap_or_default()));
                }
            }
        }
        Ok(users)
    }

    pub(in crate::aws) async fn users_of_placement(&self, name: &str) -> Result<Vec<String>, CloudError> {
        let mut alive = Vec::new();
        self.each_instance(vec![filter("placement-group-name", [name])], |instance| {
            let state = instance.state().and_then(|state| state.name()).map_or("unknown", |name| name.as_str());
            // Until it is terminated, one that shuts down still has its place.
            if state != "terminated" {
                alive.push(format!("instance {} ({state})", instance.instance_id().unwrap_or_default()));
            }
        })
        .await?;
        Ok(alive)
    }

    /// By records, by the tags of file systems and links, by the tags of everything in EC2.
    pub(in crate::aws) async fn all_clusters(&self) -> Result<BTreeSet<String>, CloudError> {
        let mut clusters = BTreeSet::new();
        let alive = vec![filter("tag-key", [TAG_CLUSTER]), filter("instance-state-name", ALIVE)];
        let (records, file_systems, on_efs, links, tags, ()) = tokio::try_join!(
            self.parameters_below(RECORDS),
            self.file_systems(None),
            self.clusters_on_efs(),
            // Of a cluster on a file system that is not ours, they may be all that is left.
            self.links(None),
            self.tagged(),
            self.each_instance(alive, |each| clusters.extend(ec2_tags(each.tags()).remove(TAG_CLUSTER))),
        )?;
        clusters.extend(tags);
        clusters.extend(on_efs);
        clusters.extend(
            records.keys().filter_map(|name| name.strip_prefix("/provision/")?.split('/').next().map(str::to_owned)),
        );
        clusters.extend(file_systems.iter().filter_map(|each| fsx_tags(each.tags()).remove(TAG_CLUSTER)));
        clusters.extend(links.iter().filter_map(|each| fsx_tags(each.tags()).remove(TAG_CLUSTER)));
        Ok(clusters)
    }

    /// Of the kinds that outlive nothing: instances, their volumes and interfaces keep their tags after they have ended.
    async fn tagged(&self) -> Result<BTreeSet<String>, CloudError> {
        let kinds = ["security-group", "launch-template", "placement-group"];
        let filters = vec![filter("key", [TAG_CLUSTER]), filter("resource-type", kinds)];
        let mut clusters = BTreeSet::new();
        let mut pages = self.ec2.describe_tags().set_filters(Some(filters)).into_paginator().send();
        while let Some(page) = pages.next().await {
            let tags = page.look("ec2:DescribeTags")?.tags.unwrap_or_default();
            clusters.extend(tags.into_iter().filter_map(|tag| tag.value));
        }
        Ok(clusters)
    }
}
