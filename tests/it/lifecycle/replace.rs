//! `replace`: one node ends and another comes, and nothing else changes.

use std::collections::BTreeSet;
use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::prepare::{Failed, Request, prepare};
use provision::plan::{Danger, Options, Purpose};
use provision::simulated::{Fault, Settings, When};
use provision::spec::Spec;

use super::harness::{Machine, assert_complete, group, machine, quick, spec, world};

fn ids(machine: &Machine) -> BTreeSet<String> {
    let truth = machine.cloud.truth("video");
    truth.nodes.iter().filter(|node| node.exists()).map(|node| node.id.clone()).collect()
}

fn request(machine: &Machine, spec: &Spec, id: &str) -> Request {
    let request = machine.request(Purpose::Up, Some(spec), Options::default());
    Request { replace: vec![id.to_owned()], ..request }
}

async fn replace(machine: &Machine, spec: &Spec, id: &str) -> Result<Outcome, Failed> {
    machine.run_request(request(machine, spec, id)).await
}

fn refusal(outcome: Result<Outcome, Failed>) -> &'static str {
    let Ok(Outcome::Refused(prepared)) = outcome else { panic!("{outcome:?}") };
    prepared.plan.findings[0].code
}

#[tokio::test(start_paused = true)]
async fn the_node_that_was_named_and_no_other_is_replaced() {
    let machine = world(Settings::default());
    let mut spec = spec(&[4], &["/train"]);
    spec.nodes.push(group("data", 2));
    machine.must_up(&spec).await;
    let before = ids(&machine);
    let named = before.iter().nth(1).expect("there are six").clone();
    let asked = request(&machine, &spec, &named);
    let plan = prepare(&machine.cloud, &machine.clock, &asked).await.expect("it can be planned").plan;
    assert_eq!(plan.worst(), Danger::DestroysCompute);
    let told: Vec<&String> = plan.actions.iter().flat_map(|action| &action.reasons).collect();
    assert!(told.iter().any(|reason| **reason == format!("{named} is replaced: it was named.")), "{told:?}");

    let sent = |operation: &str| machine.cloud.history().matches(operation).count();
    let (ended, launched) = (sent("ec2:TerminateInstances"), sent("ec2:RunInstances"));
    assert_complete(&replace(&machine, &spec, &named).await, &machine);
    machine.must_hold();
    assert_eq!((sent("ec2:TerminateInstances"), sent("ec2:RunInstances")), (ended + 1, launched + 1));
    let after = ids(&machine);
    assert_eq!(after.len(), 6);
    assert_eq!(before.difference(&after).collect::<Vec<_>>(), [&named]);
    // `up` finds nothing to do, and who asks again for the same node has it already.
    let Ok(Outcome::Nothing(_)) = machine.up(&spec).await else { panic!("it is complete") };
    let Ok(Outcome::Nothing(_)) = replace(&machine, &spec, &named).await else { panic!("it is gone") };
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn what_else_the_spec_would_change_is_refused() {
    let machine = world(Settings::default());
    let spec = spec(&[2], &["/train"]);
    machine.must_up(&spec).await;
    let before = ids(&machine);
    let named = before.first().expect("there are two").clone();
    let changes: [fn(&mut Spec); 3] = [
        |spec| spec.nodes[0].count = 3,
        |spec| spec.storage.capacity_gib = Some(9600),
        |spec| spec.nodes[0].root_volume_gib = 300,
    ];
    let mutations = machine.cloud.mutations("laptop");
    for change in changes {
        let mut other = spec.clone();
        change(&mut other);
        assert_eq!(refusal(replace(&machine, &other, &named).await), "replace::more");
    }
    assert_eq!(refusal(replace(&machine, &spec, "i-of-somebody-else").await), "replace::not-ours");
    assert_eq!(machine.cloud.mutations("laptop"), mutations);
    assert_eq!(ids(&machine), before);
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_cluster_is_not_touched() {
    let machine = world(Settings::default());
    let spec = spec(&[2], &["/train"]);
    machine.must_up(&spec).await;
    let mut other = spec.clone();
    other.cluster.name = "audio".into();
    let request = machine.request_for("audio", Purpose::Up, Some(&other), Options::default());
    assert_complete(&machine.run_request(request).await, &machine);
    let theirs = machine.cloud.truth("audio").nodes[0].id.clone();
    assert_eq!(refusal(replace(&machine, &spec, &theirs).await), "replace::not-ours");
    assert!(machine.cloud.truth("audio").nodes.iter().all(provision::observed::Node::exists));
}

#[tokio::test(start_paused = true)]
async fn while_another_run_is_at_work_nothing_is_replaced() {
    let first = world(Settings::default());
    let mut spec = spec(&[2], &["/train"]);
    first.must_up(&spec).await;
    let before = ids(&first);
    let named = before.first().expect("there are two").clone();
    let second = machine(&first.cloud, "desk");
    let small = spec.clone();
    tokio::time::advance(Duration::from_secs(7 * 3600)).await;
    spec.storage.capacity_gib = Some(9600);
    let (up, replaced) = tokio::join!(first.up(&spec), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        replace(&second, &small, &named).await
    });
    assert_complete(&up, &first);
    assert!(!matches!(replaced, Ok(Outcome::Ran { .. })), "{replaced:?}");
    assert_eq!(ids(&first), before);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_every_request_ends_with_as_many_nodes_as_wanted_and_none_twice() {
    let spec = spec(&[2], &["/train"]);
    let requests = {
        let machine = world(quick(0));
        machine.must_up(&spec).await;
        let named = ids(&machine).first().expect("there are two").clone();
        let before = machine.cloud.requests("laptop");
        assert_complete(&replace(&machine, &spec, &named).await, &machine);
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=requests {
        for when in [When::Before, When::After] {
            let first = world(quick(0));
            first.must_up(&spec).await;
            let named = ids(&first).first().expect("there are two").clone();
            let dying = machine(&first.cloud, "desk");
            dying.cloud.fault_at(number, Fault::Crash(when));
            tokio::select! {
                _ = replace(&dying, &spec, &named) => {}
                () = dying.cloud.crashed() => {}
            }
            dying.must_hold();
            let next = machine(&first.cloud, "desk again");
            next.must_up(&spec).await;
            assert_eq!(ids(&next).len(), 2, "{number} {when:?}\n{}", next.cloud.history());
            next.must_down().await;
        }
    }
}
