//! Groups that may be of several types, where the types run out; and one node in the place of another.

use serde_json::{Value, json};

use super::life::{assert_complete, assert_same, instances, spec};
use super::scene::Scene;

/// A launch is refused and goes on with the next type; that stays, also for a node that is replaced by hand.
pub(super) fn the_next_type_and_one_node_replaced(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let several = "instance = [\"p5.48xlarge\", \"p4d.24xlarge\"]\ncapacity = \"none\"";
    let path = scene.write("cluster.toml", &spec(&[("instance = \"p5.48xlarge\"", several)]));
    let zones: serde_json::Map<_, _> = "abcdef".chars().map(|zone| (format!("us-east-1{zone}"), json!(1))).collect();
    scene.set(&json!({ "ec2": { "capacity": { "p5.48xlarge": zones } } }));
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&["cannot be p5.48xlarge now", "InsufficientInstanceCapacity", "p4d.24xlarge is launched instead"]);
    let first = scene.cloud("inventory", &[]);
    assert_complete(&first, &empty, 2);
    assert_eq!(types(scene, &path), ["p4d.24xlarge", "p4d.24xlarge"]);

    // By then there is room for what was wanted first; nobody changes the type of a group that runs.
    scene.set(&json!({ "ec2": { "capacity": {} } }));
    let before = instances(&first);
    scene.run(&["replace", "--yes", &before[0], &path]).exits(0);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 2);
    let after = instances(&now);
    assert!(!after.contains(&before[0]) && after.contains(&before[1]), "{before:?} became {after:?}");
    assert_eq!(types(scene, &path), ["p4d.24xlarge", "p4d.24xlarge"]);
    scene.run(&["replace", "--yes", &before[0], &path]).exits(1).says(&["has ended already"]);

    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

fn types(scene: &Scene, path: &str) -> Vec<String> {
    let status = scene.run(&["status", "--format", "json", path]).exits(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    let nodes = status["groups"][0]["nodes"].as_array().expect("a list");
    nodes.iter().map(|node| node["instance"].as_str().unwrap_or_default().to_owned()).collect()
}
