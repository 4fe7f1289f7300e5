"""Network interfaces made inside moto's EC2, for file systems and for instances.

They are moto's own objects, so that DescribeNetworkInterfaces, the free addresses of a subnet and the use of
a security group all tell the truth. moto's own creation draws random addresses that may collide; here each
address is given out once.
"""

import ipaddress
import itertools
import secrets
from typing import Any

from localstack.utils.patch import patch
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_network_interfaces import Attachment, NetworkInterface
from moto.ec2.models.subnets import Subnet

from localstack_provision import identity
from localstack_provision.timeline import timestamp

# AWS keeps the first four addresses of a subnet and the last.
RESERVED_AT_START = 4


class NotEnoughAddresses(Exception):
    pass


def ec2(account: str, region: str) -> EC2Backend:
    return ec2_backends[account][region]


def find_subnet(backend: EC2Backend, subnet_id: str) -> Subnet | None:
    for subnets in backend.subnets.values():
        if subnet_id in subnets:
            return subnets[subnet_id]
    return None


def free_addresses(backend: EC2Backend, subnet: Subnet, count: int) -> list[str]:
    """Returns `count` addresses of a subnet that no interface has."""
    taken = {
        address["PrivateIpAddress"]
        for interface in list(backend.enis.values())
        if interface.subnet.id == subnet.id
        for address in interface.private_ip_addresses
    }
    hosts = (str(address) for address in itertools.islice(subnet.cidr, RESERVED_AT_START, None))
    last = str(subnet.cidr.broadcast_address)
    free = list(itertools.islice((host for host in hosts if host not in taken and host != last), count))
    if len(free) < count:
        raise NotEnoughAddresses
    return free


def contains(subnet: Subnet, address: str) -> bool:
    """Tells whether an address is one that a subnet gives out."""
    try:
        place = int(ipaddress.IPv4Address(address)) - int(subnet.cidr.network_address)
    except ipaddress.AddressValueError:
        return False
    return RESERVED_AT_START <= place < subnet.cidr.num_addresses - 1


class Interface(NetworkInterface):
    """moto's network interface, with the members it lacks: card, type, owner, attachment."""

    def __init__(self, backend: EC2Backend, subnet: Subnet, address: str | None, group_ids: list[str], **options: Any):
        # Without an address of its own moto would draw one; an efa-only interface has none.
        super().__init__(backend, subnet, address or "0.0.0.0", group_ids=group_ids, **options)
        identity.born(self.id)
        if address is None:
            self.private_ip_address = None
            self.private_ip_addresses = []
        self.status = "in-use"
        self.mac_address = ":".join(f"{octet:02x}" for octet in (2, *secrets.token_bytes(5)))
        self.network_card_index = 0
        self.attach_time = timestamp()

    @property
    def attachment(self) -> Attachment | None:
        attachment = super().attachment
        if attachment:
            attachment.network_card_index = self.network_card_index
        return attachment


@patch(NetworkInterface.get_filter_value)
def get_filter_value(fn: Any, self: NetworkInterface, filter_name: str, method_name: str | None = None) -> Any:
    simple = {
        "status": lambda: self.status,
        "interface-type": lambda: self.interface_type,
        "requester-id": lambda: self.requester_id,
        "requester-managed": lambda: str(self.requester_managed).lower(),
        "owner-id": lambda: self.owner_id,
        "group-id": lambda: [group.id for group in self.group_set],
        "attachment.attachment-id": lambda: self.attachment_id,
    }
    if filter_name in simple:
        return simple[filter_name]()
    return fn(self, filter_name, method_name)


def add_interface(interface: NetworkInterface) -> None:
    interface.ec2_backend.enis[interface.id] = interface


def remove_interface(backend: EC2Backend, interface_id: str) -> None:
    backend.enis.pop(interface_id, None)
    backend.tags.pop(interface_id, None)
