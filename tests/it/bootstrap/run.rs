//! What the boot script does on a node in a folder: which tag it ends with and what it leaves behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use provision::bootstrap::{Inputs, InputsDataset};

use super::sandbox::{Node, file_system};
use super::{dataset, inputs};

fn on(mount: &str) -> Inputs {
    Inputs { mount: mount.to_owned(), ..inputs() }
}

#[test]
fn first_and_second_boot_end_ready() {
    let (_folder, mount) = file_system();
    let setup = format!(
        "#!/bin/bash\necho \"$PROVISION_GROUP on $MASTER_ADDR of $NNODES\" >>{}/setup-ran",
        "\"$PROVISION_MOUNT\""
    );
    let node = Node::amazon_linux(&Inputs { setup: Some(setup), datasets: vec![dataset("/train")], ..on(&mount) });
    let output = node.first_boot();
    assert_eq!(node.tags(), ["ready"], "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\nprovision: ready\n"));
    assert!(node.read("var/log/provision.log").contains("provision: ready\n"));

    let fstab = node.read("etc/fstab");
    let field = mount.replace(' ', "\\040");
    let line = format!(
        "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com@tcp:/abcdefgh {field} lustre defaults,relatime,flock,_netdev,nofail,\
         x-systemd.automount,x-systemd.requires=systemd-networkd-wait-online.service 0 0"
    );
    assert_eq!(fstab, format!("# the image's own\nLABEL=/ / xfs defaults 1 1\n{line}\n"));
    let shared = Path::new(&mount).join(".provision");
    assert_eq!(fs::read_to_string(shared.join("trainer/hostfile")).unwrap(), "10.0.0.1 slots=1\n");
    assert_eq!(
        fs::read_to_string(shared.join("layout")).unwrap(),
        "-E 100M -c 1 -E 10G -c 8 -E 100G -c 16 -E -1 -c 32\n"
    );
    assert_eq!(fs::read_to_string(Path::new(&mount).join("setup-ran")).unwrap(), "trainer on 10.0.0.1 of 1\n");
    assert_eq!(node.calls("systemctl start --no-block provision-preload.service"), 1);
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 2, "the proof leaves nothing behind");

    node.reboot();
    node.boot();
    assert_eq!(node.tags(), ["ready", "ready"]);
    assert_eq!(node.read("etc/fstab"), fstab);
    assert_eq!((node.calls("lfs setstripe"), node.calls("mount -t lustre"), node.calls("stat ")), (1, 1, 1));
    assert_eq!(fs::read_to_string(Path::new(&mount).join("setup-ran")).unwrap().lines().count(), 1);
    assert_eq!(node.calls("lctl set_param llite.*.statahead_max=512"), 2, "values are lost with the mount");
}

#[test]
fn a_large_node_gets_the_large_values_before_the_modules_load() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("cpus", "192").set("pages", "536870912");
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    let options = fs::read_to_string(node.state.join("options-at-load")).unwrap();
    assert_eq!(options, "options ptlrpc ptlrpcd_per_cpt_max=32\noptions ksocklnd credits=2560\n");
    for value in
        ["ldlm.namespaces.*.lru_size=19200", "osc.*OST*.max_rpcs_in_flight=32", "mdc.*.max_mod_rpcs_in_flight=50"]
    {
        assert_eq!(node.calls(&format!("lctl set_param {value}")), 1, "{value}");
    }
}

#[test]
fn the_client_is_installed_where_the_image_has_none() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("no-client", "");
    node.first_boot();
    assert_eq!((node.tags(), node.calls("dnf install -y lustre-client")), (vec!["ready".to_owned()], 1));
}

#[test]
fn rocky_takes_the_client_of_the_kernel_that_runs() {
    let (_folder, mount) = file_system();
    for (kernel, release) in [("5.14.0-427.13.1.el9_4.x86_64", "9.4"), ("5.14.0-503.el9.aarch64", "9.5")] {
        let node = Node::rocky(&on(&mount));
        node.set("no-client", "").set("kernel", kernel);
        node.first_boot();
        assert_eq!((node.tags(), node.calls("dnf install -y kmod-lustre-client")), (vec!["ready".to_owned()], 1));
        let repository = node.read("etc/yum.repos.d/aws-fsx.repo");
        assert!(repository.contains(&format!("/el/{release}/x86_64/")), "{repository}");
        let fstab = node.read("etc/fstab");
        assert!(fstab.contains("x-systemd.requires=NetworkManager-wait-online.service"), "{fstab}");
    }
}

#[test]
fn a_client_that_nobody_has_is_named_with_its_kernel() {
    let (_folder, mount) = file_system();
    let node = Node::rocky(&on(&mount));
    node.set("no-client", "").set("kernel", "5.14.0-284.el9_2.x86_64").set("dnf", "1");
    node.first_boot();
    let why = "client: cannot install the Lustre client for el9.5 and kernel 5.14.0-284.el9_2.x86_64";
    assert_eq!(node.tags(), [format!("failed: {why}")]);
}

#[test]
fn ubuntu_without_a_module_for_its_kernel_reboots_once() {
    let (_folder, mount) = file_system();
    let node = Node::ubuntu(&on(&mount));
    node.set("no-client", "");
    node.first_boot();
    assert_eq!((node.tags().len(), node.calls("systemctl reboot")), (0, 1));
    assert!(node.read("etc/apt/sources.list.d/fsxlustreclientrepo.list").ends_with("/ubuntu noble main\n"));
    node.boot();
    assert_eq!((node.tags(), node.calls("systemctl reboot")), (vec!["ready".to_owned()], 1));
}

#[test]
fn mounting_again_mends_what_passes() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("mount", "17\n110\n17\n0\n");
    node.first_boot();
    assert_eq!((node.tags(), node.calls("mount -t lustre")), (vec!["ready".to_owned()], 4));
}

#[test]
fn a_mount_that_never_comes_fails_after_90_minutes() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("mount", "110\n").set("hurry", "20");
    assert!(!node.first_boot().status.success());
    assert_eq!(node.tags(), ["failed: mount: gave up after 90 min: mount.lustre: error 110"]);
    let node = Node::amazon_linux(&on(&mount));
    node.set("dns", "2").set("hurry", "20");
    node.first_boot();
    assert_eq!(node.tags(), ["failed: mount: gave up after 90 min: no DNS answer"]);
}

#[test]
fn a_mount_that_cannot_come_fails_early() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("mount", "22\n");
    node.first_boot();
    assert_eq!(node.tags(), ["failed: mount: exited 22: mount.lustre: error 22"]);
    let waited: u64 =
        fs::read_to_string(node.state.join("clock")).unwrap().trim().parse::<u64>().unwrap() - 1_800_000_000;
    assert!(waited < 900, "{waited} s");
}

#[test]
fn a_failed_setup_fails_the_node_and_runs_again() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { setup: Some("echo secret; exit 3".into()), ..on(&mount) });
    let output = node.first_boot();
    assert!(!output.status.success());
    assert_eq!(node.tags(), ["failed: setup exited 3"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("secret"));
    assert_eq!(node.read("var/log/provision-setup.log"), "secret\n");
    node.run(&["leave"]);
    let hostfile = Path::new(&mount).join(".provision/trainer/hostfile");
    assert_eq!(fs::read_to_string(&hostfile).unwrap(), "\n", "a failed node is not in the hostfile");
}

#[test]
fn a_step_that_breaks_is_named() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    fs::create_dir_all(node.root.join("etc/provision/env.new")).unwrap();
    node.first_boot();
    let tags = node.tags();
    assert!(tags.len() == 1 && tags[0].starts_with("failed: hostfile exited 1 at "), "{tags:?}");
}

#[test]
fn the_console_ends_with_the_step_that_failed_and_why() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.set("mount", "22\n");
    node.first_boot();
    let output = node.boot();
    let console = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = console.lines().collect();
    let start = lines.iter().rposition(|line| *line == "provision: the end of mount:").expect("the end of the step");
    let end = &lines[start + 1..];
    assert_eq!(end.len(), 21, "20 lines, and why: {end:#?}");
    assert_eq!(end[20], "provision: failed: mount: exited 22: mount.lustre: error 22");
    assert!(end[..20].iter().all(|line| *line == "  provision: mount exited 22: mount.lustre: error 22"), "{end:#?}");
}

fn with_efa(mount: &str) -> (Node, String) {
    let node = Node::amazon_linux(&Inputs { storage_efa: true, node_efa_interfaces: 8, ..on(mount) });
    node.efa_device();
    let unit = "configure-efa-fsx-lustre-client.service";
    (node, format!(",x-systemd.requires=systemd-networkd-wait-online.service,x-systemd.after={unit} 0 0\n"))
}

#[test]
fn efa_has_to_carry_what_is_written() {
    let (_folder, mount) = file_system();
    let (node, options) = with_efa(&mount);
    node.set("carries", "64");
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    assert!(node.read("etc/fstab").ends_with(&options));

    let (node, _) = with_efa(&mount);
    node.first_boot();
    assert_eq!(node.tags(), ["degraded: lustre over tcp"]);
}

#[test]
fn without_an_efa_device_the_mount_is_degraded() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { storage_efa: true, node_efa_interfaces: 1, ..on(&mount) });
    node.first_boot();
    assert_eq!(node.tags(), ["degraded: lustre over tcp"]);
}

#[test]
fn nodes_share_one_layout_and_one_hostfile() {
    let (_folder, mount) = file_system();
    let spec = Inputs { count: 8, datasets: vec![dataset("/train")], ..on(&mount) };
    let nodes: Vec<_> = (1..=8)
        .map(|at| {
            let node = Node::amazon_linux(&spec);
            node.set("instance", &format!("i-{at}")).set("address", &format!("10.0.0.{}", 20 - at));
            node
        })
        .collect();
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| node.first_boot());
        }
    });
    let sum = |call: &str| nodes.iter().map(|node| node.calls(call)).sum::<usize>();
    assert!(nodes.iter().all(|node| node.tags() == ["ready"]));
    assert_eq!((sum("lfs setstripe"), sum("systemctl start --no-block provision-preload.service")), (1, 8));
    let hosts = (12..=19).fold(String::new(), |all, at| all + &format!("10.0.0.{at} slots=1\n"));
    let hostfile = Path::new(&mount).join(".provision/trainer/hostfile");
    assert_eq!(fs::read_to_string(&hostfile).unwrap(), hosts);

    let env = nodes[0].root.join("etc/provision/env");
    let print = r#"set -eu; . "$0"; echo "$MASTER_ADDR $NNODES $NODE_RANK $WORLD_SIZE"
        echo "$PET_MASTER_ADDR:$PET_MASTER_PORT $PET_NNODES $PET_NODE_RANK $PET_NPROC_PER_NODE"
        cat "$OMPI_MCA_orte_default_hostfile"; test "$PRTE_MCA_prte_default_hostfile" = "$PROVISION_HOSTFILE""#;
    for shell in ["bash", "sh"] {
        let output = Command::new(shell).args(["-c", print]).arg(&env).output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, format!("10.0.0.12 8 7 8\n10.0.0.12:29500 8 7 1\n{hosts}"), "{shell}");
    }

    // The node that was killed never signed off; the one in its place takes its line.
    nodes[7].run(&["leave"]);
    assert!(!fs::read_to_string(&hostfile).unwrap().contains("10.0.0.12 "));
    for (name, address) in [("i-8b", "10.0.1.1"), ("i-1b", "10.0.1.2")] {
        let node = Node::amazon_linux(&spec);
        node.set("instance", name).set("address", address);
        node.first_boot();
    }
    let hosts = fs::read_to_string(&hostfile).unwrap();
    assert!(hosts.lines().count() == 8 && hosts.ends_with("10.0.1.1 slots=1\n10.0.1.2 slots=1\n"), "{hosts}");
}

#[test]
fn a_partly_filled_group_knows_who_is_dead_although_it_is_never_full() {
    let (_folder, mount) = file_system();
    let spec = Inputs { count: 16, ..on(&mount) };
    let boots = |name: &str, address: &str, launch: &str, peers: &str| {
        let node = Node::amazon_linux(&spec);
        node.set("instance", name).set("address", address).set("epoch", launch).set("peers", peers);
        node.first_boot();
        node
    };
    let first = boots("i-0aaa1", "10.0.0.1", "0", "none");
    boots("i-0aaa2", "10.0.0.2", "0", "none");
    boots("i-0aaa3", "10.0.0.3", "0", "none");
    let hosts = || fs::read_to_string(Path::new(&mount).join(".provision/trainer/hostfile")).unwrap();
    assert_eq!(hosts().lines().count(), 3, "of its own launch nobody is dead");

    // The third was killed and never signed off. The next launch knows of the two that are left.
    boots("i-0aab1", "10.0.0.4", "4", "aaa1 aaa2");
    assert_eq!(hosts(), "10.0.0.1 slots=1\n10.0.0.2 slots=1\n10.0.0.4 slots=1\n");
    // One of an earlier launch that boots late drops nobody who came after it.
    boots("i-0aaa4", "10.0.0.5", "0", "none");
    assert_eq!(hosts().lines().count(), 4);
    // A reboot is no first boot.
    first.set("peers", "none").set("epoch", "9");
    assert!(first.boot().status.success());
    assert_eq!(hosts().lines().count(), 4);

    let print = r#"set -eu; . "$0"; echo "$NNODES $NODE_RANK $WORLD_SIZE""#;
    let env = first.root.join("etc/provision/env");
    let output = Command::new("bash").args(["-c", print]).arg(env).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "4 0 4\n",
        "as many as there are, and not as many as could be"
    );
}

#[test]
fn a_dead_winner_of_an_election_is_replaced() {
    let (_folder, mount) = file_system();
    let claim = Path::new(&mount).join(".provision/elect/layout");
    fs::create_dir_all(&claim).unwrap();
    let node = Node::amazon_linux(&on(&mount));
    node.first_boot();
    assert_eq!(node.calls("lfs setstripe"), 0);
    assert!(Command::new("touch").args(["-d", "1 hour ago"]).arg(&claim).status().unwrap().success());
    node.boot();
    assert_eq!(node.calls("lfs setstripe"), 1);
}

#[test]
fn an_exported_root_holds_nothing_of_ours() {
    let (_folder, mount) = file_system();
    let root = InputsDataset { exported: true, ..dataset("/") };
    let node = Node::amazon_linux(&Inputs { datasets: vec![root], ..on(&mount) });
    node.first_boot();
    node.boot();
    assert_eq!(node.tags(), ["ready", "ready"]);
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 0);
    assert_eq!(
        (node.calls("lfs setstripe"), node.calls("systemctl start --no-block provision-preload.service")),
        (1, 2)
    );
}

/// Somebody else's file system: a folder of the deployment's own, and the root as it was.
#[test]
fn on_an_existing_file_system_each_deployment_has_a_folder_of_its_own() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { share: Some("video/d-1".into()), ..on(&mount) });
    node.first_boot();
    node.boot();
    assert_eq!(node.tags(), ["ready", "ready"]);
    let folder = Path::new(&mount).join(".provision/video/d-1");
    assert_eq!(fs::read_to_string(folder.join("trainer/hostfile")).unwrap(), "10.0.0.1 slots=1\n");
    let beside: Vec<_> = fs::read_dir(Path::new(&mount).join(".provision")).unwrap().collect();
    assert_eq!((beside.len(), node.calls("lfs setstripe")), (1, 0));
}

#[test]
fn the_ttl_holds_over_reboots() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&Inputs { ttl_s: Some(3600), ..on(&mount) });
    node.first_boot();
    let timer = node.read("etc/systemd/system/provision-ttl.timer");
    assert!(timer.contains("\nOnCalendar=2027-01-15 ") && timer.contains(" UTC\n"), "{timer}");
    node.reboot();
    node.boot();
    assert_eq!(node.read("etc/systemd/system/provision-ttl.timer"), timer);
    fs::write(node.state.join("clock"), "1800004000\n").unwrap();
    node.boot();
    assert_eq!((node.calls("systemctl poweroff"), node.tags().len()), (1, 2));
}

/// The first line of a count, and the paths below it.
fn counted(node: &Node, links: &[&str]) -> (String, Vec<String>) {
    let output = node.run(&[&["count-unlinked"], links].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn what_no_link_covers_is_counted_whatever_its_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.first_boot();
    let put = |path: &[u8], bytes: usize| {
        let path = Path::new(&mount).join(std::ffi::OsStr::from_bytes(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x".repeat(bytes)).unwrap();
    };
    assert_eq!(
        counted(&node, &["/train"]),
        ("0 0 complete".to_owned(), Vec::new()),
        "what nodes share is nobody's data"
    );
    put(b"train/a", 5);
    put(b"out $(x) '*/deep/b", 5);
    assert_eq!(counted(&node, &["/train", "/out $(x) '*"]), ("0 0 complete".to_owned(), Vec::new()));
    assert_eq!(counted(&node, &["/"]).0, "0 0 complete");
    put(b"trainer", 1);
    put(b"out $(x) 'y/c", 10);
    put(b"deep/train/.provision/d", 100);
    put(b"new\nline \x1b[31m/\xff", 1000);
    std::os::unix::fs::symlink("/", Path::new(&mount).join("root")).unwrap();
    let (first, paths) = counted(&node, &["train/", "/out $(x) '*"]);
    assert_eq!(first, "5 1112 complete", "{paths:?}");
    assert_eq!(
        paths,
        ["/deep/train/.provision/d", r"/new\nline \x1b[31m/\\xff", "/out $(x) 'y/c", "/root", "/trainer"]
    );
    for number in 0..20 {
        put(format!("many/{number}").as_bytes(), 0);
    }
    let (first, paths) = counted(&node, &["/train", "/out $(x) '*"]);
    assert_eq!((first.as_str(), paths.len()), ("25 1112 complete", 10));
}

#[test]
fn nothing_is_counted_that_is_not_mounted() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&on(&mount));
    node.first_boot();
    fs::remove_file(node.state.join("mounted")).unwrap();
    let output = node.run(&["count-unlinked", "/train"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("is not mounted"));
    assert_eq!(node.tags(), ["ready"], "a count is no boot");
    assert_eq!(node.run(&["no-such-command"]).status.code(), Some(2));
}

/// On a node whose timer was armed for an hour after its launch, half an hour of which was over at the end of its boot.
fn mortal(mount: &str) -> Node {
    let node = Node::amazon_linux(&Inputs { ttl_s: Some(3600), ..on(mount) });
    node.first_boot();
    node
}

fn at(node: &Node, clock: u64) {
    fs::write(node.state.join("clock"), format!("{clock}\n")).unwrap();
}

#[test]
fn an_extension_arms_the_timer_again() {
    let (_folder, mount) = file_system();
    let node = mortal(&mount);
    let before = node.read("etc/systemd/system/provision-ttl.timer");
    at(&node, 1_800_004_000);
    // 1800090000
    node.set("until", "2027-01-16T09:00:00Z");
    assert!(node.run(&["end"]).status.success());
    let after = node.read("etc/systemd/system/provision-ttl.timer");
    assert_ne!(after, before);
    assert!(after.contains("\nOnCalendar=2027-01-16 09:00:00 UTC\n"), "{after}");
    assert_eq!((node.calls("systemctl restart provision-ttl.timer"), node.calls("systemctl poweroff")), (2, 0));
    // Also at a boot in between, and it does not come too late.
    node.boot();
    assert_eq!(node.read("etc/systemd/system/provision-ttl.timer"), after);
    at(&node, 1_800_090_001);
    node.run(&["end"]);
    assert_eq!((node.calls("sync -f"), node.calls("systemctl poweroff")), (1, 3));
}

#[test]
fn a_tag_that_is_no_time_extends_nothing() {
    let (_folder, mount) = file_system();
    let node = mortal(&mount);
    at(&node, 1_800_004_000);
    node.set("until", "a[$(touch hacked)]");
    node.run(&["end"]);
    assert_eq!(node.calls("systemctl poweroff"), 3);
    assert!(!node.state.join("hacked").exists());
}

#[test]
fn a_hung_file_system_does_not_keep_a_node_alive() {
    let (_folder, mount) = file_system();
    let node = mortal(&mount);
    at(&node, 1_800_004_000);
    node.set("sync-hangs", "");
    let output = node.run(&["end"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("gave up waiting: sync -f "), "{text}");
    // Told, then forced, then forced without asking the services, then the kernel itself.
    assert_eq!(node.calls("systemctl poweroff --force --force"), 1);
    assert_eq!((node.calls("systemctl poweroff --force"), node.calls("systemctl poweroff")), (2, 3));
    assert_eq!(node.read("proc/sysrq-trigger"), "o\n");
    let clock: u64 = fs::read_to_string(node.state.join("clock")).unwrap().trim().parse().unwrap();
    assert!(clock < 1_800_004_000 + 25 * 60, "{clock}");
}
