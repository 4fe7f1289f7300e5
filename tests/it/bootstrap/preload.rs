//! The background restore of `preload = "data"`, run over a folder that is the shared file system.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use provision::bootstrap::{Inputs, InputsDataset};
use provision::observed::{Loading, Preload, Stage};

use super::sandbox::{Node, file_system};
use super::{dataset, inputs};

fn of(mount: &str) -> Inputs {
    Inputs { mount: mount.to_owned(), datasets: vec![dataset("/train")], ..inputs() }
}

/// A node that has booted.
fn booted(inputs: &Inputs, id: &str) -> Node {
    let node = Node::amazon_linux(inputs);
    node.set("instance", id);
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    node
}

fn in_s3(mount: &str, name: &[u8]) -> PathBuf {
    let file = Path::new(mount).join("train").join(OsStr::from_bytes(name));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "s3\n").unwrap();
    file
}

fn restored(file: &Path) -> bool {
    fs::read_to_string(file).unwrap() == "here\n"
}

fn preload(node: &Node) {
    let output = node.run(&["preload"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn last(node: &Node) -> Loading {
    let tags = node.preload_tags();
    let text = tags.last().expect("it reports");
    let preload = Preload::parse(text).unwrap_or_else(|| panic!("{text}"));
    preload.datasets.into_iter().next().unwrap()
}

fn queue(mount: &str) -> PathBuf {
    Path::new(mount).join(".provision/preload").join(Preload::key("/train"))
}

fn chunks(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|each| each.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_name_that_a_file_can_have_is_restored() {
    let (_folder, mount) = file_system();
    let names: &[&[u8]] = &[
        b"plain",
        b"-rf",
        b"a b",
        b"line\nbreak: (0x0000000d) released",
        b"$(touch owned)`id`'\"\\",
        b"*",
        b"\xff\xfe\x01\x7f",
        "dir/ünïcode 🎬".as_bytes(),
        b" ",
    ];
    let files: Vec<PathBuf> = names.iter().map(|name| in_s3(&mount, name)).collect();
    let node = booted(&of(&mount), "i-1");
    preload(&node);
    for file in &files {
        assert!(restored(file), "{}", file.display());
    }
    assert_eq!(Preload::key("/train"), chunks(queue(&mount).parent().unwrap())[0]);
    assert_eq!(last(&node), Loading { key: Preload::key("/train"), files: 9, failed: 0, stage: Stage::Done });
    assert!(!Path::new(&mount).join("owned").exists());
}

#[test]
fn chunks_hold_512_files_and_two_nodes_share_them() {
    let (_folder, mount) = file_system();
    let files: Vec<PathBuf> = (0..1100).map(|at| in_s3(&mount, format!("f{at}").as_bytes())).collect();
    let spec = of(&mount);
    let nodes = [booted(&spec, "i-1"), booted(&spec, "i-2")];
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| preload(node));
        }
    });
    assert!(files.iter().all(|file| restored(file)));
    let mut sizes: Vec<u64> = chunks(&queue(&mount).join("done"))
        .iter()
        .map(|name| name.split('-').nth(2).unwrap().parse().unwrap())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [76, 512, 512]);
    for node in &nodes {
        assert_eq!(last(node).files, 1100, "every node says how it ended");
    }
    let asked = |node: &Node| fs::read_to_string(node.state.join("restored")).unwrap_or_default().lines().count();
    assert_eq!(nodes.iter().map(asked).sum::<usize>(), 1100, "no file is restored twice");
    assert_eq!(chunks(&queue(&mount).join("doing")), Vec::<String>::new());
}

/// Puts a chunk of a first pass into a node's hands.
fn in_hand(mount: &str, instance: &str, files: &[&Path]) {
    let queue = queue(mount);
    for folder in ["todo", "doing", "done"] {
        fs::create_dir_all(queue.join(folder)).unwrap();
    }
    fs::write(queue.join("since"), "1799990000\n").unwrap();
    fs::write(queue.join("pass"), "1 1799990000\n").unwrap();
    let names: Vec<u8> = files.iter().flat_map(|file| [file.as_os_str().as_bytes(), b"\0"].concat()).collect();
    fs::write(queue.join(format!("doing/1799990000-000001-{}-6.{instance}", files.len())), names).unwrap();
}

#[test]
fn a_dead_node_s_chunk_is_taken_over_and_a_live_one_s_is_not() {
    let (_folder, mount) = file_system();
    let file = in_s3(&mount, b"clip");
    let node = booted(&of(&mount), "i-1");
    in_hand(&mount, "i-dead", &[&file]);
    let alive = queue(&mount).parent().unwrap().join("alive");
    fs::create_dir_all(&alive).unwrap();
    fs::write(alive.join("i-dead"), "").unwrap();
    let touched = Command::new("touch").args(["-d", "11 minutes ago"]).arg(alive.join("i-dead")).status();
    assert!(touched.unwrap().success());
    preload(&node);
    assert!(restored(&file));

    // The same with a sign of life: the chunk stays where it is.
    let (_folder, mount) = file_system();
    let file = in_s3(&mount, b"clip");
    let node = booted(&of(&mount), "i-1");
    in_hand(&mount, "i-alive", &[&file]);
    let alive = queue(&mount).parent().unwrap().join("alive");
    fs::create_dir_all(&alive).unwrap();
    fs::write(alive.join("i-alive"), "").unwrap();
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| preload(&node));
        // Many times the round of one that waits.
        while node.calls("sleep 15") < 5 {
            std::thread::yield_now();
        }
        assert!(!restored(&file));
        fs::remove_file(alive.join("i-alive")).unwrap();
        runs.join().unwrap();
    });
    assert!(restored(&file));
}

#[test]
fn a_rebooted_node_goes_on_with_what_it_had_in_hand() {
    let (_folder, mount) = file_system();
    let (first, second) = (in_s3(&mount, b"one"), in_s3(&mount, b"two"));
    let node = booted(&of(&mount), "i-1");
    in_hand(&mount, "i-1", &[&first, &second]);
    fs::write(&first, "here\n").unwrap();
    preload(&node);
    assert!(restored(&second));
    assert_eq!(fs::read_to_string(node.state.join("restored")).unwrap().lines().count(), 1, "only what is missing");

    let calls = node.calls("lfs ");
    node.reboot();
    node.boot();
    assert_eq!(node.calls("systemctl start --no-block provision-preload.service"), 2);
    preload(&node);
    assert_eq!(node.calls("lfs "), calls, "what is complete stays complete");
    assert_eq!(last(&node).stage, Stage::Done);
}

#[test]
fn files_that_do_not_come_are_asked_for_three_times_then_listed() {
    let (_folder, mount) = file_system();
    let good = in_s3(&mount, b"clip");
    let bad = in_s3(&mount, b"never 'this'\n");
    let node = booted(&of(&mount), "i-1");
    preload(&node);
    assert!(restored(&good) && !restored(&bad));
    assert_eq!(last(&node), Loading { key: Preload::key("/train"), files: 2, failed: 1, stage: Stage::Done });
    let listed = fs::read_to_string(queue(&mount).join("failed")).unwrap();
    assert!(listed.lines().count() == 1 && listed.contains("never"), "{listed}");
    // Two passes of three tries each.
    assert_eq!(node.calls("lfs hsm_restore"), 6);
}

#[test]
fn a_file_that_goes_meanwhile_is_no_failure() {
    let (_folder, mount) = file_system();
    let file = in_s3(&mount, b"clip");
    let node = booted(&of(&mount), "i-1");
    in_hand(&mount, "i-1", &[&Path::new(&mount).join("train/gone"), &file]);
    preload(&node);
    assert!(restored(&file));
    assert_eq!(last(&node).failed, 0);
}

#[test]
fn what_is_imported_after_the_listing_is_restored_too() {
    let (_folder, mount) = file_system();
    let early = in_s3(&mount, b"early");
    let node = booted(&of(&mount), "i-1");
    in_hand(&mount, "i-1", &[&early]);
    let late = in_s3(&mount, b"late");
    preload(&node);
    assert!(restored(&early) && restored(&late));
    assert_eq!(last(&node).files, 2);
}

#[test]
fn an_empty_dataset_is_believed_after_a_while() {
    let (_folder, mount) = file_system();
    fs::create_dir(Path::new(&mount).join("train")).unwrap();
    let node = booted(&of(&mount), "i-1");
    preload(&node);
    assert_eq!(last(&node), Loading { key: Preload::key("/train"), files: 0, failed: 0, stage: Stage::Done });
    let clock: u64 = fs::read_to_string(node.state.join("clock")).unwrap().trim().parse().unwrap();
    assert!(clock >= 1_800_002_700, "{clock}");
    let tags = node.preload_tags();
    assert!(tags.len() > 30 && tags.len() < 90, "once a minute: {}", tags.len());
}

#[test]
fn in_an_exported_root_one_node_restores_by_itself() {
    let (_folder, mount) = file_system();
    let root = InputsDataset { exported: true, ..dataset("/") };
    let spec = Inputs { mount: mount.clone(), datasets: vec![root], ..inputs() };
    let file = in_s3(&mount, b"clip");
    let node = booted(&spec, "i-1");
    preload(&node);
    assert!(restored(&file));
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 1, "nothing of ours in what is exported");
    assert_eq!(last(&node), Loading { key: Preload::key("/"), files: 1, failed: 0, stage: Stage::Done });

    let other = Node::amazon_linux(&spec);
    other.set("index", "1");
    other.first_boot();
    assert_eq!(other.calls("systemctl start --no-block provision-preload.service"), 0);
}
