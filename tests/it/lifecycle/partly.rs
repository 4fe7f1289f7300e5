//! Groups that can do with fewer nodes (`min_count`): launched with as many as there are, filled up later, and never less.

use std::collections::BTreeSet;

use provision::apply::event::{Ending, Failure, What};
use provision::apply::prepare::Request;
use provision::apply::{Outcome, PartlyFilled, Report};
use provision::cloud::{Class, Clock as _};
use provision::desired::{Address, Kind, TAG_PEERS};
use provision::observed::Node;
use provision::plan::{Op, Options, Plan, Purpose, Verb};
use provision::record;
use provision::simulated::{Fault, Lag, Settings, When};
use provision::spec::{self, Capacity, MaxAway, Setup, Spec};

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

const P5: &str = "p5.48xlarge";
const P5E: &str = "p5e.48xlarge";

/// A group of `count` nodes of which `least` are enough.
fn wanted(count: u32, least: u32) -> Spec {
    let mut spec = spec(&[count], &["/train"]);
    spec.nodes[0].min_count = Some(least);
    spec
}

fn rooms(rooms: &[(&str, u32)]) -> Settings {
    let mut settings = quick(0);
    for (instance, room) in rooms {
        settings.capacity.insert(((*instance).into(), "us-east-1a".into()), *room);
    }
    settings
}

fn nodes(machine: &Machine) -> Vec<Node> {
    machine.cloud.truth("video").nodes.into_iter().filter(Node::exists).collect()
}

fn ids(machine: &Machine) -> BTreeSet<String> {
    nodes(machine).into_iter().map(|node| node.id).collect()
}

async fn up(machine: &Machine, spec: &Spec) -> Report {
    match machine.up(spec).await {
        Ok(Outcome::Ran { report, .. }) => {
            machine.must_hold();
            report
        }
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

fn partly(nodes: u32, count: u32) -> Vec<PartlyFilled> {
    vec![PartlyFilled { address: Address::named(Kind::Nodes, "g0"), nodes, count }]
}

/// How many nodes each launch is to bring, and with how many it is content.
fn launches(plan: &Plan) -> Vec<(u32, Option<u32>)> {
    let of_nodes = plan.steps.iter().filter(|step| step.address.kind == Kind::Nodes);
    of_nodes
        .filter_map(|step| if let Op::Create { count, least, .. } = step.op { Some((count, least)) } else { None })
        .collect()
}

async fn recorded(machine: &Machine) -> (bool, u32) {
    use provision::cloud::Cloud as _;
    let parameters = machine.cloud.parameters("/provision/video").await.expect("answered");
    let record = record::read("video", &parameters).expect("readable").expect("there");
    let last = &record.tries[&Address::named(Kind::Nodes, "g0")];
    (last.done, last.count)
}

#[tokio::test(start_paused = true)]
async fn as_many_as_there_are_is_a_success_and_a_later_up_fills_the_group() {
    let machine = world(rooms(&[(P5, 3)]));
    let spec = wanted(4, 2);
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, report.partly_filled), (Ending::Complete, partly(3, 4)));
    let first = ids(&machine);
    assert_eq!(first.len(), 3);
    assert_eq!(recorded(&machine).await, (true, 3), "nobody waits for a fourth that was never there");

    // It is not as the spec has it, and the plan says so.
    let looked_at = machine.clock.now();
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert!(machine.clock.now().duration_since(looked_at).as_secs() < 2, "the look waits for nobody");
    assert_eq!(launches(&plan), [(1, Some(0))]);
    let action = plan.actions.iter().find(|action| action.address.kind == Kind::Nodes).expect("it is there");
    assert_eq!((action.verb, plan.has_changes()), (Verb::Update, true));
    let count = action.changes.iter().find(|change| change.field == "count").expect("it changes");
    assert_eq!((count.before.as_deref(), count.after.as_deref()), (Some("3"), Some("4")));

    // Still no room: no error, and nothing is begun.
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, report.partly_filled), (Ending::Complete, partly(3, 4)));
    assert_eq!(recorded(&machine).await, (true, 3));
    let refused = |what: &What| matches!(what, What::PartlyFilled { nodes: 3, count: 4, error: Some(_), .. });
    assert!(machine.events.borrow().iter().any(|event| refused(&event.what)));

    machine.cloud.adjust(|settings| settings.capacity.clear());
    machine.must_up(&spec).await;
    assert_eq!(ids(&machine).len(), 4);
    assert!(ids(&machine).is_superset(&first));
    // Whoever comes later is told whom it joins; `templates/shared.sh` keeps just those in the hostfile.
    let ends: Vec<&str> = first.iter().map(|id| &id[id.len() - 4..]).collect();
    for node in nodes(&machine) {
        let peers = if first.contains(&node.id) { "none".to_owned() } else { ends.join(" ") };
        assert_eq!(node.tags[TAG_PEERS], peers);
    }
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn fewer_than_are_enough_is_no_capacity_and_leaves_no_node() {
    let machine = world(rooms(&[(P5, 1)]));
    let spec = wanted(4, 2);
    let report = up(&machine, &spec).await;
    assert_eq!(report.ending, Ending::Failed);
    let [(_, Failure::Cloud { error })] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((error.class, nodes(&machine).len()), (Class::Capacity, 0));
    machine.cloud.adjust(|settings| *settings.capacity.values_mut().next().expect("there is one") = 2);
    assert_eq!(up(&machine, &spec).await.partly_filled, partly(2, 4));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_falls_below_is_brought_back_to_it_or_fails() {
    let machine = world(rooms(&[(P5, 3)]));
    let spec = wanted(4, 3);
    up(&machine, &spec).await;
    let lost = nodes(&machine)[0].id.clone();
    machine.cloud.interrupt(&lost, "Server.SpotInstanceTermination");
    machine.cloud.adjust(|settings| *settings.capacity.values_mut().next().expect("there is one") = 0);
    tokio::time::sleep(std::time::Duration::from_mins(2)).await;
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert_eq!(launches(&plan), [(2, Some(1))]);
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, nodes(&machine).len()), (Ending::Failed, 2));
    machine.cloud.adjust(|settings| *settings.capacity.values_mut().next().expect("there is one") = 3);
    assert_eq!(up(&machine, &spec).await.partly_filled, partly(3, 4));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn without_min_count_it_is_all_or_nothing() {
    let machine = world(rooms(&[(P5, 3)]));
    let spec = spec(&[4], &["/train"]);
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, nodes(&machine).len()), (Ending::Failed, 0));
    assert_eq!(launches(&machine.plan(Purpose::Up, Some(&spec)).await.plan), [(4, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_no_error_for_a_group_with_enough() {
    let machine = world(quick(0));
    let mut spec = wanted(2, 2);
    machine.must_up(&spec).await;
    machine.cloud.adjust(|settings| settings.quotas = [(Kind::Nodes, 2)].into());
    spec.nodes[0].count = 4;
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, report.partly_filled), (Ending::Complete, partly(2, 4)));
    let events = machine.events.borrow();
    let error = events.iter().find_map(|event| match &event.what {
        What::PartlyFilled { error: Some(error), .. } => Some(error),
        _ => None,
    });
    let limit = error.and_then(|error| error.limit.as_ref()?.quota.as_ref()).expect("the quota is named");
    assert_eq!(limit.code, "L-417A185B");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_crash_at_every_request_launch_no_node_too_many() {
    let spec = wanted(4, 2);
    let requests = {
        let machine = world(rooms(&[(P5, 3)]));
        up(&machine, &spec).await;
        machine.cloud.requests("laptop")
    };
    for (lag, crashes) in [(0, true), (10, true), (0, false)] {
        for number in 1..=requests {
            let mut settings = rooms(&[(P5, 3)]);
            let lag = std::time::Duration::from_secs(lag);
            settings.lag = Lag { resources: lag, tags: lag, parameters: std::time::Duration::ZERO };
            let first = world(settings);
            let when = if number % 2 == 0 { When::Before } else { When::After };
            let fault = if crashes { Fault::Crash(when) } else { Fault::FailAfter(Class::Unknown) };
            first.cloud.fault_at(number, fault);
            tokio::select! {
                _ = first.up(&spec) => {}
                () = first.cloud.crashed() => {}
            }
            first.must_hold();
            let next = machine(&first.cloud, "laptop again");
            assert_complete(&next.up(&spec).await, &next);
            next.must_hold();
            assert_eq!(nodes(&next).len(), 3, "{number}: {}", next.cloud.history());
            // The number that was unknown is known now, and the group is filled up by just those that are missing.
            next.cloud.adjust(|settings| settings.capacity.clear());
            next.must_up(&spec).await;
            assert_eq!(nodes(&next).len(), 4, "{number}: {}", next.cloud.history());
            next.must_down().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_types_the_next_is_for_those_who_have_not_enough_of_the_first() {
    let several = |least| {
        let mut spec = wanted(4, least);
        let group = &mut spec.nodes[0];
        let (efa, placement, capacity) = (group.efa, group.placement, Capacity::None);
        let each = |instance: &str| spec::Alternative { instance: instance.into(), capacity, efa, placement };
        group.alternatives = vec![each(P5), each(P5E)];
        spec
    };
    for (least, instance, count) in [(3, P5, 3), (4, P5E, 4)] {
        let machine = world(rooms(&[(P5, 3), (P5E, 9)]));
        let spec = several(least);
        let outcome = machine.up(&spec).await;
        assert_complete(&outcome, &machine);
        let found: Vec<String> = nodes(&machine).into_iter().map(|node| node.instance).collect();
        assert_eq!(found, vec![instance.to_owned(); count]);
        // The other type stays out of a group that has nodes.
        assert_complete(&machine.up(&spec).await, &machine);
        assert_eq!(nodes(&machine).len(), count);
        machine.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn room_is_asked_for_as_many_as_are_enough() {
    let machine = world(rooms(&[(P5, 3)]));
    let mut spec = wanted(4, 2);
    spec.nodes[0].capacity = Capacity::Probe;
    let report = up(&machine, &spec).await;
    assert_eq!((report.ending, report.partly_filled), (Ending::Complete, partly(3, 4)));
    assert!(nodes(&machine).iter().all(|node| node.zone == "us-east-1a"));
    let asked: Vec<u32> = machine
        .events
        .borrow()
        .iter()
        .filter_map(|event| if let What::Room { count, .. } = event.what { Some(count) } else { None })
        .collect();
    assert_eq!(asked, [2]);
    machine.must_down().await;
}

fn with_setup(spec: &Spec) -> Spec {
    let mut other = spec.clone();
    other.nodes[0].setup = Some(Setup { path: "setup.sh".into(), content: "#!/bin/sh\ntrue\n".into() });
    other
}

#[tokio::test(start_paused = true)]
async fn a_change_rolls_through_a_partly_filled_group() {
    let machine = world(rooms(&[(P5, 4)]));
    let mut spec = wanted(6, 3);
    spec.nodes[0].max_away = Some(MaxAway::Nodes(1));
    up(&machine, &spec).await;
    let before = ids(&machine);
    assert_eq!(before.len(), 4);
    let other = with_setup(&spec);
    let report = up(&machine, &other).await;
    assert_eq!((report.ending, report.partly_filled), (Ending::Complete, partly(4, 6)));
    assert!(ids(&machine).is_disjoint(&before), "all of them are new");
    assert_eq!(recorded(&machine).await, (true, 4));
    machine.cloud.adjust(|settings| settings.capacity.clear());
    machine.must_up(&other).await;
    assert_eq!(ids(&machine).len(), 6);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_stops_where_nothing_comes_back() {
    let machine = world(rooms(&[(P5, 4)]));
    let mut spec = wanted(4, 2);
    spec.nodes[0].max_away = Some(MaxAway::Nodes(1));
    machine.must_up(&spec).await;
    machine.cloud.adjust(|settings| *settings.capacity.values_mut().next().expect("there is one") = 0);
    let report = up(&machine, &with_setup(&spec)).await;
    assert_eq!((report.ending, nodes(&machine).len()), (Ending::Failed, 3), "one went, and the others stay");
    assert!(matches!(&report.failures[..], [(_, Failure::Cloud { error })] if error.class == Class::Capacity));
}

#[tokio::test(start_paused = true)]
async fn all_at_once_a_change_leaves_as_many_as_are_enough() {
    let machine = world(rooms(&[(P5, 4)]));
    let spec = wanted(4, 2);
    machine.must_up(&spec).await;
    machine.cloud.adjust(|settings| *settings.capacity.values_mut().next().expect("there is one") = 3);
    let other = with_setup(&spec);
    assert_eq!(launches(&machine.plan(Purpose::Up, Some(&other)).await.plan), [(4, Some(2))]);
    assert_eq!(up(&machine, &other).await.partly_filled, partly(3, 4));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn one_node_is_replaced_in_a_partly_filled_group() {
    let machine = world(rooms(&[(P5, 3)]));
    let spec = wanted(4, 2);
    up(&machine, &spec).await;
    let before = ids(&machine);
    let named = before.first().expect("there are three").clone();
    let request =
        Request { replace: vec![named.clone()], ..machine.request(Purpose::Up, Some(&spec), Options::default()) };
    let outcome = machine.run_request(request).await;
    assert_complete(&outcome, &machine);
    let after = ids(&machine);
    assert_eq!((after.len(), after.intersection(&before).count()), (3, 2));
    assert!(!after.contains(&named));
    machine.must_hold();
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_of_a_change_through_a_partly_filled_group() {
    let mut spec = wanted(4, 2);
    spec.nodes[0].max_away = Some(MaxAway::Nodes(1));
    let other = with_setup(&spec);
    let requests = {
        let machine = world(rooms(&[(P5, 3)]));
        up(&machine, &spec).await;
        let before = machine.cloud.requests("laptop");
        up(&machine, &other).await;
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=requests {
        let first = world(rooms(&[(P5, 3)]));
        up(&first, &spec).await;
        let old = ids(&first);
        let when = if number % 2 == 0 { When::Before } else { When::After };
        let dying = machine(&first.cloud, "laptop too");
        dying.cloud.fault_at(number, Fault::Crash(when));
        tokio::select! {
            _ = dying.up(&other) => {}
            () = dying.cloud.crashed() => {}
        }
        dying.must_hold();
        assert!(nodes(&dying).len() >= 2, "{number}");
        // What ends still takes its place.
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
        let next = machine(&first.cloud, "laptop again");
        assert_complete(&next.up(&other).await, &next);
        next.must_hold();
        assert!((2..=3).contains(&nodes(&next).len()), "{number}: {}", next.cloud.history());
        assert!(ids(&next).is_disjoint(&old), "{number}: all are changed");
        next.cloud.adjust(|settings| settings.capacity.clear());
        next.must_up(&other).await;
        assert_eq!(nodes(&next).len(), 4);
        next.must_down().await;
    }
}
