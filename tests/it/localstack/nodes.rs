//! Nodes that do not boot, and nodes that there is no room for.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::crash::signal;
use super::life::{SPEC, assert_complete, assert_same, instances, mutating, requests};
use super::scene::Scene;
use crate::program;

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
    // Before storage: nothing is made, and nothing stays reserved.
    let path = scene.write("cluster.toml", SPEC);
    let room = |nodes: u32| {
        let zones: serde_json::Map<_, _> =
            "abcdef".chars().map(|zone| (format!("us-east-1{zone}"), json!(nodes))).collect();
        json!({ "ec2": { "capacity": { "p5.48xlarge": zones } } })
    };
    scene.set(&room(1));
    let refused = scene.run(&["up", "--yes", &path]).exits(4);
    refused.says(&["capacity::none", "us-east-1f", "InsufficientInstanceCapacity", "--wait-for-capacity 6h"]);
    assert_same(&scene.cloud("inventory", &[]), &empty);
    let reserved = |scene: &Scene| {
        let ledger = scene.ledger();
        ["created", "cancelled"].map(|what| ledger[format!("capacity_reservations_{what}")].as_u64().unwrap_or(0))
    };
    assert_eq!(reserved(scene), [0, 0]);
    // One zone has room, and everything goes there.
    let mut some = room(1);
    some["ec2"]["capacity"]["p5.48xlarge"]["us-east-1d"] = json!(2);
    scene.set(&some);
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&["us-east-1d, 2 × p5.48xlarge for nodes.trainer: room"]);
    assert_eq!(reserved(scene), [1, 1]);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);

    // Without asking first.
    let unasked = SPEC.replace("instance = \"p5.48xlarge\"", "instance = \"p5.48xlarge\"\ncapacity = \"none\"");
    let path = scene.write("cluster.toml", &unasked);
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

pub(super) fn a_group_is_filled_later(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let spec = SPEC.replace("count = 2", "count = 4\nmin_count = 2");
    assert_ne!(spec, SPEC);
    let path = scene.write("cluster.toml", &spec);
    let room = |nodes: u32| json!({ "ec2": { "capacity": { "p5.48xlarge": { "us-east-1a": nodes } } } });
    scene.set(&room(3));
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&["nodes.trainer has 3 of 4 nodes; the next `up` asks for the other 1."]);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 3);
    let first = instances(&now);
    let status = scene.run(&["status", &path]).exits(0);
    assert!(status.stdout.contains("3 ready, 4 wanted (at least 2)"), "{status}");

    // Nobody has given anything back yet: no error, and nothing is different.
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(2);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["InsufficientInstanceCapacity", "3 of 4 nodes"]);
    assert_eq!(instances(&scene.cloud("inventory", &[])), first);

    scene.set(&room(9));
    scene.run(&["up", "--yes", &path]).exits(0);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 4);
    assert!(first.iter().all(|id| instances(&now).contains(id)), "those that were there stay");
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    let ledger = scene.ledger();
    assert_eq!((&ledger["instances_launched"], &ledger["instances_terminated"]), (&json!(4), &json!(0)));
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn moves_while_it_is_empty(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let unasked = SPEC.replace("instance = \"p5.48xlarge\"", "instance = \"p5.48xlarge\"\ncapacity = \"none\"");
    let path = scene.write("cluster.toml", &unasked);
    let room = |b: u32| json!({ "ec2": { "capacity": { "p5.48xlarge": { "us-east-1a": 1, "us-east-1b": b } } } });
    scene.set(&room(2));
    scene.run(&["up", "--yes", &path]).exits(4).says(&["us-east-1a", "--move-if-empty"]);
    let up = scene.run(&["up", "--yes", "--move-if-empty", &path]).exits(0);
    up.says(&["move::if-empty", "us-east-1a has no room for the nodes, us-east-1b is next"]);
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    let counts = |scene: &Scene| {
        let ledger = scene.ledger();
        ["file_systems_created", "file_systems_deleted", "files_lost"].map(|what| ledger[what].as_u64().unwrap_or(0))
    };
    assert_eq!(counts(scene), [2, 1, 0]);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    // From now on it stays, whatever becomes of the nodes.
    scene.set(&room(0));
    for id in instances(&scene.cloud("inventory", &[])) {
        scene.cloud("terminate", &[&id]);
    }
    scene.run(&["up", "--yes", "--move-if-empty", &path]).exits(4).says(&["move::stays"]);
    assert_eq!(counts(scene), [2, 1, 0]);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

/// What takes the place of AWS's plugin: it says its version, and else what it was given.
const PLUGIN: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "${PLUGIN_VERSION:-1.2.553.0}"; exit; fi
printf '<%s>' "$@"
echo " with $AWS_SSM_START_SESSION_RESPONSE"
exit "${PLUGIN_EXIT:-0}"
"#;

pub(super) fn spoken_with(scene: &Scene) {
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["up", "--yes", &path]).exits(0);
    let ids = instances(&scene.cloud("inventory", &[]));
    let status = scene.run(&["status", "--format", "json", &path]).exits(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!(status["groups"][0]["nodes"][1]["name"], "trainer/1");

    let logs = scene.run(&["logs", "trainer/0", &path]).exits(0);
    assert!(logs.stdout.contains("provision: ready"), "{logs}");
    let logs = scene.run(&["logs", &ids[1], "--json", "--cluster", "pair"]).exits(0);
    let logs: Value = serde_json::from_str(&logs.stdout).expect("JSON");
    assert_eq!(logs["node"], json!(ids[1]));
    scene.run(&["logs", "trainer/2", &path]).exits(1).says(&["pair has no node `trainer/2`", &ids[0], "trainer/1"]);

    let hello = json!({ "match": "echo 'a b' '$(x)'", "output": "a b $(x)\n", "error": "\u{1b}[2Jwarned\n" });
    let slow = json!({ "match": "sleep", "delay": null });
    let bad = json!({ "match": "false", "exit": 3, "instance": ids[0] });
    let good = json!({ "match": "false", "exit": 0, "instance": ids[1] });
    scene.set(&json!({ "ssm": { "commands": [hello, slow, bad, good] } }));
    let ran = scene.run(&["run", &path, "--", "echo", "a b", "$(x)"]).exits(0);
    assert_eq!(ran.stdout.lines().collect::<std::collections::BTreeSet<_>>().len(), 2, "{ran}");
    let ran = ran.says(&["trainer/0 | a b $(x)", "trainer/1 | a b $(x)", "trainer/0 | warned"]);
    assert!(!ran.stderr.contains('\u{1b}'));
    let ran = scene.run(&["run", &path, "--json", "--", "false"]).exits(5);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let code = |node: &Value| node["exit_code"].as_i64();
    let mut codes: Vec<_> = found["nodes"].as_array().expect("a list").iter().map(code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(3)]);
    scene.run(&["run", &path, "--group", "nobody", "--", "true"]).exits(1).says(&["no nodes in a group `nobody`"]);

    let before = scene.ledger();
    let running = scene.start(&["run", &path, "--node", "trainer/1", "--", "sleep", "1000"]);
    let asked = || requests(&before, &scene.ledger()).contains_key("ssm:ListCommandInvocations").then_some(());
    program::until(std::time::Duration::from_secs(60), asked).expect("it follows the command");
    signal(&running, "INT");
    running.end().exits(130).says(&["Cancelled"]);

    scene.set(&json!({ "ssm": { "offline": [ids[0]] } }));
    let missed = scene.run(&["run", &path, "--", "false"]).exits(5);
    missed.says(&["does not hear of 1 node", &ids[0], "SSM agent"]);
    scene
        .run(&["ssh", "trainer/1", &path])
        .exits(1)
        .says(&["`session-manager-plugin` is not on this machine", "install"]);

    let bin = tempfile::tempdir().expect("a folder");
    let plugin = bin.path().join("session-manager-plugin");
    std::fs::write(&plugin, PLUGIN).expect("a script can be written");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("a script can be run");
    let ssh = |more: &[(&str, &str)]| {
        let mut command = scene.command(&["ssh", &ids[1], &path]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.path().display())).envs(more.iter().copied());
        program::run(&mut command)
    };
    let done = ssh(&[]).exits(0);
    let target = format!("<{{\"Target\":\"{}\"}}>", ids[1]);
    let endpoint = format!("<{}>", scene.endpoint);
    let done = done.says(&["<AWS_SSM_START_SESSION_RESPONSE><us-east-1><StartSession><>", &target, &endpoint]);
    let (words, variable) = done.stdout.split_once(" with ").expect("both");
    let session: Value = serde_json::from_str(variable).expect("JSON");
    let token = session["TokenValue"].as_str().expect("a token");
    assert!(!words.contains(token) && !done.stderr.contains(token), "{done}");
    ssh(&[("PLUGIN_EXIT", "9")]).exits(1).says(&["exit status: 9", "aws ssm start-session --target"]);
    ssh(&[("PLUGIN_VERSION", "1.2.497.0")]).exits(1).says(&["install a newer one"]);
    scene.run(&["down", "--yes", &path]).exits(0);
}

pub(super) fn files_outside_the_links(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["up", "--yes", &path]).exits(0);
    let there = scene.cloud("inventory", &[]);
    let file_system = super::life::file_system(&there);
    scene.write_file(&file_system, "/scratch/left", &json!({ "size": 2500 }));
    let refused = scene.run(&["down", "--yes", &path]).exits(1);
    refused.says(&["plan::outside-files", "1 file (2.5 kB) outside the links would be lost", "/scratch/left"]);
    assert_same(&scene.cloud("inventory", &[]), &there);
    scene.delete_file(&file_system, "/scratch/left");
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}
