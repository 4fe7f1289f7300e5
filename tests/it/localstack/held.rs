//! Capacity that is held until the nodes run in it, under the policy that the spec asks for.

use serde_json::{Value, json};

use super::crash::{after_request, signal};
use super::life::{SPEC, assert_same, instances, requests};
use super::permissions::{enforce, lift};
use super::scene::Scene;

/// Reservations that were made, and that were given back.
fn reserved(scene: &Scene) -> [u64; 2] {
    let ledger = scene.ledger();
    ["created", "cancelled"].map(|what| ledger[format!("capacity_reservations_{what}")].as_u64().unwrap_or(0))
}

pub(super) fn launched_into(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let held = SPEC.replace("count = 2", "count = 2\ncapacity = \"reserve\"");
    let path = scene.write("cluster.toml", &held);
    // Just enough in one zone: with it reserved, nobody launches there but into it.
    let mut zones: serde_json::Map<_, _> =
        "abcdef".chars().map(|zone| (format!("us-east-1{zone}"), json!(0))).collect();
    zones["us-east-1d"] = json!(2);
    scene.set(&json!({ "ec2": { "capacity": { "p5.48xlarge": zones } } }));
    let plan = scene.run(&["plan", "--detailed-exitcode", &path]).exits(2);
    plan.says(&["capacity::reserve", "like the nodes", "cluster placement group", "capacity = \"probe\""]);

    enforce(scene, "--apply", &path);
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&[
        "us-east-1d, 2 × p5.48xlarge for nodes.trainer: held as cr-",
        "is given back, nodes.trainer: its nodes run",
    ]);
    let policy = lift(scene);
    assert_eq!(policy["denied"], json!([]), "{policy:#}");
    assert_eq!(reserved(scene), [1, 1]);
    let before = scene.ledger();
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    assert!(!requests(&before, &scene.ledger()).contains_key("ec2:DescribeCapacityReservations"));
    assert_in(scene, 2);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn stopped_and_gone_on_with(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", &SPEC.replace("count = 2", "count = 2\ncapacity = \"reserve\""));
    // Ctrl-C: what waits is billed.
    scene.set(&json!({ "delay": { "file_system_create": 600.0 } }));
    let mut up = scene.start(&["up", "--yes", &path]);
    after_request(scene, &mut up, "fsx", "CreateFileSystem");
    signal(&up, "INT");
    up.end().exits(130).says(&["run::interrupted", "it is not needed any more"]);
    assert_eq!(reserved(scene), [1, 1]);
    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);

    // Killed: the next run launches into what is left.
    scene.reset();
    let empty = scene.cloud("inventory", &[]);
    let mut up = scene.start(&["up", "--yes", &path]);
    after_request(scene, &mut up, "fsx", "CreateFileSystem");
    up.kill();
    drop(up);
    assert_eq!(reserved(scene), [1, 0]);
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&["2 × p5.48xlarge for nodes.trainer: held as cr-", "its nodes run"]);
    assert_eq!(reserved(scene), [1, 1]);
    assert_in(scene, 2);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

/// So many nodes were launched into a reservation, and in no placement group.
fn assert_in(scene: &Scene, nodes: usize) {
    let now = scene.cloud("inventory", &[]);
    let into = |instance: &Value| instance["CapacityReservationId"].is_string();
    let into = now["instances"].as_array().expect("a list").iter().filter(|each| into(each)).count();
    assert_eq!((instances(&now).len(), into, &now["placements"]), (nodes, nodes, &json!([])));
}
