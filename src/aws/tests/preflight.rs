use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serde_json::json;

use super::wire::Wire;
use super::{create, tags};
use crate::aws::Aws;
use crate::cloud::{
    Class, Cloud as _, Context, InUse, Key, Questions, QuotaId, Reservation, Rights, SpotWish, Survey, Use, Verdict,
};
use crate::desired::{Address, Kind, PlacementGroup, Resource, SecurityGroup};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn quota(service: &str, code: &str) -> QuotaId {
    QuotaId { service: service.to_owned(), code: code.to_owned() }
}

async fn survey(aws: &Aws, questions: Questions) -> Survey {
    aws.survey(&questions).await.expect("what only helps fails nothing")
}

fn sorted(wire: &Wire) -> String {
    let mut requests: Vec<String> = wire.requests().split("\n\n").map(str::to_owned).collect();
    requests.sort();
    requests.join("\n")
}

#[tokio::test]
async fn limits_and_what_is_in_use() {
    let one = |code: &str, value: f64| json!({ "Quota": { "QuotaCode": code, "Value": value } }).to_string();
    let instance = |kind: &str, more: &str| {
        format!("<item><instanceId>i-1</instanceId><instanceType>{kind}</instanceType>{more}</item>")
    };
    let instances = [
        instance("p5.48xlarge", ""),
        instance("p5.48xlarge", ""),
        instance("p5.48xlarge", "<instanceLifecycle>spot</instanceLifecycle>"),
        instance("p5.48xlarge", "<instanceLifecycle>capacity-block</instanceLifecycle>"),
        instance("p5.48xlarge", "<placement><tenancy>host</tenancy></placement>"),
        instance("p9.imaginary", ""),
    ];
    let systems = json!({ "FileSystems": [
        { "FileSystemId": "fs-1", "FileSystemType": "LUSTRE", "StorageCapacity": 4800, "StorageType": "SSD", "LustreConfiguration": { "DeploymentType": "PERSISTENT_2" } },
        { "FileSystemId": "fs-2", "FileSystemType": "LUSTRE", "StorageCapacity": 1200, "StorageType": "SSD", "LustreConfiguration": { "DeploymentType": "SCRATCH_1" } },
        { "FileSystemId": "fs-3", "FileSystemType": "WINDOWS", "StorageCapacity": 300, "StorageType": "SSD" },
    ] });
    let wire = Wire::new()
        .ok("GetServiceQuota", one("L-417A185B", 1536.0))
        .json_error("GetServiceQuota", 400, "NoSuchResourceException", "no such quota here")
        .ok("GetAWSDefaultServiceQuota", one("L-8F1B9C74", 100_800.0))
        .ok("GetAWSDefaultServiceQuota", one("L-DF5E4CA3", 5000.0))
        .ok("ListServiceQuotas", json!({ "Quotas": [{ "QuotaCode": "L-FD6F2F22", "Value": 100.0 }, { "QuotaCode": "L-0", "Value": 1.0 }], "NextToken": "more" }).to_string())
        .ok("ListServiceQuotas", json!({ "Quotas": [] }).to_string())
        .ok("DescribeInstances", format!("<R><reservationSet><item><instancesSet>{}</instancesSet></item></reservationSet></R>", instances.concat()))
        .ok("DescribeFileSystems", systems.to_string())
        .ok("DescribeNetworkInterfaces", "<R><networkInterfaceSet><item/><item/></networkInterfaceSet><nextToken>more</nextToken></R>")
        .ok("DescribeNetworkInterfaces", "<R><networkInterfaceSet><item/></networkInterfaceSet></R>");
    let aws = wire.aws();
    let ec2 = Questions { quotas: [quota("ec2", "L-417A185B")].into(), running: set(&["p*"]), ..Questions::default() };
    let found = survey(&aws, ec2).await;
    assert_eq!(found.quotas, [(quota("ec2", "L-417A185B"), 1536)].into());
    let counted = |names: &[(&str, u32)]| -> Option<BTreeMap<String, u32>> {
        Some(names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect())
    };
    let on_demand = counted(&[("p5.48xlarge", 2), ("p9.imaginary", 1)]);
    assert_eq!(found.in_use, InUse { on_demand, spot: counted(&[("p5.48xlarge", 1)]), ..InUse::default() });

    let fsx =
        Questions { quotas: [quota("fsx", "L-8F1B9C74"), quota("fsx", "L-FD6F2F22")].into(), ..Questions::default() };
    let found = survey(&aws, fsx).await;
    assert_eq!(found.quotas, [(quota("fsx", "L-8F1B9C74"), 100_800), (quota("fsx", "L-FD6F2F22"), 100)].into());
    let systems = found.in_use.file_systems.expect("an answer");
    assert_eq!(
        systems.iter().map(|(id, each)| (id.as_str(), each.capacity_gib)).collect::<Vec<_>>(),
        [("fs-1", Some(4800))]
    );

    // Never changed: AWS's default.
    let vpc = Questions { quotas: [quota("vpc", "L-DF5E4CA3")].into(), ..Questions::default() };
    let found = survey(&aws, vpc).await;
    assert_eq!((found.quotas.into_values().collect::<Vec<_>>(), found.in_use.interfaces), (vec![5000], Some(3)));
    assert_eq!(found.unanswered, []);
    assert_snapshot!(sorted(&wire));
}

#[tokio::test(start_paused = true)]
async fn services_that_do_not_answer_are_told_soon() {
    let began = tokio::time::Instant::now();
    let wire = Wire::new()
        .json_error("GetServiceQuota", 501, "InternalFailure", "not emulated")
        .silent("ListServiceQuotas")
        .silent("ListServiceQuotas")
        .json_error("DescribeKey", 400, "AccessDeniedException", "not you")
        .ec2_error("DescribeCapacityReservations", 403, "UnauthorizedOperation", "not you")
        .reply("GET https://acme.s3.us-east-1.amazonaws.com/", 403, "<Error><Code>AccessDenied</Code></Error>");
    let questions = Questions {
        versioned: set(&["acme"]),
        reservations: set(&["cr-0a"]),
        kms_key: Some("alias/fsx".to_owned()),
        quotas: [quota("vpc", "L-DF5E4CA3"), quota("fsx", "L-8F1B9C74"), quota("fsx", "L-FD6F2F22")].into(),
        ..Questions::default()
    };
    let found = survey(&wire.aws(), questions).await;
    let told: Vec<(&str, Class)> = found.unanswered.iter().map(|each| (each.what.as_str(), each.why.class)).collect();
    assert_eq!(
        told,
        [
            ("versioning of `acme`", Class::Denied),
            ("capacity reservation `cr-0a`", Class::Denied),
            ("key `alias/fsx`", Class::Denied),
            ("quotas of `fsx`", Class::Unreachable),
            ("quotas of `vpc`", Class::NotImplemented),
        ]
    );
    assert_eq!(Survey { unanswered: Vec::new(), ..found }, Survey::default());
    assert_eq!(wire.count("GetServiceQuota"), 1, "what is not there is not asked again");
    assert!(began.elapsed().as_secs() < 15, "in virtual time: {:?}", began.elapsed());
    // Without a limit, what is in use is nobody's business.
    assert_eq!(wire.count("DescribeFileSystems") + wire.count("DescribeNetworkInterfaces"), 0);
}

#[tokio::test]
async fn what_was_given_by_id() {
    let key = |state: &str, spec: &str| {
        json!({ "KeyMetadata": { "KeyId": "1", "KeyState": state, "KeySpec": spec, "KeyUsage": "ENCRYPT_DECRYPT" } })
            .to_string()
    };
    let reservation = "<R><capacityReservationSet><item><instanceType>p5.48xlarge</instanceType><availabilityZone>us-east-1a</availabilityZone>\
        <availableInstanceCount>4</availableInstanceCount><totalInstanceCount>8</totalInstanceCount><state>scheduled</state>\
        <startDate>2026-12-01T11:30:00Z</startDate><endDate>2026-12-08T11:30:00Z</endDate><reservationType>capacity-block</reservationType></item></capacityReservationSet></R>";
    let bucket = |name: &str| format!("GET https://{name}.s3.us-east-1.amazonaws.com/");
    let versioning = |status: &str| format!("<VersioningConfiguration>{status}</VersioningConfiguration>");
    let wire = Wire::new()
        .ok("DescribeKey", key("Disabled", "SYMMETRIC_DEFAULT"))
        .ok("DescribeKey", key("Enabled", "RSA_2048"))
        .json_error("DescribeKey", 400, "NotFoundException", "no such key")
        .ok("DescribeCapacityReservations", reservation)
        .ec2_error("DescribeCapacityReservations", 400, "InvalidCapacityReservationId.NotFound", "none")
        .reply(&bucket("kept"), 200, versioning("<Status>Enabled</Status>"))
        .reply(&bucket("paused"), 200, versioning("<Status>Suspended</Status>"))
        .reply(&bucket("never"), 200, versioning(""));
    let aws = wire.aws();
    let found = |state: &str, encrypts| Some(Key::Found { state: state.to_owned(), encrypts });
    for expected in [found("Disabled", true), found("Enabled", false), Some(Key::Missing)] {
        let questions = Questions { kms_key: Some("alias/fsx".to_owned()), ..Questions::default() };
        assert_eq!(survey(&aws, questions).await.kms_key, expected);
    }
    let block = Reservation {
        instance: "p5.48xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        state: "scheduled".to_owned(),
        free: 4,
        is_block: Some(true),
        starts: Some("2026-12-01T11:30:00Z".parse().expect("a time")),
        ends: Some("2026-12-08T11:30:00Z".parse().expect("a time")),
        placement_group: None,
    };
    for expected in [Some(block), None] {
        let questions = Questions { reservations: set(&["cr-0a"]), ..Questions::default() };
        assert_eq!(survey(&aws, questions).await.reservations, [("cr-0a".to_owned(), expected)].into());
    }
    let questions = Questions { versioned: set(&["kept", "paused", "never"]), ..Questions::default() };
    let versioned: Vec<(String, bool)> = survey(&aws, questions).await.versioned.into_iter().collect();
    assert_eq!(versioned, [("kept".to_owned(), true), ("never".to_owned(), false), ("paused".to_owned(), false)]);
    assert_snapshot!(sorted(&wire));
}

fn rights(principal: &str, trials: Vec<crate::cloud::Create>) -> Questions {
    let uses = vec![Use {
        actions: vec!["fsx:CreateFileSystem".to_owned(), "fsx:TagResource".to_owned()],
        resources: vec!["arn:aws:fsx:us-east-1:123456789012:file-system/*".to_owned()],
        context: vec![
            Context {
                key: "aws:RequestTag/provision:cluster".to_owned(),
                values: vec!["vision".to_owned()],
                is_list: false,
            },
            Context { key: "aws:CalledVia".to_owned(), values: vec!["fsx.amazonaws.com".to_owned()], is_list: true },
        ],
    }];
    Questions { rights: Some(Rights { principal: Some(principal.to_owned()), uses, trials }), ..Questions::default() }
}

fn trials() -> Vec<crate::cloud::Create> {
    let name = "provision-vision".to_owned();
    let group =
        SecurityGroup { name: name.clone(), description: "x".to_owned(), vpc: "vpc-0a".to_owned(), rules: Vec::new() };
    let placement = Address::named(Kind::Placement, "trainer");
    let mut trials = vec![
        create(Address::one(Kind::SecurityGroup), Resource::SecurityGroup(group)),
        create(placement.clone(), Resource::Placement(PlacementGroup { name })),
    ];
    trials[1].tags = tags(&placement);
    trials
}

fn verdict(action: &str, allowed: bool, certain: bool) -> Verdict {
    let resource = (!certain).then(|| "arn:aws:fsx:us-east-1:123456789012:file-system/*".to_owned());
    Verdict { action: action.to_owned(), resource, allowed, certain }
}

#[tokio::test]
async fn rights_are_simulated_and_tried() {
    let result = |action: &str, decision: &str| {
        format!(
            "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>arn:aws:fsx:us-east-1:123456789012:file-system/*</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
        )
    };
    let page = |results: &str, more: &str| {
        format!(
            "<R><SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>{more}</SimulatePrincipalPolicyResult></R>"
        )
    };
    let role = "<R><GetRoleResult><Role><Arn>arn:aws:iam::123456789012:role/team/ci</Arn><Path>/team/</Path><RoleName>ci</RoleName><RoleId>A</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></R>";
    let wire = Wire::new()
        .iam_error("SimulatePrincipalPolicy", 404, "NoSuchEntity")
        .ok("GetRole", role)
        .ok(
            "SimulatePrincipalPolicy",
            page(&result("fsx:CreateFileSystem", "allowed"), "<IsTruncated>true</IsTruncated><Marker>m</Marker>"),
        )
        .ok(
            "SimulatePrincipalPolicy",
            page(&result("fsx:TagResource", "implicitDeny"), "<IsTruncated>false</IsTruncated>"),
        )
        .ec2_error("CreateSecurityGroup", 412, "DryRunOperation", "would have succeeded")
        .ec2_error("CreatePlacementGroup", 403, "UnauthorizedOperation", "not you");
    let found = survey(&wire.aws(), rights("arn:aws:iam::123456789012:role/ci", trials())).await;
    assert_eq!(
        found.rights,
        [
            verdict("ec2:CreatePlacementGroup", false, true),
            verdict("ec2:CreateSecurityGroup", true, true),
            verdict("fsx:CreateFileSystem", true, false),
            verdict("fsx:TagResource", false, false),
        ]
    );
    assert_eq!(found.unanswered, []);
    assert_snapshot!(sorted(&wire));
}

#[tokio::test]
async fn who_may_not_simulate_is_told_so_and_no_more() {
    let wire = Wire::new()
        .iam_error("SimulatePrincipalPolicy", 403, "AccessDenied")
        .ec2_error("CreateSecurityGroup", 400, "InvalidVpcID.NotFound", "gone since")
        .ec2_error("CreatePlacementGroup", 412, "DryRunOperation", "would have succeeded");
    let found = survey(&wire.aws(), rights("arn:aws:iam::123456789012:user/ana", trials())).await;
    assert_eq!(
        found.rights,
        [verdict("ec2:CreatePlacementGroup", true, true)],
        "another refusal says nothing of rights"
    );
    assert_eq!(found.unanswered.len(), 1);
    assert_eq!(found.unanswered[0].why.class, Class::Denied);
}

#[tokio::test]
async fn what_speaks_for_a_zone() {
    let open = |id: &str, more: &str| {
        format!(
            "<item><capacityReservationId>{id}</capacityReservationId><instanceType>p5.48xlarge</instanceType>\
             <availabilityZone>us-east-1a</availabilityZone><state>active</state>{more}</item>"
        )
    };
    let room = "<availableInstanceCount>4</availableInstanceCount><placementGroupArn>arn:aws:ec2:us-east-1:1:placement-group/x/y</placementGroupArn>";
    let scores = |items: &str| format!("<R><spotPlacementScoreSet>{items}</spotPlacementScoreSet></R>");
    let score = |zone: &str, score: u32| {
        format!(
            "<item><region>us-east-1</region><availabilityZoneId>{zone}</availabilityZoneId><score>{score}</score></item>"
        )
    };
    let wire = Wire::new()
        .ok(
            "DescribeCapacityReservations",
            format!(
                "<R><capacityReservationSet>{}{}</capacityReservationSet></R>",
                open("cr-0a", room),
                open("cr-0b", "<availableInstanceCount>0</availableInstanceCount>")
            ),
        )
        .ok("GetSpotPlacementScores", scores(&(score("use1-az4", 9) + &score("use1-az1", 3))))
        .ec2_error("GetSpotPlacementScores", 400, "MaxConfigLimitExceeded", "too many of them today");
    let aws = wire.aws();
    let wish = SpotWish { types: vec!["p5.48xlarge".to_owned(), "p5e.48xlarge".to_owned()], count: 8 };
    let questions = Questions {
        open_reservations: set(&["p5.48xlarge"]),
        spot_scores: [("trainer".to_owned(), wish)].into(),
        ..Questions::default()
    };
    let found = survey(&aws, questions.clone()).await;
    let held: Vec<_> = found.open_reservations.iter().map(|(id, each)| (id.as_str(), each.free)).collect();
    assert_eq!(held, [("cr-0a", 4)], "one without room is of no use");
    let group = found.open_reservations["cr-0a"].placement_group.as_deref();
    assert_eq!(group, Some("arn:aws:ec2:us-east-1:1:placement-group/x/y"));
    let expected: BTreeMap<String, u32> = [("use1-az1".to_owned(), 3), ("use1-az4".to_owned(), 9)].into();
    assert_eq!(found.spot_scores, [("trainer".to_owned(), expected)].into());
    let refused = survey(&aws, Questions { open_reservations: BTreeSet::new(), ..questions }).await;
    assert!(refused.spot_scores.is_empty());
    assert_eq!(refused.unanswered[0].what, "spot placement scores for the group `trainer`");
    assert_snapshot!(sorted(&wire));
}
