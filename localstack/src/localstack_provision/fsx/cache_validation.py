"""The checks that FSx makes on CreateFileCache and UpdateFileCache. Pure, as `validation` is.

Sources: FSx API reference, CreateFileCache, CreateFileCacheLustreConfiguration, FileCacheDataRepositoryAssociation.
"""

from typing import Any

from localstack_provision.fsx import catalog
from localstack_provision.fsx.errors import (
    BadRequest,
    InvalidPerUnitStorageThroughput,
    MissingFileCacheConfiguration,
)
from localstack_provision.fsx.validation import WEEKLY_TIME

VERSION = "2.12"
DEPLOYMENT = "CACHE_1"
# MB/s per TiB, and GiB.
THROUGHPUT = 1000
METADATA_GIB = 2400
MAX_SUBDIRECTORIES = 500


def settle_new(request: dict[str, Any]) -> dict[str, Any]:
    """Returns the Lustre configuration of a new cache as Describe shows it."""
    if request.get("FileCacheType") != "LUSTRE" or request.get("FileCacheTypeVersion") != VERSION:
        raise BadRequest(f"A cache has the type LUSTRE and the version {VERSION}.")
    lustre = dict(request.get("LustreConfiguration") or {})
    if not lustre:
        raise MissingFileCacheConfiguration("LustreConfiguration is required.")
    if lustre.get("DeploymentType") != DEPLOYMENT:
        raise BadRequest(f"DeploymentType is {DEPLOYMENT}.")
    if lustre.get("PerUnitStorageThroughput") != THROUGHPUT:
        raise InvalidPerUnitStorageThroughput(f"PerUnitStorageThroughput is {THROUGHPUT}.")
    if (lustre.get("MetadataConfiguration") or {}).get("StorageCapacity") != METADATA_GIB:
        raise BadRequest(f"The StorageCapacity of MetadataConfiguration is {METADATA_GIB}.")
    check_maintenance(lustre)
    capacity = request.get("StorageCapacity")
    if capacity is None or not catalog.SSD_SIZES.allows(capacity):
        raise BadRequest(f"StorageCapacity {capacity} is not valid: it must be {catalog.SSD_SIZES.describe()}.")
    _check_links(request.get("DataRepositoryAssociations") or [])
    lustre.setdefault("WeeklyMaintenanceStartTime", "7:02:00")
    lustre.setdefault("LogConfiguration", {"Level": "DISABLED"})
    return lustre


def check_maintenance(lustre: dict[str, Any]) -> None:
    weekly = lustre.get("WeeklyMaintenanceStartTime")
    if weekly is not None and not WEEKLY_TIME.fullmatch(weekly):
        raise BadRequest("WeeklyMaintenanceStartTime is d:HH:MM with d from 1 (Monday) to 7.")


def _check_links(links: list[dict[str, Any]]) -> None:
    if len(links) > catalog.MAX_ASSOCIATIONS:
        raise BadRequest(f"A cache has at most {catalog.MAX_ASSOCIATIONS} data repository associations.")
    if len({one.get("NFS") is None for one in links}) > 1:
        raise BadRequest("The data repositories of a cache are all S3 buckets, or all NFS file systems.")
    for one in links:
        path, repository = one.get("FileCachePath") or "", one.get("DataRepositoryPath") or ""
        if not path.startswith("/"):
            raise BadRequest("FileCachePath starts with a slash.")
        if one.get("NFS") is None:
            _check_s3(one, path, repository)
        else:
            _check_nfs(one, path, repository)


def _check_s3(one: dict[str, Any], path: str, repository: str) -> None:
    if not repository.startswith("s3://") or not repository.removeprefix("s3://").strip("/"):
        raise BadRequest("DataRepositoryPath is s3://bucket/prefix/, or the association has NFS.")
    if not path.strip("/"):
        raise BadRequest("FileCachePath cannot be the root of the cache for an S3 data repository.")
    if one.get("DataRepositorySubdirectories"):
        raise BadRequest("DataRepositorySubdirectories are for NFS data repositories only.")


def _check_nfs(one: dict[str, Any], path: str, repository: str) -> None:
    if one["NFS"].get("Version") != "NFS3":
        raise BadRequest("The NFS version is NFS3.")
    if not repository.startswith("nfs://") or not repository.removeprefix("nfs://").strip("/"):
        raise BadRequest("DataRepositoryPath of an NFS file system is nfs://name-or-address/path.")
    subdirectories = one.get("DataRepositorySubdirectories") or []
    if len(subdirectories) > MAX_SUBDIRECTORIES:
        raise BadRequest(f"At most {MAX_SUBDIRECTORIES} DataRepositorySubdirectories can be given.")
    if subdirectories and path.strip("/"):
        raise BadRequest("With DataRepositorySubdirectories, FileCachePath is the root of the cache.")
    if subdirectories and repository.removeprefix("nfs://").strip("/").count("/"):
        raise BadRequest("With DataRepositorySubdirectories, DataRepositoryPath is a domain without a path.")
