//! From nothing through every kind of change back to nothing, and what it takes to get there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scene::Scene;

/// A cluster of two links and one group; every line that a scenario changes is there to be replaced.
pub(super) const SPEC: &str = r#"
[cluster]
name = "pair"
tags = { team = "vision" }
launch = "after-storage"

[storage]
capacity = "1.2 TiB"
throughput_per_tib = "250 MB/s"
metadata_iops = 1500
compression = "lz4"

[[dataset]]
s3 = "s3://acme/train"
path = "/train"

[[dataset]]
s3 = "s3://acme/checkpoints"
path = "/checkpoints"
import = []
export = ["new", "changed"]
preload = "none"

[[nodes]]
name = "trainer"
instance = "p5.48xlarge"
count = 2
"#;

/// The spec with some of its text replaced.
pub(super) fn spec(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(SPEC.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to replace: {from}");
        text.replace(from, to)
    })
}

/// Requests between two looks at the ledger, by service and operation.
pub(super) fn requests(before: &Value, after: &Value) -> BTreeMap<String, u64> {
    let count = |ledger: &Value, service: &str, operation: &str| {
        ledger["requests"][service][operation].as_u64().unwrap_or_default()
    };
    let services = after["requests"].as_object().expect("the ledger counts requests");
    let mut found = BTreeMap::new();
    for (service, operations) in services {
        for operation in operations.as_object().expect("by operation").keys() {
            let sent = count(after, service, operation) - count(before, service, operation);
            if sent > 0 {
                found.insert(format!("{service}:{operation}"), sent);
            }
        }
    }
    found
}

/// Those that change something.
pub(super) fn mutating(requests: &BTreeMap<String, u64>) -> Vec<&str> {
    let only_looks =
        |name: &&str| ["Describe", "Get", "List", "Head"].iter().any(|verb| name.contains(&format!(":{verb}")));
    let is_trial = |name: &&str| name.ends_with("(dry run)");
    requests.keys().map(String::as_str).filter(|name| !only_looks(name) && !is_trial(name)).collect()
}

/// The identifiers of a kind in an inventory, sorted.
pub(super) fn ids(inventory: &Value, kind: &str, key: &str) -> Vec<String> {
    let all = inventory[kind].as_array().unwrap_or_else(|| panic!("no {kind} in {inventory}"));
    let mut found: Vec<String> = all.iter().map(|each| each[key].as_str().expect("an identifier").to_owned()).collect();
    found.sort();
    found
}

pub(super) fn instances(inventory: &Value) -> Vec<String> {
    ids(inventory, "instances", "InstanceId")
}

pub(super) fn file_system(inventory: &Value) -> String {
    let found = ids(inventory, "file_systems", "FileSystemId");
    assert_eq!(found.len(), 1, "file systems");
    found[0].clone()
}

/// One of everything that the spec asks for, and so many nodes: no more, no less.
#[track_caller]
pub(super) fn assert_complete(inventory: &Value, empty: &Value, nodes: usize) {
    // The lock of a run that was killed at its very end stays: the next one has nothing to do, and so changes nothing.
    let count = |of: &Value, kind: &str| {
        let all = of[kind].as_array().into_iter().flatten();
        all.filter(|each| !each["Name"].as_str().is_some_and(|name| name.contains("/lock/"))).count()
    };
    let more = |kind: &str| count(inventory, kind) - count(empty, kind);
    let found: Vec<(&str, usize)> =
        ["file_systems", "links", "instances", "groups", "placements", "templates", "roles", "profiles", "parameters"]
            .map(|kind| (kind, more(kind)))
            .to_vec();
    let wanted = [
        ("file_systems", 1),
        ("links", 2),
        ("instances", nodes),
        ("groups", 1),
        ("placements", 1),
        ("templates", 1),
        ("roles", 1),
        ("profiles", 1),
        ("parameters", 1),
    ];
    if found != wanted {
        let names = |kind: &str| format!("{kind}: {}", names(&inventory[kind]));
        let all: Vec<String> = wanted.iter().map(|(kind, _)| names(kind)).collect();
        panic!("is {found:?}\nnot {wanted:?}\n{}", all.join("\n"));
    }
}

/// What a reader of a failed test needs of a list of resources: whatever names them.
fn names(resources: &Value) -> String {
    let of_one = |resource: &Value| {
        let fields = resource.as_object().into_iter().flatten();
        let telling =
            fields.filter(|(key, _)| ["Id", "Name", "Value", "Lifecycle"].iter().any(|end| key.ends_with(end)));
        telling.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    resources.as_array().into_iter().flatten().map(of_one).collect::<Vec<_>>().join("; ")
}

#[track_caller]
pub(super) fn assert_same(found: &Value, wanted: &Value) {
    let kinds = found.as_object().expect("an inventory").keys();
    let differ = kinds.filter(|kind| found[kind] != wanted[kind]);
    let differences: Vec<String> =
        differ.map(|kind| format!("{kind} is  {}\n{kind} was {}", names(&found[kind]), names(&wanted[kind]))).collect();
    assert!(differences.is_empty(), "not as it was before\n{}", differences.join("\n"));
}

/// Runs it and tells which requests it sent.
fn counted(scene: &Scene, args: &[&str], code: i32) -> BTreeMap<String, u64> {
    let before = scene.ledger();
    scene.run(args).exits(code);
    requests(&before, &scene.ledger())
}

#[track_caller]
fn assert_at_most(requests: &BTreeMap<String, u64>, limit: u64) {
    assert!(requests.values().sum::<u64>() <= limit, "more than {limit} requests: {requests:#?}");
}

pub(super) fn a_whole_life(scene: &Scene) {
    // Beside it lives another one, whose name begins like ours, with a file that is not in S3.
    let beside = spec(&[("\"pair\"", "\"pair-b\""), ("s3://acme/", "s3://acme-b/"), ("count = 2", "count = 1")]);
    scene.run(&["up", "--yes", &scene.write("beside.toml", &beside)]).exits(0);
    let theirs = file_system(&scene.cloud("inventory", &[]));
    scene.write_file(&theirs, "/train/theirs", &json!({}));
    let before = scene.cloud("inventory", &[]);

    let path = scene.write("pair.toml", SPEC);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(2).says(&["9 to create"]);
    assert_at_most(&counted(scene, &["up", "--yes", &path], 0), 60);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &before, 2);
    assert!(!now["parameters"].to_string().contains("/lock/"), "the lock was not given back: {}", now["parameters"]);
    for args in [&["up", "--yes", &path][..], &["plan", "--detailed-exitcode", &path]] {
        let sent = counted(scene, args, 0);
        assert_eq!(mutating(&sent), Vec::<&str>::new(), "{args:?} changed what was complete");
        assert_at_most(&sent, 20);
    }

    let grown = spec(&[
        ("1.2 TiB", "2.4 TiB"),
        ("= 1500", "= 3000"),
        ("lz4", "none"),
        ("\"vision\" }", "\"speech\", stage = \"dev\" }"),
        ("count = 2", "count = 4"),
    ]);
    // Programs that read the lines are told of an end even where there was nothing to do.
    scene.run(&["up", "--yes", "--json", &path]).exits(0).says(&["\"outcome\":\"complete\",\"done\":0"]);
    let path = scene.write("pair.toml", &grown);
    let first = instances(&scene.cloud("inventory", &[]));
    scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &before, 4);
    assert!(first.iter().all(|id| instances(&now).contains(id)), "nodes were replaced");
    let ours = now["file_systems"].as_array().expect("a list").iter().find(|each| each["FileSystemId"] != *theirs);
    let ours = ours.expect("the file system of the cluster");
    let lustre = &ours["LustreConfiguration"];
    assert_eq!(
        (&ours["StorageCapacity"], &lustre["MetadataConfiguration"]["Iops"], &lustre["DataCompressionType"]),
        (&json!(2400), &json!(3000), &json!("NONE"))
    );
    for (kind, count) in [("file_systems", 1), ("links", 2), ("instances", 4)] {
        for (key, value) in [("provision:cluster", "pair"), ("team", "speech"), ("stage", "dev")] {
            assert_eq!(now[kind].to_string().matches(&tag(key, value)).count(), count, "{kind} tagged {key}");
        }
    }
    let fsx = ours["FileSystemId"].as_str().expect("an id").to_owned();

    drift(scene, &fsx, &instances(&now), &first);
    let planned = scene.run(&["plan", "--detailed-exitcode", &path]).exits(2);
    planned.says(&["link.train", "compression", "lz4", "nodes.trainer", "3 → 4"]);
    scene.run(&["status", &path]).exits(0).says(&["3 ready, 4 wanted"]);
    scene.run(&["up", "--yes", &path]).exits(0);
    assert_complete(&scene.cloud("inventory", &[]), &before, 4);
    assert_eq!(mutating(&counted(scene, &["up", "--yes", &path], 0)), Vec::<&str>::new());

    scene.write_file(&fsx, "/checkpoints/step-1", &json!({ "content": "weights" }));
    scene.write_file(&fsx, "/train/index", &json!({ "content": "made on a node" }));
    scene.run(&["list"]).exits(0).says(&["2 clusters", "pair-b"]);
    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0).says(&["pair is gone"]);
    let ledger = scene.ledger();
    assert_eq!((&ledger["files_lost"], &ledger["unlinked_lost"]), (&json!(0), &json!(0)), "{}", ledger["lost_paths"]);
    let objects = scene.cloud("objects", &["acme", "acme-b"]);
    let kept: Vec<&str> = objects["acme"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(kept.contains(&"checkpoints/step-1") && kept.contains(&"train/index"), "{objects}");
    assert_eq!(objects["acme-b"], json!([]), "somebody else's file was exported");
    assert_same(&scene.cloud("inventory", &[]), &before);
    assert_eq!(scene.files(&theirs), ["/train/theirs"]);
    let sent = counted(scene, &["down", "--cluster", "pair", "--yes"], 0);
    assert_eq!(mutating(&sent), Vec::<&str>::new(), "there was nothing to take down");
}

fn tag(key: &str, value: &str) -> String {
    format!(r#"{{"Key":"{key}","Value":"{value}"}}"#)
}

/// What somebody does by hand, behind our back: a node, a link and a setting are not as they were.
fn drift(scene: &Scene, fsx: &str, now: &[String], first: &[String]) {
    let second =
        now.iter().find(|id| !first.contains(id) && !is_theirs(scene, id)).expect("a node of the second launch");
    scene.cloud("terminate", &[second]);
    let inventory = scene.cloud("inventory", &[]);
    let links = inventory["links"].as_array().expect("a list");
    let train = links.iter().find(|link| link["FileSystemId"] == *fsx && link["FileSystemPath"] == "/train");
    scene.cloud("unlink", &[train.expect("the link")["AssociationId"].as_str().expect("an id")]);
    scene.cloud("compress", &[fsx, "LZ4"]);
}

fn is_theirs(scene: &Scene, id: &str) -> bool {
    let inventory = scene.cloud("inventory", &[]);
    let all = inventory["instances"].as_array().expect("a list");
    all.iter()
        .any(|each| each["InstanceId"] == *id && each["Tags"].to_string().contains(&tag("provision:cluster", "pair-b")))
}

pub(super) fn both_launch_modes(scene: &Scene) {
    for mode in ["after-storage", "with-storage"] {
        scene.reset();
        let empty = scene.cloud("inventory", &[]);
        let path = scene.write("cluster.toml", &spec(&[("after-storage", mode)]));
        let events = scene.run(&["up", "--yes", "--json", &path]).exits(0).stdout;
        let at = |kind: &str, address: &str| {
            let is_it = |line: &str| {
                let event: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
                event["event"]["kind"] == kind && event["event"]["address"] == address
            };
            events.lines().position(is_it).unwrap_or_else(|| panic!("no {kind} of {address} in\n{events}"))
        };
        let nodes_first = at("started", "nodes.trainer") < at("finished", "fsx");
        assert_eq!(nodes_first, mode == "with-storage", "{mode}\n{events}");
        assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
        scene.run(&["down", "--yes", &path]).exits(0);
        assert_same(&scene.cloud("inventory", &[]), &empty);
    }
}

pub(super) fn a_thousand_nodes(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", &spec(&[("p5.48xlarge", "g6.xlarge"), ("count = 2", "count = 1000")]));
    assert_at_most(&counted(scene, &["up", "--yes", &path], 0), 80);
    assert_eq!(scene.ledger()["nodes_ready"], 1000);
    let sent = counted(scene, &["plan", "--detailed-exitcode", &path], 0);
    assert_at_most(&sent, 20);
    scene.run(&["status", &path]).exits(0).says(&["1,000 of 1,000 nodes ready"]);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}
