"""What tools/account.py says of things that were planted: a check that finds nothing must be able to find something."""

import account
import crash_matrix
import pytest
from account import Account, Thing

CLUSTER = "matrix"
TAGS = {"provision:cluster": CLUSTER, "provision:deployment": "d-1", "provision:spec": "5"}


def tags(address):
    return [{"Key": key, "Value": value} for key, value in {**TAGS, "provision:address": address}.items()]


def specification(kind, address):
    return {"ResourceType": kind, "Tags": tags(address)}


@pytest.fixture
def planted(cloud):
    """One of everything that can stay behind."""
    cloud.file_system(Tags=tags("fsx"))
    group = cloud.lustre_group("planted")
    cloud.ec2.create_tags(Resources=[group], Tags=tags("security-group"))
    cloud.ec2.create_placement_group(GroupName="planted", Strategy="cluster")
    cloud.ec2.create_launch_template(LaunchTemplateName="planted", LaunchTemplateData={"InstanceType": "g5.xlarge"})
    cloud.iam.create_role(RoleName="planted", AssumeRolePolicyDocument="{}")
    cloud.iam.create_instance_profile(InstanceProfileName="planted")
    cloud.ssm.put_parameter(Name=f"/provision/{CLUSTER}/record", Value="x", Type="String")
    cloud.link(cloud.fsx.describe_file_systems()["FileSystems"][0], cloud.bucket())
    cloud.run(TagSpecifications=[specification(kind, "nodes.trainer") for kind in ("instance", "volume")])
    return Account(cloud.endpoint, cloud.account)


def test_an_account_starts_empty(cloud):
    assert Account(cloud.endpoint, cloud.account).look() == []


def test_whatever_is_left_is_found(planted):
    things = planted.look()
    found = {thing.kind for thing in things}
    assert found == {*account.KINDS} - {"task"}
    assert len(account.left(things)) == len(things)
    assert account.unfindable(things, CLUSTER) == []
    assert account.doubled(things, 1) == []


def test_what_is_over_is_not_left(cloud):
    launched = cloud.run()["Instances"][0]["InstanceId"]
    cloud.ec2.terminate_instances(InstanceIds=[launched])
    there = Account(cloud.endpoint, cloud.account)
    cloud.wait(lambda: not account.left(there.look()))
    assert [thing.kind for thing in there.look()] == ["instance"]


def test_a_second_file_system_and_a_second_launch(planted, cloud):
    second = cloud.fsx.create_file_system(**cloud.request(Tags=tags("fsx")))["FileSystem"]
    assert account.doubled(planted.look(), 1) == ["is there 2 times: file system fsx"]
    cloud.fsx.delete_file_system(FileSystemId=second["FileSystemId"])
    assert account.doubled(planted.look(), 1) == []
    # Also when it is over by now.
    again = cloud.run(TagSpecifications=[specification("instance", "nodes.trainer")])["Instances"][0]["InstanceId"]
    assert account.doubled(planted.look(), 1) == ["is there 2 times: instance nodes.trainer"]
    cloud.ec2.terminate_instances(InstanceIds=[again])
    [found] = account.doubled(planted.look(), 1)
    assert found.startswith("launched 2 instances where 1 were wanted")


def test_what_bears_no_tags(cloud):
    cloud.run()
    found = account.unfindable(Account(cloud.endpoint, cloud.account).look(), CLUSTER)
    assert len(found) == 2 and "instance i-" in found[0] and "volume vol-" in found[1]


def test_what_is_lost(planted, cloud):
    [path] = planted.links()
    [system] = {*planted.links().values()}
    assert path == "/data"
    name = f"/data/{cloud.account}"
    planted.write(system, name, "weights")
    assert name not in planted.lost()
    for link in cloud.fsx.describe_data_repository_associations()["Associations"]:
        identifier = link["AssociationId"]
        cloud.fsx.delete_data_repository_association(AssociationId=identifier, DeleteDataInFileSystem=False)
    cloud.wait(lambda: name in planted.lost())


def thing(kind, identifier, state="", address="", **more):
    return Thing(kind, identifier, state, {"provision:address": address, **more})


def test_what_was_made_again():
    before = [thing("file system", "fs-1", "CREATING"), thing("link", "dra-1", "DELETING"), thing("parameter", "/a")]
    assert account.replaced(before, [thing("file system", "fs-1", "AVAILABLE")]) == []
    assert account.replaced(before, [thing("file system", "fs-2")]) == ["was made again: file system fs-1 CREATING"]


def test_what_is_not_complete():
    node = thing("instance", "i-1", "running", **{"provision:node": "ready"})
    fsx = thing("file system", "fs-1", "AVAILABLE")
    assert account.incomplete([node, fsx], {"instance": 1, "file system": 1}) == []
    assert account.incomplete([node], {"instance": 2}) == ["is missing: instance, 1 of 2"]
    assert account.incomplete([thing("instance", "i-1", "running")], {}) == ["is not ready: instance i-1 running"]
    assert account.incomplete([thing("link", "dra-1", "FAILED")], {}) == ["is not ready: link dra-1 FAILED"]


@pytest.mark.parametrize(
    "text", ["up:17:kill-after:down", "down:iam.DeleteRole#1:drop-after:down:elsewhere", "storm:7"]
)
def test_a_cell_is_repeated_by_its_name(text):
    assert str(crash_matrix.Cell.parse(text)) == text
