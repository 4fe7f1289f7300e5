//! Amazon EFS on the wire: REST with JSON, an answer to each operation, good and bad.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::wire::{Wire, fsx_tags};
use super::{create, delete, scope, tags, update};
use crate::cloud::{Class, Cloud as _, Created, Remains, Scope};
use crate::desired::{Address, Efs, Kind, MountTarget, Reference, Resource, Tags};
use crate::observed::{Observed, Seen, State};
use crate::spec::EfsThroughput;

fn address() -> Address {
    Address::one(Kind::Efs)
}

fn target_address() -> Address {
    Address::named(Kind::MountTarget, "us-east-1a")
}

fn wanted() -> Efs {
    Efs { throughput: EfsThroughput::Elastic, kms_key: None }
}

fn target() -> MountTarget {
    MountTarget {
        zone: "us-east-1a".to_owned(),
        subnet: "subnet-0a".to_owned(),
        security_group: Reference::Ours(Address::one(Kind::SecurityGroup)),
    }
}

fn answer(id: &str, lifecycle: &str, tags: &Tags) -> Value {
    json!({
        "OwnerId": "123456789012", "CreationToken": "p-efs", "FileSystemId": id, "CreationTime": 1_790_000_000,
        "FileSystemArn": format!("arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/{id}"),
        "LifeCycleState": lifecycle, "NumberOfMountTargets": 0, "SizeInBytes": { "Value": 6144 },
        "PerformanceMode": "generalPurpose", "ThroughputMode": "elastic", "Encrypted": true,
        "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1234", "Tags": fsx_tags(tags),
    })
}

fn target_answer(id: &str, zone: &str, lifecycle: &str) -> Value {
    json!({
        "MountTargetId": id, "FileSystemId": "fs-0e", "SubnetId": "subnet-0a", "LifeCycleState": lifecycle,
        "IpAddress": "10.0.0.9", "AvailabilityZoneName": zone, "VpcId": "vpc-0a",
    })
}

async fn make(wire: &Wire, address: Address, resource: Resource) -> crate::cloud::Result<Seen> {
    match wire.aws().create(&create(address, resource)).await? {
        Created::Resource(seen) => Ok(seen),
        Created::Nodes(_) => panic!("no resource"),
    }
}

async fn see(wire: &Wire, scope: &Scope, kinds: &[Kind]) -> Observed {
    wire.aws().observe(scope, kinds).await.expect("the answers are good")
}

#[tokio::test]
async fn a_file_system_is_made_with_its_tags_and_its_token() {
    let wire = Wire::new().reply("POST file-systems", 201, answer("fs-0e", "creating", &Tags::new()).to_string());
    let seen = make(&wire, address(), Resource::Efs(wanted())).await.expect("made");
    assert_eq!((seen.id.as_str(), seen.state), ("fs-0e", State::Creating));
    let endpoint = seen.endpoint.expect("known at once");
    assert_eq!((endpoint.dns_name.as_str(), endpoint.mount_name.as_str()), ("fs-0e.efs.us-east-1.amazonaws.com", ""));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn bought_throughput_and_a_key_are_said() {
    let wire = Wire::new().reply("POST file-systems", 201, answer("fs-0e", "creating", &Tags::new()).to_string());
    let wanted = Efs { throughput: EfsThroughput::Provisioned(256), kms_key: Some("alias/mine".to_owned()) };
    make(&wire, address(), Resource::Efs(wanted)).await.expect("made");
    let said = wire.requests();
    for line in
        ["\"ThroughputMode\": \"provisioned\"", "\"ProvisionedThroughputInMibps\": 256", "\"KmsKeyId\": \"alias/mine\""]
    {
        assert!(said.contains(line), "{said}");
    }
}

#[tokio::test]
async fn a_token_that_was_used_meets_what_it_has_made() {
    let exists = || Wire::new().json_error("POST file-systems", 409, "FileSystemAlreadyExists", "it is fs-0e");
    let there = answer("fs-0e", "available", &tags(&address()));
    let wire = exists().reply("GET file-systems", 200, json!({ "FileSystems": [there] }).to_string());
    let seen = make(&wire, address(), Resource::Efs(wanted())).await.expect("adopted");
    assert_eq!((seen.id.as_str(), seen.state, &seen.tags), ("fs-0e", State::Ready, &tags(&address())));

    let wire = exists().reply("GET file-systems", 200, json!({ "FileSystems": [] }).to_string());
    let error = make(&wire, address(), Resource::Efs(wanted())).await.expect_err("not to be seen");
    assert_eq!((error.class, error.address), (Class::NotYet, Some(address())));
}

#[tokio::test]
async fn a_lost_answer_says_that_something_may_be_there() {
    let wire = Wire::new().broken("POST file-systems").broken("POST file-systems").broken("POST file-systems");
    let error = make(&wire, address(), Resource::Efs(wanted())).await.expect_err("no answer");
    assert_eq!((error.class, error.remains), (Class::Transient, Remains::Perhaps));
}

#[tokio::test]
async fn a_mount_target_is_made_in_one_subnet_and_group() {
    let made = target_answer("fsmt-0a", "us-east-1a", "creating").to_string();
    let wire = Wire::new().reply("POST mount-targets", 200, made);
    let seen = make(&wire, target_address(), Resource::MountTarget(target())).await.expect("made");
    assert_eq!(
        (seen.id.as_str(), seen.state, seen.file_system.as_deref()),
        ("fsmt-0a", State::Creating, Some("fs-0e"))
    );
    assert!(seen.tags.is_empty());
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn the_mount_target_of_the_zone_is_taken_over_and_no_other() {
    let conflict = || Wire::new().json_error("POST mount-targets", 409, "MountTargetConflict", "there is one");
    let all = |zone: &str| json!({ "MountTargets": [target_answer("fsmt-0b", zone, "available")] }).to_string();
    let wire = conflict().reply("GET mount-targets", 200, all("us-east-1a"));
    let seen = make(&wire, target_address(), Resource::MountTarget(target())).await.expect("taken over");
    assert_eq!((seen.id.as_str(), seen.state), ("fsmt-0b", State::Ready));
    let wire = conflict().reply("GET mount-targets", 200, all("us-east-1b"));
    let error = make(&wire, target_address(), Resource::MountTarget(target())).await.expect_err("of another zone");
    assert_eq!(error.class, Class::NotYet);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (code, class) in [
        ("IncorrectFileSystemLifeCycleState", Class::NotYet),
        ("SecurityGroupNotFound", Class::NotYet),
        ("NoFreeAddressesInSubnet", Class::Capacity),
        ("NetworkInterfaceLimitExceeded", Class::Quota),
        ("SubnetNotFound", Class::Invalid),
        ("AccessDeniedException", Class::Denied),
    ] {
        let wire = Wire::new().json_error("POST mount-targets", 409, code, "no");
        let error = make(&wire, target_address(), Resource::MountTarget(target())).await.expect_err("refused");
        assert_eq!(error.class, class, "{code}");
    }
    let wire = Wire::new().json_error("POST file-systems", 403, "FileSystemLimitExceeded", "no more");
    let error = make(&wire, address(), Resource::Efs(wanted())).await.expect_err("refused");
    assert_eq!((error.class, error.operation.as_str()), (Class::Quota, "elasticfilesystem:CreateFileSystem"));
}

#[tokio::test]
async fn ours_are_found_by_their_tags_over_all_pages_and_their_mount_targets_with_them() {
    let other = answer("fs-0f", "available", &Tags::new());
    let ours = answer("fs-0e", "available", &tags(&address()));
    let wire = Wire::new()
        .reply("GET file-systems", 200, json!({ "FileSystems": [other], "NextMarker": "more" }).to_string())
        .reply("GET file-systems", 200, json!({ "FileSystems": [ours] }).to_string())
        .reply(
            "GET mount-targets",
            200,
            json!({ "MountTargets": [target_answer("fsmt-0a", "us-east-1a", "available")], "NextMarker": "more" })
                .to_string(),
        )
        .reply(
            "GET mount-targets",
            200,
            json!({ "MountTargets": [target_answer("fsmt-0b", "us-east-1b", "deleting")] }).to_string(),
        );
    let observed = see(&wire, &scope(), &[Kind::Efs, Kind::MountTarget]).await;
    let all: Vec<(String, &str, State)> =
        observed.resources.iter().map(|seen| (seen.address.to_string(), seen.id.as_str(), seen.state)).collect();
    assert_eq!(
        all,
        [
            ("efs".to_owned(), "fs-0e", State::Ready),
            ("mount-target.us-east-1a".to_owned(), "fsmt-0a", State::Ready),
            ("mount-target.us-east-1b".to_owned(), "fsmt-0b", State::Deleting),
        ]
    );
    assert_eq!(observed.resources[0].fields["throughput"], "elastic");
    assert!(observed.foreign.is_empty());
}

#[tokio::test]
async fn one_that_is_known_is_asked_for_by_its_id() {
    let known = Scope { file_system: Some("fs-0e".to_owned()), ..scope() };
    let mut provisioned = answer("fs-0e", "updating", &tags(&address()));
    provisioned["ThroughputMode"] = json!("provisioned");
    provisioned["ProvisionedThroughputInMibps"] = json!(256.0);
    let wire = Wire::new().reply("GET file-systems", 200, json!({ "FileSystems": [provisioned] }).to_string());
    let seen = see(&wire, &known, &[Kind::Efs]).await.resources.remove(0);
    assert_eq!((seen.state, seen.fields["throughput"].as_str()), (State::Updating, "256 MiB/s"));
    let wire = Wire::new().json_error("GET file-systems", 404, "FileSystemNotFound", "gone");
    assert!(see(&wire, &known, &[Kind::Efs]).await.resources.is_empty());
    let wire = Wire::new().json_error("GET mount-targets", 404, "FileSystemNotFound", "gone");
    assert!(see(&wire, &known, &[Kind::MountTarget]).await.resources.is_empty());
    assert_eq!(wire.count("GET file-systems"), 0);
}

#[tokio::test]
async fn a_stand_in_without_the_service_is_told_as_such() {
    let wire = Wire::new()
        .json_error("GET file-systems", 501, "InternalFailure", "not implemented")
        .json_error("GET file-systems", 501, "InternalFailure", "not implemented")
        .json_error("GET file-systems", 501, "InternalFailure", "not implemented");
    let error = wire.aws().observe(&scope(), &[Kind::Efs]).await.expect_err("no service");
    assert_eq!(error.class, Class::NotImplemented);
}

#[tokio::test]
async fn throughput_and_tags_change_each_by_its_call() {
    let wire = Wire::new()
        .reply("PUT file-systems/fs-0e", 202, answer("fs-0e", "updating", &Tags::new()).to_string())
        .reply("POST resource-tags/fs-0e", 200, "")
        .reply("DELETE resource-tags/fs-0e", 200, "");
    let wanted = Efs { throughput: EfsThroughput::Provisioned(256), kms_key: None };
    let mut change = update(address(), "fs-0e", Resource::Efs(wanted), &["throughput"]);
    change.set_tags = Tags::from([("team".to_owned(), "b".to_owned())]);
    change.remove_tags = ["old".to_owned()].into();
    wire.aws().update(&change).await.expect("changed");
    assert_snapshot!(wire.requests());
    let key = update(address(), "fs-0e", Resource::Efs(self::wanted()), &["kms_key"]);
    assert_eq!(Wire::new().aws().update(&key).await.expect_err("no such call").class, Class::Invalid);
    let soon = Wire::new().json_error("PUT file-systems/fs-0e", 429, "TooManyRequests", "wait 24 hours");
    let again = update(address(), "fs-0e", Resource::Efs(self::wanted()), &["throughput"]);
    assert_eq!(soon.aws().update(&again).await.expect_err("too soon").class, Class::Invalid);
}

#[tokio::test]
async fn what_is_gone_already_is_deleted_and_what_has_mount_targets_is_in_use() {
    let wire = Wire::new()
        .reply("DELETE mount-targets/fsmt-0a", 204, "")
        .json_error("DELETE mount-targets/fsmt-0b", 404, "MountTargetNotFound", "gone")
        .json_error("DELETE file-systems/fs-0e", 409, "FileSystemInUse", "it has mount targets")
        .reply("DELETE file-systems/fs-0e", 204, "")
        .json_error("DELETE file-systems/fs-0e", 404, "FileSystemNotFound", "gone")
        .reply(
            "GET mount-targets",
            200,
            json!({ "MountTargets": [target_answer("fsmt-0b", "us-east-1b", "deleting")] }).to_string(),
        );
    let aws = wire.aws();
    aws.delete(&delete(target_address(), &["fsmt-0a", "fsmt-0b"])).await.expect("both");
    let file_system = delete(address(), &["fs-0e"]);
    assert_eq!(aws.delete(&file_system).await.expect_err("in use").class, Class::InUse);
    assert_eq!(aws.dependents(&address(), "fs-0e").await.expect("told"), ["mount target fsmt-0b (deleting)"]);
    aws.delete(&file_system).await.expect("deleted");
    aws.delete(&file_system).await.expect("gone already");
}
