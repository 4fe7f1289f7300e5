"""Where there is room for instances: pools that change, quotas, reservations, Capacity Blocks, spot."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import REGION, ZONE

TYPE = "g6.xlarge"
PLAIN = {"InstanceType": TYPE, "InstancePlatform": "Linux/UNIX", "AvailabilityZone": ZONE}


@pytest.fixture(autouse=True)
def settings(cloud):
    """Capacity is one for all accounts: what a test says of it ends with the test."""

    def change(**ec2):
        answer = cloud.control("POST", "settings", {"ec2": ec2})
        assert "error" not in answer, answer

    # AWS's clients try again after a server error, and this is one.
    cloud.ec2 = cloud.client("ec2", config=Config(retries={"max_attempts": 0}))
    yield change
    none = {TYPE: {}, "g5.xlarge": {}, "*": {}}
    change(capacity=none, spot_capacity=none, capacity_schedule=[])
    quotas = {"L-DB2E81BA": None, "L-3819A6DF": None}
    delays = {"capacity_reservation_create": 0}
    cloud.control("POST", "settings", {"quota": quotas, "delay": delays, "page": {"capacity_reservations": 1000}})


def pool(count, *others, name=TYPE):
    """What a zone has room for, and the zones after it."""
    zones = [f"{REGION}{letter}" for letter in "abcdef"]
    return {name: dict(zip(zones, (count, *others), strict=False))}


def refusal(function, **request):
    with pytest.raises(ClientError) as caught:
        function(**request)
    return caught.value.response["Error"]


def launch(cloud, count=1, **more):
    return cloud.run(count, InstanceType=TYPE, **more)["Instances"]


def reserve(cloud, count=1, **more):
    request = {**PLAIN, "InstanceCount": count, **more}
    return cloud.ec2.create_capacity_reservation(**request)["CapacityReservation"]


def get(cloud, reservation):
    wanted = [reservation["CapacityReservationId"]]
    return cloud.ec2.describe_capacity_reservations(CapacityReservationIds=wanted)["CapacityReservations"][0]


def target(reservation):
    identifier = reservation["CapacityReservationId"]
    return {"CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": identifier}}}


def test_a_full_zone_names_those_with_room_for_all(cloud, settings):
    settings(capacity=pool(0, 3, 2, 0, 0, 0))
    found = refusal(cloud.run, count=3, InstanceType=TYPE)
    assert found["Code"] == "InsufficientInstanceCapacity"
    assert found["Message"] == (
        f"We currently do not have sufficient {TYPE} capacity in the Availability Zone you requested (us-east-1a). "
        "Our system will be working on provisioning additional capacity. "
        f"You can currently get {TYPE} capacity by not specifying an Availability Zone in your request or choosing "
        "us-east-1b."
    )
    settings(capacity=pool(0, 0, 0, 0, 0, 0))
    assert refusal(cloud.run, InstanceType=TYPE)["Message"].endswith("additional capacity.")


def test_what_there_is_is_launched_if_it_is_enough(cloud, settings):
    settings(capacity=pool(2, 0))
    assert len(launch(cloud, MinCount=1, MaxCount=5)) == 2
    assert refusal(cloud.run, InstanceType=TYPE)["Code"] == "InsufficientInstanceCapacity"
    cloud.ec2.terminate_instances(InstanceIds=[cloud.instances()[0]["InstanceId"]])
    assert len(launch(cloud, MinCount=1, MaxCount=5)) == 1


def test_a_token_brings_back_the_fewer_that_were_launched(cloud, settings):
    settings(capacity=pool(2, 0))
    request = {"MinCount": 1, "MaxCount": 4, "ClientToken": "partly"}
    made = {one["InstanceId"] for one in launch(cloud, **request)}
    settings(capacity=pool(9, 0))
    assert {one["InstanceId"] for one in launch(cloud, **request)} == made and len(made) == 2
    found = refusal(cloud.run, InstanceType=TYPE, **{**request, "MinCount": 2})
    assert found["Code"] == "IdempotentParameterMismatch"
    # The rest is another launch.
    assert len(launch(cloud, MinCount=1, MaxCount=2, ClientToken="the rest")) == 2


def test_capacity_comes_and_goes(cloud, settings):
    change = {"type": TYPE, "zone": ZONE}
    late = {**change, "after": 100_000, "count": 9}
    settings(capacity=pool(0), capacity_schedule=[late])
    assert _room(cloud) == 0
    settings(capacity_schedule=[late, {**change, "after": 0, "count": 2}])
    assert _room(cloud) == 2
    # Counted from now on, in the order of their times.
    settings(capacity_schedule=[{**change, "after": 50, "count": 1}, {**change, "after": 0, "count": 3}])
    assert _room(cloud) == 3
    cloud.wait(lambda: _room(cloud) == 1)
    assert "'until'" in cloud.control("POST", "settings", {"ec2": {"capacity_schedule": [{"until": 1}]}})["error"]


def _room(cloud):
    """How many could be launched: the instances are gone again at once."""
    try:
        made = launch(cloud, MinCount=1, MaxCount=9)
    except ClientError:
        return 0
    cloud.ec2.terminate_instances(InstanceIds=[one["InstanceId"] for one in made])
    return len(made)


def test_quotas_that_are_set_hold(cloud):
    # 4 vCPUs each.
    cloud.control("POST", "settings", {"quota": {"L-DB2E81BA": 8, "L-3819A6DF": 4}})
    launch(cloud)
    reservation = reserve(cloud, InstanceMatchCriteria="targeted")
    found = refusal(cloud.run, InstanceType=TYPE)
    assert found["Code"] == "VcpuLimitExceeded"
    assert "your current vCPU limit of 8 allows for the instance bucket" in found["Message"]
    assert refusal(cloud.ec2.create_capacity_reservation, **PLAIN, InstanceCount=1)["Code"] == "VcpuLimitExceeded"
    # Its places count already, and once; other families are another bucket.
    launch(cloud, **target(reservation))
    cloud.run(InstanceType="c5.large")
    cloud.control("POST", "settings", {"quota": {"L-DB2E81BA": 12}})
    launch(cloud)
    assert refusal(cloud.run, InstanceType=TYPE)["Code"] == "VcpuLimitExceeded"
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    launch(cloud, **spot)
    found = refusal(cloud.run, InstanceType=TYPE, **spot)
    assert (found["Code"], found["Message"]) == ("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")


def test_a_reservation_takes_room_until_it_is_cancelled(cloud, settings, code):
    settings(capacity=pool(2, 1, 0, 0, 0, 0))
    tags = [{"ResourceType": "capacity-reservation", "Tags": [{"Key": "provision:cluster", "Value": "exam"}]}]
    made = reserve(cloud, 2, InstanceMatchCriteria="targeted", TagSpecifications=tags, ClientToken="t")
    assert (made["State"], made["AvailableInstanceCount"]) == ("active", 2)
    again = {**PLAIN, "InstanceCount": 1, "ClientToken": "t"}
    assert code(cloud.ec2.create_capacity_reservation, **again) == "IdempotentParameterMismatch"
    found = refusal(cloud.ec2.create_capacity_reservation, **PLAIN, InstanceCount=1)
    assert found["Code"] == "InsufficientInstanceCapacity" and "choosing us-east-1b." in found["Message"]
    # Targeted: nobody falls into it.
    assert refusal(cloud.run, InstanceType=TYPE)["Code"] == "InsufficientInstanceCapacity"
    assert launch(cloud, **target(made))[0]["CapacityReservationId"] == made["CapacityReservationId"]
    usage = cloud.ec2.get_capacity_reservation_usage(CapacityReservationId=made["CapacityReservationId"])
    assert usage["InstanceUsages"] == [{"AccountId": cloud.account, "UsedInstanceCount": 1}]
    grow = {"CapacityReservationId": made["CapacityReservationId"], "InstanceCount": 3}
    assert code(cloud.ec2.modify_capacity_reservation, **grow) == "InsufficientInstanceCapacity"
    by_tag = [{"Name": "tag:provision:cluster", "Values": ["exam"]}, {"Name": "state", "Values": ["active"]}]
    describe = cloud.ec2.describe_capacity_reservations
    assert len(describe(Filters=by_tag)["CapacityReservations"]) == 1
    cancel = {"CapacityReservationId": made["CapacityReservationId"]}
    cloud.ec2.cancel_capacity_reservation(**cancel)
    assert describe(Filters=by_tag)["CapacityReservations"] == []
    assert get(cloud, made)["State"] == "cancelled" and get(cloud, made)["AvailableInstanceCount"] == 0
    assert code(cloud.ec2.cancel_capacity_reservation, **cancel) == "InvalidCapacityReservationState"
    assert code(cloud.run, InstanceType=TYPE, **target(made)) == "ReservationCapacityExceeded"
    # The instance in it goes on, in the pool: one place is left.
    launch(cloud)
    assert refusal(cloud.run, InstanceType=TYPE)["Code"] == "InsufficientInstanceCapacity"


def test_a_reservation_may_be_pending(cloud, code):
    cloud.control("POST", "settings", {"delay": {"capacity_reservation_create": 100_000}})
    made = reserve(cloud)
    assert made["State"] == "pending"
    assert code(cloud.run, InstanceType=TYPE, **target(made)) == "ReservationCapacityExceeded"
    cloud.ec2.cancel_capacity_reservation(CapacityReservationId=made["CapacityReservationId"])
    cloud.control("POST", "settings", {"delay": {"capacity_reservation_create": 5}})
    made = reserve(cloud)
    cloud.wait(lambda: get(cloud, made)["State"] == "active")
    launch(cloud, **target(made))


def test_open_reservations_fill_by_themselves(cloud, settings):
    settings(capacity=pool(3))
    made = reserve(cloud, 2)
    found = [one.get("CapacityReservationId") for one in launch(cloud, 3)]
    assert found == [made["CapacityReservationId"]] * 2 + [None]
    cloud.ec2.terminate_instances(InstanceIds=[one["InstanceId"] for one in cloud.instances()])
    preference = {"CapacityReservationSpecification": {"CapacityReservationPreference": "none"}}
    assert "CapacityReservationId" not in launch(cloud, **preference)[0]
    assert get(cloud, made)["AvailableInstanceCount"] == 2
    only = {"CapacityReservationSpecification": {"CapacityReservationPreference": "capacity-reservations-only"}}
    assert refusal(cloud.run, count=3, InstanceType=TYPE, **only)["Code"] == "InsufficientInstanceCapacity"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"InstanceCount": 0}, "InvalidParameterValue"),
        ({"InstanceCount": 1001}, "InvalidParameterValue"),
        ({"AvailabilityZone": "us-east-1z"}, "InvalidParameterValue"),
        ({"InstanceType": "p9.large"}, "InvalidInstanceType"),
        ({"EndDateType": "limited"}, "InvalidParameterCombination"),
        ({"EndDate": datetime(2020, 1, 1, tzinfo=UTC)}, "InvalidParameterValue"),
        (
            {"PlacementGroupArn": "arn:aws:ec2:us-east-1:123456789012:placement-group/x"},
            "InvalidPlacementGroup.Unknown",
        ),
    ],
    ids=str,
)
def test_wrong_reservations_are_refused(cloud, code, changes, expected):
    assert code(reserve, cloud=cloud, **{"count": changes.pop("InstanceCount", 1), **changes}) == expected
    assert cloud.ec2.describe_capacity_reservations()["CapacityReservations"] == []


def test_a_reservation_ends_at_its_date(cloud, settings):
    settings(capacity=pool(1))
    # EC2 takes whole seconds.
    made = reserve(cloud, EndDate=datetime.now(UTC) + timedelta(seconds=4))
    assert made["EndDateType"] == "limited"
    cloud.wait(lambda: get(cloud, made)["State"] == "expired")
    launch(cloud)


def test_reservations_come_in_pages(cloud):
    made = [reserve(cloud)["CapacityReservationId"] for _ in range(5)]
    cloud.control("POST", "settings", {"page": {"capacity_reservations": 2}})
    pages = cloud.ec2.get_paginator("describe_capacity_reservations").paginate()
    found = [[one["CapacityReservationId"] for one in page["CapacityReservations"]] for page in pages]
    assert found == [made[:2], made[2:4], made[4:]]


def test_a_placement_group_does_not_fit_a_reservation_made_outside_it(cloud, code):
    group = cloud.ec2.create_placement_group(GroupName="pg", Strategy="cluster")["PlacementGroup"]
    cloud.ec2.create_placement_group(GroupName="apart", Strategy="spread")
    outside = reserve(cloud, 2, InstanceMatchCriteria="targeted")
    inside = reserve(cloud, InstanceMatchCriteria="targeted", PlacementGroupArn=group["GroupArn"])
    placed = {"InstanceType": TYPE, "Placement": {"GroupName": "pg"}}
    assert code(cloud.run, **placed, **target(outside)) == "InsufficientInstanceCapacity"
    assert code(cloud.run, InstanceType=TYPE, **target(inside)) == "ReservationCapacityExceeded"
    launch(cloud, Placement={"GroupName": "pg"}, **target(inside))
    launch(cloud, **target(outside))
    # Only closeness is what such a reservation cannot give.
    launch(cloud, Placement={"GroupName": "apart"}, **target(outside))


def block(cloud, start, end, count=1):
    body = {"account": cloud.account, "type": TYPE, "zone": ZONE, "count": count, "start": start, "end": end}
    made = cloud.control("POST", "capacity-blocks", body)
    assert "error" not in made, made
    return {"CapacityReservationId": made["capacity_reservation_id"]}


def move(cloud, block, start, end):
    body = {"capacity_reservation_id": block["CapacityReservationId"], "start": start, "end": end}
    return cloud.control("PUT", "capacity-blocks", body)


def test_a_capacity_block_begins_and_ends(cloud, settings, code):
    settings(capacity=pool(0))
    made = block(cloud, 3600, 90000)
    bought = {**target(made), "InstanceMarketOptions": {"MarketType": "capacity-block"}}
    found = get(cloud, made)
    assert (found["State"], found["ReservationType"]) == ("scheduled", "capacity-block")
    assert found["EndDate"] - found["StartDate"] == timedelta(days=1)
    assert code(cloud.run, InstanceType=TYPE, **bought) == "ReservationCapacityExceeded"
    assert move(cloud, made, -60, 90000)["state"] == "active"
    assert code(cloud.run, InstanceType=TYPE, **target(made)) == "InvalidParameterCombination"
    instance = launch(cloud, **bought)[0]
    assert instance["InstanceLifecycle"] == "capacity-block"
    assert code(cloud.run, InstanceType=TYPE, **bought) == "ReservationCapacityExceeded"
    assert code(cloud.ec2.cancel_capacity_reservation, **made) == "UnsupportedOperation"
    # Half an hour before its end it is not over yet, and closed already.
    move(cloud, made, -60, 1800)
    cloud.wait(lambda: cloud.instances()[0]["State"]["Name"] == "terminated")
    assert cloud.instances()[0]["StateReason"]["Code"] == "Server.ScheduledStop"
    assert get(cloud, made)["State"] == "active"
    assert code(cloud.run, InstanceType=TYPE, **bought) == "ReservationCapacityExceeded"
    assert move(cloud, made, -60, -1)["state"] == "expired"


def test_a_capacity_block_begins_by_itself(cloud):
    made = block(cloud, 1, 3600)
    cloud.wait(lambda: get(cloud, made)["State"] == "active")
    reservation = reserve(cloud)
    assert "no Capacity Block" in move(cloud, reservation, 0, 1)["error"]
    assert "after its start" in move(cloud, made, 1, 0)["error"]


def test_the_market_of_a_block_is_for_blocks(cloud, code):
    market = {"InstanceMarketOptions": {"MarketType": "capacity-block"}}
    made = reserve(cloud, InstanceMatchCriteria="targeted")
    assert code(cloud.run, InstanceType=TYPE, **market, **target(made)) == "InvalidParameterCombination"
    assert code(cloud.run, InstanceType=TYPE, **market) == "InvalidParameterCombination"
    wrong = {"account": cloud.account, "type": TYPE, "zone": "us-east-1z", "count": 1, "start": 0, "end": 9}
    assert "us-east-1z" in cloud.control("POST", "capacity-blocks", wrong)["error"]
    assert "needs account" in cloud.control("POST", "capacity-blocks", {})["error"]


def test_spot_has_pools_of_its_own(cloud, settings):
    settings(spot_capacity=pool(1))
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    instance = launch(cloud, **spot)[0]
    assert instance["InstanceLifecycle"] == "spot" and instance["SpotInstanceRequestId"].startswith("sir-")
    found = refusal(cloud.run, InstanceType=TYPE, **spot)
    assert found["Code"] == "InsufficientInstanceCapacity"
    assert found["Message"] == "There is no Spot capacity available that matches your request."
    launch(cloud)
    settings(spot_capacity=pool(5), capacity=pool(2))
    assert refusal(cloud.run, InstanceType=TYPE, **spot)["Code"] == "InsufficientInstanceCapacity"


def test_a_spot_instance_is_told_and_taken(cloud):
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    mine, plain = launch(cloud, **spot)[0]["InstanceId"], launch(cloud)[0]["InstanceId"]
    before = cloud.control("GET", "ledger")["spot_interruptions"]
    told = cloud.control("POST", "interrupt", {"instance_id": mine, "notice": 100_000})
    assert told["instance_action"]["action"] == "terminate"
    assert "spot/instance-action" in cloud.control("GET", f"metadata?instance_id={mine}")
    assert "spot/instance-action" not in cloud.control("GET", f"metadata?instance_id={plain}")
    assert cloud.instances(InstanceIds=[mine])[0]["State"]["Name"] in ("pending", "running")
    cloud.control("POST", "interrupt", {"instance_id": mine, "notice": 1})
    cloud.wait(lambda: cloud.instances(InstanceIds=[mine])[0]["State"]["Name"] == "terminated")
    ended = cloud.instances(InstanceIds=[mine])[0]
    assert ended["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert "no spot instance" in cloud.control("POST", "interrupt", {"instance_id": plain})["error"]
    assert "no spot instance" in cloud.control("POST", "interrupt", {"instance_id": mine})["error"]
    assert cloud.control("GET", "ledger")["spot_interruptions"] == before + 2


def test_scores_follow_the_room(cloud, settings):
    settings(spot_capacity=pool(0, 4, 8, 0, 0, 0))
    request = {"InstanceTypes": [TYPE], "TargetCapacity": 8, "SingleAvailabilityZone": True}
    found = cloud.ec2.get_spot_placement_scores(**request)["SpotPlacementScores"]
    zones = cloud.ec2.describe_availability_zones()["AvailabilityZones"]
    names = {zone["ZoneId"]: zone["ZoneName"] for zone in zones}
    scores = {names[one["AvailabilityZoneId"]]: one["Score"] for one in found}
    assert [scores[f"{REGION}{letter}"] for letter in "cba"] == [9, 5, 1]
    assert [one["Score"] for one in found] == sorted(scores.values(), reverse=True)


def test_a_policy_decides(cloud):
    tags = {"StringEquals": {"aws:RequestTag/provision:cluster": "exam"}}
    create = {"Sid": "Make", "Effect": "Allow", "Resource": "*", "Condition": tags}
    create["Action"] = ["ec2:CreateCapacityReservation", "ec2:CreateTags"]
    policies = [{"Version": "2012-10-17", "Statement": [create]}]
    assert "error" not in cloud.control("POST", "policy", {"account": cloud.account, "policies": policies})
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        reserve(cloud)
    tagged = [{"ResourceType": "capacity-reservation", "Tags": [{"Key": "provision:cluster", "Value": "exam"}]}]
    made = reserve(cloud, TagSpecifications=tagged)
    cancel = {"CapacityReservationId": made["CapacityReservationId"]}
    with pytest.raises(ClientError, match="ec2:CancelCapacityReservation"):
        cloud.ec2.cancel_capacity_reservation(**cancel)
    cloud.control("POST", "policy", {"account": cloud.account, "policies": []})
    cloud.ec2.cancel_capacity_reservation(**cancel)


def test_the_aws_command_line_reserves(cloud):
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("awscli is not installed beside this Python: pip install -r requirements-dev.txt")
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": cloud.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, str(program), "ec2", "create-capacity-reservation", "--instance-type", TYPE]
    command += ["--instance-platform", "Linux/UNIX", "--availability-zone", ZONE, "--instance-count", "2"]
    command += ["--query", "CapacityReservation.State", "--output", "text"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "active\n", done.stderr
