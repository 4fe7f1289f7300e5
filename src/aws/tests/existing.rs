//! A file system that is not ours: looked at, and found by our links on it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::{Wire, fsx_tags};
use super::{scope, tags};
use crate::cloud::{Cloud as _, LetIn, Questions, Scope, ServerGroup};
use crate::desired::{Address, Kind, Tags};
use crate::observed::State;

fn file_system(id: &str) -> Value {
    json!({
        "FileSystemId": id,
        "FileSystemType": "LUSTRE",
        "FileSystemTypeVersion": "2.15",
        "Lifecycle": "AVAILABLE",
        "DNSName": format!("{id}.fsx.us-east-1.amazonaws.com"),
        "StorageCapacity": 1200,
        "StorageType": "SSD",
        "VpcId": "vpc-1",
        "SubnetIds": ["subnet-0b"],
        "NetworkInterfaceIds": ["eni-1", "eni-2"],
        "Tags": [{ "Key": "owner", "Value": "lab" }],
        "LustreConfiguration": {
            "DeploymentType": "SCRATCH_1",
            "MountName": "fsx",
            "AutomaticBackupRetentionDays": 7,
            "DataRepositoryConfiguration": { "ImportPath": "s3://lab/old" },
        },
    })
}

fn association(id: &str, on: &str, path: &str, tags: &Tags) -> Value {
    json!({
        "AssociationId": id, "FileSystemId": on, "FileSystemPath": path, "DataRepositoryPath": format!("s3://acme{path}/"),
        "Lifecycle": "AVAILABLE", "Tags": fsx_tags(tags),
    })
}

fn ours() -> Tags {
    tags(&Address::named(Kind::Link, "train"))
}

fn theirs() -> Tags {
    Tags::from([("provision:cluster".to_owned(), "vision-2".to_owned())])
}

fn task(id: &str, paths: &[&str], tags: &Tags) -> Value {
    json!({
        "TaskId": id, "Type": "EXPORT_TO_REPOSITORY", "Lifecycle": "EXECUTING", "CreationTime": 1_700_000_000, "FileSystemId": "fs-0b",
        "Paths": paths, "Tags": fsx_tags(tags),
    })
}

const STORAGE: [Kind; 3] = [Kind::Fsx, Kind::Link, Kind::Task];

#[tokio::test]
async fn it_is_no_resource_and_others_links_and_tasks_are_not_ours() {
    let links = json!({ "Associations": [
        association("dra-1", "fs-0b", "/train", &ours()),
        association("dra-2", "fs-0b", "/lab", &theirs()),
    ] });
    let tasks = json!({ "DataRepositoryTasks": [
        task("task-tagged", &[], &ours()),
        task("task-below", &["train/part"], &Tags::new()),
        task("task-theirs", &["train"], &theirs()),
        task("task-beside", &["training"], &Tags::new()),
        task("task-all", &[], &Tags::new()),
    ] });
    let wire = Wire::new()
        // All, for one of our own; then this one.
        .ok("DescribeFileSystems", json!({ "FileSystems": [file_system("fs-0b")] }).to_string())
        .ok("DescribeFileSystems", json!({ "FileSystems": [file_system("fs-0b")] }).to_string())
        .ok("DescribeDataRepositoryAssociations", links.to_string())
        .ok("DescribeDataRepositoryTasks", tasks.to_string());
    let scope = Scope { existing: Some("fs-0b".to_owned()), ..scope() };
    let observed = wire.aws().observe(&scope, &STORAGE).await.expect("the answers are good");
    let ids: Vec<&str> = observed.resources.iter().map(|seen| seen.id.as_str()).collect();
    assert_eq!((ids.as_slice(), observed.foreign.len()), (["dra-1"].as_slice(), 0));
    let existing = observed.existing.expect("it is there");
    assert_eq!((existing.id.as_str(), existing.service.as_str(), existing.state), ("fs-0b", "LUSTRE", State::Ready));
    assert_eq!(existing.field("deployment"), "SCRATCH_1", "AWS's word for what this version does not make");
    assert_eq!((existing.version.as_str(), existing.backup_days), ("2.15", 7));
    assert_eq!(existing.legacy_link.as_deref(), Some("s3://lab/old"));
    assert_eq!((existing.vpc.as_str(), existing.subnet.as_str()), ("vpc-1", "subnet-0b"));
    let others: Vec<_> = existing.links.iter().map(|link| (link.path.as_str(), link.cluster.as_deref())).collect();
    assert_eq!(others, [("/lab", Some("vision-2"))]);
    let tasks: Vec<&str> = observed.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(tasks, ["task-tagged", "task-below"]);
}

/// No record, and so neither deployment nor id: the links tell.
#[tokio::test]
async fn without_a_record_it_is_found_by_our_links() {
    let link = |id: &str, on: &str, tags: &Tags| association(id, on, "/train", tags);
    let all = json!({ "Associations": [link("dra-1", "fs-0b", &ours()), link("dra-9", "fs-0c", &theirs())] });
    let on_it = json!({ "Associations": [link("dra-1", "fs-0b", &ours())] });
    let wire = Wire::new()
        .ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string())
        .ok("DescribeFileSystems", json!({ "FileSystems": [file_system("fs-0b")] }).to_string())
        .ok("DescribeDataRepositoryAssociations", all.to_string())
        .ok("DescribeDataRepositoryAssociations", on_it.to_string())
        .ok("DescribeDataRepositoryTasks", "{}");
    let scope = Scope { deployment: None, ..scope() };
    let observed = wire.aws().observe(&scope, &STORAGE).await.expect("the answers are good");
    assert_eq!(observed.existing.map(|existing| existing.id).as_deref(), Some("fs-0b"));
    assert_eq!(observed.resources.len(), 1);
}

#[tokio::test]
async fn one_that_is_gone_is_absent() {
    let wire = Wire::new()
        .ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string())
        .json_error("DescribeFileSystems", 400, "FileSystemNotFound", "fs-0b does not exist")
        .json_error("DescribeDataRepositoryAssociations", 400, "FileSystemNotFound", "fs-0b does not exist")
        .json_error("DescribeDataRepositoryTasks", 400, "FileSystemNotFound", "fs-0b does not exist");
    let scope = Scope { existing: Some("fs-0b".to_owned()), ..scope() };
    let observed = wire.aws().observe(&scope, &STORAGE).await.expect("the answers are good");
    assert_eq!(observed, crate::observed::Observed::default());
}

#[tokio::test]
async fn the_groups_of_its_servers_tell_whom_they_let_in() {
    let rule = |ports: &str, who: &str| format!("<item><ipProtocol>tcp</ipProtocol>{ports}{who}</item>");
    let group = |id: &str, rules: &str| {
        format!("<item><groupId>{id}</groupId><vpcId>vpc-1</vpcId><ipPermissions>{rules}</ipPermissions></item>")
    };
    let lustre = rule(
        "<fromPort>988</fromPort><toPort>1023</toPort>",
        "<groups><item><groupId>sg-2</groupId></item></groups><ipRanges><item><cidrIp>10.0.0.0/16</cidrIp></item></ipRanges>",
    );
    let wire = Wire::new()
        .ok(
            "DescribeNetworkInterfaces",
            "<R><networkInterfaceSet><item><groupSet><item><groupId>sg-1</groupId></item></groupSet></item></networkInterfaceSet></R>",
        )
        // Alone, as what was given; then with the servers'.
        .ok("DescribeSecurityGroups", format!("<R><securityGroupInfo>{}</securityGroupInfo></R>", group("sg-2", "")))
        .ok(
            "DescribeSecurityGroups",
            format!("<R><securityGroupInfo>{}{}</securityGroupInfo></R>", group("sg-1", &lustre), group("sg-2", "")),
        );
    let questions = Questions {
        servers: ["eni-1".to_owned()].into(),
        security_group: Some("sg-2".to_owned()),
        ..Questions::default()
    };
    let groups = wire.aws().survey(&questions).await.expect("the answers are good").server_groups;
    let lets_in =
        LetIn { all: false, from: 988, to: 1023, groups: BTreeSet::from(["sg-2".to_owned()]), private_addresses: true };
    let servers = ServerGroup { holds_servers: true, lets_in: vec![lets_in] };
    let nodes = ServerGroup { holds_servers: false, lets_in: Vec::new() };
    assert_eq!(groups, [("sg-1".to_owned(), servers), ("sg-2".to_owned(), nodes)].into());
}
