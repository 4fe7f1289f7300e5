//! What would have kept a run from succeeding is found before it, all of it at once.

use serde_json::json;

use super::life::{assert_same, mutating, requests};
use super::scene::Scene;

const SPEC: &str = r#"
[cluster]
name = "pair"

[storage]
capacity = "4.8 TiB"
throughput_per_tib = "250 MB/s"
kms_key = "alias/off"

[[dataset]]
s3 = "s3://acme/out"
path = "/out"
export = ["new", "changed", "deleted"]
allow_delete_in_s3 = true

[[nodes]]
name = "reserved"
instance = "g6.xlarge"
count = 2
market = { reservation = "{reservation}" }

[[nodes]]
name = "trainer"
instance = "p5.48xlarge"
count = 2
"#;

pub(super) fn finds_all_at_once(scene: &Scene) {
    let reservation = scene.cloud("unusable", &["alias/off", "g6.xlarge"]);
    let path =
        scene.write("cluster.toml", &SPEC.replace("{reservation}", reservation.as_str().expect("an identifier")));
    scene.set(&json!({ "quota": { "L-417A185B": 192, "L-8F1B9C74": 2400 } }));
    let empty = scene.cloud("inventory", &[]);
    let before = scene.ledger();
    let planned = scene.run(&["plan", "-v", &path]).exits(1);
    planned.says(&[
        "the key cannot be used",
        "is in the state Disabled",
        "it has room for 1, and 2 are to be launched",
        "192 vCPUs allowed, 0 vCPUs in use, 384 vCPUs more wanted",
        "--service-code ec2 --quota-code L-417A185B --desired-value 384",
        "2400 GiB allowed, 0 GiB in use, 4800 GiB more",
        "deletions reach a bucket that keeps nothing of what is deleted",
        "credentials of arn:aws:iam::",
    ]);
    scene.run(&["up", "--yes", &path]).exits(1).says(&["the key cannot be used", "Nothing was changed."]);
    assert_eq!(mutating(&requests(&before, &scene.ledger())), [""; 0]);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn silence_keeps_nothing_from_being_made(scene: &Scene) {
    let text =
        SPEC.replace("kms_key = \"alias/off\"\n", "").replace("market = { reservation = \"{reservation}\" }\n", "");
    let path = scene.write("cluster.toml", &text);
    for (service, operation) in
        [("service-quotas", "*"), ("s3", "GetBucketVersioning"), ("ec2", "DescribeNetworkInterfaces")]
    {
        let fault = json!({
            "service": service, "operation": operation, "code": "InternalFailure", "status": 501, "times": 1000,
        });
        scene.fail_next(&fault);
    }
    let note = ["not everything could be checked beforehand", "not checked: quotas of `fsx`", "versioning of `acme`"];
    scene.run(&["plan", &path]).exits(0).says(&note);
    scene.run(&["up", "--yes", &path]).exits(0).says(&note).says(&["pair is ready"]);
    scene.run(&["down", "--yes", "--cluster", "pair"]).exits(0);
}
