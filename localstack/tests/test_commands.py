"""Run Command, sessions, consoles: what `provision` asks of a node while it lives."""

import pytest
from test_ec2 import script


@pytest.fixture
def node(cloud):
    """A file system and a node of it that is ready."""
    system = cloud.file_system()
    address = {"ResourceType": "instance", "Tags": [{"Key": "provision:address", "Value": f"nodes.{cloud.account}"}]}
    made = cloud.run(UserData=script(system), IamInstanceProfile=cloud.profile(), TagSpecifications=[address])
    cloud.wait(lambda: cloud.ssm.describe_instance_information()["InstanceInformationList"])
    return system, made["Instances"][0]["InstanceId"]


def send(cloud, instance, *lines, **more):
    request = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": list(lines)}, "InstanceIds": [instance]}
    return cloud.ssm.send_command(**{**request, **more})["Command"]["CommandId"]


def invocation(cloud, command, instance):
    return cloud.ssm.get_command_invocation(CommandId=command, InstanceId=instance)


def ended(cloud, command, instance):
    cloud.wait(lambda: invocation(cloud, command, instance)["Status"] not in ("Pending", "InProgress"))
    return invocation(cloud, command, instance)


def rules(cloud, *rules):
    """The rules of a test hold for its own nodes: LocalStack is one for all."""
    own = [{"instance": f"nodes.{cloud.account}", **rule} for rule in rules]
    answer = cloud.control("POST", "settings", {"ssm": {"commands": own}})
    assert "error" not in answer, answer


def test_rules_play_commands(cloud, node):
    _, instance = node
    rules(
        cloud,
        {"match": "nvidia-smi", "output": "H100\n"},
        {"regex": "^false$", "exit": 3, "error": "no\n"},
    )
    command = send(cloud, instance, "nvidia-smi -L")
    done = ended(cloud, command, instance)
    assert (done["Status"], done["ResponseCode"], done["StandardOutputContent"]) == ("Success", 0, "H100\n")
    listed = cloud.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    assert [(one["InstanceId"], one["Status"], one["CommandPlugins"][0]["Output"]) for one in listed] == [
        (instance, "Success", "H100\n")
    ]
    done = ended(cloud, send(cloud, instance, "false"), instance)
    assert (done["Status"], done["ResponseCode"], done["StandardErrorContent"]) == ("Failed", 3, "no\n")
    assert ended(cloud, send(cloud, instance, "anything else"), instance)["ResponseCode"] == 127
    assert cloud.ssm.list_commands(CommandId=command)["Commands"][0]["CompletedCount"] == 1


def test_a_rule_is_used_up_and_checked(cloud, node):
    _, instance = node
    rules(cloud, {"match": "x", "exit": 1, "times": 1}, {"match": "x"})
    outcomes = [ended(cloud, send(cloud, instance, "x"), instance)["Status"] for _ in range(2)]
    assert outcomes == ["Failed", "Success"]
    assert "mach" in cloud.control("POST", "settings", {"ssm": {"commands": [{"mach": "x"}]}})["error"]


def test_a_command_that_never_ends_is_cancelled(cloud, node):
    _, instance = node
    rules(cloud, {"match": "sleep", "delay": None})
    command = send(cloud, instance, "sleep infinity")
    cloud.wait(lambda: invocation(cloud, command, instance)["Status"] == "InProgress")
    cloud.ssm.cancel_command(CommandId=command)
    done = invocation(cloud, command, instance)
    assert (done["Status"], done["ResponseCode"]) == ("Cancelled", -1)


def test_files_outside_every_link_are_counted(cloud, node):
    system, instance = node
    cloud.link(system, cloud.bucket(), "/data/it's here")
    cloud.write(system, "/data/it's here/a", size=100)
    cloud.write(system, "/.provision/hosts/1", size=100)
    outside = [f"/out/{number:02}" for number in range(12)]
    cloud.write(system, *outside, size=10)
    lines = ("# provision: count-unlinked 'data/it'\\''s here'", "/usr/local/sbin/provision-node count-unlinked x")
    answer = ended(cloud, send(cloud, instance, *lines), instance)["StandardOutputContent"]
    assert answer.splitlines() == ["12 120 complete", *outside[:10]]
    rules(cloud, {"match": "count-unlinked", "output": "7 70 partial\n"})
    assert ended(cloud, send(cloud, instance, *lines), instance)["StandardOutputContent"] == "7 70 partial\n"


def test_an_offline_node_takes_no_command(cloud, node, code):
    _, instance = node
    assert cloud.ssm.start_session(Target=instance)["SessionId"]
    cloud.control("POST", "settings", {"ssm": {"offline": [f"nodes.{cloud.account}"]}})
    found = cloud.ssm.describe_instance_information(
        Filters=[{"Key": "PingStatus", "Values": ["ConnectionLost"]}, {"Key": "InstanceIds", "Values": [instance]}]
    )
    assert [one["InstanceId"] for one in found["InstanceInformationList"]] == [instance]
    command = send(cloud, instance, "x", TimeoutSeconds=30)
    assert invocation(cloud, command, instance)["Status"] == "Pending"
    assert ended(cloud, command, instance)["StatusDetails"] == "DeliveryTimedOut"
    assert code(cloud.ssm.start_session, Target=instance) == "TargetNotConnected"


def test_what_cannot_be_commanded_is_refused(cloud, node, code):
    _, instance = node
    bare = cloud.run()["Instances"][0]["InstanceId"]
    cloud.wait(lambda: cloud.instances(InstanceIds=[bare])[0]["State"]["Name"] == "running")
    # No profile, so no role for the agent to speak with.
    assert code(send, cloud=cloud, instance=bare) == "InvalidParameters"
    for wrong in (bare, "i-0123456789abcdef0"):
        request = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["x"]}, "InstanceIds": [wrong]}
        assert code(cloud.ssm.send_command, **request) == "InvalidInstanceId"
    assert code(cloud.ssm.get_command_invocation, CommandId="0" * 36, InstanceId=instance) == "InvalidCommandId"
    command = send(cloud, instance, "x")
    assert code(cloud.ssm.get_command_invocation, CommandId=command, InstanceId=bare) == "InvocationDoesNotExist"


def test_targets_find_nodes_by_tag(cloud, node):
    _, instance = node
    target = [{"Key": "tag:provision:address", "Values": [f"nodes.{cloud.account}"]}]
    request = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["x"]}, "Targets": target}
    command = cloud.ssm.send_command(**request)["Command"]
    assert (command["TargetCount"], command["InstanceIds"]) == (1, [])
    found = cloud.ssm.list_command_invocations(CommandId=command["CommandId"])["CommandInvocations"]
    assert [one["InstanceId"] for one in found] == [instance]


def test_a_session_begins_and_ends(cloud, node):
    _, instance = node
    session = cloud.ssm.start_session(Target=instance)
    assert session["StreamUrl"].startswith("wss://") and session["TokenValue"]
    assert cloud.ssm.terminate_session(SessionId=session["SessionId"])["SessionId"] == session["SessionId"]


def test_parameters_are_still_localstacks(cloud):
    cloud.ssm.put_parameter(Name="/x", Value="y", Type="String")
    assert cloud.ssm.get_parameter(Name="/x")["Parameter"]["Value"] == "y"
