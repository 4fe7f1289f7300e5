"""CreateTags and DeleteTags on what is kept here; everything else goes on to moto."""

from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.moto import call_moto_with_request
from moto.ec2 import utils

from localstack_provision import identity
from localstack_provision.ec2 import instances
from localstack_provision.ec2.errors import Ec2Error
from localstack_provision.ec2.model import Store, store_of

MAX_TAGS = 50

# moto's DescribeTags breaks on an identifier whose type it does not know, if it is asked for a type.
for _type, _prefix in (("placement-group", "pg"), ("capacity-reservation", "cr")):
    utils.EC2_RESOURCE_TO_PREFIX[_type] = _prefix
    utils.EC2_PREFIX_TO_RESOURCE[_prefix] = _type


class TagOperations:
    @handler("CreateTags", expand=False)
    def create_tags(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        own, foreign = _divide(store, request["Resources"])
        tags = identity.tags_of(request["Tags"])
        for identifier in own:
            if len({**store.tags_of(identifier), **tags}) > MAX_TAGS:
                raise Ec2Error("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
        if foreign:
            call_moto_with_request(context, {**request, "Resources": foreign})
        for identifier in own:
            store.set_tags(identifier, tags)

    @handler("DeleteTags", expand=False)
    def delete_tags(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        own, foreign = _divide(store, request["Resources"])
        if foreign:
            call_moto_with_request(context, {**request, "Resources": foreign})
        for identifier in own:
            tags = store.tags_of(identifier)
            for tag in request.get("Tags") or [{"Key": key} for key in list(tags)]:
                if tag.get("Value") in (None, tags.get(tag["Key"])):
                    tags.pop(tag["Key"], None)


def _divide(store: Store, identifiers: list[str]) -> tuple[list[str], list[str]]:
    own, foreign = [], []
    groups = {group.id for group in store.placement_groups.values()}
    for identifier in identifiers:
        if identifier.startswith("i-"):
            instances.find(store, [identifier])
            own.append(identifier)
        elif identifier in groups or identifier in store.capacity_reservations:
            own.append(identifier)
        else:
            foreign.append(identifier)
    return own, foreign
