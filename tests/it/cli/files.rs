//! Commands that need no cloud: `init`, `validate`, `schema`, `plan --offline`, `iam`.

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
    let html = ran(at, &["plan", "--offline", "--format", "html"]).exits(0).stdout;
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"), "{html}");
    let least = ["plan", "--offline", "--format", "markdown", "--max-bytes"];
    let short = ran(at, &[&least[..], &["4096"]].concat()).exits(0).stdout;
    assert!(short.len() <= 4096, "{short}");
    snapshot("plan-max-bytes-too-few", &ran(at, &[&least[..], &["4095"]].concat()).exits(1));
    let json = ran(at, &["plan", "--offline", "--format", "json"]).exits(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(plan["format_version"].is_number(), "{}", json.stdout);
    assert_eq!(ran(at, &["plan", "--offline", "--detailed-exitcode"]).exits(2).stdout, text.stdout);
    snapshot("plan-out-nowhere", &ran(at, &["plan", "--offline", "--out", "no/such/plan"]).exits(1));
    let elsewhere = ran(at, &["plan", "--offline", "--region", "eu-west-1"]).exits(0);
    assert!(elsewhere.stdout.contains("eu-west-1"), "the command line's region counts\n{elsewhere}");
}

/// What the policies say is looked at in `permissions`; this is about asking for them.
#[test]
fn iam() {
    let good = folder(SPEC);
    let at = good.path();
    let account = ["--account", "123456789012"];
    let with = |args: &[&'static str]| [&["iam"][..], args, &account].concat();
    let plan = ran(at, &["iam", "--plan", "--format", "json"]).exits(0);
    let policy: serde_json::Value = serde_json::from_str(&plan.stdout).expect("a policy is JSON");
    assert_eq!((policy["Statement"].as_array().map(Vec::len), plan.stderr.as_str()), (Some(5), ""), "{plan}");
    let whole = ran(at, &with(&["--apply"])).exits(0);
    assert!(whole.stderr.contains("--part 1` to `--part 2`") && whole.stdout.contains("PassRole"), "{whole}");
    let parts = ["1", "2"].map(|part| ran(at, &with(&["--apply", "--part", part])).exits(0).stdout);
    assert!(parts.iter().all(|part| serde_json::from_str::<serde_json::Value>(part).is_ok()), "{parts:?}");
    assert_eq!(ran(at, &with(&["--apply", "-q"])).exits(0).stderr, "");
    snapshot("iam-no-such-part", &ran(at, &with(&["--apply", "--part", "3"])).exits(1));
    snapshot("iam-neither", &ran(at, &["iam"]).exits(1));
    snapshot("iam-account", &ran(at, &["iam", "--plan", "--account", "1234"]).exits(1));
    let moved = ran(at, &["iam", "--plan", "--region", "cn-north-1"]).exits(0);
    assert!(moved.stdout.contains("arn:aws-cn:ssm:cn-north-1:*:parameter/provision"), "{moved}");

    let github = ["--trust", "github", "--repo", "octo-org/octo-repo"];
    let trust = |args: &[&'static str]| [&["iam"][..], args, &github, &account].concat();
    snapshot("iam-trust", &ran(at, &trust(&["--apply", "--environment", "production"])).exits(0));
    snapshot("iam-trust-nobody", &ran(at, &trust(&["--plan"])).exits(1));
    snapshot("iam-trust-wildcard", &ran(at, &trust(&["--plan", "--branch", "*"])).exits(1));
    // Whoever opens a pull request could change the cluster.
    snapshot("iam-trust-pull-request", &ran(at, &trust(&["--apply", "--pull-request"])).exits(1));
    snapshot("iam-trust-no-repo", &ran(at, &with(&["--plan", "--trust", "github"])).exits(1));

    let text = SPEC.replace("region = \"us-east-1\"", "instance_profile = \"theirs\"");
    let given = folder(&text);
    snapshot("iam-no-region", &ran(given.path(), &["iam", "--plan"]).exits(1));
    let assumed = ran(given.path(), &["iam", "--apply", "--region", "us-east-1"]).exits(0);
    snapshot("iam-role-assumed", &crate::program::Ran { stdout: String::new(), ..assumed });
    snapshot("iam-bad-spec", &ran(folder(BAD).path(), &["iam", "--plan"]).exits(1));

    let group = |number: u32| {
        let image = format!("ssm:/{number}/{}", "i".repeat(900));
        format!("[[nodes]]\nname = \"n{number}\"\ninstance = \"g6e.2xlarge\"\ncount = 1\nimage = \"{image}\"\n")
    };
    let long = folder(&std::iter::once(SPEC.to_owned()).chain((0..40).map(group)).collect::<String>());
    snapshot("iam-too-long", &ran(long.path(), &["iam", "--plan"]).exits(1));
    ran(long.path(), &["iam", "--plan", "--part", "7"]).exits(0);
}
