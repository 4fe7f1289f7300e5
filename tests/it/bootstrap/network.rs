//! Whether a mounted file system is reached in full: every target, over every EFA interface that was paid for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use provision::bootstrap::Inputs;

use super::sandbox::{Node, file_system};
use super::{inputs, skipped};

#[test]
fn targets_may_take_a_while() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { mount, ..inputs() });
    node.set("targets", "MDT0000=FULL OST0000=CONNECTING\nMDT0000=FULL OST0000=DISCONN\nMDT0000=FULL OST0000=IDLE\n");
    node.first_boot();
    assert_eq!((node.tags(), node.calls("lctl get_param ")), (vec!["ready".to_owned()], 3));
}

#[test]
fn a_target_that_is_never_reached_fails_the_node() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { mount, ..inputs() });
    node.set("targets", "MDT0000=FULL OST0000=FULL OST0001=DISCONN OST000a=EVICTED\n");
    assert!(!node.first_boot().status.success());
    assert_eq!(node.tags(), ["failed: mount: 2 of 4 targets not connected: OST0001 DISCONN OST000a EVICTED"]);
}

#[test]
fn a_target_out_of_service_does_not_count() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { mount, ..inputs() });
    node.set("targets", "MDT0000=FULL OST0000=NEW,deactive\n");
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
}

#[test]
fn a_client_that_tells_nothing_of_its_targets_is_taken_as_it_is() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { mount, ..inputs() });
    node.set("targets", "\n");
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
}

#[test]
fn each_missing_efa_interface_is_counted() {
    for (up, tag) in
        [("8", "ready"), ("16", "ready"), ("2", "degraded: 2 of 8 efa interfaces"), ("0", "degraded: lustre over tcp")]
    {
        let (_folder, mount) = file_system();
        let node = Node::amazon_linux(&Inputs { mount, storage_efa: true, node_efa_interfaces: 8, ..inputs() });
        node.efa_device();
        node.set("carries", "64").set("up", up);
        node.first_boot();
        assert_eq!(node.tags(), [tag], "{up} up");
    }
}

/// systemd's own reader of fstab, where this machine has one.
fn generator() -> Option<PathBuf> {
    let folders = ["/usr/lib/systemd/system-generators", "/lib/systemd/system-generators"];
    folders.into_iter().map(|folder| Path::new(folder).join("systemd-fstab-generator")).find(|path| path.exists())
}

#[test]
fn systemd_mounts_after_network_and_efa_whatever_the_path() {
    let Some(generator) = generator() else {
        skipped("no systemd-fstab-generator; install systemd");
        return;
    };
    let (folder, _) = file_system();
    let mount = folder.path().join("it's 100% \"x\" #1 \\y;$HOME ü").to_str().unwrap().to_owned();
    fs::create_dir(&mount).unwrap();
    let node =
        Node::amazon_linux(&Inputs { mount: mount.clone(), storage_efa: true, node_efa_interfaces: 8, ..inputs() });
    node.efa_device();
    node.set("carries", "64").first_boot();
    assert_eq!(node.tags(), ["ready"]);

    let units = tempfile::tempdir().unwrap();
    let output = Command::new(generator)
        .args([units.path(), units.path(), units.path()])
        .env("SYSTEMD_FSTAB", node.root.join("etc/fstab"))
        .env("SYSTEMD_PROC_CMDLINE", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let escaped = Command::new("systemd-escape").args(["-p", "--suffix=mount", &mount]).output().unwrap();
    let name = String::from_utf8(escaped.stdout).unwrap();
    let unit = fs::read_to_string(units.path().join(name.trim())).expect("the unit that other units of ours name");
    let lines = |key: &str| unit.lines().filter(|line| line.starts_with(key)).collect::<Vec<_>>().join(" ");
    assert!(lines("After=").contains("configure-efa-fsx-lustre-client.service"), "{unit}");
    assert!(lines("Requires=").contains("systemd-networkd-wait-online.service"), "{unit}");
    assert!(
        !lines("Requires=").contains("configure-efa"),
        "a node without EFA is degraded, not without its data: {unit}"
    );
    assert_eq!(lines("Where="), format!("Where={}", mount.replace('%', "%%")));
    assert_eq!(lines("What="), "What=fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com@tcp:/abcdefgh");
}
