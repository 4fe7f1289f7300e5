//! Golden answers for eight workloads, as JSON.

use super::advice;

const WORKLOADS: [(&str, &str); 8] = [
    ("1-single-gpu", include_str!("workloads/1-single-gpu.toml")),
    ("2-one-node", include_str!("workloads/2-one-node.toml")),
    ("3-video-pretrain", include_str!("workloads/3-video-pretrain.toml")),
    ("4-tiny-files", include_str!("workloads/4-tiny-files.toml")),
    ("5-language-64", include_str!("workloads/5-language-64.toml")),
    ("6-archive-scan", include_str!("workloads/6-archive-scan.toml")),
    ("7-on-premises", include_str!("workloads/7-on-premises.toml")),
    ("8-video-512", include_str!("workloads/8-video-512.toml")),
];

#[test]
fn eight_workloads_from_one_gpu_to_512_nodes() {
    for (name, text) in WORKLOADS {
        let json = serde_json::to_string_pretty(&advice(text)).expect("plain data");
        insta::with_settings!({ snapshot_path => "../snapshots/sizing", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, json);
        });
    }
}
