//! What the user has given by name or id: buckets, a key, a security group, an instance profile.

use std::collections::BTreeSet;

use super::findings::{Subject, error, noted};
use crate::catalog::instances;
use crate::cloud::{Bucket, Key, Survey};
use crate::desired::{Address, Kind, Place, link, storage_kind};
use crate::diagnostic::Severity;
use crate::observed::Observed;
use crate::plan::{self, Finding, Plan};
use crate::spec::{Dataset, Flow, NodeEfa, Nodes, Service, Spec};

/// Buckets: a problem of one that several datasets have is one problem.
pub(super) fn buckets(spec: &Spec, survey: &Survey, region: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for dataset in &spec.datasets {
        let finding = survey.buckets.get(&dataset.bucket).and_then(|bucket| bucket_finding(dataset, bucket, region));
        findings.extend(finding.filter(|_| told.insert(&dataset.bucket)));
    }
    let mut told = BTreeSet::new();
    for dataset in spec.datasets.iter().filter(|dataset| dataset.export.contains(&Flow::Deleted)) {
        if survey.versioned.get(&dataset.bucket) == Some(&false) && told.insert(&dataset.bucket) {
            findings.push(unversioned(dataset));
        }
    }
    findings
}

/// A file that is deleted on a node is deleted in S3 (FSx for Lustre User Guide, "Automatically export updates to your S3
/// bucket"), and without versioning S3 keeps nothing of it (S3 User Guide, "Deleting Amazon S3 objects").
fn unversioned(dataset: &Dataset) -> Finding {
    let name = &dataset.bucket;
    let mut finding = error("dataset::versioning", "deletions reach a bucket that keeps nothing of what is deleted")
        .about(&link(dataset).0)
        .why(format!("`{name}` has no versioning, and what is deleted below {} is deleted there for good", dataset.path))
        .how(format!(
            "turn versioning on: `aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled`; \
             or leave \"deleted\" out of `export`"
        ));
    finding.severity = Severity::Warning;
    finding
}

/// A file system is encrypted with a key of its own region that is symmetric (FSx for Lustre User Guide, "Encrypting data at
/// rest"); a key that is off makes its creation fail after minutes.
pub(super) fn key(spec: &Spec, survey: &Survey, observed: &Observed, here: &str) -> Option<Finding> {
    let key = spec.storage.kms_key.as_ref().filter(|_| observed.file_system().is_none())?;
    let storage = Address::one(storage_kind(spec.storage.service));
    let bad = |title: &str, why: String| error("storage::kms-key", title).about(&storage).why(why);
    // arn:aws:kms:eu-west-1:123456789012:key/…
    let region = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
    if let Some(region) = region.filter(|region| *region != here) {
        let why = format!("`{key}` is in {region}, the cluster in {here}");
        return Some(bad("the key is in another region", why).how("name a key of the cluster's region"));
    }
    match survey.kms_key.as_ref()? {
        Key::Missing => Some(
            bad("there is no such key in this region", format!("`{key}` was not found"))
                .how("check it: `aws kms list-aliases`; a key of another account is named by its ARN"),
        ),
        Key::Found { state, .. } if state != "Enabled" => {
            let finding = bad("the key cannot be used", format!("`{key}` is in the state {state}"));
            Some(match state.as_str() {
                "Disabled" => {
                    // An alias is not taken there.
                    let id = if key.contains("alias/") { "KEY-ID" } else { key };
                    finding.how(format!("enable it: `aws kms enable-key --key-id {id} --region {here}`"))
                }
                "PendingDeletion" => {
                    finding.how("keep it: `aws kms cancel-key-deletion`, then `aws kms enable-key`; or take another")
                }
                _ => finding.how("take another key"),
            })
        }
        Key::Found { encrypts: false, .. } => Some(
            bad("the key cannot encrypt a file system", format!("`{key}` is not a symmetric key for encryption"))
                .how("take a key of the type `SYMMETRIC_DEFAULT`"),
        ),
        Key::Found { .. } => None,
    }
}

pub(super) fn group_and_profile(spec: &Spec, survey: &Survey, observed: &Observed, place: &Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(group), Some(facts)) = (&spec.network.security_group, &survey.security_group) {
        let (enough, what, ports) = match spec.storage.service {
            Service::FsxLustre if spec.storage.efa => {
                (facts.all_in && facts.all_out, "Lustre", "all traffic in and out")
            }
            Service::FsxLustre | Service::FileCache => {
                (facts.lustre_in || facts.all_in, "Lustre", "TCP 988 and 1018-1023 in")
            }
            Service::Efs(_) => (facts.nfs_in || facts.all_in, "EFS", "TCP 2049 in"),
        };
        // Around a file system that exists, what counts is what goes between its groups and this one.
        let is_told = survey.server_groups.values().any(|group| group.holds_servers);
        if facts.vpc != place.vpc {
            findings.push(noted(
                "network::security-group",
                "the security group is in another VPC",
                format!("{group} is in {}, the cluster in {}", facts.vpc, place.vpc),
            ));
        } else if !enough && !is_told {
            findings.push(noted(
                "network::security-group",
                &format!("the security group does not let {what} through"),
                format!("{group} needs a rule: {ports}, from and to itself"),
            ));
        }
    } else if let Some(group) = spec.network.security_group.as_ref().filter(|_| observed.file_system().is_none()) {
        findings.push(noted(
            "network::security-group",
            "there is no such security group in this region",
            format!("`{group}` was not found"),
        ));
    }
    if let Some(profile) =
        spec.cluster.instance_profile.as_ref().filter(|_| observed.file_system().is_none() && !survey.instance_profile)
    {
        findings.push(noted(
            "cluster::instance-profile",
            "there is no such instance profile",
            format!("`{profile}` was not found"),
        ));
    }
    findings
}

/// EC2 gives no public address to an instance with several interfaces (EC2 User Guide, "EFA and network cards"; API,
/// RunInstances), and the default subnets have no other way out.
pub(in crate::apply) fn no_public_address(spec: &Spec, plan: &Plan) -> Option<Finding> {
    let launches = |group: &&Nodes| {
        let address = Address::named(Kind::Nodes, &group.name);
        plan.steps.iter().any(|step| step.address == address && matches!(step.op, plan::Op::Create { .. }))
    };
    let several = |group: &&Nodes| {
        group.efa == NodeEfa::On && instances::get(&group.instance).is_some_and(|facts| facts.network_cards > 1)
    };
    let groups: Vec<String> =
        spec.nodes.iter().filter(launches).filter(several).map(|group| format!("nodes.{}", group.name)).collect();
    if groups.is_empty() || !spec.network.subnets.is_empty() || spec.storage.existing.is_some() {
        return None;
    }
    let note = format!(
        "{} have several network interfaces, to which EC2 gives none; in a default subnet they then reach neither packages nor AWS",
        groups.join(", ")
    );
    let mut finding = noted("network::no-address", "nodes get no public address", note);
    finding.severity = Severity::Warning;
    finding.help = Some("name private subnets with a NAT gateway: `[network] subnets = [\"subnet-…\"]`".to_owned());
    Some(finding)
}

fn bucket_finding(dataset: &Dataset, bucket: &Bucket, region: &str) -> Option<Finding> {
    let name = &dataset.bucket;
    let mut finding = match bucket {
        Bucket::Missing => {
            let mut finding = noted("dataset::bucket", "there is no such bucket", format!("`{name}` was not found"));
            finding.help = Some(format!("check the name, or make it: `aws s3 mb s3://{name} --region {region}`"));
            finding
        }
        Bucket::InRegion(there) if there != region && !dataset.import.is_empty() => {
            let mut finding = noted(
                "dataset::region",
                "automatic import needs the bucket in the cluster's region",
                format!("`{name}` is in {there}, the cluster in {region}"),
            );
            finding.help =
                Some("say `import = []` for this dataset, or take a bucket or a cluster in the same region".to_owned());
            finding
        }
        Bucket::InRegion(_) => return None,
        Bucket::Denied { region: _ } => {
            let mut finding = noted(
                "dataset::denied",
                "the bucket cannot be seen with these credentials",
                format!("s3:ListBucket on `{name}` is refused"),
            );
            finding.severity = Severity::Warning;
            finding.help = Some("FSx checks s3:Get*, s3:List* and s3:PutObject of whoever links a bucket".to_owned());
            finding
        }
    };
    finding.address = Some(link(dataset).0);
    Some(finding)
}
