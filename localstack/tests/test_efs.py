"""EFS: file systems, mount targets, what is lost, nodes that mount, what IAM is asked."""

import pytest
from botocore.exceptions import ClientError
from test_ec2 import node_tags

TAGS = [{"Key": "Name", "Value": "shared"}, {"Key": "provision:cluster", "Value": "exam"}]
WRONG = [
    ({"ThroughputMode": "provisioned"}, "BadRequest"),
    ({"ProvisionedThroughputInMibps": 100}, "BadRequest"),
    ({"ThroughputMode": "elastic", "PerformanceMode": "maxIO"}, "BadRequest"),
    ({"AvailabilityZoneName": "us-east-1a", "PerformanceMode": "maxIO"}, "BadRequest"),
    ({"ThroughputMode": "provisioned", "ProvisionedThroughputInMibps": 4000}, "ThroughputLimitExceeded"),
    ({"KmsKeyId": "alias/mine"}, "BadRequest"),
    ({"AvailabilityZoneName": "us-east-1z"}, "UnsupportedAvailabilityZone"),
    ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "BadRequest"),
]


def create(cloud, token="t", **more):
    """Creates a file system and waits for it."""
    made = cloud.efs.create_file_system(CreationToken=token, **more)
    cloud.wait(lambda: get(cloud, made["FileSystemId"])["LifeCycleState"] == "available")
    return get(cloud, made["FileSystemId"])


def get(cloud, identifier):
    return cloud.efs.describe_file_systems(FileSystemId=identifier)["FileSystems"][0]


def slowly(cloud, **delays):
    cloud.control("POST", "settings", {"delay": delays})


def targets(cloud, system):
    return cloud.efs.describe_mount_targets(FileSystemId=system["FileSystemId"])["MountTargets"]


def mount_target(cloud, system, zone="us-east-1a", **more):
    made = cloud.efs.create_mount_target(
        FileSystemId=system["FileSystemId"], SubnetId=cloud.subnet(zone)["SubnetId"], **more
    )
    cloud.wait(lambda: all(one["LifeCycleState"] == "available" for one in targets(cloud, system)))
    return made["MountTargetId"]


def nfs_group(cloud, source=None):
    """A group that takes NFS from `source`; from nobody without one."""
    group = cloud.ec2.create_security_group(GroupName="nfs", Description="x", VpcId=cloud.subnet()["VpcId"])["GroupId"]
    if source:
        peer = [{"GroupId": source}]
        rule = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "UserIdGroupPairs": peer}
        cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return group


def delete(cloud, system):
    for target in targets(cloud, system):
        cloud.efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    cloud.wait(lambda: not targets(cloud, system))
    cloud.efs.delete_file_system(FileSystemId=system["FileSystemId"])
    cloud.wait(lambda: not cloud.efs.describe_file_systems()["FileSystems"])


def test_a_token_is_answered_with_the_file_system_that_it_made(cloud, code):
    made = cloud.efs.create_file_system(CreationToken="t", Encrypted=True, ThroughputMode="elastic", Tags=TAGS)
    assert made["LifeCycleState"] == "creating" and made["Name"] == "shared" and made["Tags"] == TAGS
    assert made["KmsKeyId"].endswith(":alias/aws/elasticfilesystem")
    with pytest.raises(ClientError) as caught:
        cloud.efs.create_file_system(CreationToken="t")
    answer = caught.value.response
    assert answer["Error"]["Code"] == answer["ErrorCode"] == "FileSystemAlreadyExists"
    assert answer["FileSystemId"] == made["FileSystemId"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert len(cloud.efs.describe_file_systems(CreationToken="t")["FileSystems"]) == 1
    assert cloud.efs.describe_file_systems(CreationToken="other")["FileSystems"] == []
    assert code(cloud.efs.describe_file_systems, FileSystemId="fs-0123456789abcdef0") == "FileSystemNotFound"


@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=str)
def test_what_cannot_be_is_refused(cloud, code, changes, expected):
    assert code(cloud.efs.create_file_system, CreationToken="t", **changes) == expected
    assert cloud.efs.describe_file_systems()["FileSystems"] == []


def test_mount_targets_come_one_in_a_zone(cloud, code):
    subnet = {zone: cloud.subnet(zone)["SubnetId"] for zone in ("us-east-1a", "us-east-1b")}
    slowly(cloud, efs_create=100_000, mount_target_create=100_000)
    made = cloud.efs.create_file_system(CreationToken="early")
    early = {"FileSystemId": made["FileSystemId"], "SubnetId": subnet["us-east-1a"]}
    assert code(cloud.efs.create_mount_target, **early) == "IncorrectFileSystemLifeCycleState"
    slowly(cloud, efs_create=1)
    made = create(cloud)
    early["FileSystemId"] = made["FileSystemId"]
    first = cloud.efs.create_mount_target(**early)
    assert first["LifeCycleState"] == "creating" and first["AvailabilityZoneName"] == "us-east-1a"
    state = {"MountTargetId": first["MountTargetId"]}
    assert code(cloud.efs.describe_mount_target_security_groups, **state) == "IncorrectMountTargetState"
    assert code(cloud.efs.create_mount_target, **early) == "MountTargetConflict"
    second = {**early, "SubnetId": subnet["us-east-1b"]}
    assert code(cloud.efs.create_mount_target, **{**second, "IpAddress": "1.2.3.4"}) == "BadRequest"
    cloud.efs.create_mount_target(**second)
    assert get(cloud, made["FileSystemId"])["NumberOfMountTargets"] == 2
    wrong = {**early, "SubnetId": "subnet-0123456789abcdef0"}
    assert code(cloud.efs.create_mount_target, **wrong) == "SubnetNotFound"
    assert code(cloud.efs.describe_mount_targets) == "BadRequest"
    assert code(cloud.efs.describe_mount_targets, MountTargetId="fsmt-0123456789abcdef0") == "MountTargetNotFound"
    one_zone = create(cloud, "one", AvailabilityZoneName="us-east-1b")
    elsewhere = {**early, "FileSystemId": one_zone["FileSystemId"]}
    assert code(cloud.efs.create_mount_target, **elsewhere) == "AvailabilityZonesMismatch"


def test_a_group_is_in_use_until_the_mount_target_is_gone(cloud, code):
    system, group, other = create(cloud), nfs_group(cloud), cloud.lustre_group()
    target = mount_target(cloud, system, SecurityGroups=[group])
    interface = targets(cloud, system)[0]["NetworkInterfaceId"]
    found = cloud.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    assert found["PrivateIpAddress"] == targets(cloud, system)[0]["IpAddress"]
    assert code(cloud.ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    assert code(cloud.efs.delete_file_system, FileSystemId=system["FileSystemId"]) == "FileSystemInUse"
    unknown = {"MountTargetId": target, "SecurityGroups": ["sg-0123456789abcdef0"]}
    assert code(cloud.efs.modify_mount_target_security_groups, **unknown) == "SecurityGroupNotFound"
    cloud.efs.modify_mount_target_security_groups(MountTargetId=target, SecurityGroups=[other])
    found = cloud.efs.describe_mount_target_security_groups(MountTargetId=target)["SecurityGroups"]
    assert found == [other]
    cloud.ec2.delete_security_group(GroupId=group)
    before = cloud.control("GET", "ledger")
    delete(cloud, system)
    cloud.ec2.delete_security_group(GroupId=other)
    after = cloud.control("GET", "ledger")
    gone = {name: after[name] - before[name] for name in ("efs_file_systems_deleted", "mount_targets_deleted")}
    assert gone == {"efs_file_systems_deleted": 1, "mount_targets_deleted": 1}


def test_throughput_is_changed_and_not_lowered_twice_a_day(cloud, code):
    system = {"FileSystemId": create(cloud)["FileSystemId"]}
    assert code(cloud.efs.update_file_system, **system, ThroughputMode="bursting") == "BadRequest"
    slowly(cloud, efs_update=20)
    changed = cloud.efs.update_file_system(**system, ThroughputMode="elastic")
    assert (changed["LifeCycleState"], changed["ThroughputMode"]) == ("updating", "elastic")
    at_once = code(cloud.efs.update_file_system, **system, ThroughputMode="bursting")
    assert at_once == "IncorrectFileSystemLifeCycleState"
    cloud.wait(lambda: get(cloud, system["FileSystemId"])["LifeCycleState"] == "available")
    assert code(cloud.efs.update_file_system, **system, ThroughputMode="bursting") == "TooManyRequests"
    cloud.control("POST", "settings", {"efs": {"update_interval": 0}})
    cloud.efs.update_file_system(**system, ThroughputMode="provisioned", ProvisionedThroughputInMibps=128)
    assert get(cloud, system["FileSystemId"])["ProvisionedThroughputInMibps"] == 128


def test_tags_and_lifecycle_rules_are_kept(cloud, code):
    identifier = create(cloud, ThroughputMode="elastic")["FileSystemId"]
    cloud.efs.tag_resource(ResourceId=get(cloud, identifier)["FileSystemArn"], Tags=TAGS)
    cloud.efs.untag_resource(ResourceId=identifier, TagKeys=["Name"])
    assert cloud.efs.list_tags_for_resource(ResourceId=identifier)["Tags"] == TAGS[1:]
    assert get(cloud, identifier)["Tags"] == TAGS[1:]
    put, rules = cloud.efs.put_lifecycle_configuration, [{"TransitionToIA": "AFTER_30_DAYS"}]
    rules += [{"TransitionToArchive": "AFTER_90_DAYS"}]
    assert put(FileSystemId=identifier, LifecyclePolicies=rules)["LifecyclePolicies"] == rules
    both = [{"TransitionToIA": "AFTER_30_DAYS", "TransitionToArchive": "AFTER_90_DAYS"}]
    assert code(put, FileSystemId=identifier, LifecyclePolicies=both) == "BadRequest"
    early = [{"TransitionToIA": "AFTER_30_DAYS"}, {"TransitionToArchive": "AFTER_7_DAYS"}]
    assert code(put, FileSystemId=identifier, LifecyclePolicies=early) == "BadRequest"
    found = cloud.efs.describe_lifecycle_configuration(FileSystemId=identifier)["LifecyclePolicies"]
    assert found == rules


def test_pages_can_be_short(cloud):
    made = [cloud.efs.create_file_system(CreationToken=f"t{number}")["FileSystemId"] for number in range(5)]
    cloud.control("POST", "settings", {"page": {"efs": 2}})
    first = cloud.efs.describe_file_systems(MaxItems=3)
    assert len(first["FileSystems"]) == 2 and first["NextMarker"]
    pages = cloud.efs.get_paginator("describe_file_systems").paginate()
    assert [one["FileSystemId"] for page in pages for one in page["FileSystems"]] == made


def test_what_is_deleted_is_lost(cloud):
    system = create(cloud)
    cloud.write(system, "/data/a", "/b", size=1000)
    assert {file["state"] for file in cloud.files(system).values()} == {"unlinked"}
    assert get(cloud, system["FileSystemId"])["SizeInBytes"]["Value"] == 6144 + 2000
    before = cloud.control("GET", "ledger")["unlinked_lost"]
    delete(cloud, system)
    assert cloud.control("GET", "ledger")["unlinked_lost"] == before + 2


@pytest.mark.parametrize("name", ["{id}.efs.us-east-1.amazonaws.com:/", "{id}:/"])
def test_a_node_mounts_what_it_can_reach(cloud, name):
    system = create(cloud)
    nodes = cloud.ec2.create_security_group(GroupName="nodes", Description="x", VpcId=cloud.subnet()["VpcId"])
    script = f"#!/bin/bash\nmount -t efs -o tls {name.format(id=system['FileSystemId'])} /mnt\n"
    cloud.run(UserData=script, SecurityGroupIds=[nodes["GroupId"]])
    cloud.wait(lambda: cloud.instances()[0]["State"]["Name"] == "running")
    assert node_tags(cloud) == [None]
    mount_target(cloud, system, SecurityGroups=[nfs_group(cloud, nodes["GroupId"])])
    cloud.wait(lambda: node_tags(cloud) == ["ready"])


@pytest.mark.parametrize("lack", ["rule", "zone"])
def test_a_node_does_not_reach_everything(cloud, lack):
    cloud.control("POST", "settings", {"boot": {"mount_wait": 1}})
    system = create(cloud)
    nodes = cloud.ec2.create_security_group(GroupName="nodes", Description="x", VpcId=cloud.subnet()["VpcId"])
    group = nfs_group(cloud, None if lack == "rule" else nodes["GroupId"])
    mount_target(cloud, system, "us-east-1b" if lack == "zone" else "us-east-1a", SecurityGroups=[group])
    script = f"mount -t efs {system['FileSystemId']}:/ /mnt\n"
    cloud.run(UserData=script, SecurityGroupIds=[nodes["GroupId"]])
    cloud.wait(lambda: node_tags(cloud) == ["failed: mount"])
    cloud.control("POST", "settings", {"boot": {"mount_wait": 300}})


def test_a_policy_decides(cloud):
    tags = {"StringEquals": {"aws:RequestTag/provision:cluster": "exam"}}
    everything = {"Effect": "Allow", "Resource": "*"}
    make = {**everything, "Sid": "Make", "Condition": tags}
    make["Action"] = ["elasticfilesystem:CreateFileSystem", "elasticfilesystem:TagResource"]
    more = ["elasticfilesystem:CreateMountTarget", "ec2:Describe*", "iam:CreateServiceLinkedRole"]
    rest = {**everything, "Sid": "Rest", "Action": ["elasticfilesystem:Describe*", *more]}

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        body = {"account": cloud.account, "policies": [document] if statements else []}
        assert "error" not in cloud.control("POST", "policy", body)

    allow(make, rest)
    with pytest.raises(ClientError, match="AccessDeniedException.*CreateFileSystem"):
        cloud.efs.create_file_system(CreationToken="t", Tags=TAGS[:1])
    system = create(cloud, Tags=TAGS)
    with pytest.raises(ClientError, match="ec2:CreateNetworkInterface"):
        mount_target(cloud, system)
    allow(make, rest, {**everything, "Sid": "Network", "Action": "ec2:CreateNetworkInterface"})
    target = mount_target(cloud, system)
    with pytest.raises(ClientError, match="elasticfilesystem:DeleteMountTarget"):
        cloud.efs.delete_mount_target(MountTargetId=target)
    allow()
