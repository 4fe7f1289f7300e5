//! Storage on Amazon File Cache: made with its links, exported, and gone with them.

use serde_json::{Value, json};

use super::permissions::{enforce, lift};
use super::scene::Scene;

const SPEC: &str = r#"
[cluster]
name = "burst"

[storage]
kind = "file-cache"
capacity = "1.2 TiB"

[[dataset]]
s3 = "s3://acme/train"
path = "/train"

[[dataset]]
s3 = "s3://acme-b/results"
path = "/results"

[[nodes]]
name = "trainer"
instance = "g6e.2xlarge"
count = 2
"#;

fn status(scene: &Scene, path: &str) -> Value {
    let status = scene.run(&["status", "--format", "json", path]).exits(0);
    serde_json::from_str(&status.stdout).expect("JSON")
}

pub(super) fn made_exported_and_gone(scene: &Scene) {
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["plan", &path]).exits(0).says(&[
        "+  file-cache",
        "It is made with the cache.",
        "1.2 TiB, 1.2 GB/s, 2 links",
    ]);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["file-cache", "burst is ready"]);
    let ledger = scene.ledger();
    assert_eq!(ledger["file_caches_created"], 1, "{ledger:#}");
    assert_eq!(ledger["file_systems_created"].as_u64().unwrap_or_default(), 0);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["complete and unchanged"]);

    let now = status(scene, &path);
    let id = now["file_system"]["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("fc-"));
    assert_eq!(now["groups"][0]["ready"], 2);
    assert_eq!(now["links"].as_array().map(Vec::len), Some(2));
    assert!(now["file_system"]["mount_command"].as_str().is_some_and(|command| command.ends_with(" /cache")));
    scene.run(&["list"]).exits(0).says(&["burst"]);

    // Its links are fixed.
    let more = format!("{SPEC}\n[[dataset]]\ns3 = \"s3://acme/third\"\npath = \"/third\"\n");
    scene
        .run(&["up", "--yes", &scene.write("more.toml", &more)])
        .exits(1)
        .says(&["cannot be added", "--replace-storage"]);

    scene.write_file(&id, "/results/model", &json!({}));
    scene.write_file(&id, "/train/notes", &json!({}));
    let down = scene.run(&["down", "--yes", "--cluster", "burst"]).exits(0);
    down.says(&["exported: 1 of 1 files copied to S3", "burst is gone"]);
    let ledger = scene.ledger();
    assert_eq!(ledger["file_caches_deleted"], 1, "{ledger:#}");
    assert_eq!(ledger["files_lost"].as_u64().unwrap_or_default(), 0, "{ledger:#}");
    assert_eq!(scene.run(&["list"]).exits(0).stdout.trim(), "no clusters in us-east-1");

    // What cannot be exported keeps the cache.
    scene.run(&["up", "--yes", &path]).exits(0).says(&["burst is ready"]);
    let id = status(scene, &path)["file_system"]["id"].as_str().expect("an id").to_owned();
    scene.write_file(&id, "/results/model", &json!({ "export_error": "S3AccessDenied" }));
    let kept = scene.run(&["down", "--yes", "--cluster", "burst"]).exits(1);
    kept.says(&["1 file", "S3AccessDenied", "results/model"]);
    assert_eq!(status(scene, &path)["file_system"]["id"], json!(id));
    scene.fail_next(&json!({
        "service": "fsx", "operation": "CreateFileCache", "code": "InternalServerError",
        "mode": "error-after-handling", "status": 500,
    }));
    scene.run(&["down", "--yes", "--discard-unexported-data", &path]).exits(0).says(&["burst is gone"]);

    // Once more, with the least policy and a lost answer: nothing is denied, and there is one cache.
    enforce(scene, "--apply", &path);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["burst is ready"]);
    assert_eq!(scene.faults_left(), json!([]));
    scene.run(&["down", "--yes", &path]).exits(0).says(&["burst is gone"]);
    let rights = lift(scene);
    assert_eq!(rights["denied"], json!([]), "{rights:#}");
    let ledger = scene.ledger();
    let counts = ["file_caches_created", "file_caches_deleted"].map(|what| ledger[what].as_u64());
    assert_eq!(counts, [Some(3), Some(3)], "{ledger:#}");
}
