//! Nodes on other kinds of storage. On EFS: the client of EFS and no other, in TLS, and at each boot again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use provision::bootstrap::{Inputs, Service};

use super::sandbox::{Node, file_system};
use super::{inputs, script};

fn on(mount: &str) -> Inputs {
    Inputs { mount: mount.to_owned(), service: Service::Efs, ..inputs() }
}

#[test]
fn first_and_second_boot_end_ready_with_efs_mounted_in_tls() {
    let (_folder, mount) = file_system();
    let setup = "#!/bin/bash\necho \"$PROVISION_GROUP\" >>\"$PROVISION_MOUNT/setup-ran\"".to_owned();
    let node = Node::amazon_linux(&Inputs { setup: Some(setup), ..on(&mount) });
    let output = node.first_boot();
    assert_eq!(node.tags(), ["ready"], "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(node.calls("dnf install -y amazon-efs-utils"), 1);
    assert_eq!(node.calls("mount -t efs -o tls,noresvport fs-0123456789abcdef0:/ "), 1);

    let fstab = node.read("etc/fstab");
    let line = format!(
        "fs-0123456789abcdef0:/ {} efs tls,noresvport,_netdev,nofail,x-systemd.requires=systemd-networkd-wait-online.service 0 0",
        mount.replace(' ', "\\040")
    );
    assert_eq!(fstab, format!("# the image's own\nLABEL=/ / xfs defaults 1 1\n{line}\n"));
    let shared = Path::new(&mount).join(".provision/trainer/hostfile");
    assert_eq!(fs::read_to_string(shared).unwrap(), "10.0.0.1 slots=1\n");
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 2, "the proof leaves nothing behind");

    fs::remove_file(node.state.join("mounted")).unwrap();
    node.boot();
    assert_eq!(node.tags(), ["ready", "ready"]);
    assert_eq!((node.read("etc/fstab"), node.calls("dnf ")), (fstab, 1));
    assert_eq!(fs::read_to_string(Path::new(&mount).join("setup-ran")).unwrap().lines().count(), 1);
}

#[test]
fn nothing_of_lustre_is_done() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    for program in ["lctl", "lfs", "lnetctl", "modprobe", "modinfo", "lustre_rmmod", "dnf install -y lustre-client"] {
        assert_eq!(node.calls(program), 0, "{program}");
    }
    let script = script(&on(&mount));
    for word in ["lfs setstripe", "mount -t lustre", "configure_efa", "hsm_restore"] {
        assert!(!script.contains(word), "{word}");
    }
}

#[test]
fn a_system_without_the_client_is_named() {
    let (_folder, mount) = file_system();
    for (node, os) in [(Node::ubuntu(&on(&mount)), "ubuntu24.04"), (Node::rocky(&on(&mount)), "el9.5")] {
        assert!(!node.first_boot().status.success());
        let why = "take Amazon Linux 2023 or an image that has amazon-efs-utils";
        assert_eq!(node.tags(), [format!("failed: client: no EFS client for {os} {why}")]);
        assert_eq!(node.calls("mount "), 0);
    }
}

#[test]
fn a_client_in_the_image_will_do_on_any_system() {
    let (_folder, mount) = file_system();
    let node = Node::ubuntu(&on(&mount));
    std::os::unix::fs::symlink("mount", node.state.with_file_name("bin").join("mount.efs")).unwrap();
    node.first_boot();
    assert_eq!((node.tags(), node.calls("apt-get")), (vec!["ready".to_owned()], 0));
}

#[test]
fn without_packages_the_node_fails_and_mounts_nothing_in_the_clear() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("dnf", "1");
    assert!(!node.first_boot().status.success());
    assert_eq!(node.tags(), ["failed: client: cannot install amazon-efs-utils"]);
    assert_eq!(node.calls("mount "), 0);
}

#[test]
fn a_mount_target_that_comes_late_is_waited_for() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("mount", "1\n32\n0\n");
    node.first_boot();
    assert_eq!((node.tags(), node.calls("mount -t efs")), (vec!["ready".to_owned()], 3));
    let node = Node::amazon_linux(&on(&mount));
    node.set("dns", "2").set("hurry", "20");
    node.first_boot();
    assert_eq!(node.tags(), ["failed: mount: gave up after 90 min: no DNS answer"]);
}

#[test]
fn a_cache_is_mounted_as_lustre_is_and_keeps_the_layout_of_its_root() {
    let (_folder, mount) = file_system();
    let inputs = Inputs { service: Service::FileCache, datasets: vec![super::dataset("/train")], ..on(&mount) };
    let node = Node::amazon_linux(&inputs);
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    assert_eq!(node.calls("mount -t lustre -o relatime,flock fs-0123456789abcdef0.fsx"), 1);
    assert_eq!(node.calls("lfs setstripe"), 0);
    assert_eq!(node.calls("systemctl start --no-block provision-preload.service"), 1);
    assert!(node.read("etc/fstab").contains(" lustre defaults,relatime,flock,_netdev,nofail,"));
}
