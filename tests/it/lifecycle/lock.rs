//! One run at a time: the lease, its end, and its takeover.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::apply::event::Ending;
use provision::apply::lease::{Holder, LEASE, acquire};
use provision::apply::{Outcome, lease};
use provision::cloud::{Class, Clock, Cloud};
use provision::simulated::{Fault, When};

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

fn holder(machine: &Machine) -> Holder {
    let now = machine.clock.now();
    let name = machine.cloud.name().to_owned();
    Holder {
        who: name.clone(),
        machine: name.clone(),
        process: 1,
        process_started: "1".into(),
        run: name,
        command: "up".into(),
        since: now,
        until: now,
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_that_act_on_the_same_old_look_at_most_one_gets_the_lease() {
    for seed in 0..200 {
        let first = world(quick(seed));
        let others: Vec<Machine> = (0..3).map(|n| machine(&first.cloud, &format!("other-{n}"))).collect();
        // One look is from before a lease that has ended since was removed, the other from after.
        let ended = serde_json::to_string(&holder(&first)).expect("it is plain data");
        let old = BTreeMap::from([("/provision/video/lock/1".to_owned(), ended)]);
        let mut won = 0;
        let mut pending = tokio::task::JoinSet::new();
        for (number, other) in others.into_iter().enumerate() {
            let look = if number % 2 == 0 { BTreeMap::new() } else { old.clone() };
            pending.spawn(async move {
                acquire(&other.cloud, &other.clock, "video", &look, holder(&other), &|_| false).await.is_ok()
            });
        }
        while let Some(got) = pending.join_next().await {
            won += usize::from(got.expect("it ends"));
        }
        assert!(won <= 1, "{won} with seed {seed}\n{}", first.cloud.history());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_of_another_machine_is_waited_out_and_taken_over() {
    let spec = spec(&[2], &["/train"]);
    let dying = world(quick(0));
    dying.cloud.fault_at_operation("fsx:CreateFileSystem", 1, Fault::Crash(When::After));
    tokio::select! {
        _ = dying.up(&spec) => panic!("it dies"),
        () = dying.cloud.crashed() => {}
    }
    let other = machine(&dying.cloud, "desk");
    let before = other.clock.elapsed();
    other.must_up(&spec).await;
    let waited = other.clock.elapsed().saturating_sub(before);
    assert!(waited < Duration::from_secs(LEASE.as_secs().unsigned_abs() + 60), "{waited:?}");
    other.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lives_is_named_to_the_next() {
    let spec = spec(&[2], &["/train"]);
    let mut slow = quick(0);
    slow.delays.file_system_create = Duration::from_secs(600);
    let first = world(slow);
    let second = machine(&first.cloud, "desk");
    let (one, other) = tokio::join!(first.up(&spec), async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        second.down().await
    });
    assert_complete(&one, &first);
    let Ok(Outcome::Held(holder)) = other else { panic!("{other:?}") };
    assert_eq!((holder.who.as_str(), holder.command.as_str()), ("ana@laptop", "up"));
    first.must_hold();
    second.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_the_lease_stops_before_the_next_mutating_call() {
    let spec = spec(&[2], &["/train", "/out"]);
    let mut slow = quick(0);
    slow.delays.file_system_create = Duration::from_secs(300);
    let first = world(slow);
    // Every renewal fails: to others this run is as good as dead.
    for nth in 3..200 {
        first.cloud.fault_at_operation("ssm:PutParameter", nth, Fault::FailBefore(Class::Transient));
    }
    let second = machine(&first.cloud, "desk");
    let (one, other) = tokio::join!(first.up(&spec), async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        second.up(&spec).await
    });
    assert_complete(&other, &second);
    let Ok(Outcome::Ran { report, .. }) = one else { panic!("{one:?}") };
    assert_eq!(report.ending, Ending::LostLock, "{report:?}\n{}", first.cloud.history());
    second.must_hold();
    second.must_up(&spec).await;
    second.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_leaves_nothing() {
    let only = world(quick(0));
    let held = acquire(&only.cloud, &only.clock, "video", &BTreeMap::new(), holder(&only), &|_| false)
        .await
        .expect("it is free");
    assert!(lease::was_held("video", &held.parameters));
    held.lease.release(&only.cloud).await.expect("it can be given back");
    assert!(only.cloud.parameters("/provision/video").await.expect("they can be read").is_empty());
}
