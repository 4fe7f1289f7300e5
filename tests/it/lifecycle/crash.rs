//! Killed at every request, before and after the cloud has handled it; then `up` again converges, or `down` leaves nothing.

use std::time::Duration;

use provision::apply::{Outcome, event::Ending};
use provision::plan::{Options, Purpose};
use provision::simulated::{Fault, Lag, Settings, Weather, When, check_clean};
use provision::spec::Spec;

use super::harness::{Machine, machine, quick, spec, world};

/// Runs until it ends or its process dies.
async fn until_dead(machine: &Machine, run: impl Future<Output = ()>) {
    tokio::select! {
        () = run => {}
        () = machine.cloud.crashed() => {}
    }
}

async fn requests_of_up(spec: &Spec) -> usize {
    let machine = world(quick(0));
    machine.must_up(spec).await;
    machine.cloud.requests("laptop")
}

/// The next run on the same machine, whose dead predecessor it knows to be dead.
fn again(before: &Machine) -> Machine {
    machine(&before.cloud, "laptop again")
}

async fn crash_up(spec: &Spec, number: usize, when: When, settings: Settings) -> Machine {
    let dying = world(settings);
    dying.cloud.fault_at(number, Fault::Crash(when));
    until_dead(&dying, async {
        let _ = dying.up(spec).await;
    })
    .await;
    dying.must_hold();
    dying
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_up_at_every_request_and_up_again_converges() {
    let spec = spec(&[2], &["/train", "/out"]);
    for number in 1..=requests_of_up(&spec).await {
        for when in [When::Before, When::After] {
            let dying = crash_up(&spec, number, when, quick(0)).await;
            let next = again(&dying);
            next.must_up(&spec).await;
            next.must_down().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_up_at_every_request_and_down_leaves_nothing() {
    let spec = spec(&[2], &["/train", "/out"]);
    for number in 1..=requests_of_up(&spec).await {
        for when in [When::Before, When::After] {
            let dying = crash_up(&spec, number, when, quick(0)).await;
            again(&dying).must_down().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_beside_answers_that_lag_leaks_and_doubles_nothing() {
    let spec = spec(&[2], &["/train"]);
    let lagging = || {
        let lag = Duration::from_secs(30);
        Settings { lag: Lag { resources: lag, tags: lag, parameters: Duration::ZERO }, ..quick(7) }
    };
    for number in 1..=requests_of_up(&spec).await {
        let dying = crash_up(&spec, number, When::After, lagging()).await;
        let next = again(&dying);
        if number % 2 == 0 {
            next.must_up(&spec).await;
        }
        next.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_down_at_every_request_and_down_again_leaves_nothing() {
    let spec = spec(&[2], &["/train", "/out"]);
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec).await;
        let before = machine.cloud.requests("laptop");
        machine.must_down().await;
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=all {
        for when in [When::Before, When::After] {
            let machine = world(quick(0));
            machine.must_up(&spec).await;
            machine.cloud.write_files("/train", 3);
            machine.cloud.write_files("/out", 3);
            let dying = super::harness::machine(&machine.cloud, "desk");
            dying.cloud.fault_at(number, Fault::Crash(when));
            until_dead(&dying, async {
                let _ = dying.down().await;
            })
            .await;
            dying.must_hold();
            again(&dying).must_down().await;
            assert_eq!(dying.cloud.ledger().lost, 0, "{number} {when:?}\n{}", dying.cloud.history());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_throttling_and_faults_end_in_the_same_place() {
    let spec = spec(&[2], &["/train", "/out"]);
    for seed in 0..40 {
        let machine = world(quick(seed));
        machine.cloud.weather(Weather { fail_before: 20, fail_after: 20, throttle: 40, slow: 20, hang: 0, crash: 0 });
        machine.must_up(&spec).await;
        machine.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_at_any_time_ends_the_run_and_the_next_one_goes_on() {
    let spec = spec(&[2], &["/train", "/out"]);
    for tenths in 0..160 {
        let machine = world(quick(0));
        let stopped = machine.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(tenths * 100)).await;
            stopped.cancel();
        });
        let outcome = machine.up(&spec).await.expect("it ends");
        machine.must_hold();
        let interrupted = matches!(&outcome, Outcome::Ran { report, .. } if report.ending == Ending::Interrupted);
        let complete = matches!(&outcome, Outcome::Ran { report, .. } if report.ending == Ending::Complete);
        // While it looks, there is nothing to be brought to a safe point.
        let before_it_began = matches!(&outcome, Outcome::Declined) && check_clean(&machine.cloud).is_empty();
        assert!(interrupted || complete || before_it_began, "{outcome:?}");
        let next = super::harness::machine(&machine.cloud, "laptop");
        if tenths % 2 == 0 {
            next.must_up(&spec).await;
        }
        next.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_a_replacement_at_every_request_doubles_and_loses_nothing() {
    let small = spec(&[2], &["/train", "/out"]);
    let mut other = small.clone();
    other.storage.capacity_gib = Some(2400);
    let options = Options { replace_storage: true, ..Options::default() };
    for number in (1..=90).step_by(2) {
        let machine = world(quick(0));
        machine.must_up(&small).await;
        machine.cloud.write_files("/out", 3);
        let dying = super::harness::machine(&machine.cloud, "desk");
        dying.cloud.fault_at(number, Fault::Crash(When::After));
        until_dead(&dying, async {
            let _ = dying.run(Purpose::Up, Some(&other), options).await;
        })
        .await;
        dying.must_hold();
        let next = again(&dying);
        let outcome = next.run(Purpose::Up, Some(&other), options).await;
        super::harness::assert_complete(&outcome, &next);
        next.must_hold();
        next.must_down().await;
        assert_eq!(next.cloud.ledger().lost, 0, "{number}\n{}", next.cloud.history());
    }
}
