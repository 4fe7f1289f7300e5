//! The security groups around a file system that is not ours, and what they let in.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, NetworkInterface};

use super::filter;
use super::survey::from_private_addresses;
use crate::aws::Aws;
use crate::aws::error::Explain as _;
use crate::cloud::{CloudError, LetIn, Questions, ServerGroup, Unanswered};

impl Aws {
    /// The groups of the servers, and the group that the user gave beside them. It only helps.
    pub(in crate::aws) async fn groups_of_servers(
        &self,
        questions: &Questions,
    ) -> (BTreeMap<String, ServerGroup>, Vec<Unanswered>) {
        if questions.servers.is_empty() {
            return (BTreeMap::new(), Vec::new());
        }
        match self.server_groups(questions).await {
            Ok(groups) => (groups, Vec::new()),
            Err(why) => {
                let what = "security groups of the existing file system".to_owned();
                (BTreeMap::new(), vec![Unanswered { what, why }])
            }
        }
    }

    async fn server_groups(&self, questions: &Questions) -> Result<BTreeMap<String, ServerGroup>, CloudError> {
        let by_id = filter("network-interface-id", questions.servers.iter().cloned());
        let mut of_servers = BTreeSet::new();
        let mut pages = self.ec2.describe_network_interfaces().filters(by_id).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.look("ec2:DescribeNetworkInterfaces")?.network_interfaces.unwrap_or_default();
            of_servers
                .extend(page.iter().flat_map(NetworkInterface::groups).filter_map(|group| group.group_id.clone()));
        }
        if of_servers.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: BTreeSet<String> = of_servers.iter().chain(&questions.security_group).cloned().collect();
        let mut groups = BTreeMap::new();
        let mut pages = self.ec2.describe_security_groups().filters(filter("group-id", ids)).into_paginator().send();
        while let Some(page) = pages.next().await {
            for group in page.look("ec2:DescribeSecurityGroups")?.security_groups.unwrap_or_default() {
                let lets_in = group.ip_permissions().iter().filter_map(let_in).collect();
                let id = group.group_id.unwrap_or_default();
                groups.insert(id.clone(), ServerGroup { holds_servers: of_servers.contains(&id), lets_in });
            }
        }
        Ok(groups)
    }
}

/// None for other protocols than TCP.
fn let_in(permission: &IpPermission) -> Option<LetIn> {
    let all = permission.ip_protocol() == Some("-1");
    if !all && permission.ip_protocol() != Some("tcp") {
        return None;
    }
    let port = |port: Option<i32>, else_: u16| port.and_then(|port| u16::try_from(port).ok()).unwrap_or(else_);
    Some(LetIn {
        all,
        from: port(permission.from_port(), 0),
        to: port(permission.to_port(), u16::MAX),
        groups: permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id.clone()).collect(),
        private_addresses: from_private_addresses(permission),
    })
}
