"""The EFS service: all its operations in one object, as LocalStack wants it."""

from localstack_provision.efs.configuration import ConfigurationOperations
from localstack_provision.efs.file_systems import FileSystemOperations
from localstack_provision.efs.mount_targets import MountTargetOperations


class EfsProvider(FileSystemOperations, MountTargetOperations, ConfigurationOperations):
    service = "efs"
