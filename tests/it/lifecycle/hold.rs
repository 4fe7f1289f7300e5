//! `capacity = "reserve"`: what was granted is there when the nodes are launched, and never stays reserved beyond that.

use std::time::Duration;

use provision::apply::event::{Ending, Failure, What};
use provision::apply::prepare::Failed;
use provision::apply::{Outcome, Report};
use provision::cloud::Class;
use provision::desired::Kind;
use provision::plan::{Plan, Purpose};
use provision::simulated::{Entry, Event, Fault, Settings, When};
use provision::spec::{Capacity, Launch, Placement, Spec};

use super::harness::{Machine, assert_complete, quick, spec, world};

const P5: &str = "p5.48xlarge";
const CREATE: &str = "ec2:CreateCapacityReservation";
const CANCEL: &str = "ec2:CancelCapacityReservation";
const LAUNCH: &str = "ec2:RunInstances";

/// Zones with so many p5 each; a cluster that holds what it finds.
fn held(settings: Settings, rooms: &[(&str, u32)], groups: &[u32]) -> (Machine, Spec) {
    let mut settings = settings;
    for (zone, room) in rooms {
        settings.capacity.insert((P5.into(), format!("us-east-1{zone}")), *room);
    }
    let mut wanted = spec(groups, &["/train"]);
    for group in &mut wanted.nodes {
        (group.capacity, group.placement) = (Capacity::Reserve, Placement::None);
    }
    (world(settings), wanted)
}

/// The answers to calls of these operations, in order.
fn calls(machine: &Machine, operations: &[&str]) -> Vec<String> {
    let of = |entry: &Entry| match &entry.what {
        Event::Request(request) if operations.contains(&request.operation) => {
            let name = request.operation.trim_start_matches("ec2:").trim_end_matches("CapacityReservation");
            Some(format!("{name} {}", request.about))
        }
        Event::Request(_) | Event::Happened(_) => None,
    };
    machine.cloud.entries().iter().filter_map(of).collect()
}

fn reserved(machine: &Machine) -> Vec<String> {
    let truth = machine.cloud.truth("video");
    let kept = truth.resources.into_iter().filter(|seen| seen.address.kind == Kind::Reservation);
    kept.map(|seen| seen.id).collect()
}

fn nodes(machine: &Machine) -> usize {
    machine.cloud.truth("video").nodes.iter().filter(|node| node.exists()).count()
}

fn ran(outcome: Result<Outcome, Failed>, machine: &Machine) -> Report {
    match outcome {
        Ok(Outcome::Ran { report, .. }) => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

/// What the events say of each reservation: held, or given back with its nodes in it or without.
fn told(machine: &Machine) -> Vec<String> {
    let of = |event: &provision::apply::event::Event| match &event.what {
        What::CapacityHeld { zone, group, count, .. } => Some(format!("{count} held for {group} in {zone}")),
        What::CapacityGivenBack { group, used, .. } => Some(format!("{group} given back, used: {used}")),
        _ => None,
    };
    machine.events.borrow().iter().filter_map(of).collect()
}

/// Dies at the n-th call of an operation.
async fn die(machine: &Machine, wanted: &Spec, operation: &str, nth: usize) {
    machine.cloud.fault_at_operation(operation, nth, Fault::Crash(When::After));
    tokio::select! {
        outcome = machine.up(wanted) => panic!("{outcome:?}"),
        () = machine.cloud.crashed() => {}
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_is_there_when_the_nodes_are_launched() {
    // While the file system is made somebody else takes all that the zone has.
    for (capacity, arrives) in [(Capacity::Reserve, true), (Capacity::Probe, false)] {
        let (machine, mut wanted) = held(quick(0), &[("a", 1), ("b", 2), ("c", 0)], &[2]);
        wanted.nodes[0].capacity = capacity;
        machine.cloud.capacity_at(Duration::from_secs(4), P5, "us-east-1b", 0);
        if !arrives {
            let report = ran(machine.up(&wanted).await, &machine);
            assert!(matches!(&report.failures[..], [(_, Failure::Cloud { error })] if error.class == Class::Capacity));
            continue;
        }
        machine.must_up(&wanted).await;
        assert_eq!((nodes(&machine), reserved(&machine)), (2, Vec::new()));
        assert_eq!(
            calls(&machine, &[CREATE, CANCEL, LAUNCH]),
            ["Create reservation.g0", "Create reservation.g0", "RunInstances nodes.g0", "Cancel reservation.g0"]
        );
        assert_eq!(told(&machine), ["2 held for g0 in us-east-1b", "g0 given back, used: true"]);
        machine.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_until_the_nodes_run_and_no_longer() {
    let mut settings = quick(0);
    (settings.delays.node_pending, settings.delays.node_boot) = (Duration::from_secs(40), Duration::from_secs(300));
    let (machine, wanted) = held(settings, &[], &[2]);
    machine.must_up(&wanted).await;
    let at = |operation: &str| {
        let entries = machine.cloud.entries();
        let of = |entry: &&Entry| matches!(&entry.what, Event::Request(request) if request.operation == operation);
        entries.iter().find(of).map(|entry| entry.at.as_secs()).expect("it was sent")
    };
    let kept = at(CANCEL) - at(LAUNCH);
    assert!((40..60).contains(&kept), "{kept} s");
}

#[tokio::test(start_paused = true)]
async fn what_is_only_asked_for_goes_at_once_beside_what_is_held() {
    let (machine, mut wanted) = held(quick(0), &[("a", 3), ("b", 0), ("c", 0)], &[2, 1]);
    wanted.nodes[1].capacity = Capacity::Probe;
    machine.must_up(&wanted).await;
    let calls = calls(&machine, &[CREATE, CANCEL, LAUNCH]);
    assert_eq!(calls[..3], ["Create reservation.g0", "Create reservation.g1", "Cancel reservation.g1"]);
    assert_eq!((calls.len(), reserved(&machine)), (6, Vec::new()), "{calls:?}");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_room_for_all_keeps_nothing() {
    let (machine, wanted) = held(quick(0), &[("a", 2), ("b", 1), ("c", 0)], &[2, 1]);
    let outcome = machine.up(&wanted).await;
    assert!(matches!(outcome, Ok(Outcome::NoRoom { .. })), "{outcome:?}");
    assert_eq!(provision::simulated::check_clean(&machine.cloud), []);
}

/// A place in a reservation counts once, waiting or with an instance in it.
#[tokio::test(start_paused = true)]
async fn a_quota_for_just_the_nodes_is_enough() {
    let (machine, wanted) = held(Settings { quotas: [(Kind::Nodes, 2)].into(), ..quick(0) }, &[], &[2]);
    machine.must_up(&wanted).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_run_launches_into_what_a_dead_one_has_left() {
    let (machine, wanted) = held(quick(0), &[("a", 0), ("b", 2), ("c", 0)], &[2]);
    die(&machine, &wanted, "fsx:CreateFileSystem", 1).await;
    let left = reserved(&machine);
    assert_eq!(left.len(), 1);
    // Whoever asks for it now does not get it.
    machine.cloud.adjust(|settings| {
        settings.capacity.insert((P5.into(), "us-east-1b".into()), 0);
    });
    let again = super::harness::machine(&machine.cloud, "desk");
    let plan = again.plan(Purpose::Up, Some(&wanted)).await.plan;
    let said = finding(&plan, "capacity::held");
    assert!(said[0].starts_with(&format!("{}: 2 × {P5} in us-east-1b for nodes.g0, until", left[0])), "{said:?}");
    again.must_up(&wanted).await;
    assert_eq!(told(&again), ["2 held for g0 in us-east-1b", "g0 given back, used: true"]);
    assert_eq!((nodes(&again), reserved(&again)), (2, Vec::new()));
    // Asked twice by the dead one, and never again.
    assert_eq!(calls(&again, &[CREATE]).len(), 2);
    again.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_has_left_goes_where_it_is_not_needed() {
    // Another number of nodes by now: nothing is asked, since the file system says where they are to be.
    let (machine, mut wanted) = held(quick(0), &[], &[2]);
    die(&machine, &wanted, "fsx:CreateFileSystem", 1).await;
    wanted.nodes[0].count = 3;
    let again = super::harness::machine(&machine.cloud, "desk");
    again.must_up(&wanted).await;
    assert_eq!((nodes(&again), reserved(&again), told(&again)), (3, Vec::new(), Vec::new()));
    // The nodes are there already.
    let (machine, wanted) = held(quick(0), &[], &[2]);
    die(&machine, &wanted, LAUNCH, 1).await;
    assert_eq!((nodes(&machine), reserved(&machine).len()), (2, 1));
    let again = super::harness::machine(&machine.cloud, "desk");
    again.must_up(&wanted).await;
    assert_eq!((nodes(&again), reserved(&again)), (2, Vec::new()));
    // The nodes are on their way still, and the next run is stopped while it waits for them.
    let mut settings = quick(0);
    settings.delays.node_pending = Duration::from_secs(600);
    let (machine, wanted) = held(settings, &[], &[2]);
    die(&machine, &wanted, LAUNCH, 1).await;
    let again = super::harness::machine(&machine.cloud, "desk");
    let stops = async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(reserved(&again).len(), 1, "nobody knows what becomes of nodes on their way");
        again.stop.cancel();
    };
    let (outcome, ()) = tokio::join!(again.up(&wanted), stops);
    assert_eq!((ran(outcome, &again).ending, reserved(&again).len()), (Ending::Interrupted, 0));
    // `down`, which knows nothing but the name.
    let (machine, wanted) = held(quick(0), &[], &[2]);
    die(&machine, &wanted, "fsx:CreateFileSystem", 1).await;
    super::harness::machine(&machine.cloud, "desk").must_down().await;
    // Nobody: it ends by itself.
    let (machine, wanted) = held(quick(0), &[], &[2]);
    die(&machine, &wanted, "fsx:CreateFileSystem", 1).await;
    tokio::time::sleep(Duration::from_secs(3599)).await;
    assert_eq!(reserved(&machine).len(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(reserved(&machine).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_asks_again_keeps_what_a_dead_one_was_granted() {
    // Dead before anything but the reservation was made, in another zone than that which is asked first.
    let (machine, wanted) = held(quick(0), &[("a", 0), ("b", 0), ("c", 2)], &[2]);
    die(&machine, &wanted, "ec2:CreateSecurityGroup", 1).await;
    let left = reserved(&machine);
    machine.cloud.adjust(|settings| {
        settings.capacity.insert((P5.into(), "us-east-1a".into()), 9);
        settings.capacity.insert((P5.into(), "us-east-1c".into()), 0);
    });
    let again = super::harness::machine(&machine.cloud, "desk");
    let stays = async {
        tokio::time::sleep(Duration::from_secs(62)).await;
        assert_eq!(reserved(&machine), left);
    };
    let (outcome, ()) = tokio::join!(again.up(&wanted), stays);
    assert_complete(&outcome, &again);
    assert_eq!(again.cloud.truth("video").nodes[0].zone, "us-east-1c");
    assert_eq!(reserved(&again), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_the_run_pays_for_nothing_that_waits() {
    let (machine, wanted) = held(quick(0), &[], &[2]);
    let stops = async {
        while machine.cloud.truth("video").file_system().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        machine.stop.cancel();
    };
    let (outcome, ()) = tokio::join!(machine.up(&wanted), stops);
    assert_eq!(ran(outcome, &machine).ending, Ending::Interrupted);
    assert_eq!((reserved(&machine), told(&machine)[1].as_str()), (Vec::new(), "g0 given back, used: false"));
    super::harness::machine(&machine.cloud, "desk").must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_gives_it_back() {
    let (machine, wanted) = held(quick(0), &[], &[2]);
    machine.cloud.fail_next(Kind::Fsx, "no more disks");
    assert_eq!(ran(machine.up(&wanted).await, &machine).ending, Ending::Failed);
    assert_eq!((nodes(&machine), reserved(&machine)), (0, Vec::new()));
    // The plan that follows from what was found is refused.
    let (machine, wanted) = held(quick(0), &[("a", 0)], &[2]);
    machine.cloud.fault_at_operation("ec2:DescribeSubnets", 2, Fault::FailBefore(Class::Denied));
    let outcome = machine.up(&wanted).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!((calls(&machine, &[CREATE]).len(), reserved(&machine)), (2, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_given_back_fails_the_run_and_the_next_one_tries_again() {
    let (machine, wanted) = held(quick(0), &[], &[2]);
    machine.cloud.deny(CANCEL);
    let report = ran(machine.up(&wanted).await, &machine);
    let [(address, Failure::Cloud { error })] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!(
        (report.ending, address.to_string().as_str(), error.class),
        (Ending::Failed, "reservation.g0", Class::Denied)
    );
    assert_eq!((nodes(&machine), reserved(&machine).len()), (2, 1));
    machine.cloud.allow(CANCEL);
    super::harness::machine(&machine.cloud, "desk").must_up(&wanted).await;
    assert_eq!(reserved(&machine).len(), 0);
}

/// Whatever is wrong with what is held, the nodes are launched without it.
#[tokio::test(start_paused = true)]
async fn a_launch_does_not_fail_for_what_is_held() {
    // Cancelled by hand meanwhile.
    let (machine, wanted) = held(quick(0), &[], &[2]);
    let cancels = async {
        while reserved(&machine).is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        machine.cloud.delete_by_hand(Kind::Reservation, &reserved(&machine)[0]);
    };
    let (outcome, ()) = tokio::join!(machine.up(&wanted), cancels);
    assert_complete(&outcome, &machine);
    assert_eq!((calls(&machine, &[LAUNCH]).len(), nodes(&machine)), (2, 2));
    assert_eq!(told(&machine)[1], "g0 given back, used: false");
    // A placement group that it was not reserved in: no spec says so, and a zone that has just enough is enough.
    let (machine, mut wanted) = held(quick(0), &[("a", 2)], &[2]);
    wanted.nodes[0].placement = Placement::Cluster;
    machine.must_up(&wanted).await;
    assert_eq!((calls(&machine, &[LAUNCH]).len(), nodes(&machine), reserved(&machine).len()), (2, 2, 0));
    // Nor may it be given back: that is another failure, and not of the nodes.
    let (denied, mut grouped) = held(quick(0), &[("a", 4)], &[2]);
    grouped.nodes[0].placement = Placement::Cluster;
    denied.cloud.deny(CANCEL);
    let report = ran(denied.up(&grouped).await, &denied);
    let failed: Vec<String> = report.failures.iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!((failed, nodes(&denied)), (vec!["reservation.g0".to_owned()], 2));
    // The next run after a good end finds nothing to do.
    machine.must_up(&wanted).await;
    machine.must_down().await;
}

/// An answer that is lost is not answered with a second group.
#[tokio::test(start_paused = true)]
async fn a_launch_whose_answer_is_lost_is_not_launched_twice() {
    for fault in [Fault::FailAfter(Class::Transient), Fault::Crash(When::After)] {
        let (machine, wanted) = held(quick(0), &[], &[2]);
        machine.cloud.fault_at_operation(LAUNCH, 1, fault);
        tokio::select! {
            outcome = machine.up(&wanted) => assert_complete(&outcome, &machine),
            () = machine.cloud.crashed() => {}
        }
        let again = super::harness::machine(&machine.cloud, "desk");
        again.must_up(&wanted).await;
        assert_eq!((nodes(&again), reserved(&again).len()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_leaves_nothing_reserved_once_somebody_comes_back() {
    let requests = {
        let (machine, wanted) = held(quick(0), &[("a", 1)], &[2]);
        machine.must_up(&wanted).await;
        machine.cloud.requests("laptop")
    };
    for number in 1..=requests {
        for when in [When::Before, When::After] {
            let (machine, wanted) = held(quick(0), &[("a", 1)], &[2]);
            machine.cloud.fault_at(number, Fault::Crash(when));
            tokio::select! {
                _ = machine.up(&wanted) => {}
                () = machine.cloud.crashed() => {}
            }
            machine.must_hold();
            let again = super::harness::machine(&machine.cloud, "laptop again");
            if number % 2 == 0 {
                again.must_up(&wanted).await;
                assert_eq!((nodes(&again), reserved(&again)), (2, Vec::new()), "{number} {when:?}");
            }
            again.must_down().await;
        }
    }
}

fn finding(plan: &Plan, code: &str) -> Vec<String> {
    let finding = plan.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code}"));
    [finding.notes.clone(), finding.help.clone().into_iter().collect()].concat()
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_waiting_costs_beside_what_it_protects() {
    let (machine, mut wanted) = held(quick(0), &[], &[2, 1]);
    wanted.nodes[1].capacity = Capacity::Probe;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(finding(&plan, "capacity::probe")[0], "1 × p5.48xlarge for nodes.g1: reserved and given back at once");
    insta::assert_snapshot!(finding(&plan, "capacity::reserve").join("\n"), @r#"
    2 × p5.48xlarge for nodes.g0: reserved, and given back once they run in it
    asked for in us-east-1a, then in us-east-1b, then in us-east-1c: all groups in one zone, or the next
    waiting costs 16.51 USD in 9 min (1.83 USD a minute, like the nodes); a file system in the wrong zone costs 0.32 USD if it is deleted at once, which takes 14 min in all, and 1.38 USD for every hour that it stays
    so the nodes that wait cost more than the file system would, unless it stands there without nodes for 12 h or more
    what a run that dies leaves reserved, the next `up` uses or gives back, and `down` gives back; without them it ends by itself after 60 min, or within the hour after that
    the nodes are in no cluster placement group: what is held was not reserved in one, and cannot be launched into one
    `capacity = "probe"` asks in the same way and holds nothing
    "#);
    // Nodes that wait a minute for a large file system.
    wanted.storage.capacity_gib = Some(480_000);
    wanted.cluster.launch = Launch::WithStorage;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    insta::assert_snapshot!(finding(&plan, "capacity::reserve").join("\n"), @"
    2 × p5.48xlarge for nodes.g0: reserved, and given back once they run in it
    asked for in us-east-1a, then in us-east-1b, then in us-east-1c: all groups in one zone, or the next
    waiting costs 1.83 USD in 1 min (1.83 USD a minute, like the nodes); a file system in the wrong zone costs 13.81 USD if it is deleted at once, which takes 6 min in all, and 138.08 USD for every hour that it stays
    what a run that dies leaves reserved, the next `up` uses or gives back, and `down` gives back; without them it ends by itself after 60 min, or within the hour after that
    the nodes are in no cluster placement group: what is held was not reserved in one, and cannot be launched into one
    ");
}

/// `min_count` is what is held; the rest is launched beside it once its nodes run.
fn some_held() -> (Machine, Spec) {
    let (machine, mut wanted) = held(quick(0), &[("a", 3), ("b", 1), ("c", 1)], &[4]);
    wanted.nodes[0].min_count = Some(2);
    (machine, wanted)
}

#[tokio::test(start_paused = true)]
async fn what_is_held_for_enough_nodes_keeps_nobody_from_having_more() {
    let (machine, wanted) = some_held();
    let report = ran(machine.up(&wanted).await, &machine);
    let filled: Vec<u32> = report.partly_filled.iter().map(|group| group.nodes).collect();
    assert_eq!((report.ending, filled, nodes(&machine)), (Ending::Complete, vec![3], 3), "{}", machine.cloud.history());
    assert_eq!(told(&machine), ["2 held for g0 in us-east-1a", "g0 given back, used: true"]);
    assert_eq!(
        calls(&machine, &[CREATE, CANCEL, LAUNCH]),
        ["Create reservation.g0", "RunInstances nodes.g0", "Cancel reservation.g0", "RunInstances nodes.g0"]
    );
    machine.cloud.adjust(|settings| settings.capacity.clear());
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), 4);
    machine.must_down().await;

    // With room for no more than is held.
    let (machine, mut wanted) = held(quick(0), &[("a", 2)], &[4]);
    wanted.nodes[0].min_count = Some(2);
    let report = ran(machine.up(&wanted).await, &machine);
    assert_eq!((report.ending, nodes(&machine), reserved(&machine)), (Ending::Complete, 2, Vec::new()));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_of_a_launch_in_two_parts_doubles_nothing() {
    let requests = {
        let (machine, wanted) = some_held();
        ran(machine.up(&wanted).await, &machine);
        machine.cloud.requests("laptop")
    };
    for number in (1..=requests).rev().take(60) {
        for when in [When::Before, When::After] {
            let (dying, wanted) = some_held();
            dying.cloud.fault_at(number, Fault::Crash(when));
            tokio::select! {
                _ = dying.up(&wanted) => {}
                () = dying.cloud.crashed() => {}
            }
            let next = super::harness::machine(&dying.cloud, "laptop again");
            let report = match next.up(&wanted).await {
                Ok(Outcome::Nothing(_)) => None,
                outcome => Some(ran(outcome, &next)),
            };
            assert!(report.is_none_or(|report| report.ending == Ending::Complete), "{number} {when:?}");
            next.must_hold();
            assert_eq!((nodes(&next), reserved(&next)), (3, Vec::new()), "{number} {when:?}\n{}", next.cloud.history());
            next.must_down().await;
        }
    }
}
