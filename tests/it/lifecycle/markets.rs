//! Ways to buy capacity: spot that is taken back, blocks that begin and end, and what of it decides on the zone.

use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::event::What;
use provision::catalog::prices::Prices;
use provision::cloud::{Class, Clock as _, CloudError, Reservation};
use provision::desired::Kind;
use provision::diagnostic::Severity;
use provision::plan::{Finding, Plan, Purpose};
use provision::render::{Theme, plan_text, status as render};
use provision::simulated::{Entry, Event, check_clean};
use provision::spec::{Alternative, Capacity, Market, NodeEfa, Placement, Spec};
use provision::status::{Facts, Status, status};

use super::harness::{Machine, quick, spec, world};

const P5: &str = "p5.48xlarge";
const INTERRUPTED: &str = "Server.SpotInstanceTermination: Spot instance termination (2026-11-29 13:05:00 GMT)";

fn finding<'a>(plan: &'a Plan, code: &str) -> Option<&'a Finding> {
    plan.findings.iter().find(|finding| finding.code == code)
}

/// What the plan says of the place, without its title.
fn place_notes(plan: &Plan) -> Vec<String> {
    finding(plan, "place::chosen").map(|it| it.notes.clone()).unwrap_or_default()
}

/// What `provision status` shows.
async fn look(machine: &Machine, spec: Option<&Spec>) -> Status {
    let purpose = if spec.is_some() { Purpose::Up } else { Purpose::Down };
    let prepared = machine.plan(purpose, spec).await;
    let facts = Facts {
        desired: None,
        cluster: "video",
        region: "us-east-1",
        mount: None,
        preload: &[],
        record: Some(&prepared.record),
        holder: None,
        now: machine.clock.now(),
    };
    status(&prepared.observed, spec.map(|_| &prepared.plan), &facts, Prices::builtin())
}

/// However it is wrapped.
fn text(status: &Status) -> String {
    render::text(status, &Theme::plain()).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_spot_node_that_is_taken_back_is_shown_and_replaced() {
    let mut settings = quick(0);
    settings.delays.node_shutting_down = Duration::from_secs(60);
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    wanted.nodes[0].market = Market::Spot;
    machine.must_up(&wanted).await;
    let first = machine.cloud.truth("video").nodes[0].id.clone();
    machine.cloud.interrupt(&first, INTERRUPTED);

    // It is still shutting down.
    let seen = look(&machine, Some(&wanted)).await;
    let lost = &seen.groups[0].lost;
    assert_eq!((lost.len(), lost[0].interrupted, lost[0].code.as_str()), (1, true, "Server.SpotInstanceTermination"));
    assert_eq!(seen.groups[0].missing, 1);
    assert!(text(&seen).contains(&format!("{first} is being interrupted by EC2 (Server.SpotInstanceTermination)")));
    tokio::time::sleep(Duration::from_secs(60)).await;
    for spec in [Some(&wanted), None] {
        let told = text(&look(&machine, spec).await);
        assert!(told.contains("1 node NOT WELL; 1 of 2 nodes ready"), "{told}");
        assert!(told.contains("nodes.g0: 1 LOST, 1 ready, 2 wanted"), "{told}");
        let was = format!("{first} was interrupted by EC2 (Server.SpotInstanceTermination) at 2026-11-29 13:05:00 UTC");
        assert!(told.contains(&was) && told.contains("`provision up` launches another"), "{told}");
    }

    machine.must_up(&wanted).await;
    assert_eq!(machine.cloud.truth("video").nodes.iter().filter(|node| node.exists()).count(), 2);
    let told = text(&look(&machine, Some(&wanted)).await);
    assert!(told.contains("2 of 2 nodes ready") && told.contains("another node has taken its place"), "{told}");
    assert!(!told.contains("NOT WELL"), "{told}");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn nodes_that_were_ended_on_purpose_are_not_lost() {
    let machine = world(quick(0));
    let mut wanted = spec(&[3], &["/train"]);
    machine.must_up(&wanted).await;
    wanted.nodes[0].count = 2;
    machine.must_up(&wanted).await;
    let seen = look(&machine, Some(&wanted)).await;
    assert_eq!((seen.groups[0].lost.len(), seen.groups[0].missing), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn spot_goes_where_its_score_is_best_and_the_spec_breaks_ties() {
    let mut settings = quick(0);
    for (zone, room) in [("a", 0), ("b", 1), ("c", 1)] {
        settings.capacity.insert((P5.into(), format!("us-east-1{zone}")), room);
    }
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    wanted.nodes[0].market = Market::Spot;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(plan.zone.as_deref(), Some("us-east-1b"));
    assert_eq!(
        place_notes(&plan),
        [
            "spot placement score 5 of 10 for 2 × p5.48xlarge (us-east-1c: 5, us-east-1a: 1)",
            "of those with as much in their favour it is the first by name",
            "possible as well: us-east-1c (subnet-c), us-east-1a (subnet-a)",
        ]
    );
    wanted.network.subnets = ["a", "c", "b"].map(|zone| format!("subnet-{zone}")).into();
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(plan.zone.as_deref(), Some("us-east-1c"));
    // More speaks for one than for all others.
    machine.cloud.adjust(|settings| {
        settings.capacity.insert((P5.into(), "us-east-1b".into()), 2);
    });
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(
        place_notes(&plan)[0],
        "spot placement score 9 of 10 for 2 × p5.48xlarge (us-east-1c: 5, us-east-1a: 1)"
    );
    assert_eq!(place_notes(&plan).len(), 2);
    machine.must_up(&wanted).await;
    // What is there stays, whatever the scores are later.
    machine.cloud.adjust(|settings| {
        settings.capacity.insert((P5.into(), "us-east-1a".into()), 9);
    });
    wanted.nodes[0].count = 1;
    machine.must_up(&wanted).await;
    assert!(machine.cloud.truth("video").nodes.iter().all(|node| node.zone == "us-east-1b"));
}

#[tokio::test(start_paused = true)]
async fn without_scores_the_order_is_the_specs_and_nothing_fails() {
    let mut settings = quick(0);
    let why = CloudError::new("ec2:GetSpotPlacementScores", Class::Denied, "not you");
    settings.silent.insert("spot".into(), why);
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    wanted.nodes[0].market = Market::Spot;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(
        place_notes(&plan)[..2],
        [
            "without spot placement scores for 2 × p5.48xlarge: they could not be had",
            "by name it is the first zone of the default VPC that nothing speaks against",
        ]
    );
    assert!(finding(&plan, "preflight::unanswered").is_some());
    machine.must_up(&wanted).await;
}

fn reservation(zone: &str, free: u32) -> Reservation {
    Reservation {
        instance: P5.into(),
        zone: format!("us-east-1{zone}"),
        state: "active".into(),
        free,
        is_block: Some(false),
        starts: None,
        ends: None,
        placement_group: None,
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_that_the_account_holds_openly_attracts_who_can_use_it() {
    let mut settings = quick(0);
    for (id, zone, free, is_open) in [("cr-b", "b", 1, true), ("cr-c", "c", 4, true), ("cr-a", "a", 9, false)] {
        settings.reservations.insert(id.into(), reservation(zone, free));
        if is_open {
            settings.open_reservations.insert(id.into());
        }
    }
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    wanted.nodes[0].placement = Placement::None;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(
        place_notes(&plan),
        [
            "open reservations hold room for 2 of nodes.g0 there (cr-c)",
            "possible as well: us-east-1b (subnet-b), us-east-1a (subnet-a)",
        ]
    );
    // In a placement group none of it would be used.
    assert!(finding(&plan, "reservation::unused").is_none());
    wanted.nodes[0].placement = Placement::Cluster;
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(plan.zone.as_deref(), Some("us-east-1a"));
    let unused = finding(&plan, "reservation::unused").expect("it is paid for and not used");
    assert_eq!(unused.notes[1], "cr-c holds 4 × p5.48xlarge in us-east-1c");
}

#[tokio::test(start_paused = true)]
async fn a_better_type_comes_before_a_zone_that_an_earlier_run_had_settled_on() {
    let mut settings = quick(0);
    for zone in ["a", "b", "c"] {
        for instance in [P5, "p4d.24xlarge"] {
            settings.capacity.insert((instance.into(), format!("us-east-1{zone}")), 0);
        }
    }
    settings.offerings.insert(P5.into(), ["us-east-1b".into(), "us-east-1c".into()].into());
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    let types = [P5, "p4d.24xlarge"].map(|instance| Alternative {
        instance: instance.into(),
        capacity: Capacity::Probe,
        efa: NodeEfa::On,
        placement: Placement::Cluster,
    });
    wanted.nodes[0].capacity = Capacity::Probe;
    // Only the worse type is known at first, so the first zone is settled on; the wait for it is interrupted.
    wanted.nodes[0].instance = "p4d.24xlarge".into();
    machine.wait_for_capacity.set(Some(Duration::from_secs(3600)));
    let stop = machine.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(100)).await;
        stop.cancel();
    });
    let outcome = machine.up(&wanted).await;
    assert!(matches!(outcome, Ok(Outcome::Declined)), "{outcome:?}");
    let place = |plan: &Plan| plan.place.clone().expect("it has a place").place.zone;
    let same = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert_eq!(place(&same), "us-east-1a");
    let why = same.place.and_then(|lives| lives.choice).expect("why is in the record");
    assert!(why.reasons[0].starts_with("an earlier run had settled on it"), "{why:?}");
    wanted.nodes[0].instance = P5.into();
    wanted.nodes[0].alternatives = types.into();
    assert_eq!(place(&machine.plan(Purpose::Up, Some(&wanted)).await.plan), "us-east-1b");
}

/// A block of two days that begins in a day, and a cluster that is to live in it.
fn ahead(machine: &Machine) -> Spec {
    let day = jiff::SignedDuration::from_hours(24);
    let (state, is_block) = ("scheduled".into(), Some(true));
    let (starts, ends) = (machine.clock.now() + day, machine.clock.now() + day * 3);
    let block = Reservation { state, is_block, starts: Some(starts), ends: Some(ends), ..reservation("b", 2) };
    machine.cloud.adjust(|settings| {
        settings.reservations.insert("cr-1".into(), block);
    });
    let mut wanted = spec(&[2], &["/out"]);
    wanted.nodes[0].market = Market::CapacityBlock("cr-1".into());
    wanted.nodes[0].placement = Placement::None;
    wanted
}

/// When it was first asked for a file system, in seconds of the world.
fn storage_at(machine: &Machine) -> Option<u64> {
    let is_it = |entry: &&Entry| match &entry.what {
        Event::Request(request) => request.operation == "fsx:CreateFileSystem",
        Event::Happened(_) => false,
    };
    machine.cloud.entries().iter().find(is_it).map(|entry| entry.at.as_secs())
}

/// The whole of what is read before `up`: zones that are out, scores, and when the block begins and ends.
#[tokio::test(start_paused = true)]
async fn a_plan_shows_zones_scores_and_the_times_of_a_block() {
    let mut settings = quick(0);
    settings.offerings.insert("g6.xlarge".into(), ["us-east-1b".into(), "us-east-1c".into()].into());
    let machine = world(settings);
    let mut wanted = ahead(&machine);
    let block = plan_text::plan(&machine.plan(Purpose::Up, Some(&wanted)).await.plan, &Theme::plain());
    wanted.nodes[0].instance = "g6.xlarge".into();
    wanted.nodes[0].market = Market::Spot;
    machine.cloud.adjust(|settings| {
        settings.capacity.insert(("g6.xlarge".into(), "us-east-1b".into()), 1);
    });
    let spot = plan_text::plan(&machine.plan(Purpose::Up, Some(&wanted)).await.plan, &Theme::plain());
    insta::assert_snapshot!("plan_of_a_block", block);
    insta::assert_snapshot!("plan_of_spot", spot);
}

const DAY: u64 = 24 * 3600;

#[tokio::test(start_paused = true)]
async fn before_its_block_begins_a_cluster_is_planned_and_not_made() {
    let machine = world(quick(0));
    let wanted = ahead(&machine);
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert!(!plan.is_refused(), "{:#?}", plan.findings);
    assert_eq!(finding(&plan, "reservation::awaited").map(|it| it.severity), Some(Severity::Warning));
    assert!(finding(&plan, "reservation::ends").is_some());
    for wait in [None, Some(Duration::from_secs(DAY - 60))] {
        machine.wait_for_capacity.set(wait);
        let outcome = machine.up(&wanted).await;
        let Ok(Outcome::NotBegun { refused, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refused.blocks[0].id.as_str(), refused.wait), ("cr-1", wait));
    }
    assert_eq!(machine.cloud.mutations("laptop"), 0);
    assert!(check_clean(&machine.cloud).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_block_ends_with_its_beginning_and_storage_comes_after() {
    let machine = world(quick(0));
    let wanted = ahead(&machine);
    machine.wait_for_capacity.set(Some(Duration::from_secs(2 * DAY)));
    let stop = machine.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(DAY / 2)).await;
        stop.cancel();
    });
    let outcome = machine.up(&wanted).await;
    assert!(matches!(outcome, Ok(Outcome::Declined)), "{outcome:?}");
    assert!(check_clean(&machine.cloud).is_empty(), "an interrupted wait leaves nothing");
    let ahead = |event: &provision::apply::event::Event| matches!(event.what, What::BlockAhead { .. });
    assert_eq!(machine.events.borrow().iter().filter(|event| ahead(event)).count(), 12, "a line an hour");

    // Said again, it ends at the same time.
    let again = super::harness::machine(&machine.cloud, "laptop again");
    again.wait_for_capacity.set(Some(Duration::from_secs(2 * DAY)));
    again.must_up(&wanted).await;
    let made = storage_at(&again).expect("it was made");
    assert!((DAY..DAY + 300).contains(&made), "{made}");
    assert!(again.cloud.truth("video").nodes.iter().all(|node| node.zone == "us-east-1b"));
    let told = text(&look(&again, Some(&wanted)).await);
    assert!(told.contains("Capacity block cr-1 of nodes.g0 is active. It ends at "), "{told}");
    assert!(told.contains("; begin `provision down` by "), "{told}");

    // When it has ended, what is there is left alone, and nothing can be launched.
    tokio::time::sleep(Duration::from_secs(3 * DAY)).await;
    assert!(!again.plan(Purpose::Up, Some(&wanted)).await.plan.is_refused(), "nothing is missing");
    let first = again.cloud.truth("video").nodes[0].id.clone();
    again.cloud.interrupt(&first, "Server.ScheduledStop");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let plan = again.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert!(finding(&plan, "reservation::unusable").is_some_and(|it| it.notes == ["cr-1: it is expired"]));
    again.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_late_is_waited_for_as_long_as_was_said() {
    let machine = world(quick(0));
    let wanted = ahead(&machine);
    machine.cloud.adjust(|settings| {
        // AWS says when, and does not keep it.
        settings.reservations.get_mut("cr-1").expect("it is there").state = "delayed".into();
    });
    let hour = Duration::from_secs(3600);
    machine.wait_for_capacity.set(Some(Duration::from_secs(DAY) + hour));
    let began = machine.clock.now();
    let outcome = machine.up(&wanted).await;
    assert!(matches!(outcome, Ok(Outcome::NotBegun { .. })), "{outcome:?}");
    let waited = machine.clock.now().duration_since(began).as_secs();
    assert!((25 * 3600..25 * 3600 + 60).contains(&waited), "{waited}");
    assert!(machine.events.borrow().len() < 30, "a line an hour, also of one that is late");
    assert_eq!(storage_at(&machine), None);
    assert!(check_clean(&machine.cloud).is_empty());
}

#[tokio::test(start_paused = true)]
async fn reserved_capacity_and_a_placement_group_of_ours_do_not_go_together() {
    let machine = world(quick(0));
    let mut wanted = spec(&[2], &["/train"]);
    wanted.nodes[0].market = Market::Reservation("cr-1".into());
    wanted.nodes[0].placement = Placement::Cluster;
    let arn = |name: &str| Some(format!("arn:aws:ec2:us-east-1:123456789012:placement-group/{name}"));
    for (made_in, is_refused) in
        [(None, true), (arn("theirs"), true), (arn("provision/video/other"), true), (arn("provision/video/g0"), false)]
    {
        let mut found = reservation("a", 2);
        found.placement_group.clone_from(&made_in);
        machine.cloud.adjust(|settings| {
            settings.reservations.insert("cr-1".into(), found);
        });
        let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
        assert_eq!(finding(&plan, "reservation::placement").is_some(), is_refused, "{made_in:?}");
        assert_eq!(plan.is_refused(), is_refused);
    }
    wanted.nodes[0].placement = Placement::None;
    machine.cloud.adjust(|settings| {
        settings.reservations.insert("cr-1".into(), reservation("a", 2));
    });
    machine.must_up(&wanted).await;
    assert_eq!(
        machine.cloud.truth("video").resources.iter().filter(|it| it.address.kind == Kind::Placement).count(),
        0
    );
}
