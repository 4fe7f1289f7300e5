"""The network side of a Lustre file system: its subnet, its security groups and its interfaces.

Sources: FSx user guide, "File system access control with Amazon VPC" (port 988; EFA rules between groups)
and "Cannot create a file system" (InvalidNetworkSettings).
"""

import ipaddress
from typing import Any

from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.subnets import Subnet

from localstack_provision import network
from localstack_provision.fsx import catalog
from localstack_provision.fsx.errors import BadRequest, InvalidNetworkSettings

ALL_TRAFFIC = "-1"


def settle(account: str, region: str, request: dict[str, Any], efa: bool) -> tuple[Subnet, list[SecurityGroup]]:
    """Returns the subnet and the security groups of a new file system, after AWS's checks."""
    backend = network.ec2(account, region)
    subnet_ids = request.get("SubnetIds") or []
    if len(subnet_ids) != 1:
        raise BadRequest("A Lustre file system has exactly one subnet.")
    subnet = network.find_subnet(backend, subnet_ids[0])
    if subnet is None:
        raise InvalidNetworkSettings(f"The subnet ID '{subnet_ids[0]}' does not exist.", subnet_id=subnet_ids[0])
    group_ids = request.get("SecurityGroupIds") or []
    if not group_ids:
        # The VPC's default group allows everything from itself.
        return subnet, [backend.get_default_security_group(subnet.vpc_id)]
    groups = [_find_group(backend, group_id, subnet) for group_id in group_ids]
    _check_lustre_port(groups, subnet)
    if efa:
        _check_efa(groups)
    return subnet, groups


def create_interfaces(account: str, region: str, file_system: Any, count: int) -> list[str]:
    backend = network.ec2(account, region)
    subnet = network.find_subnet(backend, file_system.subnet_id)
    try:
        addresses = network.free_addresses(backend, subnet, count)
    except network.NotEnoughAddresses:
        raise InvalidNetworkSettings(
            f"The subnet '{subnet.id}' does not have enough free IP addresses: {count} are needed.",
            subnet_id=subnet.id,
        ) from None
    interfaces = []
    for address in addresses:
        interface = network.Interface(
            backend,
            subnet,
            address,
            file_system.security_group_ids,
            description=f"Created By Amazon FSx for file system {file_system.id}",
        )
        interface.requester_managed = True
        interface.requester_id = "amazon-fsx"
        interface.interface_type = "efa" if file_system.efa else "interface"
        network.add_interface(interface)
        interfaces.append(interface.id)
    return interfaces


def release_interfaces(account: str, region: str, interface_ids: list[str]) -> None:
    backend = network.ec2(account, region)
    for interface_id in interface_ids:
        network.remove_interface(backend, interface_id)


def _find_group(backend: Any, group_id: str, subnet: Subnet) -> SecurityGroup:
    group = backend.get_security_group_from_id(group_id)
    if group is None:
        raise InvalidNetworkSettings(f"The security group ID '{group_id}' does not exist.", security_group_id=group_id)
    if group.vpc_id != subnet.vpc_id:
        raise InvalidNetworkSettings(
            f"The security group '{group_id}' and the subnet '{subnet.id}' are in different VPCs.",
            security_group_id=group_id,
        )
    return group


def _check_lustre_port(groups: list[SecurityGroup], subnet: Subnet) -> None:
    ids = {group.id for group in groups}
    inbound = any(
        _covers_port(rule) and (_peer(rule) in ids or _covers_subnet(rule, subnet))
        for group in groups
        for rule in group.ingress_rules
    )
    outbound = any(
        _covers_port(rule) and (_peer(rule) in ids or _covers_subnet(rule, subnet))
        for group in groups
        for rule in group.egress_rules
    )
    if not (inbound and outbound):
        raise InvalidNetworkSettings(
            "The file system cannot be created because the default security group in the subnet provided or "
            f"the provided security groups do not permit Lustre LNET network traffic on port {catalog.LUSTRE_PORT}",
            security_group_id=groups[0].id,
        )


def _check_efa(groups: list[SecurityGroup]) -> None:
    """EFA needs all traffic both ways by group id: a range of addresses, even 0.0.0.0/0, does not count."""
    ids = {group.id for group in groups}
    for group in groups:
        inbound = any(rule.ip_protocol == ALL_TRAFFIC and _peer(rule) in ids for rule in group.ingress_rules)
        outbound = any(rule.ip_protocol == ALL_TRAFFIC and _peer(rule) in ids for rule in group.egress_rules)
        if inbound and outbound:
            return
    raise InvalidNetworkSettings(
        "Insufficient security group permissions for EFA: the security groups must allow all inbound and "
        "outbound traffic to and from themselves.",
        security_group_id=groups[0].id,
    )


def _covers_port(rule: SecurityGroupRule) -> bool:
    if rule.ip_protocol == ALL_TRAFFIC:
        return True
    return rule.ip_protocol == "tcp" and rule.from_port <= catalog.LUSTRE_PORT <= rule.to_port


def _peer(rule: SecurityGroupRule) -> str | None:
    return (rule.source_group or {}).get("GroupId")


def _covers_subnet(rule: SecurityGroupRule, subnet: Subnet) -> bool:
    if not rule.cidr_ipv4:
        return False
    return subnet.cidr.subnet_of(ipaddress.IPv4Network(rule.cidr_ipv4, strict=False))
