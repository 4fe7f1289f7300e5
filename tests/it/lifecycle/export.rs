//! How `down` brings the last files to S3: the queue of automatic export, the task, its report.

use std::time::Duration;

use provision::apply::event::{Ending, FailedFiles, Failure, What};
use provision::apply::{Outcome, Report};
use provision::simulated::{ExportOutcome, QueueTold, Settings};
use provision::spec::Flow;

use super::harness::{Machine, spec, world};

/// A cluster that exports by itself what is below `/out`; deletions too, if so said.
async fn running(deletes: bool, queue: QueueTold) -> Machine {
    let machine = world(Settings { queue, ..Settings::default() });
    let mut spec = spec(&[1], &["/out", "/out2"]);
    if deletes {
        spec.datasets.iter_mut().for_each(|dataset| dataset.export.push(Flow::Deleted));
    }
    machine.must_up(&spec).await;
    machine.events.borrow_mut().clear();
    machine
}

/// All that was said of waiting, and of anything.
fn said(machine: &Machine) -> String {
    let events = machine.events.borrow();
    let words = events.iter().filter_map(|event| match &event.what {
        What::Waiting { detail, .. } => Some(detail.clone()),
        What::Noted { text, .. } => Some(text.clone()),
        _ => None,
    });
    words.collect::<Vec<_>>().join("\n")
}

/// How long one link's automatic export was left on, from the beginning of its export.
fn waited(machine: &Machine) -> Duration {
    let events = machine.events.borrow();
    let at = |is: &dyn Fn(&What) -> bool| events.iter().find(|event| is(&event.what)).expect("it happened").elapsed_s;
    let begun = at(
        &|what| matches!(what, What::Started { address, op: provision::plan::Op::Export, .. } if address.name == "out"),
    );
    let off = at(
        &|what| matches!(what, What::Waiting { address, detail, .. } if address.name == "out" && detail == "automatic export goes off"),
    );
    Duration::from_secs_f64(off - begun)
}

fn asked(machine: &Machine) -> usize {
    machine.cloud.history().matches("cloudwatch:GetMetricData").count()
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_nothing_is_told_of_is_no_empty_queue_and_no_reason_to_wait() {
    let machine = running(false, QueueTold::Silence).await;
    machine.cloud.write_files("/out", 5);
    machine.must_down().await;
    assert!(said(&machine).contains("does not say that it is empty"), "{}", said(&machine));
    assert!(waited(&machine) < Duration::from_secs(5), "{:?}", waited(&machine));
    assert_eq!(asked(&machine), 1, "one request for both links");
}

#[tokio::test(start_paused = true)]
async fn deletions_that_wait_in_the_queue_reach_s3_before_it_goes() {
    let machine = running(true, QueueTold::Truth).await;
    machine.cloud.write_files("/out", 9);
    tokio::time::sleep(Duration::from_mins(10)).await;
    machine.cloud.adjust(|settings| settings.delays.auto_export = Duration::from_mins(8));
    machine.cloud.delete_files("/out", 6);
    machine.must_down().await;
    let ledger = machine.cloud.ledger();
    assert_eq!((ledger.files_deleted, ledger.objects_deleted, ledger.lost), (6, 6, 0), "{}", machine.cloud.history());
    assert!(said(&machine).contains("min behind"), "{}", said(&machine));
}

#[tokio::test(start_paused = true)]
async fn with_deletions_silence_is_listened_to_for_a_while() {
    let machine = running(true, QueueTold::Silence).await;
    machine.must_down().await;
    assert!((60..80).contains(&waited(&machine).as_secs()), "{:?}", waited(&machine));
    assert!(said(&machine).contains("may not reach S3"), "{}", said(&machine));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_falls_to_zero_is_waited_for() {
    let machine = running(false, QueueTold::Silence).await;
    let now = machine.clock.elapsed().as_secs() / 60;
    machine.cloud.adjust(|settings| settings.queue = QueueTold::Falling { from_s: (now + 20) * 60, a_minute: 60 });
    machine.must_down().await;
    let minutes = waited(&machine).as_secs() / 60;
    assert!((12..=20).contains(&minutes), "{minutes} minutes\n{}", said(&machine));
    assert!(said(&machine).contains("the queue of automatic export is empty"), "{}", said(&machine));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_stuck_is_left_after_a_while_and_nothing_is_lost() {
    let machine = running(false, QueueTold::Stuck(900)).await;
    machine.cloud.adjust(|settings| settings.delays.auto_export = Duration::from_hours(9));
    machine.cloud.write_files("/out", 5);
    machine.must_down().await;
    assert!((600..640).contains(&waited(&machine).as_secs()), "{:?}", waited(&machine));
    assert!(said(&machine).contains("15 min behind and has not caught up for 10 min"), "{}", said(&machine));
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_see_the_queue_exports_all_the_same() {
    let machine = running(true, QueueTold::Stuck(900)).await;
    machine.cloud.deny("cloudwatch:GetMetricData");
    machine.cloud.write_files("/out", 5);
    machine.must_down().await;
    assert!(said(&machine).contains("cloudwatch:GetMetricData is not allowed"), "{}", said(&machine));
    assert_eq!(machine.cloud.ledger().lost, 0);
}

async fn failed(machine: &Machine) -> Report {
    let Ok(Outcome::Ran { report, .. }) = machine.down().await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    assert!(machine.cloud.truth("video").file_system().is_some(), "the file system stays");
    machine.must_hold();
    report
}

/// What the failed export of `/out` says.
fn unexported(report: &Report) -> (&str, Option<&str>, &[FailedFiles]) {
    let mut failures = report.failures.iter().filter(|(address, _)| address.name == "out");
    match failures.next() {
        Some((_, Failure::Unexported { text, report, files })) => (text, report.as_deref(), files),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_could_not_be_exported_are_named_with_the_reason() {
    let machine = running(false, QueueTold::Silence).await;
    machine.cloud.adjust(|settings| settings.delays.auto_export = Duration::from_hours(9));
    machine.cloud.write_files("/out", 40);
    machine.cloud.adjust(|settings| settings.export = ExportOutcome::FailsFiles(25));
    let report = failed(&machine).await;
    let (_, url, files) = unexported(&report);
    assert!(url.is_some_and(
        |url| url.starts_with("s3://acme/out/provision-export-reports/task-") && url.ends_with("/failures.csv")
    ));
    let [denied] = files else { panic!("{files:?}") };
    assert_eq!((denied.code.as_str(), denied.count, denied.paths.len()), ("S3AccessDenied", 25, 20));
    assert!(denied.meaning.as_ref().is_some_and(|meaning| meaning.contains("bucket policy")));
    assert_eq!(denied.paths[0], "out/file-1");
    let event = serde_json::to_string(machine.events.borrow().as_slice()).expect("events are JSON");
    assert!(event.contains("out/file-20") && !event.contains("out/file-21"));

    machine.cloud.adjust(|settings| settings.export = ExportOutcome::Succeeds);
    machine.must_down().await;
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_read_is_said_and_its_place_is_told() {
    let machine = running(false, QueueTold::Silence).await;
    machine.cloud.adjust(|settings| settings.export = ExportOutcome::FailsFiles(2));
    machine.cloud.deny("s3:GetObject");
    let report = failed(&machine).await;
    let (text, url, files) = unexported(&report);
    assert_eq!((url, files.len()), (Some("s3://acme/out/provision-export-reports"), 0));
    assert!(text.contains("2 of 2 files not in S3"), "{text}");
    assert!(said(&machine).contains("could not be read"), "{}", said(&machine));
}

#[tokio::test(start_paused = true)]
async fn a_standstill_is_told_once_and_waited_through() {
    let machine = running(false, QueueTold::Silence).await;
    machine.cloud.adjust(|settings| settings.delays.task = Duration::from_mins(45));
    machine.cloud.write_files("/out", 3);
    machine.must_down().await;
    let said = said(&machine);
    assert_eq!(said.matches("has counted nothing for 10 min").count(), 2, "once a link: {said}");
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn an_export_that_never_counts_again_ends_the_run_and_deletes_nothing() {
    let machine = running(false, QueueTold::Silence).await;
    machine.cloud.adjust(|settings| settings.export = ExportOutcome::Hangs);
    machine.cloud.write_files("/out", 3);
    let report = failed(&machine).await;
    assert!(unexported(&report).0.contains("and goes on at AWS"), "{report:?}");
    assert!(machine.clock.elapsed() > Duration::from_hours(12));
}
