//! `up --wait-for data`: how the wait for the nodes' restore ends.

use std::time::Duration;

use provision::apply::event::{Ending, What};
use provision::apply::preload::{DataWait, Loaded, Phase, Progress, progress, wait_for_data};
use provision::cloud::Clock as _;
use provision::desired::Kind;
use provision::plan::Purpose;
use provision::simulated::{Restore, Settings};
use provision::spec::{Preload, Spec};
use tokio::sync::mpsc::unbounded_channel;

use super::harness::{CLUSTER, Machine, dataset, spec, world};

fn with_data(count: u32, paths: &[&str]) -> Spec {
    let mut spec = spec(&[count], &[]);
    spec.datasets =
        paths.iter().map(|path| provision::spec::Dataset { preload: Preload::Data, ..dataset(path) }).collect();
    spec
}

async fn wait(machine: &Machine, spec: &Spec) -> (Loaded, Vec<What>, Duration) {
    let prepared = machine.plan(Purpose::Up, Some(spec)).await;
    let (events, mut received) = unbounded_channel();
    let wait = DataWait {
        scope: prepared.scope,
        paths: spec.preloads_data().map(|dataset| dataset.path.clone()).collect(),
        began: machine.clock.now(),
        events,
        stop: machine.stop.clone(),
    };
    let before = machine.clock.elapsed();
    let mutations = machine.cloud.mutations("laptop");
    let loaded = wait_for_data(&machine.cloud, &machine.clock, &wait).await;
    assert_eq!(machine.cloud.mutations("laptop"), mutations, "a wait changes nothing");
    let mut told = Vec::new();
    while let Ok(event) = received.try_recv() {
        told.push(event.what);
    }
    (loaded, told, machine.clock.elapsed().saturating_sub(before))
}

fn playing(restore: Restore) -> Machine {
    world(Settings { preload: restore, ..Settings::default() })
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn shown(told: &[What]) -> Vec<&Progress> {
    told.iter()
        .filter_map(|what| match what {
            What::Preloading { progress } => Some(progress),
            _ => None,
        })
        .collect()
}

fn last_is(told: &[What], outcome: Ending) -> bool {
    matches!(told.last(), Some(What::DataEnded { outcome: ended, .. }) if *ended == outcome)
}

#[tokio::test(start_paused = true)]
async fn up_is_done_before_the_data_and_the_wait_ends_with_it() {
    let machine = playing(Restore::default());
    let spec = with_data(2, &["/train", "/val"]);
    machine.must_up(&spec).await;
    let (loaded, told, took) = wait(&machine, &spec).await;
    assert!(matches!(loaded, Loaded::Complete), "{loaded:?}\n{}", machine.cloud.history());
    assert!(took > minutes(30) && took < minutes(45), "two datasets of 20 min each: {took:?}");
    assert!(last_is(&told, Ending::Complete));
    let shown = shown(&told);
    let half = shown.iter().find(|each| each.path == "/train" && each.files >= 5000).expect("it is told half-way");
    // 100,000 MiB in 20 min.
    let rate = half.rate.expect("a rate");
    assert!((85_000_000..92_000_000).contains(&rate), "{rate}");
    let left = half.eta_s.expect("time left");
    assert!((480..=600).contains(&left), "{half:?}");
    assert!(shown.iter().all(|each| each.stalled_s.is_none()));
    // Once more, only to wait.
    let (loaded, _, took) = wait(&machine, &spec).await;
    assert!(matches!(loaded, Loaded::Complete) && took < minutes(1));
    // What nodes write on themselves is no drift.
    machine.must_up(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_standstill_is_told_and_ends_the_wait() {
    let machine = playing(Restore { stalls_at: Some(40), ..Restore::default() });
    let spec = with_data(2, &["/train"]);
    machine.must_up(&spec).await;
    let (loaded, told, took) = wait(&machine, &spec).await;
    assert!(matches!(&loaded, Loaded::Stalled { silent: false, .. }), "{loaded:?}");
    assert!(last_is(&told, Ending::Failed));
    let first = shown(&told).into_iter().find(|each| each.stalled_s.is_some()).expect("it is told");
    assert!(first.stalled_s < Some(18 * 60) && first.files == 4000, "{first:?}");
    assert!(took > minutes(60) && took < minutes(75), "{took:?}");

    // And `status` sees the same in one look.
    let observed = machine.cloud.truth(CLUSTER);
    let now = progress(observed.preload(), &["/train".to_owned()], machine.clock.now());
    assert_eq!((now[0].phase, now[0].stalled_s.is_some()), (Phase::Restoring, true), "{now:?}");

    // What moves again goes on.
    machine.cloud.adjust(|settings| settings.preload = Restore::default());
    let (loaded, ..) = wait(&machine, &spec).await;
    assert!(matches!(loaded, Loaded::Complete), "{loaded:?}");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_never_report_are_told_apart() {
    let machine = playing(Restore { silent: true, ..Restore::default() });
    let spec = with_data(1, &["/train"]);
    machine.must_up(&spec).await;
    let (loaded, told, _) = wait(&machine, &spec).await;
    assert!(matches!(&loaded, Loaded::Stalled { silent: true, .. }), "{loaded:?}");
    assert!(shown(&told).iter().all(|each| each.phase == Phase::Waiting));
}

#[tokio::test(start_paused = true)]
async fn files_that_do_not_come_are_counted() {
    let machine = playing(Restore { failed: 3, ..Restore::default() });
    let spec = with_data(1, &["/train", "/val"]);
    machine.must_up(&spec).await;
    let (loaded, told, _) = wait(&machine, &spec).await;
    let Loaded::Incomplete(all) = &loaded else { panic!("{loaded:?}") };
    assert_eq!(all.iter().map(|each| each.failed_files).sum::<u64>(), 6);
    assert!(last_is(&told, Ending::Failed));
}

#[tokio::test(start_paused = true)]
async fn another_node_reports_when_the_reporter_dies() {
    let machine = playing(Restore { takes: minutes(60), ..Restore::default() });
    let spec = with_data(3, &["/train"]);
    machine.must_up(&spec).await;
    tokio::time::sleep(minutes(5)).await;
    let nodes = machine.cloud.truth(CLUSTER).nodes;
    let reporters: Vec<&str> =
        nodes.iter().filter(|node| node.preload.is_some()).map(|node| node.id.as_str()).collect();
    assert_eq!(reporters.len(), 1);
    machine.cloud.interrupt(reporters[0], "Server.SpotInstanceTermination");
    machine.must_up(&spec).await;
    let (loaded, ..) = wait(&machine, &spec).await;
    assert!(matches!(loaded, Loaded::Complete), "{loaded:?}\n{}", machine.cloud.history());
    let nodes = machine.cloud.truth(CLUSTER).nodes;
    let done = nodes.iter().filter(|node| node.exists()).filter(|node| node.preload.is_some());
    assert_eq!(done.count(), 3, "every node says the end");
}

#[tokio::test(start_paused = true)]
async fn without_nodes_there_is_nothing_to_wait_for() {
    let machine = playing(Restore { takes: minutes(600), ..Restore::default() });
    let spec = with_data(2, &["/train"]);
    machine.must_up(&spec).await;
    for node in machine.cloud.truth(CLUSTER).nodes {
        machine.cloud.delete_by_hand(Kind::Nodes, &node.id);
    }
    let (loaded, _, took) = wait(&machine, &spec).await;
    assert!(matches!(loaded, Loaded::NoNodes), "{loaded:?}");
    assert!(took < minutes(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_wait_leaves_all_as_it_is() {
    let machine = playing(Restore::default());
    let spec = with_data(2, &["/train"]);
    machine.must_up(&spec).await;
    let stop = machine.stop.clone();
    let interrupt = async {
        tokio::time::sleep(minutes(5)).await;
        stop.cancel();
    };
    let ((loaded, told, took), ()) = tokio::join!(wait(&machine, &spec), interrupt);
    assert!(matches!(loaded, Loaded::Interrupted) && took < minutes(6), "{loaded:?} {took:?}");
    assert!(last_is(&told, Ending::Interrupted));
    let again = super::harness::machine(&machine.cloud, "laptop");
    let (loaded, ..) = wait(&again, &spec).await;
    assert!(matches!(loaded, Loaded::Complete), "{loaded:?}");
}

async fn policy(machine: &Machine, spec: &Spec) -> String {
    let desired = machine.plan(Purpose::Up, Some(spec)).await.desired;
    let role = desired.resources.iter().find(|(address, _)| address.kind == Kind::Role).expect("a role").1;
    role.resource.fields().into_iter().find(|(name, _)| *name == "policy").expect("a policy").1
}

#[tokio::test(start_paused = true)]
async fn only_nodes_that_preload_may_say_so() {
    let machine = playing(Restore::default());
    assert!(!policy(&machine, &spec(&[1], &["/train"])).await.contains("provision:preload"));
    let with = policy(&machine, &with_data(1, &["/train"])).await;
    assert!(with.contains("[\"provision:node\",\"provision:preload\"]"), "{with}");
}
