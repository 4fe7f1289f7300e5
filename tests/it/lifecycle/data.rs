//! Files that are not in S3 are never destroyed without the user's words.

use provision::apply::{Outcome, event::Ending};
use provision::desired::Kind;
use provision::plan::{Options, Purpose};
use provision::simulated::{ExportOutcome, Settings};
use provision::spec::Spec;

use super::harness::{Machine, assert_complete, spec, world};

async fn running() -> (Machine, Spec) {
    let machine = world(Settings::default());
    let spec = spec(&[2], &["/train", "/out"]);
    machine.must_up(&spec).await;
    (machine, spec)
}

#[tokio::test(start_paused = true)]
async fn down_exports_every_link_first() {
    let (machine, _) = running().await;
    machine.cloud.write_files("/train", 3);
    machine.cloud.write_files("/out", 4);
    machine.must_down().await;
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn an_export_that_does_not_succeed_stops_down_before_the_first_deletion_that_loses_data() {
    for bad in
        [ExportOutcome::FailsFiles(2), ExportOutcome::SucceedsWithout(1), ExportOutcome::Hangs, ExportOutcome::Canceled]
    {
        let (machine, _) = running().await;
        machine.cloud.write_files("/out", 4);
        machine.cloud.adjust(|settings| settings.export = bad);
        let Ok(Outcome::Ran { report, .. }) = machine.down().await else { panic!("it ran") };
        assert_eq!(report.ending, Ending::Failed, "{bad:?}");
        let truth = machine.cloud.truth("video");
        assert!(
            truth.file_system().is_some()
                && truth.resources.iter().filter(|seen| seen.address.kind == Kind::Link).count() == 2,
            "{bad:?}"
        );
        assert_eq!(machine.cloud.ledger().lost, 0);
        if bad == ExportOutcome::Hangs {
            for task in truth.tasks.iter().filter(|task| task.state.is_active()) {
                provision::cloud::Cloud::cancel_task(&machine.cloud, &task.id).await.expect("it can be cancelled");
            }
        }
        machine.cloud.adjust(|settings| settings.export = ExportOutcome::Succeeds);
        machine.must_down().await;
        assert_eq!(machine.cloud.ledger().lost, 0, "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_link_nothing_goes_unless_the_user_gives_it_up() {
    let machine = world(Settings::default());
    machine.must_up(&spec(&[1], &[])).await;
    machine.cloud.write_files("/scratch", 9);
    let outcome = machine.down().await;
    assert!(
        matches!(&outcome, Ok(Outcome::Refused(prepared)) if prepared.plan.findings[0].code == "plan::no-link"),
        "{outcome:?}"
    );
    machine.cloud.allow_discard();
    let options = Options { discard_unexported_data: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, options).await, &machine);
    assert!(provision::simulated::check_clean(&machine.cloud).is_empty());
}

#[tokio::test(start_paused = true)]
async fn keeping_the_storage_keeps_its_files_and_up_takes_it_over() {
    let (machine, spec) = running().await;
    machine.cloud.write_files("/train", 3);
    let file_system = machine.cloud.truth("video").file_system().expect("one").id.clone();
    let options = Options { keep_storage: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, options).await, &machine);
    machine.must_hold();
    let truth = machine.cloud.truth("video");
    assert!(truth.nodes.iter().all(|node| !node.exists()));
    assert_eq!(truth.file_system().expect("kept").id, file_system);
    machine.must_up(&spec).await;
    assert_eq!(machine.cloud.truth("video").file_system().expect("taken over").id, file_system);
    machine.must_down().await;
    assert_eq!(machine.cloud.ledger().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn discarding_is_said_in_the_plan_and_exports_nothing() {
    let (machine, _) = running().await;
    machine.cloud.write_files("/train", 4);
    machine.cloud.allow_discard();
    let options = Options { discard_unexported_data: true, ..Options::default() };
    let outcome = machine.run(Purpose::Down, None, options).await;
    let Ok(Outcome::Ran { prepared, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(prepared.plan.findings.iter().any(|finding| finding.code == "plan::discard"));
    assert_complete(&outcome, &machine);
    assert!(machine.cloud.ledger().lost > 0);
}
