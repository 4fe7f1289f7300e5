"""The files of a file system, their way to S3, and what is lost on the way.

A test writes files through the control endpoint. A file is *exported* when its last version is in the linked
bucket; whatever is not when its association or its file system goes is lost, and the ledger says so.

Sources: FSx user guide, "Automatically export updates to your S3 bucket", "Using data repository tasks to
export changes"; API reference, DeleteFileSystem and DeleteDataRepositoryAssociation.
"""

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from localstack_provision import ledger, settings
from localstack_provision.fsx import imports, queue
from localstack_provision.fsx.model import Association, File, Lustre, Storing
from localstack_provision.fsx.s3 import s3_client
from localstack_provision.timeline import now, schedule

LOG = logging.getLogger(__name__)

# How much of a file's size is really put into S3 when a test gave no content.
MAX_FILLER = 4096
# What the nodes share among themselves; `provision` keeps it outside every dataset.
OWN = "/.provision"


def absolute(path: str) -> str:
    return "/" + path.strip("/")


def below(path: str, root: str) -> bool:
    return root == "/" or path == root or path.startswith(root + "/")


def write(system: Storing, path: str, size: int, content: str | None, export_error: str | None) -> File:
    """Writes a file as a node would; automatic export takes it from there."""
    event = "CHANGED" if absolute(path) in system.files else "NEW"
    file = place(system, path, size, content, export_error)
    version = file.version
    _on_event(system, file.path, event, lambda link: file.version == version and export(system, link, file))
    return file


def place(system: Storing, path: str, size: int, content: str | None, export_error: str | None) -> File:
    """Makes a new version of a file that nothing takes note of: it stays dirty until a task exports it."""
    path = absolute(path)
    file = system.files.get(path)
    if file is None:
        file = system.files[path] = File(path, size)
    else:
        file.version += 1
        file.exported = file.lost = file.released = False
    file.size, file.content, file.export_error, file.touched = size, content, export_error, now()
    ledger.count("files_written")
    return file


def delete(system: Storing, path: str) -> None:
    """Deletes a file as a node would. Its object goes too, if the association exports deletions."""
    path = absolute(path)
    file = system.files.pop(path)
    if file.etag or file.exported:
        _on_event(system, path, "DELETED", lambda link: _delete_object(system, link, path))


def _on_event(system: Storing, path: str, event: str, act: Callable[[Association], Any]) -> None:
    """Acts after the delay of automatic export, if the association still wants it then."""
    link = system.association_of(path)
    if link is None or event not in link.export_events:
        return
    waiting = system.queues[queue.EXPORT]
    message = waiting.put(link.id)

    def due() -> None:
        if message.dropped:
            return
        message.done = now()
        if event in link.export_events and link.lifecycle in ("AVAILABLE", "UPDATING"):
            act(link)

    schedule(settings.delay("auto_export"), due)


def export(system: Lustre, link: Association, file: File) -> str | None:
    """Puts a file's object into the linked bucket; returns the error code if it fails."""
    if file.export_error:
        return file.export_error
    if link.nfs is not None:
        # What is behind a cache's link to NFS is not emulated: it takes everything.
        file.exported = True
        ledger.count("files_exported")
        return None
    body = file.content if file.content is not None else "\0" * min(file.size, MAX_FILLER)
    key = link.key_of(file.path)
    try:
        answer = s3_client(system.account, system.region).put_object(
            Bucket=link.bucket,
            Key=key,
            Body=body.encode(),
            Metadata={"file-owner": "0", "file-group": "0", "file-permissions": "0100644"},
        )
    except ClientError as error:
        LOG.info("export of %s failed: %s", file.path, error)
        return "S3Error"
    file.exported, file.etag = True, answer["ETag"]
    ledger.count("files_exported")
    imports.notice(link.bucket, [key], by=system)
    return None


def _delete_object(system: Lustre, link: Association, path: str) -> None:
    key = link.key_of(path)
    s3_client(system.account, system.region).delete_object(Bucket=link.bucket, Key=key)
    ledger.count("objects_deleted")
    imports.notice(link.bucket, [key], by=system)


def release(file: File) -> None:
    """Takes the data of an exported file off Lustre."""
    file.released = True


def restore(file: File) -> None:
    """Brings the data of a released file back, as its first read or `lfs hsm_restore` does."""
    file.released, file.touched = False, now()


def outside(system: Storing, roots: list[str]) -> list[File]:
    """Returns the files below none of `roots` (paths from the mount), without those of `provision` itself."""
    roots = [OWN, *map(absolute, roots)]
    return [file for file in system.files.values() if not any(below(file.path, root) for root in roots)]


def lose_linked(system: Lustre, link: Association, delete_data: bool) -> None:
    """Counts what an association takes with it."""
    for path in [path for path in system.files if link.covers(path)]:
        system.files[path].lose(linked=True)
        if delete_data:
            del system.files[path]


def lose_all(system: Storing) -> None:
    """Counts what a file system takes with it."""
    for file in system.files.values():
        file.lose(linked=system.association_of(file.path) is not None)
