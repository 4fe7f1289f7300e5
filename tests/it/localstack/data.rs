//! Nothing that is not in S3 is destroyed, and nothing is made that could not work.

use serde_json::json;

use super::life::{SPEC, assert_same, file_system, ids, mutating, requests, spec};
use super::scene::Scene;

pub(super) fn an_export_fails(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["up", "--yes", &path]).exits(0);
    let fsx = file_system(&scene.cloud("inventory", &[]));
    scene.write_file(&fsx, "/checkpoints/good", &json!({ "content": "weights" }));
    scene.write_file(&fsx, "/checkpoints/bad", &json!({ "content": "weights", "export_error": "S3AccessDenied" }));

    let before = scene.ledger();
    let refused = scene.run(&["down", "--cluster", "pair", "--yes"]).exits(1);
    let refused = refused.says(&["fsx::unexported", "link.checkpoints", "s3://acme/", "--discard-unexported-data"]);
    // The file and the reason, out of FSx's own list.
    refused.says(&["1 file, S3AccessDenied", "bucket policy", "checkpoints/bad", "failures.csv"]);
    let deleted = requests(&before, &scene.ledger());
    let of_storage = |name: &&str| name.starts_with("fsx:Delete");
    assert!(!mutating(&deleted).iter().any(of_storage), "storage was deleted: {deleted:#?}");
    let now = scene.cloud("inventory", &[]);
    assert_eq!((file_system(&now), ids(&now, "links", "AssociationId").len()), (fsx.clone(), 2));
    assert_eq!(scene.files(&fsx), ["/checkpoints/good", "/checkpoints/bad"]);
    let report = scene.cloud("objects", &["acme"])["acme"].to_string();
    let named = refused_report(&scene.run(&["down", "--cluster", "pair", "--yes"]).exits(1).stderr);
    assert!(report.contains(&named), "the report is not where it was said to be: {named} in {report}");

    scene.delete_file(&fsx, "/checkpoints/bad");
    scene.write_file(&fsx, "/checkpoints/bad", &json!({ "content": "weights" }));
    scene.run(&["down", "--cluster", "pair", "--yes"]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
    let ledger = scene.ledger();
    assert_eq!((&ledger["files_lost"], &ledger["unlinked_lost"]), (&json!(0), &json!(0)));
    let objects = scene.cloud("objects", &["acme"])["acme"].to_string();
    assert!(objects.contains("checkpoints/good") && objects.contains("checkpoints/bad"), "{objects}");

    // The words that cannot be typed by accident.
    scene.run(&["up", "--yes", &path]).exits(0);
    let fsx = file_system(&scene.cloud("inventory", &[]));
    scene.write_file(&fsx, "/checkpoints/worse", &json!({ "export_error": "AccessDenied" }));
    scene.run(&["down", "--cluster", "pair", "--yes", "--discard-unexported-data"]).exits(0);
    assert_same(&scene.cloud("inventory", &[]), &empty);
    assert_eq!(scene.ledger()["lost_paths"], json!(["/checkpoints/worse"]));
}

/// The folder of the report in the first place of S3 that is named, without the bucket.
fn refused_report(text: &str) -> String {
    let (_, rest) = text.split_once("s3://acme/").unwrap_or_else(|| panic!("no place in S3 in\n{text}"));
    rest.split_whitespace().next().unwrap_or_default().trim_end_matches(['/', '.', ',', '`']).to_owned()
}

/// Bad input that only the cloud can tell: one clear error each, and nothing created.
pub(super) fn refuses_what_cannot_be(scene: &Scene) {
    let empty = scene.cloud("inventory", &[]);
    let group = "\n[network]\nsecurity_group = \"sg-0123456789abcdef0\"\n";
    let subnet = "\n[network]\nsubnets = [\"subnet-0123456789abcdef0\"]\n";
    for (text, words) in [
        (spec(&[("s3://acme/train", "s3://nobodys/train")]), &["dataset::bucket", "`nobodys` was not found"][..]),
        (format!("{SPEC}{subnet}"), &["place::subnet", "`subnet-0123456789abcdef0` was not found"]),
        (format!("{SPEC}{group}"), &["network::security-group", "`sg-0123456789abcdef0` was not found"]),
        (
            spec(&[("count = 2", "count = 2\nimage = \"ami-0123456789abcdef0\"")]),
            &["nodes::image", "ami-0123456789abcdef0"],
        ),
    ] {
        let path = scene.write("cluster.toml", &text);
        for command in [&["plan", &path][..], &["up", "--yes", &path]] {
            let before = scene.ledger();
            scene.run(command).exits(1).says(words);
            assert_eq!(mutating(&requests(&before, &scene.ledger())), Vec::<&str>::new(), "{words:?}");
        }
    }
    assert_same(&scene.cloud("inventory", &[]), &empty);

    // A stranger with the name of one of ours: refused, and left as it is.
    scene.cloud("stranger", &["provision/pair"]);
    let before = scene.cloud("inventory", &[]);
    let path = scene.write("cluster.toml", SPEC);
    scene.run(&["up", "--yes", &path]).exits(1).says(&["provision/pair", "security-group"]);
    scene.run(&["down", "--cluster", "pair", "--yes"]);
    assert_same(&scene.cloud("inventory", &[]), &before);
}
