//! `provision advise` as a user sees it: the answer to the question that this tool began with, the answers to eight kinds of
//! work from one GPU to 512 nodes, and what is said when it cannot answer.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ran, provision, run};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn home() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn advise(home: &Path, args: &[&str]) -> Ran {
    run(provision(home).arg("advise").args(args))
}

/// Beside the repository, so that the name of a spec is the same everywhere.
fn in_repository(args: &[&str]) -> Ran {
    run(provision(&root()).arg("advise").args(args))
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/advise");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_question_that_this_tool_began_with() {
    let example = "examples/video-exam.toml";
    let text = in_repository(&[example]).exits(0);
    assert_eq!(text.stderr, "");
    snapshot("video-exam", &text.stdout);
    snapshot("video-exam-markdown", &in_repository(&[example, "--format", "markdown"]).exits(0).stdout);

    // FSx for Lustre, and of every other option what rules it out or makes it dearer.
    let json = in_repository(&[example, "--format", "json"]).exits(0).stdout;
    let advice: Value = serde_json::from_str(&json).expect("JSON");
    let options = advice["answers"][0]["advice"]["options"].as_array().expect("options").clone();
    assert_eq!((&options[0]["service"], &options[0]["fit"]), (&"fsx-lustre".into(), &"fits".into()));
    assert!(options.len() >= 12, "{}", options.len());
    for option in &options[1..] {
        let outcomes = option["judgements"].as_array().expect("judgements").iter();
        let short = outcomes.filter(|judgement| judgement["outcome"] == "falls-short").count();
        let is_other = option["service"] != "fsx-lustre";
        assert!(!is_other || short > 0, "nothing rules out {}", option["name"]);
    }
    let wanted =
        ["efs", "file-cache", "file-gateway", "mountpoint", "s3-express", "s3-files", "fsx-openzfs", "fsx-ontap"];
    for service in wanted {
        assert!(options.iter().any(|option| option["service"] == service), "{service} is not weighed");
    }
}

#[test]
fn eight_kinds_of_work() {
    let folder = root().join("tests/it/sizing/workloads");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the workloads")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let text = in_repository(&[&format!("tests/it/sizing/workloads/{name}")]).exits(0).stdout;
        snapshot(name.trim_end_matches(".toml"), &text);
    }
}

#[test]
fn side_by_side() {
    let both = ["--compare", "examples/video-exam.toml", "examples/video-pretrain.toml"];
    snapshot("compare", &in_repository(&both).exits(0).stdout);
    let json = in_repository(&[&both[..], &["--format", "json"]].concat()).exits(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let specs: Vec<&Value> =
        json["answers"].as_array().expect("answers").iter().map(|answer| &answer["spec"]).collect();
    assert_eq!(specs, ["examples/video-exam.toml", "examples/video-pretrain.toml"]);
    // One beside SPEC.
    let three = ["examples/video-exam.toml", "--compare", "examples/scratch-experiment.toml"];
    in_repository(&three).exits(0).says(&["video-exam.toml", "scratch-experiment.toml"]);
}

#[test]
fn files_in_all_forms() {
    let home = home();
    let example = root().join("examples/video-exam.toml").display().to_string();
    let ran = advise(home.path(), &[&example, "--out", "a.md", "--out", "a.json", "--out", "a.txt", "--plot", "a.svg"]);
    ran.exits(0).says(&["Options, best first"]);
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).expect("it was written");
    assert!(read("a.md").starts_with("**") && read("a.txt").contains("Options, best first"));
    assert!(read("a.json").contains("\"format_version\": 1") && read("a.svg").starts_with("<svg "));
    let only = advise(home.path(), &[&example, "--format", "markdown", "--out", "b"]).exits(0);
    assert_eq!((only.stdout.as_str(), read("b") == read("a.md")), ("", true));
    let piped = advise(home.path(), &[&example, "--out", "-"]).exits(0).stdout;
    assert_eq!(piped, read("a.json"));
}

#[test]
fn what_cannot_be_answered() {
    let home = home();
    std::fs::write(home.path().join("bad.toml"), "[workload]\nread = \"fast\"\nreed = 1\n").expect("a spec");
    std::fs::write(home.path().join("none.toml"), "[workload]\nread = \"9000 GB/s\"\nlatency = \"1ms\"\n")
        .expect("a spec");
    let cases: &[(&str, &[&str])] = &[
        ("no-spec", &[]),
        ("bad-spec", &["bad.toml"]),
        ("scan-no-url", &["--scan", "cluster.toml"]),
        ("scan-no-bucket", &["--scan", "s3://A/b"]),
        ("scan-limit", &["--scan", "s3://acme", "--scan-limit", "0"]),
        ("out-nowhere", &["none.toml", "--out", "no/folder/a.md"]),
        ("no-prices", &["none.toml", "--prices", "none.tsv"]),
    ];
    for (name, args) in cases {
        snapshot(name, &advise(home.path(), args).exits(1).to_string());
    }
    // Too much for all of them is an answer.
    snapshot("nothing-does-it", &advise(home.path(), &["none.toml"]).exits(0).to_string());
}

#[test]
fn a_spec_that_says_nothing_is_advised_all_the_same() {
    let home = home();
    std::fs::write(home.path().join("cluster.toml"), "").expect("a spec");
    let ran = advise(home.path(), &[]).exits(0);
    snapshot("nothing-said", &ran.to_string());
    let quiet = advise(home.path(), &["--quiet", "--region", "eu-west-1"]).exits(0);
    assert_eq!(quiet.stderr, "");
}
