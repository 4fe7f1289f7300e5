//! Nodes that do not boot, and nodes that there is no room for.

use serde_json::json;

use super::life::{SPEC, assert_complete, assert_same, instances, mutating, requests};
use super::scene::Scene;

pub(super) fn a_boot_fails(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.set(&json!({ "boot": { "rules": [{ "result": "failed: no NVIDIA driver", "address": "nodes.trainer", "index": 1 }] } }));
    let failed = scene.run(&["up", "--yes", &path]).exits(1).says(&["nodes::failed", ": no NVIDIA driver"]);
    let first = instances(&scene.cloud("inventory", &[]));
    assert_eq!(first.len(), 2);
    let last_words = failed.stderr.rsplit("error[").next().unwrap_or_default();
    let named: Vec<&String> = first.iter().filter(|id| last_words.contains(id.as_str())).collect();
    assert_eq!(named.len(), 1, "names the one that failed\n{failed}");

    scene.run(&["plan", "--detailed-exitcode", &path]).exits(2).says(&[named[0]]);
    scene.run(&["up", "--yes", &path]).exits(0);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 2);
    let kept: Vec<&String> = first.iter().filter(|id| instances(&now).contains(id)).collect();
    assert!(kept.len() == 1 && kept != named, "{first:?} became {:?}; {named:?} had failed", instances(&now));
    let ledger = scene.ledger();
    assert_eq!((&ledger["instances_launched"], &ledger["instances_terminated"]), (&json!(3), &json!(1)));
}

pub(super) fn no_capacity(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    let room = |nodes: u32| {
        let zones: serde_json::Map<_, _> =
            "abcdef".chars().map(|zone| (format!("us-east-1{zone}"), json!(nodes))).collect();
        json!({ "ec2": { "capacity": { "p5.48xlarge": zones } } })
    };
    scene.set(&room(1));
    let failed = scene.run(&["up", "--yes", &path]).exits(4);
    failed.says(&["InsufficientInstanceCapacity", "nodes.trainer", "provision down --cluster pair"]);
    let now = scene.cloud("inventory", &[]);
    assert_eq!(instances(&now), Vec::<String>::new(), "a part of a group was launched");

    // It is told again, and not at the price of a launch that is sure to fail a second time with another token.
    scene.run(&["up", "--yes", &path]).exits(4);
    scene.set(&room(2));
    scene.run(&["up", "--yes", &path]).exits(0);
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    let before = scene.ledger();
    scene.run(&["up", "--yes", &path]).exits(0);
    assert_eq!(mutating(&requests(&before, &scene.ledger())), Vec::<&str>::new());
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}
