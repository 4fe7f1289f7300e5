"""Create-, Describe- and DeleteMountTarget(s), and the security groups of one.

Sources: EFS API reference, the pages of these operations; user guide, "Managing mount targets" (one in a zone, all in
one VPC, at most five security groups).
"""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, network, settings
from localstack_provision.efs.errors import (
    AvailabilityZonesMismatch,
    BadRequest,
    IncorrectFileSystemLifeCycleState,
    IncorrectMountTargetState,
    IpAddressInUse,
    MountTargetConflict,
    NoFreeAddressesInSubnet,
    SecurityGroupLimitExceeded,
    SecurityGroupNotFound,
    SubnetNotFound,
)
from localstack_provision.efs.model import FileSystem, MountTarget, Store, page, store_of
from localstack_provision.timeline import schedule

MAX_GROUPS = 5


class MountTargetOperations:
    @handler("CreateMountTarget", expand=False)
    def create_mount_target(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        system = store.file_system(request["FileSystemId"])
        if not system.writable:
            raise IncorrectFileSystemLifeCycleState(f"The file system is in state {system.state}.")
        if request.get("IpAddressType") not in (None, "IPV4_ONLY"):
            raise BadRequest("Mount targets with IPv6 are not emulated.")
        backend = network.ec2(store.account, store.region)
        subnet = network.find_subnet(backend, request["SubnetId"])
        if subnet is None:
            raise SubnetNotFound(f"The subnet ID '{request['SubnetId']}' does not exist")
        _check_place(system, subnet)
        groups = _groups(store, request.get("SecurityGroups"), subnet.vpc_id)
        address = _address(backend, subnet, request.get("IpAddress"))
        identifier = identity.new_id("fsmt")
        interface = network.Interface(
            backend,
            subnet,
            address,
            [group.id for group in groups],
            description=f"EFS mount target for {system.id} ({identifier})",
        )
        interface.requester_managed, interface.requester_id = True, "amazon-efs"
        interface.interface_type = "interface"
        network.add_interface(interface)
        target = MountTarget(
            id=identifier,
            account=store.account,
            file_system_id=system.id,
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            zone=subnet.availability_zone,
            zone_id=str(subnet.availability_zone_id),
            interface=interface,
        )
        system.mount_targets[identifier] = target
        ledger.count("mount_targets_created")
        schedule(settings.delay("mount_target_create"), lambda: _become_available(target))
        return target.view()

    @handler("DescribeMountTargets", expand=False)
    def describe_mount_targets(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        named = [name for name in ("FileSystemId", "MountTargetId", "AccessPointId") if request.get(name)]
        if len(named) != 1:
            raise BadRequest("Exactly one of FileSystemId, MountTargetId and AccessPointId is needed.")
        if named == ["MountTargetId"]:
            return {"MountTargets": [store.mount_target(request["MountTargetId"])[1].view()]}
        if named == ["AccessPointId"]:
            raise BadRequest("Access points are not emulated.")
        targets = store.file_system(request["FileSystemId"]).mount_targets.values()
        chosen, marks = page([one for one in targets if identity.is_visible(one.id)], request, "mount_targets")
        return {"MountTargets": [target.view() for target in chosen], **marks}

    @handler("DeleteMountTarget", expand=False)
    def delete_mount_target(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        system, target = store.mount_target(request["MountTargetId"])
        if target.state == "deleting":
            return
        target.state = "deleting"
        schedule(settings.delay("mount_target_delete"), lambda: _vanish(store, system, target))

    @handler("DescribeMountTargetSecurityGroups", expand=False)
    def describe_groups(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        _, target = store_of(context.account_id, context.region).mount_target(request["MountTargetId"])
        _check_available(target)
        return {"SecurityGroups": [group.id for group in target.groups]}

    @handler("ModifyMountTargetSecurityGroups", expand=False)
    def modify_groups(self, context: RequestContext, request: dict[str, Any]) -> None:
        store = store_of(context.account_id, context.region)
        _, target = store.mount_target(request["MountTargetId"])
        _check_available(target)
        target.interface._group_set = _groups(store, request.get("SecurityGroups"), target.vpc_id)


def _check_place(system: FileSystem, subnet: Any) -> None:
    if system.zone and system.zone != subnet.availability_zone:
        raise AvailabilityZonesMismatch(f"The file system is in {system.zone}, the subnet not.")
    for other in system.mount_targets.values():
        if other.zone == subnet.availability_zone:
            raise MountTargetConflict("mount target already exists in this AZ")
        if other.vpc_id != subnet.vpc_id:
            raise MountTargetConflict("requested subnet for new mount target is not in the VPC of existing ones")


def _groups(store: Store, identifiers: list[str] | None, vpc_id: str) -> list[Any]:
    """Returns the security groups; none given means the default one of the VPC."""
    backend = network.ec2(store.account, store.region)
    if not identifiers:
        return [backend.get_default_security_group(vpc_id)]
    if len(identifiers) > MAX_GROUPS:
        raise SecurityGroupLimitExceeded(f"A mount target has at most {MAX_GROUPS} security groups.")
    groups = []
    for identifier in identifiers:
        group = backend.get_security_group_from_id(identifier)
        if group is None or group.vpc_id != vpc_id:
            raise SecurityGroupNotFound(f"The security group '{identifier}' does not exist in the VPC {vpc_id}.")
        groups.append(group)
    return groups


def _address(backend: Any, subnet: Any, wanted: str | None) -> str:
    if not wanted:
        try:
            return network.free_addresses(backend, subnet, 1)[0]
        except network.NotEnoughAddresses:
            raise NoFreeAddressesInSubnet(f"The subnet '{subnet.id}' has no free address.") from None
    if any(one["PrivateIpAddress"] == wanted for eni in backend.enis.values() for one in eni.private_ip_addresses):
        raise IpAddressInUse(f"The address {wanted} is in use.")
    if not network.contains(subnet, wanted):
        raise BadRequest(f"The address {wanted} is not in the subnet.")
    return wanted


def _check_available(target: MountTarget) -> None:
    if target.state != "available":
        raise IncorrectMountTargetState(f"The mount target is in state {target.state}.")


def _become_available(target: MountTarget) -> None:
    if target.state == "creating":
        target.state = "available"


def _vanish(store: Store, system: FileSystem, target: MountTarget) -> None:
    if system.mount_targets.pop(target.id, None):
        network.remove_interface(network.ec2(store.account, store.region), target.interface.id)
        ledger.count("mount_targets_deleted")
