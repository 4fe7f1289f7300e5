//! From what a spec means to statements. Each names the actions that go together: on the same things, under the same condition.
//!
//! The facts behind the conditions are in `catalog::actions`; why AWS wants what no call of ours is, in `docs/permissions.md`.

mod storage;

use std::collections::BTreeSet;

use super::policy::{Condition, OneOrMore, Policy, Statement};
use crate::desired::{Address, Desired, IAM_PATH, Kind, Resource, TAG_CLUSTER, policy::ec2_service};
use crate::record;
use crate::spec::{Capacity, Dataset, Flow, Image, Market, Nodes, Service, Spec};

/// What the holder of the policy is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `plan`, `status`, `list`: look.
    Plan,
    /// `up` and `down`, and all that looks.
    Apply,
}

/// Where the cluster is; the region stands in the desired resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    pub partition: &'a str,
    /// `*`: any.
    pub account: &'a str,
}

/// FSx's own roles, and that of spot instances (IAM User Guide, "Using service-linked roles"; FSx for Lustre User Guide,
/// "Using service-linked roles for Amazon FSx"; EC2 User Guide, "Service-linked role for Spot Instance requests").
const FSX: &str = "fsx.amazonaws.com";
const FSX_TO_S3: &str = "s3.data-source.lustre.fsx.amazonaws.com";
const SPOT: &str = "spot.amazonaws.com";
/// EFS, as it calls EC2 in the name of its caller, and as the owner of its role (EFS User Guide, "Using service-linked roles").
const EFS: &str = "elasticfilesystem.amazonaws.com";

/// What `logs`, `ssh` and `run` need and `up` does not; `down` goes without the count of files outside the links.
pub const FOR_NODES: [&str; 4] = ["EndOwnSessions", "FollowCommands", "RunShellScript", "SpeakWithNodes"];

/// What `up` needs to find out whether there is room for the nodes; where nobody insists on that, it goes without.
pub const FOR_CAPACITY: [&str; 2] = ["AskForCapacity", "GiveCapacityBack"];

/// The policy that this spec needs.
pub fn policy(spec: &Spec, desired: &Desired, target: &Target<'_>, purpose: Purpose) -> Policy {
    let mut builder = Builder { spec, desired, target, statements: Vec::new() };
    builder.look(purpose);
    match purpose {
        Purpose::Plan => {
            builder.look_at_role();
            builder.see_buckets();
        }
        Purpose::Apply => {
            builder.records();
            match &spec.storage.existing {
                None => match spec.storage.service {
                    Service::FsxLustre => builder.storage(),
                    Service::Efs(_) => builder.efs(),
                    Service::FileCache => builder.file_cache(),
                },
                Some(id) => builder.links_on_existing(id),
            }
            if spec.storage.service == Service::FsxLustre {
                builder.links();
            }
            match spec.storage.service {
                Service::FsxLustre | Service::FileCache => builder.fsx_for_the_caller(),
                Service::Efs(_) => builder.efs_for_the_caller(),
            }
            builder.network_and_templates();
            builder.launch();
            builder.capacity();
            builder.change_in_ec2();
            builder.speak_with_nodes();
            if builder.has(Kind::Role) {
                builder.role();
            } else {
                builder.look_at_role();
            }
            builder.pass_role();
            builder.simulate();
        }
    }
    Policy::new(builder.statements)
}

struct Builder<'a> {
    spec: &'a Spec,
    desired: &'a Desired,
    target: &'a Target<'a>,
    statements: Vec<Statement>,
}

impl Builder<'_> {
    fn allow(&mut self, sid: &str, action: &[&'static str], resource: Vec<String>, conditions: &[Condition]) {
        let mut condition = Condition::new();
        for (operator, keys) in conditions.iter().flatten() {
            condition.entry(operator).or_default().extend(keys.clone());
        }
        let mut action = action.to_vec();
        action.sort_unstable();
        self.statements.push(Statement {
            sid: sid.to_owned(),
            effect: "Allow",
            action: OneOrMore(action),
            resource: OneOrMore(resource),
            condition,
        });
    }

    fn look(&mut self, purpose: Purpose) {
        let mut actions = vec![
            // Those of the spec; and by the cluster's name what a run that died has left.
            "ec2:DescribeCapacityReservations",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstances",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeLaunchTemplates",
            // Against the quota; and for who applies: what still uses a group that cannot be deleted.
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribePlacementGroups",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeTags",
            // `list` looks for clusters on storage of every kind.
            "elasticfilesystem:DescribeFileSystems",
            "fsx:DescribeDataRepositoryAssociations",
            "fsx:DescribeDataRepositoryTasks",
            "fsx:DescribeFileSystems",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:GetServiceQuota",
            "servicequotas:ListServiceQuotas",
        ];
        if self.has(Kind::FileCache) {
            // A look at caches does not tell their tags.
            actions.extend(["fsx:DescribeFileCaches", "fsx:ListTagsForResource"]);
        }
        if self.spec.storage.existing.is_none() && self.spec.network.subnets.len() != 1 && self.has_spot() {
            // Which of several zones is likely to have room.
            actions.push("ec2:GetSpotPlacementScores");
        }
        if purpose == Purpose::Apply && (self.has(Kind::Fsx) || self.has(Kind::FileCache)) {
            // FSx, in the name of whoever makes a file system.
            actions.push("ec2:DescribeVpcs");
        }
        if purpose == Purpose::Apply && self.spec.datasets.iter().any(|dataset| !dataset.export.is_empty()) {
            // `down`: how far automatic export is behind. It takes no resource.
            actions.push("cloudwatch:GetMetricData");
        }
        let here = equals("aws:RequestedRegion", &[&self.desired.id.region]);
        self.allow("Look", &actions, vec!["*".to_owned()], &[here]);
        if self.has(Kind::Efs) {
            let file_systems = vec![self.regional("elasticfilesystem", "file-system/*")];
            self.allow("LookAtMountTargets", &["elasticfilesystem:DescribeMountTargets"], file_systems, &[]);
        }
        if let Some((key, conditions)) = self.key() {
            self.allow("LookAtKey", &["kms:DescribeKey"], vec![key], &conditions);
        }

        // A look at a path is checked against the path itself. `list` looks at all of them.
        let path = record::path(&self.desired.id.cluster);
        let records = vec![self.parameter(record::ROOT), self.parameter(&path)];
        self.allow("ReadRecords", &["ssm:GetParametersByPath"], records, &[]);

        let names: BTreeSet<&String> = self
            .spec
            .nodes
            .iter()
            .filter_map(|group| match &group.image {
                Image::Parameter(name) => Some(name),
                Image::Id(_) => None,
            })
            .collect();
        if !names.is_empty() {
            let names = names.into_iter().map(|name| self.parameter(name)).collect();
            self.allow("ReadImageNames", &["ssm:GetParameters"], names, &[]);
        }
    }

    /// Of the names that ours have, also where the spec names a profile of its own: one of an earlier spec may be left.
    fn look_at_role(&mut self) {
        let mut actions = vec!["iam:GetInstanceProfile", "iam:GetRole"];
        if self.has(Kind::Role) {
            actions.extend(["iam:GetRolePolicy", "iam:ListAttachedRolePolicies"]);
        }
        let mut resources = self.role_and_profile();
        if let Some(name) = &self.spec.cluster.instance_profile {
            resources.extend(self.under_any_path("instance-profile", name));
        }
        self.allow("LookAtRole", &actions, resources, &[]);
    }

    /// `HeadBucket` goes by this name.
    fn see_buckets(&mut self) {
        if !self.spec.datasets.is_empty() {
            let buckets = self.buckets(&[""]);
            self.allow("SeeBuckets", &["s3:ListBucket"], buckets, &[]);
            let deleting = |dataset: &&Dataset| dataset.export.contains(&Flow::Deleted);
            let buckets: BTreeSet<&String> =
                self.spec.datasets.iter().filter(deleting).map(|dataset| &dataset.bucket).collect();
            let partition = self.target.partition;
            let buckets: Vec<String> = buckets.into_iter().map(|name| format!("arn:{partition}:s3:::{name}")).collect();
            if !buckets.is_empty() {
                self.allow("SeeVersioning", &["s3:GetBucketVersioning"], buckets, &[]);
            }
        }
    }

    fn records(&mut self) {
        let below = self.parameter(&format!("{}/*", record::path(&self.desired.id.cluster)));
        let actions = ["ssm:DeleteParameters", "ssm:GetParameter", "ssm:PutParameter"];
        self.allow("WriteRecords", &actions, vec![below], &[]);
    }

    fn network_and_templates(&mut self) {
        let mut actions = vec!["ec2:CreateLaunchTemplate"];
        let mut resources = vec![self.ec2("launch-template/*")];
        if self.has(Kind::SecurityGroup) {
            actions.push("ec2:CreateSecurityGroup");
            resources.push(self.ec2("security-group/*"));
            self.allow("MakeGroupInVpc", &["ec2:CreateSecurityGroup"], vec![self.ec2("vpc/*")], &[]);
        }
        if self.has(Kind::Placement) {
            actions.push("ec2:CreatePlacementGroup");
            resources.push(self.placements());
        }
        self.allow("MakeInEc2", &actions, resources, &[self.tagged_in_request()]);
    }

    fn launch(&mut self) {
        let made = ["instance/*", "network-interface/*", "volume/*"].map(|each| self.ec2(each));
        self.allow("Launch", &["ec2:RunInstances"], made.to_vec(), &[self.tagged_in_request()]);

        let mut ours = vec![self.ec2("launch-template/*")];
        if self.has(Kind::SecurityGroup) {
            ours.push(self.ec2("security-group/*"));
        }
        if self.has(Kind::Placement) {
            ours.push(self.placements());
        }
        if self.asks_for_capacity() && self.spec.nodes.iter().any(|group| group.capacity == Capacity::Reserve) {
            ours.push(self.ec2("capacity-reservation/*"));
        }
        self.allow("LaunchWithOurs", &["ec2:RunInstances"], ours, &[self.tagged_already()]);

        let mut given = self.images();
        // Those of the image.
        given.push(self.ownerless("snapshot/*"));
        let subnets = &self.spec.network.subnets;
        if subnets.is_empty() {
            given.push(self.ec2("subnet/*"));
        }
        given.extend(subnets.iter().map(|id| self.ec2(&format!("subnet/{id}"))));
        given.extend(self.spec.network.security_group.iter().map(|id| self.ec2(&format!("security-group/{id}"))));
        given.extend(self.reservations().into_iter().map(|id| self.ec2(&format!("capacity-reservation/{id}"))));
        let spot = self.has_spot();
        if spot {
            given.push(self.ec2("spot-instances-request/*"));
        }
        self.allow("LaunchFrom", &["ec2:RunInstances"], given, &[]);
        if spot {
            self.create_service_role("SpotRole", SPOT);
        }
    }

    /// Reserved before the file system is made, and given back: at once, or once the nodes run.
    fn capacity(&mut self) {
        if !self.asks_for_capacity() {
            return;
        }
        let reservations = vec![self.ec2("capacity-reservation/*")];
        self.allow(
            "AskForCapacity",
            &["ec2:CreateCapacityReservation"],
            reservations.clone(),
            &[self.tagged_in_request()],
        );
        self.allow("GiveCapacityBack", &["ec2:CancelCapacityReservation"], reservations, &[self.tagged_already()]);
    }

    fn asks_for_capacity(&self) -> bool {
        self.spec.storage.existing.is_none() && self.spec.nodes.iter().any(Nodes::is_asked_for)
    }

    fn change_in_ec2(&mut self) {
        let mut makers = vec!["CreateLaunchTemplate", "RunInstances"];
        if self.asks_for_capacity() {
            makers.push("CreateCapacityReservation");
        }
        let mut actions = vec![
            "ec2:CreateLaunchTemplateVersion",
            "ec2:CreateTags",
            "ec2:DeleteLaunchTemplate",
            "ec2:DeleteTags",
            "ec2:ModifyLaunchTemplate",
            "ec2:TerminateInstances",
        ];
        let mut ours = vec![self.ec2("instance/*"), self.ec2("launch-template/*")];
        if self.has(Kind::SecurityGroup) {
            makers.push("CreateSecurityGroup");
            actions.extend([
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ]);
            ours.push(self.ec2("security-group/*"));
        }
        if self.has(Kind::Placement) {
            makers.push("CreatePlacementGroup");
            actions.push("ec2:DeletePlacementGroup");
            ours.push(self.placements());
        }
        // Of whatever type these calls make (EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation").
        let in_a_creation = equals("ec2:CreateAction", &makers);
        let any = vec![self.ec2("*/*")];
        self.allow("TagWhatIsMade", &["ec2:CreateTags"], any, &[in_a_creation, self.tagged_in_request()]);
        self.allow("ChangeInEc2", &actions, ours, &[self.tagged_already()]);
    }

    /// Consoles may hold what a setup script prints, so they are not for those who only look.
    fn speak_with_nodes(&mut self) {
        let nodes = vec![self.ec2("instance/*")];
        let actions = ["ec2:GetConsoleOutput", "ssm:SendCommand", "ssm:StartSession"];
        self.allow("SpeakWithNodes", &actions, nodes, &[self.tagged_already()]);
        // AWS's own, which belongs to no account.
        let region = &self.desired.id.region;
        let document = format!("arn:{}:ssm:{region}::document/AWS-RunShellScript", self.target.partition);
        self.allow("RunShellScript", &["ssm:SendCommand"], vec![document], &[]);
        let actions = [
            "ssm:CancelCommand",
            "ssm:DescribeInstanceInformation",
            "ssm:GetCommandInvocation",
            "ssm:ListCommandInvocations",
        ];
        let here = equals("aws:RequestedRegion", &[region]);
        self.allow("FollowCommands", &actions, vec!["*".to_owned()], &[here]);
        // Sessions are called after who began them (Systems Manager User Guide, "Sample IAM policies for Session Manager").
        let own = self.regional("ssm", "session/${aws:userid}-*");
        self.allow("EndOwnSessions", &["ssm:ResumeSession", "ssm:TerminateSession"], vec![own], &[]);
    }

    fn role(&mut self) {
        let actions = [
            "iam:AddRoleToInstanceProfile",
            "iam:CreateInstanceProfile",
            "iam:CreateRole",
            "iam:DeleteInstanceProfile",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetInstanceProfile",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:TagRole",
            "iam:UntagInstanceProfile",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
        ];
        let resources = self.role_and_profile();
        self.allow("Role", &actions, resources, &[]);
        let managed = self.desired.resources.values().find_map(|wanted| match &wanted.resource {
            Resource::Role(role) => Some(role.managed.clone()),
            _ => None,
        });
        let managed = managed.unwrap_or_default();
        let managed: Vec<&str> = managed.iter().map(String::as_str).collect();
        let only = condition("ArnEquals", "iam:PolicyARN", &managed);
        let role = self.iam("role", &self.role_name());
        self.allow("RoleAttachesOnly", &["iam:AttachRolePolicy"], vec![role], &[only]);
    }

    fn pass_role(&mut self) {
        let roles = match &self.spec.cluster.instance_profile {
            None => vec![self.iam("role", &self.role_name())],
            Some(name) => self.under_any_path("role", name),
        };
        let to_ec2 = equals("iam:PassedToService", &[ec2_service(self.target.partition)]);
        self.allow("PassRole", &["iam:PassRole"], roles, &[to_ec2]);
    }

    fn create_service_role(&mut self, sid: &str, service: &str) {
        let named = equals("iam:AWSServiceName", &[service]);
        self.allow(sid, &["iam:CreateServiceLinkedRole"], vec![self.service_roles(service)], &[named]);
    }

    fn reservations(&self) -> BTreeSet<&String> {
        self.spec
            .nodes
            .iter()
            .filter_map(|group| match &group.market {
                Market::CapacityBlock(id) | Market::Reservation(id) => Some(id),
                Market::OnDemand | Market::Spot => None,
            })
            .collect()
    }

    /// Asks IAM about the caller's own policies. Who that is, no policy can say.
    fn simulate(&mut self) {
        let callers = vec![self.global("iam", "role/*"), self.global("iam", "user/*")];
        self.allow("SimulateRights", &["iam:SimulatePrincipalPolicy"], callers, &[]);
    }

    fn service_roles(&self, service: &str) -> String {
        self.global("iam", &format!("role/aws-service-role/{service}/*"))
    }

    /// Also what a group has only as another of its types: which one it will be, no policy knows.
    fn has(&self, kind: Kind) -> bool {
        let is_desired = self.desired.resources.keys().any(|address| address.kind == kind);
        is_desired || (kind == Kind::Placement && self.spec.nodes.iter().any(Nodes::may_be_placed))
    }

    fn has_spot(&self) -> bool {
        self.spec.nodes.iter().any(|group| group.market == Market::Spot)
    }

    fn tagged_in_request(&self) -> Condition {
        equals(&format!("aws:RequestTag/{TAG_CLUSTER}"), &[&self.desired.id.cluster])
    }

    fn tagged_already(&self) -> Condition {
        equals(&format!("aws:ResourceTag/{TAG_CLUSTER}"), &[&self.desired.id.cluster])
    }

    fn role_name(&self) -> String {
        self.desired.id.name(&Address::one(Kind::Role)).unwrap_or_default()
    }

    /// IAM does not know the path of what does not exist (yet), and checks it as if it had none.
    fn role_and_profile(&self) -> Vec<String> {
        let name = self.role_name();
        let kinds = ["instance-profile", "role"];
        kinds.iter().flat_map(|kind| [self.iam(kind, &name), self.global("iam", &format!("{kind}/{name}"))]).collect()
    }

    /// Names in IAM are unique, whatever their path.
    fn under_any_path(&self, kind: &str, name: &str) -> Vec<String> {
        vec![self.global("iam", &format!("{kind}/{name}")), self.global("iam", &format!("{kind}/*/{name}"))]
    }

    /// All that the cluster has or had: a group that leaves the spec is removed by the next `up`.
    fn placements(&self) -> String {
        let name = self.desired.id.name(&Address::named(Kind::Placement, "*")).unwrap_or_default();
        self.ec2(&format!("placement-group/{name}"))
    }

    fn images(&self) -> Vec<String> {
        let ids: Option<BTreeSet<&String>> = self
            .spec
            .nodes
            .iter()
            .map(|group| match &group.image {
                Image::Id(id) => Some(id),
                // Another one tomorrow.
                Image::Parameter(_) => None,
            })
            .collect();
        match ids {
            Some(ids) => ids.into_iter().map(|id| self.ownerless(&format!("image/{id}"))).collect(),
            None => vec![self.ownerless("image/*")],
        }
    }

    fn buckets(&self, ends: &[&str]) -> Vec<String> {
        let names: BTreeSet<&String> = self.spec.datasets.iter().map(|dataset| &dataset.bucket).collect();
        let partition = self.target.partition;
        names
            .into_iter()
            .flat_map(|name| ends.iter().map(move |end| format!("arn:{partition}:s3:::{name}{end}")))
            .collect()
    }

    /// Public parameters belong to no account.
    fn parameter(&self, name: &str) -> String {
        let Target { partition, account } = self.target;
        let account = if name.starts_with("/aws/") { "" } else { account };
        format!("arn:{partition}:ssm:{}:{account}:parameter{name}", self.desired.id.region)
    }

    fn fsx(&self, resource: &str) -> String {
        self.regional("fsx", resource)
    }

    fn ec2(&self, resource: &str) -> String {
        self.regional("ec2", resource)
    }

    fn regional(&self, service: &str, resource: &str) -> String {
        let Target { partition, account } = self.target;
        format!("arn:{partition}:{service}:{}:{account}:{resource}", self.desired.id.region)
    }

    /// Images and their snapshots: of whichever account.
    fn ownerless(&self, resource: &str) -> String {
        format!("arn:{}:ec2:{}::{resource}", self.target.partition, self.desired.id.region)
    }

    fn iam(&self, kind: &str, name: &str) -> String {
        self.global("iam", &format!("{kind}{IAM_PATH}{name}"))
    }

    fn global(&self, service: &str, resource: &str) -> String {
        let Target { partition, account } = self.target;
        format!("arn:{partition}:{service}::{account}:{resource}")
    }
}

fn equals(key: &str, values: &[&str]) -> Condition {
    condition("StringEquals", key, values)
}

fn condition(operator: &'static str, key: &str, values: &[&str]) -> Condition {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Condition::from([(operator, [(key.to_owned(), OneOrMore(values))].into())])
}
