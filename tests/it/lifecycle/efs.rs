//! A cluster on Amazon EFS: the same promises, without links, and with nothing that could be exported.

use std::time::Duration;

use provision::apply::Outcome;
use provision::cloud::Class;
use provision::desired::{Address, Kind};
use provision::plan::{Options, Purpose};
use provision::simulated::{Fault, Lag, Settings, Weather, When, check_clean};
use provision::spec::{Compression, EfsThroughput, Launch, MetadataIops, Service, Spec};

use super::harness::{self, Machine, assert_complete, machine, quick, world};

/// Two nodes on EFS.
fn spec() -> Spec {
    let mut spec = harness::spec(&[2], &[]);
    spec.storage.service = Service::Efs(EfsThroughput::Elastic);
    "/efs".clone_into(&mut spec.storage.mount);
    (spec.storage.capacity_gib, spec.storage.throughput_per_tib) = (None, None);
    (spec.storage.metadata_iops, spec.storage.compression) = (None::<MetadataIops>, Compression::None);
    spec
}

const DISCARD: Options = Options {
    replace_storage: false,
    refresh_images: false,
    discard_unexported_data: true,
    discard_unlinked_files: false,
    keep_storage: false,
    move_if_empty: false,
};

/// `down`, with the user's word that what is on EFS may go.
async fn give_up(machine: &Machine) {
    machine.cloud.allow_discard();
    assert_complete(&machine.run(Purpose::Down, None, DISCARD).await, machine);
    machine.must_hold();
    let left = check_clean(&machine.cloud);
    assert!(left.is_empty(), "left behind: {left:#?}\n{}", machine.cloud.history());
}

async fn until_dead(machine: &Machine, run: impl Future<Output = ()>) {
    tokio::select! {
        () = run => {}
        () = machine.cloud.crashed() => {}
    }
}

fn again(before: &Machine) -> Machine {
    machine(&before.cloud, "laptop again")
}

#[tokio::test(start_paused = true)]
async fn up_makes_a_file_system_with_one_mount_target_and_nodes_that_mount_it() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    let truth = machine.cloud.truth("video");
    let file_system = truth.find(&Address::one(Kind::Efs)).expect("one");
    let target = truth.find(&Address::named(Kind::MountTarget, "us-east-1a")).expect("one");
    assert_eq!(target.file_system.as_ref(), Some(&file_system.id));
    assert!(target.tags.is_empty() && truth.was_used());
    assert!(truth.resources.iter().all(|seen| !matches!(seen.address.kind, Kind::Fsx | Kind::Link)));
}

#[tokio::test(start_paused = true)]
async fn down_takes_nothing_that_a_node_may_have_written_without_the_word() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/models", 9);
    let Ok(Outcome::Refused(prepared)) = machine.down().await else { panic!("not refused") };
    let finding = &prepared.plan.findings[0];
    assert_eq!((finding.code, finding.address.clone()), ("plan::no-link", Some(Address::one(Kind::Efs))));
    let counted = finding.notes.iter().any(|note| note.contains("9 files") && note.contains("/models"));
    assert!(counted, "{finding:#?}");
    assert_eq!(machine.cloud.ledger().lost, 0);
    give_up(&machine).await;
    assert_eq!(machine.cloud.ledger().lost, 9);
}

#[tokio::test(start_paused = true)]
async fn down_needs_no_word_where_no_node_has_ever_been_ready() {
    let machine = world(Settings::default());
    machine.cloud.fault_at_operation("ec2:RunInstances", 1, Fault::FailBefore(Class::Invalid));
    assert!(matches!(machine.up(&spec()).await, Ok(Outcome::Ran { .. })));
    assert!(machine.cloud.truth("video").file_system().is_some());
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn kept_storage_stays_with_its_mount_target_and_is_taken_over() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/models", 9);
    let options = Options { keep_storage: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, options).await, &machine);
    let kept = machine.cloud.truth("video");
    assert!(kept.nodes.iter().all(|node| !node.exists()));
    machine.must_up(&spec()).await;
    let now = machine.cloud.truth("video");
    for kind in [Kind::Efs, Kind::MountTarget] {
        let id = |observed: &provision::observed::Observed| {
            observed.resources.iter().find(|seen| seen.address.kind == kind).map(|seen| seen.id.clone())
        };
        assert_eq!(id(&kept), id(&now));
    }
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn throughput_changes_in_place_and_a_key_needs_another_file_system() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    let before = machine.cloud.truth("video").file_system().expect("one").id.clone();
    let mut faster = spec();
    faster.storage.service = Service::Efs(EfsThroughput::Provisioned(256));
    machine.must_up(&faster).await;
    let now = machine.cloud.truth("video").file_system().expect("one").clone();
    assert_eq!((now.id, now.fields["throughput"].as_str()), (before, "256 MiB/s"));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_does_not_move_between_services() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    let error = machine.up(&harness::spec(&[2], &[])).await.expect_err("refused");
    let told = format!("{error:?}");
    assert!(told.contains("storage::kind") && told.contains("EFS file system"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn mount_targets_of_other_zones_stay_while_the_cluster_lives_and_go_with_it() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    let truth = machine.cloud.truth("video");
    let ids = |kind: Kind| truth.resources.iter().find(|seen| seen.address.kind == kind).expect("one").id.clone();
    machine.cloud.add_mount_target(&ids(Kind::Efs), "subnet-b", &ids(Kind::SecurityGroup));
    machine.must_up(&spec()).await;
    let targets = |machine: &Machine| {
        let truth = machine.cloud.truth("video");
        truth.resources.iter().filter(|seen| seen.address.kind == Kind::MountTarget).count()
    };
    assert_eq!(targets(&machine), 2);
    give_up(&machine).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_record_down_still_finds_all_of_it() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    provision::cloud::Cloud::delete_parameters(&machine.cloud, &["/provision/video/record".to_owned()])
        .await
        .expect("deleted");
    give_up(&machine).await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_look_at_efs_can_still_see_that_there_is_no_cluster() {
    let machine = world(Settings::default());
    machine.cloud.deny("elasticfilesystem:DescribeFileSystems");
    assert!(matches!(machine.down().await, Ok(Outcome::Nothing(_))));
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_up_at_every_request_converges_or_leaves_nothing() {
    let mut with_storage = spec();
    with_storage.cluster.launch = Launch::WithStorage;
    for spec in [spec(), with_storage] {
        let all = {
            let machine = world(quick(0));
            machine.must_up(&spec).await;
            machine.cloud.requests("laptop")
        };
        for number in 1..=all {
            for when in [When::Before, When::After] {
                let dying = world(quick(0));
                dying.cloud.fault_at(number, Fault::Crash(when));
                until_dead(&dying, async {
                    let _ = dying.up(&spec).await;
                })
                .await;
                dying.must_hold();
                let next = again(&dying);
                if number % 2 == 0 {
                    next.must_up(&spec).await;
                }
                give_up(&next).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_down_at_every_request_leaves_nothing_at_the_next() {
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec()).await;
        let before = machine.cloud.requests("laptop");
        give_up(&machine).await;
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=all {
        for when in [When::Before, When::After] {
            let machine = world(quick(0));
            machine.must_up(&spec()).await;
            machine.cloud.write_files("/models", 3);
            machine.cloud.allow_discard();
            let dying = harness::machine(&machine.cloud, "desk");
            dying.cloud.fault_at(number, Fault::Crash(when));
            until_dead(&dying, async {
                let _ = dying.run(Purpose::Down, None, DISCARD).await;
            })
            .await;
            dying.must_hold();
            give_up(&again(&dying)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_beside_answers_that_lag_leaks_and_doubles_nothing() {
    let lagging = || {
        let lag = Duration::from_secs(30);
        Settings { lag: Lag { resources: lag, tags: lag, parameters: Duration::ZERO }, ..quick(7) }
    };
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec()).await;
        machine.cloud.requests("laptop")
    };
    for number in 1..=all {
        let dying = world(lagging());
        dying.cloud.fault_at(number, Fault::Crash(When::After));
        until_dead(&dying, async {
            let _ = dying.up(&spec()).await;
        })
        .await;
        let next = again(&dying);
        if number % 2 == 0 {
            next.must_up(&spec()).await;
        }
        give_up(&next).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_throttling_and_faults_end_in_the_same_place() {
    for seed in 0..30 {
        let machine = world(quick(seed));
        machine.cloud.weather(Weather { fail_before: 20, fail_after: 20, throttle: 40, slow: 20, hang: 0, crash: 0 });
        machine.must_up(&spec()).await;
        give_up(&machine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_make_one_cluster() {
    for seed in 0..10 {
        let one = world(quick(seed));
        let other = machine(&one.cloud, "desk");
        let spec = spec();
        let (first, second) = tokio::join!(one.up(&spec), other.up(&spec));
        for outcome in [first, second] {
            let fine = matches!(outcome, Ok(Outcome::Ran { .. } | Outcome::Nothing(_) | Outcome::Held(_)));
            assert!(fine, "{outcome:?}");
        }
        one.must_hold();
        one.must_up(&spec).await;
        give_up(&one).await;
    }
}
