"""What AWS asks IAM about a request to EFS.

Sources: Service Authorization Reference, Amazon Elastic File System; EFS API reference, the pages of the operations on
mount targets, which name the EC2 actions that the caller needs as well; user guide, "Using service-linked roles".
"""

from localstack_provision import identity
from localstack_provision.authorization.checks import Call, about_key, ask_for_service_role, of
from localstack_provision.efs import model as efs
from localstack_provision.efs.errors import EfsError

SERVICE = "elasticfilesystem"
PRINCIPAL = "elasticfilesystem.amazonaws.com"
# What making a mount target asks of EC2 on everything, and on which its network interface is made.
LOOKS = ("DescribeSubnets", "DescribeNetworkInterfaces")


@of("efs", "CreateFileSystem")
def ask_for_file_system(call: Call) -> None:
    tags = identity.tags_of(call.request.get("Tags"))
    resource = call.arn(SERVICE, "file-system/*")
    call.ask(f"{SERVICE}:CreateFileSystem", resource, request_tags=tags)
    if tags:
        made = {"elasticfilesystem_CreateAction": "CreateFileSystem"}
        call.ask(f"{SERVICE}:TagResource", resource, request_tags=tags, **made)
    ask_for_service_role(call, PRINCIPAL, "AWSServiceRoleForAmazonElasticFileSystem")
    if key := call.request.get("KmsKeyId"):
        for action in ("CreateGrant", "DescribeKey", "GenerateDataKeyWithoutPlaintext"):
            about_key(call, action, key, kms_ViaService=f"elasticfilesystem.{call.region}.amazonaws.com")


@of("efs", "DescribeFileSystems", "DescribeMountTargets")
@of("efs", "DescribeLifecycleConfiguration", "PutLifecycleConfiguration", "ListTagsForResource")
@of("efs", "UpdateFileSystem", "DeleteFileSystem", "TagResource", "UntagResource")
def ask_about_file_system(call: Call) -> None:
    """A list of all, too, is asked about as file systems (`DescribeFileSystems` on `file-system/*`)."""
    identifier = call.request.get("FileSystemId") or call.request.get("ResourceId")
    if target := call.request.get("MountTargetId"):
        identifier = _owner(call, target)
    tags = identity.tags_of(call.request.get("Tags"))
    _ask(call, call.operation, identifier, request_tags=tags)


@of("efs", "CreateMountTarget")
def ask_for_mount_target(call: Call) -> None:
    _ask(call, "CreateMountTarget", call.request["FileSystemId"])
    for action in LOOKS:
        call.ask(f"ec2:{action}", "*")
    subnet, subnet_tags = call.ec2_resource(call.request["SubnetId"])
    call.ask("ec2:CreateNetworkInterface", subnet, resource_tags=subnet_tags)
    call.ask("ec2:CreateNetworkInterface", call.arn("ec2", "network-interface/*"))
    for identifier in call.request.get("SecurityGroups") or ():
        group, tags = call.ec2_resource(identifier)
        call.ask("ec2:CreateNetworkInterface", group, resource_tags=tags)


@of("efs", "DeleteMountTarget")
def ask_to_delete_mount_target(call: Call) -> None:
    _ask_about_target(call, "ec2:DeleteNetworkInterface")


@of("efs", "DescribeMountTargetSecurityGroups")
def ask_about_groups(call: Call) -> None:
    _ask_about_target(call, "ec2:DescribeNetworkInterfaceAttribute")


@of("efs", "ModifyMountTargetSecurityGroups")
def ask_to_change_groups(call: Call) -> None:
    _ask_about_target(call, "ec2:ModifyNetworkInterfaceAttribute")


def _ask_about_target(call: Call, on_interface: str) -> None:
    target = call.request["MountTargetId"]
    _ask(call, call.operation, _owner(call, target))
    try:
        _, found = efs.store_of(call.account, call.region).mount_target(target)
        resource, tags = call.ec2_resource(found.interface.id)
    except EfsError:
        resource, tags = call.arn("ec2", "network-interface/*"), {}
    call.ask(on_interface, resource, resource_tags=tags)


def _owner(call: Call, target: str) -> str | None:
    """Returns the id of the file system of a mount target, which is what the caller is asked about."""
    try:
        return efs.store_of(call.account, call.region).mount_target(target)[0].id
    except EfsError:
        return None


def _ask(call: Call, operation: str, identifier: str | None, request_tags: dict[str, str] | None = None) -> None:
    try:
        found = efs.store_of(call.account, call.region).file_system(identifier or "")
        resource, tags = found.arn, found.tags
    except EfsError:
        resource, tags = call.arn(SERVICE, f"file-system/{(identifier or '*').rpartition('/')[2]}"), {}
    call.ask(f"{SERVICE}:{operation}", resource, request_tags=request_tags, resource_tags=tags)
