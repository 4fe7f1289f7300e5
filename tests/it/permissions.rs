//! The policies of `provision iam`: sound, no wider than the spec, and true to the calls that the program makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use provision::catalog::actions;
use provision::cloud::Identity;
use provision::desired::build_offline;
use provision::permissions::{
    LONGEST, OneOrMore, Policy, Purpose, Repository, Statement, Subject, Target, check, policy, trust,
};
use provision::spec::{self, Spec};

const EXAMPLES: [&str; 6] = [
    include_str!("../../examples/video-pretrain.toml"),
    include_str!("../../examples/scratch-experiment.toml"),
    include_str!("../../examples/tcp-hdd-archive.toml"),
    include_str!("../../examples/existing.toml"),
    include_str!("../../examples/efs.toml"),
    include_str!("../../examples/file-cache.toml"),
];

/// Everything given, nothing to be made but storage, templates and nodes.
const GIVEN: &str = r#"
[cluster]
name = "given"
region = "us-east-1"
instance_profile = "theirs"
[network]
subnets = ["subnet-0a", "subnet-0b"]
security_group = "sg-0a"
[storage]
deployment = "scratch-2"
capacity = "1.2 TiB"
[[nodes]]
name = "one"
instance = "g6e.2xlarge"
count = 1
image = "ami-0a"
"#;

/// A key in each way to write it, and each market.
const KEYS: [&str; 4] = [
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "alias/team/fsx",
    "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-east-1:123456789012:alias/fsx",
];

fn with_key(key: &str) -> String {
    let markets = ["\"spot\"", "{ reservation = \"cr-0a\" }", "\"capacity-block\"\nreservation = \"cr-0b\""];
    let nodes = markets.iter().enumerate().map(|(number, market)| {
        format!("[[nodes]]\nname = \"n{number}\"\ninstance = \"p5.48xlarge\"\ncount = 2\nmarket = {market}\n")
    });
    let storage = format!("capacity = \"1.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"\nkms_key = \"{key}\"\n");
    let dataset =
        "[[dataset]]\ns3 = \"s3://acme/out\"\npath = \"/out\"\nexport = [\"deleted\"]\nallow_delete_in_s3 = true\n";
    format!(
        "[cluster]\nname = \"x\"\nregion = \"us-east-1\"\n[storage]\n{storage}{dataset}{}",
        nodes.collect::<String>()
    )
}

/// As long as a spec may be: names, buckets, groups and images, each at its longest, and many of what has no limit.
fn longest() -> String {
    let name = format!("c{}", "x".repeat(37));
    let key = "k".repeat(250);
    let subnets: Vec<String> = (0..40).map(|number| format!("\"subnet-{number:017x}\"")).collect();
    let datasets = (0..8).map(|number| {
        let bucket = format!("{number}{}", "b".repeat(62));
        format!("[[dataset]]\ns3 = \"s3://{bucket}/p\"\npath = \"/{number}\"\n")
    });
    let groups = (0..20).map(|number| {
        let (name, image) = (format!("n{number}{}", "n".repeat(28)), format!("ssm:/{number}/{}", "i".repeat(900)));
        let market = format!("{{ reservation = \"cr-{number:017x}\" }}");
        format!(
            "[[nodes]]\nname = \"{name}\"\ninstance = \"p5.48xlarge\"\ncount = 2\nimage = \"{image}\"\nmarket = {market}\n"
        )
    });
    let start = format!(
        "[cluster]\nname = \"{name}\"\nregion = \"ap-southeast-1\"\n[network]\nsubnets = [{}]\n\
         [storage]\ncapacity = \"1.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"\nkms_key = \"alias/{key}\"\n",
        subnets.join(", ")
    );
    std::iter::once(start).chain(datasets).chain(groups).collect()
}

fn read(text: &str) -> Spec {
    let checked = spec::read(text, &|_| Ok("true\n".to_owned()));
    checked.spec.unwrap_or_else(|| panic!("{:?}\n{text}", checked.diagnostics))
}

fn of(text: &str, purpose: Purpose) -> Policy {
    let spec = read(text);
    let (partition, account) = ("aws", "123456789012");
    let region = spec.cluster.region.clone().expect("specs of tests name their region");
    let identity =
        Identity { account: account.to_owned(), arn: String::new(), region, partition: partition.to_owned() };
    policy(&spec, &build_offline(&spec, &identity), &Target { partition, account }, purpose)
}

/// Specs that differ in all that a policy depends on.
fn specs() -> Vec<String> {
    let mut specs: Vec<String> = EXAMPLES.map(ToOwned::to_owned).into();
    specs.extend([GIVEN.to_owned(), longest()]);
    specs.extend(KEYS.map(with_key));
    specs.push(holding());
    specs
}

/// Nodes that are launched into what is held for them.
fn holding() -> String {
    with_key(KEYS[0]).replace("market = \"spot\"", "capacity = \"reserve\"")
}

fn policies() -> Vec<Policy> {
    specs().iter().flat_map(|text| [of(text, Purpose::Plan), of(text, Purpose::Apply)]).collect()
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "snapshots/permissions", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn policies_of_an_example() {
    snapshot("plan", &of(EXAMPLES[0], Purpose::Plan).text());
    snapshot("apply", &of(EXAMPLES[0], Purpose::Apply).text());
    snapshot("apply-efs", &of(EXAMPLES[4], Purpose::Apply).text());
    snapshot("apply-file-cache", &of(EXAMPLES[5], Purpose::Apply).text());
    snapshot("apply-given", &of(GIVEN, Purpose::Apply).text());
    let of_key = |key| {
        let policy = of(&with_key(key), Purpose::Apply);
        ["LookAtKey", "FsxUsesKey"].map(|sid| statement(&policy, sid)).join("\n")
    };
    let keys: Vec<String> = KEYS.map(of_key).into();
    snapshot("keys", &keys.join("\n"));
}

fn statement(of: &Policy, sid: &str) -> String {
    let found = of.statement.iter().find(|each| each.sid == sid);
    serde_json::to_string_pretty(&found).expect("a statement is JSON")
}

/// And into those of the cluster alone.
#[test]
fn only_who_holds_capacity_launches_into_it() {
    let any = "arn:aws:ec2:us-east-1:123456789012:capacity-reservation/*";
    let launches_into_any = |text: &str| {
        let policy = of(text, Purpose::Apply);
        let launch = |each: &&Statement| each.action.0.contains(&"ec2:RunInstances");
        let into_any = |each: &&Statement| each.resource.0.iter().any(|arn| arn == any);
        let found: Vec<String> =
            policy.statement.iter().filter(launch).filter(into_any).map(|each| each.sid.clone()).collect();
        found
    };
    assert_eq!(launches_into_any(&holding()), ["LaunchWithOurs"]);
    assert!(statement(&of(&holding(), Purpose::Apply), "LaunchWithOurs").contains("aws:ResourceTag/provision:cluster"));
    assert_eq!(launches_into_any(&with_key(KEYS[0])), Vec::<String>::new());
}

/// Which of its types a group will be, no policy knows: it has to do for each of them.
#[test]
fn a_placement_group_that_only_another_type_needs_may_be_made() {
    let text =
        GIVEN.replace("instance = \"g6e.2xlarge\"\ncount = 1", "instance = [\"t3.large\", \"c5.large\"]\ncount = 2");
    let policy = of(&text, Purpose::Apply);
    for action in ["ec2:CreatePlacementGroup", "ec2:DeletePlacementGroup"] {
        assert!(policy.statement.iter().any(|each| each.action.0.contains(&action)), "{action}");
    }
    assert!(statement(&policy, "LaunchWithOurs").contains("placement-group"));
}

/// Scores are asked for where there are several zones to choose from.
#[test]
fn spot_scores_are_for_spot_in_several_subnets() {
    let asks = |text: &str| {
        let look = statement(&of(text, Purpose::Plan), "Look");
        look.contains("ec2:GetSpotPlacementScores")
    };
    let spot = GIVEN.replace("count = 1", "count = 1\nmarket = \"spot\"");
    assert!(asks(&spot) && !asks(GIVEN) && !asks(&spot.replace(", \"subnet-0b\"", "")));
}

/// On a file system that is not ours nobody with this policy can make, change, tag or delete one.
#[test]
fn an_existing_file_system_cannot_be_touched() {
    let policy = of(EXAMPLES[3], Purpose::Apply);
    snapshot("apply-existing", &policy.text());
    for statement in &policy.statement {
        for action in ["fsx:CreateFileSystem", "fsx:UpdateFileSystem", "fsx:DeleteFileSystem"] {
            assert!(!statement.action.0.contains(&action), "{action}");
        }
        let tags =
            statement.action.0.iter().any(|action| action.ends_with("tagResource") || action.ends_with("TagResource"));
        let on_any = statement.resource.0.iter().any(|arn| arn.contains("file-system"));
        assert!(!(tags && on_any), "{}", statement.sid);
    }
}

#[test]
fn every_policy_is_sound() {
    for policy in policies() {
        assert_eq!(check(&policy), Vec::<String>::new(), "{}", policy.text());
    }
}

#[test]
fn whoever_applies_may_look() {
    let allowed = |policy: &Policy| -> BTreeSet<(&'static str, String)> {
        let pairs = policy.statement.iter().flat_map(|each| {
            each.action.0.iter().flat_map(|action| each.resource.0.iter().map(|arn| (*action, arn.clone())))
        });
        // FSx asks for more of the same.
        pairs.filter(|(action, _)| !["s3:ListBucket", "s3:GetBucketVersioning"].contains(action)).collect()
    };
    for text in specs() {
        let (plan, apply) = (of(&text, Purpose::Plan), of(&text, Purpose::Apply));
        let (plan, apply) = (allowed(&plan), allowed(&apply));
        assert!(plan.is_subset(&apply), "{:?}", plan.difference(&apply));
    }
}

#[test]
fn only_looks_are_allowed_to_plan() {
    for action in specs().iter().flat_map(|text| of(text, Purpose::Plan).statement).flat_map(|each| each.action.0) {
        let verb = action.split(':').nth(1).unwrap_or_default();
        assert!(["Describe", "Get", "List"].iter().any(|look| verb.starts_with(look)), "{action}");
    }
}

/// A wildcard is a whole resource, or the end of one; no policy opens a service, an account or a region.
#[test]
fn nothing_is_wider_than_its_type() {
    for statement in policies().iter().flat_map(|policy| &policy.statement) {
        for arn in statement.resource.0.iter().filter(|arn| *arn != "*") {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            assert!(parts[..5].iter().all(|part| !part.contains('*')), "{arn}");
            assert!(parts[5] != "*" && (parts[5] != "*/*" || statement.sid == "TagWhatIsMade"), "{arn}");
        }
        if statement.resource.0.iter().any(|arn| arn == "*") {
            // EFS checks the creation of a file system against no resource at all.
            let makes_efs = statement.action.0 == ["elasticfilesystem:CreateFileSystem"];
            let takes_nothing_less = makes_efs || ["Look", "FollowCommands"].contains(&statement.sid.as_str());
            assert!(takes_nothing_less && statement.condition.contains_key("StringEquals"), "{statement:?}");
        }
    }
}

#[test]
fn no_policy_is_too_long_for_iam() {
    for policy in policies() {
        let parts = policy.parts();
        for part in &parts {
            assert!(part.size() <= LONGEST, "{} characters", part.size());
            assert_eq!(part.text().chars().filter(|c| !c.is_whitespace()).count(), part.size());
        }
        let pieces = |of: &[Policy]| -> BTreeSet<String> {
            let statements = of.iter().flat_map(|each| &each.statement);
            statements
                .flat_map(|each| {
                    each.resource.0.iter().map(move |arn| format!("{:?} {arn} {:?}", each.action, each.condition))
                })
                .collect()
        };
        assert_eq!(pieces(&parts), pieces(std::slice::from_ref(&policy)), "parts allow something else than the whole");
        let sids: Vec<&String> = parts.iter().flat_map(|part| &part.statement).map(|each| &each.sid).collect();
        assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "{sids:?}");
    }
    assert!(of(&longest(), Purpose::Apply).parts().len() > 3, "the longest spec is none");
}

#[test]
fn a_wrong_policy_is_noticed() {
    let good = of(EXAMPLES[0], Purpose::Apply);
    let launch = good.statement.iter().find(|each| each.sid == "Launch").expect("the statement");
    let broken = |sid: &str, breaks: &dyn Fn(&mut provision::permissions::Statement)| {
        let mut policy = good.clone();
        breaks(policy.statement.iter_mut().find(|each| each.sid == sid).expect("the statement"));
        check(&policy).join("\n")
    };
    let found = [
        broken("Look", &|each| each.action = OneOrMore(vec!["ec2:DescribeEverything"])),
        broken("Launch", &|each| each.resource.0.push("arn:aws:ec2:us-east-1:1:elephant/*".to_owned())),
        broken("Launch", &|each| each.resource = OneOrMore(vec!["arn:aws:ec2:us-east-1:1:volume/*".to_owned()])),
        broken("LaunchWithOurs", &|each| {
            each.condition = launch.condition.clone();
        }),
        broken("RoleAttachesOnly", &|each| each.action = OneOrMore(vec!["iam:PutRolePolicy"])),
        broken("PassRole", &|each| each.sid = "Role".to_owned()),
        broken("PassRole", &|each| each.resource = OneOrMore(vec!["arn:aws:iam::1:user/ana".to_owned()])),
    ];
    snapshot("wrong", &found.join("\n---\n"));
}

/// The calls of the SDK in `src/aws`: `self.ec2.describe_subnets()` is `ec2:DescribeSubnets`.
fn calls() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws");
    let mut text = String::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("an entry can be read").path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some("tests" | "tests.rs") => {}
                _ if path.is_dir() => folders.push(path),
                _ => text += &std::fs::read_to_string(&path).expect("a source can be read"),
            }
        }
    }
    text.retain(|c| !c.is_whitespace());
    // Whatever clients there are: `pub(super)ec2:aws_sdk_ec2::Client`.
    let clients: Vec<&str> =
        text.split("::Client").filter_map(|before| before.rsplit_once(":aws_sdk_")?.0.rsplit(')').next()).collect();
    assert!(clients.len() >= 6, "{clients:?}");
    let mut calls = BTreeSet::new();
    for client in clients {
        for after in text.split(&format!(".{client}.")).skip(1) {
            let Some((name, _)) = after.split_once('(') else { continue };
            let words =
                name.split('_').map(|word| (word.get(..1).unwrap_or_default(), word.get(1..).unwrap_or_default()));
            let pascal: String =
                words.flat_map(|(first, rest)| [first.to_ascii_uppercase(), rest.to_owned()]).collect();
            // The SDK writes one name unlike the service.
            calls.insert(format!("{client}:{}", pascal.replace("GetAws", "GetAWS")));
        }
    }
    calls
}

#[test]
fn the_table_has_every_call_and_no_other() {
    let mut called = calls();
    assert!(called.remove("s3:HeadBucket"), "its permission goes by another name");
    assert!(called.remove("s3:ListObjectsV2"), "so does that of a scan");
    called.insert("s3:ListBucket".to_owned());
    assert!(called.remove("s3:GetObject"), "making a link takes `s3:Get*` on the same buckets");
    assert!(called.remove("pricing:GetProducts"), "of `prices update` alone, which no spec needs: docs/cost.md");
    let table: BTreeSet<String> =
        actions::all().values().filter(|each| each.with.is_empty()).map(|each| each.name.to_owned()).collect();
    let missing: Vec<&String> = called.difference(&table).collect();
    assert!(missing.is_empty(), "not in src/catalog/data/actions.tsv (see tools/iam_actions.py): {missing:?}");
    let old: Vec<&String> = table.difference(&called).collect();
    assert!(old.is_empty(), "in src/catalog/data/actions.tsv, and called no more: {old:?}");
}

#[test]
fn every_action_of_the_table_is_allowed_to_somebody() {
    let allowed: BTreeSet<&str> =
        policies().iter().flat_map(|policy| &policy.statement).flat_map(|each| each.action.0.clone()).collect();
    let mut table: BTreeSet<&str> = actions::all().keys().copied().collect();
    // Nobody can be denied to ask who they are (STS API reference).
    table.remove("sts:GetCallerIdentity");
    assert_eq!(allowed, table);
}

#[test]
fn parliament_finds_nothing() {
    let Some(python) = std::env::var_os("PROVISION_PARLIAMENT") else {
        return skipped("set PROVISION_PARLIAMENT to a Python that has parliament, as `make test` does");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let paths = policies().into_iter().enumerate().map(|(number, policy)| {
        let path = folder.path().join(format!("{number}.json"));
        std::fs::write(&path, policy.text()).expect("a policy can be written");
        path
    });
    let paths: Vec<_> = paths.collect();
    let lint = |paths: &[std::path::PathBuf]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/lint_policy.py");
        Command::new(&python).arg(script).args(paths).output().expect("Python starts")
    };
    let output = lint(&paths);
    assert!(output.status.success(), "{output:?}");
    // And would find something.
    let text = policies()[0].text().replace("ec2:DescribeImages", "ec2:DescribePictures");
    std::fs::write(&paths[0], text).expect("a policy can be written");
    assert!(!lint(&paths[..1]).status.success());
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn trust_is_for_one_repository() {
    let subjects = [
        Subject::PullRequest,
        Subject::branch("main").expect("a branch"),
        Subject::branch("release/2026").expect("a branch"),
        Subject::environment("prod: eu").map_or_else(
            |_| Subject::environment("prod:eu").expect("an environment"),
            |wrong| panic!("{wrong:?} has white space"),
        ),
    ];
    let repository: Repository = "octo-org@123456/octo-repo@456789".parse().expect("a repository");
    snapshot("trust", &trust("aws-us-gov", "123456789012", &repository, &subjects));
    for good in ["octo-org/octo-repo", "a/b.c_d", "o@1/r@2"] {
        assert!(good.parse::<Repository>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "octo-org",
        "octo-org/*",
        "*/octo-repo",
        "a/b/c",
        "a/b:ref",
        "a@1/b",
        "a/b@2",
        "a@/b@",
        "a@x/b@1",
        "a /b",
        "a?/b",
    ] {
        assert!(bad.parse::<Repository>().is_err(), "{bad}");
    }
    for bad in ["", "*", "release/*", "a b", "a?", "${x}"] {
        assert!(Subject::branch(bad).is_err() && Subject::environment(bad).is_err(), "{bad}");
    }
}
