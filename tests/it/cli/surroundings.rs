//! What is around a run breaks: the keyboard, the terminal, a full disk, a server that says nothing.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::files::SPEC;
use super::folder;
use super::logs::logs;
use crate::program::{Running, provision, run, start, until};

/// A server that accepts connections and never says a word.
struct Mute(TcpListener);

impl Mute {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    /// Starts `up` at it, and comes back when that is waiting for an answer.
    fn up(&self, home: &Path) -> (Running, std::net::TcpStream) {
        let mut command = provision(home);
        command
            .args(["up", "--yes"])
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.0.local_addr().expect("bound")));
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
        let running = start(&mut command);
        let (connection, _) = self.0.accept().expect("a client");
        (running, connection)
    }
}

fn signal(running: &Running, name: &str) {
    let status = Command::new("kill").args(["-s", name, &running.id().to_string()]).status().expect("kill starts");
    assert!(status.success(), "the run was over already");
}

/// Who was started with `nohup` passes that on: then a terminal that goes away stops nothing, as was asked for.
fn is_deaf_to_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn a_server_that_never_answers_does_not_hold_whoever_wants_to_stop() {
    let folder = folder(SPEC);
    let signals = ["INT", "TERM", "HUP"].into_iter().filter(|name| *name != "HUP" || !is_deaf_to_hangups());
    for (count, name) in signals.enumerate() {
        let mute = Mute::new();
        let (running, _connection) = mute.up(folder.path());
        signal(&running, name);
        let ran = running.end().exits(130);
        assert_eq!(ran.stderr, "Nothing was changed.\n", "{name}");
        let text = std::fs::read_to_string(&logs(folder.path())[count]).expect("readable");
        assert!(text.contains("\"ended\":\"interrupted\",\"exit_code\":130"), "{text}");
    }
}

#[test]
fn a_run_that_is_killed_leaves_a_log_without_an_ending() {
    let mute = Mute::new();
    let folder = folder(SPEC);
    let (mut running, _connection) = mute.up(folder.path());
    super::ran(folder.path(), &["log"]).exits(0).says(&["no ending: it was killed or is still running"]);
    running.kill();
    assert_eq!(running.end().code, None);
    super::ran(folder.path(), &["log"]).exits(0).says(&["provision up --yes", "no ending"]);
}

#[test]
fn a_full_disk_is_no_success() {
    let folder = folder(SPEC);
    for args in
        [&["plan", "--offline"][..], &["schema"], &["man"], &["completions", "bash"], &["validate", "--format", "json"]]
    {
        let full = File::options().write(true).open("/dev/full").expect("every Linux has it");
        let output = provision(folder.path()).args(args).stdout(full).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("error: stdout cannot be written") && said.contains("incomplete"), "{args:?}: {said}");
        // Where it cannot be told, the exit code still tells.
        let full = || File::options().write(true).open("/dev/full").expect("every Linux has it");
        let status = provision(folder.path()).args(args).arg("-vv").stdout(full()).stderr(full()).status();
        assert_eq!(status.expect("it runs").code(), Some(1), "{args:?}");
    }
}

#[test]
fn an_error_that_nobody_reads_is_still_one() {
    let folder = folder(SPEC);
    for args in [&["plan"][..], &["up", "--yes", "-vv"], &["validate", "other.toml"], &["nonsense"]] {
        let mut command = provision(folder.path());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // A pipe whose reader has gone.
        drop(child.stderr.take());
        let ended = until(Duration::from_mins(1), || child.try_wait().expect("a child"));
        assert_eq!(ended.and_then(|status| status.code()), Some(1), "{args:?}");
        let closed = format!("exec {} {} 1>&- 2>&-", env!("CARGO_BIN_EXE_provision"), args.join(" "));
        let mut shell = Command::new("bash");
        shell.args(["-c", &closed]).env_clear().env("HOME", folder.path()).current_dir(folder.path());
        shell.env("AWS_EC2_METADATA_DISABLED", "true");
        run(&mut shell).exits(1);
    }
}
