//! A cluster on Amazon File Cache: links that come and go with their cache, and files that `down` exports before.

use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::event::Ending;
use provision::desired::{Address, Kind};
use provision::observed::State;
use provision::plan::{Options, Purpose, Verb};
use provision::simulated::{ExportOutcome, Fault, Lag, Settings, Weather, When};
use provision::spec::{Compression, Preload, Service, Spec};

use super::harness::{self, Machine, assert_complete, dataset, machine, quick, world};

/// Two nodes on a cache before two places in S3.
fn spec() -> Spec {
    let mut spec = harness::spec(&[2], &["/train", "/results"]);
    spec.storage.service = Service::FileCache;
    "/cache".clone_into(&mut spec.storage.mount);
    (spec.storage.capacity_gib, spec.storage.throughput_per_tib) = (Some(1200), None);
    (spec.storage.metadata_iops, spec.storage.compression) = (None, Compression::None);
    for dataset in &mut spec.datasets {
        (dataset.import, dataset.export, dataset.preload) = (Vec::new(), Vec::new(), Preload::None);
    }
    spec
}

async fn until_dead(machine: &Machine, run: impl Future<Output = ()>) {
    tokio::select! {
        () = run => {}
        () = machine.cloud.crashed() => {}
    }
}

fn again(before: &Machine) -> Machine {
    machine(&before.cloud, "laptop again")
}

#[tokio::test(start_paused = true)]
async fn up_makes_a_cache_with_its_links_in_one_call() {
    let machine = world(Settings::default());
    let planned = machine.plan(Purpose::Up, Some(&spec())).await.plan;
    let link = planned.actions.iter().find(|action| action.address.kind == Kind::Link).expect("shown");
    assert_eq!((link.verb, link.reasons[0].as_str()), (Verb::Create, "It is made with the cache."));
    assert!(planned.steps.iter().all(|step| step.address.kind != Kind::Link), "nothing is sent about them");
    machine.must_up(&spec()).await;
    let truth = machine.cloud.truth("video");
    let cache = truth.find(&Address::one(Kind::FileCache)).expect("one");
    for name in ["train", "results"] {
        let link = truth.find(&Address::named(Kind::Link, name)).expect("made");
        assert_eq!((link.state, link.file_system.as_ref()), (State::Ready, Some(&cache.id)));
    }
    assert!(truth.was_used());
    let history = machine.cloud.history();
    assert_eq!(history.matches("fsx:CreateFileCache").count(), 1);
    assert_eq!(history.matches("fsx:CreateDataRepositoryAssociation").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn down_exports_every_link_and_then_deletes_the_cache() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/train", 3);
    machine.cloud.write_files("/results", 5);
    machine.must_down().await;
    assert_eq!((machine.cloud.ledger().lost, machine.cloud.ledger().lost_unlinked), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_still_being_made_is_waited_for() {
    let (first, spec) = (world(Settings::default()), spec());
    tokio::select! {
        outcome = first.up(&spec) => panic!("too quick: {outcome:?}"),
        () = tokio::time::sleep(Duration::from_secs(60)) => first.cloud.kill(),
    }
    let cache = first.cloud.truth("video").find(&Address::one(Kind::FileCache)).map(|seen| seen.state);
    assert_eq!(cache, Some(State::Creating));
    again(&first).must_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_that_does_not_succeed_keeps_the_cache() {
    for bad in [ExportOutcome::FailsFiles(2), ExportOutcome::SucceedsWithout(1), ExportOutcome::Canceled] {
        let machine = world(Settings::default());
        machine.must_up(&spec()).await;
        machine.cloud.write_files("/results", 4);
        machine.cloud.adjust(|settings| settings.export = bad);
        let Ok(Outcome::Ran { report, .. }) = machine.down().await else { panic!("it ran") };
        assert_eq!(report.ending, Ending::Failed, "{bad:?}");
        assert!(machine.cloud.truth("video").file_system().is_some_and(|seen| seen.state == State::Ready), "{bad:?}");
        machine.cloud.adjust(|settings| settings.export = ExportOutcome::Succeeds);
        machine.must_down().await;
        assert_eq!(machine.cloud.ledger().lost, 0, "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn files_outside_the_links_are_counted_and_kept() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/scratch", 9);
    let Ok(Outcome::Refused(prepared)) = machine.down().await else { panic!("not refused") };
    assert!(prepared.plan.findings.iter().any(|finding| finding.code == "plan::outside-files"));
    machine.cloud.allow_discard();
    let options = Options { discard_unlinked_files: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, options).await, &machine);
    assert!(provision::simulated::check_clean(&machine.cloud).is_empty());
}

#[tokio::test(start_paused = true)]
async fn given_up_data_is_not_exported() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/results", 4);
    machine.cloud.allow_discard();
    let options = Options { discard_unexported_data: true, ..Options::default() };
    let outcome = machine.run(Purpose::Down, None, options).await;
    let Ok(Outcome::Ran { prepared, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(prepared.plan.findings.iter().any(|finding| finding.code == "plan::discard"));
    assert_complete(&outcome, &machine);
    assert_eq!(machine.cloud.ledger().lost, 4);
}

#[tokio::test(start_paused = true)]
async fn a_kept_cache_stays_with_its_links_and_is_taken_over() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/results", 4);
    let options = Options { keep_storage: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, options).await, &machine);
    let kept = machine.cloud.truth("video");
    assert_eq!(kept.resources.iter().filter(|seen| seen.address.kind == Kind::Link).count(), 2);
    machine.must_up(&spec()).await;
    assert_eq!(
        machine.cloud.truth("video").file_system().map(|seen| &seen.id),
        kept.file_system().map(|seen| &seen.id)
    );
    machine.must_down().await;
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn other_links_need_another_cache_and_the_word_for_it() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/results", 4);
    let mut more = spec();
    let mut third = dataset("/third");
    (third.import, third.preload) = (Vec::new(), Preload::None);
    more.datasets.push(third);
    let mut fewer = spec();
    fewer.datasets.remove(0);
    let mut moved = spec();
    "other".clone_into(&mut moved.datasets[0].prefix);
    let mut larger = spec();
    larger.storage.capacity_gib = Some(2400);
    for changed in [&more, &fewer, &moved, &larger] {
        let Ok(Outcome::Refused(prepared)) = machine.up(changed).await else { panic!("not refused") };
        assert_eq!(prepared.plan.findings[0].code, "plan::replace-storage");
    }
    let options = Options { replace_storage: true, ..Options::default() };
    for changed in [&more, &fewer, &larger] {
        assert_complete(&machine.run(Purpose::Up, Some(changed), options).await, &machine);
        machine.must_hold();
        machine.must_up(changed).await;
        assert_eq!(machine.cloud.ledger().lost, 0);
    }
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_never_worked_is_made_again() {
    let machine = world(Settings::default());
    machine.cloud.fail_next(Kind::FileCache, "no addresses");
    let Ok(Outcome::Ran { report, .. }) = machine.up(&spec()).await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    machine.must_up(&spec()).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_record_down_still_finds_and_exports_all_of_it() {
    let machine = world(Settings::default());
    machine.must_up(&spec()).await;
    machine.cloud.write_files("/results", 4);
    provision::cloud::Cloud::delete_parameters(&machine.cloud, &["/provision/video/record".to_owned()])
        .await
        .expect("deleted");
    machine.must_down().await;
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_up_at_every_request_converges_or_leaves_nothing() {
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec()).await;
        machine.cloud.requests("laptop")
    };
    for number in 1..=all {
        for when in [When::Before, When::After] {
            let dying = world(quick(0));
            dying.cloud.fault_at(number, Fault::Crash(when));
            until_dead(&dying, async {
                let _ = dying.up(&spec()).await;
            })
            .await;
            dying.must_hold();
            let next = again(&dying);
            if number % 2 == 0 {
                next.must_up(&spec()).await;
            }
            next.must_down().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_down_at_every_request_loses_nothing_and_leaves_nothing_at_the_next() {
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec()).await;
        machine.cloud.write_files("/results", 3);
        let before = machine.cloud.requests("laptop");
        machine.must_down().await;
        machine.cloud.requests("laptop") - before
    };
    for number in 1..=all {
        for when in [When::Before, When::After] {
            let machine = world(quick(0));
            machine.must_up(&spec()).await;
            machine.cloud.write_files("/train", 3);
            machine.cloud.write_files("/results", 3);
            let dying = harness::machine(&machine.cloud, "desk");
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
async fn a_crash_beside_answers_that_lag_leaks_and_doubles_nothing() {
    let lagging = || {
        let lag = Duration::from_secs(30);
        Settings { lag: Lag { resources: lag, tags: lag, parameters: Duration::ZERO }, ..quick(7) }
    };
    let all = {
        let machine = world(quick(0));
        machine.must_up(&spec()).await;
        machine.cloud.requests("laptop")
    };
    for number in 1..=all {
        let dying = world(lagging());
        dying.cloud.fault_at(number, Fault::Crash(When::After));
        until_dead(&dying, async {
            let _ = dying.up(&spec()).await;
        })
        .await;
        let next = again(&dying);
        if number % 2 == 0 {
            next.must_up(&spec()).await;
        }
        next.must_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_throttling_and_faults_end_in_the_same_place() {
    for seed in 0..30 {
        let machine = world(quick(seed));
        machine.cloud.weather(Weather { fail_before: 20, fail_after: 20, throttle: 40, slow: 20, hang: 0, crash: 0 });
        machine.must_up(&spec()).await;
        machine.cloud.write_files("/results", 3);
        machine.must_down().await;
        assert_eq!(machine.cloud.ledger().lost, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_make_one_cluster() {
    for seed in 0..10 {
        let one = world(quick(seed));
        let other = machine(&one.cloud, "desk");
        let spec = spec();
        let (first, second) = tokio::join!(one.up(&spec), other.up(&spec));
        for outcome in [first, second] {
            let fine = matches!(outcome, Ok(Outcome::Ran { .. } | Outcome::Nothing(_) | Outcome::Held(_)));
            assert!(fine, "{outcome:?}");
        }
        one.must_hold();
        one.must_up(&spec).await;
        one.must_down().await;
    }
}
