//! A change that goes through a group a few nodes at a time, and which nodes go when there are too many.

use std::collections::BTreeSet;
use std::time::Duration;

use provision::apply::event::{Ending, Failure};
use provision::apply::{Outcome, prepare::Failed};
use provision::observed::{Node, Report};
use provision::plan::{Danger, Op, Plan, Purpose};
use provision::simulated::{Boot, Fault, Settings, When, Which};
use provision::spec::{MaxAway, Setup, Spec};

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

/// A group whose changes take one node away at a time.
fn careful(count: u32, most: MaxAway) -> Spec {
    let mut spec = spec(&[count], &["/train"]);
    spec.nodes[0].max_away = Some(most);
    spec
}

fn with_setup(spec: &Spec) -> Spec {
    let mut other = spec.clone();
    other.nodes[0].setup = Some(Setup { path: "setup.sh".into(), content: "#!/bin/sh\ntrue\n".into() });
    other
}

fn nodes(machine: &Machine) -> Vec<Node> {
    machine.cloud.truth("video").nodes.into_iter().filter(Node::exists).collect()
}

fn ids(machine: &Machine) -> BTreeSet<String> {
    nodes(machine).into_iter().map(|node| node.id).collect()
}

fn ready(machine: &Machine) -> usize {
    nodes(machine).iter().filter(|node| matches!(node.report, Some(Report::Ready | Report::Degraded(_)))).count()
}

/// `up`, and the fewest nodes that were ready at any moment of it.
async fn up_watched(machine: &Machine, spec: &Spec) -> (Result<Outcome, Failed>, usize) {
    let mut fewest = ready(machine);
    let up = machine.up(spec);
    tokio::pin!(up);
    loop {
        tokio::select! {
            outcome = &mut up => return (outcome, fewest),
            () = tokio::time::sleep(Duration::from_millis(500)) => fewest = fewest.min(ready(machine)),
        }
    }
}

fn told(plan: &Plan) -> String {
    plan.actions.iter().flat_map(|action| action.reasons.clone()).collect::<Vec<_>>().join("\n")
}

fn batches(plan: &Plan) -> Vec<usize> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.op {
            Op::Delete { ids } => Some(ids.len()),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn no_more_are_away_at_once_than_the_spec_allows() {
    for (most, sizes, fewest) in [
        (MaxAway::Nodes(1), vec![1, 1, 1, 1, 1], 4),
        (MaxAway::Nodes(2), vec![2, 2, 1], 3),
        (MaxAway::Percent(50), vec![2, 2, 1], 3),
        (MaxAway::Percent(1), vec![1, 1, 1, 1, 1], 4),
        (MaxAway::Nodes(9), vec![5], 0),
    ] {
        let machine = world(Settings::default());
        let spec = careful(5, most);
        machine.must_up(&spec).await;
        let before = ids(&machine);
        let other = with_setup(&spec);
        let plan = machine.plan(Purpose::Up, Some(&other)).await.plan;
        assert_eq!(plan.worst(), Danger::DestroysCompute);
        assert_eq!(batches(&plan), sizes, "{}", told(&plan));
        for id in &before {
            assert!(told(&plan).contains(id.as_str()), "{id} is not named: {}", told(&plan));
        }
        let (outcome, seen) = up_watched(&machine, &other).await;
        assert_complete(&outcome, &machine);
        assert_eq!(seen, fewest, "with {most:?}");
        machine.must_hold();
        assert!(ids(&machine).is_disjoint(&before));
        assert_eq!(ids(&machine).len(), 5);
        machine.must_up(&other).await;
        machine.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_all_go_at_once_and_the_plan_says_so() {
    let machine = world(Settings::default());
    let spec = spec(&[4], &["/train"]);
    machine.must_up(&spec).await;
    let other = with_setup(&spec);
    let plan = machine.plan(Purpose::Up, Some(&other)).await.plan;
    assert_eq!(batches(&plan), [4]);
    assert!(told(&plan).contains("All of them go at once"), "{}", told(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_stops_the_rest_and_up_goes_on_where_it_stopped() {
    let machine = world(Settings::default());
    let spec = careful(4, MaxAway::Nodes(1));
    machine.must_up(&spec).await;
    let before = ids(&machine);
    // The second that comes: the sixth ever launched.
    machine.cloud.adjust(|settings| settings.nodes.push((Which::Node("g0".into(), 5), Boot::Failed("bad".into()))));
    let other = with_setup(&spec);
    let Ok(Outcome::Ran { report, .. }) = machine.up(&other).await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    let [(_, Failure::Nodes { nodes })] = &report.failures[..] else { panic!("{:?}", report.failures) };
    assert_eq!(nodes.len(), 1);
    assert_eq!(before.intersection(&ids(&machine)).count(), 2, "the rest is as it was");
    assert_eq!(ids(&machine).len(), 4);

    let plan = machine.plan(Purpose::Up, Some(&other)).await.plan;
    assert_eq!(batches(&plan), [1, 1, 1], "{}", told(&plan));
    let (outcome, fewest) = up_watched(&machine, &other).await;
    assert_complete(&outcome, &machine);
    assert_eq!(fewest, 3, "a failed one counts as away");
    machine.must_up(&other).await;
    assert!(ids(&machine).is_disjoint(&before));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_taken_back_half_way_ends_what_is_new() {
    let machine = world(Settings::default());
    let spec = careful(4, MaxAway::Nodes(1));
    machine.must_up(&spec).await;
    let before = ids(&machine);
    machine.cloud.adjust(|settings| settings.nodes.push((Which::Node("g0".into(), 4), Boot::Failed("bad".into()))));
    let Ok(Outcome::Ran { .. }) = machine.up(&with_setup(&spec)).await else { panic!("it ran") };
    machine.must_up(&spec).await;
    assert_eq!(before.intersection(&ids(&machine)).count(), 3, "three never left");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_of_a_rolling_change_doubles_and_loses_nothing() {
    let spec = careful(3, MaxAway::Nodes(1));
    let other = with_setup(&spec);
    let requests = {
        let machine = world(quick(0));
        machine.must_up(&spec).await;
        let before = machine.cloud.requests("laptop");
        machine.must_up(&other).await;
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=requests {
        let when = if number % 2 == 0 { When::Before } else { When::After };
        let first = world(quick(0));
        first.must_up(&spec).await;
        let dying = machine(&first.cloud, "desk");
        dying.cloud.fault_at(number, Fault::Crash(when));
        tokio::select! {
            _ = dying.up(&other) => {}
            () = dying.cloud.crashed() => {}
        }
        dying.must_hold();
        let next = machine(&first.cloud, "desk again");
        if number % 3 > 0 {
            next.must_up(&other).await;
            assert_eq!(ids(&next).len(), 3);
        }
        next.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_too_many_the_degraded_go_before_the_newest_and_failed_ones_first() {
    let machine = world(Settings::default());
    let boot = |nth, boot| (Which::Node("g0".into(), nth), boot);
    machine.cloud.adjust(|settings| {
        settings.nodes.push(boot(0, Boot::Degraded("no GDS".into())));
        settings.nodes.push(boot(2, Boot::Failed("setup exited 1".into())));
    });
    let mut spec = spec(&[5], &["/train"]);
    let Ok(Outcome::Ran { report, .. }) = machine.up(&spec).await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    let of = |wanted: fn(&Report) -> bool| -> Vec<String> {
        nodes(&machine)
            .iter()
            .filter(|node| node.report.as_ref().is_some_and(wanted))
            .map(|node| node.id.clone())
            .collect()
    };
    let failed = of(|report| matches!(report, Report::Failed(_)));
    let degraded = of(|report| matches!(report, Report::Degraded(_)));
    let newest = ids(&machine).into_iter().rfind(|id| !failed.contains(id) && !degraded.contains(id));
    let newest = newest.expect("three are good");
    spec.nodes[0].count = 2;
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    let removed: Vec<String> = plan
        .steps
        .iter()
        .find_map(|step| match &step.op {
            Op::Delete { ids } => Some(ids.clone()),
            _ => None,
        })
        .expect("three go");
    assert_eq!(removed, [failed[0].clone(), degraded[0].clone(), newest]);
    let told = told(&plan);
    assert!(removed.iter().all(|id| told.contains(&format!("{id} goes"))), "{told}");
    machine.must_up(&spec).await;
    machine.must_down().await;
}
