"""Create-, Describe- and CancelDataRepositoryTask(s).

Sources: FSx API reference, the pages of these operations; user guide, "Data repository tasks".
"""

import copy
from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.fsx import validation, work
from localstack_provision.fsx.errors import (
    BadRequest,
    DataRepositoryTaskEnded,
    DataRepositoryTaskExecuting,
    DataRepositoryTaskNotFound,
    UnsupportedOperation,
)
from localstack_provision.fsx.model import Association, Lustre, Task, is_cache
from localstack_provision.fsx.store import Store, apply_filters, page, store_of, visible
from localstack_provision.fsx.work import EXPORT, IMPORT, RELEASE
from localstack_provision.timeline import schedule, timestamp

MAX_PATHS = 100

FILTERS = {
    "file-system-id": lambda task: [] if is_cache(task.file_system_id) else [task.file_system_id],
    "task-lifecycle": lambda task: [task.lifecycle],
    "data-repository-association-id": lambda task: task.association_ids,
    "file-cache-id": lambda task: [task.file_system_id] if is_cache(task.file_system_id) else [],
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
            # AUTO_RELEASE_DATA is what a cache does by itself.
            raise UnsupportedOperation(f"Tasks of type {kind} cannot be created.")
        system = store.lustre(request["FileSystemId"])
        if is_cache(system.id) and kind != EXPORT:
            raise UnsupportedOperation(f"Tasks of type {kind} are not supported on caches.")
        if not system.writable:
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
        idle_days = _settle_release(request, kind)
        for other in store.tasks.values():
            same = (other.file_system_id, other.type, other.paths) == (system.id, kind, paths)
            if same and other.unfinished:
                raise DataRepositoryTaskExecuting(f"The same task is executing already: {other.id}")
        task = start(store, system, kind, paths, report, identity.tags_of(request.get("Tags")), idle_days)
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

        schedule(settings.delay("task") * work.PENDING_SHARE, finish)
        return {"TaskId": task.id, "Lifecycle": "CANCELING"}


def start(
    store: Store,
    system: Lustre,
    kind: str,
    paths: list[str],
    report: dict[str, Any],
    tags: dict[str, str],
    idle_days: int = 0,
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
        idle_days=idle_days,
    )
    task.rule = _take_rule(task)
    store.tasks[task.id] = task
    ledger.count("tasks_created")
    work.begin(system, task)
    return task


def _take_rule(task: Task) -> dict[str, Any]:
    """Returns the first rule of the test that fits a new task, and uses it up."""
    rules = settings.get("task.rules")
    for rule in rules:
        if rule.get("type") in (None, task.type) and rule.get("file_system_id") in (None, task.file_system_id):
            rule["times"] = (rule.get("times") or 1) - 1
            if rule["times"] <= 0:
                rules.remove(rule)
            return copy.deepcopy(rule)
    return {}


def links_of(system: Lustre, kind: str, paths: list[str]) -> list[Association]:
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


def _settle_report(report: dict[str, Any], system: Lustre) -> dict[str, Any]:
    if not report.get("Enabled"):
        return {"Enabled": False}
    missing = [name for name in ("Path", "Format", "Scope") if not report.get(name)]
    if missing:
        raise BadRequest(f"An enabled report needs {', '.join(missing)}.")
    if report["Format"] != "REPORT_CSV_20191124" or report["Scope"] != "FAILED_FILES_ONLY":
        raise BadRequest("The report has the format REPORT_CSV_20191124 and the scope FAILED_FILES_ONLY.")
    location = report["Path"].rstrip("/") + "/"
    linked = [link.uri for link in system.associations.values() if link.nfs is None]
    if not any(location.startswith(uri) for uri in linked):
        raise BadRequest(f"The report path {report['Path']} is not inside a linked data repository.")
    return report


def _settle_release(request: dict[str, Any], kind: str) -> int:
    """Returns for how many days a file must not have been touched to be released."""
    last_access = (request.get("ReleaseConfiguration") or {}).get("DurationSinceLastAccess") or {}
    if last_access and kind != RELEASE:
        raise BadRequest(f"ReleaseConfiguration is for tasks of type {RELEASE}.")
    days = last_access.get("Value") or 0
    if last_access.get("Unit") not in (None, "DAYS") or days < 0:
        raise BadRequest("DurationSinceLastAccess is 0 or more DAYS.")
    return days
