//! LocalStack for as long as a value lives, and what a scenario plays with: an account, a folder, the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{self, Ran, Running};

/// The default delays, a twentieth of them: storage in 0.3 s, a boot in 0.15 s.
const TIME_SCALE: f64 = 0.05;
pub(super) const REGION: &str = "us-east-1";

/// A LocalStack of our own.
///
/// Whoever holds this holds a pipe; its other end is a shell that stops LocalStack when the pipe closes: with this value,
/// or with the process of the tests, however that ends.
#[derive(Debug)]
pub(super) struct LocalStack {
    endpoint: String,
    python: PathBuf,
    stopper: Child,
    _state: TempDir,
}

impl LocalStack {
    /// None unless the environment says where LocalStack is.
    pub(super) fn start() -> Option<Self> {
        let script = std::env::var_os("PROVISION_LOCALSTACK")?;
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        // Before the start, so that a start that is cut short is stopped as well.
        let stopper = Command::new("bash")
            .args(["-c", "read -r _; exec \"$0\" stop --state \"$1\""])
            .args([script.as_os_str(), state.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("bash starts");
        let started = Command::new(&script)
            .args(["start", "--port", "0", "--state"])
            .arg(&state)
            .stdin(Stdio::null())
            .output()
            .expect("the script starts");
        let endpoint = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        let venv = std::env::var_os("LOCALSTACK_VENV")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv"), PathBuf::from);
        let this = Self { endpoint, python: venv.join("bin/python"), stopper, _state: folder };
        assert!(started.status.success(), "LocalStack does not start: {}", String::from_utf8_lossy(&started.stderr));
        Some(this)
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        drop(self.stopper.stdin.take());
        let _ = self.stopper.wait();
    }
}

/// An account without anything in it but two buckets, a folder with a spec, and the program.
#[derive(Debug)]
pub(super) struct Scene {
    pub endpoint: String,
    pub account: String,
    pub python: PathBuf,
    folder: TempDir,
}

impl Scene {
    pub(super) fn new(localstack: &LocalStack, number: usize) -> Self {
        let scene = Self {
            endpoint: localstack.endpoint.clone(),
            account: format!("{:012}", 700_000_000_000 + number),
            python: localstack.python.clone(),
            folder: tempfile::tempdir().expect("a folder"),
        };
        scene.reset();
        scene
    }

    /// A clean slate.
    pub(super) fn reset(&self) {
        self.control("POST", "reset", &json!({}));
        self.set(&json!({ "time_scale": TIME_SCALE }));
        self.cloud("buckets", &["acme", "acme-b"]);
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// Writes a spec and tells its path.
    pub(super) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a spec can be written");
        path.display().to_string()
    }

    /// Where the program runs: at first there is nothing in it.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("empty")
    }

    /// The program, in its folder, with the account's credentials.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        std::fs::create_dir_all(self.home()).expect("a folder");
        let mut command = program::provision(&self.home());
        command
            .args(args)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        program::run(&mut self.command(args))
    }

    pub(super) fn start(&self, args: &[&str]) -> Running {
        program::start(&mut self.command(args))
    }

    pub(super) fn set(&self, settings: &Value) {
        self.control("POST", "settings", settings);
    }

    /// Orders a fault.
    pub(super) fn fail_next(&self, fault: &Value) {
        self.control("POST", "fail-next", fault);
    }

    /// Faults that were ordered and did not happen.
    pub(super) fn faults_left(&self) -> Value {
        self.control("GET", "fail-next", &json!({}))["faults"].take()
    }

    pub(super) fn ledger(&self) -> Value {
        self.control("GET", "ledger", &json!({}))
    }

    pub(super) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let host = self.endpoint.trim_start_matches("http://");
        let body = body.to_string();
        let mut stream = TcpStream::connect(host).expect("LocalStack listens");
        let request = format!(
            "{method} /_provision/{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("LocalStack reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("LocalStack answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        assert!(head.contains(" 200 "), "{method} {path}: {answer}");
        serde_json::from_str(body).expect("LocalStack answers in JSON")
    }

    /// What somebody else does, or sees, with another program: see `cloud.py`.
    pub(super) fn cloud(&self, what: &str, args: &[&str]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/localstack/cloud.py");
        let output = Command::new(&self.python)
            .arg(script)
            .args([&self.endpoint, &self.account, REGION, what])
            .args(args)
            .output()
            .expect("Python starts");
        assert!(output.status.success(), "{what} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("cloud.py writes JSON")
    }

    /// Writes a file onto a file system, as a node would.
    pub(super) fn write_file(&self, file_system: &str, path: &str, more: &Value) {
        let mut file = more.clone();
        file["path"] = json!(path);
        self.control("POST", "files", &json!({ "file_system_id": file_system, "files": [file] }));
    }

    pub(super) fn delete_file(&self, file_system: &str, path: &str) {
        self.control("DELETE", "files", &json!({ "file_system_id": file_system, "path": path }));
    }

    /// The paths of all files on a file system.
    pub(super) fn files(&self, file_system: &str) -> Vec<String> {
        let found = self.control("GET", &format!("files?file_system_id={file_system}"), &json!({}));
        let files = found["files"].as_array().expect("a list");
        files.iter().filter_map(|file| file["path"].as_str()).map(ToOwned::to_owned).collect()
    }
}
