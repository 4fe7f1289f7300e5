//! Data repository tasks: exports that we start, and whatever runs on our file system.

use aws_sdk_fsx::types::{
    CompletionReport, DataRepositoryTask, DataRepositoryTaskFilter, DataRepositoryTaskFilterName,
    DataRepositoryTaskLifecycle, DataRepositoryTaskStatus, DataRepositoryTaskType, ReportFormat, ReportScope,
};

use super::cache::is_cache;
use crate::aws::Aws;
use crate::aws::convert::{fsx_tags, timestamp, to_fsx};
use crate::aws::error::{Explain as _, found, gone_is_success, task_has_ended};
use crate::cloud::{Class, CloudError, Delete, Export};
use crate::observed::{Observed, Task, TaskState, Work};

impl Aws {
    /// All tasks of a file system, whoever started them.
    pub(in crate::aws) async fn observe_tasks(&self, file_system: &str) -> Result<Observed, CloudError> {
        let filter = DataRepositoryTaskFilter::builder()
            .name(if is_cache(file_system) {
                DataRepositoryTaskFilterName::FileCacheId
            } else {
                DataRepositoryTaskFilterName::FileSystemId
            })
            .values(file_system)
            .build();
        let mut tasks = Vec::new();
        let mut token: Option<String> = None;
        // The SDK has no pages for this call.
        loop {
            let call = self.fsx.describe_data_repository_tasks().filters(filter.clone()).set_next_token(token.clone());
            let Some(answer) = found(call.send().await.look("fsx:DescribeDataRepositoryTasks"))? else { break };
            tasks.extend(answer.data_repository_tasks.unwrap_or_default().iter().filter_map(task));
            // The same token again would go round for ever.
            if answer.next_token.is_none() || answer.next_token == token {
                break;
            }
            token = answer.next_token;
        }
        Ok(Observed { tasks, ..Observed::default() })
    }

    pub(in crate::aws) async fn start_export(&self, export: &Export) -> Result<Task, CloudError> {
        let operation = "fsx:CreateDataRepositoryTask";
        let report = CompletionReport::builder()
            .enabled(true)
            .path(&export.report)
            .format(ReportFormat::ReportCsv20191124)
            .scope(ReportScope::FailedFilesOnly)
            .build();
        // Relative to the mount; no path at all is the whole file system.
        let path = export.path.trim_matches('/');
        let answer = self
            .fsx
            .create_data_repository_task()
            .client_request_token(&export.token)
            .r#type(DataRepositoryTaskType::Export)
            .file_system_id(&export.file_system)
            .set_paths((!path.is_empty()).then(|| vec![path.to_owned()]))
            .report(report)
            .set_tags(Some(to_fsx(&export.tags)))
            .send()
            .await
            .change(operation)
            .map_err(|error| error.about(&export.address))?;
        answer.data_repository_task.as_ref().and_then(task).ok_or_else(|| {
            CloudError::new(operation, Class::Unknown, "the answer holds no task").about(&export.address)
        })
    }

    pub(in crate::aws) async fn stop_tasks(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            self.stop_task(id).await?;
        }
        Ok(())
    }

    pub(in crate::aws) async fn stop_task(&self, id: &str) -> Result<(), CloudError> {
        let call = self.fsx.cancel_data_repository_task().task_id(id);
        match call.send().await.change("fsx:CancelDataRepositoryTask") {
            Err(error) if task_has_ended(&error) => Ok(()),
            outcome => gone_is_success(outcome.map(|_| ())),
        }
    }
}

/// None for what is no task of a Lustre file system.
fn task(each: &DataRepositoryTask) -> Option<Task> {
    let work = match each.r#type()? {
        DataRepositoryTaskType::Export => Work::Export,
        DataRepositoryTaskType::Eviction | DataRepositoryTaskType::AutoTriggeredEviction => Work::Release,
        // An import, or what this version does not know: that too works on the file system and keeps it from being deleted.
        _ => Work::Import,
    };
    let state = match each.lifecycle()? {
        DataRepositoryTaskLifecycle::Pending => TaskState::Pending,
        DataRepositoryTaskLifecycle::Canceling => TaskState::Canceling,
        DataRepositoryTaskLifecycle::Canceled => TaskState::Canceled,
        DataRepositoryTaskLifecycle::Succeeded => TaskState::Succeeded,
        DataRepositoryTaskLifecycle::Failed => TaskState::Failed,
        // A state that this version does not know counts as work: nothing is deleted under it.
        _ => TaskState::Executing,
    };
    let status = each.status();
    let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    Some(Task {
        id: each.task_id()?.to_owned(),
        file_system: each.file_system_id().or(each.file_cache_id()).unwrap_or_default().to_owned(),
        work,
        state,
        paths: each.paths().to_vec(),
        total: count(status.and_then(DataRepositoryTaskStatus::total_count)),
        succeeded: count(status.and_then(DataRepositoryTaskStatus::succeeded_count)),
        failed: count(status.and_then(DataRepositoryTaskStatus::failed_count)),
        reason: each.failure_details().and_then(|details| details.message()).map(str::to_owned),
        report: each
            .report()
            .filter(|report| report.enabled() == Some(true))
            .and_then(|report| report.path())
            .map(str::to_owned),
        started: each.start_time().or(each.creation_time()).and_then(timestamp),
        tags: fsx_tags(each.tags()),
    })
}
