"""CreateFileSystem, DescribeFileSystems, UpdateFileSystem, DeleteFileSystem.

Source: FSx API reference, the pages of these operations; user guide "Managing storage capacity" for the order
of administrative actions (FILE_SYSTEM_UPDATE, then STORAGE_OPTIMIZATION in the background).
"""

import secrets
import string
from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.fsx import catalog, files, network, validation
from localstack_provision.fsx.backups import refuse_backup, take_backup
from localstack_provision.fsx.errors import BadRequest, FileSystemNotFound
from localstack_provision.fsx.model import FileSystem
from localstack_provision.fsx.store import Store, page, store_of, visible
from localstack_provision.timeline import now, schedule, timestamp

MOUNT_NAME_LENGTH = 8
MAX_ACTIONS = 10
MAX_IDS = 50


class FileSystemOperations:
    @handler("CreateFileSystem", expand=False)
    def create_file_system(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        known = store.recall("CreateFileSystem", request, store.file_systems)
        if known:
            return {"FileSystem": store.file_systems[known].view()}
        lustre = validation.settle_new(request)
        version = validation.settle_version(request, lustre)
        subnet, groups = network.settle(store.account, store.region, request, bool(lustre.get("EfaEnabled")))
        system = FileSystem(
            id=identity.new_id("fs"),
            account=store.account,
            region=store.region,
            tags=identity.tags_of(request.get("Tags")),
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            security_group_ids=[group.id for group in groups],
            capacity=request.get("StorageCapacity"),
            storage_type=request.get("StorageType") or catalog.SSD,
            version=version,
            lustre=lustre,
        )
        _check_limits(store, system)
        _fill_defaults(system, request)
        system.interface_ids = network.create_interfaces(store.account, store.region, system, _interface_count(system))
        store.file_systems[system.id] = system
        store.remember("CreateFileSystem", request, system.id)
        ledger.count("file_systems_created")
        schedule(settings.delay("file_system_create"), lambda: _become_available(system))
        return {"FileSystem": system.view()}

    @handler("DescribeFileSystems", expand=False)
    def describe_file_systems(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("FileSystemIds")
        if not wanted:
            views, token = page(visible(list(store.file_systems.values())), request, "file_systems")
            return {"FileSystems": views, **token}
        if len(wanted) > MAX_IDS:
            raise BadRequest(f"At most {MAX_IDS} file system ids can be given.")
        found = [store.file_system(identifier) for identifier in wanted]
        for system in found:
            if not identity.is_visible(system.id):
                raise FileSystemNotFound(system.id)
        return {"FileSystems": [system.view() for system in found]}

    @handler("UpdateFileSystem", expand=False)
    def update_file_system(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        system = store.file_system(request["FileSystemId"])
        if store.recall("UpdateFileSystem", request, store.file_systems):
            return {"FileSystem": system.view()}
        if system.lifecycle != "AVAILABLE":
            raise BadRequest(f"The file system is in state {system.lifecycle}; it must be AVAILABLE.")
        validation.check_update(request, system)
        changes = request.get("LustreConfiguration") or {}
        capacity = request.get("StorageCapacity")
        resizes = capacity is not None or changes.get("PerUnitStorageThroughput") is not None
        if resizes:
            _check_interval(system)
        store.remember("UpdateFileSystem", request, system.id)
        action = _start_action(system, "FILE_SYSTEM_UPDATE", _target_of(request))
        optimization = None
        if capacity is not None:
            optimization = _start_action(system, "STORAGE_OPTIMIZATION", {})
            optimization["Status"] = "PENDING"
        system.lifecycle = "UPDATING"
        if resizes:
            system.resized = now()
        schedule(settings.delay("file_system_update"), lambda: _finish_update(system, request, action, optimization))
        return {"FileSystem": system.view()}

    @handler("DeleteFileSystem", expand=False)
    def delete_file_system(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        system = store.file_system(request["FileSystemId"])
        answer: dict[str, Any] = {"FileSystemId": system.id, "Lifecycle": "DELETING"}
        if system.lifecycle == "DELETING":
            return answer
        running = [task for task in store.tasks.values() if task.file_system_id == system.id and task.unfinished]
        if running:
            raise BadRequest(
                f"The file system has data repository tasks that are pending or executing: {running[0].id}"
            )
        if system.lifecycle == "CREATING" and not settings.get("fsx.delete_while_creating"):
            raise BadRequest("The file system is in state CREATING and cannot be deleted yet.")
        options = request.get("LustreConfiguration") or {}
        if options.get("SkipFinalBackup") is False:
            refuse_backup(system)
            tags = options.get("FinalBackupTags") or []
            backup = take_backup(store, system, identity.tags_of(tags))
            answer["LustreResponse"] = {"FinalBackupId": backup.id, "FinalBackupTags": tags}
        # Whatever has not been exported by now is gone: the deletion does not wait for it.
        files.lose_all(system)
        system.lifecycle = "DELETING"
        for link in system.associations.values():
            link.lifecycle = "DELETING"
        wait = settings.delay("file_system_delete") + float(settings.get("lag.deleted"))
        schedule(wait, lambda: _vanish(store, system))
        return answer


def _check_limits(store: Store, system: FileSystem) -> None:
    existing = list(store.file_systems.values())
    store.check_limit("FILE_SYSTEM_COUNT", len(existing), 1)
    used = sum(other.capacity or 0 for other in existing)
    store.check_limit("TOTAL_STORAGE", used, system.capacity or 0)
    throughput = sum(other.throughput for other in existing)
    store.check_limit("TOTAL_THROUGHPUT_CAPACITY", throughput, system.throughput)


def _fill_defaults(system: FileSystem, request: dict[str, Any]) -> None:
    """Adds what Describe shows though nobody gave it."""
    lustre = system.lustre
    lustre.setdefault("DataCompressionType", "NONE")
    lustre.setdefault("WeeklyMaintenanceStartTime", "7:02:00")
    lustre.setdefault("LogConfiguration", {"Level": "DISABLED"})
    if system.deployment in catalog.PERSISTENT:
        lustre.setdefault("AutomaticBackupRetentionDays", 0)
        lustre.setdefault("CopyTagsToBackups", False)
        system.kms_key = request.get("KmsKeyId") or system.arn("key/aws-fsx").replace(":fsx:", ":kms:")
    metadata = lustre.get("MetadataConfiguration")
    if metadata and metadata["Mode"] == "AUTOMATIC":
        metadata["Iops"] = catalog.automatic_metadata_iops(system.capacity or 0)
    if system.deployment != catalog.SCRATCH_1:
        system.mount_name = mount_name()


def mount_name() -> str:
    alphabet = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(MOUNT_NAME_LENGTH))


def _interface_count(system: FileSystem) -> int:
    lustre = system.lustre
    throughput = lustre.get("ThroughputCapacity") or lustre.get("PerUnitStorageThroughput") or 0
    iops = (lustre.get("MetadataConfiguration") or {}).get("Iops", 0)
    return catalog.interface_count(
        system.deployment, system.storage_type, system.capacity or 0, throughput, iops, system.efa
    )


def _become_available(system: FileSystem) -> None:
    if system.lifecycle == "CREATING":
        system.lifecycle = "AVAILABLE"


def _check_interval(system: FileSystem) -> None:
    interval = float(settings.get("fsx.update_interval"))
    if system.resized is not None and now() < system.resized + interval:
        raise BadRequest(f"Storage and throughput can be changed once in {interval:g} seconds (AWS: 6 hours).")


def _target_of(request: dict[str, Any]) -> dict[str, Any]:
    kept = ("StorageCapacity", "LustreConfiguration", "FileSystemTypeVersion")
    return {name: request[name] for name in kept if request.get(name) is not None}


def _start_action(system: FileSystem, kind: str, target: dict[str, Any]) -> dict[str, Any]:
    action = {
        "AdministrativeActionType": kind,
        "ProgressPercent": 0,
        "RequestTime": timestamp(),
        "Status": "IN_PROGRESS",
    }
    if target:
        action["TargetFileSystemValues"] = target
    system.actions.append(action)
    same = [other for other in system.actions if other["AdministrativeActionType"] == kind]
    if len(same) > MAX_ACTIONS:
        system.actions.remove(same[0])
    return action


def _finish_update(
    system: FileSystem, request: dict[str, Any], action: dict[str, Any], optimization: dict[str, Any] | None
) -> None:
    if system.lifecycle != "UPDATING":
        return
    system.lustre.update(request.get("LustreConfiguration") or {})
    system.version = request.get("FileSystemTypeVersion") or system.version
    if request.get("StorageCapacity") is not None:
        system.capacity = request["StorageCapacity"]
    metadata = system.lustre.get("MetadataConfiguration")
    if metadata and metadata["Mode"] == "AUTOMATIC":
        metadata["Iops"] = catalog.automatic_metadata_iops(system.capacity or 0)
    missing = _interface_count(system) - len(system.interface_ids)
    if missing > 0:
        system.interface_ids += network.create_interfaces(system.account, system.region, system, missing)
    system.lifecycle = "AVAILABLE"
    action["ProgressPercent"] = 100
    action["Status"] = "COMPLETED"
    if optimization:
        action["Status"] = "UPDATED_OPTIMIZING"
        optimization["Status"] = "IN_PROGRESS"
        schedule(settings.delay("file_system_update"), lambda: _finish_optimization(action, optimization))


def _finish_optimization(action: dict[str, Any], optimization: dict[str, Any]) -> None:
    action["Status"] = "COMPLETED"
    optimization["Status"] = "COMPLETED"
    optimization["ProgressPercent"] = 100


def _vanish(store: Store, system: FileSystem) -> None:
    store.file_systems.pop(system.id, None)
    ledger.count("file_systems_deleted")
    schedule(
        settings.delay("network_interface_release"),
        lambda: network.release_interfaces(store.account, store.region, system.interface_ids),
    )
