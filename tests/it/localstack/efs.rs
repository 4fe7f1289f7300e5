//! Storage on Amazon EFS: made, mounted, written to, and gone only with the user's word.

use serde_json::json;

use super::permissions::{enforce, lift};
use super::scene::Scene;

const SPEC: &str = r#"
[cluster]
name = "shared"

[storage]
kind = "efs"

[[nodes]]
name = "dev"
instance = "g6e.2xlarge"
count = 2
"#;

pub(super) fn made_used_and_given_up(scene: &Scene) {
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["plan", &path]).exits(0).says(&["+  efs", "+  mount-target.us-east-1", "what is stored, by the GB"]);
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    up.says(&["efs", "mount-target.us-east-1", "shared is ready"]);
    let ledger = scene.ledger();
    let made = ["efs_file_systems_created", "mount_targets_created", "file_systems_created"];
    assert_eq!(made.map(|what| ledger[what].as_u64().unwrap_or_default()), [1, 1, 0], "{ledger:#}");
    scene.run(&["up", "--yes", &path]).exits(0).says(&["complete and unchanged"]);

    let status = scene.run(&["status", "--format", "json", &path]).exits(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    let id = status["file_system"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(status["groups"][0]["ready"], 2);
    let command = format!("sudo mount -t efs -o tls,noresvport {id}:/ /efs");
    assert_eq!(status["file_system"]["mount_command"], json!(command));
    scene.run(&["list"]).exits(0).says(&["shared"]);
    scene.run(&["status", "--cluster", "shared"]).exits(0).says(&[&id, "2 of 2 nodes ready"]);

    // Throughput is changed where it is.
    let faster = SPEC.replace("kind = \"efs\"", "kind = \"efs\"\nthroughput = \"256 MiB/s\"");
    let faster = scene.write("faster.toml", &faster);
    scene.run(&["plan", &faster]).exits(0).says(&["throughput", "elastic", "256 MiB/s"]);
    scene.run(&["up", "--yes", &faster]).exits(0).says(&["shared is ready"]);

    // Another kind of storage is another cluster.
    let lustre = SPEC.replace("kind = \"efs\"", "capacity = \"1.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"");
    scene
        .run(&["up", "--yes", &scene.write("lustre.toml", &lustre)])
        .exits(1)
        .says(&["cannot move to another kind", &id]);

    scene.write_file(&id, "/models/weights", &json!({}));
    let refused = scene.run(&["down", "--yes", "--cluster", "shared"]).exits(1);
    refused.says(&["EFS has no copy in S3", "/models/weights", "--discard-unexported-data"]);
    assert_eq!(scene.files(&id), ["/models/weights"]);
    let kept = scene.run(&["down", "--yes", "--keep-storage", "--cluster", "shared"]).exits(0);
    kept.says(&["nodes.dev"]);
    assert_eq!(scene.files(&id), ["/models/weights"]);
    scene
        .run(&["down", "--yes", "--discard-unexported-data", "--cluster", "shared"])
        .exits(0)
        .says(&["shared is gone"]);
    let ledger = scene.ledger();
    let gone = ["efs_file_systems_deleted", "mount_targets_deleted"];
    assert_eq!(gone.map(|what| ledger[what].as_u64().unwrap_or_default()), [1, 1], "{ledger:#}");
    assert_eq!(scene.run(&["list"]).exits(0).stdout.trim(), "no clusters in us-east-1");

    // Once more, with the least policy: nothing is denied.
    enforce(scene, "--apply", &path);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["shared is ready"]);
    scene.run(&["down", "--yes", "--discard-unexported-data", &path]).exits(0).says(&["shared is gone"]);
    let rights = lift(scene);
    assert_eq!(rights["denied"], json!([]), "{rights:#}");
}

fn lose(scene: &Scene, operation: &str) {
    scene.fail_next(&json!({
        "service": "efs", "operation": operation, "code": "InternalServerError",
        "mode": "error-after-handling", "status": 500,
    }));
}

/// The answers to the calls that make and remove EFS are lost: what they ask for again is there, or gone, already.
pub(super) fn answers_get_lost(scene: &Scene) {
    let path = scene.write("cluster.toml", SPEC);
    for operation in ["CreateFileSystem", "CreateMountTarget"] {
        lose(scene, operation);
        scene.run(&["up", "--yes", &path]).exits(0).says(&["shared is ready"]);
        let status = scene.run(&["status", "--format", "json", &path]).exits(0);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
        assert_eq!(status["drift"], json!([]));
        lose(scene, "DeleteMountTarget");
        lose(scene, "DeleteFileSystem");
        scene.run(&["down", "--yes", "--discard-unexported-data", &path]).exits(0).says(&["shared is gone"]);
        assert_eq!(scene.faults_left(), json!([]));
    }
    let ledger = scene.ledger();
    let counts =
        ["efs_file_systems_created", "efs_file_systems_deleted", "mount_targets_created", "mount_targets_deleted"];
    assert_eq!(counts.map(|what| ledger[what].as_u64().unwrap_or_default()), [2, 2, 2, 2], "{ledger:#}");
}
