//! What keeps nodes from being launched, and where a cluster lives because of it.

use provision::apply::event::Failure;
use provision::apply::{Outcome, Report};
use provision::cloud::{Class, Reservation};
use provision::desired::Kind;
use provision::plan::{Plan, Purpose};
use provision::simulated::Settings;
use provision::spec::Market;

use super::harness::{Machine, quick, spec, world};

fn report(outcome: Result<Outcome, provision::apply::prepare::Failed>, machine: &Machine) -> Report {
    match outcome {
        Ok(Outcome::Ran { report, .. }) => report,
        other => panic!("{other:?}\n{}", machine.cloud.history()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_refuses_a_launch_is_named_with_what_was_wanted() {
    let machine = world(Settings { quotas: [(Kind::Nodes, 1)].into(), ..quick(0) });
    let report = report(machine.up(&spec(&[2], &["/train"])).await, &machine);
    let [(address, Failure::Cloud { error })] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((address.to_string().as_str(), error.class), ("nodes.g0", Class::Quota));
    let limit = error.limit.as_ref().and_then(|limit| limit.quota.as_ref()).expect("it is named");
    assert_eq!((limit.code.as_str(), limit.more), ("L-417A185B", 2 * 192));
}

/// What the plan says of the place, one line each.
fn place_notes(plan: &Plan) -> Vec<String> {
    let finding = plan.findings.iter().find(|finding| finding.code == "place::chosen");
    finding.map(|it| [vec![it.title.clone()], it.notes.clone()].concat()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_choice_of_a_zone_is_reasoned_once_and_stays() {
    let mut settings = quick(0);
    settings.subnets[1].free_addresses = 3;
    settings.offerings.insert("p5.48xlarge".into(), ["us-east-1b".into(), "us-east-1c".into()].into());
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/train"]);
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan),
        [
            "the cluster is to live in us-east-1c (subnet-c)",
            "it is the only one that nothing speaks against",
            "us-east-1a (subnet-a) is ruled out: does not offer p5.48xlarge",
            "us-east-1b (subnet-b) is ruled out: 3 free addresses, 5 needed",
        ]
    );
    machine.must_up(&wanted).await;
    // Now every zone would do, and another one comes first.
    machine.cloud.adjust(|settings| {
        settings.offerings.clear();
        settings.subnets[1].free_addresses = 4000;
    });
    wanted.network.subnets = vec!["subnet-b".into(), "subnet-a".into(), "subnet-c".into()];
    wanted.nodes[0].count = 3;
    let later = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(place_notes(&later.plan), [""; 0]);
    let lives = later.plan.place.clone().expect("it lives somewhere");
    assert_eq!((lives.place.zone.as_str(), lives.is_new), ("us-east-1c", false));
    let choice = lives.choice.expect("why, is in the record");
    assert_eq!((choice.reasons.len(), choice.ruled_out.len()), (1, 2));
    machine.must_up(&wanted).await;
    assert!(machine.cloud.truth("video").nodes.iter().all(|node| node.zone == "us-east-1c"));
}

#[tokio::test(start_paused = true)]
async fn where_several_would_do_the_order_is_said() {
    let machine = world(quick(0));
    let mut wanted = spec(&[2], &["/train"]);
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan)[1..],
        [
            "by name it is the first zone of the default VPC that nothing speaks against",
            "possible as well: us-east-1b (subnet-b), us-east-1c (subnet-c)",
        ]
    );
    wanted.network.subnets = vec!["subnet-c".into(), "subnet-a".into()];
    wanted.nodes[0].market = Market::Reservation("cr-1".into());
    let reserved = Reservation {
        instance: "p5.48xlarge".into(),
        zone: "us-east-1a".into(),
        state: "active".into(),
        free: 2,
        is_block: Some(false),
        starts: None,
        ends: None,
    };
    machine.cloud.adjust(|settings| {
        settings.reservations.insert("cr-1".into(), reserved);
    });
    let first = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(
        place_notes(&first.plan),
        [
            "the cluster is to live in us-east-1a (subnet-a)",
            "the capacity reserved for nodes.g0 is there (cr-1)",
            "it is the only one that nothing speaks against",
            "us-east-1c (subnet-c) is ruled out: the capacity reserved for nodes.g0 is in us-east-1a",
        ]
    );
}
