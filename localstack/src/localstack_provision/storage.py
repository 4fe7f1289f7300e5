"""What holds files, whatever service it is of: file systems and caches of FSx, file systems of EFS.

They are alike where files are concerned (`fsx.model.Storing`), which is all that the control endpoints, nodes and
commands need.

Source for EFS: user guide, "Mounting on Amazon EC2 instances": the DNS name is that of the mount target in the zone of
the instance, and TCP port 2049 has to be open to it.
"""

import ipaddress
from typing import Any

from localstack_provision.ec2.model import Instance
from localstack_provision.ec2.userdata import storage_in
from localstack_provision.efs import model as efs
from localstack_provision.fsx import model as fsx_model
from localstack_provision.fsx import store as fsx

Storage = fsx_model.Lustre | efs.FileSystem

NFS_PORT = 2049
ALL_TRAFFIC = "-1"


def find(identifier: str) -> Storage | None:
    """Finds storage in all accounts and Regions, by its id."""
    for store in fsx.STORES.values():
        if found := store.file_systems.get(identifier) or store.file_caches.get(identifier):
            return found
    return next((one.file_systems[identifier] for one in efs.STORES.values() if identifier in one.file_systems), None)


def named_by(instance: Instance) -> list[Storage | None]:
    """Returns what the user data of an instance name, None for what does not exist, in the order of their ids."""
    found = []
    for identifier, service, region in sorted(storage_in(instance.request.get("UserData") or "")):
        if service == "efs":
            found.append(efs.store_of(instance.account, region or instance.region).file_systems.get(identifier))
        else:
            store = fsx.store_of(instance.account, region)
            found.append(store.file_systems.get(identifier) or store.file_caches.get(identifier))
    return found


def mounts(instance: Instance, storage: Storage | None) -> bool:
    """Tells whether a mount by an instance would come to its end now."""
    if storage is None or not storage.writable:
        return False
    if isinstance(storage, efs.FileSystem):
        targets = (one for one in storage.mount_targets.values() if one.state == "available")
        return any(
            (one.zone, one.vpc_id) == (instance.zone, instance.vpc_id) and _lets_in(one, instance) for one in targets
        )
    return True


def _lets_in(target: efs.MountTarget, instance: Instance) -> bool:
    """Tells whether the groups of a mount target take NFS from an instance, and its own let it out."""
    theirs = {group.id for group in target.groups}
    own = {group.id for group in instance.groups}
    inbound = (rule for group in target.groups for rule in group.ingress_rules)
    outbound = (rule for group in instance.groups for rule in group.egress_rules)
    address = target.interface.private_ip_address
    return any(_covers(rule, own, instance.private_address) for rule in inbound) and any(
        _covers(rule, theirs, address) for rule in outbound
    )


def _covers(rule: Any, groups: set[str], address: str | None) -> bool:
    if rule.ip_protocol != ALL_TRAFFIC and not (
        rule.ip_protocol == "tcp" and rule.from_port <= NFS_PORT <= rule.to_port
    ):
        return False
    if (rule.source_group or {}).get("GroupId") in groups:
        return True
    if not rule.cidr_ipv4 or address is None:
        return False
    return ipaddress.ip_address(address) in ipaddress.IPv4Network(rule.cidr_ipv4, strict=False)
