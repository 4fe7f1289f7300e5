//! A file system that somebody else's program has made: linked, mounted, and left as it was.

use serde_json::{Value, json};

use super::life::{ids, spec};
use super::permissions::{enforce, lift};
use super::scene::Scene;

fn on(theirs: &Value) -> String {
    let own =
        "capacity = \"1.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"\nmetadata_iops = 1500\ncompression = \"lz4\"\n";
    let existing = format!("existing = {}\n\n[network]\nsecurity_group = {}\n", theirs["file_system"], theirs["group"]);
    spec(&[(own, &existing)])
}

pub(super) fn linked_mounted_and_left_as_it_was(scene: &Scene) {
    let theirs = scene.cloud("theirs", &["acme-b"]);
    let id = theirs["file_system"].as_str().expect("an id");
    scene.write_file(id, "/home/notes", &json!({}));
    let before = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", &on(&theirs));
    scene.run(&["plan", &path]).exits(0).says(&["existing, not ours", "the existing file system"]);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);

    let up = scene.cloud("inventory", &[]);
    assert_eq!(up["file_systems"], before["file_systems"], "it is as it was, to the byte");
    let links = up["links"].as_array().expect("links");
    assert!(links.len() == 3 && links.iter().all(|link| link["FileSystemId"] == *id), "{links:?}");
    assert_eq!(up["groups"], before["groups"], "no group was made or changed");
    let instances = up["instances"].as_array().expect("instances");
    assert!(instances.len() == 2 && instances.iter().all(|one| one["Placement"]["AvailabilityZone"] == "us-east-1b"));
    scene.run(&["status", &path]).exits(0).says(&[id, "existing, not ours", "2 of 2"]);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["complete and unchanged"]);
    scene.run(&["list"]).exits(0).says(&["pair"]);

    // Another id in the spec is no way to another file system.
    let other = on(&json!({ "file_system": "fs-0123456789abcdef0", "group": theirs["group"] }));
    scene.run(&["up", "--yes", &scene.write("other.toml", &other)]).exits(1).says(&["cannot move", id]);

    scene.write_file(id, "/checkpoints/step-1", &json!({}));
    let names = ids(&up, "parameters", "Name");
    assert!(!names.is_empty());
    let down = scene.run(&["down", "--yes", "--cluster", "pair"]).exits(0);
    down.says(&["exported", "it is not ours", "with every file on it"]);
    // FSx keeps the history of tasks for as long as the file system.
    let (mut before, mut after) = (before, scene.cloud("inventory", &[]));
    let tasks = after["tasks"].take();
    assert!(tasks.as_array().into_iter().flatten().all(|task| task["Lifecycle"] == "SUCCEEDED"), "{tasks}");
    before["tasks"].take();
    assert_eq!(after, before, "nothing else is left, and it is as it was");
    let files = scene.files(id);
    assert!(files.iter().any(|file| file == "/home/notes") && files.iter().any(|file| file == "/checkpoints/step-1"));

    // Once more, with no right to make, change, tag or delete a file system.
    enforce(scene, "--apply", &path);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);
    scene.run(&["down", "--yes", &path]).exits(0).says(&["it is not ours"]);
    let rights = lift(scene);
    assert_eq!(rights["denied"], json!([]), "{rights:#}");
    for sid in ["LinkExisting", "ChangeLinks"] {
        assert!(rights["statements"][sid]["alone"].as_u64() > Some(0), "{sid} is not needed: {rights:#}");
    }
}
