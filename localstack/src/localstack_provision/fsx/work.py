"""What a data repository task does, step by step, and the report of what it could not do.

Sources: FSx user guide, "Task status and details", "Working with task completion reports" (csv below
<path>/task-<id>/) and "Using data repository tasks to release files".
"""

import csv
import fnmatch
import io
import math
from collections.abc import Callable
from functools import partial

from localstack_provision import ledger, settings
from localstack_provision.fsx import files, imports
from localstack_provision.fsx.model import Association, Lustre, Task
from localstack_provision.fsx.s3 import s3_client
from localstack_provision.timeline import now, schedule, timestamp

EXPORT = "EXPORT_TO_REPOSITORY"
IMPORT = "IMPORT_METADATA_FROM_REPOSITORY"
RELEASE = "RELEASE_DATA_FROM_FILESYSTEM"
# How much of a task's time it is PENDING, and a cancelled one CANCELING.
PENDING_SHARE = 0.25
# In how many steps a task works; its counts are refreshed after each (AWS: every 30 seconds or so).
STEPS = 4
DAY = 86400

# A path, and a function that does what is to be done with it and returns an error code.
Work = tuple[str, Callable[[], str | None]]


def begin(system: Lustre, task: Task) -> None:
    schedule(_delay(task) * PENDING_SHARE, lambda: _execute(system, task))


def _delay(task: Task) -> float:
    return settings.delay("import" if task.type == IMPORT else "task") * float(task.rule.get("slow") or 1)


def _execute(system: Lustre, task: Task) -> None:
    if task.lifecycle != "PENDING":
        return
    task.lifecycle, task.started = "EXECUTING", timestamp()
    task.total, task.updated = len(_todo(system, task)), timestamp()
    _plan_step(system, task, 1, [])


def _plan_step(system: Lustre, task: Task, number: int, failures: list[tuple[str, str]]) -> None:
    """Plans the next step, unless the test wants the task to hang at this share of its work."""
    hang = task.rule.get("hang")
    if hang is None or number <= int(hang * STEPS):
        wait = _delay(task) * (1 - PENDING_SHARE) / STEPS
        schedule(wait, lambda: _step(system, task, number, failures))


def _step(system: Lustre, task: Task, number: int, failures: list[tuple[str, str]]) -> None:
    """Does a share of the work; the last step takes everything, what came since the start as well."""
    if task.lifecycle != "EXECUTING":
        return
    todo = _todo(system, task)
    if number < STEPS:
        todo = todo[: max(0, math.ceil(task.total * number / STEPS) - len(task.seen))]
    whole = task.rule.get("failure")
    for path, act in todo if whole is None else []:
        task.seen.add(path)
        if error := _ordered_failure(task, path) or act():
            failures.append((path, error))
    task.failed, task.updated = len(failures), timestamp()
    task.succeeded = len(task.seen) - task.failed
    if number < STEPS:
        _plan_step(system, task, number + 1, failures)
        return
    task.total = len(task.seen)
    if failures:
        task.failure = f"{len(failures)} of {task.total} files failed; see the task report."
        if task.report.get("Enabled") and task.rule.get("report") is not False:
            _write_report(system, task, failures)
    task.failure = whole or task.failure
    task.lifecycle, task.ended = "FAILED" if task.failure else "SUCCEEDED", timestamp()
    ledger.count("tasks_failed", int(task.lifecycle == "FAILED"))


def _ordered_failure(task: Task, path: str) -> str | None:
    """Returns the code with which the test wants this file to fail."""
    fail = task.rule.get("fail")
    if fail is None or fail.get("count") == 0 or not fnmatch.fnmatchcase(path, fail.get("match") or "*"):
        return None
    if fail.get("count") is not None:
        fail["count"] -= 1
    return fail.get("code") or "InternalError"


def _todo(system: Lustre, task: Task) -> list[Work]:
    """Returns what a task has not done yet."""
    todo = _objects_to_import(system, task) if task.type == IMPORT else _files_to_move(system, task)
    return [work for work in todo if work[0] not in task.seen]


def _objects_to_import(system: Lustre, task: Task) -> list[Work]:
    todo: list[Work] = []
    for link in _links(system, task):
        prefixes = [link.prefix]
        if task.paths:
            uris = [path.rstrip("/") + "/" for path in task.paths]
            prefixes = [uri.partition("s3://")[2].partition("/")[2] for uri in uris if uri.startswith(link.uri)]
        found = (item for prefix in prefixes for item in imports.objects(system, link, prefix))
        todo += [(link.path_of(one["Key"]), partial(imports.import_object, system, link, one)) for one in found]
    return todo


def _files_to_move(system: Lustre, task: Task) -> list[Work]:
    """An export takes what S3 does not have; a release what it has, and what nobody touched for long enough."""
    roots = [files.absolute(path) for path in task.paths] or ["/"]
    links = {link.id for link in _links(system, task)}
    todo: list[Work] = []
    for file in list(system.files.values()):
        link = system.association_of(file.path)
        if link is None or link.id not in links or not any(files.below(file.path, root) for root in roots):
            continue
        if task.type == EXPORT and not file.exported:
            todo.append((file.path, partial(files.export, system, link, file)))
        idle = file.touched <= now() - task.idle_days * DAY
        if task.type == RELEASE and file.exported and not file.released and idle:
            todo.append((file.path, partial(files.release, file)))
    return todo


def _links(system: Lustre, task: Task) -> list[Association]:
    return [link for link in system.associations.values() if link.id in task.association_ids]


def _write_report(system: Lustre, task: Task, failures: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("FilePath", "FileStatus", "ErrorCode"))
    writer.writerows((path, "failed", code) for path, code in failures)
    bucket, _, prefix = task.report["Path"].removeprefix("s3://").partition("/")
    # AWS writes {Path}/task-{TaskId}/failures.csv. A task's id begins with "task-" already.
    key = "/".join(part for part in (prefix.strip("/"), task.id, "failures.csv") if part)
    s3_client(system.account, system.region).put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
