//! Commands that need the cloud, and do not get what they need.

use std::process::Command;

use super::answers::serve;
use super::files::SPEC;
use super::{folder, ran, snapshot};
use crate::program::{Ran, provision, run};

/// Each command that talks to the cloud.
const ALL: [(&str, &[&str]); 5] = [
    ("plan", &["plan"]),
    ("up", &["up", "--yes"]),
    ("status", &["status"]),
    ("down", &["down", "--yes"]),
    ("list", &["list", "--region", "us-east-1"]),
];

fn with_credentials(command: &mut Command) -> &mut Command {
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret")
}

/// All of them say the same, but for what they could not do: the snapshot has the first, the others differ in one word.
fn all(name: &str, mut run: impl FnMut(&[&str]) -> Ran) {
    for (command, args) in ALL {
        let ran = run(args).exits(1);
        assert_eq!(ran.stdout, "", "{command}");
        let ours = if command == "list" { format!("{name}-list") } else { name.to_owned() };
        snapshot(&ours, &ran);
    }
}

#[test]
fn no_credentials() {
    let folder = folder(SPEC);
    all("no-credentials", |args| ran(folder.path(), args));
}

#[test]
fn no_region() {
    let folder = folder(&SPEC.replace("region = \"us-east-1\"\n", ""));
    all("no-region", |args| {
        let args: Vec<&str> = args.iter().copied().filter(|arg| !matches!(*arg, "--region" | "us-east-1")).collect();
        run(with_credentials(provision(folder.path()).args(args)))
    });
}

#[test]
fn unreachable() {
    let folder = folder(SPEC);
    // Nothing listens on port 1, and nothing but the super-user could.
    all("unreachable", |args| {
        run(with_credentials(provision(folder.path()).args(args).args(["--endpoint-url", "http://127.0.0.1:1"])))
    });
}

#[test]
fn denied_by_each_service() {
    let folder = folder(SPEC);
    for service in ["sts", "ssm", "ec2", "fsx", "iam"] {
        let endpoint = serve(service);
        for args in [&["plan"][..], &["up", "--yes"], &["down", "--yes"], &["status"]] {
            let denied = run(with_credentials(provision(folder.path()).args(args)).env("AWS_ENDPOINT_URL", &endpoint));
            snapshot(&format!("denied-{service}"), &denied.exits(1));
        }
    }
}

#[test]
fn nothing_there() {
    let folder = folder("");
    let endpoint = serve("nothing");
    for (name, args) in [
        ("nothing-status", &["status", "--cluster", "video"][..]),
        ("nothing-down", &["down", "--cluster", "video", "--yes"]),
        ("nothing-list", &["list"]),
    ] {
        let mut command = provision(folder.path());
        command.args(args).args(["--region", "us-east-1"]).env("AWS_ENDPOINT_URL", &endpoint);
        snapshot(name, &run(with_credentials(&mut command)));
    }
}

#[test]
fn which_cluster() {
    let folder = folder("");
    snapshot("cluster-bad-name", &ran(folder.path(), &["down", "--cluster", "My_Cluster", "--yes"]).exits(1));
    snapshot("cluster-bad-name", &ran(folder.path(), &["status", "--cluster", "My_Cluster"]).exits(1));
    snapshot("cluster-not-named", &ran(folder.path(), &["down", "--yes"]).exits(1));
    snapshot("cluster-not-named", &ran(folder.path(), &["status"]).exits(1));
    snapshot("cluster-twice", &ran(folder.path(), &["status", "a.toml", "--cluster", "a"]).exits(1));
}

#[test]
fn nobody_to_ask() {
    let folder = folder(SPEC);
    let endpoint = serve("nothing");
    for command in ["up", "down"] {
        let ran = run(with_credentials(provision(folder.path()).arg(command)).env("AWS_ENDPOINT_URL", &endpoint));
        snapshot(&format!("nobody-to-ask-{command}"), &ran.exits(1));
    }
}
