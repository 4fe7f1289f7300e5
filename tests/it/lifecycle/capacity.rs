//! What keeps nodes from being launched, and where a cluster lives because of it.

use std::collections::BTreeSet;
use std::time::Duration;

use provision::apply::event::{Failure, Room, What};
use provision::apply::prepare::Failed;
use provision::apply::{NoRoom, Outcome, Report, ZoneAnswer};
use provision::cloud::{Class, Clock as _, Reservation};
use provision::desired::Kind;
use provision::plan::{Plan, Purpose};
use provision::simulated::{Entry, Event, Fault, Settings, When, check_clean};
use provision::spec::{Capacity, Market, Spec};

use super::harness::{Machine, quick, spec, world};

fn report(outcome: Result<Outcome, Failed>, machine: &Machine) -> Report {
    match outcome {
        Ok(Outcome::Ran { report, .. }) => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_refuses_a_launch_is_named_with_what_was_wanted() {
    let machine = world(Settings { quotas: [(Kind::Nodes, 1)].into(), ..quick(0) });
    let report = report(machine.up(&spec(&[2], &["/train"])).await, &machine);
    let [(address, Failure::Cloud { error })] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((address.to_string().as_str(), error.class), ("nodes.g0", Class::Quota));
    let limit = error.limit.as_ref().and_then(|limit| limit.quota.as_ref()).expect("it is named");
    assert_eq!((limit.code.as_str(), limit.more), ("L-417A185B", 2 * 192));
}

/// What the plan says of the place, one line each.
fn place_notes(plan: &Plan) -> Vec<String> {
    let finding = plan.findings.iter().find(|finding| finding.code == "place::chosen");
    finding.map(|it| [vec![it.title.clone()], it.notes.clone()].concat()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_choice_of_a_zone_is_reasoned_once_and_stays() {
    let mut settings = quick(0);
    settings.subnets[1].free_addresses = 3;
    settings.offerings.insert("p5.48xlarge".into(), ["us-east-1b".into(), "us-east-1c".into()].into());
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan),
        [
            "the cluster is to live in us-east-1c (subnet-c)",
            "it is the only one that nothing speaks against",
            "us-east-1a (subnet-a) is ruled out: does not offer p5.48xlarge",
            "us-east-1b (subnet-b) is ruled out: 3 free addresses, 5 needed",
        ]
    );
    machine.must_up(&wanted).await;
    // Now every zone would do, and another one comes first.
    machine.cloud.adjust(|settings| {
        settings.offerings.clear();
        settings.subnets[1].free_addresses = 4000;
    });
    wanted.network.subnets = vec!["subnet-b".into(), "subnet-a".into(), "subnet-c".into()];
    wanted.nodes[0].count = 3;
    let later = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(place_notes(&later.plan), [""; 0]);
    let lives = later.plan.place.clone().expect("it lives somewhere");
    assert_eq!((lives.place.zone.as_str(), lives.is_new), ("us-east-1c", false));
    let choice = lives.choice.expect("why, is in the record");
    assert_eq!((choice.reasons.len(), choice.ruled_out.len()), (1, 2));
    machine.must_up(&wanted).await;
    assert!(machine.cloud.truth("video").nodes.iter().all(|node| node.zone == "us-east-1c"));
}

#[tokio::test(start_paused = true)]
async fn where_several_would_do_the_order_is_said() {
    let machine = world(quick(0));
    let mut wanted = spec(&[2], &["/train"]);
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan)[1..],
        [
            "by name it is the first zone of the default VPC that nothing speaks against",
            "possible as well: us-east-1b (subnet-b), us-east-1c (subnet-c)",
        ]
    );
    wanted.network.subnets = vec!["subnet-c".into(), "subnet-a".into()];
    wanted.nodes[0].market = Market::Reservation("cr-1".into());
    let reserved = Reservation {
        instance: "p5.48xlarge".into(),
        zone: "us-east-1a".into(),
        state: "active".into(),
        free: 2,
        is_block: Some(false),
        starts: None,
        ends: None,
        placement_group: None,
    };
    machine.cloud.adjust(|settings| {
        settings.reservations.insert("cr-1".into(), reserved);
    });
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan),
        [
            "the cluster is to live in us-east-1a (subnet-a)",
            "the capacity reserved for nodes.g0 is there (cr-1)",
            "it is the only one that nothing speaks against",
            "us-east-1c (subnet-c) is ruled out: the capacity reserved for nodes.g0 is in us-east-1a",
        ]
    );
}

const P5: &str = "p5.48xlarge";

/// Zones with so many p5 each; a cluster that asks first.
fn scarce(rooms: &[(&str, u32)], groups: &[u32]) -> (Machine, Spec) {
    let mut settings = quick(0);
    for (zone, room) in rooms {
        settings.capacity.insert((P5.into(), format!("us-east-1{zone}")), *room);
    }
    let mut wanted = spec(groups, &["/train"]);
    wanted.nodes.iter_mut().for_each(|group| group.capacity = Capacity::Probe);
    (world(settings), wanted)
}

/// The zone that everything of the cluster is in.
fn zone_of(machine: &Machine) -> String {
    let truth = machine.cloud.truth("video");
    let zones: BTreeSet<String> = truth.nodes.iter().map(|node| node.zone.clone()).collect();
    let storage = truth.file_system().expect("it is there");
    let subnet = storage.fields.get("subnet").expect("it is in one");
    assert_eq!(zones.len(), 1, "{zones:?}");
    let zone = zones.into_iter().next().expect("one");
    assert!(zone.ends_with(subnet.trim_start_matches("subnet-")), "{zone} {subnet}");
    zone
}

/// How often a client has sent a call.
fn sent(machine: &Machine, operation: &str) -> usize {
    let of = |entry: &&Entry| match &entry.what {
        Event::Request(request) => request.operation == operation,
        Event::Happened(_) => false,
    };
    machine.cloud.entries().iter().filter(of).count()
}

fn answers(room: &NoRoom) -> Vec<String> {
    let word = |answer: &ZoneAnswer| match &answer.answer {
        Some(Room::Granted) => "room".to_owned(),
        Some(Room::Refused { error }) => error.code.clone().unwrap_or_default(),
        None => "not asked".to_owned(),
    };
    room.answers
        .iter()
        .map(|answer| format!("{} {} × {}: {}", answer.zone, answer.count, answer.group, word(answer)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_file_system_goes_where_all_groups_have_room() {
    // The first has room for one group, the second for neither.
    let (machine, wanted) = scarce(&[("a", 2), ("b", 1), ("c", 9)], &[2, 3]);
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    let note = plan.findings.iter().find(|finding| finding.code == "capacity::probe").expect("the plan says it");
    insta::assert_snapshot!(note.notes.join("\n"), @r"
    2 × p5.48xlarge for nodes.g0: reserved and given back at once
    3 × p5.48xlarge for nodes.g1: reserved and given back at once
    asked for in us-east-1a, then in us-east-1b, then in us-east-1c: all groups in one zone, or the next
    it costs what the nodes cost in that time: 4.59 USD for a minute
    ");
    machine.must_up(&wanted).await;
    assert_eq!(zone_of(&machine), "us-east-1c");
    let lives = machine.plan(Purpose::Up, Some(&wanted)).await.plan.place.expect("it lives somewhere");
    let choice = lives.choice.expect("why is in the record");
    assert!(choice.reasons[0].starts_with("it had room for 2 × p5.48xlarge and 3 × p5.48xlarge at "), "{choice:?}");
    let ruled_out: Vec<&str> = choice.ruled_out.iter().map(|each| each.place.zone.as_str()).collect();
    // EC2 had said that c has room: it was asked before b.
    assert_eq!((ruled_out, choice.others[0].zone.as_str()), (vec!["us-east-1a"], "us-east-1b"));
    assert_eq!(sent(&machine, "ec2:CreateCapacityReservation"), 4);
    // What was granted is given back, whether the rest was or not.
    assert_eq!(sent(&machine, "ec2:CancelCapacityReservation"), 3);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn only_a_first_run_asks_and_it_asks_little() {
    let (machine, mut wanted) = scarce(&[], &[2]);
    machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(sent(&machine, "ec2:CreateCapacityReservation"), 0, "a plan changes nothing");
    machine.must_up(&wanted).await;
    let asked = |machine: &Machine| {
        let calls = ["Create", "Cancel"].map(|verb| sent(machine, &format!("ec2:{verb}CapacityReservation")));
        (calls, sent(machine, "ec2:DescribeCapacityReservations"))
    };
    let looks = asked(&machine).1;
    assert_eq!(asked(&machine), ([1, 1], looks));
    wanted.nodes[0].count = 4;
    machine.must_up(&wanted).await;
    machine.must_up(&wanted).await;
    machine.must_down().await;
    // Nothing may be reserved any more, so nobody looks.
    assert_eq!(asked(&machine), ([1, 1], looks));
}

#[tokio::test(start_paused = true)]
async fn no_room_anywhere_leaves_nothing() {
    let (machine, wanted) = scarce(&[("a", 2), ("b", 1), ("c", 0)], &[2, 1]);
    let outcome = machine.up(&wanted).await;
    let Ok(Outcome::NoRoom { room, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        answers(&room),
        [
            "us-east-1a 2 × g0: room",
            "us-east-1a 1 × g1: InsufficientInstanceCapacity",
            "us-east-1b 2 × g0: InsufficientInstanceCapacity",
            "us-east-1b 1 × g1: not asked",
            "us-east-1c 2 × g0: InsufficientInstanceCapacity",
            "us-east-1c 1 × g1: not asked",
        ]
    );
    machine.must_hold();
    assert_eq!(check_clean(&machine.cloud), [], "{}", machine.cloud.history());
}

#[tokio::test(start_paused = true)]
async fn waiting_for_room_ends_when_there_is_some_or_when_it_was_long_enough() {
    let hour = Duration::from_secs(3600);
    let (machine, wanted) = scarce(&[("a", 0), ("b", 0), ("c", 0)], &[2]);
    machine.wait_for_capacity.set(Some(2 * hour));
    machine.cloud.capacity_at(hour, P5, "us-east-1b", 2);
    machine.must_up(&wanted).await;
    assert_eq!(zone_of(&machine), "us-east-1b");
    let pauses: Vec<u64> = machine
        .events
        .borrow()
        .iter()
        .filter_map(|event| match event.what {
            What::NoRoomYet { pause_s, .. } => Some(pause_s),
            _ => None,
        })
        .collect();
    assert!(pauses.starts_with(&[30, 60, 120, 240, 480, 600, 600]), "{pauses:?}");
    machine.must_down().await;

    let (machine, wanted) = scarce(&[("a", 0), ("b", 0), ("c", 0)], &[2]);
    machine.wait_for_capacity.set(Some(hour));
    let began = machine.clock.now();
    let outcome = machine.up(&wanted).await;
    let Ok(Outcome::NoRoom { room, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(room.since.is_some_and(|since| since >= began), "{room:?}");
    assert!(machine.clock.now().duration_since(began).as_secs() >= 3600);
    assert_eq!(check_clean(&machine.cloud), []);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_interrupted_goes_on_with_its_beginning() {
    let (machine, wanted) = scarce(&[("a", 0), ("b", 0), ("c", 0)], &[2]);
    machine.wait_for_capacity.set(Some(Duration::from_secs(6 * 3600)));
    let stop = machine.stop.clone();
    let interrupts = async {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(machine.up(&wanted), interrupts);
    assert!(matches!(outcome, Ok(Outcome::Declined)), "{outcome:?}");
    let since = |machine: &Machine| {
        machine.events.borrow().iter().find_map(|event| match event.what {
            What::NoRoomYet { since, .. } => Some(since),
            _ => None,
        })
    };
    let first = since(&machine).expect("it has waited");
    let held = machine.cloud.truth("video").resources;
    assert_eq!(held, [], "nothing stays reserved");

    let again = super::harness::machine(&machine.cloud, "desk");
    again.wait_for_capacity.set(Some(Duration::from_secs(3600)));
    again.cloud.capacity_at(Duration::from_secs(300), P5, "us-east-1c", 2);
    again.must_up(&wanted).await;
    assert_eq!((since(&again), zone_of(&again).as_str()), (Some(first), "us-east-1c"));
    again.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_ask_goes_on_without_unless_it_is_insisted_on() {
    for (denied, class) in [(true, Class::Denied), (false, Class::NotImplemented)] {
        let forbid = |machine: &Machine| {
            for verb in ["Create", "Describe"] {
                let plural = if verb == "Describe" { "s" } else { "" };
                let operation = format!("ec2:{verb}CapacityReservation{plural}");
                if denied { machine.cloud.deny(&operation) } else { machine.cloud.lack(&operation) }
            }
        };
        let (machine, mut wanted) = scarce(&[], &[2]);
        forbid(&machine);
        let outcome = machine.up(&wanted).await;
        let Err(Failed::Unsecured(Failure::Cloud { error })) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(error.class, class);
        assert_eq!(machine.cloud.truth("video").resources, []);

        let (machine, _) = scarce(&[], &[2]);
        forbid(&machine);
        wanted.nodes[0].capacity = Capacity::ProbeIfPossible;
        machine.must_up(&wanted).await;
        let told = |event: &provision::apply::event::Event| matches!(&event.what, What::Unasked { error } if error.class == class);
        assert!(machine.events.borrow().iter().any(told));
        machine.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_ends_the_search_and_is_named() {
    let (machine, wanted) = scarce(&[("a", 0)], &[2]);
    machine.cloud.adjust(|settings| settings.quotas = [(Kind::Nodes, 1)].into());
    let outcome = machine.up(&wanted).await;
    let Err(Failed::Unsecured(Failure::Cloud { error })) = &outcome else { panic!("{outcome:?}") };
    let quota = error.limit.as_ref().and_then(|limit| limit.quota.as_ref()).expect("it is named");
    assert_eq!((error.class, quota.code.as_str(), quota.more), (Class::Quota, "L-417A185B", 384));
    assert_eq!(machine.cloud.truth("video").resources, []);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_has_reserved_ends_by_itself_and_is_removed_before() {
    let die = async |machine: &Machine, wanted: &Spec| {
        machine.cloud.fault_at_operation("ec2:CreateCapacityReservation", 1, Fault::Crash(When::After));
        tokio::select! {
            outcome = machine.up(wanted) => panic!("{outcome:?}"),
            () = machine.cloud.crashed() => {}
        }
    };
    let reserved = |machine: &Machine| machine.cloud.truth("video").resources.len();
    // By `down`, which knows nothing but the name.
    let (machine, wanted) = scarce(&[("a", 2)], &[2]);
    die(&machine, &wanted).await;
    assert_eq!(reserved(&machine), 1);
    machine.must_hold();
    super::harness::machine(&machine.cloud, "desk").must_down().await;
    // By the next `up`, which it would stand in the way of.
    let (machine, wanted) = scarce(&[("a", 2), ("b", 0), ("c", 0)], &[2]);
    die(&machine, &wanted).await;
    let again = super::harness::machine(&machine.cloud, "desk");
    again.must_up(&wanted).await;
    assert_eq!(zone_of(&again), "us-east-1a");
    // By nobody.
    let (machine, wanted) = scarce(&[], &[2]);
    die(&machine, &wanted).await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(reserved(&machine), 0);
}
