"""What AWS asks IAM about a request: the actions, on which resources, with which condition keys.

Sources: Service Authorization Reference (CloudWatch, EC2, FSx, IAM, S3, Systems Manager); EC2 user guide, "Grant
permission to tag resources during creation" and "Launch instances (RunInstances)"; FSx for Lustre user guide, "Adding
permissions to use data repositories in Amazon S3" and "Using tags with Amazon FSx"; AWS managed policy
AmazonFSxFullAccess, for what FSx does in the name of its caller; IAM API reference, AddRoleToInstanceProfile.
An operation that is not here cannot be authorised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localstack_provision import identity
from localstack_provision.authorization.policy import Check
from localstack_provision.ec2 import launch
from localstack_provision.ec2 import model as ec2
from localstack_provision.ec2.errors import Ec2Error
from localstack_provision.fsx import store as fsx
from localstack_provision.fsx.errors import FsxError

FSX = "fsx.amazonaws.com"
FSX_TO_S3 = "s3.data-source.lustre.fsx.amazonaws.com"
SPOT = "spot.amazonaws.com"
EC2 = "ec2.amazonaws.com"

# The type of a resource, by the start of its identifier.
TYPES = {
    "cr": "capacity-reservation",
    "eni": "network-interface",
    "i": "instance",
    "lt": "launch-template",
    "pg": "placement-group",
    "sg": "security-group",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}


class NotKnown(Exception):
    """Nobody has written down what AWS checks for an operation."""


@dataclass
class Call:
    """One request, and the checks that are collected for it."""

    service: str
    operation: str
    request: dict[str, Any]
    account: str
    region: str

    def __post_init__(self) -> None:
        self.checks: list[Check] = []
        self.ec2 = ec2.store_of(self.account, self.region)

    def ask(self, action: str, resource: str, **context: Any) -> None:
        """Adds a check. Context: `request_tags`, `resource_tags`, and condition keys with `_` for `:`."""
        keys: dict[str, Any] = {"aws:RequestedRegion": self.region}
        for name, prefix in (("request_tags", "aws:RequestTag"), ("resource_tags", "aws:ResourceTag")):
            for key, value in (context.pop(name, None) or {}).items():
                keys[f"{prefix}/{key}"] = value
        keys |= {name.replace("_", ":", 1): value for name, value in context.items()}
        self.checks.append(Check(action, resource, keys))

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def ec2_resource(self, identifier: str) -> tuple[str, dict[str, str]]:
        """Returns the ARN and the tags of a thing in EC2. A placement group is told by its name there."""
        kind, name = TYPES[identifier.split("-")[0]], identifier
        if kind == "placement-group":
            name = next((one.name for one in self.ec2.placement_groups.values() if one.id == identifier), identifier)
        return self.arn("ec2", f"{kind}/{name}"), self.ec2.tags_of(identifier)


Ask = Callable[[Call], None]
ASK: dict[tuple[str, str], Ask] = {}


def of(service: str, *operations: str) -> Callable[[Ask], Ask]:
    def register(function: Ask) -> Ask:
        ASK.update({(service, operation): function for operation in operations})
        return function

    return register


def checks(service: str, operation: str, request: dict[str, Any], account: str, region: str) -> list[Check]:
    """Returns all that has to be allowed for a request; raises NotKnown."""
    call = Call(service, operation, request, account, region)
    ask = ASK.get((service, operation))
    if ask is None:
        raise NotKnown(f"{service}:{operation}")
    ask(call)
    return call.checks


@of("sts", "GetCallerIdentity")
def ask_nothing(call: Call) -> None:
    """No permission is needed, and none can be taken away (STS API reference)."""


@of(
    "ec2",
    *(f"Describe{what}" for what in ("CapacityReservations", "Images", "InstanceTypeOfferings", "Instances")),
    *(f"Describe{what}" for what in ("LaunchTemplateVersions", "LaunchTemplates", "NetworkInterfaces")),
    *(f"Describe{what}" for what in ("InstanceStatus", "PlacementGroups", "SecurityGroups")),
    *(f"Describe{what}" for what in ("Subnets", "Tags", "Volumes", "Vpcs")),
)
@of("fsx", "DescribeDataRepositoryAssociations", "DescribeDataRepositoryTasks")
@of("fsx", "DescribeFileCaches", "DescribeFileSystems", "ListTagsForResource")
def ask_to_describe(call: Call) -> None:
    call.ask(f"{call.service}:{call.operation}", "*")


def _ask_to_make(call: Call, kind: str, name: str = "*") -> None:
    """EC2: the new thing, and its tags as an action of its own, which knows the call it comes with."""
    tags = ec2.tags_for(call.request, kind)
    resource = call.arn("ec2", f"{kind}/{name}")
    call.ask(f"ec2:{call.operation}", resource, request_tags=tags)
    if tags:
        call.ask("ec2:CreateTags", resource, request_tags=tags, ec2_CreateAction=call.operation)


@of("ec2", "CreateSecurityGroup")
def ask_for_group(call: Call) -> None:
    _ask_to_make(call, "security-group")
    if vpc := call.request.get("VpcId"):
        resource, tags = call.ec2_resource(vpc)
        call.ask("ec2:CreateSecurityGroup", resource, resource_tags=tags)


@of("ec2", "CreateLaunchTemplate")
def ask_for_template(call: Call) -> None:
    _ask_to_make(call, "launch-template")


@of("ec2", "CreatePlacementGroup")
def ask_for_placement(call: Call) -> None:
    _ask_to_make(call, "placement-group", call.request["GroupName"])


@of("ec2", "CreateCapacityReservation")
def ask_for_reservation(call: Call) -> None:
    _ask_to_make(call, "capacity-reservation")


@of("ec2", "CancelCapacityReservation", "ModifyCapacityReservation", "GetCapacityReservationUsage")
def ask_to_change_reservation(call: Call) -> None:
    resource, tags = call.ec2_resource(call.request["CapacityReservationId"])
    call.ask(f"ec2:{call.operation}", resource, resource_tags=tags)


@of("ec2", "GetSpotPlacementScores")
def ask_for_scores(call: Call) -> None:
    """No resource can be told for it (Service Authorization Reference, EC2)."""
    call.ask("ec2:GetSpotPlacementScores", "*")


@of("ec2", "DeletePlacementGroup")
def ask_to_delete_placement(call: Call) -> None:
    group = call.ec2.placement_groups.get(call.request["GroupName"])
    resource = call.arn("ec2", f"placement-group/{call.request['GroupName']}")
    call.ask("ec2:DeletePlacementGroup", resource, resource_tags=call.ec2.tags_of(group.id) if group else {})


@of("ec2", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplate")
@of("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "DeleteSecurityGroup")
@of("ec2", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress")
def ask_to_change(call: Call) -> None:
    resource, tags = call.ec2_resource(call.request.get("LaunchTemplateId") or call.request["GroupId"])
    call.ask(f"ec2:{call.operation}", resource, resource_tags=tags)


@of("ec2", "GetConsoleOutput")
def ask_about_instance(call: Call) -> None:
    resource, tags = call.ec2_resource(call.request["InstanceId"])
    call.ask(f"ec2:{call.operation}", resource, resource_tags=tags)


@of("ec2", "TerminateInstances")
def ask_to_terminate(call: Call) -> None:
    for identifier in call.request["InstanceIds"]:
        resource, tags = call.ec2_resource(identifier)
        call.ask("ec2:TerminateInstances", resource, resource_tags=tags)


@of("ec2", "CreateTags", "DeleteTags")
def ask_to_tag(call: Call) -> None:
    for identifier in call.request["Resources"]:
        resource, tags = call.ec2_resource(identifier)
        wanted = identity.tags_of(call.request.get("Tags"))
        call.ask(f"ec2:{call.operation}", resource, request_tags=wanted, resource_tags=tags)


@of("ec2", "RunInstances")
def ask_to_launch(call: Call) -> None:
    try:
        merged, _ = launch.merge_template(call.ec2, call.request)
    except Ec2Error:
        # The service will say what is wrong with it.
        return
    for kind in ("instance", "network-interface", "volume"):
        _ask_to_make(call, kind)
    image = call.ec2.backend.amis.get(merged.get("ImageId"))
    call.ask("ec2:RunInstances", f"arn:aws:ec2:{call.region}::image/{merged.get('ImageId')}")
    if image is not None:
        call.ask("ec2:RunInstances", f"arn:aws:ec2:{call.region}::snapshot/snap-of-{image.id}")
    interfaces = merged.get("NetworkInterfaces") or []
    named = [identifier for each in interfaces for identifier in (each.get("SubnetId"), *(each.get("Groups") or ()))]
    named.append((call.request.get("LaunchTemplate") or {}).get("LaunchTemplateId"))
    named.append(launch.target_reservation(merged))
    for identifier in sorted({identifier for identifier in named if identifier}):
        resource, tags = call.ec2_resource(identifier)
        call.ask("ec2:RunInstances", resource, resource_tags=tags)
    if name := (merged.get("Placement") or {}).get("GroupName"):
        group = call.ec2.placement_groups.get(name)
        tags = call.ec2.tags_of(group.id) if group else {}
        call.ask("ec2:RunInstances", call.arn("ec2", f"placement-group/{name}"), resource_tags=tags)
    if (merged.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
        call.ask("ec2:RunInstances", call.arn("ec2", "spot-instances-request/*"))
        ask_for_service_role(call, SPOT, "AWSServiceRoleForEC2Spot")
    profile = launch.find_profile(call.ec2, merged.get("IamInstanceProfile"))
    for role in profile.roles if profile else ():
        call.ask("iam:PassRole", role.arn, iam_PassedToService=EC2)


def ask_for_service_role(call: Call, service: str, name: str, *more: str) -> None:
    """As on the first use in an account, when the role is not there yet."""
    role = f"arn:aws:iam::{call.account}:role/aws-service-role/{service}/{name}"
    for action in ("CreateServiceLinkedRole", *more):
        named = {"iam_AWSServiceName": service} if action == "CreateServiceLinkedRole" else {}
        call.ask(f"iam:{action}", role, **named)


@of("fsx", "CreateFileSystem")
def ask_for_file_system(call: Call) -> None:
    tags = identity.tags_of(call.request.get("Tags"))
    resource = call.arn("fsx", "file-system/*")
    for action in ("CreateFileSystem", *(["TagResource"] if tags else [])):
        call.ask(f"fsx:{action}", resource, request_tags=tags)
    ask_for_network(call)
    ask_for_storage_key(call)


def ask_for_network(call: Call) -> None:
    """What FSx looks at in the name of its caller before it makes something in a VPC."""
    via = {"aws_CalledVia": (FSX,)}
    for action in ("DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"):
        call.ask(f"ec2:{action}", "*", **via)
    for identifier in call.request.get("SubnetIds") or ():
        if subnet := launch.network.find_subnet(call.ec2.backend, identifier):
            vpc, vpc_tags = call.ec2_resource(subnet.vpc_id)
            call.ask("ec2:GetSecurityGroupsForVpc", vpc, resource_tags=vpc_tags, **via)
    ask_for_service_role(call, FSX, "AWSServiceRoleForAmazonFSx")


def ask_for_storage_key(call: Call) -> None:
    key = call.request.get("KmsKeyId")
    for action in ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext") if key else ():
        about_key(call, action, key, kms_ViaService=f"fsx.{call.region}.amazonaws.com")


def about_key(call: Call, action: str, key: str, **context: Any) -> None:
    """An alias is resolved before anybody is asked about the key behind it."""
    name = key.rpartition(":")[2]
    alias = name if name.startswith("alias/") else "alias/some"
    identifier = "key/00000000-0000-0000-0000-000000000000" if name.startswith("alias/") else name
    resource = call.arn("kms", identifier if identifier.startswith("key/") else f"key/{identifier}")
    call.ask(f"kms:{action}", resource, kms_ResourceAliases=(alias,), **context)


@of("kms", "DescribeKey")
def ask_to_describe_key(call: Call) -> None:
    about_key(call, "DescribeKey", call.request["KeyId"])


@of("fsx", "UpdateFileSystem", "DeleteFileSystem")
def ask_to_change_file_system(call: Call) -> None:
    ask_about_storage(call, f"fsx:{call.operation}", call.request["FileSystemId"])


@of("fsx", "CreateDataRepositoryAssociation")
def ask_for_association(call: Call) -> None:
    _ask_for_part(call, "association", f"association/{call.request['FileSystemId']}/*")
    ask_for_links(call, call.request["FileSystemId"], [call.request["DataRepositoryPath"]])


def ask_for_links(call: Call, identifier: str, repositories: list[str]) -> None:
    """What links to S3 need beside the call that makes them; `identifier` is that of the file system or the cache."""
    more = ("AttachRolePolicy", "PutRolePolicy")
    if repositories:
        ask_for_service_role(call, FSX_TO_S3, f"AWSServiceRoleForFSxS3Access_{identifier}", *more)
    for repository in repositories:
        bucket, _, prefix = repository.removeprefix("s3://").partition("/")
        for action in ("s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:ListBucket"):
            call.ask(action, f"arn:aws:s3:::{bucket}")
        for action in ("s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"):
            call.ask(action, f"arn:aws:s3:::{bucket}/{prefix}")


@of("fsx", "CreateDataRepositoryTask")
def ask_for_task(call: Call) -> None:
    _ask_for_part(call, "task", "task/*")


def _ask_for_part(call: Call, kind: str, resource: str) -> None:
    """FSx: something of a file system, which has to be allowed as well. Tags of the request count for both."""
    tags = identity.tags_of(call.request.get("Tags"))
    call.ask(f"fsx:{call.operation}", call.arn("fsx", resource), request_tags=tags)
    if tags:
        call.ask("fsx:TagResource", call.arn("fsx", resource), request_tags=tags)
    ask_about_storage(call, f"fsx:{call.operation}", call.request["FileSystemId"], tags)


@of("fsx", "UpdateDataRepositoryAssociation", "DeleteDataRepositoryAssociation")
def ask_to_change_association(call: Call) -> None:
    ask_about_storage(call, f"fsx:{call.operation}", call.request["AssociationId"])


@of("fsx", "CancelDataRepositoryTask")
def ask_to_cancel(call: Call) -> None:
    ask_about_storage(call, "fsx:CancelDataRepositoryTask", call.request["TaskId"])


def ask_about_storage(call: Call, action: str, identifier: str, request_tags: dict[str, str] | None = None) -> None:
    """FSx: something that is there. Of what is not there only the type is known."""
    store = fsx.store_of(call.account, call.region)
    find, kind = {
        "fs": (store.file_system, "file-system"),
        "fc": (store.file_cache, "file-cache"),
        "dra": (store.association, "association/*"),
        "task": (store.task, "task"),
    }[identifier.split("-")[0]]
    try:
        found = find(identifier)
        resource, tags = found.resource_arn, found.tags
    except FsxError:
        resource, tags = call.arn("fsx", f"{kind}/{identifier}"), {}
    call.ask(action, resource, request_tags=request_tags, resource_tags=tags)


@of("fsx", "TagResource", "UntagResource")
def ask_to_tag_storage(call: Call) -> None:
    identifier = call.request["ResourceARN"].rpartition("/")[2]
    ask_about_storage(call, f"fsx:{call.operation}", identifier, identity.tags_of(call.request.get("Tags")))


def _role(call: Call, name: str) -> str:
    return _in_iam(call, "role", name, lambda backend: backend.get_role(name))


def _profile(call: Call, name: str) -> str:
    return _in_iam(call, "instance-profile", name, lambda backend: backend.get_instance_profile(name))


def _in_iam(call: Call, kind: str, name: str, find: Callable[[Any], Any]) -> str:
    """Returns an ARN; the path of what does not exist is known to nobody, and left out."""
    try:
        return find(iam_backends[call.account]["aws"]).arn
    except NotFoundException:
        return f"arn:aws:iam::{call.account}:{kind}/{name}"


@of("iam", "CreateRole")
def ask_for_role(call: Call) -> None:
    _ask_for_named(call, "role", call.request["RoleName"], "TagRole")


@of("iam", "CreateInstanceProfile")
def ask_for_profile(call: Call) -> None:
    _ask_for_named(call, "instance-profile", call.request["InstanceProfileName"], "TagInstanceProfile")


def _ask_for_named(call: Call, kind: str, name: str, tagging: str) -> None:
    tags = identity.tags_of(call.request.get("Tags"))
    resource = f"arn:aws:iam::{call.account}:{kind}{call.request.get('Path', '/')}{name}"
    for action in (call.operation, *([tagging] if tags else [])):
        call.ask(f"iam:{action}", resource, request_tags=tags)


@of("iam", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "ListInstanceProfilesForRole")
@of("iam", "PutRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole", "DeleteRolePolicy")
@of("iam", "AttachRolePolicy", "DetachRolePolicy", "TagRole", "UntagRole")
def ask_about_role(call: Call) -> None:
    attached = {"iam_PolicyARN": call.request["PolicyArn"]} if "PolicyArn" in call.request else {}
    tags = identity.tags_of(call.request.get("Tags"))
    call.ask(f"iam:{call.operation}", _role(call, call.request["RoleName"]), request_tags=tags, **attached)


@of("iam", "GetInstanceProfile", "DeleteInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile")
@of("iam", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile")
def ask_about_profile(call: Call) -> None:
    tags = identity.tags_of(call.request.get("Tags"))
    profile = _profile(call, call.request["InstanceProfileName"])
    call.ask(f"iam:{call.operation}", profile, request_tags=tags)
    if call.operation == "AddRoleToInstanceProfile":
        call.ask("iam:PassRole", _role(call, call.request["RoleName"]), iam_PassedToService=EC2)


@of("ssm", "GetParametersByPath", "GetParameter", "GetParameters", "PutParameter", "DeleteParameters")
def ask_about_parameters(call: Call) -> None:
    """A path is asked about as such; a public parameter belongs to no account."""
    request = call.request
    for name in request.get("Names") or [request.get("Path") or request["Name"]]:
        account = "" if name.startswith("/aws/") else call.account
        call.ask(f"ssm:{call.operation}", f"arn:aws:ssm:{call.region}:{account}:parameter/{name.lstrip('/')}")


@of("ssm", "SendCommand", "StartSession")
def ask_for_command(call: Call) -> None:
    """The document and each instance are asked about; a target by tags is an instance that nobody knows yet.

    The document of a session that names none is not asked about (user guide, "Enforce a session document
    permission check").
    """
    request = call.request
    if document := request.get("DocumentName"):
        account = "" if document.startswith("AWS-") else call.account
        call.ask(f"ssm:{call.operation}", f"arn:aws:ssm:{call.region}:{account}:document/{document}")
    instances = [request["Target"]] if "Target" in request else request.get("InstanceIds") or ["*"]
    for identifier in instances:
        resource, tags = call.arn("ec2", f"instance/{identifier}"), call.ec2.tags_of(identifier)
        own_keys = {f"ssm_resourceTag/{key}": value for key, value in tags.items()}
        call.ask(f"ssm:{call.operation}", resource, resource_tags=tags, **own_keys)


@of("ssm", "TerminateSession", "ResumeSession")
def ask_about_session(call: Call) -> None:
    call.ask(f"ssm:{call.operation}", call.arn("ssm", f"session/{call.request['SessionId']}"))


@of("ssm", "ListCommands", "ListCommandInvocations", "GetCommandInvocation", "CancelCommand")
@of("ssm", "DescribeInstanceInformation", "DescribeSessions")
def ask_about_commands(call: Call) -> None:
    """No resource can be told for these (Service Authorization Reference, Systems Manager)."""
    call.ask(f"ssm:{call.operation}", "*")


@of("service-quotas", "GetServiceQuota", "GetAWSDefaultServiceQuota", "ListServiceQuotas")
def ask_about_quotas(call: Call) -> None:
    call.ask(f"servicequotas:{call.operation}", "*")


@of("s3", "GetBucketVersioning")
def ask_about_versioning(call: Call) -> None:
    call.ask("s3:GetBucketVersioning", f"arn:aws:s3:::{call.request['Bucket']}")


@of("s3", "GetObject")
def ask_about_object(call: Call) -> None:
    call.ask("s3:GetObject", f"arn:aws:s3:::{call.request['Bucket']}/{call.request['Key']}")


@of("cloudwatch", "GetMetricData")
def ask_about_metrics(call: Call) -> None:
    call.ask("cloudwatch:GetMetricData", "*")


@of("s3", "HeadBucket")
def ask_about_bucket(call: Call) -> None:
    call.ask("s3:ListBucket", f"arn:aws:s3:::{call.request['Bucket']}")
