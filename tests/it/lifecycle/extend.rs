//! A ttl, and what moves its end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provision::apply::Outcome;
use provision::apply::extend::{Extended, Longer, NotExtended, extend};
use provision::apply::lease::Holder;
use provision::cloud::Clock as _;
use provision::desired::{TAG_TTL, TAG_UNTIL};
use provision::observed::Node;
use provision::plan::{Options, Purpose};
use provision::simulated::Settings;
use provision::spec::Spec;

use super::harness::{CLUSTER, Machine, spec, world};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn mortal(groups: &[u32]) -> Spec {
    let mut spec = spec(groups, &["/train"]);
    spec.cluster.ttl = Some(DAY * 3);
    spec
}

async fn longer(machine: &Machine, longer: Longer) -> Result<Extended, NotExtended> {
    let now = machine.clock.now();
    let holder = Holder {
        who: "me".into(),
        machine: "desk".into(),
        process: 1,
        process_started: String::new(),
        run: "extend-1".into(),
        command: "extend".into(),
        since: now,
        until: now,
    };
    let request = machine.request(Purpose::Down, None, Options::default());
    extend(&machine.cloud, &machine.clock, &request, longer, holder, &|_| false).await
}

async fn refused(machine: &Machine, how: Longer) -> String {
    match longer(machine, how).await {
        Err(NotExtended::Impossible { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

fn nodes(machine: &Machine) -> Vec<Node> {
    let nodes = machine.cloud.truth(CLUSTER).nodes;
    nodes.into_iter().filter(Node::exists).collect()
}

fn ends(machine: &Machine) -> Vec<Timestamp> {
    nodes(machine).iter().map(|node| node.ends().expect("it has a ttl")).collect()
}

#[tokio::test(start_paused = true)]
async fn an_extension_holds_for_the_next_up_and_for_nodes_made_later() {
    let machine = world(Settings::default());
    machine.must_up(&mortal(&[2, 1])).await;
    let last = ends(&machine).into_iter().max().expect("nodes have ends");
    let extended = longer(&machine, Longer::By(DAY)).await.expect("it is extended");
    assert_eq!((extended.nodes, extended.before), (3, last));
    assert!(extended.until >= last + DAY && extended.until < last + DAY + SignedDuration::from_secs(1));
    assert!(ends(&machine).iter().all(|end| *end == extended.until));
    machine.must_hold();

    let again = machine.up(&mortal(&[2, 1])).await;
    let Ok(Outcome::Nothing(again)) = again else { panic!("{again:?}") };
    assert_eq!(again.plan.cost.until, Some(extended.until), "the plan says when the nodes end");
    // Another ttl is for nodes to come; those of today keep their end.
    machine
        .must_up(&Spec {
            cluster: {
                let mut it = mortal(&[]).cluster;
                it.ttl = Some(DAY);
                it
            },
            ..mortal(&[2, 1])
        })
        .await;
    machine.must_up(&mortal(&[4, 1])).await;
    let all = ends(&machine);
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|end| *end == extended.until), "{all:?}");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn after_the_end_up_starts_anew() {
    let machine = world(Settings::default());
    machine.must_up(&mortal(&[2])).await;
    let extended = longer(&machine, Longer::By(DAY)).await.expect("it is extended");
    tokio::time::sleep(Duration::from_secs(5 * 24 * 3600)).await;
    for node in nodes(&machine) {
        machine.cloud.interrupt(&node.id, "Client.InstanceInitiatedShutdown");
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    machine.must_up(&mortal(&[2])).await;
    for node in nodes(&machine) {
        assert!(!node.tags.contains_key(TAG_UNTIL), "{:?}", node.tags);
        assert_eq!(node.tags.get(TAG_TTL).map(String::as_str), Some("259200"));
        assert!(node.ends().expect("it has an end") > extended.until);
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_without_an_end_are_not_extended() {
    let machine = world(Settings::default());
    assert!(refused(&machine, Longer::By(DAY)).await.contains("no nodes"));
    machine.must_up(&spec(&[2], &[])).await;
    assert!(refused(&machine, Longer::By(DAY)).await.starts_with("2 of 2 nodes do not say that they have a ttl: i-"));
}

#[tokio::test(start_paused = true)]
async fn an_end_only_moves_later_and_only_where_nodes_see_it() {
    let machine = world(Settings::default());
    machine.must_up(&mortal(&[2])).await;
    let before = ends(&machine);
    let now = machine.clock.now();
    assert!(refused(&machine, Longer::Until(now - DAY)).await.contains("only moves later"));
    assert!(refused(&machine, Longer::Until(now + DAY)).await.contains("only moves later"));
    assert!(refused(&machine, Longer::By(DAY * 365)).await.contains("365 days"));
    let id = nodes(&machine)[0].id.clone();
    machine.cloud.tag_by_hand(provision::desired::Kind::Nodes, &id, |tags| {
        tags.insert("cost center".into(), "7".into());
    });
    assert!(refused(&machine, Longer::By(DAY)).await.starts_with("1 of 2 nodes cannot read their tags: i-"));
    assert_eq!(ends(&machine), before);
}
