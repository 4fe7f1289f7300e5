"""Checks of CreateFileSystem and UpdateFileSystem against the tables in `catalog`.

Pure: a request goes in, its settled Lustre configuration comes out, or the error AWS would answer. What
needs other services (subnet, security groups) is in `network`.
"""

import re
from typing import Any

from localstack_provision.fsx import catalog
from localstack_provision.fsx.catalog import HDD, PERSISTENT, PERSISTENT_2, SCRATCH_1, SSD, TIERING
from localstack_provision.fsx.errors import (
    BadRequest,
    InvalidPerUnitStorageThroughput,
    MissingFileSystemConfiguration,
    UnsupportedOperation,
)

TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,63}")
TAG_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
ROOT_SQUASH = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")
WEEKLY_TIME = re.compile(r"[1-7]:([01]\d|2[0-3]):[0-5]\d")
DAILY_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MAX_SQUASH_ID = 4294967294
LEGACY_LINK = ("ImportPath", "ExportPath", "ImportedFileChunkSize", "AutoImportPolicy")


def check_common(request: dict[str, Any]) -> None:
    token = request.get("ClientRequestToken")
    if token is not None and not TOKEN.fullmatch(token):
        raise BadRequest("ClientRequestToken has 1 to 63 characters out of A-Z a-z 0-9 . - _")
    check_tags(request.get("Tags"))


def check_tags(tags: list[dict[str, str]] | None) -> None:
    if tags is None:
        return
    if not 1 <= len(tags) <= catalog.MAX_TAGS:
        raise BadRequest(f"The number of tags must be between 1 and {catalog.MAX_TAGS}.")
    keys = [tag.get("Key") or "" for tag in tags]
    if len(set(keys)) != len(keys):
        raise BadRequest("The tag keys of a request must be unique.")
    for key, tag in zip(keys, tags, strict=True):
        if not TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
            raise BadRequest(f"Invalid tag key: {key!r}")
        if not TAG_VALUE.fullmatch(tag.get("Value") or ""):
            raise BadRequest(f"Invalid value of the tag {key!r}")


def settle_new(request: dict[str, Any]) -> dict[str, Any]:
    """Returns the Lustre configuration of a new file system with all defaults filled in."""
    check_common(request)
    kind = request.get("FileSystemType")
    if kind != "LUSTRE":
        raise UnsupportedOperation(f"File systems of type {kind} are not emulated, only LUSTRE.")
    lustre = dict(request.get("LustreConfiguration") or {})
    deployment = lustre.setdefault("DeploymentType", catalog.DEFAULT_DEPLOYMENT)
    if deployment not in catalog.STORAGE_TYPES:
        raise BadRequest(f"Unknown deployment type: {deployment}")
    storage = request.get("StorageType") or SSD
    if storage not in catalog.STORAGE_TYPES[deployment]:
        raise BadRequest(f"Storage type {storage} is not supported for deployment type {deployment}.")
    if deployment in PERSISTENT and not request.get("LustreConfiguration"):
        raise MissingFileSystemConfiguration("LustreConfiguration is required.")
    if request.get("KmsKeyId") and deployment not in PERSISTENT:
        raise BadRequest(f"KmsKeyId is not supported for deployment type {deployment}.")
    if any(lustre.get(name) is not None for name in LEGACY_LINK):
        if deployment == PERSISTENT_2:
            raise BadRequest("PERSISTENT_2 file systems are linked with data repository associations only.")
        raise UnsupportedOperation("The legacy S3 link in CreateFileSystem is not emulated: use associations.")
    _check_throughput(deployment, storage, lustre)
    _check_metadata(deployment, storage, lustre)
    _check_efa(deployment, lustre)
    _check_capacity(deployment, storage, request.get("StorageCapacity"), lustre)
    _check_caches(storage, lustre)
    check_simple_settings(deployment, lustre)
    return lustre


def settle_version(request: dict[str, Any], lustre: dict[str, Any]) -> str:
    deployment = lustre["DeploymentType"]
    with_metadata = bool(lustre.get("MetadataConfiguration"))
    version = request.get("FileSystemTypeVersion") or catalog.default_version(deployment, with_metadata)
    if version not in catalog.VERSIONS[deployment]:
        raise BadRequest(f"Lustre version {version} is not supported for deployment type {deployment}.")
    if with_metadata and version != "2.15":
        raise BadRequest(f"MetadataConfiguration requires Lustre version 2.15, not {version}.")
    if request.get("StorageType") == TIERING and version != "2.15":
        raise BadRequest(f"INTELLIGENT_TIERING requires Lustre version 2.15, not {version}.")
    return version


def _check_throughput(deployment: str, storage: str, lustre: dict[str, Any]) -> None:
    given = lustre.get("PerUnitStorageThroughput")
    legal = catalog.THROUGHPUT_PER_UNIT.get((deployment, storage))
    if legal is None and given is not None:
        raise BadRequest(f"PerUnitStorageThroughput is not supported for deployment type {deployment} on {storage}.")
    if legal is not None and given is None:
        raise BadRequest(f"PerUnitStorageThroughput is required for deployment type {deployment}.")
    if legal is not None and given not in legal:
        raise InvalidPerUnitStorageThroughput(
            f"PerUnitStorageThroughput {given} is not valid for {deployment} on {storage}: "
            f"valid values are {', '.join(map(str, legal))}."
        )
    total = lustre.get("ThroughputCapacity")
    if storage != TIERING:
        if total is not None:
            raise BadRequest("ThroughputCapacity is supported for INTELLIGENT_TIERING only.")
        return
    if total is None:
        raise BadRequest("ThroughputCapacity is required for INTELLIGENT_TIERING.")
    step = catalog.TIERING_THROUGHPUT_STEP
    if total <= 0 or total % step or total > catalog.TIERING_THROUGHPUT_MAX:
        raise BadRequest(f"ThroughputCapacity must be a multiple of {step} up to {catalog.TIERING_THROUGHPUT_MAX}.")


def _check_metadata(deployment: str, storage: str, lustre: dict[str, Any]) -> None:
    metadata = lustre.get("MetadataConfiguration")
    if metadata is None:
        if storage == TIERING:
            raise BadRequest("MetadataConfiguration is required for INTELLIGENT_TIERING.")
        return
    if deployment != PERSISTENT_2:
        raise BadRequest("MetadataConfiguration is supported for PERSISTENT_2 only.")
    check_metadata_values(storage, metadata)


def check_metadata_values(storage: str, metadata: dict[str, Any]) -> None:
    mode, iops = metadata.get("Mode"), metadata.get("Iops")
    if mode == "AUTOMATIC":
        if storage == TIERING:
            raise BadRequest("INTELLIGENT_TIERING requires the metadata mode USER_PROVISIONED.")
        if iops is not None:
            raise BadRequest("Iops cannot be given with the metadata mode AUTOMATIC.")
        return
    if mode != "USER_PROVISIONED":
        raise BadRequest("The metadata mode is AUTOMATIC or USER_PROVISIONED.")
    legal = catalog.METADATA_IOPS_TIERING if storage == TIERING else catalog.METADATA_IOPS_SSD
    if iops not in legal:
        raise BadRequest(
            f"Metadata Iops {iops} is not valid on {storage}: valid values are {', '.join(map(str, legal))}."
        )


def _check_efa(deployment: str, lustre: dict[str, Any]) -> None:
    if lustre.get("EfaEnabled") and (deployment != PERSISTENT_2 or not lustre.get("MetadataConfiguration")):
        raise BadRequest("EfaEnabled is only supported for PERSISTENT_2 with a metadata configuration.")


def _check_capacity(deployment: str, storage: str, capacity: int | None, lustre: dict[str, Any]) -> None:
    if storage == TIERING:
        if capacity is not None:
            raise BadRequest("StorageCapacity cannot be given for INTELLIGENT_TIERING.")
        return
    if capacity is None:
        raise BadRequest("StorageCapacity is required.")
    throughput = lustre.get("PerUnitStorageThroughput")
    sizes = catalog.sizes(deployment, storage, throughput, bool(lustre.get("EfaEnabled")))
    if not sizes.allows(capacity):
        raise BadRequest(f"StorageCapacity {capacity} is not valid: it must be {sizes.describe()}.")


def _check_caches(storage: str, lustre: dict[str, Any]) -> None:
    drive_cache = lustre.get("DriveCacheType")
    if storage == HDD and drive_cache not in ("NONE", "READ"):
        raise BadRequest("DriveCacheType (NONE or READ) is required for storage type HDD.")
    if storage != HDD and drive_cache is not None:
        raise BadRequest("DriveCacheType is supported for storage type HDD only.")
    cache = lustre.get("DataReadCacheConfiguration")
    if storage == TIERING and cache is None:
        raise BadRequest("DataReadCacheConfiguration is required for INTELLIGENT_TIERING.")
    if storage != TIERING and cache is not None:
        raise BadRequest("DataReadCacheConfiguration is supported for INTELLIGENT_TIERING only.")
    if cache is not None:
        check_read_cache(cache, lustre["ThroughputCapacity"])


def check_read_cache(cache: dict[str, Any], throughput: int) -> None:
    mode, size = cache.get("SizingMode"), cache.get("SizeGiB")
    if mode not in catalog.READ_CACHE_MODES:
        raise BadRequest(f"SizingMode is one of {', '.join(catalog.READ_CACHE_MODES)}.")
    if mode != "USER_PROVISIONED":
        if size is not None:
            raise BadRequest(f"SizeGiB cannot be given with the sizing mode {mode}.")
        return
    low, high = (bound * throughput // catalog.TIERING_THROUGHPUT_STEP for bound in catalog.READ_CACHE_GIB_PER_STEP)
    if size is None or not low <= size <= high:
        raise BadRequest(f"SizeGiB must be between {low} and {high} at {throughput} MB/s.")


def check_simple_settings(deployment: str, lustre: dict[str, Any]) -> None:
    """Checks the settings that can be given at creation and in an update."""
    if lustre.get("DataCompressionType") not in (None, "NONE", "LZ4"):
        raise BadRequest("DataCompressionType is NONE or LZ4.")
    retention = lustre.get("AutomaticBackupRetentionDays")
    if retention and deployment not in PERSISTENT:
        raise BadRequest(f"Automatic backups are not supported for deployment type {deployment}.")
    if retention is not None and not 0 <= retention <= 90:
        raise BadRequest("AutomaticBackupRetentionDays is between 0 and 90.")
    daily = lustre.get("DailyAutomaticBackupStartTime")
    if daily is not None and (not DAILY_TIME.fullmatch(daily) or not retention):
        raise BadRequest("DailyAutomaticBackupStartTime is HH:MM and needs a backup retention above 0.")
    if lustre.get("CopyTagsToBackups") and deployment not in PERSISTENT:
        raise BadRequest(f"CopyTagsToBackups is not supported for deployment type {deployment}.")
    weekly = lustre.get("WeeklyMaintenanceStartTime")
    if weekly is not None and not WEEKLY_TIME.fullmatch(weekly):
        raise BadRequest("WeeklyMaintenanceStartTime is d:HH:MM with d from 1 (Monday) to 7.")
    _check_root_squash(lustre.get("RootSquashConfiguration"))
    _check_log(lustre.get("LogConfiguration"))


def _check_root_squash(squash: dict[str, Any] | None) -> None:
    if not squash:
        return
    match = ROOT_SQUASH.fullmatch(squash.get("RootSquash") or "0:0")
    if not match or any(int(number) > MAX_SQUASH_ID for number in match.groups()):
        raise BadRequest("RootSquash is UID:GID, each from 0 to 4294967294.")
    if len(squash.get("NoSquashNids") or []) > 64:
        raise BadRequest("NoSquashNids has at most 64 entries.")


def _check_log(log: dict[str, Any] | None) -> None:
    if not log:
        return
    if log.get("Level") not in catalog.LOG_LEVELS:
        raise BadRequest(f"The log level is one of {', '.join(catalog.LOG_LEVELS)}.")
    destination = log.get("Destination")
    if destination and log["Level"] == "DISABLED":
        raise BadRequest("A log destination cannot be given with the level DISABLED.")
    if destination and not destination.split(":log-group:")[-1].startswith("/aws/fsx"):
        raise BadRequest("The name of the log group must begin with /aws/fsx.")


def check_update(request: dict[str, Any], current: Any) -> None:
    """Checks UpdateFileSystem; `current` is a `model.FileSystem`."""
    check_common(request)
    changes = request.get("LustreConfiguration") or {}
    capacity = request.get("StorageCapacity")
    if request.get("StorageType") not in (None, current.storage_type):
        raise BadRequest("The storage type of a file system cannot be changed.")
    if capacity is not None and changes.get("MetadataConfiguration"):
        raise BadRequest("Storage capacity and metadata configuration cannot be changed in one request.")
    if capacity is not None:
        _check_growth(capacity, current)
    _check_throughput_change(changes, current)
    _check_metadata_change(changes.get("MetadataConfiguration"), current)
    if (cache := changes.get("DataReadCacheConfiguration")) is not None:
        if current.storage_type != TIERING:
            raise BadRequest("DataReadCacheConfiguration is supported for INTELLIGENT_TIERING only.")
        check_read_cache(cache, changes.get("ThroughputCapacity") or current.lustre["ThroughputCapacity"])
    version = request.get("FileSystemTypeVersion")
    if version is not None and (version not in catalog.VERSIONS[current.deployment] or version <= current.version):
        raise BadRequest(f"The Lustre version can go from {current.version} to a newer one only.")
    retention = current.lustre.get("AutomaticBackupRetentionDays")
    check_simple_settings(current.deployment, {"AutomaticBackupRetentionDays": retention, **changes})
    if current.associations and changes.get("AutomaticBackupRetentionDays"):
        raise BadRequest("Backups are not supported on file systems linked to a data repository.")


def _check_growth(capacity: int, current: Any) -> None:
    if current.deployment == SCRATCH_1 or current.storage_type == TIERING:
        raise BadRequest("The storage capacity of this file system cannot be changed.")
    if capacity <= current.capacity:
        raise BadRequest(f"StorageCapacity must be larger than the current {current.capacity} GiB.")
    throughput = current.lustre.get("PerUnitStorageThroughput")
    sizes = catalog.sizes(current.deployment, current.storage_type, throughput, current.efa)
    if not sizes.allows(capacity):
        raise BadRequest(f"StorageCapacity {capacity} is not valid: it must be {sizes.describe()}.")


def _check_throughput_change(changes: dict[str, Any], current: Any) -> None:
    per_unit = changes.get("PerUnitStorageThroughput")
    if per_unit is not None and per_unit != current.lustre.get("PerUnitStorageThroughput"):
        if current.efa or current.storage_type != SSD or current.deployment not in PERSISTENT:
            raise BadRequest("PerUnitStorageThroughput of this file system cannot be changed.")
        if per_unit not in catalog.THROUGHPUT_PER_UNIT[(current.deployment, SSD)]:
            raise BadRequest(f"PerUnitStorageThroughput {per_unit} is not valid.")
    total = changes.get("ThroughputCapacity")
    if total is not None:
        if current.storage_type != TIERING:
            raise BadRequest("ThroughputCapacity is supported for INTELLIGENT_TIERING only.")
        if total < current.lustre["ThroughputCapacity"] or total % catalog.TIERING_THROUGHPUT_STEP:
            raise BadRequest("ThroughputCapacity can only be increased, in steps of 4000 MB/s.")


def _check_metadata_change(metadata: dict[str, Any] | None, current: Any) -> None:
    if metadata is None:
        return
    existing = current.lustre.get("MetadataConfiguration")
    if not existing:
        raise BadRequest("MetadataConfiguration cannot be added to an existing file system.")
    check_metadata_values(current.storage_type, metadata)
    automatic = catalog.automatic_metadata_iops(current.capacity or 0)
    if metadata["Mode"] == "AUTOMATIC":
        if existing["Iops"] > automatic:
            raise BadRequest("The metadata mode can go back to AUTOMATIC only from the automatic value.")
    elif metadata["Iops"] < existing["Iops"]:
        raise BadRequest(f"Metadata Iops can only be increased; they are {existing['Iops']}.")
