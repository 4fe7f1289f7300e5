//! A cluster's ordinary life.

use std::collections::BTreeSet;
use std::time::Duration;

use provision::apply::Outcome;
use provision::observed::Report;
use provision::plan::Purpose;
use provision::simulated::Settings;
use provision::spec::Launch;

use super::harness::{assert_complete, machine, spec, world};

#[tokio::test(start_paused = true)]
async fn up_then_down_leaves_nothing() {
    for groups in [&[1][..], &[8], &[2, 3]] {
        for paths in [&["/train"][..], &["/train", "/out", "/out2", "/val"]] {
            let machine = world(Settings::default());
            machine.must_up(&spec(groups, paths)).await;
            machine.must_down().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn launching_with_the_storage_boots_nodes_meanwhile() {
    let machine = world(Settings::default());
    let mut early = spec(&[4], &[]);
    early.cluster.launch = Launch::WithStorage;
    machine.must_up(&early).await;
    let early = machine.clock.elapsed();
    let other = world(Settings::default());
    other.must_up(&spec(&[4], &[])).await;
    assert!(early + Duration::from_secs(120) < other.clock.elapsed(), "{early:?} against {:?}", other.clock.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_second_up_changes_nothing_and_asks_little() {
    let machine = world(Settings::default());
    let spec = spec(&[8, 2], &["/train", "/out"]);
    machine.must_up(&spec).await;
    let (requests, mutations) = (machine.cloud.requests("laptop"), machine.cloud.mutations("laptop"));
    let outcome = machine.up(&spec).await;
    assert!(matches!(outcome, Ok(Outcome::Nothing(_))), "{outcome:?}");
    assert_eq!(machine.cloud.mutations("laptop"), mutations);
    let asked = machine.cloud.requests("laptop") - requests;
    assert!(asked <= 20, "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn up_asks_for_eight_nodes_no_more_than_for_one() {
    let mut asked = Vec::new();
    for count in [1, 8, 1000] {
        let machine = world(Settings::default());
        machine.must_up(&spec(&[count], &["/train", "/out"])).await;
        asked.push(machine.cloud.mutations("laptop"));
    }
    // A single node has no placement group.
    assert_eq!(asked[1], asked[2]);
    assert!(asked[1] <= asked[0] + 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_can_be_taken_down_from_another_machine_without_a_spec() {
    let machine = world(Settings::default());
    machine.must_up(&spec(&[2], &["/train"])).await;
    let other = super::harness::machine(&machine.cloud, "desk");
    other.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn two_clusters_side_by_side_do_not_touch_each_other() {
    let machine = world(Settings::default());
    let mut neighbour = spec(&[2], &["/train"]);
    neighbour.cluster.name = "video-2".into();
    // The harness names one cluster; the neighbour is planted by its own run under its own name.
    let request = provision::apply::prepare::Request {
        purpose: Purpose::Up,
        cluster: "video-2".into(),
        spec: Some(neighbour),
        options: provision::plan::Options::default(),
        new_deployment: "d-neighbour".into(),
        patient: true,
        prices: provision::catalog::prices::PriceBook::default(),
        replace: Vec::new(),
        room: None,
        refused: std::collections::BTreeSet::new(),
        left: Vec::new(),
    };
    let theirs = super::harness::machine(&machine.cloud, "theirs");
    assert_complete(&theirs.run_request(request).await, &theirs);
    let before = machine.cloud.truth("video-2");
    machine.must_up(&spec(&[2], &["/train"])).await;
    assert_complete(&machine.down().await, &machine);
    machine.must_hold();
    assert_eq!(machine.cloud.truth("video-2"), before);
}

#[tokio::test(start_paused = true)]
async fn a_failed_node_is_named_and_replaced_by_the_next_up() {
    use provision::simulated::{Boot, Which};
    let machine = world(Settings::default());
    machine
        .cloud
        .adjust(|settings| settings.nodes.push((Which::Node("g0".into(), 1), Boot::Failed("mount: timed out".into()))));
    let spec = spec(&[3], &["/train"]);
    let Ok(Outcome::Ran { report, .. }) = machine.up(&spec).await else { panic!("it ran") };
    assert!(format!("{:?}", report.failures).contains("mount: timed out"), "{report:?}");
    machine.must_hold();
    let living = || -> BTreeSet<String> {
        machine.cloud.truth("video").nodes.iter().filter(|node| node.exists()).map(|node| node.id.clone()).collect()
    };
    let before = living();
    let failed: Vec<String> = machine
        .cloud
        .truth("video")
        .nodes
        .iter()
        .filter(|node| matches!(node.report, Some(Report::Failed(_))))
        .map(|node| node.id.clone())
        .collect();
    assert_eq!((before.len(), failed.len()), (3, 1), "the others stay");
    machine.cloud.adjust(|settings| settings.nodes.clear());
    machine.must_up(&spec).await;
    let after = living();
    assert_eq!((after.len(), after.intersection(&before).count()), (3, 2), "only the failed one is replaced");
    assert!(!after.contains(&failed[0]));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_with_our_name_is_refused_and_not_touched() {
    use provision::desired::{PlacementGroup, Resource};
    let machine = world(Settings::default());
    let name = "provision/video/g0".to_owned();
    machine.cloud.plant(Resource::Placement(PlacementGroup { name }), std::collections::BTreeMap::new());
    let outcome = machine.up(&spec(&[2], &["/train"])).await;
    assert!(
        matches!(&outcome, Ok(Outcome::Refused(prepared)) if prepared.plan.findings[0].code == "plan::foreign"),
        "{outcome:?}"
    );
    assert_eq!(machine.cloud.mutations("laptop"), 0);
    machine.must_hold();
}

#[tokio::test(start_paused = true)]
async fn two_at_once_make_one_cluster() {
    let first = world(Settings::default());
    let second = machine(&first.cloud, "desk");
    let spec = spec(&[2], &["/train"]);
    let (one, other) = tokio::join!(first.up(&spec), second.up(&spec));
    let complete = [&one, &other]
        .into_iter()
        .filter(|outcome| matches!(outcome, Ok(Outcome::Ran { .. } | Outcome::Nothing(_))))
        .count();
    assert!(complete >= 1, "{one:?}\n{other:?}");
    first.must_hold();
    first.must_up(&spec).await;
    first.must_down().await;
}
