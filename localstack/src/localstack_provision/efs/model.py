"""File systems of EFS and their mount targets, and where they are kept.

A file system here can stand wherever one of FSx can that holds files: it has none of the links that bring files to S3,
so that every file on it is the only copy.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from localstack_provision import identity, network, settings
from localstack_provision.efs.errors import BadRequest, FileSystemNotFound, MountTargetNotFound
from localstack_provision.fsx.model import File
from localstack_provision.timeline import timestamp

T = TypeVar("T")

# What AWS meters for a file system without files, in bytes.
EMPTY = 6144


@dataclass
class MountTarget:
    id: str
    account: str
    file_system_id: str
    subnet_id: str
    vpc_id: str
    zone: str
    zone_id: str
    interface: network.Interface
    state: str = "creating"

    @property
    def groups(self) -> list[Any]:
        return list(self.interface.group_set)

    def view(self) -> dict[str, Any]:
        return {
            "OwnerId": self.account,
            "MountTargetId": self.id,
            "FileSystemId": self.file_system_id,
            "SubnetId": self.subnet_id,
            "LifeCycleState": self.state,
            "IpAddress": self.interface.private_ip_address,
            "NetworkInterfaceId": self.interface.id,
            "AvailabilityZoneId": self.zone_id,
            "AvailabilityZoneName": self.zone,
            "VpcId": self.vpc_id,
        }


@dataclass
class FileSystem:
    id: str
    account: str
    region: str
    token: str
    performance: str
    throughput: str
    provisioned: float | None = None
    encrypted: bool = False
    kms_key: str | None = None
    # One Zone: the name and the id of the only zone.
    zone: str | None = None
    zone_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=timestamp)
    state: str = "creating"
    lifecycle_policies: list[dict[str, str]] = field(default_factory=list)
    mount_targets: dict[str, MountTarget] = field(default_factory=dict)
    # When the mode was changed, or throughput lowered, for the rule of 24 hours.
    lowered: float | None = None
    files: dict[str, File] = field(default_factory=dict)
    # As of the last look at the directory that nodes share (`ec2/nodes.py`).
    mirror: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticfilesystem:{self.region}:{self.account}:file-system/{self.id}"

    @property
    def lifecycle(self) -> str:
        return self.state

    @property
    def writable(self) -> bool:
        return self.state in ("available", "updating")

    def association_of(self, path: str) -> None:
        """No file of EFS is in a linked bucket."""

    def view(self) -> dict[str, Any]:
        size = EMPTY + sum(file.size for file in self.files.values())
        view = {
            "OwnerId": self.account,
            "CreationToken": self.token,
            "FileSystemId": self.id,
            "FileSystemArn": self.arn,
            "CreationTime": self.created,
            "LifeCycleState": self.state,
            "Name": self.tags.get("Name"),
            "NumberOfMountTargets": len(self.mount_targets),
            "SizeInBytes": {"Value": size, "ValueInIA": 0, "ValueInStandard": size, "ValueInArchive": 0},
            "PerformanceMode": self.performance,
            "Encrypted": self.encrypted,
            "KmsKeyId": self.kms_key,
            "ThroughputMode": self.throughput,
            "ProvisionedThroughputInMibps": self.provisioned,
            "AvailabilityZoneName": self.zone,
            "AvailabilityZoneId": self.zone_id,
            "Tags": identity.tag_list(self.tags),
            "FileSystemProtection": {"ReplicationOverwriteProtection": "ENABLED"},
        }
        return {name: value for name, value in view.items() if value is not None}


@dataclass
class Store:
    account: str
    region: str
    file_systems: dict[str, FileSystem] = field(default_factory=dict)

    def file_system(self, identifier: str) -> FileSystem:
        """Finds a file system by its id or its ARN."""
        found = self.file_systems.get(identifier.rpartition("/")[2])
        if found is None or not identity.is_visible(found.id):
            raise FileSystemNotFound(identifier)
        return found

    def mount_target(self, identifier: str) -> tuple[FileSystem, MountTarget]:
        for system in self.file_systems.values():
            if identifier in system.mount_targets and identity.is_visible(identifier):
                return system, system.mount_targets[identifier]
        raise MountTargetNotFound(identifier)


STORES: dict[tuple[str, str], Store] = {}


def store_of(account: str, region: str) -> Store:
    return STORES.setdefault((account, region), Store(account, region))


def page(items: list[T], request: dict[str, Any], kind: str) -> tuple[list[T], dict[str, str]]:
    """Returns one page, and the members `Marker` and `NextMarker` where they belong."""
    longest = int(settings.get(f"page.{kind}"))
    marker = request.get("Marker")
    try:
        chosen, following = identity.page(items, marker, min(request.get("MaxItems") or longest, longest))
    except identity.InvalidToken:
        raise BadRequest("The marker is not one that was given out.") from None
    marks = {"Marker": marker, "NextMarker": following}
    return chosen, {name: value for name, value in marks.items() if value}
