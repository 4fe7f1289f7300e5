"""The things FSx keeps: file systems, associations, tasks and backups, and how they look in an answer.

Caches are in `caches_model`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from localstack_provision import identity, ledger
from localstack_provision.fsx import catalog
from localstack_provision.fsx.queue import PUBLISHERS, Queue
from localstack_provision.timeline import now, timestamp

UNFINISHED = ("PENDING", "EXECUTING")


@dataclass
class Resource:
    """What all of them have."""

    id: str
    account: str
    region: str
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=timestamp)
    failure: str | None = None

    def arn(self, path: str) -> str:
        return f"arn:aws:fsx:{self.region}:{self.account}:{path}"

    def failure_details(self) -> dict[str, Any]:
        return {"FailureDetails": {"Message": self.failure}} if self.failure else {}


@dataclass
class File:
    """A file on a Lustre file system; `exported`: its last version is in S3."""

    path: str
    size: int
    exported: bool = False
    # Only the metadata is on Lustre: the data come from S3 at the first read.
    released: bool = False
    # Of the object that this file was last equal to.
    etag: str | None = None
    # When it was last written or restored, in seconds since 1970.
    touched: float = field(default_factory=now)
    # Each write makes a new version: an export of an older one does not make the file clean.
    version: int = 1
    content: str | None = None
    # Counted as lost already (its association went away): not again with the file system.
    lost: bool = False
    # The code that an export of this file ends with, if a test wants it to fail.
    export_error: str | None = None

    def lose(self, linked: bool) -> None:
        """Counts the file as lost, once, if S3 does not have it."""
        if not self.exported and not self.lost:
            self.lost = True
            ledger.lose(self.path, linked)

    def view(self, link: "Association | None") -> dict[str, Any]:
        """As the control endpoint shows it. `state` is what `lfs hsm_state` tells, in one word."""
        state = "dirty"
        if link is None:
            state = "unlinked"
        elif self.exported:
            state = "released" if self.released else "archived"
        return {**vars(self), "state": state, "association_id": link.id if link else None}


class Storing(Protocol):
    """What holds files, of FSx or of EFS."""

    id: str
    files: dict[str, File]
    # Size and time of change of each file in the directory that nodes share, as of the last look (`ec2/nodes.py`).
    mirror: dict[str, tuple[int, int]]

    @property
    def writable(self) -> bool: ...

    def association_of(self, path: str) -> "Association | None": ...


@dataclass
class Association(Resource):
    """A link of a file system, or of a cache: then `file_system_id` is the id of that."""

    file_system_id: str = ""
    path: str = "/"
    # As it was given: Terraform's provider compares it byte for byte.
    repository: str = ""
    chunk_size: int = 1024
    batch_import: bool = False
    import_events: list[str] = field(default_factory=list)
    export_events: list[str] = field(default_factory=list)
    lifecycle: str = "CREATING"
    # A cache's link to NFS: its configuration, and the directories of the server that it takes.
    nfs: dict[str, Any] | None = None
    subdirectories: list[str] = field(default_factory=list)

    @property
    def of_cache(self) -> bool:
        return is_cache(self.file_system_id)

    @property
    def uri(self) -> str:
        """The repository with the slash at its end that AWS means even where it is not written."""
        return self.repository.rstrip("/") + "/"

    @property
    def bucket(self) -> str:
        return self.uri.removeprefix("s3://").split("/", 1)[0]

    @property
    def prefix(self) -> str:
        """The key prefix of the linked objects: empty, or ending with a slash."""
        return self.uri.removeprefix("s3://").partition("/")[2]

    def covers(self, path: str) -> bool:
        return self.path == "/" or path == self.path or path.startswith(self.path + "/")

    def key_of(self, path: str) -> str:
        return self.prefix + path.removeprefix("/" if self.path == "/" else self.path + "/")

    def path_of(self, key: str) -> str:
        return f"{self.path.rstrip('/')}/{key.removeprefix(self.prefix)}"

    @property
    def resource_arn(self) -> str:
        return self.arn(f"association/{self.file_system_id}/{self.id}")

    def view(self) -> dict[str, Any]:
        policies = {}
        if self.import_events:
            policies["AutoImportPolicy"] = {"Events": self.import_events}
        if self.export_events:
            policies["AutoExportPolicy"] = {"Events": self.export_events}
        if self.of_cache:
            own = {"FileCacheId": self.file_system_id, "FileCachePath": self.path}
            if self.nfs is not None:
                own |= {"NFS": self.nfs, "DataRepositorySubdirectories": self.subdirectories}
        else:
            own = {
                "FileSystemId": self.file_system_id,
                "FileSystemPath": self.path,
                "BatchImportMetaDataOnCreate": self.batch_import,
                "S3": policies,
            }
        return {
            "AssociationId": self.id,
            "ResourceARN": self.resource_arn,
            "Lifecycle": self.lifecycle,
            **own,
            "DataRepositoryPath": self.repository,
            "ImportedFileChunkSize": self.chunk_size,
            "Tags": identity.tag_list(self.tags),
            "CreationTime": self.created,
            **self.failure_details(),
        }


@dataclass
class Task(Resource):
    file_system_id: str = ""
    type: str = "EXPORT_TO_REPOSITORY"
    paths: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    association_ids: list[str] = field(default_factory=list)
    lifecycle: str = "PENDING"
    started: datetime | None = None
    ended: datetime | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    updated: datetime = field(default_factory=timestamp)
    # RELEASE_DATA_FROM_FILESYSTEM: not touched for so many days.
    idle_days: int = 0
    # How a test wants it to go (setting `task.rules`), and the paths it is done with.
    rule: dict[str, Any] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    @property
    def unfinished(self) -> bool:
        return self.lifecycle in UNFINISHED

    @property
    def resource_arn(self) -> str:
        return self.arn(f"task/{self.id}")

    def view(self) -> dict[str, Any]:
        times = {"StartTime": self.started, "EndTime": self.ended}
        release = {}
        if self.type == "RELEASE_DATA_FROM_FILESYSTEM":
            age = {"Unit": "DAYS", "Value": self.idle_days}
            release["ReleaseConfiguration"] = {"DurationSinceLastAccess": age}
        return {
            "TaskId": self.id,
            "Lifecycle": self.lifecycle,
            "Type": self.type,
            "CreationTime": self.created,
            **{name: value for name, value in times.items() if value},
            "ResourceARN": self.resource_arn,
            "Tags": identity.tag_list(self.tags),
            "FileCacheId" if is_cache(self.file_system_id) else "FileSystemId": self.file_system_id,
            "Paths": self.paths,
            "Status": {
                "TotalCount": self.total,
                "SucceededCount": self.succeeded,
                "FailedCount": self.failed,
                "LastUpdatedTime": self.updated,
            },
            "Report": self.report,
            **release,
            **self.failure_details(),
        }


def is_cache(identifier: str) -> bool:
    return identifier.startswith("fc-")


@dataclass
class Lustre(Resource):
    """What a file system and a cache have in common: a network, links and files."""

    subnet_id: str = ""
    vpc_id: str = ""
    security_group_ids: list[str] = field(default_factory=list)
    interface_ids: list[str] = field(default_factory=list)
    capacity: int | None = None
    version: str = "2.15"
    kms_key: str | None = None
    mount_name: str = "fsx"
    lustre: dict[str, Any] = field(default_factory=dict)
    lifecycle: str = "CREATING"
    associations: dict[str, Association] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=lambda: {name: Queue() for name in PUBLISHERS})
    mirror: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def writable(self) -> bool:
        return self.lifecycle in ("AVAILABLE", "UPDATING")

    @property
    def efa(self) -> bool:
        return bool(self.lustre.get("EfaEnabled"))

    @property
    def dns_name(self) -> str:
        return f"{self.id}.fsx.{self.region}.amazonaws.com"

    def association_of(self, path: str) -> Association | None:
        return next((link for link in self.associations.values() if link.covers(path)), None)


@dataclass
class FileSystem(Lustre):
    storage_type: str = catalog.SSD
    actions: list[dict[str, Any]] = field(default_factory=list)
    # When storage or throughput was last changed, for the rule of six hours.
    resized: float | None = None

    @property
    def deployment(self) -> str:
        return self.lustre["DeploymentType"]

    @property
    def resource_arn(self) -> str:
        return self.arn(f"file-system/{self.id}")

    @property
    def throughput(self) -> int:
        """MB/s over all, as far as the service limit on throughput counts it."""
        return self.lustre.get("ThroughputCapacity") or 0

    def view(self) -> dict[str, Any]:
        lustre = {name: value for name, value in self.lustre.items() if value is not None}
        # An absent flag, not a false one, is what Describe gives without EFA.
        if not self.efa:
            lustre.pop("EfaEnabled", None)
        view = {
            "OwnerId": self.account,
            "CreationTime": self.created,
            "FileSystemId": self.id,
            "FileSystemType": "LUSTRE",
            "Lifecycle": self.lifecycle,
            "StorageCapacity": self.capacity,
            "StorageType": self.storage_type,
            "VpcId": self.vpc_id,
            "SubnetIds": [self.subnet_id],
            "NetworkInterfaceIds": self.interface_ids,
            "DNSName": self.dns_name,
            "KmsKeyId": self.kms_key,
            "ResourceARN": self.resource_arn,
            "Tags": identity.tag_list(self.tags),
            "LustreConfiguration": {**lustre, "MountName": self.mount_name},
            "AdministrativeActions": list(reversed(self.actions)),
            "FileSystemTypeVersion": self.version,
            **self.failure_details(),
        }
        return {name: value for name, value in view.items() if value is not None}


@dataclass
class Backup(Resource):
    file_system: dict[str, Any] = field(default_factory=dict)
    lifecycle: str = "CREATING"

    @property
    def resource_arn(self) -> str:
        return self.arn(f"backup/{self.id}")

    def view(self) -> dict[str, Any]:
        return {
            "BackupId": self.id,
            "Lifecycle": self.lifecycle,
            "Type": "USER_INITIATED",
            "ProgressPercent": 100 if self.lifecycle == "AVAILABLE" else 0,
            "CreationTime": self.created,
            "ResourceARN": self.resource_arn,
            "ResourceType": "FILE_SYSTEM",
            "OwnerId": self.account,
            "Tags": identity.tag_list(self.tags),
            "FileSystem": self.file_system,
        }
