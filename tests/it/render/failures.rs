//! What is read when it did not work.

use jiff::SignedDuration;
use provision::apply::event::{Ending, FailedFiles, Failure, Room};
use provision::apply::lease::Holder;
use provision::apply::{NoRoom, NotBegun, Report, ZoneAnswer};
use provision::cloud::{Class, CloudError, Limit, LimitedBy};
use provision::desired::{Address, Kind};
use provision::plan::{CapacityBlock, Op, Options, Plan};
use provision::render::begins::not_begun;
use provision::render::failure::{FailureContext, cloud_error, report};
use provision::render::room::no_room;
use provision::render::{Theme, lock};

use super::samples::{create, down, now, spec};

const UP: FailureContext<'_> = FailureContext {
    cluster: "video-pretrain",
    command: "provision up",
    remove: "provision down",
    status: "provision status",
};

const DOWN: FailureContext<'_> = FailureContext { command: "provision down", ..UP };

fn fsx() -> Address {
    Address::one(Kind::Fsx)
}

fn trainer() -> Address {
    Address::named(Kind::Nodes, "trainer")
}

fn link() -> Address {
    Address::named(Kind::Link, "checkpoints")
}

/// The first step at an address for which `wanted` holds failed; what comes before it is done, what comes after was not begun.
fn failed(plan: &Plan, address: &Address, wanted: fn(&Op) -> bool, failure: Failure) -> Report {
    let at =
        plan.steps.iter().position(|step| step.address == *address && wanted(&step.op)).expect("there is such a step");
    Report {
        ending: Ending::Failed,
        done: at,
        left: plan.steps[at + 1..].iter().map(|step| (step.address.clone(), step.op.clone())).collect(),
        answered: Vec::new(),
        partly_filled: Vec::new(),
        unforgotten: None,
        may_move: false,
        failures: vec![(address.clone(), failure)],
    }
}

/// As the dispatcher has it: what was under way is left.
fn stopped(ended: &mut Report, plan: &Plan) {
    ended.failures.clear();
    let step = &plan.steps[ended.done];
    ended.left.insert(0, (step.address.clone(), step.op.clone()));
}

fn creating(address: &Address, failure: Failure) -> String {
    let plan = create(&spec());
    let ended = failed(&plan, address, |op| matches!(op, Op::Create { .. }), failure);
    report(&ended, &plan, &UP, &Theme::plain())
}

fn removing(address: &Address, wanted: fn(&Op) -> bool, failure: Failure) -> String {
    let plan = down(&spec(), Options::default());
    let ended = failed(&plan, address, wanted, failure);
    report(&ended, &plan, &DOWN, &Theme::plain())
}

fn call(operation: &str, class: Class, code: &str, message: &str) -> CloudError {
    let mut error = CloudError::new(operation, class, message).code(code);
    error.request_id = Some("7f3c0a1e".to_owned());
    error
}

fn cloud(operation: &str, class: Class, code: &str, message: &str) -> Failure {
    Failure::Cloud { error: call(operation, class, code, message) }
}

#[test]
fn a_denied_call() {
    let message = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: fsx:CreateFileSystem because no identity-based policy allows the fsx:CreateFileSystem action";
    let failure = cloud("fsx:CreateFileSystem", Class::Denied, "AccessDenied", message);
    insta::assert_snapshot!("denied", creating(&fsx(), failure));
}

#[test]
fn credentials_that_expire_while_a_file_system_is_made() {
    let plan = create(&spec());
    let message = "The security token included in the request is expired";
    let failure = cloud("fsx:DescribeFileSystems", Class::Credentials, "ExpiredTokenException", message);
    let mut ended = failed(&plan, &fsx(), |op| matches!(op, Op::Create { .. }), failure);
    ended.answered.push(fsx());
    let text = report(&ended, &plan, &UP, &Theme::plain());
    insta::assert_snapshot!("credentials_expired", text);
    ended.answered.clear();
    assert_ne!(report(&ended, &plan, &UP, &Theme::plain()), text, "what was not answered does not exist");
}

#[test]
fn no_capacity() {
    let message =
        "We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested (us-east-1a).";
    let failure = cloud("ec2:RunInstances", Class::Capacity, "InsufficientInstanceCapacity", message);
    insta::assert_snapshot!("capacity", creating(&trainer(), failure));
}

#[test]
fn no_capacity_here_and_some_elsewhere() {
    let mut error = call("ec2:RunInstances", Class::Capacity, "InsufficientInstanceCapacity", "none in us-east-1a");
    error.elsewhere = vec!["us-east-1c".to_owned(), "us-east-1b".to_owned()];
    insta::assert_snapshot!("capacity_elsewhere", creating(&trainer(), Failure::Cloud { error }));
}

#[test]
fn no_capacity_beside_a_file_system_that_is_empty() {
    let plan = create(&spec());
    let failure = cloud("ec2:RunInstances", Class::Capacity, "InsufficientInstanceCapacity", "none in us-east-1a");
    let creates = |op: &Op| matches!(op, Op::Create { .. });
    let ended = Report { may_move: true, ..failed(&plan, &trainer(), creates, failure) };
    insta::assert_snapshot!("capacity_may_move", report(&ended, &plan, &UP, &Theme::plain()));
}

#[test]
fn a_quota_is_named_with_the_request_for_more() {
    let quota = LimitedBy {
        service: "ec2".to_owned(),
        code: "L-417A185B".to_owned(),
        name: "Running On-Demand P instances".to_owned(),
        unit: " vCPUs".to_owned(),
        more: 1536,
    };
    let message = "You have requested more vCPU capacity than your current vCPU limit of 384 allows";
    for (name, current) in [("quota_known", Some(384)), ("quota_unknown", None)] {
        let mut error = call("ec2:RunInstances", Class::Quota, "VcpuLimitExceeded", message);
        error.limit = Some(Box::new(Limit { current, quota: Some(quota.clone()) }));
        insta::assert_snapshot!(name, creating(&trainer(), Failure::Cloud { error }));
    }
}

#[test]
fn every_class_of_a_failed_call() {
    let classes = [
        Class::Denied,
        Class::Credentials,
        Class::Quota,
        Class::Capacity,
        Class::ReservationFull,
        Class::NotOffered,
        Class::Throttled,
        Class::Conflict,
        Class::InUse,
        Class::Busy,
        Class::NotFound,
        Class::Invalid,
        Class::NotImplemented,
        Class::NotYet,
        Class::Transient,
        Class::Unreachable,
        Class::Unknown,
    ];
    let texts: Vec<String> = classes
        .into_iter()
        .map(|class| {
            let error = call("ec2:RunInstances", class, "Code", "the service's own words");
            cloud_error(&error, "look at the cluster", &Theme::plain())
        })
        .collect();
    insta::assert_snapshot!("classes", texts.join("\n"));
}

#[test]
fn a_file_system_that_failed() {
    let failure = Failure::Broken {
        id: "fs-0123".to_owned(),
        lifecycle: "FAILED".to_owned(),
        reason: "the subnet has no free addresses".to_owned(),
    };
    insta::assert_snapshot!("broken", creating(&fsx(), failure));
}

#[test]
fn a_wait_that_was_too_long() {
    let failure = Failure::TimedOut { limit_s: 3600, detail: "CREATING".to_owned() };
    insta::assert_snapshot!("timeout", creating(&fsx(), failure));
}

#[test]
fn nodes_that_failed() {
    let one = vec![("i-0001".to_owned(), "setup.sh ended with 1".to_owned())];
    let many = (0..40).map(|n| (format!("i-{n:04}"), "the mount took too long".to_owned())).collect();
    insta::assert_snapshot!("nodes_one", creating(&trainer(), Failure::Nodes { nodes: one }));
    insta::assert_snapshot!("nodes_many", creating(&trainer(), Failure::Nodes { nodes: many }));
}

#[test]
fn files_that_are_not_in_s3() {
    let failed = |code: &str, meaning: Option<&str>, count, paths: &[&str]| FailedFiles {
        code: code.to_owned(),
        meaning: meaning.map(ToOwned::to_owned),
        count,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    let failure = Failure::Unexported {
        files: vec![
            failed(
                "S3AccessDenied",
                Some("FSx may not write to the bucket"),
                15,
                &["out/a", "out/b\u{1b}[31m\nerror: x"],
            ),
            failed("Odd", None, 1, &[&"long/".repeat(90)]),
        ],
        text: "the export task-0123 left files behind with 17 of 12000 files not in S3".to_owned(),
        report: Some("s3://acme-video/checkpoints/provision-export-reports/task-0123/failures.csv".to_owned()),
    };
    insta::assert_snapshot!("unexported", removing(&link(), |op| *op == Op::Export, failure));
}

#[test]
fn something_still_in_use() {
    let failure = Failure::InUse { dependents: vec!["eni-0123 of an instance that is not ours".to_owned()] };
    let group = Address::one(Kind::SecurityGroup);
    insta::assert_snapshot!("in_use", removing(&group, |op| matches!(op, Op::Delete { .. }), failure));
}

#[test]
fn what_has_changed_meanwhile_and_what_cannot_boot() {
    let stale = Failure::Stale { text: "fsx (fs-0123) is gone".to_owned() };
    let boot = Failure::Boot { text: "the boot script is 17 KiB too long: shorten `setup`".to_owned() };
    insta::assert_snapshot!("stale", creating(&fsx(), stale));
    insta::assert_snapshot!("boot", creating(&trainer(), boot));
}

#[test]
fn several_failures_and_one_that_hit_many() {
    let plan = create(&spec());
    let denied = cloud("ssm:PutParameter", Class::Denied, "AccessDenied", "not allowed");
    let mut ended = failed(&plan, &fsx(), |op| matches!(op, Op::Create { .. }), denied.clone());
    ended.failures.push((Address::one(Kind::Role), denied));
    ended.failures.push((
        Address::one(Kind::SecurityGroup),
        cloud("ec2:CreateSecurityGroup", Class::Unreachable, "Timeout", "no answer within 30 s"),
    ));
    insta::assert_snapshot!("several", report(&ended, &plan, &UP, &Theme::plain()));
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let plan = create(&spec());
    let mut ended = failed(&plan, &link(), |_| true, Failure::Interrupted);
    stopped(&mut ended, &plan);
    ended.ending = Ending::Interrupted;
    insta::assert_snapshot!("interrupted", report(&ended, &plan, &UP, &Theme::plain()));
    let plan = down(&spec(), Options::default());
    let mut ended = failed(&plan, &link(), |op| *op == Op::Export, Failure::Interrupted);
    stopped(&mut ended, &plan);
    ended.ending = Ending::Interrupted;
    insta::assert_snapshot!("interrupted_down", report(&ended, &plan, &DOWN, &Theme::plain()));
}

#[test]
fn what_was_under_way_may_exist() {
    let plan = create(&spec());
    let mut ended = failed(&plan, &fsx(), |_| true, Failure::Interrupted);
    stopped(&mut ended, &plan);
    ended.ending = Ending::Interrupted;
    let text = report(&ended, &plan, &UP, &Theme::plain());
    assert!(text.contains("may exist as well: fsx"), "{text}");
}

#[test]
fn a_lost_lock() {
    let plan = create(&spec());
    let mut ended = failed(&plan, &link(), |_| true, Failure::LostLock);
    stopped(&mut ended, &plan);
    ended.ending = Ending::LostLock;
    insta::assert_snapshot!("lost_lock", report(&ended, &plan, &UP, &Theme::plain()));
}

#[test]
fn a_complete_run_has_no_failure() {
    let plan = create(&spec());
    let ended = Report {
        ending: Ending::Complete,
        done: 9,
        left: Vec::new(),
        answered: Vec::new(),
        failures: Vec::new(),
        partly_filled: Vec::new(),
        unforgotten: None,
        may_move: false,
    };
    assert_eq!(report(&ended, &plan, &UP, &Theme::plain()), "");
}

pub(super) fn holder() -> Holder {
    Holder {
        who: "ana@laptop".to_owned(),
        machine: "laptop".to_owned(),
        process: 4711,
        process_started: "1".to_owned(),
        run: "r-1".to_owned(),
        command: "up".to_owned(),
        since: "2026-03-05T11:46:20Z".parse().expect("a time stamp"),
        until: "2026-03-05T12:01:30Z".parse().expect("a time stamp"),
    }
}

#[test]
fn a_lock_that_another_run_holds() {
    insta::assert_snapshot!("lock_held", lock::held(&holder(), "provision down", now(), &Theme::plain()));
}

#[test]
fn no_zone_has_room() {
    let asked = |zone: &str, group: &str, count, answer| ZoneAnswer {
        zone: format!("us-east-1{zone}"),
        group: group.to_owned(),
        instance: "p5.48xlarge".to_owned(),
        count,
        answer,
    };
    let refused = |code: &str, message: &str| {
        let error = call("ec2:CreateCapacityReservation", Class::Capacity, code, message);
        Some(Room::Refused { error })
    };
    let long =
        "We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested (us-east-1a).";
    let answers = vec![
        asked("a", "trainer", 8, Some(Room::Granted)),
        asked("a", "eval", 2, refused("InsufficientInstanceCapacity", long)),
        asked("b", "trainer", 8, refused("Unsupported", "not in this zone")),
        asked("b", "eval", 2, None),
    ];
    let mut room = NoRoom { since: None, answers, removed: None, kept: None };
    let at_once = no_room(&room, "provision up", now(), &Theme::plain());
    room.since = Some(now() - SignedDuration::from_hours(6));
    let waited = no_room(&room, "provision up", now(), &Theme::plain());
    insta::assert_snapshot!("no_room", format!("{at_once}\n{waited}"));
    room.since = None;
    room.removed = Some("fs-0123".to_owned());
    let removed = no_room(&room, "provision up", now(), &Theme::plain());
    (room.removed, room.kept) = (None, Some("fs-0123".to_owned()));
    let kept = no_room(&room, "provision up", now(), &Theme::plain());
    insta::assert_snapshot!("no_room_after_storage", format!("{removed}\n{kept}"));
}

#[test]
fn a_capacity_block_has_not_begun() {
    let at = |hours| Some(now() + SignedDuration::from_hours(hours));
    let block = |id: &str, starts| CapacityBlock {
        id: id.to_owned(),
        groups: vec![Address::named(Kind::Nodes, "trainer")],
        instance: "p5.48xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        state: "scheduled".to_owned(),
        starts: at(starts),
        ends: at(200),
        nodes_end: at(199),
        export_by: at(198),
        checkpoint_by: None,
        launches: 8,
    };
    let mut refused = NotBegun { blocks: vec![block("cr-0a", 30), block("cr-0b", 41)], wait: None };
    let at_once = not_begun(&refused, "provision up", now(), &Theme::plain());
    refused.wait = Some(std::time::Duration::from_secs(6 * 3600));
    let waited = not_begun(&refused, "provision up", now(), &Theme::plain());
    insta::assert_snapshot!("not_begun", format!("{at_once}\n{waited}"));
}
