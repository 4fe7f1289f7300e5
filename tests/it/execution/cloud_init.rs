//! cloud-init's own code recognises the user-data as a script, and writes it to its file byte for byte.

use std::fs;
use std::process::Command;

use provision::bootstrap::{Inputs, user_data};

use crate::bootstrap::{endpoint, inputs, script, skipped};

#[test]
fn cloud_init_takes_it_for_a_script() {
    let Some(package) = std::env::var_os("PROVISION_CLOUD_INIT") else {
        skipped("set PROVISION_CLOUD_INIT to where the package `cloudinit` is, as `make test` does");
        return;
    };
    let python = std::env::var_os("PROVISION_PYTHON").unwrap_or_else(|| "python3".into());
    // Digits of a digest do not pack: the second is over the limit, and so sent packed.
    let noise =
        (0..60).map(|at| provision::bootstrap::digest(&Inputs { ttl_s: Some(at), ..inputs() })).collect::<String>();
    let large = Inputs { setup: Some(format!("#!/bin/bash\n# {noise}\n# ünï\r\n")), ..inputs() };
    let mut packed = Vec::new();
    for inputs in [inputs(), large] {
        let folder = tempfile::tempdir().unwrap();
        let (given, out) = (folder.path().join("user-data"), folder.path().join("cloud"));
        let sent = user_data(&inputs, &endpoint()).unwrap();
        packed.push(sent.starts_with(b"\x1f\x8b"));
        fs::write(&given, sent).unwrap();
        let run = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tools/cloud_init.py"))
            .arg(&package)
            .args([&given, &out])
            .output()
            .unwrap();
        if run.status.code() == Some(77) {
            skipped(String::from_utf8_lossy(&run.stderr).trim());
            return;
        }
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(String::from_utf8_lossy(&run.stdout), "text/x-shellscript\n");
        assert_eq!(fs::read(out.join("instance/scripts/part-001")).unwrap(), script(&inputs).into_bytes());
    }
    assert!(packed.contains(&true), "the packed form is tried too");
}
