//! The policies of `provision iam`, enforced: they allow what they are for, and each statement of them is needed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::life::{SPEC, assert_complete, assert_same, file_system, mutating, requests, spec};
use super::scene::Scene;

/// One of everything that a policy can have a statement for and that [`SPEC`] has not. Filled in: what `given` has made.
const OTHER: &str = r#"
[cluster]
name = "given"
instance_profile = "given"

[network]
subnets = ["{subnet}"]
security_group = "{group}"

[storage]
capacity = "1.2 TiB"
throughput_per_tib = "250 MB/s"
kms_key = "alias/given"

[[nodes]]
name = "spot"
instance = "g6.xlarge"
count = 1
market = "spot"
image = "{image}"

[[nodes]]
name = "reserved"
instance = "g6.xlarge"
count = 1
market = { reservation = "{reservation}" }
image = "{image}"
"#;

/// Calls of rarer cases than those played here.
const RARE: &[&str] = &[
    // A group whose rules somebody has changed, or that something else uses.
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    // A run that meets what one before it has left.
    "iam:ListInstanceProfilesForRole",
    "iam:UpdateAssumeRolePolicy",
    "ssm:GetParameter",
    // A command that is stopped; a shell, which takes a person.
    "ssm:CancelCommand",
    "ssm:StartSession",
    // A quota that the account has no value of its own for.
    "servicequotas:GetAWSDefaultServiceQuota",
];

/// Nobody is anybody but the root user here, whose policies nobody can ask about.
const NOT_PLAYED: &str = "SimulateRights";

/// Calls that change what exists.
const CHANGES: &[&str] = &[
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateTags",
    "ec2:DeleteTags",
    "ec2:ModifyLaunchTemplate",
    "fsx:TagResource",
    "fsx:UntagResource",
    "fsx:UpdateFileSystem",
];

/// Prints the policies of a spec and makes them the account's own.
pub(super) fn enforce(scene: &Scene, flag: &str, spec: &str) {
    enforce_without(scene, flag, spec, "");
}

/// The same, but for one statement.
fn enforce_without(scene: &Scene, flag: &str, spec: &str, sid: &str) {
    let printed = scene.run(&["iam", flag, spec, "--region", "us-east-1", "-q"]).exits(0);
    let mut policy: Value = serde_json::from_str(&printed.stdout).expect("a policy is JSON");
    // Its resource is called after whoever asks, which nobody evaluates here.
    let left_out = [sid, "EndOwnSessions"];
    let stays = |statement: &Value| !left_out.iter().any(|each| statement["Sid"] == *each);
    policy["Statement"].as_array_mut().expect("statements").retain(stays);
    scene.control("POST", "policy", &json!({ "account": scene.account(), "policies": [policy] }));
}

/// Takes them away again, and tells what they were good for.
pub(super) fn lift(scene: &Scene) -> Value {
    let found = scene.control("GET", &format!("policy?account={}", scene.account()), &json!({}));
    scene.control("POST", "policy", &json!({ "account": scene.account(), "policies": [] }));
    found
}

/// Nothing was denied; without any one statement something would have been, and no action or resource is named for nothing.
/// `runs`: what the same policy was good for in each; together they count.
#[track_caller]
fn assert_needed(runs: &[Value], rare: &[&str]) {
    for run in runs {
        assert_eq!(run["denied"], json!([]), "{run:#}");
    }
    for sid in runs[0]["statements"].as_object().expect("statements").keys().filter(|sid| *sid != NOT_PLAYED) {
        let alone: u64 = runs.iter().filter_map(|run| run["statements"][sid]["alone"].as_u64()).sum();
        assert!(alone > 0, "{sid} is not needed: {runs:#?}");
        let unused = |run: &Value| -> BTreeSet<String> {
            let unused = run["statements"][sid]["unused"].as_array().expect("a list");
            unused.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        };
        let unused = runs.iter().map(unused).reduce(|one, other| &one & &other).expect("a run");
        let superfluous: Vec<String> = unused.into_iter().filter(|each| !rare.contains(&each.as_str())).collect();
        assert!(superfluous.is_empty(), "{sid} has what nobody needs: {superfluous:?}");
    }
}

pub(super) fn applies_with_its_own_policy(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    enforce_without(scene, "--apply", &path, "Launch");
    let denied = scene.run(&["up", "--yes", &path]).exits(1);
    let denied =
        denied.says(&["may not create nodes.trainer", "ec2:RunInstances: You are not", "provision iam --apply"]);
    assert!(!denied.stderr.contains("Encoded"), "{denied}");

    enforce(scene, "--apply", &path);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["pair is ready"]);
    // From nothing: what the first try had made was not made under this policy.
    scene.run(&["down", "--yes", &path]).exits(0);
    scene.run(&["up", "--yes", &path]).exits(0);
    let more = [("1.2 TiB", "2.4 TiB"), ("\"vision\" }", "\"speech\", stage = \"dev\" }"), ("count = 2", "count = 3")];
    let grown = scene.write("grown.toml", &spec(&more));
    scene.run(&["up", "--yes", &grown]).exits(0);
    let untagged = scene.write("untagged.toml", &spec(&[("1.2 TiB", "2.4 TiB"), ("team = \"vision\"", "")]));
    scene.run(&["up", "--yes", &untagged]).exits(0);
    scene.run(&["status", &path]).exits(0).says(&["ready"]);
    scene.run(&["logs", "trainer/0", &path]).exits(0).says(&["provision: ready"]);
    scene.run(&["list"]).exits(0).says(&["pair"]);
    let life = lift(scene);

    // An import that is still going on is not ours, and has to be cancelled all the same.
    scene.set(&json!({ "delay": { "import": 10_000.0 } }));
    scene.cloud("import", &[&file_system(&scene.cloud("inventory", &[])), "s3://acme/train/"]);
    enforce(scene, "--apply", &path);
    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0).says(&["pair is gone", "cancelling"]);
    assert_needed(&[life, lift(scene)], RARE);
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn applies_with_what_is_given(scene: &Scene) {
    let given = scene.cloud("given", &["given"]);
    let fill = |text: String, (key, value): (&String, &Value)| {
        text.replace(&format!("{{{key}}}"), value.as_str().expect("an identifier"))
    };
    let text = given.as_object().expect("identifiers").iter().fold(OTHER.to_owned(), fill);
    let path = scene.write("cluster.toml", &text);
    let empty = scene.cloud("inventory", &[]);
    enforce(scene, "--apply", &path);
    scene.run(&["up", "--yes", &path]).exits(0).says(&["given is ready"]);
    scene.run(&["list"]).exits(0);
    scene.run(&["logs", "spot/0", &path]).exits(0);
    // LocalStack knows no such program, and says so by the exit code.
    scene.run(&["run", &path, "--node", "spot/0", "--", "anything"]).exits(5).says(&["spot/0: exit code 127"]);
    scene.run(&["down", "--yes", "--discard-unexported-data", &path]).exits(0);
    // Whether a profile has a path is not in the spec; and of an earlier one a role of ours may be left.
    let either_or = &[
        "arn:aws:iam::*:instance-profile/given",
        "arn:aws:iam::*:instance-profile/provision/provision-given-us-east-1",
        "arn:aws:iam::*:role/given",
        "arn:aws:iam::*:role/provision/provision-given-us-east-1",
    ];
    assert_needed(&[lift(scene)], &[RARE, CHANGES, either_or].concat());
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

pub(super) fn plans_with_the_policy_to_look(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    enforce(scene, "--plan", &path);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(2).says(&["these credentials may plan, and not apply"]);
    let before = scene.ledger();
    let denied = scene.run(&["up", "--yes", &path]).exits(1);
    denied.says(&["aws::denied", "ssm:PutParameter", "provision iam --apply"]);
    let sent = requests(&before, &scene.ledger());
    assert_eq!(mutating(&sent), ["ssm:PutParameter"], "went on after the first denial");
    let found = lift(scene);
    let denied: BTreeSet<&str> = found["denied"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|text| text.as_str()?.split(" on ").next())
        .collect();
    // What `plan` has tried, and what `up` began with.
    let expected =
        ["ec2:CreateLaunchTemplate", "ec2:CreatePlacementGroup", "ec2:CreateSecurityGroup", "ssm:PutParameter"];
    assert_eq!(denied, expected.into(), "{found:#}");
    assert_same(&scene.cloud("inventory", &[]), &empty);

    // Somebody else makes it.
    scene.run(&["up", "--yes", &path]).exits(0);
    let there = scene.cloud("inventory", &[]);
    enforce(scene, "--plan", &path);
    scene.run(&["plan", "--detailed-exitcode", &path]).exits(0);
    scene.run(&["status", &path]).exits(0).says(&["2 of 2 nodes ready"]);
    scene.run(&["status", "--cluster", "pair"]).exits(0);
    scene.run(&["list"]).exits(0).says(&["pair"]);
    // The profile and the role that do not exist yet were looked for before.
    let before = json!({ "denied": [], "statements": found["statements"] });
    assert_needed(&[before, lift(scene)], &["servicequotas:GetAWSDefaultServiceQuota"]);
    assert_complete(&there, &empty, 2);

    enforce(scene, "--plan", &path);
    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(1).says(&["aws::denied", "ssm:PutParameter"]);
    lift(scene);
    assert_same(&scene.cloud("inventory", &[]), &there);
}
