"""File systems: the legal matrix, lifecycle, tokens, pages, updates, deletion, limits, network."""

import pytest
from botocore.exceptions import ClientError

TIERING = {
    "DeploymentType": "PERSISTENT_2",
    "PerUnitStorageThroughput": None,
    "ThroughputCapacity": 4000,
    "DataReadCacheConfiguration": {"SizingMode": "NO_CACHE"},
    "MetadataConfiguration": {"Mode": "USER_PROVISIONED", "Iops": 6000},
}
SCRATCH = {"DeploymentType": "SCRATCH_2", "PerUnitStorageThroughput": None}
HDD = {"DeploymentType": "PERSISTENT_1", "PerUnitStorageThroughput": 12, "DriveCacheType": "NONE"}
AUTOMATIC = {"MetadataConfiguration": {"Mode": "AUTOMATIC"}}

LEGAL = [
    {},
    {"StorageCapacity": 2400},
    {"lustre": {"PerUnitStorageThroughput": 1000}, "StorageCapacity": 9600},
    {"lustre": SCRATCH},
    {"lustre": SCRATCH, "FileSystemTypeVersion": None},
    {"lustre": {**SCRATCH, "DeploymentType": "SCRATCH_1"}, "StorageCapacity": 3600, "FileSystemTypeVersion": None},
    {"lustre": {"DeploymentType": "PERSISTENT_1", "PerUnitStorageThroughput": 50}},
    {"lustre": HDD, "StorageType": "HDD", "StorageCapacity": 6000},
    {"lustre": {**HDD, "PerUnitStorageThroughput": 40}, "StorageType": "HDD", "StorageCapacity": 1800},
    {"lustre": TIERING, "StorageType": "INTELLIGENT_TIERING", "StorageCapacity": None},
    {"lustre": AUTOMATIC},
    {"lustre": {"MetadataConfiguration": {"Mode": "USER_PROVISIONED", "Iops": 24000}}},
    {"lustre": {"DataCompressionType": "LZ4", "AutomaticBackupRetentionDays": 5}},
    {"KmsKeyId": "alias/mine"},
]

ILLEGAL = [
    ({"StorageCapacity": 3600}, "BadRequest"),
    ({"StorageCapacity": None}, "BadRequest"),
    ({"FileSystemTypeVersion": "2.10"}, "BadRequest"),
    ({"lustre": AUTOMATIC, "FileSystemTypeVersion": "2.12"}, "BadRequest"),
    ({"lustre": {"PerUnitStorageThroughput": None}}, "BadRequest"),
    ({"lustre": {"PerUnitStorageThroughput": 50}}, "InvalidPerUnitStorageThroughput"),
    ({"lustre": {**SCRATCH, "PerUnitStorageThroughput": 50}}, "BadRequest"),
    ({"lustre": SCRATCH, "KmsKeyId": "alias/mine"}, "BadRequest"),
    ({"lustre": {**SCRATCH, "AutomaticBackupRetentionDays": 1}}, "BadRequest"),
    ({"lustre": {"EfaEnabled": True}}, "BadRequest"),
    ({"lustre": {**AUTOMATIC, "EfaEnabled": True}}, "BadRequest"),
    ({"lustre": {"DriveCacheType": "READ"}}, "BadRequest"),
    ({"lustre": {**HDD, "DriveCacheType": None}, "StorageType": "HDD", "StorageCapacity": 6000}, "BadRequest"),
    ({"lustre": HDD, "StorageType": "HDD", "StorageCapacity": 1800}, "BadRequest"),
    ({"StorageType": "HDD"}, "BadRequest"),
    ({"lustre": TIERING, "StorageType": "INTELLIGENT_TIERING"}, "BadRequest"),
    (
        {"lustre": {**TIERING, **AUTOMATIC}, "StorageType": "INTELLIGENT_TIERING", "StorageCapacity": None},
        "BadRequest",
    ),
    ({"lustre": {"MetadataConfiguration": {"Mode": "USER_PROVISIONED", "Iops": 13500}}}, "BadRequest"),
    ({"lustre": {"RootSquashConfiguration": {"RootSquash": "0:4294967295"}}}, "BadRequest"),
    ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidNetworkSettings"),
    ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidNetworkSettings"),
    ({"FileSystemType": "WINDOWS"}, "UnsupportedOperation"),
]


@pytest.mark.parametrize("changes", LEGAL, ids=str)
def test_the_legal_matrix_is_accepted(cloud, changes):
    created = cloud.fsx.create_file_system(**cloud.request(**changes))["FileSystem"]
    assert created["Lifecycle"] == "CREATING"


@pytest.mark.parametrize(("changes", "expected"), ILLEGAL, ids=str)
def test_what_is_outside_is_refused(cloud, code, changes, expected):
    assert code(cloud.fsx.create_file_system, **cloud.request(**changes)) == expected
    assert cloud.fsx.describe_file_systems()["FileSystems"] == []


def test_a_file_system_has_what_a_client_needs(cloud):
    group = cloud.lustre_group()
    system = cloud.file_system(
        SecurityGroupIds=[group], StorageCapacity=4800, Tags=[{"Key": "team", "Value": "vision"}]
    )
    identifier = system["FileSystemId"]
    assert len(identifier) == len("fs-") + 17
    assert system["DNSName"] == f"{identifier}.fsx.us-east-1.amazonaws.com"
    assert len(system["LustreConfiguration"]["MountName"]) == 8
    assert system["ResourceARN"] == f"arn:aws:fsx:us-east-1:{cloud.account}:file-system/{identifier}"
    assert system["Tags"] == [{"Key": "team", "Value": "vision"}]
    # Two object servers and a metadata server.
    interfaces = cloud.ec2.describe_network_interfaces(NetworkInterfaceIds=system["NetworkInterfaceIds"])
    assert len(interfaces["NetworkInterfaces"]) == 3
    assert {one["Groups"][0]["GroupId"] for one in interfaces["NetworkInterfaces"]} == {group}


def test_the_default_deployment_is_scratch_1(cloud):
    request = cloud.request(FileSystemTypeVersion=None)
    del request["LustreConfiguration"]
    created = cloud.fsx.create_file_system(**request)["FileSystem"]
    assert created["LustreConfiguration"]["DeploymentType"] == "SCRATCH_1"
    assert created["LustreConfiguration"]["MountName"] == "fsx"
    assert created["FileSystemTypeVersion"] == "2.10"


def test_a_token_gives_the_same_file_system_until_it_is_gone(cloud, code):
    request = cloud.request(ClientRequestToken="token-1")
    first = cloud.fsx.create_file_system(**request)["FileSystem"]["FileSystemId"]
    assert cloud.fsx.create_file_system(**request)["FileSystem"]["FileSystemId"] == first
    assert code(cloud.fsx.create_file_system, **{**request, "StorageCapacity": 2400}) == "IncompatibleParameterError"
    cloud.fsx.delete_file_system(FileSystemId=first)
    assert cloud.fsx.create_file_system(**request)["FileSystem"]["Lifecycle"] == "DELETING"
    cloud.wait(lambda: not cloud.fsx.describe_file_systems()["FileSystems"])
    assert cloud.fsx.create_file_system(**request)["FileSystem"]["FileSystemId"] != first


def test_security_groups_must_let_lustre_through(cloud, code):
    vpc = cloud.subnet()["VpcId"]
    closed = cloud.ec2.create_security_group(GroupName="closed", Description="x", VpcId=vpc)["GroupId"]
    with pytest.raises(ClientError) as caught:
        cloud.fsx.create_file_system(**cloud.request(SecurityGroupIds=[closed]))
    assert caught.value.response["Error"]["Code"] == "InvalidNetworkSettings"
    assert caught.value.response["InvalidSecurityGroupId"] == closed
    assert "988" in caught.value.response["Error"]["Message"]


def test_efa_needs_all_traffic_between_the_groups(cloud, code):
    efa = {**AUTOMATIC, "EfaEnabled": True}
    request = cloud.request(lustre=efa, StorageCapacity=38400, SecurityGroupIds=[cloud.lustre_group()])
    assert code(cloud.fsx.create_file_system, **request) == "InvalidNetworkSettings"
    request["SecurityGroupIds"] = [cloud.lustre_group("efa", efa=True)]
    created = cloud.fsx.create_file_system(**request)["FileSystem"]
    assert created["LustreConfiguration"]["EfaEnabled"] is True
    assert created["LustreConfiguration"]["MetadataConfiguration"] == {"Mode": "AUTOMATIC", "Iops": 12000}


def test_a_group_is_in_use_until_the_file_system_is_gone(cloud, code):
    group = cloud.lustre_group()
    before = cloud.subnet()["AvailableIpAddressCount"]
    system = cloud.file_system(SecurityGroupIds=[group])
    assert cloud.subnet()["AvailableIpAddressCount"] == before - 2
    assert code(cloud.ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    cloud.fsx.delete_file_system(FileSystemId=system["FileSystemId"])
    assert cloud.system(system["FileSystemId"])["Lifecycle"] == "DELETING"
    cloud.wait(lambda: not cloud.fsx.describe_file_systems()["FileSystems"])
    assert code(cloud.fsx.describe_file_systems, FileSystemIds=[system["FileSystemId"]]) == "FileSystemNotFound"
    cloud.ec2.delete_security_group(GroupId=group)
    assert cloud.subnet()["AvailableIpAddressCount"] == before


def test_growth_runs_through_its_two_actions(cloud, code):
    system = cloud.file_system()
    grow = {"FileSystemId": system["FileSystemId"], "StorageCapacity": 2400}
    assert cloud.fsx.update_file_system(**grow)["FileSystem"]["Lifecycle"] == "UPDATING"

    def actions():
        found = cloud.system(system["FileSystemId"])["AdministrativeActions"]
        return {action["AdministrativeActionType"]: action["Status"] for action in found}

    cloud.wait(lambda: cloud.system(system["FileSystemId"])["Lifecycle"] == "AVAILABLE")
    assert cloud.system(system["FileSystemId"])["StorageCapacity"] == 2400
    cloud.wait(lambda: actions() == {"FILE_SYSTEM_UPDATE": "COMPLETED", "STORAGE_OPTIMIZATION": "COMPLETED"})
    assert code(cloud.fsx.update_file_system, **{**grow, "StorageCapacity": 4800}) == "BadRequest"
    cloud.control("POST", "settings", {"fsx": {"update_interval": 0}})
    cloud.fsx.update_file_system(**{**grow, "StorageCapacity": 4800})


@pytest.mark.parametrize(
    "change",
    [
        {"StorageCapacity": 1200},
        {"StorageCapacity": 3000},
        {"LustreConfiguration": {"PerUnitStorageThroughput": 50}},
        {"LustreConfiguration": {"MetadataConfiguration": {"Mode": "USER_PROVISIONED", "Iops": 12000}}},
        {"FileSystemTypeVersion": "2.12"},
    ],
    ids=str,
)
def test_what_cannot_change_in_place_is_refused(cloud, code, change):
    system = cloud.file_system()
    assert code(cloud.fsx.update_file_system, FileSystemId=system["FileSystemId"], **change) == "BadRequest"


def test_pages_can_be_made_short(cloud):
    cloud.control("POST", "settings", {"page": {"file_systems": 2}})
    made = {cloud.fsx.create_file_system(**cloud.request())["FileSystem"]["FileSystemId"] for _ in range(5)}
    pages = list(cloud.fsx.get_paginator("describe_file_systems").paginate())
    assert [len(page["FileSystems"]) for page in pages] == [2, 2, 1]
    assert {system["FileSystemId"] for page in pages for system in page["FileSystems"]} == made


def test_the_service_limit_is_named(cloud):
    with pytest.raises(ClientError) as caught:
        cloud.fsx.create_file_system(**cloud.request(StorageCapacity=2400 * 43))
    assert caught.value.response["Error"]["Code"] == "ServiceLimitExceeded"
    assert caught.value.response["Limit"] == "TOTAL_STORAGE"


def test_a_new_file_system_can_be_invisible_for_a_while(cloud, code):
    cloud.control("POST", "settings", {"lag": {"created": 0.5}})
    identifier = cloud.fsx.create_file_system(**cloud.request())["FileSystem"]["FileSystemId"]
    assert code(cloud.fsx.describe_file_systems, FileSystemIds=[identifier]) == "FileSystemNotFound"
    assert cloud.fsx.describe_file_systems()["FileSystems"] == []
    cloud.wait(lambda: cloud.fsx.describe_file_systems()["FileSystems"])


def test_backups_are_for_unlinked_persistent_file_systems(cloud, code):
    system = cloud.file_system()
    backup = cloud.fsx.create_backup(FileSystemId=system["FileSystemId"])["Backup"]
    cloud.wait(lambda: cloud.fsx.describe_backups()["Backups"][0]["Lifecycle"] == "AVAILABLE")
    assert cloud.fsx.delete_backup(BackupId=backup["BackupId"])["Lifecycle"] == "DELETED"
    scratch = cloud.file_system(lustre=SCRATCH)
    assert code(cloud.fsx.create_backup, FileSystemId=scratch["FileSystemId"]) == "BadRequest"
    cloud.link(system, cloud.bucket())
    assert code(cloud.fsx.create_backup, FileSystemId=system["FileSystemId"]) == "BadRequest"


def test_tags_come_and_go(cloud, code):
    arn = cloud.file_system(Tags=[{"Key": "a", "Value": "1"}])["ResourceARN"]
    cloud.fsx.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloud.fsx.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloud.fsx.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert code(cloud.fsx.list_tags_for_resource, ResourceARN=arn + "0") == "ResourceNotFound"
