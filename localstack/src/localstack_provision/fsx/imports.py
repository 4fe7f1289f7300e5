"""From S3 to a file system: metadata by tasks, and automatic import of what changes in a linked bucket.

The gateway tells of each change of an object. Whether it is new, changed or gone is found out when its turn in
the queue comes, as its result counts and not its history.

Sources: FSx user guide, "Automatically import updates from your S3 bucket" (metadata only; a changed object
overwrites the file, a written one as well) and "Using data repository tasks to import changes" (does not remove
the files of deleted objects).
"""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from localstack_provision import settings
from localstack_provision.fsx import queue, store
from localstack_provision.fsx.model import Association, File, Lustre
from localstack_provision.fsx.s3 import s3_client
from localstack_provision.timeline import LOCK, now, schedule

# Operations of S3 that change one object, whose key is in the request.
CHANGES_ONE = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject")


def keys_changed(operation: str, request: dict[str, Any]) -> list[str]:
    """Returns the keys that a request to S3 has changed."""
    if operation in CHANGES_ONE:
        return [request["Key"]]
    if operation == "DeleteObjects":
        return [item["Key"] for item in request["Delete"]["Objects"]]
    return []


def notice(bucket: str, keys: Iterable[str], by: Lustre | None = None) -> None:
    """Has all file systems that import from a bucket automatically look at these keys; `by` wrote them itself."""
    with LOCK:
        systems = [system for each in store.STORES.values() for system in each.file_systems.values()]
        for system in systems:
            for link in system.associations.values():
                if system is by or link.bucket != bucket or not link.import_events:
                    continue
                for key in keys:
                    if key.startswith(link.prefix) and not key.endswith("/"):
                        _queue(system, link, key)


def _queue(system: Lustre, link: Association, key: str) -> None:
    message = system.queues[queue.IMPORT].put(link.id)

    def due() -> None:
        message.done = now()
        if link.lifecycle in ("AVAILABLE", "UPDATING"):
            _follow(system, link, key)

    schedule(settings.delay("auto_import"), due)


def _follow(system: Lustre, link: Association, key: str) -> None:
    """Makes a file what its object is now."""
    path = link.path_of(key)
    file = system.files.get(path)
    try:
        found = s3_client(system.account, system.region).head_object(Bucket=link.bucket, Key=key)
    except ClientError:
        # A file that was written since stays: AWS does not say.
        if file is not None and file.exported and "DELETED" in link.import_events:
            del system.files[path]
        return
    if file is not None and file.etag == found["ETag"]:
        return
    if ("NEW" if file is None else "CHANGED") in link.import_events:
        if file is not None:
            file.lose(linked=True)
        system.files[path] = imported(path, found["ContentLength"], found["ETag"])


def imported(path: str, size: int, etag: str) -> File:
    return File(path, size, exported=True, released=True, etag=etag)


def objects(system: Lustre, link: Association, key_prefix: str) -> list[dict[str, Any]]:
    """Returns the objects below a prefix."""
    client = s3_client(system.account, system.region)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=link.bucket, Prefix=key_prefix)
    return [item for page in pages for item in page.get("Contents", [])]


def import_object(system: Lustre, link: Association, item: dict[str, Any]) -> None:
    """Makes or refreshes the file of an object. What was written and not exported yet stays (AWS does not say)."""
    if item["Key"].endswith("/"):
        return
    path = link.path_of(item["Key"])
    file = system.files.get(path)
    if file is None or (file.exported and file.etag != item["ETag"]):
        system.files[path] = imported(path, item["Size"], item["ETag"])
