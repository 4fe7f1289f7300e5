use std::collections::{BTreeMap, BTreeSet};

use insta::{assert_debug_snapshot, assert_snapshot};
use serde_json::json;

use super::wire::Wire;
use crate::cloud::{Bucket, Class, Cloud as _, Identity, Overwrite, Questions, Survey, Written};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn we_are_told_who_we_are() {
    let answer = "<R><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws-us-gov:iam::123456789012:user/ana</Arn></GetCallerIdentityResult></R>";
    let wire = Wire::new().ok("GetCallerIdentity", answer);
    let identity = wire.aws().identity().await;
    let expected = Identity {
        account: "123456789012".to_owned(),
        arn: "arn:aws-us-gov:iam::123456789012:user/ana".to_owned(),
        region: "us-east-1".to_owned(),
        partition: "aws-us-gov".to_owned(),
    };
    assert_eq!(identity, Ok(expected));
}

#[tokio::test]
async fn no_question_sends_no_request() {
    let wire = Wire::new();
    assert_eq!(wire.aws().survey(&Questions::default()).await, Ok(Survey::default()));
    assert_eq!(wire.operations(), Vec::<String>::new());
}

#[tokio::test]
async fn all_questions_are_answered_at_once() {
    let subnets = "<R><subnetSet><item><subnetId>subnet-0b</subnetId><vpcId>vpc-0a</vpcId><availabilityZone>us-east-1b</availabilityZone><availableIpAddressCount>9</availableIpAddressCount></item>\
        <item><subnetId>subnet-0a</subnetId><vpcId>vpc-0a</vpcId><availabilityZone>us-east-1a</availabilityZone><availabilityZoneId>use1-az4</availabilityZoneId><availableIpAddressCount>4091</availableIpAddressCount></item></subnetSet></R>";
    let offering =
        |zone: &str| format!("<item><instanceType>p5.48xlarge</instanceType><location>{zone}</location></item>");
    let images = "<R><imagesSet><item><imageId>ami-0a</imageId><name>dlami</name><architecture>x86_64</architecture><rootDeviceName>/dev/sda1</rootDeviceName>\
        <blockDeviceMapping><item><deviceName>/dev/sdb</deviceName></item><item><deviceName>/dev/sda1</deviceName><ebs><volumeSize>65</volumeSize></ebs></item></blockDeviceMapping></item></imagesSet></R>";
    let group = "<R><securityGroupInfo><item><groupId>sg-9</groupId><vpcId>vpc-0a</vpcId><ipPermissions>\
        <item><ipProtocol>tcp</ipProtocol><fromPort>988</fromPort><toPort>988</toPort><ipRanges><item><cidrIp>10.0.0.0/16</cidrIp></item></ipRanges></item>\
        <item><ipProtocol>tcp</ipProtocol><fromPort>1000</fromPort><toPort>2000</toPort><groups><item><groupId>sg-9</groupId></item></groups></item></ipPermissions>\
        <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item></ipPermissionsEgress></item></securityGroupInfo></R>";
    let wire = Wire::new()
        .ok("DescribeSubnets", subnets)
        .ok("DescribeInstanceTypeOfferings", format!("<R><instanceTypeOfferingSet>{}</instanceTypeOfferingSet><nextToken>more</nextToken></R>", offering("us-east-1a")))
        .ok("DescribeInstanceTypeOfferings", format!("<R><instanceTypeOfferingSet>{}</instanceTypeOfferingSet></R>", offering("us-east-1c")))
        .ok("GetParameters", json!({ "Parameters": [{ "Name": "/aws/service/a", "Value": "ami-0a" }, { "Name": "/aws/service/odd", "Value": "{}" }], "InvalidParameters": ["/gone"] }).to_string())
        .ok("DescribeImages", images)
        .ok("DescribeSecurityGroups", group)
        .iam_error("GetInstanceProfile", 404, "NoSuchEntity")
        .header("HEAD https://here.s3.us-east-1.amazonaws.com/", 200, "x-amz-bucket-region", "us-east-1");
    let questions = Questions {
        subnets: Some(vec!["subnet-0a".to_owned(), "subnet-0b".to_owned(), "subnet-gone".to_owned()]),
        instance_types: set(&["p5.48xlarge", "imaginary"]),
        image_parameters: set(&["/aws/service/a", "/aws/service/odd", "/gone"]),
        images: set(&["ami-0a", "ami-gone"]),
        buckets: set(&["here"]),
        security_group: Some("sg-9".to_owned()),
        instance_profile: Some("arn:aws:iam::1:instance-profile/x/mine".to_owned()),
        ..Questions::default()
    };
    assert_debug_snapshot!(wire.aws().survey(&questions).await.expect("the answers are good"));
    let mut requests: Vec<String> = wire.requests().split("\n\n").map(str::to_owned).collect();
    requests.sort();
    assert_snapshot!(requests.join("\n"));
}

#[tokio::test]
async fn the_default_subnets_are_asked_for_by_an_empty_list() {
    let wire = Wire::new().ok("DescribeSubnets", "<R/>");
    let questions = Questions { subnets: Some(vec![]), ..Questions::default() };
    assert_eq!(wire.aws().survey(&questions).await, Ok(Survey::default()));
    assert_snapshot!(wire.requests(), @r"
    DescribeSubnets
      Filter.1.Name=default-for-az
      Filter.1.Value.1=true
    ");
}

#[tokio::test]
async fn buckets_tell_their_region_in_whatever_they_answer() {
    let url = |name: &str| format!("HEAD https://{name}.s3.us-east-1.amazonaws.com/");
    let wire = Wire::new()
        .header(&url("away"), 301, "x-amz-bucket-region", "eu-west-1")
        .header(&url("denied"), 403, "x-amz-bucket-region", "us-west-2")
        .header(&url("silent"), 403, "x-other", "")
        .header(&url("gone"), 404, "x-other", "");
    let questions = Questions { buckets: set(&["away", "denied", "silent", "gone"]), ..Questions::default() };
    let buckets = wire.aws().survey(&questions).await.expect("the answers are good").buckets;
    let expected = [
        ("away", Bucket::InRegion("eu-west-1".to_owned())),
        ("denied", Bucket::Denied { region: Some("us-west-2".to_owned()) }),
        ("gone", Bucket::Missing),
        ("silent", Bucket::Denied { region: None }),
    ];
    assert_eq!(buckets, expected.map(|(name, bucket)| (name.to_owned(), bucket)).into());
    let wire = Wire::new().header(&url("odd"), 400, "x-other", "");
    let questions = Questions { buckets: set(&["odd"]), ..Questions::default() };
    let error = wire.aws().survey(&questions).await.expect_err("no answer to the question");
    assert_eq!(error.operation, "s3:HeadBucket");
}

#[tokio::test]
async fn an_endpoint_of_ones_own_has_buckets_in_its_path() {
    let wire = Wire::new().header("HEAD http://localhost:4566/data/", 200, "x-amz-bucket-region", "us-east-1");
    let questions = Questions { buckets: set(&["data"]), ..Questions::default() };
    let survey = wire.at("http://localhost:4566").survey(&questions).await.expect("the answer is good");
    assert_eq!(survey.buckets["data"], Bucket::InRegion("us-east-1".to_owned()));
}

#[tokio::test]
async fn parameters_are_read_over_all_pages() {
    let wire = Wire::new()
        .ok(
            "GetParametersByPath",
            json!({ "Parameters": [{ "Name": "/provision/vision/lock", "Value": "1" }], "NextToken": "more" })
                .to_string(),
        )
        .ok(
            "GetParametersByPath",
            json!({ "Parameters": [{ "Name": "/provision/vision/intents/fsx", "Value": "2" }] }).to_string(),
        )
        .ok("GetParametersByPath", json!({ "Parameters": [] }).to_string());
    let aws = wire.aws();
    let expected: BTreeMap<String, String> = [("/provision/vision/intents/fsx", "2"), ("/provision/vision/lock", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(aws.parameters("/provision/vision").await, Ok(expected));
    assert_eq!(aws.parameters("/provision/none").await, Ok(BTreeMap::new()));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn of_two_writers_one_is_told_so() {
    let read = |value: &str| json!({ "Parameter": { "Name": "/lock", "Value": value } }).to_string();
    let wire = Wire::new()
        .ok("PutParameter", "{}")
        .json_error("PutParameter", 400, "ParameterAlreadyExists", "exists")
        .ok("GetParameter", read("theirs"))
        .json_error("PutParameter", 400, "ParameterAlreadyExists", "exists")
        .ok("GetParameter", read("mine"))
        .json_error("PutParameter", 400, "ParameterAlreadyExists", "exists")
        .json_error("GetParameter", 400, "ParameterNotFound", "gone since")
        .ok("PutParameter", "{}");
    let aws = wire.aws();
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(aws.put_parameter("/lock", "mine", Overwrite::No).await.expect("the answers are good"));
    }
    // Written; somebody else's; ours by a try whose answer was lost; somebody else's that is gone by now.
    assert_eq!(outcomes, [Written::Done, Written::Exists, Written::Done, Written::Exists]);
    aws.put_parameter("/lock", "mine", Overwrite::Yes).await.expect("the answer is good");
    assert_snapshot!(wire.requests().rsplit_once("PutParameter").unwrap_or_default().1, @r#"

    {
      "Name": "/lock",
      "Overwrite": true,
      "Tier": "Intelligent-Tiering",
      "Type": "String",
      "Value": "mine"
    }
    "#);
}

#[tokio::test]
async fn parameters_go_ten_at_a_time() {
    let names: Vec<String> = (0..11).map(|number| format!("/p/{number}")).collect();
    let wire = Wire::new()
        .ok("DeleteParameters", "{}")
        .ok("DeleteParameters", json!({ "InvalidParameters": ["/p/10"] }).to_string());
    let aws = wire.aws();
    aws.delete_parameters(&names).await.expect("not found is done");
    aws.delete_parameters(&[]).await.expect("nothing to do");
    assert_eq!(wire.count("DeleteParameters"), 2);
    let wire = Wire::new().json_error("DeleteParameters", 400, "AccessDeniedException", "not you");
    assert_eq!(wire.aws().delete_parameters(&names).await.expect_err("refused").class, Class::Denied);
}

#[tokio::test]
async fn clusters_are_found_by_records_and_by_tags() {
    let tag = |kind: &str, value: &str| {
        format!("<item><resourceType>{kind}</resourceType><key>provision:cluster</key><value>{value}</value></item>")
    };
    let on_efs = json!({
        "OwnerId": "1", "CreationToken": "t", "FileSystemId": "fs-0e", "CreationTime": 1_790_000_000, "LifeCycleState": "available",
        "NumberOfMountTargets": 1, "SizeInBytes": { "Value": 6144 }, "PerformanceMode": "generalPurpose",
        "Tags": [{ "Key": "provision:cluster", "Value": "on-efs" }],
    });
    let wire = Wire::new()
        .ok("GetParametersByPath", json!({ "Parameters": [{ "Name": "/provision/recorded/lock", "Value": "1" }] }).to_string())
        .ok("DescribeFileSystems", json!({ "FileSystems": [{ "Tags": [{ "Key": "provision:cluster", "Value": "stored" }] }, {}] }).to_string())
        .reply("GET file-systems", 200, json!({ "FileSystems": [on_efs] }).to_string())
        .ok("DescribeDataRepositoryAssociations", json!({ "Associations": [{ "Tags": [{ "Key": "provision:cluster", "Value": "linked" }] }, {}] }).to_string())
        .ok("DescribeTags", format!("<R><tagSet>{}</tagSet></R>", tag("security-group", "grouped")))
        .ok("DescribeInstances", "<R><reservationSet><item><instancesSet><item><tagSet><item><key>provision:cluster</key><value>running</value></item></tagSet></item></instancesSet></item></reservationSet></R>");
    let clusters = wire.aws().clusters().await.expect("the answers are good");
    assert_eq!(clusters, set(&["recorded", "stored", "on-efs", "linked", "grouped", "running"]));
    // Instances that have ended, and what went with them, keep their tags: they are not asked for.
    let asked = wire.requests();
    assert!(asked.contains("resource-type") && !asked.contains("=instance&"), "{asked}");
}

#[tokio::test]
async fn who_may_not_look_at_efs_sees_the_other_clusters() {
    let wire = Wire::new()
        .ok(
            "GetParametersByPath",
            json!({ "Parameters": [{ "Name": "/provision/recorded/lock", "Value": "1" }] }).to_string(),
        )
        .ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string())
        .json_error("GET file-systems", 403, "AccessDeniedException", "not you")
        .ok("DescribeDataRepositoryAssociations", json!({ "Associations": [] }).to_string())
        .ok("DescribeTags", "<R><tagSet/></R>")
        .ok("DescribeInstances", "<R><reservationSet/></R>");
    assert_eq!(wire.aws().clusters().await.expect("the others are seen"), set(&["recorded"]));
}
