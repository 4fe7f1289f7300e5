"""The FSx service: all its operations in one object, as LocalStack wants it."""

from localstack_provision.fsx.associations import AssociationOperations
from localstack_provision.fsx.backups import BackupOperations
from localstack_provision.fsx.caches import FileCacheOperations
from localstack_provision.fsx.file_systems import FileSystemOperations
from localstack_provision.fsx.tagging import TagOperations
from localstack_provision.fsx.tasks import TaskOperations


class FsxProvider(
    FileSystemOperations,
    FileCacheOperations,
    AssociationOperations,
    TaskOperations,
    BackupOperations,
    TagOperations,
):
    service = "fsx"
