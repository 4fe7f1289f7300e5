"""Instances, reservations, placement groups and capacity reservations, and where they are kept."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.ec2.models import EC2Backend

from localstack_provision import identity, network
from localstack_provision.timeline import timestamp

STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
USER_INITIATED = {
    "Code": "Client.UserInitiatedShutdown",
    "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
}
INSTANCE_INITIATED = {
    "Code": "Client.InstanceInitiatedShutdown",
    "Message": "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
}
ALIVE = ("pending", "running", "stopping", "stopped")


@dataclass(eq=False)
class Instance:
    id: str
    account: str
    region: str
    zone: str
    reservation_id: str
    type: str
    index: int
    # Members of the API's Instance shape that never change.
    fixed: dict[str, Any]
    request: dict[str, Any]
    subnet_id: str
    vpc_id: str
    group_name: str | None = None
    capacity_reservation_id: str | None = None
    state: str = "pending"
    reason: str = ""
    # None: on demand.
    market: str | None = None
    # Spot: what its metadata tell of its interruption.
    notice: dict[str, str] | None = None
    # Who ended it: the API's StateReason.
    state_reason: dict[str, str] | None = None
    # What its boot wrote.
    console: str = ""
    launched: datetime = field(default_factory=timestamp)
    interfaces: list[network.Interface] = field(default_factory=list)
    volumes: list[tuple[str, Any, bool]] = field(default_factory=list)
    termination_protection: bool = False
    # What moto's network interface looks for in its instance.
    security_groups: tuple[()] = ()

    @property
    def owner_id(self) -> str:
        return self.account

    @property
    def backend(self) -> EC2Backend:
        return network.ec2(self.account, self.region)

    @property
    def tags(self) -> dict[str, str]:
        return self.backend.tags.get(self.id, {})

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def state_view(self) -> dict[str, Any]:
        return {"Code": STATE_CODES[self.state], "Name": self.state}

    @property
    def groups(self) -> list[Any]:
        return list(self.interfaces[0].group_set) if self.interfaces else []

    @property
    def private_address(self) -> str | None:
        return self.interfaces[0].private_ip_address if self.interfaces else None

    def view(self) -> dict[str, Any]:
        view = {
            **self.fixed,
            "State": self.state_view,
            "LaunchTime": self.launched,
            "StateTransitionReason": self.reason,
            "Tags": identity.tag_list(self.tags),
        }
        if self.state_reason:
            view["StateReason"] = self.state_reason
        if self.interfaces:
            address = self.private_address
            view |= {
                "SubnetId": self.subnet_id,
                "VpcId": self.vpc_id,
                "PrivateIpAddress": address,
                "PrivateDnsName": f"ip-{address.replace('.', '-')}.{self.domain}" if address else "",
                "SecurityGroups": _groups(self.interfaces[0]),
                "NetworkInterfaces": [interface_view(interface) for interface in self.interfaces],
                "BlockDeviceMappings": [_device_view(*volume) for volume in self.volumes],
            }
            if self.interfaces[0].public_ip:
                view["PublicIpAddress"] = self.interfaces[0].public_ip
        return view

    @property
    def domain(self) -> str:
        return "ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal"


def _groups(interface: network.Interface) -> list[dict[str, str]]:
    return [{"GroupId": group.id, "GroupName": group.name} for group in interface.group_set]


def interface_view(interface: network.Interface) -> dict[str, Any]:
    """Returns a member of DescribeInstances' NetworkInterfaces, with card and type as they were asked for."""
    view = {
        "NetworkInterfaceId": interface.id,
        "InterfaceType": interface.interface_type,
        "Attachment": {
            "AttachmentId": interface.attachment_id,
            "AttachTime": interface.attach_time,
            "DeleteOnTermination": interface.delete_on_termination,
            "DeviceIndex": interface.device_index,
            "NetworkCardIndex": interface.network_card_index,
            "Status": "attached",
        },
        "Description": interface.description,
        "Groups": _groups(interface),
        "MacAddress": interface.mac_address,
        "OwnerId": interface.owner_id,
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": interface.subnet.id,
        "VpcId": interface.subnet.vpc_id,
    }
    if interface.private_ip_address:
        view["PrivateIpAddress"] = interface.private_ip_address
        view["PrivateIpAddresses"] = [{"Primary": True, "PrivateIpAddress": interface.private_ip_address}]
    return view


def _device_view(device: str, volume: Any, delete_on_termination: bool) -> dict[str, Any]:
    ebs = {"VolumeId": volume.id, "Status": "attached", "DeleteOnTermination": delete_on_termination}
    return {"DeviceName": device, "Ebs": ebs}


@dataclass
class PlacementGroup:
    id: str
    name: str
    arn: str
    strategy: str
    partitions: int | None = None
    spread_level: str | None = None

    def view(self, tags: dict[str, str]) -> dict[str, Any]:
        view = {
            "GroupId": self.id,
            "GroupName": self.name,
            "GroupArn": self.arn,
            "State": "available",
            "Strategy": self.strategy,
            "PartitionCount": self.partitions,
            "SpreadLevel": self.spread_level,
            "Tags": identity.tag_list(tags),
        }
        return {name: value for name, value in view.items() if value is not None}


@dataclass
class CapacityReservation:
    id: str
    arn: str
    owner: str
    type: str
    zone: str
    platform: str
    total: int
    match: str = "open"
    tenancy: str = "default"
    kind: str = "default"
    group_arn: str | None = None
    end: datetime | None = None
    end_type: str = "unlimited"
    state: str = "active"
    # Of a Capacity Block, which is made before it.
    start: datetime | None = None
    # A Capacity Block near its end, into which nothing is launched any more.
    closing: bool = False
    created: datetime = field(default_factory=timestamp)

    @property
    def is_block(self) -> bool:
        return self.kind == "capacity-block"

    @property
    def takes_room(self) -> bool:
        """Tells whether its places come from the pool of its type and zone."""
        return self.state in ("pending", "active") and not self.is_block

    @property
    def takes_launches(self) -> bool:
        return self.state == "active" and not self.closing

    def view(self, used: int, tags: dict[str, str]) -> dict[str, Any]:
        view = {
            "CapacityReservationId": self.id,
            "CapacityReservationArn": self.arn,
            "OwnerId": self.owner,
            "InstanceType": self.type,
            "InstancePlatform": self.platform,
            "AvailabilityZone": self.zone,
            "Tenancy": self.tenancy,
            "TotalInstanceCount": self.total,
            "AvailableInstanceCount": self.total - used if self.state == "active" else 0,
            "EbsOptimized": False,
            "EphemeralStorage": False,
            "State": self.state,
            "StartDate": self.start or self.created,
            "CreateDate": self.created,
            "EndDate": self.end,
            "EndDateType": self.end_type,
            "InstanceMatchCriteria": self.match,
            "PlacementGroupArn": self.group_arn,
            "ReservationType": self.kind,
            "Tags": identity.tag_list(tags),
        }
        return {name: value for name, value in view.items() if value is not None}


@dataclass
class Store:
    account: str
    region: str
    instances: dict[str, Instance] = field(default_factory=dict)
    placement_groups: dict[str, PlacementGroup] = field(default_factory=dict)
    capacity_reservations: dict[str, CapacityReservation] = field(default_factory=dict)
    # (operation, zone or "", token) → (parameters, what the first request made)
    tokens: dict[tuple[str, str, str], tuple[str, Any]] = field(default_factory=dict)
    # (launch template id, version) → its data as it was sent
    template_data: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    @property
    def backend(self) -> EC2Backend:
        return network.ec2(self.account, self.region)

    def tags_of(self, identifier: str) -> dict[str, str]:
        return self.backend.tags.get(identifier, {})

    def set_tags(self, identifier: str, tags: dict[str, str]) -> None:
        if tags:
            self.backend.tags[identifier].update(tags)

    def reserved(self, reservation_id: str) -> int:
        """Returns how many places of a capacity reservation are taken."""
        return sum(
            1
            for instance in self.instances.values()
            if instance.alive and instance.capacity_reservation_id == reservation_id
        )

    def free(self, reservation: CapacityReservation) -> int:
        return max(0, reservation.total - self.reserved(reservation.id))

    def is_in_reservation(self, instance: Instance) -> bool:
        """Tells whether a reservation, or a block, holds an instance's place. One that is over does not."""
        found = self.capacity_reservations.get(instance.capacity_reservation_id or "")
        return found is not None and found.state == "active"


STORES: dict[tuple[str, str], Store] = {}


def store_of(account: str, region: str) -> Store:
    return STORES.setdefault((account, region), Store(account, region))


def tags_for(request: dict[str, Any], resource_type: str) -> dict[str, str]:
    """Returns the tags of a request's TagSpecifications for one type of resource."""
    tags: dict[str, str] = {}
    for specification in request.get("TagSpecifications") or []:
        if specification.get("ResourceType") == resource_type:
            tags |= identity.tags_of(specification.get("Tags"))
    return tags
