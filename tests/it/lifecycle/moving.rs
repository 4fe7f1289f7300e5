//! `up --move-if-empty`: a cluster whose nodes find no room beside its new file system leaves the zone, and never once a node
//! was launched beside it.

use std::time::Duration;

use provision::apply::event::{Ending, Room, What};
use provision::apply::prepare::{Failed, Prepared};
use provision::apply::{NoRoom, Outcome, Report};
use provision::desired::{Address, Kind, Tags};
use provision::observed::Observed;
use provision::plan::{Finding, Options, Plan, Purpose};
use provision::record::{self, Record};
use provision::simulated::{Boot, Fault, Lag, Settings, When, Which, check_clean};
use provision::spec::{Alternative, Capacity, Compression, EfsThroughput, Launch, Preload, Service, Spec};

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

const P5: &str = "p5.48xlarge";
const MOVE: Options = Options {
    replace_storage: false,
    refresh_images: false,
    discard_unexported_data: false,
    discard_unlinked_files: false,
    keep_storage: false,
    move_if_empty: true,
};

/// Zones with so many p5 each.
fn rooms(rooms: &[(&str, u32)]) -> Settings {
    let mut settings = quick(0);
    for (zone, room) in rooms {
        settings.capacity.insert((P5.into(), format!("us-east-1{zone}")), *room);
    }
    settings
}

/// Groups that are launched without a question before: where there is no room, that shows beside the file system.
fn unasked(groups: &[u32]) -> Spec {
    spec(groups, &["/train", "/out"])
}

/// Groups that are asked for, in a zone whose room goes while the file system is made.
fn vanishing(rooms_then: &[(&str, u32)], groups: &[u32]) -> (Machine, Spec) {
    let machine = world(rooms(rooms_then));
    machine.cloud.capacity_at(Duration::from_secs(5), P5, "us-east-1a", 0);
    let mut wanted = spec(groups, &["/train"]);
    wanted.nodes.iter_mut().for_each(|group| group.capacity = Capacity::Probe);
    (machine, wanted)
}

async fn up(machine: &Machine, spec: &Spec) -> Result<Outcome, Failed> {
    machine.run(Purpose::Up, Some(spec), MOVE).await
}

async fn planned(machine: &Machine, spec: &Spec) -> Prepared {
    machine.prepared(machine.request(Purpose::Up, Some(spec), MOVE)).await
}

/// `up --move-if-empty`, and everything that an `up` promises.
async fn must_move(machine: &Machine, spec: &Spec) {
    let outcome = up(machine, spec).await;
    assert_complete(&outcome, machine);
    holds(machine);
    let again = machine.plan(Purpose::Up, Some(spec)).await;
    assert!(again.plan.is_done(), "not converged: {:#?}", again.plan.steps);
}

#[track_caller]
fn holds(machine: &Machine) {
    machine.must_hold();
    let none: [String; 0] = [];
    assert_eq!(machine.cloud.deleted_after_a_launch(), none, "{}", machine.cloud.history());
}

fn storage(truth: &Observed) -> (String, String) {
    let seen = truth.file_system().expect("there is one");
    (seen.id.clone(), seen.fields.get("subnet").expect("it is in one").clone())
}

fn lives(machine: &Machine) -> (String, String) {
    storage(&machine.cloud.truth("video"))
}

/// The zone of all nodes, and the subnet of the file system.
#[track_caller]
fn is_in(machine: &Machine, zone: &str, nodes: usize) {
    let truth = machine.cloud.truth("video");
    let living: Vec<&str> = truth.nodes.iter().filter(|node| node.exists()).map(|node| node.zone.as_str()).collect();
    assert_eq!(living, vec![format!("us-east-1{zone}"); nodes], "{}", machine.cloud.history());
    assert_eq!(storage(&truth).1, format!("subnet-{zone}"));
}

#[track_caller]
fn failed(outcome: Result<Outcome, Failed>, machine: &Machine) -> Report {
    match outcome {
        Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Failed => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

fn count(machine: &Machine, operation: &str) -> usize {
    machine.cloud.history().matches(&format!("{operation} ")).count()
}

fn moves(machine: &Machine) -> Vec<String> {
    let told = |event: &provision::apply::event::Event| match &event.what {
        What::Moves { from, to, .. } => Some(format!("{from} to {to}")),
        What::GivenUp { .. } => Some("given up".to_owned()),
        _ => None,
    };
    machine.events.borrow().iter().filter_map(told).collect()
}

fn finding<'a>(plan: &'a Plan, code: &str) -> Option<&'a Finding> {
    plan.findings.iter().find(|finding| finding.code == code)
}

fn stored(machine: &Machine) -> Record {
    let parameters = machine.cloud.parameters_now("/provision/video/");
    record::read("video", &parameters).expect("it can be read").expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn room_that_went_while_the_file_system_was_made_moves_the_cluster() {
    let (machine, wanted) = vanishing(&[("a", 2), ("b", 1), ("c", 2)], &[2]);
    let planned = planned(&machine, &wanted).await.plan;
    insta::assert_snapshot!(finding(&planned, "move::if-empty").expect("the plan says it").notes.join("\n"), @r"
    only while no node was ever launched beside the file system, so that nothing can be on it
    it is deleted with its links and made anew where there is room; each zone once
    a file system that is given up has cost 1.38 USD an hour, for as long as it was there
    where no other zone has room either, all that was made is removed again
    ");
    must_move(&machine, &wanted).await;
    is_in(&machine, "c", 2);
    assert_eq!(moves(&machine), ["us-east-1a to us-east-1c"]);
    // b was asked before anything was given up, and nothing is exported from what is empty.
    assert_eq!((count(&machine, "fsx:CreateFileSystem"), count(&machine, "fsx:DeleteFileSystem")), (2, 1));
    assert_eq!(count(&machine, "fsx:CreateDataRepositoryTask"), 0);
    let record = stored(&machine);
    assert_eq!((record.moving, record.used), (None, true));
    let choice = record.pins.choice.expect("why is in the record");
    let ruled_out: Vec<String> =
        choice.ruled_out.iter().map(|each| format!("{}: {}", each.place.zone, each.against.join("; "))).collect();
    assert!(ruled_out[0].starts_with("us-east-1a: a launch of 2 × p5.48xlarge was refused"), "{ruled_out:?}");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn without_the_flag_it_stays_and_the_next_run_may_move() {
    let machine = world(rooms(&[("a", 0)]));
    let wanted = unasked(&[2]);
    let report = failed(machine.up(&wanted).await, &machine);
    assert!(report.may_move);
    let (id, subnet) = lives(&machine);
    assert_eq!(subnet, "subnet-a");
    // A later run never moves a cluster by itself.
    let report = failed(machine.up(&wanted).await, &machine);
    assert!(report.may_move);
    assert_eq!(lives(&machine).0, id);
    must_move(&machine, &wanted).await;
    is_in(&machine, "b", 2);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn zone_after_zone_is_left_and_none_twice() {
    let machine = world(rooms(&[("a", 0), ("b", 1), ("c", 2)]));
    must_move(&machine, &unasked(&[2])).await;
    is_in(&machine, "c", 2);
    assert_eq!(moves(&machine), ["us-east-1a to us-east-1b", "us-east-1b to us-east-1c"]);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn nodes_that_would_boot_beside_storage_that_is_being_made_move_it_too() {
    let machine = world(rooms(&[("a", 0)]));
    let mut wanted = unasked(&[2]);
    wanted.cluster.launch = Launch::WithStorage;
    must_move(&machine, &wanted).await;
    is_in(&machine, "b", 2);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn in_the_next_zone_every_type_is_open_again() {
    let p5e = "p5e.48xlarge";
    let mut settings = rooms(&[("a", 0)]);
    settings.capacity.insert((p5e.into(), "us-east-1a".into()), 1);
    let machine = world(settings);
    let mut wanted = unasked(&[2]);
    let group = &mut wanted.nodes[0];
    let each = |instance: &str| Alternative {
        instance: instance.into(),
        capacity: Capacity::None,
        efa: group.efa,
        placement: group.placement,
    };
    group.alternatives = vec![each(P5), each(p5e)];
    must_move(&machine, &wanted).await;
    is_in(&machine, "b", 2);
    assert!(machine.cloud.truth("video").nodes.iter().all(|node| node.instance == P5));
    machine.must_down().await;
}

fn answers(room: &NoRoom) -> Vec<String> {
    let word = |answer: &Option<Room>| match answer {
        Some(Room::Granted) => "room",
        Some(Room::Refused { .. }) => "refused",
        None => "not asked",
    };
    room.answers.iter().map(|each| format!("{} {}: {}", each.zone, each.group, word(&each.answer))).collect()
}

#[tokio::test(start_paused = true)]
async fn where_no_zone_has_room_nothing_is_left() {
    // Found by asking.
    let (machine, wanted) = vanishing(&[("a", 2), ("b", 1), ("c", 0)], &[2]);
    let Ok(Outcome::NoRoom { room, .. }) = up(&machine, &wanted).await else { panic!("{}", machine.cloud.history()) };
    assert_eq!(answers(&room), ["us-east-1a g0: refused", "us-east-1b g0: refused", "us-east-1c g0: refused"]);
    assert!(room.removed.is_some());
    assert_eq!((check_clean(&machine.cloud), moves(&machine)), (Vec::new(), vec!["given up".to_owned()]));
    holds(&machine);
    // Found by trying each.
    let machine = world(rooms(&[("a", 0), ("b", 0), ("c", 1)]));
    let Ok(Outcome::NoRoom { room, .. }) = up(&machine, &unasked(&[2])).await else {
        panic!("{}", machine.cloud.history())
    };
    assert_eq!(answers(&room), ["us-east-1a g0: refused", "us-east-1b g0: refused", "us-east-1c g0: refused"]);
    assert_eq!(check_clean(&machine.cloud), []);
    holds(&machine);
}

/// It stays where it is, with the flag, and the plan says so.
async fn must_stay(machine: &Machine, wanted: &Spec) {
    let before = lives(machine);
    let outcome = up(machine, wanted).await;
    let Ok(Outcome::Ran { report, .. }) = &outcome else { panic!("{outcome:?}\n{}", machine.cloud.history()) };
    assert_eq!((report.ending, report.may_move), (Ending::Failed, false));
    assert_eq!((lives(machine), moves(machine)), (before, Vec::new()), "{}", machine.cloud.history());
    let plan = planned(machine, wanted).await.plan;
    assert!(finding(&plan, "move::stays").is_some(), "{:#?}", plan.findings);
    holds(machine);
}

fn end_all(machine: &Machine) {
    let truth = machine.cloud.truth("video");
    for node in truth.nodes.iter().filter(|node| node.exists()) {
        machine.cloud.interrupt(&node.id, "Server.SpotInstanceTermination");
    }
}

fn full(machine: &Machine) {
    machine.cloud.adjust(|settings| {
        settings.capacity.insert((P5.into(), "us-east-1a".into()), 0);
    });
}

#[tokio::test(start_paused = true)]
async fn it_stays_where_a_node_was_launched_once_whatever_became_of_it() {
    let day = Duration::from_secs(24 * 3600);
    let ready = world(quick(0));
    ready.must_up(&unasked(&[2])).await;
    // It wrote, and never said that it is ready.
    let never_ready = world(Settings { nodes: vec![(Which::All, Boot::Failed("setup".into()))], ..quick(0) });
    failed(never_ready.up(&unasked(&[2])).await, &never_ready);
    // The run died as soon as the nodes were launched, or before it knew.
    let mut machines = vec![ready, never_ready];
    for when in [When::Before, When::After] {
        let dying = world(quick(0));
        dying.cloud.fault_at_operation("ec2:RunInstances", 1, Fault::Crash(when));
        let wanted = unasked(&[2]);
        tokio::select! {
            outcome = dying.up(&wanted) => panic!("{outcome:?}"),
            () = dying.cloud.crashed() => {}
        }
        machines.push(machine(&dying.cloud, "laptop again"));
    }
    for machine in machines {
        full(&machine);
        end_all(&machine);
        // By then EC2 has forgotten them.
        tokio::time::sleep(day).await;
        must_stay(&machine, &unasked(&[2])).await;
        must_stay(&machine, &unasked(&[2])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_stays_once_it_was_handed_over_without_nodes() {
    // Whoever makes storage alone mounts it on instances of his own.
    let machine = world(rooms(&[("a", 0)]));
    machine.must_up(&unasked(&[])).await;
    must_stay(&machine, &unasked(&[2])).await;
}

#[tokio::test(start_paused = true)]
async fn it_stays_where_another_group_was_launched() {
    let machine = world(rooms(&[("a", 1)]));
    let report = failed(up(&machine, &unasked(&[1, 2])).await, &machine);
    assert!(!report.may_move);
    assert_eq!((lives(&machine).1.as_str(), moves(&machine).len()), ("subnet-a", 0));
    holds(&machine);
}

#[tokio::test(start_paused = true)]
async fn it_stays_without_a_record_of_what_was_launched() {
    let machine = world(rooms(&[("a", 0)]));
    failed(machine.up(&unasked(&[2])).await, &machine);
    let names = [record::record_name("video")];
    provision::cloud::Cloud::delete_parameters(&machine.cloud, &names).await.expect("it goes");
    must_stay(&machine, &unasked(&[2])).await;
    must_stay(&machine, &unasked(&[2])).await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_moves_nothing() {
    let machine = world(Settings { quotas: [(Kind::Nodes, 1)].into(), ..quick(0) });
    let report = failed(up(&machine, &unasked(&[2])).await, &machine);
    assert_eq!((report.may_move, lives(&machine).1.as_str()), (false, "subnet-a"));
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_not_nailed_to_the_zone_stays() {
    let machine = world(rooms(&[("a", 0)]));
    let mut wanted = spec(&[2], &[]);
    wanted.storage.service = Service::Efs(EfsThroughput::Elastic);
    "/efs".clone_into(&mut wanted.storage.mount);
    (wanted.storage.capacity_gib, wanted.storage.throughput_per_tib) = (None, None);
    (wanted.storage.metadata_iops, wanted.storage.compression) = (None, Compression::None);
    failed(up(&machine, &wanted).await, &machine);
    let plan = planned(&machine, &wanted).await.plan;
    assert!(finding(&plan, "move::stays").is_some());
    assert_eq!((count(&machine, "elasticfilesystem:DeleteFileSystem"), moves(&machine).len()), (0, 0));

    let machine = world(rooms(&[("a", 0), ("b", 0)]));
    let theirs = super::existing::file_system();
    let id = machine.cloud.plant(provision::desired::Resource::Fsx(theirs), Tags::new());
    let mut wanted = unasked(&[2]);
    wanted.storage.existing = Some(id.clone());
    failed(up(&machine, &wanted).await, &machine);
    assert!(machine.cloud.exists(Kind::Fsx, &id));
    assert_eq!(moves(&machine).len(), 0);
    holds(&machine);
}

#[tokio::test(start_paused = true)]
async fn a_cache_moves_with_its_links() {
    let machine = world(rooms(&[("a", 0)]));
    let mut wanted = unasked(&[2]);
    wanted.storage.service = Service::FileCache;
    "/cache".clone_into(&mut wanted.storage.mount);
    (wanted.storage.capacity_gib, wanted.storage.throughput_per_tib) = (Some(1200), None);
    (wanted.storage.metadata_iops, wanted.storage.compression) = (None, Compression::None);
    for dataset in &mut wanted.datasets {
        (dataset.import, dataset.export, dataset.preload) = (Vec::new(), Vec::new(), Preload::None);
    }
    must_move(&machine, &wanted).await;
    is_in(&machine, "b", 2);
    assert!(stored(&machine).links.contains_key(&Address::named(Kind::Link, "train")));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_reviewed_plan_stays_in_its_zone() {
    let machine = world(rooms(&[("a", 0)]));
    let wanted = unasked(&[2]);
    let saved = super::saved::save(&machine, &wanted, Options::default()).await;
    let report = failed(machine.up_as_saved(&wanted, MOVE, &saved, &|| {}).await, &machine);
    assert!(!report.may_move);
    assert_eq!((lives(&machine).1.as_str(), moves(&machine).len()), ("subnet-a", 0));
}

/// At every request of a run with a move in it, or with one that ends nowhere. The next run has the flag every other time.
async fn crash_at_every_request(begin: impl Fn() -> (Machine, Spec), step: usize, lag: Duration) -> usize {
    for number in (1..).step_by(step) {
        let mut crashed = false;
        for (when, with) in [(When::Before, Options::default()), (When::After, MOVE)] {
            let with = if number % 2 == 0 { with } else { Options { move_if_empty: !with.move_if_empty, ..with } };
            let (dying, wanted) = begin();
            dying.cloud.adjust(|settings| {
                settings.lag = Lag { resources: lag, tags: lag, parameters: Duration::ZERO };
            });
            dying.cloud.watch();
            dying.cloud.fault_at(number, Fault::Crash(when));
            tokio::select! {
                _ = up(&dying, &wanted) => {}
                () = dying.cloud.crashed() => crashed = true,
            }
            holds(&dying);
            let next = machine(&dying.cloud, "laptop again");
            let outcome = next.run(Purpose::Up, Some(&wanted), with).await;
            holds(&next);
            let ended = matches!(&outcome, Ok(Outcome::NoRoom { .. } | Outcome::Nothing(_) | Outcome::Ran { .. }));
            assert!(ended, "{number} {when:?} {outcome:?}\n{}", next.cloud.history());
            // Whatever it was, with room it comes to a good end, in one place.
            next.cloud.adjust(|settings| settings.capacity.clear());
            let last = machine(&dying.cloud, "desk");
            last.must_up(&wanted).await;
            holds(&last);
            let zone = last.cloud.truth("video").nodes[0].zone.clone();
            is_in(&last, zone.trim_start_matches("us-east-1"), 2);
            assert_eq!(stored(&last).pins.place.map(|place| place.zone), Some(zone));
            let broken = last.cloud.broken();
            assert!(broken.is_empty(), "{number} {when:?} {broken:#?}\n{}", last.cloud.history());
            last.must_down().await;
            assert_eq!(last.cloud.ledger().lost, 0);
        }
        if !crashed {
            return number - 1;
        }
    }
    0
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_of_a_move_ends_in_one_place() {
    let asked = || vanishing(&[("a", 2), ("b", 1), ("c", 2)], &[2]);
    assert!(crash_at_every_request(asked, 1, Duration::ZERO).await > 60);
    let unasked = || (world(rooms(&[("a", 0), ("b", 2)])), unasked(&[2]));
    assert!(crash_at_every_request(unasked, 3, Duration::ZERO).await > 50);
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_move_beside_answers_that_lag() {
    let asked = || vanishing(&[("a", 2), ("b", 1), ("c", 2)], &[2]);
    assert!(crash_at_every_request(asked, 3, Duration::from_secs(20)).await > 60);
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_move_to_nowhere() {
    let asked = || vanishing(&[("a", 2), ("b", 1), ("c", 0)], &[2]);
    assert!(crash_at_every_request(asked, 2, Duration::ZERO).await > 50);
    let unasked = || (world(rooms(&[("a", 0), ("b", 0), ("c", 1)])), unasked(&[2]));
    assert!(crash_at_every_request(unasked, 5, Duration::ZERO).await > 70);
}

#[tokio::test(start_paused = true)]
async fn a_move_that_had_not_deleted_anything_is_given_up() {
    for with in [Options::default(), MOVE] {
        let dying = world(rooms(&[("a", 0), ("b", 0)]));
        let wanted = unasked(&[2]);
        dying.cloud.fault_at_operation("fsx:DeleteFileSystem", 1, Fault::Crash(When::Before));
        tokio::select! {
            outcome = up(&dying, &wanted) => panic!("{outcome:?}"),
            () = dying.cloud.crashed() => {}
        }
        let begun = stored(&dying);
        let (id, _) = lives(&dying);
        assert_eq!(begun.moving.expect("it is written down").file_system, id);
        assert_eq!(begun.pins.place.expect("it is written down").zone, "us-east-1b");
        let next = machine(&dying.cloud, "laptop again");
        let plan = next.plan(Purpose::Up, Some(&wanted)).await.plan;
        let told = finding(&plan, "move::given-up").expect("it says what it found");
        assert_eq!(told.title, "the cluster is still in us-east-1a");
        // Somebody writes before anybody runs it again.
        next.cloud.write_files("/out", 3);
        next.cloud.adjust(|settings| settings.capacity.clear());
        let outcome = next.run(Purpose::Up, Some(&wanted), with).await;
        assert_complete(&outcome, &next);
        assert_eq!(lives(&next), (id, "subnet-a".to_owned()));
        assert!(stored(&next).links.len() == 2 && !stored(&next).exported);
        holds(&next);
        next.must_down().await;
        assert_eq!(next.cloud.ledger().lost, 0);
    }
}
