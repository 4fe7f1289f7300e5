//! `provision log`, and what `up` and `down` leave for it, as far as that needs no cloud that works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::answers::{serve, serve_saying};
use super::files::SPEC;
use super::{folder, ran, snapshot};
use crate::program::{Ran, provision, run};

/// The logs of the cluster of `SPEC`, the oldest first.
pub(super) fn logs(at: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(at.join(".provision/small/runs")).expect("a folder of logs");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn at(home: &Path, endpoint: &str, args: &[&str]) -> Command {
    let mut command = provision(home);
    command.args(args).env("AWS_ENDPOINT_URL", endpoint);
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

#[test]
fn a_run_that_ended_before_its_first_step_tells_why() {
    let folder = folder(SPEC);
    let home = folder.path();
    let denied = run(&mut at(home, &serve("ec2"), &["up", "--yes"])).exits(1);
    let log = lines(&logs(home)[0]);
    assert_eq!(log.len(), 2, "a header and an ending");
    for (key, value) in [
        ("format_version", "1"),
        ("command", "\"up\""),
        ("command_line", "\"provision up --yes\""),
        ("cluster", "\"small\""),
        ("region", "\"us-east-1\""),
    ] {
        assert_eq!(log[0][key].to_string(), value, "{key}");
    }
    assert!(log[0]["who"].as_str().is_some_and(|who| who.starts_with("ana@")), "{}", log[0]);
    assert!(log[0]["run"].is_string() && log[0]["version"].is_string() && log[0]["started"].is_string());
    assert_eq!((&log[1]["ended"], &log[1]["exit_code"]), (&"refused".into(), &1.into()));
    assert_eq!(log[1]["error"].as_str().map(str::trim_end), Some(denied.stderr.trim_end()), "not as it was told");

    // The others that end so soon: nobody to ask, no credentials, no region.
    run(&mut at(home, "http://127.0.0.1:1", &["down"])).exits(1).says(&["no terminal"]);
    ran(home, &["down", "--cluster", "small", "--yes"]).exits(1).says(&["no region"]);
    let reasons: Vec<String> = logs(home)[1..].iter().map(|log| lines(log)[1]["error"].to_string()).collect();
    assert!(reasons[0].contains("no terminal") && reasons[1].contains("no region"), "{reasons:?}");

    // And all of them are shown where there are neither credentials nor a network.
    ran(home, &["log"]).exits(0).says(&["provision down --cluster small --yes\n", "no region", "exit code 1"]);
    let listed = ran(home, &["log", "--list"]).exits(0);
    assert_eq!((listed.stdout.lines().count(), listed.stdout.matches("ana@").count()), (5, 3), "{listed}");
    let id = log[0]["run"].as_str().expect("an id");
    for id in [id, &id[..8], &id[..5]] {
        ran(home, &["log", "--run", id]).exits(0).says(&["provision up --yes\n", "may not look at what is there"]);
    }
    let json = ran(home, &["log", "--cluster", "small", "--run", id, "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["run"], &json["end"], &json["events"]), (&log[0], &log[1], &Value::Array(Vec::new())));
    let json = ran(home, &["log", "--list", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json["runs"].as_array().map(Vec::len), &json["runs"][2]["run"]), (Some(3), &log[0]["run"]));
    ran(home, &["log"]).exits(0);
    assert_eq!(logs(home).len(), 3, "looking left a log");
}

#[test]
fn a_run_without_anything_to_do_says_so_and_knows_the_account() {
    let folder = folder(SPEC);
    let endpoint = serve("nothing");
    run(&mut at(folder.path(), &endpoint, &["down", "--yes"])).exits(0);
    run(&mut at(folder.path(), &endpoint, &["down", "--yes", "--json"])).exits(0);
    for (log, count) in logs(folder.path()).iter().zip([2, 3]) {
        let log = lines(log);
        let (account, ended) = (&log[0]["account"], &log[log.len() - 1]["ended"]);
        assert_eq!((log.len(), account, ended), (count, &"111122223333".into(), &"nothing-to-do".into()));
    }
    assert_eq!(fs::read_to_string(folder.path().join(".provision/.gitignore")).expect("written along"), "*\n");
    assert!(!ran(folder.path(), &["log"]).exits(0).stdout.contains("111122223333"));
}

#[test]
fn the_newest_fifty_are_kept() {
    let folder = folder(SPEC);
    let runs = folder.path().join(".provision/small/runs");
    fs::create_dir_all(&runs).expect("a folder");
    for old in 10..70 {
        fs::write(runs.join(format!("202001{old}T000000.000Z-up-{old}000000.jsonl")), "").expect("writable");
    }
    fs::write(runs.join("notes.txt"), "mine").expect("writable");
    run(&mut at(folder.path(), &serve("nothing"), &["down", "--yes"])).exits(0);
    let mut left = logs(folder.path());
    left.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    assert_eq!(left.len(), 50);
    assert!(left[0].to_string_lossy().contains("20200121T"), "the oldest went: {}", left[0].display());
    assert_eq!(lines(&left[49])[1]["ended"], "nothing-to-do", "the newest is this one");
    assert!(runs.join("notes.txt").exists(), "somebody else's file");
}

/// Everything of it is the same but for one warning.
#[test]
fn a_run_that_cannot_be_logged_goes_on() {
    let bare = folder(SPEC);
    let endpoint = serve("nothing");
    let wanted = run(&mut at(bare.path(), &endpoint, &["down", "--yes"])).exits(0);
    let blocked = folder(SPEC);
    fs::write(blocked.path().join(".provision"), "a file").expect("writable");
    let ran = run(&mut at(blocked.path(), &endpoint, &["down", "--yes"])).exits(0);
    let rest = ran.stderr.split_once("has room\n").expect("a warning").1;
    assert_eq!((rest, ran.stderr.matches("log::write").count()), (wanted.stderr.as_str(), 1), "{ran}");
    snapshot("log-unwritable", &without_name(ran));
    let quiet = run(&mut at(blocked.path(), &endpoint, &["down", "--yes", "--quiet"])).exits(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    assert_eq!(fs::read_to_string(blocked.path().join(".provision")).expect("still there"), "a file");
}

/// With the name of the log as a word.
fn without_name(ran: Ran) -> Ran {
    let words = ran.stderr.split_inclusive(char::is_whitespace);
    let stderr = words.map(|word| if word.contains(".jsonl") { ".provision/…/LOG.jsonl: " } else { word }).collect();
    Ran { stderr, ..ran }
}

#[test]
fn no_secret_gets_into_a_log() {
    let (key, token) = ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEXAMPLEtoken");
    let folder = folder(SPEC);
    // The first is how AWS explains a refused signature; the second is what nobody does.
    for (service, why) in [
        ("ec2", format!("The Canonical String for this request should have been 'POST x-amz-security-token:{token}'")),
        ("fsx", format!("your key is {key} and your token {token}")),
    ] {
        let endpoint = serve_saying(service, &why).replace("http://", "http://ana:hunter2@");
        let mut command = provision(folder.path());
        command.args(["up", "--yes", "--endpoint-url", &endpoint]);
        command.envs([("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", key), ("AWS_SESSION_TOKEN", token)]);
        let ran = run(&mut command).exits(1);
        assert!(service == "fsx" || !ran.stderr.contains(token), "{ran}");
    }
    let logs = logs(folder.path());
    assert_eq!(logs.len(), 2);
    for log in logs {
        let text = fs::read_to_string(&log).expect("readable");
        assert!(text.contains("aws::denied"), "it was not about that: {text}");
        for secret in [key, token, "hunter2"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn nothing_to_show() {
    let empty = folder("");
    let at = empty.path();
    snapshot("log-no-spec", &ran(at, &["log"]).exits(1));
    let nothing = ran(at, &["log", "--cluster", "small"]).exits(1);
    let here = fs::canonicalize(at).expect("a folder").join(".provision/small/runs");
    nothing.says(&[
        &here.display().to_string(),
        "provision status --cluster small",
        "where `provision up` or `down` ran",
    ]);
    snapshot("log-bad-name", &ran(at, &["log", "--cluster", "My_Cluster"]).exits(1));

    run(&mut self::at(at, &serve("nothing"), &["down", "--yes", "--cluster", "small", "--region", "us-east-1"]))
        .exits(0);
    snapshot("log-others", &ran(at, &["log"]).exits(1));
    snapshot("log-unknown-run", &ran(at, &["log", "--cluster", "small", "--run", "zz"]).exits(1));
    fs::write(at.join("cluster.toml"), "[cluster]\nname = \"small\"\nregoin = \"us-east-1\"\n").expect("writable");
    snapshot("log-bad-spec", &ran(at, &["log"]).exits(1));
    ran(at, &["log", "--cluster", "small"]).exits(0);
    let log = logs(at).remove(0);
    fs::write(&log, "").expect("writable");
    snapshot("log-empty", &without_file(ran(at, &["log", "--cluster", "small"]).exits(1), &log));
    ran(at, &["log", "--cluster", "small", "--list"]).exits(0).says(&["0 runs", "it is empty"]);
}

fn without_file(ran: Ran, log: &Path) -> Ran {
    let name = log.file_name().and_then(|name| name.to_str()).expect("a name");
    Ran { stderr: ran.stderr.replace(name, "LOG.jsonl"), ..ran }
}
