//! `advise --scan` against real listings: all pages of a large bucket in bounded memory, estimates, and refusals.

use std::process::Command;

use serde_json::{Value, json};

use super::scene::Scene;

/// The most that the program may take for a scan, of any bucket: twice what was measured (debug build, 2026-11).
const MOST_MIB: u64 = 128;
/// What a bucket fifty times as large may take more. Its keys alone are 30 MiB: whoever keeps them does not fit.
const MOST_MORE_MIB: u64 = 10;
const OBJECTS: u64 = 100_000;
const FEW: u64 = 2000;
const SHARDS: u64 = 8000;

fn fill(scene: &Scene, bucket: &str, key: &str, size: u64, count: u64) {
    let names = json!({ "account": scene.account(), "bucket": bucket, "key": key, "size": size, "count": count });
    scene.control("POST", "objects", &names);
}

/// Scans, and tells what was found and the most memory that it took, in MiB.
fn scanned(scene: &Scene, args: &[&str]) -> (Value, u64) {
    let command = scene.command(&[&["advise", "--format", "json", "--quiet"], args].concat());
    let measure = "import resource, subprocess, sys\n\
        code = subprocess.call(sys.argv[1:])\n\
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n\
        sys.exit(code)";
    let mut measured = Command::new(&scene.python);
    measured.args(["-c", measure]).arg(command.get_program()).args(command.get_args()).env_clear();
    measured.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = measured.current_dir(scene.home()).output().expect("Python starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {stderr}");
    // Linux tells it in KiB.
    let kib: u64 = stderr.trim().lines().last().and_then(|line| line.parse().ok()).expect("the peak");
    let answer: Value = serde_json::from_str(&stdout).expect("JSON");
    (answer["answers"][0]["scans"][0].clone(), kib / 1024)
}

pub(super) fn a_large_bucket_in_little_memory(scene: &Scene) {
    let key = format!("train/{{d:03}}/{}-{{n:06}}.mp4", "long-name-of-a-camera/".repeat(13).replace('/', "-"));
    fill(scene, "acme", &key, 20_000_000, OBJECTS);
    fill(scene, "acme-b", &key, 20_000_000, FEW);
    let (few, little) = scanned(scene, &["--scan", "s3://acme-b/train"]);
    let (all, peak) = scanned(scene, &["--scan", "s3://acme/train"]);
    for (found, count) in [(&few, FEW), (&all, OBJECTS)] {
        assert_eq!((&found["files"], &found["bytes"]), (&json!(count), &json!(count * 20_000_000)));
        assert_eq!((&found["estimate"], &found["directories"]), (&Value::Null, &json!(count / 1000 + 1)));
    }
    assert_eq!(all["largest_directory"]["files"], 1000);
    assert!(peak <= MOST_MIB && peak <= little + MOST_MORE_MIB, "{peak} MiB, against {little} MiB of {FEW} objects");

    // A part is counted, the rest is estimated; of a smaller bucket, since LocalStack sorts all of it for each request.
    fill(scene, "acme-b", "shards/{d}/{n:05}.tar", 1_000_000_000, SHARDS);
    let (about, _) = scanned(scene, &["--scan", "s3://acme-b/shards", "--scan-limit", "1500"]);
    let estimate = &about["estimate"];
    let files = about["files"].as_u64().expect("a number");
    assert_eq!((&estimate["counted"], &about["directories"]), (&json!(1500), &Value::Null));
    assert!(files.abs_diff(SHARDS) <= SHARDS / 20, "{files} files: {estimate}");
    assert!(estimate["files_permille"].as_u64().is_some_and(|error| error <= 100), "{estimate}");
}

pub(super) fn scans_what_the_spec_names_and_refuses_what_is_not_there(scene: &Scene) {
    fill(scene, "acme", "train/{n:04}.tar", 1_000_000_000, 1500);
    fill(scene, "acme", "other/{n:04}.tar", 1, 9);
    let spec = scene.write(
        "job.toml",
        "[cluster]\nname = \"job\"\nregion = \"us-east-1\"\n\n[[dataset]]\ns3 = \"s3://acme/train\"\npath = \"/train\"\n",
    );
    let ran = scene.run(&["advise", &spec, "--scan"]).exits(0);
    ran.says(&["s3://acme/train in us-east-1: 1,500 files, 1.5 TB", "capacity"]);
    // A bucket is looked into where it is.
    scene.cloud("away", &["acme-away", "eu-west-1"]);
    fill(scene, "acme-away", "train/{n:04}.tar", 2_000_000, 30);
    let away = scene.run(&["advise", "--scan", "s3://acme-away/train"]).exits(0);
    away.says(&["s3://acme-away/train in eu-west-1: 30 files, 60 MB", "prices of eu-west-1"]);
    scene.run(&["advise", &spec, "--scan", "s3://nobodys/train"]).exits(1).says(&["scan::bucket", "`nobodys`"]);
    scene.run(&["advise", &spec, "--scan", "s3://acme/none"]).exits(0).says(&["is the prefix right?"]);

    let denied =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sts:*", "Resource": "*" }] });
    scene.control("POST", "policy", &json!({ "account": scene.account(), "policies": [denied] }));
    let refused = scene.run(&["advise", &spec, "--scan"]).exits(1);
    refused.says(&["scan::denied", "s3:ListBucket", "arn:aws:s3:::acme"]);
    scene.control("POST", "policy", &json!({ "account": scene.account(), "policies": [] }));
}
