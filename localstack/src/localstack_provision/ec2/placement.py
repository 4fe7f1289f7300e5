"""Placement groups (EC2 API reference, CreatePlacementGroup and its neighbours)."""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity
from localstack_provision.ec2 import filters
from localstack_provision.ec2.errors import Ec2Error, dry_run, invalid_value
from localstack_provision.ec2.model import PlacementGroup, Store, store_of, tags_for

STRATEGIES = ("cluster", "spread", "partition")

FILTERS: dict[str, filters.Getter] = {
    "group-name": lambda group: [group.name],
    "group-arn": lambda group: [group.arn],
    "state": lambda group: ["available"],
    "strategy": lambda group: [group.strategy],
    "spread-level": lambda group: [group.spread_level],
}


class PlacementGroupOperations:
    @handler("CreatePlacementGroup", expand=False)
    def create_placement_group(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        name = request.get("GroupName")
        if not name:
            raise Ec2Error("MissingParameter", "The request must contain the parameter groupName")
        strategy = request.get("Strategy") or "cluster"
        if strategy not in STRATEGIES:
            raise invalid_value(f"The value '{strategy}' is not a valid strategy.")
        if name in store.placement_groups:
            raise Ec2Error("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
        if request.get("DryRun"):
            raise dry_run()
        group = PlacementGroup(
            id=identity.new_id("pg"),
            name=name,
            arn=f"arn:aws:ec2:{store.region}:{store.account}:placement-group/{name}",
            strategy=strategy,
            partitions=(request.get("PartitionCount") or 2) if strategy == "partition" else None,
            spread_level=(request.get("SpreadLevel") or "rack") if strategy == "spread" else None,
        )
        store.placement_groups[name] = group
        store.set_tags(group.id, tags_for(request, "placement-group"))
        return {"PlacementGroup": group.view(store.tags_of(group.id))}

    @handler("DescribePlacementGroups", expand=False)
    def describe_placement_groups(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        groups = [group for group in store.placement_groups.values() if identity.is_visible(group.id)]
        for member, attribute in (("GroupNames", "name"), ("GroupIds", "id")):
            wanted = request.get(member)
            if not wanted:
                continue
            known = {getattr(group, attribute): group for group in groups}
            for value in wanted:
                if value not in known:
                    raise Ec2Error("InvalidPlacementGroup.Unknown", f"The Placement Group '{value}' is unknown.")
            groups = [known[value] for value in wanted]
        groups = filters.apply(groups, request.get("Filters"), FILTERS, lambda group: store.tags_of(group.id))
        return {"PlacementGroups": [group.view(store.tags_of(group.id)) for group in groups]}

    @handler("DeletePlacementGroup", expand=False)
    def delete_placement_group(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        group = _find(store, request["GroupName"])
        if any(one.state != "terminated" and one.group_name == group.name for one in store.instances.values()):
            raise Ec2Error("InvalidPlacementGroup.InUse", f"The Placement Group '{group.name}' is in use.")
        if request.get("DryRun"):
            raise dry_run()
        del store.placement_groups[group.name]
        store.backend.tags.pop(group.id, None)


def _find(store: Store, name: str) -> PlacementGroup:
    # DeletePlacementGroup takes the id in place of the name, too.
    for group in store.placement_groups.values():
        if name in (group.name, group.id):
            return group
    raise Ec2Error("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
