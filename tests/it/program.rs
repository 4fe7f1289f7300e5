//! Runs the real binary as a user does: nothing inherited from whoever runs the tests, and an end to every wait.

#![cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only runs against a cloud are watched and killed"))]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything takes on a loaded machine: whoever gets there hangs.
const PATIENCE: Duration = Duration::from_mins(4);
const POLL: Duration = Duration::from_millis(10);

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// None: ended by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails unless it ended with this exit code; gives itself back.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n{self}");
        self
    }

    /// Fails unless all of these were said, on whichever stream.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text) || self.stderr.contains(text), "`{text}` was not said\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or("by a signal".to_owned(), |code| code.to_string());
        write!(f, "exit: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

/// The program, with an environment of its own and `home` as the only place where it could find anything.
pub(crate) fn provision(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command
        .env_clear()
        .env("HOME", home)
        .env("USER", "ana")
        .env("AWS_CONFIG_FILE", home.join("no-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("no-credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(home);
    command
}

/// A run that has not ended; it ends with this value at the latest.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    readers: Option<(JoinHandle<String>, JoinHandle<String>)>,
}

pub(crate) fn start(command: &mut Command) -> Running {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let readers = child.stdout.take().zip(child.stderr.take()).map(|(out, err)| (read(out), read(err)));
    Running { child, readers }
}

pub(crate) fn run(command: &mut Command) -> Ran {
    start(command).end()
}

fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let ended = until(PATIENCE, || self.status());
        self.kill();
        let (out, err) = self.readers.take().expect("taken once");
        let (stdout, stderr) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        let ran = Ran { code: ended.and_then(|status| status.code()), stdout, stderr };
        assert!(ended.is_some(), "did not end in {PATIENCE:?}\n{ran}");
        ran
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer; None once the limit has passed.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(POLL);
    }
}
