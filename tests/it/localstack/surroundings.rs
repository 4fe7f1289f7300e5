//! What is around a run breaks in the middle of it: credentials, keyboard, terminal, disk. And what its log has of that.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::crash::{after_request, assert_made_once, signal};
use super::life::{SPEC, assert_complete, assert_same};
use super::scene::Scene;
use crate::program::{run, until};

/// Long enough for an interruption to come in the middle of it, in scaled seconds.
const SLOW: f64 = 0.2;

/// The lines of the newest log.
fn log(scene: &Scene) -> Vec<Value> {
    let folder = scene.home().join(".provision/pair/runs");
    let logs = fs::read_dir(folder).expect("a folder of logs").map(|entry| entry.expect("an entry").path());
    let text = fs::read_to_string(logs.max().expect("a log")).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

/// Whether the newest log ends so.
#[track_caller]
fn assert_logged(scene: &Scene, ended: &str, exit_code: i32) {
    let log = log(scene);
    let last = log.last().expect("an ending");
    assert_eq!((&last["ended"], &last["exit_code"]), (&json!(ended), &json!(exit_code)), "{last}");
}

pub(super) fn credentials_expire(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.set(&json!({ "time_scale": SLOW }));
    let mut up = scene.start(&["up", "--yes", &path]);
    after_request(scene, &mut up, "fsx", "CreateFileSystem");
    for (service, code, status) in [
        ("fsx", "ExpiredTokenException", 400),
        ("ssm", "ExpiredTokenException", 400),
        ("ec2", "RequestExpired", 400),
        ("iam", "ExpiredToken", 403),
        ("sts", "ExpiredToken", 403),
    ] {
        scene.fail_next(&json!({
            "service": service, "operation": "*", "code": code, "status": status, "times": 1_000_000,
            "message": "The security token included in the request is expired",
        }));
    }
    let expired = up.end().exits(1).says(&[
        "error[aws::credentials]",
        "The security token included in the request is expired",
        "request ",
        "refresh the credentials",
        &format!("`provision up {path}` again"),
        "`provision down --cluster pair`",
        "of 9 resources exist and cost ",
    ]);
    assert!(!expired.stderr.contains("cost 0.00 USD/h"), "the file system is paid for\n{expired}");
    assert_logged(scene, "failed", 1);
    scene.run(&["status", "--cluster", "pair"]).exits(1).says(&["aws::credentials", "refresh the credentials"]);

    // Fresh ones: the same command goes on, and waits for no lock of the dead.
    scene.control("DELETE", "fail-next", &json!({}));
    let went_on = scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);
    assert!(!went_on.stderr.contains("holds the cluster"), "{went_on}");
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    assert_made_once(&scene.ledger());
    // And in the log is the one as well as the other.
    let runs = scene.run(&["log", "--cluster", "pair", "--list"]).exits(0).says(&["2 runs", "complete", "FAILED"]);
    let id = runs.stdout.lines().last().and_then(|line| line.split_whitespace().next()).expect("an id");
    scene.run(&["log", &path, "--run", id]).exits(0).says(&["(ExpiredToken", "refresh the credentials"]);
}

pub(super) fn stopped_by_hand(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.set(&json!({ "time_scale": SLOW }));
    let mut up = scene.start(&["up", "--yes", &path]);
    after_request(scene, &mut up, "fsx", "CreateFileSystem");
    signal(&up, "TERM");
    up.end().exits(130).says(&[
        "stopping:",
        "run::interrupted",
        " of 9 resources exist and cost 0.35 USD/h",
        "`provision down --cluster pair`",
    ]);
    assert_logged(scene, "interrupted", 130);
    assert_eq!(log(scene)[0]["account"], json!(scene.account), "the account is known by the first step");

    // Twice ends at once, whatever is under way.
    let seen = scene.ledger()["requests"]["ec2"]["RunInstances"].clone();
    let mut up = scene.start(&["up", "--yes", &path]);
    let began = until(Duration::from_mins(1), || {
        let now = scene.ledger()["requests"]["ec2"]["RunInstances"].clone();
        (now != seen || up.has_ended()).then_some(())
    });
    assert!(began.is_some() && !up.has_ended(), "nodes were not launched");
    signal(&up, "INT");
    signal(&up, "INT");
    up.end().exits(130);
    scene.run(&["up", "--yes", &path]).exits(0);
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    assert_made_once(&scene.ledger());
}

/// Runs the program on a terminal that goes away once it shows the word.
fn on_terminal(scene: &Scene, word: &str, hangup: &str, args: &[&str]) -> crate::program::Ran {
    let program = scene.command(args);
    let mut command = Command::new(&scene.python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/localstack/terminal.py"));
    command.args([word, hangup]).arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(command.env("TERM", "xterm").current_dir(scene.home()))
}

pub(super) fn the_terminal_goes_away(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.set(&json!({ "time_scale": SLOW }));
    // Asked, and nobody can answer any more.
    let asked = on_terminal(scene, "Only `yes` is a yes", "keep", &["up", &path]);
    // The end of the input says no, the hang-up asks to stop: whichever is first.
    assert!(matches!(asked.code, Some(1 | 130)), "{asked}");
    assert_same(&scene.cloud("inventory", &[]), &empty);
    // In the middle: stopped as by Ctrl-C, though it is told twice, and recorded although there is nobody to tell.
    on_terminal(scene, "is fs-", "keep", &["up", "--yes", "--color", "never", "-v", &path]).exits(130);
    assert_logged(scene, "interrupted", 130);
    // Under nohup it goes on to its end.
    on_terminal(scene, "creating", "ignore", &["up", "--yes", &path]).exits(0);
    assert_logged(scene, "complete", 0);
    assert_complete(&scene.cloud("inventory", &[]), &empty, 2);
    assert_made_once(&scene.ledger());
}

pub(super) fn nowhere_to_write(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("every Linux has it"));
    // Full disks wherever it says something: the run goes on, and its log has all of it.
    let status =
        scene.command(&["up", "--yes", "-vv", &path]).stdin(Stdio::null()).stdout(full()).stderr(full()).status();
    assert_eq!(status.expect("it starts").code(), Some(0));
    assert_logged(scene, "complete", 0);
    let shown = scene.run(&["log", &path]).exits(0).says(&["nodes.trainer         done", "complete: 10 steps done"]);
    assert_eq!(log(scene).len(), shown.stdout.lines().count() - 3, "a line an event\n{shown}");

    // A reader of events that goes away after the first one.
    let events = "exec 3>&1; { \"$@\"; echo \"exit: $?\" >&3; } | head --lines 1 >/dev/null";
    let program = scene.command(&["down", "--yes", "--json", "--cluster", "pair"]);
    let ended = run(in_bash(scene, events, &program)).exits(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("exit: 0\n", ""));
    assert_same(&scene.cloud("inventory", &[]), &empty);
    assert_logged(scene, "complete", 0);

    // The disk of the log gets full in the middle: a limit of 1024 bytes is as good as that.
    let program = scene.command(&["up", "--yes", "--color", "never", &path]);
    let ran = run(in_bash(scene, "trap '' XFSZ; ulimit -f 1; exec \"$@\"", &program)).exits(0);
    assert_eq!((ran.stderr.matches("log::write").count(), ran.stderr.matches("is ready").count()), (1, 1), "{ran}");
    let shown = scene.run(&["log", &path]).exits(0).says(&["no ending"]);
    assert!(shown.stdout.contains("creating"), "what was written is lost\n{shown}");
    read_only(scene, &path);
}

/// The arguments of the script are the program and its own.
fn in_bash(scene: &Scene, script: &str, program: &Command) -> &'static mut Command {
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash"]).arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(scene.home());
    Box::leak(Box::new(command))
}

/// A folder that nobody can write to, the super-user included. Where no such thing can be made, the file in its place that
/// the tests of the command line use must do.
#[expect(clippy::print_stderr, reason = "what was left out is worth a line")]
fn read_only(scene: &Scene, path: &str) {
    let script = "mount -t tmpfs -o ro none .provision || exit 99; exec \"$@\"";
    let mut unshare = Command::new("unshare");
    let program = scene.command(&["up", "--yes", path]);
    unshare.args(["--mount", "--map-root-user", "bash", "-c", script, "bash"]);
    unshare.arg(program.get_program()).args(program.get_args());
    unshare.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(scene.home());
    let ran = run(&mut unshare);
    if ran.code == Some(0) {
        ran.says(&["log::write", "Read-only file system", "pair is complete and unchanged."]);
    } else {
        assert!(!ran.stderr.contains("pair"), "it was not the mount that failed\n{ran}");
        eprintln!("skipped: a read-only folder for the log; mounts are not allowed here");
    }
}

pub(super) fn the_log_is_what_was_shown(scene: &Scene) {
    let path = scene.write("cluster.toml", SPEC);
    let up = scene.run(&["up", "--yes", &path]).exits(0);
    let shown: Vec<&str> = up.stderr.lines().filter(|line| line.starts_with("   0:")).collect();
    let logged = scene.run(&["log", &path]).exits(0).stdout;
    let logged: Vec<&str> = logged.lines().filter(|line| line.starts_with("   0:")).collect();
    assert!(shown.len() > 20 && shown == logged, "shown\n{}\nlogged\n{}", shown.join("\n"), logged.join("\n"));
    // As JSON lines they are the very same.
    let down = scene.run(&["down", "--yes", "--json", &path]).exits(0).stdout;
    let log = log(scene);
    let down: Vec<Value> = down.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(down, log[1..log.len() - 1]);

    // Killed in the middle, it has the events so far.
    scene.set(&json!({ "time_scale": SLOW }));
    let mut up = scene.start(&["up", "--yes", &path]);
    let file = || -> Option<PathBuf> {
        let logs = fs::read_dir(scene.home().join(".provision/pair/runs")).ok()?;
        logs.flatten().map(|entry| entry.path()).max().filter(|newest| {
            fs::read_to_string(newest).is_ok_and(|text| text.contains("\"address\":\"fsx\",\"id\":\"fs-"))
        })
    };
    let seen = until(Duration::from_mins(1), || (file().is_some() || up.has_ended()).then_some(()));
    assert!(seen.is_some() && !up.has_ended(), "the log is not written while the run goes on");
    up.kill();
    assert_eq!(up.end().code, None);
    scene.run(&["log", &path]).exits(0).says(&["fsx                   is fs-", "no ending: it was killed"]);
}
