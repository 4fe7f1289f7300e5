//! The event log of a run on this machine's disk: written line by line while the run goes on, and found again.
//!
//! `.provision/<cluster>/runs/<started>-<command>-<short run id>.jsonl` below the folder that the command runs in, as a
//! convenience that nothing depends on: the cloud is the state, and a run that cannot be logged goes on all the same.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::output;
use super::settings::Settings;
use crate::apply::event::Event;
use crate::cloud::Identity;
use crate::render::run_log::{End, Header, line, unwritable};
use crate::render::{Theme, events};

/// Where all of it is, below the current folder.
pub(super) const FOLDER: &str = ".provision";
/// Logs kept of a cluster: months of work of one person, and some megabytes at most.
const MOST_LOGS: usize = 50;
const EXTENSION: &str = "jsonl";

/// Where the logs of a cluster are.
pub(super) fn folder(cluster: &str) -> PathBuf {
    Path::new(FOLDER).join(cluster).join("runs")
}

/// The logs in a folder, the newest first: names begin with the time. Empty if there is no such folder.
pub(super) fn logs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_log(path)).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// The log of the run of this process.
pub(super) struct RunLog {
    path: PathBuf,
    theme: Theme,
    quiet: bool,
    secrets: Vec<String>,
    inner: Mutex<Inner>,
}

struct Inner {
    header: Header,
    has_events: bool,
    /// None once it could not be written.
    file: Option<File>,
}

impl RunLog {
    /// Begins it. Whatever goes wrong here and later is said once, and only said.
    pub(super) fn start(header: Header, settings: &Settings) -> Self {
        let started = header.started.strftime("%Y%m%dT%H%M%S.%3fZ");
        let name = format!("{started}-{}-{}.{EXTENSION}", header.command, header.short_id());
        let folder = folder(&header.cluster);
        let path = folder.join(name);
        let opened = open(&folder, &path);
        prune(&folder);
        let (file, failed) = match opened {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let text = line(&header);
        let log = Self {
            path,
            theme: settings.err,
            quiet: settings.quiet,
            secrets: secrets(|name| std::env::var(name).ok()),
            inner: Mutex::new(Inner { header, has_events: false, file }),
        };
        log.say(failed.map_or_else(|| log.write(&text), |error| Some(log.complaint(&error))));
        log
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Completes the header, while there is nothing else in the log.
    pub(super) fn identify(&self, identity: &Identity) {
        let Identity { account, arn: _, region, partition: _ } = identity;
        let text = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.has_events || inner.header.account.as_ref() == Some(account) {
                return;
            }
            inner.header.account = Some(account.clone());
            inner.header.region = Some(region.clone());
            // It is written in append mode, so what comes next goes to the new end; one that cannot be emptied stays as it is.
            match inner.file.as_ref().map(|file| file.set_len(0)) {
                Some(Ok(())) => line(&inner.header),
                Some(Err(_)) | None => return,
            }
        };
        self.say(self.write(&text));
    }

    /// Tells what there is to be said if it could not be written, for once.
    #[must_use]
    pub(super) fn event(&self, event: &Event) -> Option<String> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).has_events = true;
        self.write(&(events::json(event) + "\n"))
    }

    /// Whether it had begun to do something.
    pub(super) fn has_events(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).has_events
    }

    pub(super) fn end(&self, end: &End) {
        self.say(self.write(&line(end)));
    }

    /// One write a line, and nothing kept back: what was told is in the file however the process ends.
    fn write(&self, text: &str) -> Option<String> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let file = inner.file.as_mut()?;
        let error = file.write_all(without(text, &self.secrets).as_bytes()).err()?;
        inner.file = None;
        Some(self.complaint(&error))
    }

    fn complaint(&self, error: &io::Error) -> String {
        unwritable(&self.path.display().to_string(), &error.to_string(), &self.theme)
    }

    fn say(&self, complaint: Option<String>) {
        if let Some(complaint) = complaint.filter(|_| !self.quiet) {
            output::say(&complaint);
        }
    }
}

/// A new file in a folder that is there, and that no version control takes in by accident.
fn open(folder: &Path, path: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let ignore = Path::new(FOLDER).join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    OpenOptions::new().append(true).create_new(true).open(path)
}

/// Leaves the newest. What cannot be removed is in nobody's way.
fn prune(folder: &Path) {
    for old in logs(folder).unwrap_or_default().into_iter().skip(MOST_LOGS) {
        let _ = fs::remove_file(old);
    }
}

/// Shorter values are those of tests and of LocalStack, and would be found in ordinary words. AWS's have 40 and more.
const SHORTEST_SECRET: usize = 16;

/// What the environment holds that may stand in no file. Credentials of other sources are never in words of ours, and
/// `aws::error` takes them out of the words of AWS.
fn secrets(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        .into_iter()
        .filter_map(variable)
        .filter(|value| value.len() >= SHORTEST_SECRET)
        .collect()
}

fn without(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"))
}

/// A command line as it can be pasted, without the password that an endpoint's URL may hold.
pub(super) fn command_line(args: &[std::ffi::OsString]) -> String {
    let mut words = vec!["provision".to_owned()];
    words.extend(args.iter().skip(1).map(|arg| {
        let arg = without_password(&arg.to_string_lossy());
        shlex::try_quote(&arg).map_or_else(|_| arg.clone(), Cow::into_owned)
    }));
    words.join(" ")
}

/// `http://ana:secret@host` becomes `http://host`.
fn without_password(arg: &str) -> String {
    let Some((scheme, rest)) = arg.split_once("://") else {
        return arg.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_kept() {
        let token = "FwoGZXIvYXdzEXAMPLE/token+with==";
        let environment = |name: &str| match name {
            "AWS_SESSION_TOKEN" => Some(token.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        };
        let secrets = secrets(environment);
        assert_eq!(without(&format!("the latest token was {token}!"), &secrets), "the latest token was [secret]!");
    }

    #[test]
    fn a_command_line_can_be_pasted_and_holds_no_password() {
        let args = ["/usr/bin/provision", "up", "my spec.toml", "--endpoint-url", "http://ana:p@ss@host:4566/x?a=b@c"];
        assert_eq!(
            command_line(&args.map(Into::into)),
            "provision up 'my spec.toml' --endpoint-url 'http://host:4566/x?a=b@c'"
        );
        assert_eq!(without_password("--endpoint-url=https://user@host"), "--endpoint-url=https://host");
        assert_eq!(without_password("s3://acme/data"), "s3://acme/data");
    }
}
