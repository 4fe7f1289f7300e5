"""The errors of the EFS API (service model `efs` 2015-02-01): status by kind, and the code in the body as well."""

from typing import Any

from localstack.aws.api import ServiceException


class EfsError(ServiceException):
    status_code = 400
    sender_fault = True

    def __init__(self, message: str, **members: Any):
        super().__init__(message, ErrorCode=self.code, Message=message, **members)

    @property
    def code(self) -> str:
        return type(self).__name__


class BadRequest(EfsError):
    pass


class FileSystemAlreadyExists(EfsError):
    status_code = 409

    def __init__(self, file_system_id: str, creation_token: str):
        super().__init__(
            f"File system '{file_system_id}' already exists with creation token '{creation_token}'",
            FileSystemId=file_system_id,
        )


class FileSystemInUse(EfsError):
    status_code = 409


class FileSystemLimitExceeded(EfsError):
    status_code = 403


class FileSystemNotFound(EfsError):
    status_code = 404

    def __init__(self, file_system_id: str):
        super().__init__(f"File system '{file_system_id}' does not exist.")


class IncorrectFileSystemLifeCycleState(EfsError):
    status_code = 409


class IncorrectMountTargetState(EfsError):
    status_code = 409


class AvailabilityZonesMismatch(EfsError):
    pass


class IpAddressInUse(EfsError):
    status_code = 409


class MountTargetConflict(EfsError):
    status_code = 409


class MountTargetNotFound(EfsError):
    status_code = 404

    def __init__(self, mount_target_id: str):
        super().__init__(f"Mount target '{mount_target_id}' does not exist.")


class NoFreeAddressesInSubnet(EfsError):
    status_code = 409


class SecurityGroupLimitExceeded(EfsError):
    pass


class SecurityGroupNotFound(EfsError):
    pass


class SubnetNotFound(EfsError):
    pass


class ThroughputLimitExceeded(EfsError):
    pass


class TooManyRequests(EfsError):
    status_code = 429


class UnsupportedAvailabilityZone(EfsError):
    pass
