"""What there is in an account of LocalStack, asked with boto3 and never through `provision`, and what of it is wrong.

An account is any twelve digits and starts empty: whatever is in it, beyond the default security group, was made by the
program under test. One that is empty again can be used again, which saves LocalStack the 9 MB of another.
"""

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import jmespath

REGION = "us-east-1"
# By these anyone finds a thing from nothing but the cluster's name.
FINDABLE = ("provision:cluster", "provision:deployment", "provision:address", "provision:spec")
BILLABLE = ("file system", "instance", "volume")
# What comes and goes with other things, and is judged with them.
DEPENDENT = ("volume", "interface", "task", "parameter")
DYING = ("DELETING", "shutting-down", "terminated")
# The states of what can be used. Kinds without a state are ready when they are there.
READY = {"file system": "AVAILABLE", "link": "AVAILABLE", "instance": "running"}

# kind → service, operation, where its answer holds the things, their id, their state
KINDS = {
    "file system": ("fsx", "describe_file_systems", "FileSystems", "FileSystemId", "Lifecycle"),
    "link": ("fsx", "describe_data_repository_associations", "Associations", "AssociationId", "Lifecycle"),
    "task": ("fsx", "describe_data_repository_tasks", "DataRepositoryTasks", "TaskId", "Lifecycle"),
    "instance": ("ec2", "describe_instances", "Reservations[].Instances[]", "InstanceId", "State.Name"),
    "volume": ("ec2", "describe_volumes", "Volumes", "VolumeId", None),
    "interface": ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", None),
    "template": ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", None),
    "placement group": ("ec2", "describe_placement_groups", "PlacementGroups", "GroupName", None),
    "security group": (
        "ec2",
        "describe_security_groups",
        "SecurityGroups[?GroupName != 'default']",
        "GroupId",
        None,
    ),
    "role": ("iam", "list_roles", "Roles", "RoleName", None),
    "instance profile": ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName", None),
    "parameter": ("ssm", "get_parameters_by_path", "Parameters", "Name", None),
}
MORE = {"get_parameters_by_path": {"Path": "/provision", "Recursive": True}}
# Tasks stay in the list when they are over.
UNFINISHED = ("PENDING", "EXECUTING", "CANCELING")

# boto3 reads a service's description once a session. Making clients of one is not safe in several threads at once.
SESSION = boto3.Session(region_name=REGION)
SESSION_LOCK = threading.Lock()


@dataclass(frozen=True)
class Thing:
    kind: str
    id: str
    state: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Empty where the list does not tell tags: of roles and profiles."""
        return self.tags.get("provision:address", "")

    @property
    def live(self) -> bool:
        return self.state not in DYING

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.id, self.address, self.state)))


class Account:
    """One account, and the control endpoints of its LocalStack."""

    def __init__(self, endpoint: str, number: str) -> None:
        self.endpoint = endpoint
        self.number = number
        self.client = cache(self._client)
        # Of an earlier use: terminated instances stay in the list.
        self._past: set[str] = set()

    def _client(self, service: str) -> Any:
        with SESSION_LOCK:
            keys = {"aws_access_key_id": self.number, "aws_secret_access_key": "test"}
            return SESSION.client(service, endpoint_url=self.endpoint, **keys)

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_provision/{path}", data=data, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.load(answer)

    def look(self) -> list[Thing]:
        """Everything there is, and the instances there were."""
        return [thing for kind in KINDS for thing in self._things(kind) if thing.id not in self._past]

    def forget(self, things: list[Thing]) -> None:
        """Leaves these out from now on."""
        self._past.update(thing.id for thing in things)

    def _things(self, kind: str) -> Iterator[Thing]:
        service, operation, where, identifier, state = KINDS[kind]
        for answer in self._answers(service, operation):
            for item in jmespath.search(where, answer):
                tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
                thing = Thing(kind, item[identifier], jmespath.search(state, item) if state else "", tags)
                if kind != "task" or thing.state in UNFINISHED:
                    yield thing

    def _answers(self, service: str, operation: str) -> Iterable[dict[str, Any]]:
        client, parameters = self.client(service), MORE.get(operation, {})
        if client.can_paginate(operation):
            return client.get_paginator(operation).paginate(**parameters)
        return [getattr(client, operation)(**parameters)]

    def make_bucket(self, name: str, objects: dict[str, str]) -> None:
        self.client("s3").create_bucket(Bucket=name)
        for key, text in objects.items():
            self.client("s3").put_object(Bucket=name, Key=key, Body=text.encode())

    def objects(self, bucket: str) -> dict[str, str]:
        """Keys and contents."""
        s3 = self.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}

    def links(self) -> dict[str, str]:
        """The paths that are linked to S3 now, and on which file system."""
        found = self.client("fsx").describe_data_repository_associations()["Associations"]
        return {link["FileSystemPath"]: link["FileSystemId"] for link in found if link["Lifecycle"] == "AVAILABLE"}

    def write(self, file_system: str, path: str, content: str) -> None:
        """Writes a file as a node would."""
        self.control("POST", "files", {"file_system_id": file_system, "files": [{"path": path, "content": content}]})

    def lost(self) -> list[str]:
        """The paths of files that went away before they were in S3, in all accounts."""
        return self.control("GET", "ledger")["lost_paths"]


def left(things: list[Thing]) -> list[str]:
    """What a `down` has left behind: everything but instances that are over."""
    return [f"is left: {thing}" for thing in things if thing.state != "terminated"]


def unfindable(things: list[Thing], cluster: str) -> list[str]:
    """What costs money and is not found by the cluster's name."""
    return [
        f"cannot be found: {thing} has only the tags {thing.tags}"
        for thing in things
        if thing.kind in BILLABLE and thing.live
        if thing.tags.get(FINDABLE[0]) != cluster or any(key not in thing.tags for key in FINDABLE)
    ]


def doubled(things: list[Thing], nodes: int) -> list[str]:
    """More than one live thing of an address, and more instances than there ever should have been."""
    places = Counter((thing.kind, thing.address) for thing in things if thing.live and thing.kind not in DEPENDENT)
    found = [
        f"is there {count} times: {kind} {address}".rstrip()
        for (kind, address), count in places.items()
        if count > (nodes if kind == "instance" else 1)
    ]
    launched = [thing.id for thing in things if thing.kind == "instance"]
    if not found and len(launched) > nodes:
        found.append(f"launched {len(launched)} instances where {nodes} were wanted: {', '.join(launched)}")
    return found


def replaced(before: list[Thing], after: list[Thing]) -> list[str]:
    """What was there, and was made again instead of being used."""
    now = {thing.id for thing in after if thing.live}
    was = [thing for thing in before if thing.live and thing.kind not in DEPENDENT]
    return [f"was made again: {thing}" for thing in was if thing.id not in now]


def incomplete(things: list[Thing], wanted: dict[str, int]) -> list[str]:
    """What of the wanted state is not there, or not ready."""
    found = [f"is not ready: {thing}" for thing in things if thing.live and not is_ready(thing)]
    counts = Counter(thing.kind for thing in things if thing.live)
    return found + [
        f"is missing: {kind}, {counts[kind]} of {count}" for kind, count in wanted.items() if counts[kind] < count
    ]


def is_ready(thing: Thing) -> bool:
    if thing.kind == "instance" and thing.tags.get("provision:node") != "ready":
        return False
    return thing.state == READY.get(thing.kind, thing.state)
