//! Faults and crashes: what is left behind, and that a run is the same from the same seed.

use std::time::Duration;

use super::*;
use crate::cloud::Remains;
use crate::simulated::{Fault, Lag, Weather, When, check};

/// Runs `make_all` as a process that may crash. Whether it lived.
async fn run(cluster: &Cluster, client: &str) -> bool {
    let mut process = cluster.client(client);
    let cloud = process.cloud.clone();
    tokio::select! {
        made = process.make_all(2) => made.is_ok(),
        () = cloud.crashed() => false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_request_is_made_good_by_the_next_process() {
    let whole = Cluster::quick();
    assert!(run(&whole, "whole").await);
    let requests = whole.cloud.requests("whole");
    assert_eq!(requests, whole.cloud.mutations("whole"));
    for number in 1..=requests {
        for when in [When::Before, When::After] {
            let cluster = Cluster::quick();
            let victim = cluster.cloud.client("victim");
            victim.fault_at(number, Fault::Crash(when));
            assert!(!run(&cluster, "victim").await);
            assert!(victim.is_dead());
            let handled = number - usize::from(when == When::Before);
            assert_eq!(cluster.cloud.requests("victim"), number);
            assert_eq!(check(&cluster.cloud), [], "{}", cluster.cloud.history());

            assert!(run(&cluster, "heir").await, "after {handled} of {requests}:\n{}", cluster.cloud.history());
            let there =
                |cluster: &Cluster| cluster.truth().resources.into_iter().map(|seen| seen.fields).collect::<Vec<_>>();
            assert_eq!(there(&cluster), there(&whole));
            assert_eq!(cluster.nodes().len(), 2);
            assert_eq!(check(&cluster.cloud), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_dead_never_hear_again() {
    let cluster = Cluster::quick();
    cluster.cloud.kill();
    let answer = tokio::time::timeout(Duration::from_secs(1_000_000), cluster.cloud.identity()).await;
    assert!(answer.is_err());
    assert!(cluster.cloud.client("other").identity().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_leaves_what_was_made() {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    cluster.cloud.fault_at_operation("fsx:CreateFileSystem", 1, Fault::FailBefore(Class::Throttled));
    cluster.cloud.fault_at_operation("fsx:CreateFileSystem", 2, Fault::FailAfter(Class::Transient));
    assert_eq!(cluster.make_file_system().await.unwrap_err().remains, Remains::Nothing);
    assert!(cluster.truth().file_system().is_none());
    let lost = cluster.make_file_system().await.unwrap_err();
    assert_eq!(
        (lost.class, lost.remains, lost.operation.as_str()),
        (Class::Transient, Remains::Perhaps, "fsx:CreateFileSystem")
    );
    let made = cluster.truth().file_system().cloned().unwrap();
    assert_eq!(cluster.make_file_system().await.unwrap().id, made.id);
}

#[tokio::test(start_paused = true)]
async fn slow_and_hanging_requests() {
    let cluster = Cluster::quick();
    let number = |nth, fault| cluster.cloud.fault_at(nth, fault);
    number(1, Fault::Slow(Duration::from_secs(30)));
    number(2, Fault::Hang(When::After));
    number(3, Fault::Throttle);
    cluster.cloud.identity().await.unwrap();
    assert_eq!(cluster.cloud.clock().elapsed(), Duration::from_secs(30));

    let order =
        cluster.order(&trainer(Kind::Placement), Resource::Placement(PlacementGroup { name: "p".to_owned() }), 1);
    let silence = cluster.cloud.create(&order).await.expect_err("no answer");
    assert_eq!((silence.class, silence.remains), (Class::Transient, Remains::Perhaps));
    assert_eq!(cluster.truth().resources.len(), 1, "handled, but never answered");
    assert_eq!(class(cluster.cloud.identity().await), Class::Throttled);
}

#[tokio::test(start_paused = true)]
async fn a_seed_fixes_a_run() {
    let history = |seed| async move {
        let lag = Lag { resources: Duration::from_secs(20), ..Lag::default() };
        let mut cluster = Cluster::new(Simulated::new(Settings { lag, ..Settings::seeded(seed) }));
        cluster.cloud.weather(Weather {
            fail_before: 100,
            fail_after: 100,
            throttle: 100,
            slow: 100,
            ..Weather::default()
        });
        while cluster.make_all(2).await.is_err() {
            after(1).await;
        }
        cluster.cloud.history()
    };
    assert_eq!(history(3).await, history(3).await);
    assert_ne!(history(3).await, history(4).await);
}
