//! Limits, keys and reservations are looked at before anything is made, and only while they are open.

use provision::apply::Outcome;
use provision::apply::prepare::Failed;
use provision::cloud::{Bucket, Class, CloudError, InUse, Key, QuotaId, Reservation};
use provision::plan::Purpose;
use provision::simulated::Settings;
use provision::spec::{Flow, Market, Placement, Spec};

use super::harness::{Machine, spec, world};

/// What a plan for it says, by code.
async fn codes(machine: &Machine, spec: &Spec) -> Vec<&'static str> {
    let prepared = machine.plan(Purpose::Up, Some(spec)).await;
    prepared
        .plan
        .findings
        .iter()
        .map(|finding| finding.code)
        .filter(|code| !["network::no-address", "place::chosen"].contains(code))
        .collect()
}

fn quota(service: &str, code: &str) -> QuotaId {
    QuotaId { service: service.into(), code: code.into() }
}

#[tokio::test(start_paused = true)]
async fn everything_wrong_is_told_at_once_and_nothing_is_made() {
    let mut settings = Settings::default();
    settings.limits.insert(quota("ec2", "L-417A185B"), 192);
    settings.limits.insert(quota("fsx", "L-8F1B9C74"), 1200);
    settings.keys.insert("alias/off".into(), Key::Found { state: "Disabled".into(), encrypts: true });
    settings.unversioned.insert("acme".into());
    let machine = world(settings);
    let mut wanted = spec(&[2, 1], &["/out"]);
    wanted.storage.kms_key = Some("alias/off".into());
    wanted.datasets[0].export.push(Flow::Deleted);
    wanted.nodes[1].market = Market::Reservation("cr-gone".into());
    let expected =
        ["dataset::versioning", "storage::kms-key", "reservation::missing", "quota::exceeded", "quota::exceeded"];
    assert_eq!(codes(&machine, &wanted).await, expected);
    let outcome = machine.up(&wanted).await;
    assert!(matches!(outcome, Ok(Outcome::Refused(_))), "{outcome:?}");
    assert_eq!(machine.cloud.mutations("laptop"), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_place_the_rest_is_told_all_the_same() {
    let mut settings = Settings::default();
    settings.offerings.insert("p5.48xlarge".into(), [].into());
    settings.keys.insert("alias/off".into(), Key::Missing);
    settings.buckets.insert("acme".into(), Bucket::Missing);
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/out"]);
    wanted.storage.kms_key = Some("alias/off".into());
    let Err(Failed::Refused(told)) = machine.up(&wanted).await else { panic!("it cannot be planned") };
    let codes: Vec<&str> = told.iter().map(|each| each.code).collect();
    assert_eq!(codes, ["place::zone", "dataset::bucket", "storage::kms-key"]);
}

#[tokio::test(start_paused = true)]
async fn silence_and_small_limits_that_are_kept_are_no_error() {
    let mut settings = Settings::default();
    for service in ["servicequotas", "kms", "s3"] {
        let why = CloudError::new(format!("{service}:Get"), Class::Unreachable, "no answer in time");
        settings.silent.insert(service.into(), why);
    }
    let machine = world(settings);
    let mut wanted = spec(&[2], &["/out"]);
    wanted.storage.kms_key = Some("alias/any".into());
    wanted.datasets[0].export.push(Flow::Deleted);
    assert_eq!(codes(&machine, &wanted).await, ["preflight::unanswered"]);
    machine.must_up(&wanted).await;
    assert_eq!(codes(&machine, &wanted).await, [""; 0], "what is there is asked about no more");
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_counts_once() {
    let mut settings = Settings::default();
    // Room for three nodes beside the one that somebody else runs.
    settings.limits.insert(quota("ec2", "L-417A185B"), 4 * 192);
    settings.in_use = InUse { on_demand: Some([("p5.48xlarge".into(), 1)].into()), ..InUse::default() };
    let machine = world(settings);
    machine.must_up(&spec(&[2], &["/out"])).await;
    assert_eq!(codes(&machine, &spec(&[4], &["/out"])).await, ["quota::exceeded"]);
    machine.must_up(&spec(&[3], &["/out"])).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_cluster_goes_where_its_capacity_is() {
    let mut settings = Settings::default();
    let reservation = Reservation {
        instance: "p5.48xlarge".into(),
        zone: "us-east-1c".into(),
        state: "active".into(),
        free: 2,
        is_block: None,
        starts: None,
        ends: None,
        placement_group: None,
    };
    settings.reservations.insert("cr-1".into(), reservation);
    let machine = world(settings);
    let mut wanted = spec(&[2], &[]);
    wanted.nodes[0].market = Market::Reservation("cr-1".into());
    wanted.nodes[0].placement = Placement::None;
    let prepared = machine.plan(Purpose::Up, Some(&wanted)).await;
    assert_eq!(prepared.plan.zone.as_deref(), Some("us-east-1c"));
    machine.must_up(&wanted).await;
}
