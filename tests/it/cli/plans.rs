//! `plan` into files, `--fail-on`, `--offline`, and plan files that `up` does not take; all without a cloud.

use std::fs;
use std::path::Path;

use super::files::SPEC;
use super::{folder, ran, snapshot};
use crate::program::{provision, run};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn one_look_writes_every_face() {
    let folder = folder(SPEC);
    let at = folder.path();
    let of = |args: &[&str]| ran(at, &[&["plan", "--offline"], args].concat()).exits(0).stdout;
    let (text, markdown, json) = (of(&[]), of(&["--format", "markdown"]), of(&["--format", "json"]));
    let outs = ["--out", "a.md", "--out", "b.TXT", "--out", "c.json", "--out", "d", "--out", "./e.plan"];
    // The text still goes to stdout.
    assert_eq!(of(&outs), text);
    let read = |name: &str| fs::read_to_string(at.join(name)).expect("written");
    assert_eq!((read("a.md"), read("b.TXT"), read("c.json")), (markdown, text.clone(), json.clone()));
    assert_eq!((read("d"), read("e.plan")), (json.clone(), json.clone()));
    assert_eq!(names(at), ["a.md", "b.TXT", "c.json", "cluster.toml", "d", "e.plan"], "nothing else is left");
    // With a form that was named the files are all there is.
    assert_eq!(of(&["--format", "text", "--out", "c.json"]), "");
    assert_eq!(read("c.json"), text);
    assert_eq!(of(&["--out", "-"]), json);
    assert_eq!(of(&["--format", "text", "--out", "-", "--out", "c.json"]), text);
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = folder(SPEC);
    let at = folder.path();
    fs::write(at.join("old.md"), "old").expect("writable");
    fs::create_dir(at.join("dir")).expect("a folder");
    let outs = ["--out", "old.md", "--out", "no/such/plan", "--out", "dir"];
    let both = ran(at, &[&["plan", "--offline"][..], &outs].concat()).exits(1);
    assert_eq!(both.stdout, "");
    snapshot("plan-out-wrong", &both);
    assert_eq!(fs::read_to_string(at.join("old.md")).expect("there"), "old");
    // What is no file is written to, and stays what it is.
    ran(at, &["plan", "--offline", "--out", "/dev/null"]).exits(0);
    assert!(!fs::metadata("/dev/null").expect("it is still there").is_file());
    let full = ran(at, &["plan", "--offline", "--out", "/dev/full"]).exits(1);
    assert!(full.stderr.contains("`/dev/full` cannot be written"), "{full}");
    // Through a link, with the rights that the file had.
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::set_permissions(at.join("old.md"), fs::Permissions::from_mode(0o600)).expect("ours");
        symlink("old.md", at.join("link.md")).expect("a link");
        ran(at, &["plan", "--offline", "--out", "link.md"]).exits(0);
        assert!(at.join("link.md").is_symlink());
        let old = fs::metadata(at.join("old.md")).expect("there");
        assert_eq!((old.permissions().mode() & 0o777, old.len() > 100), (0o600, true));
    }
}

#[test]
fn offline_needs_nothing() {
    let folder = folder(SPEC);
    let nowhere = || {
        let mut command = provision(folder.path());
        command.env_clear();
        command
    };
    // Neither a home nor credentials, and a region and an endpoint that nobody answers at.
    let bare = run(nowhere().args(["plan", "--offline"])).exits(0);
    let lost = run(nowhere()
        .args(["plan", "--offline", "--endpoint-url", "http://127.0.0.1:1", "--profile", "nobody"])
        .env("AWS_REGION", "mars-north-1"))
    .exits(0);
    assert_eq!((&bare.stdout, &bare.stderr), (&lost.stdout, &lost.stderr));
    for text in ["made from the spec alone", "availability zone", "`ssm:/aws/service/", "quotas", "1 note below"] {
        assert!(bare.stdout.replace('\n', " ").contains(text), "`{text}` is not said\n{bare}");
    }
    let json = run(nowhere().args(["plan", "--offline", "--format", "json"])).exits(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&plan["compared"], &plan["basis"]), (&serde_json::json!(false), &serde_json::Value::Null));
    assert_eq!(plan["findings"][0]["code"], "plan::offline");
    for format in ["text", "markdown"] {
        let text = run(nowhere().args(["plan", "--offline", "--format", format])).exits(0).stdout;
        assert!(text.lines().next().is_some_and(|line| line.contains("from the spec alone")), "{text}");
    }
}

#[test]
fn offline_says_what_the_spec_leaves_open() {
    let text = SPEC
        .replace("region = \"us-east-1\"\n", "")
        .replace("g6e.2xlarge", "p5.48xlarge")
        .replace("count = 1", "count = 2");
    let folder = folder(&text);
    snapshot("plan-offline-open", &ran(folder.path(), &["plan", "--offline"]).exits(0));
}

#[test]
fn fail_on() {
    let folder = folder(SPEC);
    let at = folder.path();
    // All that an offline plan knows is safe, and that is no reason to feel so.
    let open = ran(at, &["plan", "--offline", "--fail-on", "disruptive", "--detailed-exitcode"]).exits(2);
    assert!(open.stderr.contains("`--fail-on` finds nothing"), "{open}");
    snapshot("fail-on-unknown", &ran(at, &["plan", "--offline", "--fail-on", "safe"]).exits(1));
}

#[test]
fn what_is_no_saved_plan() {
    let folder = folder(SPEC);
    let at = folder.path();
    let up = |file: &str| ran(at, &["up", "--plan", file, "--yes"]).exits(1);
    ran(at, &["plan", "--offline", "--out", "offline.json", "--out", "plan.md"]).exits(0);
    let offline = fs::read_to_string(at.join("offline.json")).expect("written");
    fs::write(at.join("newer.json"), offline.replace("\"format_version\": 1", "\"format_version\": 2"))
        .expect("writable");
    fs::write(at.join("half.json"), &offline[..offline.len() / 2]).expect("writable");
    fs::write(at.join("other.json"), offline.replace("\"small\"", "\"large\"")).expect("writable");
    fs::write(at.join("list.json"), "[1]").expect("writable");
    for (name, file) in [
        ("saved-missing", "missing.json"),
        ("saved-offline", "offline.json"),
        ("saved-other-cluster", "other.json"),
        ("saved-newer", "newer.json"),
        ("saved-half", "half.json"),
        ("saved-markdown", "plan.md"),
        ("saved-list", "list.json"),
    ] {
        let refused = up(file);
        assert_eq!(refused.stdout, "", "{file}");
        snapshot(name, &refused);
    }
}

/// Before anybody is asked whether the plan fits: there is nobody to say yes.
#[test]
fn a_plan_is_no_yes() {
    let folder = folder(SPEC);
    let at = folder.path();
    ran(at, &["plan", "--offline", "--out", "p.json"]).exits(0);
    let offline = fs::read_to_string(at.join("p.json")).expect("written");
    let compared = offline.replace("\"compared\": false", "\"compared\": true").replace(
        "\"basis\": null",
        r#""basis": {"tool_version": "0.1.0", "account": "1", "deployment": null, "replace_storage": false, "spec": {},
            "place": null, "images": {}, "resources": [], "nodes": {}}"#,
    );
    fs::write(at.join("p.json"), compared).expect("writable");
    snapshot("nobody-to-ask-plan", &ran(at, &["up", "--plan", "p.json"]).exits(1));
}
