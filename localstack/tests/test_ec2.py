"""Instances, launch templates, placement groups, reservations, and nodes that boot."""

import base64
import gzip
import time
import urllib.request
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from botocore.exceptions import ClientError


def encoded(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def script(system):
    return f"#!/bin/sh\nmount -t lustre {system['DNSName']}@tcp:/fsx /fsx\n"


def multipart(text):
    message = MIMEMultipart()
    message.attach(MIMEText(text, "x-shellscript"))
    return message.as_string()


def zipped(text):
    return gzip.compress(text.encode())


def node_tags(cloud):
    tags = [{tag["Key"]: tag["Value"] for tag in one.get("Tags", [])} for one in cloud.instances()]
    return [tag.get("provision:node") for tag in tags]


def test_an_instance_goes_through_its_states(cloud):
    identifier = cloud.run()["Instances"][0]["InstanceId"]

    def state():
        return cloud.instances(InstanceIds=[identifier])[0]["State"]["Name"]

    cloud.wait(lambda: state() == "running")
    change = cloud.ec2.terminate_instances(InstanceIds=[identifier])["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    cloud.wait(lambda: state() == "terminated")
    assert cloud.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert cloud.ec2.describe_volumes()["Volumes"] == []


def test_a_token_launches_once_in_a_zone(cloud, code):
    first = cloud.run(2, ClientToken="t")
    again = cloud.run(2, ClientToken="t")
    assert first["ReservationId"] == again["ReservationId"]
    assert len(cloud.instances()) == 2
    assert code(cloud.run, count=3, ClientToken="t") == "IdempotentParameterMismatch"
    elsewhere = [{"Name": "availability-zone", "Values": ["us-east-1b"]}]
    subnet = cloud.ec2.describe_subnets(Filters=elsewhere)["Subnets"][0]["SubnetId"]
    assert cloud.run(2, ClientToken="t", SubnetId=subnet)["ReservationId"] != first["ReservationId"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "p9.large"}, "InvalidInstanceType"),
        ({"InstanceType": "trn2.48xlarge"}, "Unsupported"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"IamInstanceProfile": {"Name": "none"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "none"}}, "InvalidPlacementGroup.Unknown"),
        ({"KeyName": "none"}, "InvalidKeyPair.NotFound"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
        ({"InstanceType": "g5g.xlarge"}, "InvalidParameterValue"),
        ({"LaunchTemplate": {"LaunchTemplateName": "none"}}, "InvalidLaunchTemplateName.NotFoundException"),
    ],
    ids=str,
)
def test_wrong_launches_are_refused(cloud, code, changes, expected):
    assert code(cloud.run, **changes) == expected
    assert cloud.instances() == []


def test_a_launch_template_is_enough(cloud, code):
    profile = "nodes"
    cloud.iam.create_instance_profile(InstanceProfileName=profile)
    cloud.iam.create_role(RoleName=profile, AssumeRolePolicyDocument="{}")
    cloud.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=profile)
    cloud.ec2.create_placement_group(GroupName="pg", Strategy="cluster")
    data = {
        "ImageId": cloud.image(),
        "InstanceType": "p4d.24xlarge",
        "UserData": encoded("hello"),
        "IamInstanceProfile": {"Name": profile},
        "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        "Placement": {"GroupName": "pg"},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"VolumeSize": 200, "VolumeType": "gp3", "Throughput": 500, "Iops": 6000},
            }
        ],
        "NetworkInterfaces": [
            {
                "NetworkCardIndex": card,
                "DeviceIndex": 0 if card == 0 else 1,
                "InterfaceType": "efa" if card < 2 else "efa-only",
                "SubnetId": cloud.subnet()["SubnetId"],
                "Groups": [cloud.lustre_group()] if card == 0 else [],
            }
            for card in range(4)
        ],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}],
    }
    create = cloud.ec2.create_launch_template
    request = {"LaunchTemplateName": "nodes", "LaunchTemplateData": data, "ClientToken": "t"}
    template = create(**request)["LaunchTemplate"]["LaunchTemplateId"]
    assert create(**request)["LaunchTemplate"]["LaunchTemplateId"] == template
    assert code(create, **{**request, "LaunchTemplateName": "other"}) == "IdempotentParameterMismatch"
    free = cloud.subnet()["AvailableIpAddressCount"]
    cloud.run(
        2,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "by", "Value": "call"}]}],
    )
    instance = cloud.instances()[0]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["from"] == "template" and tags["by"] == "call"
    interfaces = [
        (one["Attachment"]["NetworkCardIndex"], one["InterfaceType"], "PrivateIpAddress" in one)
        for one in instance["NetworkInterfaces"]
    ]
    assert interfaces == [(0, "efa", True), (1, "efa", True), (2, "efa-only", False), (3, "efa-only", False)]
    assert cloud.subnet()["AvailableIpAddressCount"] == free - 4
    assert instance["IamInstanceProfile"]["Arn"].endswith(f"instance-profile/{profile}")
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["Placement"]["GroupName"] == "pg"
    volume = cloud.ec2.describe_volumes()["Volumes"][0]
    assert (volume["Size"], volume["Iops"], volume["Throughput"]) == (200, 6000, 500)
    attribute = cloud.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert attribute["UserData"]["Value"] == encoded("hello")
    assert code(cloud.ec2.delete_placement_group, GroupName="pg") == "InvalidPlacementGroup.InUse"
    kept = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"][0]
    assert len(kept["LaunchTemplateData"]["NetworkInterfaces"]) == 4


def test_a_full_zone_names_the_others(cloud):
    cloud.control("POST", "settings", {"ec2": {"capacity": {"g6.xlarge": {"us-east-1a": 1}}}})
    with pytest.raises(ClientError) as caught:
        cloud.run(2, InstanceType="g6.xlarge")
    assert caught.value.response["Error"]["Code"] == "InsufficientInstanceCapacity"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "choosing us-east-1b" in caught.value.response["Error"]["Message"]
    request = {"ImageId": cloud.image(), "InstanceType": "g6.xlarge", "SubnetId": cloud.subnet()["SubnetId"]}
    assert len(cloud.ec2.run_instances(MinCount=1, MaxCount=2, **request)["Instances"]) == 1
    cloud.control("POST", "settings", {"ec2": {"capacity": {"g6.xlarge": {}}}})


def test_placement_groups_are_found_by_tag_and_wildcard(cloud, code):
    create = cloud.ec2.create_placement_group
    tags = [{"ResourceType": "placement-group", "Tags": [{"Key": "provision:cluster", "Value": "x"}]}]
    create(GroupName="provision-x-1", Strategy="cluster", TagSpecifications=tags)
    assert code(create, GroupName="provision-x-1") == "InvalidPlacementGroup.Duplicate"
    for condition in (
        {"Name": "group-name", "Values": ["provision-*"]},
        {"Name": "tag:provision:cluster", "Values": ["x"]},
        {"Name": "tag-key", "Values": ["provision:*"]},
    ):
        found = cloud.ec2.describe_placement_groups(Filters=[condition])["PlacementGroups"]
        assert [group["GroupName"] for group in found] == ["provision-x-1"]
    assert code(cloud.ec2.describe_placement_groups, GroupNames=["none"]) == "InvalidPlacementGroup.Unknown"
    cloud.ec2.delete_placement_group(GroupName="provision-x-1")
    assert code(cloud.ec2.delete_placement_group, GroupName="provision-x-1") == "InvalidPlacementGroup.Unknown"


def test_a_capacity_reservation_is_filled_and_then_full(cloud, code):
    request = {"InstanceType": "g5.xlarge", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}
    create = cloud.ec2.create_capacity_reservation
    made = create(**request, InstanceCount=2, InstanceMatchCriteria="targeted", ClientToken="t")["CapacityReservation"]
    again = create(**request, InstanceCount=2, InstanceMatchCriteria="targeted", ClientToken="t")
    assert again["CapacityReservation"]["CapacityReservationId"] == made["CapacityReservationId"]
    target = {"CapacityReservationTarget": {"CapacityReservationId": made["CapacityReservationId"]}}
    cloud.run(2, CapacityReservationSpecification=target)
    found = cloud.ec2.describe_capacity_reservations()["CapacityReservations"][0]
    assert (found["TotalInstanceCount"], found["AvailableInstanceCount"]) == (2, 0)
    assert code(cloud.run, CapacityReservationSpecification=target) == "ReservationCapacityExceeded"
    cloud.ec2.modify_capacity_reservation(CapacityReservationId=made["CapacityReservationId"], InstanceCount=3)
    cloud.run(CapacityReservationSpecification=target)
    cloud.ec2.cancel_capacity_reservation(CapacityReservationId=made["CapacityReservationId"])
    assert cloud.ec2.describe_capacity_reservations()["CapacityReservations"][0]["State"] == "cancelled"


def test_a_referenced_group_cannot_be_deleted(cloud, code):
    vpc = cloud.subnet()["VpcId"]
    one, two = (cloud.ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in "ab")
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": one}]}
    cloud.ec2.authorize_security_group_ingress(GroupId=two, IpPermissions=[rule])
    assert code(cloud.ec2.delete_security_group, GroupId=one) == "DependencyViolation"
    cloud.ec2.revoke_security_group_ingress(GroupId=two, IpPermissions=[rule])
    cloud.ec2.delete_security_group(GroupId=one)
    identifier = cloud.run(SecurityGroupIds=[two])["Instances"][0]["InstanceId"]
    assert code(cloud.ec2.delete_security_group, GroupId=two) == "DependencyViolation"
    cloud.ec2.terminate_instances(InstanceIds=[identifier])
    cloud.wait(lambda: cloud.instances()[0]["State"]["Name"] == "terminated")
    cloud.ec2.delete_security_group(GroupId=two)


@pytest.mark.parametrize(
    "wrap", [str, multipart, lambda text: gzip.compress(text.encode())], ids=["plain", "mime", "gzip"]
)
def test_a_node_gets_ready_when_its_file_system_is(cloud, wrap):
    system = cloud.fsx.create_file_system(**cloud.request())["FileSystem"]
    cloud.run(3, UserData=wrap(script(system)))
    cloud.wait(lambda: node_tags(cloud) == ["ready"] * 3)
    assert cloud.system(system["FileSystemId"])["Lifecycle"] == "AVAILABLE"


def test_a_node_without_a_file_system_fails(cloud):
    cloud.run()
    cloud.wait(lambda: node_tags(cloud) == ["failed: no file system in user-data"])


def test_a_node_does_not_wait_for_ever(cloud):
    cloud.control("POST", "settings", {"boot": {"mount_wait": 2}})
    cloud.run(UserData=script({"DNSName": "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com"}))
    cloud.wait(lambda: node_tags(cloud) == ["failed: mount"])
    cloud.control("POST", "settings", {"boot": {"mount_wait": 300}})


def test_a_test_can_spoil_a_boot(cloud):
    system = cloud.file_system()
    address = {"ResourceType": "instance", "Tags": [{"Key": "provision:address", "Value": "nodes.t"}]}
    rules = [
        {"result": "failed: driver", "index": 1, "address": "nodes.t"},
        {"result": "silent", "index": 2, "address": "nodes.t"},
    ]
    cloud.control("POST", "settings", {"boot": {"rules": rules}})
    cloud.run(4, UserData=script(system), TagSpecifications=[address])
    cloud.wait(lambda: node_tags(cloud) == ["ready", "failed: driver", None, "ready"])


def test_public_parameters_name_images_that_exist(cloud):
    prefix = "/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id"
    canonical = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    neuron = "/aws/service/neuron/dlami/base/amazon-linux-2023/latest/image_id"
    found = cloud.ssm.get_parameters(Names=[prefix, canonical, neuron])
    assert found["InvalidParameters"] == []
    values = {one["Name"]: one["Value"] for one in found["Parameters"]}
    images = cloud.ec2.describe_images(ImageIds=list(values.values()))["Images"]
    by_id = {image["ImageId"]: image for image in images}
    image = by_id[values[prefix]]
    assert (image["Architecture"], image["RootDeviceName"]) == ("arm64", "/dev/sda1")
    assert (image["ImageOwnerAlias"], image["PlatformDetails"]) == ("amazon", "Linux/UNIX")
    assert by_id[values[neuron]]["RootDeviceName"] == "/dev/xvda"


def test_a_thousand_instances_are_no_trouble(cloud):
    start = time.monotonic()
    identifiers = [one["InstanceId"] for one in cloud.run(1000)["Instances"]]
    assert time.monotonic() - start < 6
    # Without boto's parsing, which takes as long as the answer.
    query = b"Action=DescribeInstances&Version=2016-11-15&MaxResults=1000"
    credential = f"AWS4-HMAC-SHA256 Credential={cloud.account}/20260101/us-east-1/ec2/aws4_request"
    request = urllib.request.Request(cloud.endpoint, query, {"Authorization": credential})
    start = time.monotonic()
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    assert time.monotonic() - start < 1.5
    assert text.count(b"<ownerId>") >= 1000
    cloud.ec2.terminate_instances(InstanceIds=identifiers)
    cloud.wait(lambda: {one["State"]["Name"] for one in cloud.instances()} == {"terminated"}, 30)


def test_tags_are_found_by_type_beside_those_of_a_placement_group(cloud):
    for kind in ("placement-group", "capacity-reservation"):
        assert cloud.ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": [kind]}])["Tags"] == []
    tags = [{"ResourceType": "placement-group", "Tags": [{"Key": "team", "Value": "vision"}]}]
    cloud.ec2.create_placement_group(GroupName="tagged", Strategy="cluster", TagSpecifications=tags)
    for kind, count in (("placement-group", 1), ("security-group", 0)):
        found = cloud.ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": [kind]}])["Tags"]
        assert [tag["ResourceType"] for tag in found] == [kind] * count


def test_the_tags_of_a_launch_template_go_with_it(cloud):
    specification = [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "vision"}]}]
    data = {"InstanceType": "g5.xlarge"}
    template = cloud.ec2.create_launch_template(
        LaunchTemplateName="tagged", LaunchTemplateData=data, TagSpecifications=specification
    )
    identifier = template["LaunchTemplate"]["LaunchTemplateId"]
    by_id = [{"Name": "resource-id", "Values": [identifier]}]
    assert len(cloud.ec2.describe_tags(Filters=by_id)["Tags"]) == 1
    cloud.ec2.delete_launch_template(LaunchTemplateId=identifier)
    assert cloud.ec2.describe_tags(Filters=by_id)["Tags"] == []
