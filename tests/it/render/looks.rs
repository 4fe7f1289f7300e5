//! What is read of clusters that exist.

use provision::catalog::prices::Prices;
use provision::desired::{Address, Kind};
use provision::observed::{NodeState, Observed, Report, State};
use provision::plan::{CapacityBlock, Options, Plan, Purpose};
use provision::render::list::{Entry, List};
use provision::render::{Theme, list, status as render};
use provision::spec::{Market, Spec};
use provision::status::{Facts, Status, status};

use super::failures::holder;
use super::samples::{desired, export_task, now, observed, plan_of, record, spec};

fn planned(spec: &Spec, observed: &Observed) -> Plan {
    let desired = desired(spec);
    plan_of(Purpose::Up, &desired, observed, &record(&desired), Options::default())
}

fn facts() -> Facts<'static> {
    Facts {
        cluster: "video-pretrain",
        region: "us-east-1",
        mount: Some("/data"),
        preload: &[],
        desired: None,
        record: None,
        holder: None,
        now: now(),
    }
}

fn look(observed: &Observed, spec: Option<&Spec>, facts: &Facts<'_>) -> Status {
    let plan = spec.map(|spec| planned(spec, observed));
    status(observed, plan.as_ref(), facts, Prices::builtin())
}

fn text(status: &Status) -> String {
    render::text(status, &Theme::plain())
}

#[test]
fn a_small_cluster_that_is_well() {
    let spec = spec();
    let seen = observed(&desired(&spec));
    insta::assert_snapshot!("status_well", text(&look(&seen, Some(&spec), &facts())));
}

#[test]
fn a_group_with_fewer_nodes_than_it_may_have_and_enough() {
    let mut spec = spec();
    spec.nodes[0].min_count = Some(6);
    let desired = desired(&spec);
    let mut seen = observed(&desired);
    seen.nodes.truncate(7);
    let status = look(&seen, Some(&spec), &Facts { desired: Some(&desired), ..facts() });
    assert_eq!((status.groups[0].wanted, status.groups[0].min_count), (Some(8), Some(6)));
    let text = text(&status);
    assert!(text.contains("nodes.trainer: 7 ready, 8 wanted (at least 6)"), "{text}");
    assert!(text.contains("7 of 8 nodes ready"), "{text}");
}

#[test]
fn a_small_cluster_with_troubles() {
    let spec = spec();
    let mut seen = observed(&desired(&spec));
    seen.nodes.truncate(7);
    seen.nodes[1].report = Some(Report::Degraded("EFA is not used for Lustre".to_owned()));
    seen.nodes[2].report = None;
    seen.nodes[3].report = Some(Report::Failed("setup.sh ended with 1".to_owned()));
    seen.nodes[4].state = NodeState::Stopped;
    seen.nodes[4].reason = Some("Client.UserInitiatedShutdown".to_owned());
    for resource in &mut seen.resources {
        if resource.id == "dra-train" {
            resource.state = State::Misconfigured;
            resource.lifecycle = "MISCONFIGURED".to_owned();
            resource.reason =
                Some("The bucket's notification was removed; FSx cannot see changes any more.".to_owned());
        }
    }
    seen.tasks.push(export_task());
    let mut failed = export_task();
    failed.id = "task-0122".to_owned();
    failed.state = provision::observed::TaskState::Failed;
    failed.failed = 17;
    failed.report = Some("s3://acme-video/checkpoints/provision-export-reports".to_owned());
    seen.tasks.push(failed);
    let holder = holder();
    let record = record(&desired(&spec));
    let facts = Facts { holder: Some(&holder), record: Some(&record), ..facts() };
    let status = look(&seen, Some(&spec), &facts);
    insta::assert_snapshot!("status_troubles", text(&status));
    let mut short = status.clone();
    short.groups[0].nodes.truncate(1);
    short.others.truncate(1);
    insta::assert_snapshot!("status_json", render::json(&short));
}

#[test]
fn nodes_that_ec2_took_away_and_the_end_of_a_block() {
    let spec = spec();
    let mut seen = observed(&desired(&spec));
    let spot = "Server.SpotInstanceTermination";
    for (number, node) in seen.nodes.iter_mut().enumerate().take(8) {
        let reason = match number {
            0 => format!("{spot}: Spot instance termination (2026-03-05 11:{:02}:00 GMT)", 30 + number),
            1 => "Server.InternalError".to_owned(),
            2 => "Client.UserInitiatedShutdown: User initiated shutdown".to_owned(),
            _ => format!("{spot}: Spot instance termination"),
        };
        node.state = if number == 0 { NodeState::ShuttingDown } else { NodeState::Terminated };
        node.reason = Some(reason);
    }
    let mut plan = planned(&spec, &seen);
    let at = |hours| Some(now() + jiff::SignedDuration::from_hours(hours));
    plan.blocks = vec![CapacityBlock {
        id: "cr-0a".to_owned(),
        groups: vec![Address::named(Kind::Nodes, "trainer")],
        instance: "p5.48xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        state: "active".to_owned(),
        starts: at(-24),
        ends: at(9),
        nodes_end: at(8),
        export_by: at(7),
        checkpoint_by: None,
        launches: 0,
    }];
    let look = |plan: &Plan| text(&status(&seen, Some(plan), &facts(), Prices::builtin()));
    let active = look(&plan);
    "scheduled".clone_into(&mut plan.blocks[0].state);
    plan.blocks[0].starts = at(1);
    let ahead = look(&plan);
    let line = ahead.split("Capacity block").nth(1).unwrap_or_default();
    insta::assert_snapshot!(
        "status_lost",
        format!("{active}\n--- ahead:{}", line.split("\n\n").next().unwrap_or_default())
    );
}

#[test]
fn a_large_cluster_shows_what_is_not_well() {
    let mut spec = spec();
    spec.nodes[0].count = 1000;
    let mut seen = observed(&desired(&spec));
    for (number, node) in seen.nodes.iter_mut().enumerate() {
        match number % 29 {
            0 => node.report = Some(Report::Failed("the mount took too long".to_owned())),
            1 if number < 200 => node.report = None,
            _ => {}
        }
    }
    insta::assert_snapshot!("status_large", text(&look(&seen, None, &facts())));
}

#[test]
fn without_a_spec_only_what_is_seen_is_told() {
    let mut spec = spec();
    spec.nodes[0].market = Market::Spot;
    spec.nodes[0].count = 1;
    let mut seen = observed(&desired(&spec));
    seen.nodes[0].spot = true;
    insta::assert_snapshot!("status_no_spec", text(&look(&seen, None, &facts())));
}

#[test]
fn nothing_is_there() {
    insta::assert_snapshot!("status_nothing", text(&look(&Observed::default(), None, &facts())));
}

#[test]
fn clusters_of_a_region() {
    let spec = spec();
    let seen = observed(&desired(&spec));
    let mut busy = look(&seen, Some(&spec), &facts());
    let holder = holder();
    busy.lock = look(&seen, None, &Facts { holder: Some(&holder), ..facts() }).lock;
    let mut empty = Entry::from(&look(&Observed::default(), None, &facts()));
    empty.cluster = "audio".to_owned();
    let found = List::new("us-east-1", vec![Entry::from(&busy), empty]);
    insta::assert_snapshot!("list", list::text(&found, &Theme::plain()));
    insta::assert_snapshot!("list_json", list::json(&found));
    assert_eq!(list::text(&List::new("us-east-1", Vec::new()), &Theme::plain()), "no clusters in us-east-1\n");
}
