"""Security groups and network interfaces: refusals that moto lacks, and the lag of eventual consistency.

Source: EC2 API reference, DeleteSecurityGroup ("in use, or referenced by another security group in the same
VPC": DependencyViolation).
"""

from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.moto import call_moto

from localstack_provision import identity
from localstack_provision.ec2.errors import Ec2Error, dry_run
from localstack_provision.ec2.model import Store, store_of


class SecurityGroupOperations:
    @handler("CreateSecurityGroup", expand=False)
    def create_security_group(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("DryRun"):
            raise dry_run()
        answer = call_moto(context)
        identity.born(answer["GroupId"])
        return answer

    @handler("DescribeSecurityGroups", expand=False)
    def describe_security_groups(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = call_moto(context)
        groups = answer.get("SecurityGroups", [])
        hidden = [group["GroupId"] for group in groups if not identity.is_visible(group["GroupId"])]
        if hidden and request.get("GroupIds"):
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{hidden[0]}' does not exist")
        answer["SecurityGroups"] = [group for group in groups if group["GroupId"] not in hidden]
        return answer

    @handler("DeleteSecurityGroup", expand=False)
    def delete_security_group(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        name = request.get("GroupId") or request.get("GroupName") or ""
        group = store.backend.get_security_group_by_name_or_id(name)
        if group is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
        if group.name == "default":
            raise Ec2Error(
                "CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            )
        _check_unused(store, group)
        if request.get("DryRun"):
            raise dry_run()
        store.backend.delete_security_group(group_id=group.id)
        store.backend.tags.pop(group.id, None)
        return {"Return": True, "GroupId": group.id}

    @handler("DeleteNetworkInterface", expand=False)
    def delete_network_interface(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any] | None:
        store = store_of(context.account_id, context.region)
        interface = store.backend.enis.get(request["NetworkInterfaceId"])
        if interface is not None and interface.status == "in-use":
            raise Ec2Error(
                "InvalidNetworkInterface.InUse", f"The network interface '{interface.id}' is currently in use."
            )
        return call_moto(context)


def _check_unused(store: Store, group: Any) -> None:
    user = next((eni for eni in store.backend.enis.values() if group in eni.group_set), None)
    referrer = next(
        (
            other
            for others in store.backend.groups.values()
            for other in others.values()
            if other is not group
            and any(
                (rule.source_group or {}).get("GroupId") == group.id
                for rule in (*other.ingress_rules, *other.egress_rules)
            )
        ),
        None,
    )
    if user or referrer:
        raise Ec2Error("DependencyViolation", f"resource {group.id} has a dependent object")
