//! Whether a mounted file system is reached in full: every target, over every EFA interface that was paid for.

use provision::bootstrap::Inputs;

use super::inputs;
use super::sandbox::{Node, file_system};

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
