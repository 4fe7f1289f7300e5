//! Spot that is taken back, and a Capacity Block that begins and ends.

use serde_json::{Value, json};

use super::life::{assert_same, instances, mutating, requests};
use super::scene::Scene;

const SPEC: &str = r#"
[cluster]
name = "pair"

[storage]
deployment = "scratch-2"
capacity = "1.2 TiB"

[[dataset]]
s3 = "s3://acme/out"
path = "/out"
export = ["new", "changed"]

[[nodes]]
name = "trainer"
instance = "g6.xlarge"
count = 2
market = "spot"
"#;

fn status(scene: &Scene, path: &str) -> Value {
    let status = scene.run(&["status", "--format", "json", path]).exits(0);
    serde_json::from_str(&status.stdout).expect("JSON")
}

pub(super) fn spot_is_taken_back(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    let mut zones: serde_json::Map<_, _> = "abcdf".chars().map(|zone| (format!("us-east-1{zone}"), json!(1))).collect();
    zones["us-east-1d"] = json!(3);
    scene.set(&json!({ "ec2": { "spot_capacity": { "g6.xlarge": zones } } }));
    scene.run(&["plan", &path]).exits(0).says(&[
        "the cluster is to live in us-east-1d",
        "spot placement score 9 of 10 for 2 × g6.xlarge (us-east-1a: 5,",
    ]);
    scene.run(&["up", "--yes", &path]).exits(0);
    let there = status(scene, &path);
    assert_eq!(there["zone"], "us-east-1d");
    let nodes = &there["groups"][0]["nodes"];
    assert_eq!((&nodes[0]["spot"], nodes.as_array().map(Vec::len)), (&json!(true), Some(2)));
    let first = nodes[0]["id"].as_str().expect("an id").to_owned();

    scene.control("POST", "interrupt", &json!({ "instance_id": first, "notice": 0 }));
    let gone = || {
        let group = status(scene, &path)["groups"][0].take();
        (group["lost"][0]["state"] == "terminated").then_some(group)
    };
    let group = crate::program::until(std::time::Duration::from_secs(20), gone).expect("it ends");
    let lost = &group["lost"][0];
    assert_eq!((&lost["id"], &lost["interrupted"]), (&json!(first), &json!(true)));
    assert_eq!((&lost["code"], &group["missing"]), (&json!("Server.SpotInstanceTermination"), &json!(1)));
    let told = scene.run(&["status", &path]).exits(0);
    assert!(told.stdout.contains("1 LOST") && told.stdout.contains("`provision up` launches another"), "{told}");

    scene.run(&["up", "--yes", &path]).exits(0);
    let now = instances(&scene.cloud("inventory", &[]));
    assert!(now.len() == 2 && !now.contains(&first), "{now:?}");
    assert_eq!(status(scene, &path)["groups"][0]["missing"], 0);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn a_block_begins_and_ends(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let order = json!({
        "account": scene.account(), "type": "p5.48xlarge", "zone": "us-east-1d", "count": 2, "start": 86_400, "end": 259_200,
    });
    let block = scene.control("POST", "capacity-blocks", &order)["capacity_reservation_id"].take();
    let id = block.as_str().expect("an id");
    let market = format!("\"capacity-block\"\nreservation = \"{id}\"");
    let text = SPEC.replace("g6.xlarge", "p5.48xlarge").replace("\"spot\"", &market);
    let path = scene.write("cluster.toml", &text);

    let before = scene.ledger();
    scene.run(&["plan", &path]).exits(0).says(&[
        "the cluster is to live in us-east-1d",
        "the capacity block has not begun",
        "last safe moment to begin `provision down`",
    ]);
    let refused = scene.run(&["up", "--yes", &path]).exits(4);
    refused.says(&["reservation::awaited", id, "(in 23 h", "--wait-for-capacity 25h", "nothing was made"]);
    scene.run(&["up", "--yes", "--wait-for-capacity", "2h", &path]).exits(4);
    assert_eq!(mutating(&requests(&before, &scene.ledger())), [""; 0]);
    assert_same(&scene.cloud("inventory", &[]), &empty);

    // It begins while `up` waits.
    let times = json!({ "capacity_reservation_id": id, "start": 4, "end": 86_400 });
    scene.control("PUT", "capacity-blocks", &times);
    let up = scene.run(&["up", "--yes", "--wait-for-capacity", "1h", &path]).exits(0);
    up.says(&[&format!("waiting for {id}"), "pair is ready"]);
    assert_eq!(instances(&scene.cloud("inventory", &[])).len(), 2);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    let there = status(scene, &path);
    assert_eq!((&there["blocks"][0]["id"], &there["blocks"][0]["state"]), (&json!(id), &json!("active")));
    assert!(there["blocks"][0]["ends"].is_string() && there["blocks"][0]["export_by"].is_string(), "{there}");

    // Its nodes end with it, and the files are exported without them.
    let file_system = super::life::file_system(&scene.cloud("inventory", &[]));
    scene.set(&json!({ "ec2": { "block_shutdown": 1 } }));
    let times = json!({ "capacity_reservation_id": id, "start": -60, "end": 1.5 });
    scene.control("PUT", "capacity-blocks", &times);
    let ended = || (status(scene, &path)["groups"][0]["missing"] == 2).then_some(());
    crate::program::until(std::time::Duration::from_secs(20), ended).expect("they end");
    scene.write_file(&file_system, "/out/last", &json!({ "size": 10 }));
    scene.run(&["down", "--yes", &path]).exits(0);
    let ledger = scene.ledger();
    assert_eq!((&ledger["files_lost"], &ledger["capacity_reservations_cancelled"]), (&json!(0), &json!(0)));
    assert_same(&scene.cloud("inventory", &[]), &empty);
}
