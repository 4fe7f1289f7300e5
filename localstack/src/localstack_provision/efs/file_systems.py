"""CreateFileSystem, DescribeFileSystems, UpdateFileSystem, DeleteFileSystem.

Sources: EFS API reference, the pages of these operations; user guide, "Throughput modes" (24 hours between two changes
that lower something) and "Performance modes" (maxIO with neither elastic nor One Zone).
"""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.efs.errors import (
    BadRequest,
    FileSystemAlreadyExists,
    FileSystemInUse,
    FileSystemLimitExceeded,
    IncorrectFileSystemLifeCycleState,
    ThroughputLimitExceeded,
    TooManyRequests,
    UnsupportedAvailabilityZone,
)
from localstack_provision.efs.model import FileSystem, Store, page, store_of
from localstack_provision.fsx import files
from localstack_provision.network import ec2
from localstack_provision.timeline import now, schedule

MAX_TOKEN = 64
MAX_TAGS = 50
PERFORMANCE = ("generalPurpose", "maxIO")
THROUGHPUT = ("bursting", "provisioned", "elastic")


class FileSystemOperations:
    @handler("CreateFileSystem", expand=False)
    def create_file_system(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        token = request.get("CreationToken") or ""
        if not 1 <= len(token) <= MAX_TOKEN:
            raise BadRequest(f"CreationToken has 1 to {MAX_TOKEN} characters.")
        for other in store.file_systems.values():
            # The token of one that is not quite gone counts too: AWS does not say for how long.
            if other.token == token:
                raise FileSystemAlreadyExists(other.id, token)
        system = FileSystem(
            id=identity.new_id("fs"),
            account=store.account,
            region=store.region,
            token=token,
            performance=request.get("PerformanceMode") or "generalPurpose",
            throughput=request.get("ThroughputMode") or "bursting",
            provisioned=request.get("ProvisionedThroughputInMibps"),
            encrypted=bool(request.get("Encrypted")),
            kms_key=_key(store, request),
            tags=check_tags(request.get("Tags")),
        )
        _check_modes(system)
        system.zone, system.zone_id = _one_zone(store, request.get("AvailabilityZoneName"))
        if system.zone and system.performance == "maxIO":
            raise BadRequest("One Zone file systems do not support the performance mode maxIO.")
        if len(store.file_systems) >= int(settings.get("limit").get("EFS_FILE_SYSTEM_COUNT", 1000)):
            raise FileSystemLimitExceeded("The account has the maximum number of file systems.")
        store.file_systems[system.id] = system
        ledger.count("efs_file_systems_created")
        schedule(settings.delay("efs_create"), lambda: _become(system, "creating"))
        return system.view()

    @handler("DescribeFileSystems", expand=False)
    def describe_file_systems(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        found = [system for system in store.file_systems.values() if identity.is_visible(system.id)]
        if request.get("FileSystemId"):
            found = [store.file_system(request["FileSystemId"])]
        if request.get("CreationToken"):
            found = [system for system in found if system.token == request["CreationToken"]]
        chosen, marks = page(found, request, "efs")
        return {"FileSystems": [system.view() for system in chosen], **marks}

    @handler("UpdateFileSystem", expand=False)
    def update_file_system(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        system = store.file_system(request["FileSystemId"])
        if system.state != "available":
            raise IncorrectFileSystemLifeCycleState(f"The file system is in state {system.state}.")
        mode = request.get("ThroughputMode") or system.throughput
        wanted = request.get("ProvisionedThroughputInMibps")
        if mode == "provisioned" and wanted is None and system.throughput == "provisioned":
            wanted = system.provisioned
        changed = FileSystem(**{**vars(system), "throughput": mode, "provisioned": wanted})
        _check_modes(changed)
        if (changed.throughput, changed.provisioned) == (system.throughput, system.provisioned):
            raise BadRequest("The request changes neither the throughput mode nor the provisioned throughput.")
        if mode != system.throughput or (wanted or 0) < (system.provisioned or 0):
            interval = float(settings.get("efs.update_interval"))
            if system.lowered is not None and now() < system.lowered + interval:
                raise TooManyRequests(f"The last change of this kind is less than {interval:g} seconds ago.")
            system.lowered = now()
        system.throughput, system.provisioned, system.state = mode, wanted, "updating"
        schedule(settings.delay("efs_update"), lambda: _become(system, "updating"))
        return system.view()

    @handler("DeleteFileSystem", expand=False)
    def delete_file_system(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        system = store.file_system(request["FileSystemId"])
        if system.mount_targets:
            raise FileSystemInUse(f"File system '{system.id}' has mount targets.")
        if system.state == "deleting":
            return
        # Nothing on it is anywhere else.
        files.lose_all(system)
        system.state = "deleting"
        wait = settings.delay("efs_delete") + float(settings.get("lag.deleted"))
        schedule(wait, lambda: _vanish(store, system))


def check_tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    keys = [tag["Key"] for tag in tags or []]
    if len(keys) > MAX_TAGS or len(set(keys)) != len(keys):
        raise BadRequest(f"Tags are at most {MAX_TAGS}, with distinct keys.")
    if any(not key or key.lower().startswith("aws:") for key in keys):
        raise BadRequest("A tag's key is not empty and does not begin with aws:")
    return identity.tags_of(tags)


def _key(store: Store, request: dict[str, Any]) -> str | None:
    """Returns the key of an encrypted file system as Describe shows it: an ARN."""
    key = request.get("KmsKeyId")
    if not request.get("Encrypted"):
        if key:
            raise BadRequest("KmsKeyId is only supported with Encrypted.")
        return None
    key = key or "alias/aws/elasticfilesystem"
    if key.startswith("arn:"):
        return key
    name = key if key.startswith("alias/") else f"key/{key}"
    return f"arn:aws:kms:{store.region}:{store.account}:{name}"


def _check_modes(system: FileSystem) -> None:
    if system.performance not in PERFORMANCE or system.throughput not in THROUGHPUT:
        raise BadRequest("PerformanceMode or ThroughputMode has a value that does not exist.")
    if system.throughput == "elastic" and system.performance == "maxIO":
        raise BadRequest("The throughput mode elastic is not supported with the performance mode maxIO.")
    if (system.throughput == "provisioned") != (system.provisioned is not None):
        raise BadRequest("ProvisionedThroughputInMibps goes with the throughput mode provisioned, and only with it.")
    if system.provisioned is None:
        return
    if system.provisioned < 1:
        raise BadRequest("ProvisionedThroughputInMibps is at least 1.")
    limit = float(settings.get("limit").get("EFS_PROVISIONED_MIBPS", 3414))
    if system.provisioned > limit:
        raise ThroughputLimitExceeded(f"The limit of provisioned throughput is {limit:g} MiB/s.")


def _one_zone(store: Store, name: str | None) -> tuple[str | None, str | None]:
    if not name:
        return None, None
    for zone in ec2(store.account, store.region).describe_availability_zones():
        if zone.name == name:
            return zone.name, zone.zone_id
    raise UnsupportedAvailabilityZone(f"One Zone file systems are not available in {name}.")


def _become(system: FileSystem, old: str) -> None:
    if system.state == old:
        system.state = "available"


def _vanish(store: Store, system: FileSystem) -> None:
    if store.file_systems.pop(system.id, None):
        ledger.count("efs_file_systems_deleted")
