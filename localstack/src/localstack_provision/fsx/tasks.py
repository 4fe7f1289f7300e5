"""Create-, Describe- and CancelDataRepositoryTask(s).

Sources: FSx API reference, the pages of these operations; user guide, "Data repository tasks", "Working with
task completion reports" (csv below <path>/task-<id>/) and "Task status and details".
"""

import csv
import io
from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.fsx import files, validation
from localstack_provision.fsx.errors import (
    BadRequest,
    DataRepositoryTaskEnded,
    DataRepositoryTaskExecuting,
    DataRepositoryTaskNotFound,
    UnsupportedOperation,
)
from localstack_provision.fsx.model import Association, File, FileSystem, Task
from localstack_provision.fsx.store import Store, apply_filters, page, store_of, visible
from localstack_provision.timeline import schedule, timestamp

EXPORT = "EXPORT_TO_REPOSITORY"
IMPORT = "IMPORT_METADATA_FROM_REPOSITORY"
RELEASE = "RELEASE_DATA_FROM_FILESYSTEM"
MAX_PATHS = 100
# How much of a task's time it is PENDING, and a cancelled one CANCELING.
PENDING_SHARE = 0.25

FILTERS = {
    "file-system-id": lambda task: [task.file_system_id],
    "task-lifecycle": lambda task: [task.lifecycle],
    "data-repository-association-id": lambda task: task.association_ids,
    "file-cache-id": lambda task: [],
}


class TaskOperations:
    @handler("CreateDataRepositoryTask", expand=False)
    def create_task(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        known = store.recall("CreateDataRepositoryTask", request, store.tasks)
        if known:
            return {"DataRepositoryTask": store.tasks[known].view()}
        kind = request["Type"]
        if kind not in (EXPORT, IMPORT, RELEASE):
            raise UnsupportedOperation(f"Tasks of type {kind} are not supported on Lustre file systems.")
        system = store.file_system(request["FileSystemId"])
        if system.lifecycle not in ("AVAILABLE", "UPDATING"):
            raise BadRequest(f"The file system is in state {system.lifecycle}; it must be AVAILABLE.")
        paths = request.get("Paths") or []
        if len(paths) > MAX_PATHS:
            raise BadRequest(f"A task has at most {MAX_PATHS} paths.")
        links = links_of(system, kind, paths)
        if not links:
            raise BadRequest("No path of the task is linked to a data repository.")
        report = _settle_report(request["Report"], system)
        if kind == EXPORT and any(link.export_events for link in links):
            raise BadRequest("An export task cannot run while automatic export is enabled: disable it first.")
        for other in store.tasks.values():
            same = (other.file_system_id, other.type, other.paths) == (system.id, kind, paths)
            if same and other.unfinished:
                raise DataRepositoryTaskExecuting(f"The same task is executing already: {other.id}")
        task = start(store, system, kind, paths, report, identity.tags_of(request.get("Tags")))
        store.remember("CreateDataRepositoryTask", request, task.id)
        return {"DataRepositoryTask": task.view()}

    @handler("DescribeDataRepositoryTasks", expand=False)
    def describe_tasks(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        if wanted := request.get("TaskIds"):
            found = [store.task(identifier) for identifier in wanted]
            for task in found:
                if not identity.is_visible(task.id):
                    raise DataRepositoryTaskNotFound(task.id)
            return {"DataRepositoryTasks": [task.view() for task in found]}
        found = apply_filters(visible(list(store.tasks.values())), request.get("Filters"), FILTERS)
        views, token = page(found, request, "tasks")
        return {"DataRepositoryTasks": views, **token}

    @handler("CancelDataRepositoryTask", expand=False)
    def cancel_task(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        task = store.task(request["TaskId"])
        if not task.unfinished:
            raise DataRepositoryTaskEnded(f"The task is in state {task.lifecycle}.")
        task.lifecycle = "CANCELING"

        def finish() -> None:
            task.lifecycle, task.ended = "CANCELED", timestamp()

        schedule(settings.delay("task") * PENDING_SHARE, finish)
        return {"TaskId": task.id, "Lifecycle": "CANCELING"}


def start(
    store: Store, system: FileSystem, kind: str, paths: list[str], report: dict[str, Any], tags: dict[str, str]
) -> Task:
    task = Task(
        id=identity.new_id("task"),
        account=store.account,
        region=store.region,
        tags=tags,
        file_system_id=system.id,
        type=kind,
        paths=paths,
        report=report,
        association_ids=[link.id for link in links_of(system, kind, paths)],
    )
    store.tasks[task.id] = task
    ledger.count("tasks_created")
    schedule(_delay(task) * PENDING_SHARE, lambda: _execute(system, task))
    return task


def links_of(system: FileSystem, kind: str, paths: list[str]) -> list[Association]:
    """Returns the associations that the paths of a task fall into; no path means all of them."""
    usable = [link for link in system.associations.values() if link.lifecycle in ("AVAILABLE", "UPDATING")]
    if not paths:
        return usable
    if kind == IMPORT:
        uris = [path.rstrip("/") + "/" for path in paths]
        return [link for link in usable if any(uri.startswith(link.uri) for uri in uris)]
    absolute = ["/" + path.strip("/") for path in paths]
    return [
        link
        for link in usable
        if any(link.covers(path) or path == "/" or link.path.startswith(path + "/") for path in absolute)
    ]


def _settle_report(report: dict[str, Any], system: FileSystem) -> dict[str, Any]:
    if not report.get("Enabled"):
        return {"Enabled": False}
    missing = [name for name in ("Path", "Format", "Scope") if not report.get(name)]
    if missing:
        raise BadRequest(f"An enabled report needs {', '.join(missing)}.")
    if report["Format"] != "REPORT_CSV_20191124" or report["Scope"] != "FAILED_FILES_ONLY":
        raise BadRequest("The report has the format REPORT_CSV_20191124 and the scope FAILED_FILES_ONLY.")
    location = report["Path"].rstrip("/") + "/"
    if not any(location.startswith(link.uri) for link in system.associations.values()):
        raise BadRequest(f"The report path {report['Path']} is not inside a linked data repository.")
    return report


def _delay(task: Task) -> float:
    return settings.delay("import" if task.type == IMPORT else "task")


def _execute(system: FileSystem, task: Task) -> None:
    if task.lifecycle != "PENDING":
        return
    task.lifecycle, task.started = "EXECUTING", timestamp()
    task.total = len(_files_of(system, task))
    schedule(_delay(task) * (1 - PENDING_SHARE), lambda: _finish(system, task))


def _finish(system: FileSystem, task: Task) -> None:
    if task.lifecycle != "EXECUTING":
        return
    failures: list[tuple[File, str]] = []
    if task.type == IMPORT:
        task.total = task.succeeded = _import(system, task)
    else:
        chosen = _files_of(system, task)
        if task.type == EXPORT:
            failures = _export(system, chosen)
        task.total, task.failed = len(chosen), len(failures)
        task.succeeded = task.total - task.failed
    if failures:
        task.failure = f"{len(failures)} of {task.total} files failed; see the task report."
        ledger.count("tasks_failed")
        if task.report.get("Enabled"):
            _write_report(system, task, failures)
    task.lifecycle, task.ended = "FAILED" if failures else "SUCCEEDED", timestamp()


def _files_of(system: FileSystem, task: Task) -> list[File]:
    """Returns what an export or a release touches: files below its paths, in its associations."""
    if task.type == IMPORT:
        return []
    roots = ["/" + path.strip("/") for path in task.paths] or ["/"]
    wants_exported = task.type == RELEASE
    return [
        file
        for file in system.files.values()
        if file.exported == wants_exported
        and (link := system.association_of(file.path))
        and link.id in task.association_ids
        and any(root == "/" or file.path == root or file.path.startswith(root + "/") for root in roots)
    ]


def _export(system: FileSystem, chosen: list[File]) -> list[tuple[File, str]]:
    failures = []
    for file in chosen:
        error = files.export(system, system.association_of(file.path), file)
        if error:
            failures.append((file, error))
    return failures


def _import(system: FileSystem, task: Task) -> int:
    count = 0
    for identifier in task.association_ids:
        link = system.associations[identifier]
        prefixes = [link.prefix]
        if task.paths:
            uris = [path.rstrip("/") + "/" for path in task.paths]
            prefixes = [uri.partition("s3://")[2].partition("/")[2] for uri in uris if uri.startswith(link.uri)]
        count += sum(files.import_metadata(system, link, prefix) for prefix in prefixes)
    return count


def _write_report(system: FileSystem, task: Task, failures: list[tuple[File, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("FilePath", "FileStatus", "ErrorCode"))
    writer.writerows((file.path, "failed", code) for file, code in failures)
    bucket, _, prefix = task.report["Path"].removeprefix("s3://").partition("/")
    # AWS writes {Path}/task-{TaskId}/failures.csv. A task's id begins with "task-" already.
    key = "/".join(part for part in (prefix.strip("/"), task.id, "failures.csv") if part)
    files.s3_client(system.account, system.region).put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
