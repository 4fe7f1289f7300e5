//! How a command ends: the exit codes of the contract, and errors on their way to the user.

use crate::cloud::CloudError;
use crate::diagnostic::Diagnostic;
use crate::plan::Finding;

/// Exit code, by DESIGN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done,
    Error,
    /// Only with `--detailed-exitcode`.
    ChangesPending,
    /// By `--fail-on`.
    TooDangerous,
    NoCapacity,
    /// Of `run`: the command did not end with 0 on every node.
    CommandFailed,
    Interrupted,
}

impl Exit {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::ChangesPending => 2,
            Self::TooDangerous => 3,
            Self::NoCapacity => 4,
            Self::CommandFailed => 5,
            Self::Interrupted => super::signals::EXIT_INTERRUPTED,
        }
    }
}

/// What the user can do something about. Anything else that reaches the top is a bug of ours.
#[derive(Debug)]
pub(super) enum Expected {
    /// Of the spec, or of what it asks for.
    Diagnostics(Vec<Diagnostic>),
    Cloud {
        error: CloudError,
        doing: &'static str,
    },
    /// Why the plan in a file is not applied.
    Unapplied {
        file: String,
        findings: Vec<Finding>,
    },
    /// One line, and how to go on.
    Plain {
        title: String,
        help: Option<String>,
    },
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Diagnostics(diagnostics) => {
                let titles: Vec<&str> = diagnostics.iter().map(|each| each.title.as_str()).collect();
                f.write_str(&titles.join("; "))
            }
            Self::Unapplied { file, findings } => {
                let titles: Vec<&str> = findings.iter().map(|each| each.title.as_str()).collect();
                write!(f, "`{file}` is not applied: {}", titles.join("; "))
            }
            Self::Cloud { error, doing } => write!(f, "{doing}: {error}"),
            Self::Plain { title, help: _ } => f.write_str(title),
        }
    }
}

impl std::error::Error for Expected {}

/// An error without a place in the spec.
pub(super) fn plain(title: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    Expected::Plain { title: title.into(), help: Some(help.into()) }.into()
}

pub(super) fn cloud(error: CloudError, doing: &'static str) -> anyhow::Error {
    Expected::Cloud { error, doing }.into()
}
