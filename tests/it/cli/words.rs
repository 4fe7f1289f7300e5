//! Helps, versions, completions, the manual, colours.

use provision::cli::definition;

use super::{folder, ran, snapshot};
use crate::program::{provision, start};

#[test]
fn help_and_version() {
    let folder = folder("");
    snapshot("help", &ran(folder.path(), &["--help"]).exits(0));
    snapshot("help-short", &ran(folder.path(), &["-h"]).exits(0));
    snapshot("version", &ran(folder.path(), &["--version"]).exits(0));
    snapshot("no-command", &ran(folder.path(), &[]).exits(1));
    snapshot("unknown-command", &ran(folder.path(), &["pland"]).exits(1));
    snapshot("unknown-option", &ran(folder.path(), &["plan", "--ofline"]).exits(1));
}

#[test]
fn help_of_each_command() {
    let folder = folder("");
    for command in definition().get_subcommands() {
        let name = command.get_name();
        snapshot(&format!("help-{name}"), &ran(folder.path(), &[name, "--help"]).exits(0));
    }
}

#[test]
fn completions_know_every_command() {
    let folder = folder("");
    for shell in ["bash", "zsh", "fish"] {
        let ran = ran(folder.path(), &["completions", shell]).exits(0);
        for command in definition().get_subcommands() {
            assert!(ran.stdout.contains(command.get_name()), "{shell} does not know {}", command.get_name());
        }
        assert_eq!(ran.stderr, "");
    }
    snapshot("completions-unknown", &ran(folder.path(), &["completions", "cmd"]).exits(1));
}

#[test]
fn manual_has_every_command() {
    let folder = folder("");
    let page = ran(folder.path(), &["man"]).exits(0).stdout;
    assert!(page.contains(".TH provision 1"), "{page}");
    for command in definition().get_subcommands() {
        let name = command.get_name().replace('-', "\\-");
        assert!(page.contains(&format!("provision\\-{name}")), "no page of {name}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder("");
    for args in [&["schema"][..], &["completions", "bash"], &["man"], &["--help"]] {
        let mut command = std::process::Command::new("bash");
        let script = r#"set -o pipefail; exec 3>&1; { "$0" "$@"; echo "exit: $?" >&3; } | true"#;
        command.args(["-c", script, env!("CARGO_BIN_EXE_provision")]).args(args);
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path());
        let ran = start(&mut command).end();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("exit: 0\n", ""), "{args:?}");
    }
}

#[test]
fn colour_is_there_when_asked_for() {
    let folder = folder(super::files::SPEC);
    let plan = ["plan", "--offline"];
    let colored = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = provision(folder.path());
        let ran = crate::program::run(command.args(plan).args(args).envs(variables.iter().copied())).exits(0);
        ran.stdout.contains('\x1b')
    };
    assert!(!colored(&[], &[]), "no terminal");
    assert!(colored(&["--color", "always"], &[]));
    assert!(!colored(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(colored(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    // What is said on the command line is stronger than the environment.
    assert!(colored(&["--color", "always"], &[("NO_COLOR", "1")]));
}
