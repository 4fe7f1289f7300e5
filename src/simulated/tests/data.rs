//! Files: what an export takes along, and what is lost.

use super::*;
use crate::observed::{State, TaskState};
use crate::simulated::{ExportOutcome, Violation, check};

const EXPORTED: [Flow; 3] = [Flow::New, Flow::Changed, Flow::Deleted];

/// A file system with a link at `/data`, all of it ready.
async fn linked(export: &[Flow]) -> Cluster {
    let mut cluster = Cluster::quick();
    cluster.make_ground().await.unwrap();
    cluster.make_file_system().await.unwrap();
    after(481).await;
    cluster.make_link("/data", export).await.unwrap();
    after(91).await;
    cluster
}

impl Cluster {
    async fn delete_file_system(&self) -> Result<(), CloudError> {
        self.delete(Kind::Fsx, &[self.known.ids[&Address::one(Kind::Fsx)].clone()]).await
    }

    fn task(&self) -> (TaskState, u64, u64) {
        let task = self.truth().tasks.pop().unwrap();
        (task.state, task.succeeded, task.failed)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_exported_is_lost_with_the_file_system() {
    let cluster = linked(&[]).await;
    assert_eq!(cluster.cloud.write_files("/data/run", 7) + cluster.cloud.write_files("/scratch", 5), 12);
    after(1000).await;
    assert_eq!(check(&cluster.cloud), []);
    cluster.delete_file_system().await.unwrap();
    let ledger = cluster.cloud.ledger();
    assert_eq!((ledger.lost, ledger.lost_unlinked, ledger.objects_deleted), (7, 5, 0));
    assert_eq!(check(&cluster.cloud), [Violation::DataLost(7)]);
    cluster.cloud.allow_discard();
    assert_eq!(check(&cluster.cloud), []);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_link_loses_what_is_below_it() {
    let cluster = linked(&[]).await;
    cluster.cloud.write_files("/data", 3);
    let address = Address::named(Kind::Link, "data");
    let ids = vec![cluster.known.ids[&address].clone()];
    cluster.cloud.delete(&Delete { address, ids, token: String::new() }).await.unwrap();
    assert_eq!(cluster.cloud.ledger().lost, 3);
    after(61).await;
    cluster.delete_file_system().await.unwrap();
    assert_eq!((cluster.cloud.ledger().lost, cluster.cloud.ledger().lost_unlinked), (3, 0), "counted once");
}

#[tokio::test(start_paused = true)]
async fn an_export_saves_what_was_there_when_it_began() {
    let cluster = linked(&[]).await;
    cluster.cloud.write_files("/data/a", 4);
    cluster.cloud.export(&cluster.export_of("/data")).await.unwrap();
    assert_eq!(class(cluster.delete_file_system().await), Class::Busy);
    let twin = Export { token: "another".to_owned(), ..cluster.export_of("/data") };
    assert_eq!(class(cluster.cloud.export(&twin).await), Class::Busy, "the same is running");
    after(60).await;
    cluster.cloud.write_files("/data/a", 2);
    after(80).await;
    assert_eq!(cluster.task(), (TaskState::Succeeded, 4, 0));
    cluster.delete_file_system().await.unwrap();
    assert_eq!(cluster.cloud.ledger().lost, 2);
}

#[tokio::test(start_paused = true)]
async fn automatic_export_follows_after_its_delay_and_forbids_tasks() {
    let cluster = linked(&EXPORTED).await;
    cluster.cloud.write_files("/data", 4);
    assert_eq!(class(cluster.cloud.export(&cluster.export_of("/data")).await), Class::Invalid);
    after(59).await;
    let file_system = &cluster.known.ids[&Address::one(Kind::Fsx)];
    assert_eq!(cluster.cloud.files(file_system)["/data"].dirty, 4);
    after(1).await;
    assert_eq!(cluster.cloud.files(file_system)["/data"].exported, 4);
    cluster.cloud.delete_files("/data", 3);
    after(60).await;
    assert_eq!(cluster.cloud.ledger().objects_deleted, 3);
    assert_eq!(check(&cluster.cloud), [], "the user's own doing");

    let off = cluster.update(Address::named(Kind::Link, "data"), link("/data", &[]), &["export"]);
    cluster.cloud.update(&off).await.unwrap();
    assert_eq!(class(cluster.cloud.export(&cluster.export_of("/data")).await), Class::Conflict, "still UPDATING");
    after(31).await;
    cluster.cloud.export(&cluster.export_of("/data")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_link_that_does_not_work_exports_nothing() {
    let mut cluster = linked(&EXPORTED).await;
    let id = cluster.known.ids[&Address::named(Kind::Link, "data")].clone();
    cluster.cloud.set_state(Kind::Link, &id, State::Misconfigured, "the bucket's policy");
    cluster.cloud.fail_next(Kind::Link, "the path is gone");
    cluster.make_link("/failed", &EXPORTED).await.unwrap();
    after(91).await;
    cluster.cloud.write_files("/data", 2);
    cluster.cloud.write_files("/failed", 3);
    after(1000).await;
    cluster.delete_file_system().await.unwrap();
    assert_eq!((cluster.cloud.ledger().lost, cluster.cloud.ledger().lost_unlinked), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn exports_end_as_set() {
    for (outcome, ended) in [
        (ExportOutcome::FailsFiles(1), (TaskState::Failed, 3, 1)),
        (ExportOutcome::SucceedsWithout(1), (TaskState::Succeeded, 3, 1)),
        (ExportOutcome::Canceled, (TaskState::Canceled, 0, 0)),
        (ExportOutcome::Hangs, (TaskState::Executing, 0, 0)),
    ] {
        let cluster = linked(&[]).await;
        cluster.cloud.adjust(|settings| settings.export = outcome);
        cluster.cloud.write_files("/data", 4);
        let task = cluster.cloud.export(&cluster.export_of("/data")).await.unwrap();
        assert_eq!(cluster.cloud.export(&cluster.export_of("/data")).await.unwrap().id, task.id, "one token, one task");
        after(10_000).await;
        assert_eq!(cluster.task(), ended, "{outcome:?}");
        cluster.cloud.cancel_task(&task.id).await.unwrap();
        after(11).await;
        assert_ne!(cluster.task().0, TaskState::Executing);
        cluster.delete_file_system().await.unwrap();
        assert_eq!(cluster.cloud.ledger().lost, 4 - ended.1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_user_gave_up_is_not_lost() {
    let mut cluster = linked(&[]).await;
    let Resource::Link(wanted) = link("/tmp", &[]) else { unreachable!() };
    let given_up = Resource::Link(Link { export_on_down: false, preload_metadata: true, ..wanted });
    cluster.make(Address::named(Kind::Link, "tmp"), given_up).await.unwrap();
    after(91).await;
    cluster.cloud.write_files("/tmp", 9);
    assert_eq!(class(cluster.delete_file_system().await), Class::Busy, "the import that came with the link");
    after(131).await;
    cluster.delete_file_system().await.unwrap();
    assert_eq!((cluster.cloud.ledger().given_up, cluster.cloud.ledger().lost), (9, 0));
}
