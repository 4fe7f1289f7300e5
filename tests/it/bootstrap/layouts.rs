//! The layouts of datasets: each set once, by one node, whenever its directory comes.

use std::fs;
use std::path::Path;

use provision::bootstrap::{Inputs, InputsDataset};

use super::sandbox::{Node, file_system};
use super::{dataset, inputs};

fn with(mount: &str, layouts: &[(&str, &str)]) -> Inputs {
    let datasets = layouts
        .iter()
        .map(|(path, layout)| InputsDataset {
            preload_data: false,
            layout: Some((*layout).to_owned()),
            ..dataset(path)
        })
        .collect();
    Inputs { mount: mount.to_owned(), datasets, count: 8, ..inputs() }
}

fn layouts(node: &Node) -> Vec<String> {
    let calls = fs::read_to_string(node.state.join("calls")).unwrap();
    calls.lines().filter_map(|line| line.strip_prefix("lfs setstripe ")).map(str::to_owned).collect()
}

#[test]
fn a_layout_is_set_once_for_all_nodes_and_boots() {
    let (_folder, mount) = file_system();
    fs::create_dir(Path::new(&mount).join("check points")).unwrap();
    let spec = with(&mount, &[("/check points", "-c -1 -S 16M")]);
    let nodes: Vec<_> = (1..=6)
        .map(|at| {
            let node = Node::amazon_linux(&spec);
            node.set("instance", &format!("i-{at}")).set("address", &format!("10.0.0.{at}"));
            node
        })
        .collect();
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| node.first_boot());
        }
    });
    for node in &nodes {
        node.boot();
        assert_eq!(node.tags(), ["ready", "ready"]);
    }
    let mut set: Vec<String> = nodes.iter().flat_map(layouts).collect();
    set.sort();
    assert_eq!(
        set,
        [
            format!("-E 100M -c 1 -E 10G -c 8 -E 100G -c 16 -E -1 -c 32 {mount}"),
            format!("-c -1 -S 16M {mount}/check points")
        ]
    );
}

#[test]
fn a_directory_that_comes_while_the_node_boots_has_its_layout_before_ready() {
    let (_folder, mount) = file_system();
    // The user's script is the last thing before the wait; whoever made the link has made the directory by then.
    let setup = "mkdir \"$PROVISION_MOUNT/late\"\n".to_owned();
    let node = Node::amazon_linux(&Inputs { setup: Some(setup), ..with(&mount, &[("/late", "-c 4 -S 4096K")]) });
    node.first_boot();
    assert_eq!(node.tags(), ["ready"]);
    assert_eq!(layouts(&node)[1..], [format!("-c 4 -S 4096K {mount}/late")]);
}

#[test]
fn a_directory_that_never_comes_degrades_the_one_node_that_waits() {
    let (_folder, mount) = file_system();
    let spec = with(&mount, &[("/never", "-c 1"), ("/there", "-c 1")]);
    fs::create_dir(Path::new(&mount).join("there")).unwrap();
    let (first, second) = (Node::amazon_linux(&spec), Node::amazon_linux(&spec));
    first.first_boot();
    let degraded =
        format!("degraded: no layout on {mount}/never").replace(['$', '(', ')', '\''], " ").replace("  ", " ");
    assert_eq!(first.tags(), [degraded.replace("  ", " ")]);
    assert!(!Path::new(&mount).join("never").exists(), "FSx makes it");
    assert_eq!(layouts(&first)[1..], [format!("-c 1 {mount}/there")]);
    let waited: u64 =
        fs::read_to_string(first.state.join("clock")).unwrap().trim().parse::<u64>().unwrap() - 1_800_000_000;
    assert!((1800..2000).contains(&waited), "{waited} s");
    second.set("instance", "i-2").first_boot();
    assert_eq!(second.tags(), ["ready"]);
}

#[test]
fn a_layout_that_lfs_refuses_degrades_the_node() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&with(&mount, &[]));
    node.set("lfs", "1");
    node.first_boot();
    assert!(node.tags()[0].starts_with("degraded: no layout on "), "{:?}", node.tags());
}

#[test]
fn a_changed_layout_comes_with_a_new_node_and_an_old_one_leaves_it() {
    let (_folder, mount) = file_system();
    fs::create_dir(Path::new(&mount).join("data")).unwrap();
    let old = Node::amazon_linux(&with(&mount, &[("/data", "-c 1")]));
    old.first_boot();
    let new = Node::amazon_linux(&with(&mount, &[("/data", "-c 8")]));
    new.set("instance", "i-2").first_boot();
    old.boot();
    assert_eq!((layouts(&old).len(), layouts(&new)), (2, vec![format!("-c 8 {mount}/data")]));
}

#[test]
fn a_root_with_a_layout_of_its_own_has_only_that() {
    let (_folder, mount) = file_system();
    let node = Node::amazon_linux(&with(&mount, &[("/", "-c 2")]));
    node.first_boot();
    assert_eq!(layouts(&node), [format!("-c 2 {mount}")]);
}
