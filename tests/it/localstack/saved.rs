//! A plan that one job makes, a person reviews, and another job applies; or not.

use serde_json::{Value, json};

use super::life::{assert_same, file_system, instances, mutating, requests, spec};
use super::scene::Scene;

pub(super) fn reviewed_and_applied(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", &spec(&[]));
    let file = scene.write("plan.json", "");
    let page = scene.write("plan.md", "");
    let look = scene.ledger();
    let planned = scene.run(&["plan", "--out", &file, "--out", &page, "--detailed-exitcode", &path]).exits(2);
    assert_eq!(mutating(&requests(&look, &scene.ledger())), Vec::<&str>::new(), "a plan changes nothing");
    let saved = read(&file);
    assert!(planned.stdout.contains("to create") && saved["basis"]["deployment"].is_null(), "{planned}");
    assert!(std::fs::read_to_string(&page).expect("written").starts_with("**pair in "));
    scene.run(&["up", "--plan", &file, &path]).exits(1).says(&["no terminal to ask on", "--plan", "--yes"]);
    scene.run(&["up", "--plan", &file, "--yes", &path]).exits(0).says(&["pair is ready"]);
    let made = scene.cloud("inventory", &[]);
    assert_eq!(instances(&made).len(), 2);
    // It is applied once.
    scene
        .run(&["up", "--plan", &file, "--yes", &path])
        .exits(1)
        .says(&["saved::cluster", "the cluster was made since"]);

    // Nothing to do and nothing changed.
    scene.run(&["plan", "--out", &file, "--detailed-exitcode", &path]).exits(0);
    scene.run(&["up", "--plan", &file, "--yes", &path]).exits(0).says(&["complete and unchanged"]);

    // Somebody changes a tag by hand between the review and the run.
    let grown = scene.write("cluster.toml", &spec(&[("count = 2", "count = 3")]));
    scene.run(&["plan", "--out", &file, &grown]).exits(0);
    let fsx = file_system(&made);
    scene.cloud("tag", &[&fsx, "team", "sound"]);
    let before = scene.ledger();
    let refused = scene.run(&["up", "--plan", &file, "--yes", &grown]).exits(1);
    refused.says(&["saved::changed", "fsx was changed since the plan: `tags.team`", "was vision, now it is sound"]);
    assert_eq!(mutating(&requests(&before, &scene.ledger())), Vec::<&str>::new(), "nothing was changed");
    // And a node dies; both are said.
    scene.cloud("terminate", &[&instances(&made)[0]]);
    let refused = scene.run(&["up", "--plan", &file, "--yes", &grown]).exits(1);
    refused.says(&[
        "2 reasons",
        "nodes.trainer has changed since the plan",
        &format!("{} is gone", instances(&made)[0]),
    ]);

    // Planned and reviewed again, it is done.
    scene.run(&["plan", "--out", &file, &grown]).exits(0);
    scene.run(&["up", "--plan", &file, "--yes", &grown]).exits(0);
    let now = scene.cloud("inventory", &[]);
    assert_eq!(instances(&now).len(), 3);
    assert!(now["file_systems"].to_string().contains(r#"{"Key":"team","Value":"vision"}"#), "{}", now["file_systems"]);

    // What ends nodes is stopped where that was asked for, and a plan that is refused goes before.
    let fewer = scene.write("cluster.toml", &spec(&[]));
    let stopped = scene.run(&["plan", "--fail-on", "destroys-compute", "--detailed-exitcode", &fewer]).exits(3);
    stopped.says(&["plan::fail-on", "update nodes.trainer"]);
    scene.run(&["plan", "--fail-on", "destroys-data", "--detailed-exitcode", &fewer]).exits(2);
    let other = scene.write(
        "cluster.toml",
        &spec(&[("metadata_iops = 1500\n", "")])
            .replace("[storage]", "[storage]\nefa = false\ndeployment = \"scratch-2\"")
            .replace("throughput_per_tib = \"250 MB/s\"\n", ""),
    );
    scene.run(&["plan", "--fail-on", "destroys-data", &other]).exits(1).says(&["plan::replace-storage"]);
    scene.run(&["plan", "--replace-storage", "--fail-on", "destroys-data", &other]).exits(3).says(&["replace fsx"]);

    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
    scene.run(&["up", "--plan", &file, "--yes", &grown]).exits(1).says(&["the cluster was removed since the plan"]);
    assert_eq!(scene.ledger()["files_lost"], json!(0));
}

fn read(file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).expect("written")).expect("JSON")
}
