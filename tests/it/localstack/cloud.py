"""What another program than ours sees of an account, and does to it: boto3, so that no code is shared with `provision`.

cloud.py ENDPOINT ACCOUNT REGION inventory | buckets NAME… | objects BUCKET… | terminate ID | unlink ID
         | compress FILE_SYSTEM TYPE | tag FILE_SYSTEM KEY VALUE | import FILE_SYSTEM URL | stranger GROUP_NAME | given NAME
         | unusable KEY_ALIAS INSTANCE_TYPE | theirs BUCKET | away BUCKET REGION
"""

import json
import sys
import time
from functools import cache

import boto3

endpoint, account, region, what, *arguments = sys.argv[1:]


@cache
def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
    )


def everything(service, operation, key, **parameters):
    found = []
    for page in client(service).get_paginator(operation).paginate(**parameters):
        found += page[key]
    return found


def role(name):
    iam = client("iam")
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        **iam.get_role(RoleName=name)["Role"],
        "Inline": [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline],
        "Attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
    }


def inventory():
    """All that exists, but for objects, buckets, and what every account has."""
    fsx, ec2 = client("fsx"), client("ec2")
    reservations = everything("ec2", "describe_instances", "Reservations")
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    systems = fsx.describe_file_systems()["FileSystems"]
    return {
        "file_systems": systems,
        "links": fsx.describe_data_repository_associations()["Associations"],
        "tasks": [
            {key: value for key, value in task.items() if key != "Status"}
            for task in fsx.describe_data_repository_tasks()["DataRepositoryTasks"]
            if task["FileSystemId"] in {system["FileSystemId"] for system in systems}
        ],
        "instances": [one for one in instances if one["State"]["Name"] != "terminated"],
        "interfaces": everything("ec2", "describe_network_interfaces", "NetworkInterfaces"),
        "volumes": everything("ec2", "describe_volumes", "Volumes"),
        "groups": everything("ec2", "describe_security_groups", "SecurityGroups"),
        "placements": ec2.describe_placement_groups()["PlacementGroups"],
        "templates": everything("ec2", "describe_launch_templates", "LaunchTemplates"),
        "roles": [role(one["RoleName"]) for one in everything("iam", "list_roles", "Roles")],
        "profiles": everything("iam", "list_instance_profiles", "InstanceProfiles"),
        "parameters": everything("ssm", "get_parameters_by_path", "Parameters", Path="/provision", Recursive=True),
    }


def buckets(*names):
    for name in names:
        client("s3").create_bucket(Bucket=name)


def away(name, elsewhere):
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": elsewhere})


def objects(*names):
    return {
        name: sorted(one["Key"] for one in client("s3").list_objects_v2(Bucket=name).get("Contents", []))
        for name in names
    }


def terminate(identifier):
    ec2 = client("ec2")
    ec2.terminate_instances(InstanceIds=[identifier])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[identifier], WaiterConfig={"Delay": 1})


def unlink(identifier):
    client("fsx").delete_data_repository_association(AssociationId=identifier, DeleteDataInFileSystem=False)


def compress(identifier, kind):
    client("fsx").update_file_system(FileSystemId=identifier, LustreConfiguration={"DataCompressionType": kind})


def tag(identifier, key, value):
    fsx = client("fsx")
    arn = fsx.describe_file_systems(FileSystemIds=[identifier])["FileSystems"][0]["ResourceARN"]
    fsx.tag_resource(ResourceARN=arn, Tags=[{"Key": key, "Value": value}])


def import_(identifier, url):
    client("fsx").create_data_repository_task(
        Type="IMPORT_METADATA_FROM_REPOSITORY", FileSystemId=identifier, Paths=[url], Report={"Enabled": False}
    )


def stranger(name):
    """A security group that nobody tagged."""
    client("ec2").create_security_group(GroupName=name, Description="somebody else's")


def key(alias):
    """A key of this alias, enabled."""
    identifier = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName=alias, TargetKeyId=identifier)
    return identifier


def unusable(alias, instance):
    """What a spec may name and cannot use: a disabled key, and a reservation for one node."""
    client("kms").disable_key(KeyId=key(alias))
    reservation = client("ec2").create_capacity_reservation(
        InstanceType=instance, InstancePlatform="Linux/UNIX", AvailabilityZone=f"{region}a", InstanceCount=1
    )
    return reservation["CapacityReservation"]["CapacityReservationId"]


def given(name):
    """What a spec may name instead of having it made: a profile with its role, a group, a reservation, a subnet, an image, a key."""
    ec2, iam = client("ec2"), client("iam")
    key(f"alias/{name}")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    trust["Statement"][0]["Action"] = "sts:AssumeRole"
    iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName=name, Path="/team/")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [f"{region}a"]}])["Subnets"][0]
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=subnet["VpcId"])["GroupId"]
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    reservation = ec2.create_capacity_reservation(
        InstanceType="g6.xlarge", InstancePlatform="Linux/UNIX", AvailabilityZone=f"{region}a", InstanceCount=1
    )["CapacityReservation"]["CapacityReservationId"]
    path = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
    image = client("ssm").get_parameter(Name=path)["Parameter"]["Value"]
    return {"subnet": subnet["SubnetId"], "group": group, "reservation": reservation, "image": image}


def theirs(bucket):
    """A file system of somebody else's, with a link, in a group that lets itself in."""
    ec2, fsx = client("ec2"), client("fsx")
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [f"{region}b"]}])["Subnets"][0]
    group = ec2.create_security_group(GroupName="lab", Description="lab", VpcId=subnet["VpcId"])["GroupId"]
    pairs = [{"GroupId": group}]
    ports = [(988, 988), (1018, 1023)]
    rules = [{"IpProtocol": "tcp", "FromPort": low, "ToPort": high, "UserIdGroupPairs": pairs} for low, high in ports]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    made = fsx.create_file_system(
        FileSystemType="LUSTRE",
        FileSystemTypeVersion="2.15",
        StorageCapacity=1200,
        SubnetIds=[subnet["SubnetId"]],
        SecurityGroupIds=[group],
        LustreConfiguration={
            "DeploymentType": "PERSISTENT_2",
            "PerUnitStorageThroughput": 125,
            "AutomaticBackupRetentionDays": 0,
        },
        Tags=[{"Key": "owner", "Value": "lab"}],
    )["FileSystem"]["FileSystemId"]
    available("describe_file_systems", "FileSystems", FileSystemIds=[made])
    fsx.create_data_repository_association(
        FileSystemId=made, FileSystemPath="/lab", DataRepositoryPath=f"s3://{bucket}/lab/"
    )
    links = [{"Name": "file-system-id", "Values": [made]}]
    available("describe_data_repository_associations", "Associations", Filters=links)
    return {"file_system": made, "group": group}


def available(operation, key, **parameters):
    for _ in range(600):
        if all(one["Lifecycle"] == "AVAILABLE" for one in getattr(client("fsx"), operation)(**parameters)[key]):
            return
        time.sleep(0.05)
    raise TimeoutError(operation)


FUNCTIONS = (
    *(theirs, inventory, buckets, away, objects, terminate, unlink, compress, tag, import_, stranger, given, unusable),
)
COMMANDS = {function.__name__.rstrip("_"): function for function in FUNCTIONS}
print(json.dumps(COMMANDS[what](*arguments), sort_keys=True, indent=1, default=str))
