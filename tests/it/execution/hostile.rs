//! Values that are anything but harmless, in every string of the boot script's inputs, over the executed script.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use provision::bootstrap::Inputs;
use serde_json::json;

use super::node::{Ended, Node, OSES, Storage, available};
use crate::bootstrap::{dataset, inputs};

/// Each would leave a file named `canary` if a shell, or systemd, took it for a command.
const PIECES: [&str; 18] = [
    "$(touch /canary)",
    "`touch /canary`",
    "'; touch /canary; '",
    "\"; touch /canary; \"",
    "\ntouch /canary\n",
    "\nExecStartPre=/usr/bin/touch /canary\n",
    "|| touch canary ||",
    "%(touch)s%n%h%%",
    "--help",
    "-rf *",
    "\\\"\\'\\040\\x2f\\",
    "${IFS}$$$#!!",
    "# comment",
    "\t \r \u{b}",
    "{{ group }}{% endif %}{#",
    "ünï-\u{202e}码🦀\u{85}\u{2028}",
    "[a-z]?*~",
    "\u{7f}\u{1}",
];

/// As hostile as a directory's name can be: no slash, not too long, none of the two that are taken. A mount's is also the name
/// of a unit, in which most characters take four for each byte; the spec keeps those out, and so short.
fn component(text: &str) -> String {
    let mut name: String = text.replace('/', "_");
    let length = |name: &str| name.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 4 }).sum::<usize>();
    while length(&name) > 220 {
        name.pop();
    }
    if ["", ".", ".."].contains(&name.as_str()) { "x".into() } else { name }
}

/// Inputs of which every string is hostile, as far as the script can end well with it.
fn hostile_inputs(cluster: &str, group: &str, mount: &str, path: &str, setup: &str) -> Inputs {
    // The script shows what it was told, and ends before the hostile part, which is the user's own to run.
    let setup = format!(
        "#!/bin/bash\nprintf '%s\\0' \"$PROVISION_CLUSTER\" \"$PROVISION_GROUP\" \"$PROVISION_REGION\" \"$PROVISION_MOUNT\" \
         \"$PROVISION_HOSTFILE\" \"$MASTER_ADDR\" >/var/lib/told\nexit 0\n{setup}"
    );
    Inputs {
        cluster: cluster.into(),
        group: component(group),
        mount: format!("/m/{}", component(mount)),
        datasets: vec![dataset(&format!("/{path}"))],
        setup: Some(setup),
        ttl_s: Some(3600),
        ..inputs()
    }
}

fn boots_unharmed(os: &'static str, inputs: &Inputs) -> (Node, Storage) {
    let (storage, node) = (Storage::new(), Node::new(os, inputs, "i-1", "10.0.0.1"));
    let ended = node.boot(&storage, &json!({}));
    unharmed(&node, &storage, inputs, &ended);
    (node, storage)
}

fn unharmed(node: &Node, storage: &Storage, inputs: &Inputs, ended: &Ended) {
    assert!(!has_canary(&node.path("")) && !has_canary(storage.path()), "{inputs:?} was executed: {}", ended.console);
    assert_eq!(ended.tags, ["ready"], "{inputs:?}: {}", ended.console);

    let told = fs::read(node.path("var/lib/told")).unwrap();
    let told: Vec<_> = told.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let Inputs { cluster, group, region, mount, .. } = inputs;
    let hostfile = format!("{mount}/.provision/{group}/hostfile");
    assert_eq!(told, [cluster.as_str(), group, region, mount, &hostfile, "10.0.0.1", ""]);
    assert_eq!(node.read("var/lib/provision/setup"), *inputs.setup.as_ref().unwrap());

    let fstab = node.read("etc/fstab");
    let [comment, line, ""] = fstab.split('\n').collect::<Vec<_>>()[..] else { panic!("{fstab:?}") };
    assert_eq!(comment, "# the image's own");
    let fields: Vec<_> = line.split([' ', '\t']).collect();
    assert_eq!((fields.len(), fields[2], unescaped(fields[1], "\\", 8, 3)), (6, "lustre", mount.clone()), "{line:?}");

    // The one value that stands in units is the mount, as the name of its own unit.
    let units = node.path("etc/systemd/system");
    let names: Vec<_> =
        fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let unit = names.iter().find_map(|name| name.strip_suffix(".mount.wants")).expect("tuning follows the mount");
    assert_eq!(unescaped(&format!("/{}", unit.replace('-', "/")), "\\x", 16, 2), *mount);
    let mut texts: Vec<_> = names
        .iter()
        .filter_map(|name| fs::read_to_string(units.join(name)).ok())
        .map(|text| text.replace(unit, "MOUNT"))
        .collect();
    texts.sort();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let plain = line.chars().all(|character| character.is_ascii_graphic() || character == ' ');
        assert!(plain && !line.contains("canary"), "{line:?}");
    }
}

/// Reads escapes such as `\040` or `\x20` back.
fn unescaped(text: &str, mark: &str, radix: u32, digits: usize) -> String {
    let mut parts = text.split(mark);
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..digits], radix).unwrap());
        bytes.extend(&part.as_bytes()[digits..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// By `find`, which goes as deep as directories do.
fn has_canary(directory: &Path) -> bool {
    let found = Command::new("find").arg(directory).args(["-name", "canary", "-type", "f"]).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    !found.stdout.is_empty()
}

#[test]
fn the_worst_values_never_execute() {
    if !available() {
        return;
    }
    let all = PIECES.concat();
    let long = "$(touch /canary)`touch /canary`'\"\n".repeat(128);
    assert!(long.len() > 4096);
    // A few at a time, as a whole boot is behind each.
    for (at, text) in [all, long].into_iter().chain(PIECES.chunks(3).map(<[_]>::concat)).enumerate() {
        let inputs = hostile_inputs(&text, &text, &text, &text, &text);
        let (node, storage) = boots_unharmed(OSES[at % OSES.len()], &inputs);
        // By way of mount(8), which reads fstab. Not for each: it takes its time.
        if at < 4 {
            let ended = node.reboot(&storage, &json!({}));
            unharmed(&node, &storage, &inputs, &ended);
        }
    }
}

#[test]
fn values_that_no_node_can_work_with_never_execute() {
    if !available() {
        return;
    }
    let long = "$(touch /canary)".repeat(256);
    let cases = [
        Inputs { region: long.clone(), ..inputs() },
        Inputs { region: "--region\n`touch /canary`".into(), ..inputs() },
        Inputs { group: long.clone(), ..inputs() },
        Inputs { group: "$(touch /canary)/../../x".into(), ..inputs() },
        Inputs { mount: format!("/m/{long}"), ..inputs() },
        Inputs { mount: "--help; touch /canary".into(), ..inputs() },
    ];
    for (at, inputs) in cases.iter().enumerate() {
        let (storage, node) = (Storage::new(), Node::new(OSES[at % OSES.len()], inputs, "i-1", "10.0.0.1"));
        let ended = node.boot(&storage, &json!({"hurry": 30}));
        assert!(!has_canary(&node.path("")) && !has_canary(storage.path()), "{inputs:?}: {}", ended.console);
        let fstab = node.read("etc/fstab");
        assert!(fstab.lines().count() <= 2 && !fstab.contains("touch /"), "{fstab:?}");
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "[^\0]{0,12}"];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_value_executes_or_breaks_a_file(
        os in proptest::sample::select(&OSES[..]), cluster in hostile(), group in hostile(), mount in hostile(),
        path in hostile(), setup in hostile(),
    ) {
        if available() {
            boots_unharmed(os, &hostile_inputs(&cluster, &group, &mount, &path, &setup));
        }
    }
}
