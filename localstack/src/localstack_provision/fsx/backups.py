"""CreateBackup, DescribeBackups, DeleteBackup.

Source: FSx user guide, "Protecting your data with backups": persistent file systems only, and none that is
linked to a data repository.
"""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, settings
from localstack_provision.fsx import catalog, validation
from localstack_provision.fsx.errors import BackupInProgress, BadRequest, UnsupportedOperation
from localstack_provision.fsx.model import Backup, FileSystem
from localstack_provision.fsx.store import Store, apply_filters, page, store_of, visible
from localstack_provision.timeline import schedule

FILTERS = {
    "file-system-id": lambda backup: [backup.file_system["FileSystemId"]],
    "backup-type": lambda backup: ["USER_INITIATED"],
    "file-system-type": lambda backup: ["LUSTRE"],
}


class BackupOperations:
    @handler("CreateBackup", expand=False)
    def create_backup(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        known = store.recall("CreateBackup", request, store.backups)
        if known:
            return {"Backup": store.backups[known].view()}
        if request.get("VolumeId"):
            raise UnsupportedOperation("Volumes are not emulated.")
        system = store.file_system(request.get("FileSystemId") or "")
        refuse_backup(system)
        if any(
            other.lifecycle == "CREATING" and other.file_system["FileSystemId"] == system.id
            for other in store.backups.values()
        ):
            raise BackupInProgress("Another backup of this file system is in progress.")
        store.check_limit("TOTAL_USER_INITIATED_BACKUPS", len(store.backups), 1)
        backup = take_backup(store, system, identity.tags_of(request.get("Tags")))
        store.remember("CreateBackup", request, backup.id)
        return {"Backup": backup.view()}

    @handler("DescribeBackups", expand=False)
    def describe_backups(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        if wanted := request.get("BackupIds"):
            return {"Backups": [store.backup(identifier).view() for identifier in wanted]}
        found = apply_filters(visible(list(store.backups.values())), request.get("Filters"), FILTERS)
        views, token = page(found, request, "file_systems")
        return {"Backups": views, **token}

    @handler("DeleteBackup", expand=False)
    def delete_backup(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        backup = store.backup(request["BackupId"])
        if backup.lifecycle == "CREATING":
            raise BackupInProgress("The backup is still being created.")
        del store.backups[backup.id]
        return {"BackupId": backup.id, "Lifecycle": "DELETED"}


def refuse_backup(system: FileSystem) -> None:
    """Raises what AWS answers for a file system that cannot have a backup."""
    if system.deployment not in catalog.PERSISTENT:
        raise BadRequest(f"Backups are not supported for deployment type {system.deployment}.")
    if system.associations:
        raise BadRequest("Backups are not supported on file systems linked to a data repository.")


def take_backup(store: Store, system: FileSystem, tags: dict[str, str]) -> Backup:
    backup = Backup(
        id=identity.new_id("backup"),
        account=store.account,
        region=store.region,
        tags=tags,
        file_system=system.view(),
    )
    store.backups[backup.id] = backup

    def finish() -> None:
        backup.lifecycle = "AVAILABLE"

    schedule(settings.delay("backup"), finish)
    return backup
