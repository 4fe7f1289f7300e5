//! One node of the sandbox, and the directory that stands for the file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use provision::bootstrap::{Inputs, user_data};
use serde_json::{Value, json};

use crate::bootstrap::{endpoint, skipped};

pub(super) const OSES: [&str; 4] = ["amzn2023", "ubuntu22.04", "ubuntu24.04", "rocky9"];
/// What the program exits with where namespaces are not allowed.
const UNAVAILABLE: i32 = 77;

/// The directory behind `mount.lustre`.
pub(super) struct Storage(tempfile::TempDir);

impl Storage {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

pub(super) struct Node {
    folder: tempfile::TempDir,
    os: &'static str,
}

/// How a call of the sandbox ended.
pub(super) struct Ended {
    /// Every value that `provision:node` had.
    pub(super) tags: Vec<String>,
    pub(super) exit: i64,
    pub(super) console: String,
    /// What a command printed.
    pub(super) output: String,
}

impl Ended {
    pub(super) fn tag(&self) -> &str {
        self.tags.last().map_or("", String::as_str)
    }
}

impl Node {
    pub(super) fn new(os: &'static str, inputs: &Inputs, id: &str, address: &str) -> Self {
        Self::with(os, &user_data(inputs, &endpoint()).unwrap(), id, address)
    }

    pub(super) fn with(os: &'static str, user_data: &[u8], id: &str, address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("user-data"), user_data).unwrap();
        let metadata = json!({"instance-id": id, "local-ipv4": address, "account": "123456789012"});
        fs::write(folder.path().join("metadata"), metadata.to_string()).unwrap();
        Self { folder, os }
    }

    pub(super) fn boot(&self, storage: &Storage, scenario: &Value) -> Ended {
        self.ended("boot", storage, scenario, &[])
    }

    pub(super) fn reboot(&self, storage: &Storage, scenario: &Value) -> Ended {
        self.ended("reboot", storage, scenario, &[])
    }

    pub(super) fn run(&self, storage: &Storage, command: &[&str]) -> Ended {
        self.ended("run", storage, &json!({}), command)
    }

    fn ended(&self, action: &str, storage: &Storage, scenario: &Value, command: &[&str]) -> Ended {
        let output = self.call(action, storage, scenario, command);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let (before, last) = stdout.trim_end().rsplit_once('\n').unwrap_or(("", stdout.trim_end()));
        let answer: Value = serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error}: {stdout}{}", String::from_utf8_lossy(&output.stderr)));
        let tags = answer["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
        let console = String::from_utf8_lossy(&fs::read(answer["log"].as_str().unwrap()).unwrap()).into_owned();
        Ended { tags, exit: answer["exit"].as_i64().unwrap(), console, output: before.to_owned() }
    }

    fn call(&self, action: &str, storage: &Storage, scenario: &Value, command: &[&str]) -> Output {
        fs::write(self.folder.path().join("scenario"), scenario.to_string()).unwrap();
        let file = |name: &str| self.folder.path().join(name);
        let python = std::env::var_os("PROVISION_PYTHON").unwrap_or_else(|| "python3".into());
        let mut call = Command::new(python);
        call.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/localstack/sandbox/node-sandbox"))
            .args([action, "--os", self.os])
            .arg("--root")
            .arg(file("root"))
            .arg("--mount-source")
            .arg(storage.path());
        for name in ["user-data", "metadata", "scenario"] {
            call.arg(format!("--{name}")).arg(file(name));
        }
        if !command.is_empty() {
            call.arg("--").args(command);
        }
        call.output().unwrap()
    }

    /// Where a file of the node is. None of those below `/usr`, but for written ones.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root/upper").join(path)
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What a stand-in remembers, or nothing.
    pub(super) fn state(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join("root/state").join(name)).unwrap_or_default()
    }

    /// How often a stand-in was called with arguments that start so.
    pub(super) fn calls(&self, start: &str) -> usize {
        self.state("calls").lines().filter(|line| line.starts_with(start)).count()
    }
}

/// Whether namespaces are allowed here; says so once for each test if not.
pub(super) fn available() -> bool {
    static WHY_NOT: OnceLock<Option<String>> = OnceLock::new();
    let why_not = WHY_NOT.get_or_init(|| {
        if !cfg!(target_os = "linux") {
            return Some("the node sandbox needs Linux".into());
        }
        let node = Node::with("amzn2023", b"no script", "i-1", "10.0.0.1");
        let output = node.call("boot", &Storage::new(), &json!({}), &[]);
        (output.status.code() == Some(UNAVAILABLE)).then(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())
    });
    if let Some(why) = why_not {
        skipped(why);
    }
    why_not.is_none()
}
