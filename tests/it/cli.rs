//! What the program says and how it ends: exit code, stdout and stderr of every command, as snapshots.
//!
//! Nothing is inherited: an empty folder is all that a run finds, unless a test puts something there.

#[cfg(feature = "aws")]
mod answers;
#[cfg(feature = "aws")]
mod cloud;
mod files;
#[cfg(feature = "aws")]
mod logs;
mod plans;
#[cfg(feature = "aws")]
mod prices;
#[cfg(feature = "aws")]
mod surroundings;
mod words;

use std::path::Path;

use tempfile::TempDir;

use crate::program::{Ran, provision, run};

/// A folder with this text as `cluster.toml`; empty: without one.
fn folder(spec: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if !spec.is_empty() {
        std::fs::write(folder.path().join("cluster.toml"), spec).expect("a spec can be written");
    }
    folder
}

/// Runs the program in a folder.
fn ran(folder: &Path, args: &[&str]) -> Ran {
    run(provision(folder).args(args))
}

/// What varies from run to run, each under its name.
fn snapshot(name: &str, ran: &Ran) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"provision \d+\.\d+\.\d+", "provision [VERSION]");
    settings.add_filter(r#""version": "\d+\.\d+\.\d+""#, r#""version": "[VERSION]""#);
    // Looks go out side by side: which of a service's is refused first is chance.
    settings.add_filter(r"(ec2|fsx|iam):(Describe|Get)[A-Za-z]+", "$1:[LOOK]");
    // And with the length of its name lines break elsewhere.
    settings.add_filter(r"may not\s+\((\w+),\s+request [0-9-]+\)", "may not ($1, request [ID])");
    settings.bind(|| insta::assert_snapshot!(name, ran.to_string()));
}
