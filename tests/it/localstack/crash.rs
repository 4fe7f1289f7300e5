//! Killed, interrupted, started twice: whoever comes next finds what there is and ends in the same place.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::life::{SPEC, assert_complete, assert_same};
use super::scene::Scene;
use crate::program::{Running, until};

/// An `up` of the spec sends 42 requests: before the lock, among the first creations, while storage is made, before and
/// after nodes are launched, towards its end.
const MOMENTS: [u64; 7] = [8, 17, 22, 26, 30, 34, 37];

fn sent(ledger: &Value) -> u64 {
    ledger["requests_total"].as_u64().expect("a count")
}

/// Waits until so many requests were seen, or the run is over.
fn after_requests(scene: &Scene, running: &mut Running, before: u64, number: u64) {
    let seen = until(Duration::from_mins(1), || {
        (sent(&scene.ledger()) >= before + number || running.has_ended()).then_some(())
    });
    assert!(seen.is_some(), "the run does nothing any more");
}

/// Starts `up` and kills it after so many requests.
fn kill_up(scene: &Scene, path: &str, moment: u64) {
    let before = sent(&scene.ledger());
    let mut up = scene.start(&["up", "--yes", path]);
    after_requests(scene, &mut up, before, moment);
    up.kill();
    let ran = up.end();
    assert_eq!(ran.code, None, "was over before request {moment}\n{ran}");
}

pub(super) fn killed_and_gone_on_with(scene: &Scene) {
    for moment in MOMENTS {
        scene.reset();
        let empty = scene.cloud("inventory", &[]);
        let path = scene.write("cluster.toml", SPEC);
        kill_up(scene, &path, moment);
        let went_on = scene.run(&["up", "--yes", &path]).exits(0);
        assert!(!went_on.stderr.contains("holds the cluster"), "waited for the dead\n{went_on}");
        assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
        assert_made_once(&scene.ledger());
        scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    }
}

pub(super) fn killed_and_taken_down(scene: &Scene) {
    // Each `down` waits until what the dead may have made a moment ago would be seen: every other moment must do.
    for moment in MOMENTS.into_iter().step_by(2) {
        scene.reset();
        let empty = scene.cloud("inventory", &[]);
        let path = scene.write("cluster.toml", SPEC);
        kill_up(scene, &path, moment);
        // And the `down` is killed as well.
        let before = sent(&scene.ledger());
        let mut down = scene.start(&["down", "--cluster", "pair", "--yes"]);
        after_requests(scene, &mut down, before, moment);
        down.kill();
        drop(down);
        scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0);
        assert_same(&scene.cloud("inventory", &[]), &empty);
    }
}

pub(super) fn interrupted(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    let mut up = scene.start(&["up", "--yes", &path]);
    after_requests(scene, &mut up, sent(&scene.ledger()), 32);
    signal(&up, "INT");
    let stopped = up.end().exits(130).says(&["run::interrupted", "provision up", "provision down --cluster pair"]);
    assert!(!stopped.stderr.contains("is ready"), "{stopped}");
    scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
}

/// To that process alone, as the keyboard would.
pub(super) fn signal(running: &Running, name: &str) {
    let status = Command::new("kill").args(["-s", name, &running.id().to_string()]).status().expect("kill starts");
    assert!(status.success(), "the run was over already");
}

pub(super) fn killed_and_blind(scene: &Scene) {
    // What the killed run made is not seen for a while: only the same token, sent again, tells that it is there.
    for (service, operation) in
        [("fsx", "CreateFileSystem"), ("fsx", "CreateDataRepositoryAssociation"), ("ec2", "RunInstances")]
    {
        scene.reset();
        let empty = scene.cloud("inventory", &[]);
        let path = scene.write("cluster.toml", SPEC);
        scene.set(&json!({ "lag": { "created": UNSEEN_S } }));
        let mut up = scene.start(&["up", "--yes", &path]);
        after_request(scene, &mut up, service, operation);
        up.kill();
        drop(up);
        scene.run(&["up", "--yes", &path]).exits(0);
        assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
        assert_made_once(&scene.ledger());
    }
}

/// Seconds; longer than the next run needs to get to the same call.
const UNSEEN_S: f64 = 6.0;

/// Waits until a request was seen, or the run is over.
pub(super) fn after_request(scene: &Scene, running: &mut Running, service: &str, operation: &str) {
    let seen = until(Duration::from_mins(1), || {
        (scene.ledger()["requests"][service][operation].is_number() || running.has_ended()).then_some(())
    });
    assert!(seen.is_some() && !running.has_ended(), "there was no {operation}");
}

#[track_caller]
pub(super) fn assert_made_once(ledger: &Value) {
    let made = ["file_systems_created", "associations_created", "instances_launched"].map(|count| &ledger[count]);
    assert_eq!(made, [&json!(1), &json!(2), &json!(2)], "file systems, links, nodes");
}

pub(super) fn two_at_once(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    let (one, other) = (scene.start(&["up", "--yes", &path]), scene.start(&["up", "--yes", &path]));
    let ended = [one.end(), other.end()];
    assert!(ended.iter().any(|ran| ran.code == Some(0)), "neither completed\n{}\n{}", ended[0], ended[1]);
    for ran in &ended {
        let refused = ran.code == Some(1) && ran.stderr.contains("lock::held") && ran.stderr.contains("ana@");
        assert!(ran.code == Some(0) || refused, "neither done nor refused with the holder's name\n{ran}");
    }
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    assert_made_once(&scene.ledger());

    // One after the other: the second is told who is there.
    scene.reset();
    let mut first = scene.start(&["up", "--yes", &path]);
    after_request(scene, &mut first, "fsx", "CreateFileSystem");
    let second = scene.run(&["up", "--yes", &path]).says(&["ana@", "holds the cluster"]);
    assert!(matches!(second.code, Some(0 | 1)), "{second}");
    first.end().exits(0);
    assert_made_once(&scene.ledger());
}
