//! Caches of Amazon File Cache on the wire.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::wire::{Wire, fsx_tags};
use super::{create, delete, scope, tags, update};
use crate::cloud::{Class, Cloud as _, Created, Export, Remains, Scope};
use crate::desired::{Address, FileCache, Kind, Link, Reference, Resource, Tags};
use crate::observed::{Seen, State};

fn address() -> Address {
    Address::one(Kind::FileCache)
}

fn link(path: &str, prefix: &str) -> Link {
    Link {
        bucket: "acme".to_owned(),
        prefix: prefix.to_owned(),
        path: path.to_owned(),
        import: Vec::new(),
        export: Vec::new(),
        import_chunk_mib: None,
        preload_metadata: false,
        export_on_down: true,
    }
}

fn wanted() -> FileCache {
    FileCache {
        capacity_gib: 2400,
        kms_key: None,
        subnet: "subnet-0a".to_owned(),
        security_group: Reference::Ours(Address::one(Kind::SecurityGroup)),
        links: vec![link("/train", "train"), link("/results", "")],
    }
}

fn answer(id: &str, lifecycle: &str) -> Value {
    json!({
        "FileCacheId": id, "FileCacheType": "LUSTRE", "FileCacheTypeVersion": "2.12", "Lifecycle": lifecycle,
        "StorageCapacity": 2400, "SubnetIds": ["subnet-0a"], "DNSName": format!("{id}.fsx.us-east-1.amazonaws.com"),
        "ResourceARN": format!("arn:aws:fsx:us-east-1:123456789012:file-cache/{id}"),
        "LustreConfiguration": { "DeploymentType": "CACHE_1", "PerUnitStorageThroughput": 1000, "MountName": "abcdefgh" },
    })
}

fn tagged(tags: &Tags) -> String {
    json!({ "Tags": fsx_tags(tags) }).to_string()
}

async fn make(wire: &Wire) -> crate::cloud::Result<Seen> {
    match wire.aws().create(&create(address(), Resource::FileCache(wanted()))).await? {
        Created::Resource(seen) => Ok(seen),
        Created::Nodes(_) => panic!("no resource"),
    }
}

#[tokio::test]
async fn a_cache_is_made_with_its_links_and_its_tags() {
    let wire = Wire::new().ok("CreateFileCache", json!({ "FileCache": answer("fc-0a", "CREATING") }).to_string());
    let seen = make(&wire).await.expect("made");
    assert_eq!((seen.id.as_str(), seen.state, &seen.tags), ("fc-0a", State::Creating, &tags(&address())));
    assert_eq!(seen.endpoint.expect("known at once").mount_name, "abcdefgh");
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let no_rule = "the security group does not permit Lustre LNET traffic on port 988";
    for (code, message, class) in [
        ("InvalidNetworkSettings", no_rule, Class::NotYet),
        ("ServiceLimitExceeded", "FILE_CACHE_COUNT", Class::Quota),
        ("IncompatibleParameterError", "the token was for another", Class::Conflict),
        ("BadRequest", "no such size", Class::Invalid),
        ("AccessDeniedException", "not you", Class::Denied),
    ] {
        let wire = Wire::new().json_error("CreateFileCache", 400, code, message);
        assert_eq!(make(&wire).await.expect_err("refused").class, class, "{code}");
    }
    let wire = Wire::new().broken("CreateFileCache").broken("CreateFileCache").broken("CreateFileCache");
    let error = make(&wire).await.expect_err("no answer");
    assert_eq!((error.class, error.remains), (Class::Transient, Remains::Perhaps));
}

#[tokio::test]
async fn ours_are_found_by_tags_that_are_asked_for_one_by_one_and_links_by_their_cache() {
    let association = |id: &str, path: &str, s3: &str| json!({ "AssociationId": id, "FileCacheId": "fc-0a", "FileCachePath": path, "DataRepositoryPath": s3, "Lifecycle": "AVAILABLE", "Tags": fsx_tags(&tags(&address())) });
    let links = json!({ "Associations": [association("dra-1", "/train", "s3://acme/train/"), association("dra-2", "/results/", "s3://acme")] });
    let task = json!({ "TaskId": "task-1", "FileCacheId": "fc-0a", "Lifecycle": "EXECUTING", "Type": "EXPORT_TO_REPOSITORY", "Paths": ["train"] });
    let wire = Wire::new()
        .ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string())
        .ok(
            "DescribeFileCaches",
            json!({ "FileCaches": [answer("fc-0b", "AVAILABLE")], "NextToken": "more" }).to_string(),
        )
        .ok("DescribeFileCaches", json!({ "FileCaches": [answer("fc-0a", "AVAILABLE")] }).to_string())
        .ok("ListTagsForResource", tagged(&Tags::new()))
        .ok("ListTagsForResource", tagged(&tags(&address())))
        .ok("DescribeDataRepositoryAssociations", links.to_string())
        .ok("DescribeDataRepositoryTasks", json!({ "DataRepositoryTasks": [task] }).to_string());
    let kinds = [Kind::Fsx, Kind::FileCache, Kind::Link, Kind::Task];
    let observed = wire.aws().observe(&scope(), &kinds).await.expect("the answers are good");
    let all: Vec<(String, &str)> =
        observed.resources.iter().map(|seen| (seen.address.to_string(), seen.id.as_str())).collect();
    assert_eq!(
        all,
        [("file-cache".to_owned(), "fc-0a"), ("link.train".to_owned(), "dra-1"), ("link.results".to_owned(), "dra-2"),]
    );
    for (name, value) in Resource::FileCache(wanted()).fields() {
        assert_eq!(observed.resources[0].fields.get(name), Some(&value), "{name}");
    }
    let results = &observed.resources[2];
    assert_eq!((results.fields["path"].as_str(), results.fields["s3"].as_str()), ("/results", "s3://acme"));
    assert_eq!(results.file_system.as_deref(), Some("fc-0a"));
    assert_eq!((observed.tasks.len(), observed.tasks[0].file_system.as_str()), (1, "fc-0a"));
    assert!(wire.requests().contains("file-cache-id") && !wire.requests().contains("\"file-system-id\""));
}

#[tokio::test]
async fn one_that_is_known_is_asked_for_by_its_id_and_may_be_gone() {
    let known = Scope { file_system: Some("fc-0a".to_owned()), ..scope() };
    let wire = Wire::new()
        .ok("DescribeFileCaches", json!({ "FileCaches": [answer("fc-0a", "DELETING")] }).to_string())
        .ok("ListTagsForResource", tagged(&tags(&address())));
    let observed = wire.aws().observe(&known, &[Kind::FileCache]).await.expect("the answers are good");
    assert_eq!(observed.resources[0].state, State::Deleting);
    assert!(wire.requests().contains("fc-0a"));
    let wire = Wire::new().json_error("DescribeFileCaches", 400, "FileCacheNotFound", "gone");
    let observed = wire.aws().observe(&known, &[Kind::FileCache]).await.expect("the answer is good");
    assert!(observed.resources.is_empty());
    let wire = Wire::new()
        .ok("DescribeFileCaches", json!({ "FileCaches": [answer("fc-0a", "DELETING")] }).to_string())
        .json_error("ListTagsForResource", 400, "ResourceNotFound", "gone");
    assert!(wire.aws().observe(&known, &[Kind::FileCache]).await.is_ok_and(|observed| observed.resources.is_empty()));
}

#[tokio::test]
async fn an_export_names_the_cache_where_a_file_system_would_stand() {
    let task = json!({ "TaskId": "task-1", "FileCacheId": "fc-0a", "Lifecycle": "PENDING", "Type": "EXPORT_TO_REPOSITORY", "Paths": ["train"] });
    let wire = Wire::new().ok("CreateDataRepositoryTask", json!({ "DataRepositoryTask": task }).to_string());
    let export = Export {
        address: Address::named(Kind::Link, "train"),
        file_system: "fc-0a".to_owned(),
        path: "/train".to_owned(),
        report: "s3://acme/train/provision-export-reports".to_owned(),
        tags: Tags::new(),
        token: "t".to_owned(),
    };
    let task = wire.aws().export(&export).await.expect("started");
    assert_eq!((task.id.as_str(), task.file_system.as_str()), ("task-1", "fc-0a"));
    assert!(wire.requests().contains("\"FileSystemId\": \"fc-0a\""), "{}", wire.requests());
}

#[tokio::test]
async fn only_tags_change_and_what_is_gone_is_deleted() {
    let wire = Wire::new()
        .ok("TagResource", "{}")
        .ok("DeleteFileCache", json!({ "FileCacheId": "fc-0a", "Lifecycle": "DELETING" }).to_string())
        .json_error("DeleteFileCache", 400, "FileCacheNotFound", "gone")
        .json_error("DeleteFileCache", 400, "BadRequest", "cannot delete while a data repository task is executing");
    let aws = wire.aws();
    let mut change = update(address(), "fc-0a", Resource::FileCache(wanted()), &[]);
    change.set_tags = Tags::from([("team".to_owned(), "b".to_owned())]);
    aws.update(&change).await.expect("tagged");
    let capacity = update(address(), "fc-0a", Resource::FileCache(wanted()), &["capacity"]);
    assert_eq!(aws.update(&capacity).await.expect_err("no such call").class, Class::Invalid);
    let cache = delete(address(), &["fc-0a"]);
    aws.delete(&cache).await.expect("deleted");
    aws.delete(&cache).await.expect("gone already");
    assert_eq!(aws.delete(&cache).await.expect_err("busy").class, Class::Busy);
}
