"""The files of a file system, their way to S3, and what is lost on the way.

A test writes files through the control endpoint. A file is *exported* when its last version is in the linked
bucket; whatever is not when its association or its file system goes is lost, and the ledger says so.

Sources: FSx user guide, "Automatically export updates to your S3 bucket", "Using data repository tasks to
export changes"; API reference, DeleteFileSystem and DeleteDataRepositoryAssociation.
"""

import logging
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from localstack_provision import ledger, settings
from localstack_provision.fsx.model import Association, File, FileSystem
from localstack_provision.timeline import schedule

LOG = logging.getLogger(__name__)

# How much of a file's size is really put into S3 when a test gave no content.
MAX_FILLER = 4096


def s3_client(account: str, region: str) -> Any:
    return connect_to(region_name=region, aws_access_key_id=account).s3


def write(system: FileSystem, path: str, size: int, content: str | None, export_error: str | None) -> File:
    """Writes a file as a node would; automatic export takes it from there."""
    path = "/" + path.strip("/")
    file = system.files.get(path)
    event = "CHANGED" if file else "NEW"
    if file is None:
        file = system.files[path] = File(path, size)
    else:
        file.version += 1
        file.exported = file.lost = False
    file.size, file.content, file.export_error = size, content, export_error
    ledger.count("files_written")
    version = file.version
    _on_event(system, path, event, lambda link: file.version == version and export(system, link, file))
    return file


def delete(system: FileSystem, path: str) -> None:
    """Deletes a file as a node would. Its object goes too, if the association exports deletions."""
    path = "/" + path.strip("/")
    file = system.files.pop(path)
    if file.exported:
        _on_event(system, path, "DELETED", lambda link: _delete_object(system, link, path))


def _on_event(system: FileSystem, path: str, event: str, act: Any) -> None:
    """Acts after the delay of automatic export, if the association still wants it then."""

    def due() -> None:
        link = system.association_of(path)
        if link and event in link.export_events and link.lifecycle in ("AVAILABLE", "UPDATING"):
            act(link)

    link = system.association_of(path)
    if link and event in link.export_events:
        schedule(settings.delay("auto_export"), due)


def export(system: FileSystem, link: Association, file: File) -> str | None:
    """Puts a file's object into the linked bucket; returns the error code if it fails."""
    if file.export_error:
        return file.export_error
    body = file.content if file.content is not None else "\0" * min(file.size, MAX_FILLER)
    try:
        s3_client(system.account, system.region).put_object(
            Bucket=link.bucket,
            Key=link.key_of(file.path),
            Body=body.encode(),
            Metadata={"file-owner": "0", "file-group": "0", "file-permissions": "0100644"},
        )
    except ClientError as error:
        LOG.info("export of %s failed: %s", file.path, error)
        return "S3Error"
    file.exported = True
    ledger.count("files_exported")
    return None


def _delete_object(system: FileSystem, link: Association, path: str) -> None:
    s3_client(system.account, system.region).delete_object(Bucket=link.bucket, Key=link.key_of(path))
    ledger.count("objects_deleted")


def import_metadata(system: FileSystem, link: Association, key_prefix: str) -> int:
    """Makes a file of each object below a prefix; returns how many objects there are."""
    client = s3_client(system.account, system.region)
    count = 0
    for answer in client.get_paginator("list_objects_v2").paginate(Bucket=link.bucket, Prefix=key_prefix):
        for item in answer.get("Contents", []):
            count += 1
            if item["Key"].endswith("/"):
                continue
            path = f"{link.path.rstrip('/')}/{item['Key'].removeprefix(link.prefix)}"
            system.files.setdefault(path, File(path, item["Size"], exported=True))
    return count


def lose_linked(system: FileSystem, link: Association, delete_data: bool) -> None:
    """Counts what an association takes with it."""
    for path in [path for path in system.files if link.covers(path)]:
        _lose(system.files[path], linked=True)
        if delete_data:
            del system.files[path]


def lose_all(system: FileSystem) -> None:
    """Counts what a file system takes with it."""
    for file in system.files.values():
        _lose(file, linked=system.association_of(file.path) is not None)


def _lose(file: File, linked: bool) -> None:
    if not file.exported and not file.lost:
        file.lost = True
        ledger.lose(file.path, linked)
