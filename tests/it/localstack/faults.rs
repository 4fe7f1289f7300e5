//! Answers that get lost and requests that are throttled: `up` converges, once.

use serde_json::{Value, json};

use super::life::{SPEC, assert_complete, assert_same};
use super::scene::Scene;

/// Each with the code that its service answers with when something inside it breaks.
const CREATES: &[(&str, &str, &str)] = &[
    ("fsx", "CreateFileSystem", "InternalServerError"),
    ("fsx", "CreateDataRepositoryAssociation", "InternalServerError"),
    ("ec2", "CreateSecurityGroup", "InternalError"),
    ("ec2", "CreatePlacementGroup", "InternalError"),
    ("ec2", "CreateLaunchTemplate", "InternalError"),
    ("ec2", "RunInstances", "InternalError"),
    ("iam", "CreateRole", "ServiceFailure"),
    ("iam", "CreateInstanceProfile", "ServiceFailure"),
    ("ssm", "PutParameter", "InternalServerError"),
];

const DELETES: &[(&str, &str, &str)] = &[
    ("fsx", "DeleteFileSystem", "InternalServerError"),
    ("fsx", "DeleteDataRepositoryAssociation", "InternalServerError"),
    ("fsx", "CreateDataRepositoryTask", "InternalServerError"),
    ("ec2", "TerminateInstances", "InternalError"),
    ("ec2", "DeleteSecurityGroup", "InternalError"),
    ("iam", "DeleteRole", "ServiceFailure"),
    ("ssm", "DeleteParameters", "InternalServerError"),
];

fn lose(scene: &Scene, faults: &[(&str, &str, &str)]) {
    for (service, operation, code) in faults {
        scene.fail_next(&json!({
            "service": service, "operation": operation, "code": code,
            "mode": "error-after-handling", "status": 500,
        }));
    }
}

/// All answers to writes are lost at first; the SDK asks again, and what it asks for is there already.
pub(super) fn answers_get_lost(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    lose(scene, CREATES);
    scene.run(&["up", "--yes", &path]).exits(0);
    assert_eq!(scene.faults_left(), json!([]), "not every answer was lost");
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 2);
    assert_made_once(&scene.ledger());
    lose(scene, DELETES);
    scene.run(&["down", "--yes", &path]).exits(0);
    assert_eq!(scene.faults_left(), json!([]), "not every answer was lost");
    assert_same(&scene.cloud("inventory", &[]), &empty);
}

#[track_caller]
fn assert_made_once(ledger: &Value) {
    let made =
        ["file_systems_created", "associations_created", "instances_launched"].map(|count| ledger[count].as_u64());
    assert_eq!(made, [Some(1), Some(2), Some(2)], "something was made twice");
}

pub(super) fn everything_is_throttled(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    // Each service in its own words, now a look, now a write.
    for (service, code, status) in [
        ("fsx", "ThrottlingException", 400),
        ("ssm", "ThrottlingException", 400),
        ("ec2", "RequestLimitExceeded", 503),
        ("iam", "Throttling", 400),
        ("sts", "Throttling", 400),
    ] {
        for skip in [0, 2, 5] {
            scene.fail_next(&json!({
                "service": service, "operation": "*", "code": code, "status": status, "times": 2, "skip": skip,
            }));
        }
    }
    for operation in ["RunInstances", "CreateSecurityGroup"] {
        scene.fail_next(&json!({
            "service": "ec2", "operation": operation, "code": "RequestLimitExceeded", "status": 503, "times": 2,
        }));
    }
    scene.run(&["up", "--yes", &path]).exits(0);
    let now = scene.cloud("inventory", &[]);
    assert_complete(&now, &empty, 2);
    assert_made_once(&scene.ledger());
}
