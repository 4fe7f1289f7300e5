//! The boot script really executed, at its real paths, in the namespaces of `localstack/sandbox/node-sandbox`: which tag each
//! case ends in, and what is on the node's disk and on the file system then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud_init;
mod hostile;
mod node;

use std::fs;

use provision::bootstrap::{Inputs, Service};
use serde_json::json;

use super::bootstrap::inputs;
use node::{Node, OSES, Storage, available};

const FSTAB: &str = "# the image's own\n";

/// What is true of a node that reports `ready`.
fn is_ready(node: &Node, storage: &Storage, inputs: &Inputs) {
    let fstab = node.read("etc/fstab");
    assert!(fstab.starts_with(FSTAB) && fstab.lines().count() == 2, "{fstab}");
    let shared = storage.path().join(".provision").join(&inputs.group);
    assert_eq!(fs::read_to_string(shared.join("hostfile")).unwrap(), "10.0.0.1 slots=1\n");
    let left: Vec<_> = fs::read_dir(storage.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".provision" || name == "setup-ran"), "{left:?}");
    assert_eq!(node.read("var/lib/provision/status"), "ready\n");
    assert!(!node.state("parameters").is_empty(), "tuning is applied to this very mount");
}

#[test]
fn first_and_second_boot_end_ready() {
    if !available() {
        return;
    }
    for os in OSES {
        let storage = Storage::new();
        let setup = "echo \"$PROVISION_GROUP on $MASTER_ADDR\" >>\"$PROVISION_MOUNT/setup-ran\"\n".to_owned();
        let inputs = Inputs { setup: Some(setup), ttl_s: Some(3600), ..inputs() };
        let node = Node::new(os, &inputs, "i-1", "10.0.0.1");
        let first = node.boot(&storage, &json!({}));
        assert_eq!(
            (first.tags.as_slice(), first.exit),
            (["ready".to_owned()].as_slice(), 0),
            "{os}: {}",
            first.console
        );
        is_ready(&node, &storage, &inputs);
        let (fstab, timer) = (node.read("etc/fstab"), node.read("etc/systemd/system/provision-ttl.timer"));
        let setup_ran = || fs::read_to_string(storage.path().join("setup-ran")).unwrap();
        assert_eq!(setup_ran(), "trainer on 10.0.0.1\n");

        let second = node.reboot(&storage, &json!({}));
        assert_eq!(
            (second.tags.as_slice(), second.exit),
            (["ready".to_owned()].as_slice(), 0),
            "{os}: {}",
            second.console
        );
        is_ready(&node, &storage, &inputs);
        assert_eq!((node.read("etc/fstab"), node.read("etc/systemd/system/provision-ttl.timer")), (fstab, timer));
        assert_eq!(setup_ran(), "trainer on 10.0.0.1\n", "once an instance");
        assert_eq!(node.calls("lfs setstripe"), 1, "once a file system");
        assert_eq!(node.calls("mount.lustre"), 2, "one by the script, one by fstab");
        checked_by_others(&node, &storage);
    }
}

/// What the tools that will read the files say of them.
fn checked_by_others(node: &Node, storage: &Storage) {
    let units = "/etc/systemd/system/provision-*.service";
    let script = format!(
        "curl -s -o /dev/null -w '%{{http_code}} ' http://169.254.169.254/latest/meta-data/instance-id
        if command -v systemd-analyze >/dev/null; then systemd-analyze verify --man=no {units} 2>&1 || echo wrong units; fi
        findmnt --verify --tab-file /etc/fstab 2>&1 | grep -v '\\[W\\]'"
    );
    let checked = node.run(storage, &["bash", "-c", &script]);
    assert!(checked.output.starts_with("401 "), "only version 2 of the metadata service: {}", checked.output);
    assert!(!checked.output.contains("wrong units"), "{}", checked.output);
    assert!(checked.output.contains("0 parse errors, 0 errors"), "{}", checked.output);
}

#[test]
fn without_a_module_for_the_kernel_a_node_fails() {
    if !available() {
        return;
    }
    for os in OSES {
        let (storage, node) = (Storage::new(), Node::new(os, &inputs(), "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &json!({"module_missing": true}));
        assert!(ended.tags.len() == 1 && ended.tag().starts_with("failed: client"), "{os}: {:?}", ended.tags);
        assert_ne!(ended.exit, 0);
        assert_eq!(node.read("etc/fstab"), FSTAB);
        assert_eq!(fs::read_dir(storage.path()).unwrap().count(), 0);
        assert_eq!(
            node.calls("systemctl reboot"),
            usize::from(os.starts_with("ubuntu")),
            "{os}: one, into a newer kernel"
        );
    }
}

#[test]
fn ubuntu_reboots_into_a_kernel_that_has_a_module() {
    if !available() {
        return;
    }
    for os in OSES.iter().filter(|os| os.starts_with("ubuntu")) {
        let (storage, node) = (Storage::new(), Node::new(os, &inputs(), "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &json!({"module_after_reboot": true}));
        assert_eq!(ended.tags, ["ready"], "{os}: {}", ended.console);
        assert_eq!(node.calls("systemctl reboot"), 1);
        is_ready(&node, &storage, &inputs());
    }
}

#[test]
fn what_passes_is_waited_for() {
    if !available() {
        return;
    }
    for (os, scenario, mounts) in OSES.iter().flat_map(|os| {
        // The role of a fresh instance profile takes a while: the tag is tried again.
        [(os, json!({"dns_late": 3}), 1), (os, json!({"mount_refused": 2, "tag_refused": 2}), 3)]
    }) {
        let (storage, node) = (Storage::new(), Node::new(os, &inputs(), "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &scenario);
        assert_eq!(
            (ended.tags.as_slice(), ended.exit),
            (["ready".to_owned()].as_slice(), 0),
            "{os}: {}",
            ended.console
        );
        assert_eq!(node.calls("mount.lustre"), mounts, "{os} {scenario}");
        is_ready(&node, &storage, &inputs());
    }
}

#[test]
fn a_mount_that_never_comes_fails_and_heals_at_a_later_boot() {
    if !available() {
        return;
    }
    for os in OSES {
        let (storage, node) = (Storage::new(), Node::new(os, &inputs(), "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &json!({"mount_never": true, "hurry": 30}));
        assert!(ended.tags.len() == 1 && ended.tag().starts_with("failed: mount"), "{os}: {:?}", ended.tags);
        assert_ne!(ended.exit, 0);
        assert_eq!((node.read("etc/fstab").as_str(), fs::read_dir(storage.path()).unwrap().count()), (FSTAB, 0));
        let again = node.reboot(&storage, &json!({}));
        assert_eq!(again.tags, ["ready"], "{os}: {}", again.console);
        is_ready(&node, &storage, &inputs());
    }
}

#[test]
fn a_failed_setup_fails_the_node_and_runs_again() {
    if !available() {
        return;
    }
    for os in OSES {
        let setup = "echo secret; [ -e /var/lib/mended ]".to_owned();
        let inputs = Inputs { setup: Some(setup), ..inputs() };
        let (storage, node) = (Storage::new(), Node::new(os, &inputs, "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &json!({}));
        assert!(ended.tags.len() == 1 && ended.tag().starts_with("failed: setup"), "{os}: {:?}", ended.tags);
        assert_ne!(ended.exit, 0);
        assert!(!ended.console.contains("secret"), "{}", ended.console);
        assert_eq!(node.read("var/log/provision-setup.log"), "secret\n");
        let hosts = storage.path().join(".provision/trainer/hosts");
        assert_eq!(fs::read_dir(hosts).unwrap().count(), 0, "nobody counts on a failed node");

        fs::write(node.path("var/lib/mended"), "").unwrap();
        let again = node.reboot(&storage, &json!({}));
        assert_eq!(again.tags, ["ready"], "{os}: {}", again.console);
        is_ready(&node, &storage, &inputs);
    }
}

#[test]
fn racing_nodes_set_one_layout_and_share_one_hostfile() {
    if !available() {
        return;
    }
    for os in OSES {
        let storage = Storage::new();
        // Whoever wins is still at it when the other one comes by.
        let scenario = json!({"setstripe_after_join": true});
        let nodes =
            [("i-1", "10.0.0.1"), ("i-2", "10.0.0.2")].map(|(id, address)| Node::new(os, &inputs(), id, address));
        let ended: Vec<_> = std::thread::scope(|scope| {
            let running = nodes.each_ref().map(|node| scope.spawn(|| node.boot(&storage, &scenario)));
            running.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for one in &ended {
            assert_eq!(one.tags, ["ready"], "{os}: {}", one.console);
        }
        assert_eq!(nodes.iter().map(|node| node.calls("lfs setstripe")).sum::<usize>(), 1, "{os}");
        let hostfile = fs::read_to_string(storage.path().join(".provision/trainer/hostfile")).unwrap();
        assert_eq!(hostfile, "10.0.0.1 slots=1\n10.0.0.2 slots=1\n", "{os}");
    }
}

#[test]
fn a_node_on_efs_ends_ready_where_its_system_has_the_client() {
    if !available() {
        return;
    }
    let inputs = Inputs { service: Service::Efs, ..inputs() };
    for os in OSES {
        let (storage, node) = (Storage::new(), Node::new(os, &inputs, "i-1", "10.0.0.1"));
        let first = node.boot(&storage, &json!({"dns_late": 2, "mount_refused": 1}));
        if os != "amzn2023" {
            assert!(first.tag().starts_with("failed: client: no EFS client"), "{os}: {:?}", first.tags);
            assert_eq!(node.read("etc/fstab"), FSTAB);
            continue;
        }
        assert_eq!((first.tag(), first.exit), ("ready", 0), "{os}: {}", first.console);
        let second = node.reboot(&storage, &json!({}));
        assert_eq!((second.tag(), second.exit), ("ready", 0), "{os}: {}", second.console);
        assert_eq!(node.calls("mount.efs"), 3, "one refused, and one a boot");
        assert_eq!(node.state("parameters"), "", "nothing of Lustre is tuned");
        let fstab = node.read("etc/fstab");
        assert!(fstab.lines().count() == 2 && fstab.contains(" efs tls,noresvport,_netdev,nofail,"), "{fstab}");
        let verify =
            node.run(&storage, &["bash", "-c", "findmnt --verify --tab-file /etc/fstab 2>&1 | grep -v '\\[W\\]'"]);
        assert!(verify.output.contains("0 parse errors"), "{}", verify.output);
    }
}
