//! Commands that need no cloud: `init`, `validate`, `schema`, `plan --offline`.

use std::fs;

use super::{folder, ran, snapshot};

/// Small, so that its plan can be read in a snapshot.
pub(super) const SPEC: &str = r#"[cluster]
name = "small"
region = "us-east-1"

[storage]
deployment = "scratch-2"
capacity = "1.2 TiB"

[[dataset]]
s3 = "s3://acme/data"
path = "/data"

[[nodes]]
name = "dev"
instance = "g6e.2xlarge"
count = 1
"#;

const BAD: &str = "[cluster]\nname = \"Small\"\nregoin = \"us-east-1\"\n\n[storage]\ncapacity = \"5 TiB\"\n\
    throughput_per_tib = \"250 MB/s\"\n\n[[nodes]]\nname = \"dev\"\ninstance = \"g6e.2xlarge\"\ncount = 0\n";

#[test]
fn init() {
    let folder = folder("");
    let at = folder.path();
    snapshot("init", &ran(at, &["init"]).exits(0));
    let written = fs::read_to_string(at.join("cluster.toml")).expect("written");
    assert!(written.contains("name = \"my-cluster\"") || written.contains("\"my-cluster\""), "{written}");
    ran(at, &["validate"]).exits(0);
    fs::write(at.join("cluster.toml"), "mine").expect("writable");
    snapshot("init-exists", &ran(at, &["init"]).exits(1));
    assert_eq!(fs::read_to_string(at.join("cluster.toml")).expect("readable"), "mine", "written over");
    snapshot("init-force", &ran(at, &["init", "--force", "--name", "video"]).exits(0));
    assert!(fs::read_to_string(at.join("cluster.toml")).expect("readable").contains("\"video\""));
    snapshot("init-bad-name", &ran(at, &["init", "other.toml", "--name", "My Cluster"]).exits(1));
    snapshot("init-nowhere", &ran(at, &["init", "no/such/folder.toml"]).exits(1));
    assert!(!at.join("other.toml").exists());
}

#[test]
fn validate() {
    let good = folder(SPEC);
    snapshot("validate", &ran(good.path(), &["validate"]).exits(0));
    snapshot("validate-quiet", &ran(good.path(), &["validate", "-q"]).exits(0));
    snapshot("validate-json", &ran(good.path(), &["validate", "--format", "json"]).exits(0));
    let bad = folder(BAD);
    snapshot("validate-bad", &ran(bad.path(), &["validate"]).exits(1));
    snapshot("validate-bad-json", &ran(bad.path(), &["validate", "--format", "json"]).exits(1));
    snapshot("validate-missing", &ran(bad.path(), &["validate", "other.toml"]).exits(1));
    snapshot("validate-folder", &ran(bad.path(), &["validate", "."]).exits(1));
    fs::write(bad.path().join("latin.toml"), b"[cluster]\nname = \"caf\xe9\"\n").expect("writable");
    snapshot("validate-not-utf8", &ran(bad.path(), &["validate", "latin.toml"]).exits(1));
    fs::write(bad.path().join("large.toml"), "#".repeat(2 << 20)).expect("writable");
    snapshot("validate-large", &ran(bad.path(), &["validate", "large.toml"]).exits(1));
}

#[test]
fn every_command_refuses_a_bad_spec_alike() {
    let bad = folder(BAD);
    let wanted = ran(bad.path(), &["validate"]).stderr;
    for args in [&["plan"][..], &["plan", "--offline"], &["up", "--yes"], &["status"], &["down", "--yes"]] {
        let ran = ran(bad.path(), args).exits(1);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", wanted.as_str()), "{args:?}");
    }
}

#[test]
fn schema_is_json_and_stable() {
    let folder = folder("");
    let first = ran(folder.path(), &["schema"]).exits(0);
    let schema: serde_json::Value = serde_json::from_str(&first.stdout).expect("JSON");
    assert_eq!(schema["title"], "cluster.toml");
    for table in ["cluster", "network", "storage", "dataset", "nodes", "workload"] {
        assert!(schema["properties"][table].is_object(), "no {table}");
    }
    assert_eq!(first.stdout, ran(folder.path(), &["schema"]).exits(0).stdout);
}

#[test]
fn plan_offline() {
    let folder = folder(SPEC);
    let at = folder.path();
    let text = ran(at, &["plan", "--offline"]).exits(0);
    snapshot("plan-offline", &text);
    snapshot("plan-offline-markdown", &ran(at, &["plan", "--offline", "--format", "markdown"]).exits(0));
    let json = ran(at, &["plan", "--offline", "--format", "json"]).exits(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(plan["format_version"].is_number(), "{}", json.stdout);
    assert_eq!(ran(at, &["plan", "--offline", "--detailed-exitcode"]).exits(2).stdout, text.stdout);
    let written = ran(at, &["plan", "--offline", "--out", "plan.txt"]).exits(0);
    assert_eq!(written.stdout, "");
    assert_eq!(fs::read_to_string(at.join("plan.txt")).expect("written"), text.stdout);
    snapshot("plan-out-nowhere", &ran(at, &["plan", "--offline", "--out", "no/such/plan"]).exits(1));
    let elsewhere = ran(at, &["plan", "--offline", "--region", "eu-west-1"]).exits(0);
    assert!(elsewhere.stdout.contains("eu-west-1"), "the command line's region counts\n{elsewhere}");
}
