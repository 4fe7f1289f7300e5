"""TagResource, UntagResource, ListTagsForResource (FSx API reference)."""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity
from localstack_provision.fsx import catalog, validation
from localstack_provision.fsx.errors import BadRequest, ResourceNotFound
from localstack_provision.fsx.model import Resource
from localstack_provision.fsx.store import Store, store_of


class TagOperations:
    @handler("TagResource", expand=False)
    def tag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        resource = _find(store_of(context.account_id, context.region), request["ResourceARN"])
        validation.check_tags(request["Tags"])
        merged = {**resource.tags, **identity.tags_of(request["Tags"])}
        if len(merged) > catalog.MAX_TAGS:
            raise BadRequest(f"A resource has at most {catalog.MAX_TAGS} tags.")
        resource.tags = merged
        return {}

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        resource = _find(store_of(context.account_id, context.region), request["ResourceARN"])
        for key in request["TagKeys"]:
            resource.tags.pop(key, None)
        return {}

    @handler("ListTagsForResource", expand=False)
    def list_tags_for_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        resource = _find(store_of(context.account_id, context.region), request["ResourceARN"])
        return {"Tags": identity.tag_list(resource.tags)}


def _find(store: Store, arn: str) -> Resource:
    resources = [
        *store.file_systems.values(),
        *store.file_caches.values(),
        *store.associations(),
        *store.tasks.values(),
        *store.backups.values(),
    ]
    for resource in resources:
        if resource.resource_arn == arn:
            return resource
    raise ResourceNotFound(arn)
