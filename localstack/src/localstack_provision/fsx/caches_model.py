"""Amazon File Cache as FSx keeps it. Its links are made with it and cannot be changed."""

from dataclasses import dataclass
from typing import Any

from localstack_provision import identity
from localstack_provision.fsx.model import Lustre


@dataclass
class FileCache(Lustre):
    version: str = "2.12"
    copy_tags: bool = False

    @property
    def resource_arn(self) -> str:
        return self.arn(f"file-cache/{self.id}")

    def view(self) -> dict[str, Any]:
        view = {
            "OwnerId": self.account,
            "CreationTime": self.created,
            "FileCacheId": self.id,
            "FileCacheType": "LUSTRE",
            "FileCacheTypeVersion": self.version,
            "Lifecycle": self.lifecycle,
            "StorageCapacity": self.capacity,
            "VpcId": self.vpc_id,
            "SubnetIds": [self.subnet_id],
            "NetworkInterfaceIds": self.interface_ids,
            "DNSName": self.dns_name,
            "KmsKeyId": self.kms_key,
            "ResourceARN": self.resource_arn,
            "LustreConfiguration": {**self.lustre, "MountName": self.mount_name},
            "DataRepositoryAssociationIds": list(self.associations),
            **self.failure_details(),
        }
        return {name: value for name, value in view.items() if value is not None}

    def creation_view(self) -> dict[str, Any]:
        """CreateFileCache tells of tags, Describe does not."""
        return {
            **self.view(),
            "Tags": identity.tag_list(self.tags),
            "CopyTagsToDataRepositoryAssociations": self.copy_tags,
        }
