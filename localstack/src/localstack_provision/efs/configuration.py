"""What belongs to a file system beside its size: tags, and the rules by which files go to cheaper storage.

Source: EFS API reference, TagResource and its neighbours; PutLifecycleConfiguration (one transition in an object,
Archive not before Infrequent Access).
"""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity
from localstack_provision.efs.errors import BadRequest, IncorrectFileSystemLifeCycleState
from localstack_provision.efs.file_systems import MAX_TAGS, check_tags
from localstack_provision.efs.model import FileSystem, store_of

DAYS = (1, 7, 14, 30, 60, 90, 180, 270, 365)
AFTER = {f"AFTER_{days}_DAY{'S' if days > 1 else ''}": days for days in DAYS}
TO_IA, TO_ARCHIVE, TO_PRIMARY = "TransitionToIA", "TransitionToArchive", "TransitionToPrimaryStorageClass"
TRANSITIONS = {TO_IA: tuple(AFTER), TO_ARCHIVE: tuple(AFTER), TO_PRIMARY: ("AFTER_1_ACCESS",)}


class ConfigurationOperations:
    @handler("PutLifecycleConfiguration", expand=False)
    def put_lifecycle(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        system = store_of(context.account_id, context.region).file_system(request["FileSystemId"])
        if not system.writable:
            raise IncorrectFileSystemLifeCycleState(f"The file system is in state {system.state}.")
        system.lifecycle_policies = _check_policies(system, request["LifecyclePolicies"])
        return {"LifecyclePolicies": system.lifecycle_policies}

    @handler("DescribeLifecycleConfiguration", expand=False)
    def describe_lifecycle(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        system = store_of(context.account_id, context.region).file_system(request["FileSystemId"])
        return {"LifecyclePolicies": system.lifecycle_policies}

    @handler("TagResource", expand=False)
    def tag_resource(self, context: RequestContext, request: dict[str, Any]) -> None:
        system = _tagged(context, request)
        merged = {**system.tags, **check_tags(request["Tags"])}
        if len(merged) > MAX_TAGS:
            raise BadRequest(f"A file system has at most {MAX_TAGS} tags.")
        system.tags = merged

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: RequestContext, request: dict[str, Any]) -> None:
        system = _tagged(context, request)
        for key in request["TagKeys"]:
            system.tags.pop(key, None)

    @handler("ListTagsForResource", expand=False)
    def list_tags(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": identity.tag_list(_tagged(context, request).tags)}


def _tagged(context: RequestContext, request: dict[str, Any]) -> FileSystem:
    return store_of(context.account_id, context.region).file_system(request["ResourceId"])


def _check_policies(system: FileSystem, policies: list[dict[str, str]]) -> list[dict[str, str]]:
    merged: dict[str, str] = {}
    for policy in policies:
        if len(policy) != 1 or set(policy) & set(merged):
            raise BadRequest("One or more LifecyclePolicy objects specified are malformed.")
        merged |= policy
    for name, value in merged.items():
        if value not in TRANSITIONS.get(name, ()):
            raise BadRequest(f"{value!r} is no value of {name}.")
    if TO_ARCHIVE in merged and AFTER[merged[TO_ARCHIVE]] <= AFTER.get(merged.get(TO_IA, ""), 0):
        raise BadRequest("Files go to Archive later than to Infrequent Access.")
    if TO_ARCHIVE in merged and system.throughput != "elastic":
        raise BadRequest("Archive needs the throughput mode elastic.")
    return policies
