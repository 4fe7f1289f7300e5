//! Groups that may be of several types: which one is taken, where, and that it stays.

use std::collections::BTreeSet;

use provision::apply::event::Ending;
use provision::apply::{Outcome, Report};
use provision::cloud::QuotaId;
use provision::desired::{PlacementGroup, Resource, Tags};
use provision::plan::{Alternative, Plan, Purpose, Saved};
use provision::simulated::{Fault, Settings, When};
use provision::spec::{self, Capacity, Placement, Spec};

use super::harness::{Machine, machine, quick, spec, world};

const P5: &str = "p5.48xlarge";
const P5E: &str = "p5e.48xlarge";

/// Types by zone that have so much room, and groups that are of p5 or, if it must be, of p5e.
fn scarce(rooms: &[(&str, &str, u32)], groups: &[u32], capacity: Capacity) -> (Settings, Spec) {
    let mut settings = quick(0);
    for (instance, zone, room) in rooms {
        settings.capacity.insert(((*instance).into(), format!("us-east-1{zone}")), *room);
    }
    let mut wanted = spec(groups, &["/train"]);
    for group in &mut wanted.nodes {
        group.capacity = capacity;
        let each = |instance: &str| spec::Alternative {
            instance: instance.into(),
            capacity,
            efa: group.efa,
            placement: group.placement,
        };
        group.alternatives = vec![each(P5), each(P5E)];
    }
    (settings, wanted)
}

/// Type and zone of every node that lives.
fn nodes(machine: &Machine) -> BTreeSet<(String, String, String)> {
    let truth = machine.cloud.truth("video");
    let living = truth.nodes.iter().filter(|node| node.exists());
    living.map(|node| (node.address.name.clone(), node.instance.clone(), node.zone.clone())).collect()
}

fn all(group: &str, instance: &str, zone: &str) -> BTreeSet<(String, String, String)> {
    [(group.to_owned(), instance.to_owned(), format!("us-east-1{zone}"))].into()
}

fn types(plan: &Plan) -> Vec<String> {
    let mark = |each: &Alternative| match (each.is_taken, each.may_be) {
        (true, _) => "taken",
        (false, true) => "open",
        (false, false) => "out",
    };
    let all = plan.alternatives.iter().flat_map(|group| &group.types);
    all.map(|each| format!("{} {}: {}", each.instance, mark(each), each.why)).collect()
}

/// The first type needs no placement group, and the one that may be taken does.
#[tokio::test(start_paused = true)]
async fn a_strangers_placement_group_is_seen_whichever_type_would_be_in_it() {
    let (settings, mut wanted) = scarce(&[], &[2], Capacity::None);
    let machine = world(settings);
    wanted.nodes[0].placement = Placement::None;
    wanted.nodes[0].alternatives[0].placement = Placement::None;
    machine.cloud.plant(Resource::Placement(PlacementGroup { name: "provision/video/g0".into() }), Tags::new());
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert!(plan.findings.iter().any(|finding| finding.code == "plan::foreign"), "{:#?}", plan.findings);
}

#[tokio::test(start_paused = true)]
async fn a_better_type_in_another_zone_comes_before_a_worse_one_in_the_first() {
    let (settings, wanted) = scarce(&[(P5, "a", 0), (P5, "b", 0), (P5, "c", 2)], &[2], Capacity::Probe);
    let machine = world(settings);
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5, "c"));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_worse_type_is_asked_for_once_no_zone_has_the_better_one() {
    let (settings, wanted) =
        scarce(&[(P5, "a", 0), (P5, "b", 0), (P5, "c", 1), (P5E, "a", 1), (P5E, "b", 2)], &[2], Capacity::Probe);
    let machine = world(settings);
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5E, "b"));
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    assert!(plan.is_done(), "{:#?}", plan.steps);
    insta::assert_snapshot!(types(&plan).join("\n"), @r"
    p5.48xlarge out: not while it is p5e.48xlarge
    p5e.48xlarge taken: it runs
    ");
    // It stays, whatever there is by now, also for those that are added.
    machine.cloud.adjust(|settings| settings.capacity.clear());
    let mut more = wanted.clone();
    more.nodes[0].count = 4;
    machine.must_up(&more).await;
    assert_eq!(nodes(&machine), all("g0", P5E, "b"));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn groups_choose_for_themselves_in_one_zone() {
    let (settings, wanted) = scarce(
        &[(P5, "a", 2), (P5, "b", 1), (P5, "c", 0), (P5E, "a", 0), (P5E, "b", 9), (P5E, "c", 3)],
        &[2, 3],
        Capacity::Probe,
    );
    let machine = world(settings);
    machine.must_up(&wanted).await;
    let zones: BTreeSet<String> = nodes(&machine).into_iter().map(|(_, _, zone)| zone).collect();
    assert_eq!(zones, ["us-east-1b".to_owned()].into());
    assert_eq!(nodes(&machine).len(), 2, "one type a group");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_type_that_no_quota_allows_or_no_zone_offers_is_passed_over() {
    let (mut settings, wanted) = scarce(&[], &[2], Capacity::None);
    settings.offerings.insert(P5.into(), BTreeSet::new());
    let machine = world(settings);
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    insta::assert_snapshot!(types(&plan).join("\n"), @r"
    p5.48xlarge open: us-east-1a does not offer it
    p5e.48xlarge taken: the first of the spec's order that us-east-1a offers
    ");
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5E, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_type_that_a_quota_rules_out_is_passed_over_where_another_fits() {
    let (mut settings, mut wanted) = scarce(&[], &[2], Capacity::None);
    // A quota of its own, which says nothing.
    wanted.nodes[0].alternatives[1].instance = "g6e.48xlarge".into();
    let quota = QuotaId { service: "ec2".into(), code: "L-417A185B".into() };
    settings.limits.insert(quota, 192);
    let machine = world(settings);
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    insta::assert_snapshot!(types(&plan).join("\n"), @r"
    p5.48xlarge out: Running On-Demand P instances: 192 vCPUs allowed, 0 vCPUs in use, 384 vCPUs wanted
    g6e.48xlarge taken: the first of the spec's order that us-east-1a offers
    ");
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", "g6e.48xlarge", "a"));
    machine.must_down().await;
}

/// What is asked for first: the better type in any zone, then the next one; zones in their order.
fn best(rooms: &[(&'static str, &'static str, u32)], count: u32) -> Option<(&'static str, &'static str)> {
    let has = |instance: &str, zone: &str| {
        rooms.iter().find(|(each, at, _)| (*each, *at) == (instance, zone)).is_none_or(|(_, _, room)| *room >= count)
    };
    let all = [P5, P5E].into_iter().flat_map(|instance| ["a", "b", "c"].map(|zone| (instance, zone)));
    all.into_iter().find(|(instance, zone)| has(instance, zone))
}

#[tokio::test(start_paused = true)]
async fn the_best_that_there_is_room_for_is_taken_whatever_room_there_is() {
    for seed in 0..64_u32 {
        // Each bit says whether one type has room in one zone.
        let place = |bit: u32| ([P5, P5E][(bit / 3) as usize], ["a", "b", "c"][(bit % 3) as usize]);
        let room = |bit: u32| (place(bit).0, place(bit).1, if seed >> bit & 1 == 1 { 2 } else { 1 });
        let rooms: Vec<_> = (0..6).map(room).collect();
        let (settings, wanted) = scarce(&rooms, &[2], Capacity::Probe);
        let machine = world(settings);
        let outcome = machine.up(&wanted).await.expect("it runs");
        match (best(&rooms, 2), outcome) {
            (Some((instance, zone)), Outcome::Ran { report, .. }) => {
                assert_eq!(
                    (report.ending, nodes(&machine)),
                    (Ending::Complete, all("g0", instance, zone)),
                    "{rooms:?}"
                );
            }
            (None, Outcome::NoRoom { .. }) => assert!(nodes(&machine).is_empty()),
            (best, outcome) => panic!("{rooms:?}: {best:?}, {outcome:?}"),
        }
    }
}

fn report(outcome: Outcome, machine: &Machine) -> Report {
    match outcome {
        Outcome::Ran { report, .. } => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_is_refused_goes_on_with_the_next_type() {
    let (settings, wanted) = scarce(&[(P5, "a", 1)], &[2], Capacity::None);
    let machine = world(settings);
    let plan = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    insta::assert_snapshot!(types(&plan).join("\n"), @r"
    p5.48xlarge taken: the first of the spec's order that us-east-1a offers
    p5e.48xlarge open: the next, if there is no room before
    ");
    let most = plan.cost.most.expect("two may be taken");
    // What a p5e costs is not in the table.
    assert_eq!((most.hourly, most.complete), (plan.cost.after().hourly, false));
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5E, "a"));
    // A group of which no node exists any more chooses anew.
    machine.cloud.adjust(|settings| settings.capacity.clear());
    for id in living(&machine) {
        machine.cloud.interrupt(&id, "Server.SpotInstanceTermination");
    }
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5, "a"));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn no_type_has_room_and_the_file_system_stays() {
    let (settings, wanted) = scarce(&[(P5, "a", 1), (P5E, "a", 0)], &[2], Capacity::None);
    let machine = world(settings);
    let report = report(machine.up(&wanted).await.expect("it runs"), &machine);
    assert_eq!((report.ending, report.failures.len()), (Ending::Failed, 1));
    assert!(nodes(&machine).is_empty());
    machine.cloud.adjust(|settings| settings.capacity.clear());
    machine.must_up(&wanted).await;
    assert_eq!(nodes(&machine), all("g0", P5, "a"), "the first choice again");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_leaves_one_type_and_no_double() {
    let rooms = [(P5, "a", 1)];
    let requests = {
        let (settings, wanted) = scarce(&rooms, &[2], Capacity::None);
        let machine = world(settings);
        machine.must_up(&wanted).await;
        machine.cloud.requests("laptop")
    };
    for number in 1..=requests {
        for when in [When::Before, When::After] {
            let (settings, wanted) = scarce(&rooms, &[2], Capacity::None);
            let dying = world(settings);
            dying.cloud.fault_at(number, Fault::Crash(when));
            tokio::select! {
                _ = dying.up(&wanted) => {}
                () = dying.cloud.crashed() => {}
            }
            dying.must_hold();
            let next = machine(&dying.cloud, "laptop again");
            if number % 3 != 0 {
                // Room comes back between the runs: what was begun goes on, and no second type comes beside it.
                if number % 3 == 1 {
                    next.cloud.adjust(|settings| settings.capacity.clear());
                }
                next.must_up(&wanted).await;
                assert_eq!(
                    (living(&next).len(), nodes(&next).len()),
                    (2, 1),
                    "{number} {when:?}\n{}",
                    next.cloud.history()
                );
            }
            next.must_down().await;
        }
    }
}

fn living(machine: &Machine) -> Vec<String> {
    let truth = machine.cloud.truth("video");
    truth.nodes.iter().filter(|node| node.exists()).map(|node| node.id.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_type_is_part_of_what_was_reviewed() {
    let (settings, wanted) = scarce(&[], &[2], Capacity::None);
    let machine = world(settings);
    let reviewed = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    let saved = |plan: &Plan| Saved::read(&provision::render::plan_json::plan(plan)).expect("a plan of ours");
    machine.cloud.adjust(|settings| {
        settings.offerings.insert(P5.into(), BTreeSet::new());
    });
    let now = machine.plan(Purpose::Up, Some(&wanted)).await.plan;
    let differs = saved(&reviewed).differences(&now);
    assert_eq!(differs.len(), 1, "{differs:#?}");
    assert_eq!(differs[0].notes, ["the type of nodes.g0 was p5.48xlarge, now it is p5e.48xlarge"]);
}
