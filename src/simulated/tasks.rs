//! Data repository tasks: exports on request, and the import that comes with a new link.

use std::time::Duration;

use super::clock::VirtualClock;
use super::files::below;
use super::settings::ExportOutcome;
use super::world::{Answer, Due, World, refuse};
use crate::cloud::{Class, Export};
use crate::desired::{Kind, Tags};
use crate::observed::{State, Task, TaskState, Work};

/// From PENDING to EXECUTING, and from CANCELING to CANCELED.
const A_MOMENT: Duration = Duration::from_secs(10);
const SCOPE: &str = "fsx:CreateDataRepositoryTask";

impl World {
    pub(super) fn export(&mut self, export: &Export) -> Answer<Task> {
        let parameters = format!("{} {} {} {:?}", export.file_system, export.path, export.report, export.tags);
        if let Some(id) = self.spent(SCOPE, &export.token, &parameters)?.and_then(|made| made.first()) {
            return Ok(self.tasks.get(id).cloned().expect("tasks are never forgotten"));
        }
        let kind = if export.file_system.starts_with("fc-") { Kind::FileCache } else { Kind::Fsx };
        let file_system = self.needed(kind, &export.file_system)?;
        if !matches!(file_system.state, State::Ready | State::Updating | State::Misconfigured) {
            return refuse(
                Class::Invalid,
                "BadRequest",
                format!("{} is {}", export.file_system, file_system.lifecycle()),
            );
        }
        let mut linked = self
            .links_of(&export.file_system)
            .filter(|(_, link, _)| below(&export.path, &link.path) || below(&link.path, &export.path))
            .peekable();
        if linked.peek().is_none() {
            return refuse(Class::Invalid, "BadRequest", format!("{} is below no link", export.path));
        }
        for (id, link, state) in linked {
            if matches!(state, State::Creating | State::Updating) {
                return refuse(Class::Conflict, "BadRequest", format!("{id} is being created or changed"));
            }
            if !link.export.is_empty() {
                return refuse(
                    Class::Invalid,
                    "UnsupportedOperation",
                    format!("{id} exports automatically: switch that off before"),
                );
            }
        }
        let path = export.path.trim_start_matches('/');
        let paths: Vec<String> = if path.is_empty() { Vec::new() } else { vec![path.to_owned()] };
        let twin =
            |task: &Task| task.work == Work::Export && task.file_system == export.file_system && task.paths == paths;
        if let Some((id, _)) = self.tasks.all().find(|(_, task)| task.state.is_active() && twin(task)) {
            return refuse(Class::Busy, "DataRepositoryTaskExecuting", format!("{id} does the same"));
        }
        let task = self.start_task(&export.file_system, Work::Export, paths, &export.tags, Some(export.report.clone()));
        self.spend(SCOPE, &export.token, parameters, vec![task.id.clone()]);
        Ok(task)
    }

    pub(super) fn start_task(
        &mut self,
        file_system: &str,
        work: Work,
        paths: Vec<String>,
        tags: &Tags,
        report: Option<String>,
    ) -> Task {
        let task = Task {
            id: self.id("task"),
            file_system: file_system.to_owned(),
            work,
            state: TaskState::Pending,
            paths,
            total: 0,
            succeeded: 0,
            failed: 0,
            reason: None,
            report,
            started: Some(VirtualClock::at(self.now)),
            tags: tags.clone(),
        };
        let shown = self.shown();
        self.tasks.put(task.id.clone(), task.clone(), self.now, shown);
        self.later(A_MOMENT, Due::TaskStarts(task.id.clone()));
        task
    }

    pub(super) fn task_starts(&mut self, id: &str) {
        let (delay, outcome) = (self.settings.delays.task, self.settings.export);
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.state == TaskState::Pending) else { return };
        task.state = TaskState::Executing;
        let (work, file_system, path) = (task.work, task.file_system.clone(), path_of(task));
        let total = self.to_export(&file_system, &path).iter().map(|(_, files)| files).sum();
        if let Some(task) = self.tasks.get_mut(id).filter(|_| work == Work::Export) {
            task.total = total;
        }
        match (work, outcome) {
            (Work::Export, ExportOutcome::Hangs) => {}
            (Work::Export, ExportOutcome::Canceled) => self.cancel_task(id),
            (
                Work::Export,
                ExportOutcome::Succeeds | ExportOutcome::FailsFiles(_) | ExportOutcome::SucceedsWithout(_),
            )
            | (Work::Import | Work::Release, _) => self.later(delay, Due::TaskEnds(id.to_owned())),
        }
    }

    pub(super) fn task_ends(&mut self, id: &str) {
        let Some(mut task) = self.tasks.get(id).filter(|task| task.state == TaskState::Executing).cloned() else {
            return;
        };
        task.state = TaskState::Succeeded;
        if task.work == Work::Export {
            let left = match self.settings.export {
                ExportOutcome::FailsFiles(files) => {
                    task.state = TaskState::Failed;
                    task.reason = Some("some files could not be exported".to_owned());
                    files
                }
                ExportOutcome::SucceedsWithout(files) => files,
                ExportOutcome::Succeeds | ExportOutcome::Hangs | ExportOutcome::Canceled => 0,
            };
            // What was written while it worked is not in it.
            let mut quota = task.total.saturating_sub(left);
            for (path, files) in self.to_export(&task.file_system, &path_of(&task)) {
                let moved = self.export_files(&task.file_system, &path, files.min(quota));
                quota -= moved;
                task.succeeded += moved;
            }
            task.failed = left.max(task.total - task.succeeded);
            task.total = task.succeeded + task.failed;
            self.report(&task);
        }
        self.note(format!("{id} {:?}, {} of {} files", task.state, task.succeeded, task.total));
        if let Some(there) = self.tasks.get_mut(id) {
            *there = task;
        }
    }

    /// Which files have failed, nobody knows in here: they have names of their number.
    fn report(&mut self, task: &Task) {
        let Some(folder) = task.report.as_ref().filter(|_| task.failed > 0) else { return };
        let path = path_of(task);
        let row = |number: u64| format!("{}/file-{number},failed,S3AccessDenied\n", path.trim_matches('/'));
        self.reports.insert(format!("{folder}/{}/failures.csv", task.id), (1..=task.failed).map(row).collect());
    }

    pub(super) fn cancel_task(&mut self, id: &str) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if matches!(task.state, TaskState::Pending | TaskState::Executing) {
            task.state = TaskState::Canceling;
            self.later(A_MOMENT, Due::TaskCanceled(id.to_owned()));
        }
    }

    pub(super) fn task_canceled(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.state = TaskState::Canceled;
        }
    }
}

/// What an export covers, below the mount.
fn path_of(task: &Task) -> String {
    format!("/{}", task.paths.first().map_or("", String::as_str))
}
