use insta::assert_snapshot;
use serde_json::{Value, json};

use super::wire::{Wire, fsx_tags};
use super::{create, delete, scope, tags, update};
use crate::cloud::{Class, Cloud as _, Created, Export, Scope};
use crate::desired::{Address, FileSystem, Kind, Link, Reference, Resource, Tags};
use crate::observed::{Endpoint, Seen, State, TaskState, Work};
use crate::spec::{Compression, Deployment, DriveCache, Flow, Media, MetadataIops, ReadCache};

fn wanted() -> FileSystem {
    FileSystem {
        deployment: Deployment::Persistent2,
        media: Media::Ssd,
        capacity_gib: Some(4800),
        throughput_per_tib: Some(250),
        throughput: None,
        read_cache: None,
        drive_cache: None,
        metadata_iops: Some(MetadataIops::Provisioned(6000)),
        compression: Compression::Lz4,
        efa: false,
        kms_key: None,
        subnet: "subnet-0a".to_owned(),
        security_group: Reference::Ours(Address::one(Kind::SecurityGroup)),
    }
}

fn link() -> Link {
    Link {
        bucket: "acme".to_owned(),
        prefix: "train".to_owned(),
        path: "/train".to_owned(),
        import: vec![Flow::New, Flow::Changed],
        export: vec![],
        import_chunk_mib: None,
        preload_metadata: true,
        export_on_down: true,
    }
}

fn answer(lifecycle: &str, tags: &Tags) -> Value {
    json!({
        "FileSystemId": "fs-0a",
        "ResourceARN": "arn:aws:fsx:us-east-1:123456789012:file-system/fs-0a",
        "Lifecycle": lifecycle,
        "DNSName": "fs-0a.fsx.us-east-1.amazonaws.com",
        "StorageCapacity": 4800,
        "StorageType": "SSD",
        "SubnetIds": ["subnet-0a"],
        "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1",
        "Tags": fsx_tags(tags),
        "LustreConfiguration": {
            "DeploymentType": "PERSISTENT_2",
            "PerUnitStorageThroughput": 250,
            "MountName": "abcdefgh",
            "DataCompressionType": "LZ4",
            "MetadataConfiguration": { "Mode": "USER_PROVISIONED", "Iops": 6000 },
        },
    })
}

fn ours() -> Tags {
    tags(&Address::one(Kind::Fsx))
}

fn association(id: &str, path: &str, s3: &str, lifecycle: &str, tags: &Tags) -> Value {
    json!({
        "AssociationId": id, "FileSystemId": "fs-0a", "FileSystemPath": path, "DataRepositoryPath": s3, "Lifecycle": lifecycle,
        "ImportedFileChunkSize": 1024, "Tags": fsx_tags(tags),
        "S3": { "AutoImportPolicy": { "Events": ["DELETED", "NEW", "CHANGED"] } },
    })
}

async fn see(wire: &Wire, scope: &Scope) -> Vec<Seen> {
    wire.aws().observe(scope, &[Kind::Fsx]).await.expect("the answer is good").resources
}

async fn see_one(file_system: Value) -> Seen {
    let wire = Wire::new().ok("DescribeFileSystems", json!({ "FileSystems": [file_system] }).to_string());
    see(&wire, &scope()).await.remove(0)
}

#[tokio::test]
async fn a_file_system_is_made_with_everything_said() {
    let wire = Wire::new().ok("CreateFileSystem", json!({ "FileSystem": answer("CREATING", &ours()) }).to_string());
    let create = create(Address::one(Kind::Fsx), Resource::Fsx(wanted()));
    let Created::Resource(seen) = wire.aws().create(&create).await.expect("the answer is good") else {
        panic!("no resource")
    };
    assert_eq!((seen.state, seen.id.as_str()), (State::Creating, "fs-0a"));
    let endpoint =
        Endpoint { dns_name: "fs-0a.fsx.us-east-1.amazonaws.com".to_owned(), mount_name: "abcdefgh".to_owned() };
    assert_eq!(seen.endpoint, Some(endpoint));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn each_deployment_type_says_only_what_it_knows() {
    let reply = || Wire::new().ok("CreateFileSystem", json!({ "FileSystem": answer("CREATING", &ours()) }).to_string());
    let mut all = String::new();
    let plain = FileSystem { throughput_per_tib: None, metadata_iops: None, capacity_gib: Some(1200), ..wanted() };
    for wanted in [
        FileSystem { deployment: Deployment::Scratch2, ..plain.clone() },
        FileSystem {
            deployment: Deployment::Persistent1,
            media: Media::Hdd,
            throughput_per_tib: Some(12),
            drive_cache: Some(DriveCache::Read),
            kms_key: Some("alias/mine".to_owned()),
            ..plain.clone()
        },
        FileSystem {
            media: Media::IntelligentTiering,
            capacity_gib: None,
            throughput: Some(4000),
            read_cache: Some(ReadCache::Provisioned(64)),
            metadata_iops: Some(MetadataIops::Auto),
            efa: true,
            security_group: Reference::Existing("sg-theirs".to_owned()),
            ..plain
        },
    ] {
        let wire = reply();
        let create = create(Address::one(Kind::Fsx), Resource::Fsx(wanted));
        wire.aws().create(&create).await.expect("the answer is good");
        let request = wire.requests();
        // The tags are the same each time.
        let (before, after) = request.split_once("\"Tags\"").expect("there are tags");
        all.push_str(before);
        all.push_str(after.split_once(']').expect("the tags end").1);
    }
    assert_snapshot!(all);
}

#[tokio::test]
async fn rules_of_a_young_group_may_not_be_seen_yet() {
    let message = "The file system cannot be created because the default network's security group does not permit Lustre LNET traffic on port 988.";
    let refuse = || Wire::new().json_error("CreateFileSystem", 400, "InvalidNetworkSettings", message);
    let mut create = create(Address::one(Kind::Fsx), Resource::Fsx(wanted()));
    assert_eq!(refuse().aws().create(&create).await.expect_err("refused").class, Class::NotYet);
    let theirs = FileSystem { security_group: Reference::Existing("sg-theirs".to_owned()), ..wanted() };
    create.resource = Resource::Fsx(theirs);
    let error = refuse().aws().create(&create).await.expect_err("refused");
    assert_eq!((error.class, error.address), (Class::Invalid, Some(Address::one(Kind::Fsx))));
}

#[tokio::test]
async fn a_file_system_is_seen_in_the_words_of_the_spec() {
    let seen = see_one(answer("AVAILABLE", &ours())).await;
    assert_eq!(seen.state, State::Ready);
    let wanted: Vec<_> = Resource::Fsx(wanted()).fields();
    for (name, value) in wanted {
        assert_eq!(seen.fields.get(name), Some(&value), "{name}");
    }
    assert_eq!(seen.fields.get("efa").map(String::as_str), Some("false"), "absent is off");
}

#[tokio::test]
async fn a_change_in_progress_is_updating_whatever_the_lifecycle_says() {
    let action = |status: &str, time: u32| json!({ "AdministrativeActionType": "FILE_SYSTEM_UPDATE", "Status": status, "RequestTime": time, "FailureDetails": { "Message": "no room" } });
    let with = |actions: Value| {
        let mut file_system = answer("AVAILABLE", &ours());
        file_system["AdministrativeActions"] = actions;
        see_one(file_system)
    };
    assert_eq!(with(json!([action("PENDING", 2), action("COMPLETED", 1)])).await.state, State::Updating);
    assert_eq!(with(json!([action("IN_PROGRESS", 2)])).await.state, State::Updating);
    let optimizing = json!([{ "AdministrativeActionType": "STORAGE_OPTIMIZATION", "Status": "IN_PROGRESS" }, action("UPDATED_OPTIMIZING", 1)]);
    assert_eq!(with(optimizing).await.state, State::Ready);
    let failed = with(json!([action("COMPLETED", 1), action("FAILED", 2)])).await;
    assert_eq!((failed.state, failed.reason.as_deref()), (State::Ready, Some("the last change failed: no room")));
    let over = with(json!([action("FAILED", 1), action("COMPLETED", 2)])).await;
    assert_eq!(over.reason, None);
}

#[tokio::test]
async fn what_aws_has_learned_since_is_no_panic() {
    let mut file_system = answer("HIBERNATING", &ours());
    file_system["StorageType"] = json!("QUARTZ");
    file_system["LustreConfiguration"]["DeploymentType"] = json!("PERSISTENT_9");
    file_system["LustreConfiguration"]["MetadataConfiguration"] = json!({ "Mode": "CLAIRVOYANT" });
    file_system["FailureDetails"] = json!({ "Message": "why" });
    let seen = see_one(file_system).await;
    assert_eq!(
        (seen.state, seen.lifecycle.as_str(), seen.reason.as_deref()),
        (State::Misconfigured, "HIBERNATING", Some("why"))
    );
    assert_eq!((seen.fields["media"].as_str(), seen.fields["deployment"].as_str()), ("QUARTZ", "PERSISTENT_9"));
    assert_eq!(seen.fields.get("metadata_iops"), None);
    assert_eq!(see_one(answer("MISCONFIGURED_UNAVAILABLE", &ours())).await.state, State::Misconfigured);
    assert_eq!(see_one(answer("FAILED", &ours())).await.state, State::Failed);
}

#[tokio::test]
async fn pages_may_be_empty_and_strangers_are_left_out() {
    let other = Tags::from([("provision:cluster".to_owned(), "vision-2".to_owned())]);
    let wire = Wire::new()
        .ok(
            "DescribeFileSystems",
            json!({ "FileSystems": [answer("AVAILABLE", &other)], "NextToken": "1" }).to_string(),
        )
        .ok("DescribeFileSystems", json!({ "FileSystems": [], "NextToken": "2" }).to_string())
        .ok("DescribeFileSystems", json!({ "FileSystems": [answer("AVAILABLE", &ours())] }).to_string());
    assert_eq!(see(&wire, &scope()).await.len(), 1);
    assert_eq!(wire.count("DescribeFileSystems"), 3);
}

#[tokio::test]
async fn a_file_system_that_is_gone_is_absent() {
    let wire = Wire::new().json_error("DescribeFileSystems", 400, "FileSystemNotFound", "fs-0a does not exist");
    assert_eq!(see(&wire, &Scope { file_system: Some("fs-0a".to_owned()), ..scope() }).await, []);
    assert_snapshot!(wire.requests(), @r#"
    DescribeFileSystems
    {
      "FileSystemIds": [
        "fs-0a"
      ]
    }
    "#);
}

#[tokio::test]
async fn links_and_tasks_are_found_through_their_file_system() {
    let train = Address::named(Kind::Link, "train");
    let page = |id: &str, token: Value| {
        json!({ "Associations": [association(id, "/train", "s3://acme/train/", "MISCONFIGURED", &tags(&train))], "NextToken": token })
            .to_string()
    };
    let task = |id: &str, kind: &str, lifecycle: &str| json!({ "TaskId": id, "Type": kind, "Lifecycle": lifecycle, "CreationTime": 1_700_000_000, "Status": { "TotalCount": 7, "SucceededCount": 5, "FailedCount": 2 } });
    let tasks = json!({ "DataRepositoryTasks": [task("task-1", "EXPORT_TO_REPOSITORY", "FAILED"), task("task-2", "SOMETHING_NEW", "RESTING")] });
    let wire = Wire::new()
        .ok("DescribeFileSystems", json!({ "FileSystems": [answer("AVAILABLE", &ours())] }).to_string())
        .ok("DescribeDataRepositoryAssociations", page("dra-1", json!("again")))
        .ok("DescribeDataRepositoryAssociations", page("dra-2", json!("again")))
        .ok("DescribeDataRepositoryTasks", tasks.to_string());
    let observed =
        wire.aws().observe(&scope(), &[Kind::Fsx, Kind::Link, Kind::Task]).await.expect("the answers are good");
    let links: Vec<_> = observed.resources.iter().filter(|seen| seen.address == train).collect();
    assert_eq!(
        links.iter().map(|link| link.id.as_str()).collect::<Vec<_>>(),
        ["dra-1", "dra-2"],
        "a repeated token ends the pages"
    );
    assert_eq!(links[0].state, State::Misconfigured);
    let fields: Vec<_> = links[0].fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        fields,
        [
            "export: never",
            "import: new, changed, deleted",
            "import_chunk: 1024 MiB",
            "path: /train",
            "s3: s3://acme/train"
        ]
    );
    assert_eq!(
        (observed.tasks[0].work, observed.tasks[0].state, observed.tasks[0].failed),
        (Work::Export, TaskState::Failed, 2)
    );
    assert!(observed.tasks[1].state.is_active(), "what is not known counts as work");
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn without_a_file_system_nothing_is_asked_of_links() {
    let wire = Wire::new().ok("DescribeFileSystems", json!({ "FileSystems": [] }).to_string());
    let observed =
        wire.aws().observe(&scope(), &[Kind::Fsx, Kind::Link, Kind::Task]).await.expect("the answer is good");
    assert_eq!(observed, crate::observed::Observed::default());
    assert_eq!(wire.operations(), ["DescribeFileSystems"]);
}

#[tokio::test]
async fn a_strangers_link_of_our_file_system_is_foreign() {
    let page = json!({ "Associations": [association("dra-1", "/by-hand", "s3://acme/x", "AVAILABLE", &Tags::new())] });
    let wire = Wire::new().ok("DescribeDataRepositoryAssociations", page.to_string());
    let scope = Scope { file_system: Some("fs-0a".to_owned()), ..scope() };
    let observed = wire.aws().observe(&scope, &[Kind::Link]).await.expect("the answer is good");
    assert_eq!(observed.resources, []);
    assert_eq!(
        format!("{}: {}", observed.foreign[0].address, observed.foreign[0].why),
        "link.by-hand: links our file system, and has no tag `provision:cluster`"
    );
}

#[tokio::test]
async fn a_link_is_made_changed_and_removed() {
    let address = Address::named(Kind::Link, "train");
    let made = association("dra-1", "/train", "s3://acme/train/", "CREATING", &tags(&address));
    let wire = Wire::new()
        .ok("CreateDataRepositoryAssociation", json!({ "Association": made }).to_string())
        .ok("UpdateDataRepositoryAssociation", "{}")
        .ok("UpdateDataRepositoryAssociation", "{}")
        .ok("TagResource", "{}")
        .ok("UntagResource", "{}")
        .ok("DeleteDataRepositoryAssociation", "{}");
    let aws = wire.aws();
    aws.create(&create(address.clone(), Resource::Link(link()))).await.expect("the answer is good");
    aws.update(&update(address.clone(), "dra-1", Resource::Link(link()), &["export"]))
        .await
        .expect("the answer is good");
    let mut change = update(
        address.clone(),
        "dra-1",
        Resource::Link(Link { import_chunk_mib: Some(64), ..link() }),
        &["import", "import_chunk"],
    );
    change.set_tags = [("team".to_owned(), "b".to_owned())].into();
    change.remove_tags = ["old".to_owned()].into();
    aws.update(&change).await.expect("the answer is good");
    aws.delete(&delete(address, &["dra-1"])).await.expect("the answer is good");
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_link_that_imports_and_exports_nothing_says_nothing_of_it() {
    let address = Address::named(Kind::Link, "root");
    let made = association("dra-1", "/", "s3://acme/", "CREATING", &tags(&address));
    let wire = Wire::new().ok("CreateDataRepositoryAssociation", json!({ "Association": made }).to_string());
    let bare = Link { prefix: String::new(), path: "/".to_owned(), import: vec![], preload_metadata: false, ..link() };
    let Created::Resource(seen) =
        wire.aws().create(&create(address, Resource::Link(bare))).await.expect("the answer is good")
    else {
        panic!("no resource")
    };
    assert_eq!((seen.fields["path"].as_str(), seen.fields["s3"].as_str()), ("/", "s3://acme"));
    assert!(!wire.requests().contains("\"S3\""), "{}", wire.requests());
}

#[tokio::test]
async fn a_file_system_changes_by_what_is_named() {
    let address = Address::one(Kind::Fsx);
    let wire = Wire::new().ok("UpdateFileSystem", "{}").ok("UpdateFileSystem", "{}").ok("TagResource", "{}");
    let aws = wire.aws();
    aws.update(&update(address.clone(), "fs-0a", Resource::Fsx(wanted()), &["capacity"]))
        .await
        .expect("the answer is good");
    let all = ["metadata_iops", "compression", "throughput_per_tib"];
    aws.update(&update(address.clone(), "fs-0a", Resource::Fsx(wanted()), &all)).await.expect("the answer is good");
    let mut only_tags = update(address.clone(), "fs-0a", Resource::Fsx(wanted()), &[]);
    only_tags.set_tags = [("team".to_owned(), "b".to_owned())].into();
    aws.update(&only_tags).await.expect("the answer is good");
    assert_snapshot!(wire.requests());
    let error =
        aws.update(&update(address, "fs-0a", Resource::Fsx(wanted()), &["subnet"])).await.expect_err("not in place");
    assert_eq!((error.class, error.message.as_str()), (Class::Invalid, "`subnet` cannot be changed in place"));
}

#[tokio::test]
async fn removal_is_done_when_nothing_is_there() {
    let wire = Wire::new()
        .ok("DeleteFileSystem", "{}")
        .json_error("DeleteFileSystem", 400, "FileSystemNotFound", "gone")
        .json_error(
            "DeleteFileSystem",
            400,
            "BadRequest",
            "Cannot delete: data repository tasks are PENDING or EXECUTING",
        )
        .json_error("DeleteDataRepositoryAssociation", 400, "DataRepositoryAssociationNotFound", "gone");
    let aws = wire.aws();
    let file_system = delete(Address::one(Kind::Fsx), &["fs-0a"]);
    aws.delete(&file_system).await.expect("the answer is good");
    aws.delete(&file_system).await.expect("gone is done");
    assert_eq!(aws.delete(&file_system).await.expect_err("refused").class, Class::Busy);
    aws.delete(&delete(Address::named(Kind::Link, "train"), &["dra-1"])).await.expect("gone is done");
    assert_snapshot!(wire.requests().split("\n\n").next().unwrap_or_default(), @r#"
    DeleteFileSystem
    {
      "ClientRequestToken": "d-fsx",
      "FileSystemId": "fs-0a"
    }
    "#);
}

#[tokio::test]
async fn an_export_says_where_its_failures_go() {
    let reply = json!({ "DataRepositoryTask": { "TaskId": "task-1", "Type": "EXPORT_TO_REPOSITORY", "Lifecycle": "PENDING", "FileSystemId": "fs-0a", "CreationTime": 1_700_000_000 } });
    let wire = Wire::new()
        .ok("CreateDataRepositoryTask", reply.to_string())
        .json_error("CreateDataRepositoryTask", 400, "DataRepositoryTaskExecuting", "one runs")
        .ok("CreateDataRepositoryTask", reply.to_string());
    let address = Address::named(Kind::Link, "checkpoints");
    let mut export = Export {
        address: address.clone(),
        file_system: "fs-0a".to_owned(),
        path: "/checkpoints".to_owned(),
        report: "s3://acme/checkpoints/.provision".to_owned(),
        tags: Tags::from([("a".to_owned(), "b".to_owned())]),
        token: "e-1".to_owned(),
    };
    let aws = wire.aws();
    let task = aws.export(&export).await.expect("the answer is good");
    assert_eq!((task.id.as_str(), task.state, task.work), ("task-1", TaskState::Pending, Work::Export));
    assert_snapshot!(wire.requests());
    let error = aws.export(&export).await.expect_err("refused");
    assert_eq!((error.class, error.address), (Class::Busy, Some(address)));
    export.path = "/".to_owned();
    aws.export(&export).await.expect("the answer is good");
    assert!(
        !wire.requests().rsplit("CreateDataRepositoryTask").next().unwrap_or_default().contains("Paths"),
        "no path is everything"
    );
}

#[tokio::test]
async fn a_task_that_has_ended_is_cancelled() {
    let wire = Wire::new()
        .ok("CancelDataRepositoryTask", "{}")
        .json_error("CancelDataRepositoryTask", 400, "DataRepositoryTaskEnded", "over")
        .json_error("CancelDataRepositoryTask", 400, "DataRepositoryTaskNotFound", "gone")
        .json_error("CancelDataRepositoryTask", 400, "UnsupportedOperation", "no");
    let aws = wire.aws();
    for _ in 0..3 {
        aws.cancel_task("task-1").await.expect("ended is done");
    }
    assert_eq!(aws.cancel_task("task-1").await.expect_err("refused").class, Class::Invalid);
}
