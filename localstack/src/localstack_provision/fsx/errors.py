"""The errors of the FSx API (service model `fsx` 2018-03-01), with their extra members."""

from localstack.aws.api import ServiceException


class FsxError(ServiceException):
    status_code = 400
    sender_fault = True

    @property
    def code(self) -> str:
        return type(self).__name__


class BadRequest(FsxError):
    pass


class UnsupportedOperation(FsxError):
    pass


class FileSystemNotFound(FsxError):
    def __init__(self, file_system_id: str):
        super().__init__(f"File system '{file_system_id}' does not exist.")


class FileCacheNotFound(FsxError):
    def __init__(self, file_cache_id: str):
        super().__init__(f"File cache '{file_cache_id}' does not exist.")


class DataRepositoryAssociationNotFound(FsxError):
    def __init__(self, association_id: str):
        super().__init__(f"Data repository association '{association_id}' does not exist.")


class DataRepositoryTaskNotFound(FsxError):
    def __init__(self, task_id: str):
        super().__init__(f"Data repository task '{task_id}' does not exist.")


class DataRepositoryTaskEnded(FsxError):
    pass


class DataRepositoryTaskExecuting(FsxError):
    pass


class BackupNotFound(FsxError):
    def __init__(self, backup_id: str):
        super().__init__(f"Backup '{backup_id}' does not exist.")


class BackupInProgress(FsxError):
    pass


class MissingFileSystemConfiguration(FsxError):
    pass


class MissingFileCacheConfiguration(FsxError):
    pass


class InvalidPerUnitStorageThroughput(FsxError):
    pass


class ResourceNotFound(FsxError):
    def __init__(self, arn: str):
        super().__init__(f"Resource '{arn}' does not exist.", ResourceARN=arn)


class IncompatibleParameterError(FsxError):
    def __init__(self, parameter: str, message: str):
        super().__init__(message, Parameter=parameter)


class ServiceLimitExceeded(FsxError):
    def __init__(self, limit: str, message: str):
        super().__init__(message, Limit=limit)


class InvalidNetworkSettings(FsxError):
    def __init__(self, message: str, subnet_id: str | None = None, security_group_id: str | None = None):
        members = {"InvalidSubnetId": subnet_id, "InvalidSecurityGroupId": security_group_id}
        super().__init__(message, **{name: value for name, value in members.items() if value})
