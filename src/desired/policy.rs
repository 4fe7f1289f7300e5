//! What nodes may do, as IAM documents. Canonical JSON, so that a document read back can be compared as text.

use serde_json::{Value, json};

use super::names::{TAG_CLUSTER, TAG_NODE, TAG_PRELOAD};
use crate::cloud::Identity;

/// Instances may take the role.
pub fn trust(identity: &Identity) -> String {
    let service = ec2_service(&identity.partition);
    canonical(&json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
    }))
}

/// China alone has another name for the EC2 service (IAM User Guide, "AWS service principals").
pub fn ec2_service(partition: &str) -> &'static str {
    if partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" }
}

/// Session Manager for shells without open ports: the one managed policy.
pub fn managed(identity: &Identity) -> Vec<String> {
    vec![format!("arn:{}:iam::aws:policy/AmazonSSMManagedInstanceCore", identity.partition)]
}

/// A node may set the tags by which it reports, on itself alone, and read its own cluster's record. `preloads`: it restores
/// datasets, and reports of that too; who does not, may not.
///
/// `ec2:SourceInstanceARN` is the instance that the credentials were given to (Amazon EC2 User Guide, "IAM condition keys
/// for Amazon EC2"); as the resource it leaves nothing but the instance itself.
pub fn node(identity: &Identity, cluster: &str, preloads: bool) -> String {
    let keys = if preloads { vec![TAG_NODE, TAG_PRELOAD] } else { vec![TAG_NODE] };
    let Identity { account, arn: _, region, partition } = identity;
    canonical(&json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReportReadiness",
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": format!("arn:{partition}:ec2:{region}:{account}:instance/*"),
                "Condition": {
                    "StringEquals": { "aws:ARN": "${ec2:SourceInstanceARN}", format!("aws:ResourceTag/{TAG_CLUSTER}"): cluster },
                    "ForAllValues:StringEquals": { "aws:TagKeys": keys },
                },
            },
            {
                "Sid": "ReadRecord",
                "Effect": "Allow",
                "Action": ["ssm:GetParameter", "ssm:GetParametersByPath"],
                "Resource": format!("arn:{partition}:ssm:{region}:{account}:parameter/provision/{cluster}/*"),
            },
        ],
    }))
}

/// Sorted keys, no white space. What is no JSON stays as it is and will differ.
pub fn canonical_text(document: &str) -> String {
    serde_json::from_str::<Value>(document).map_or_else(|_| document.to_owned(), |value| canonical(&value))
}

fn canonical(value: &Value) -> String {
    // serde_json's maps are sorted (its feature `preserve_order` is off).
    value.to_string()
}
