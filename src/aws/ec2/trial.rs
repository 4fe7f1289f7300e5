//! Creations that EC2 checks and does not carry out (`DryRun`).

use aws_sdk_ec2::types::{PlacementStrategy, RequestLaunchTemplateData, ResourceType};

use crate::aws::Aws;
use crate::aws::convert::ec2_specification;
use crate::aws::error::Explain as _;
use crate::cloud::{CloudError, Create};
use crate::desired::Resource;

impl Aws {
    /// None: nobody can try that.
    pub(in crate::aws) async fn try_to_create(&self, create: &Create) -> Option<Result<(), CloudError>> {
        let tagged = |kind| ec2_specification(kind, &create.tags);
        Some(match &create.resource {
            Resource::SecurityGroup(group) => {
                let call = self.ec2.create_security_group().dry_run(true).group_name(&group.name).vpc_id(&group.vpc);
                let call = call.description(&group.description).tag_specifications(tagged(ResourceType::SecurityGroup));
                call.send().await.look("ec2:CreateSecurityGroup").map(|_| ())
            }
            Resource::Placement(group) => {
                let call = self.ec2.create_placement_group().dry_run(true).group_name(&group.name);
                let call = call.strategy(PlacementStrategy::Cluster);
                let call = call.tag_specifications(tagged(ResourceType::PlacementGroup));
                call.send().await.look("ec2:CreatePlacementGroup").map(|_| ())
            }
            Resource::Template(template) => {
                // What is in it counts for nothing yet: neither group nor profile need be there.
                let data = RequestLaunchTemplateData::builder().image_id(&template.image).build();
                let call = self.ec2.create_launch_template().dry_run(true).launch_template_name(&template.name);
                let call = call.launch_template_data(data).tag_specifications(tagged(ResourceType::LaunchTemplate));
                call.send().await.look("ec2:CreateLaunchTemplate").map(|_| ())
            }
            Resource::Role(_)
            | Resource::InstanceProfile(_)
            | Resource::Reservation(_)
            | Resource::Fsx(_)
            | Resource::Efs(_)
            | Resource::MountTarget(_)
            | Resource::FileCache(_)
            | Resource::Link(_)
            | Resource::Nodes(_) => return None,
        })
    }
}
