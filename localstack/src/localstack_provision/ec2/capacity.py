"""What a zone has room for: by type, with reservations, for spot, and how that changes with time.

A pool is an instance type in a zone. On-demand instances, spot instances and capacity reservations take from one pool,
whose size is a setting; an instance in a reservation takes from that alone. Capacity Blocks are apart from it.

Sources: EC2 user guide, "Troubleshoot instance launch issues" (the text of InsufficientInstanceCapacity), "Capacity
Reservations" (targeted and open, in and outside of placement groups), "Capacity Blocks for ML"; API reference,
RunInstances and CapacityReservationSpecification; eksctl-io/eksctl#7949 for a placement group forced upon a
reservation.
"""

from typing import Any

from localstack_provision import identity, settings
from localstack_provision.ec2.errors import Ec2Error, combination
from localstack_provision.ec2.launch import Launch, zones_offering
from localstack_provision.ec2.model import CapacityReservation, Store
from localstack_provision.timeline import now

ALL = "*"
BLOCK = "capacity-block"
SPOT = "spot"
ONLY_RESERVED = "capacity-reservations-only"


def limit(instance_type: str, zone: str) -> int | None:
    """Returns the size of a pool as it is now; None: there is always room. The type `*` is all together."""
    size = (settings.get("ec2.capacity").get(instance_type) or {}).get(zone)
    passed = now() - settings.since("ec2.capacity_schedule")
    for change in sorted(settings.get("ec2.capacity_schedule"), key=lambda one: one.get("after") or 0):
        due = (change.get("after") or 0) * settings.scale() <= passed
        if due and (change.get("type"), change.get("zone")) == (instance_type, zone):
            size = change.get("count")
    return None if size is None else int(size)


def room(store: Store, instance_type: str, zone: str, spot: bool = False) -> int | None:
    """Returns how many more there is room for; None: any number."""
    rooms = []
    for name in (instance_type, ALL):
        size = limit(name, zone)
        if size is not None:
            rooms.append(size - _held(store, name, zone))
    size = (settings.get("ec2.spot_capacity").get(instance_type) or {}).get(zone) if spot else None
    if size is not None:
        rooms.append(int(size) - sum(one.market == SPOT for one in _alive(store, instance_type, zone)))
    return max(0, min(rooms)) if rooms else None


def _alive(store: Store, instance_type: str, zone: str) -> list[Any]:
    return [
        one for one in store.instances.values() if one.alive and one.zone == zone and instance_type in (one.type, ALL)
    ]


def _held(store: Store, instance_type: str, zone: str) -> int:
    reserved = sum(
        one.total
        for one in store.capacity_reservations.values()
        if one.takes_room and one.zone == zone and instance_type in (one.type, ALL)
    )
    return reserved + sum(not store.is_in_reservation(one) for one in _alive(store, instance_type, zone))


def allot(store: Store, launch: Launch) -> list[str | None]:
    """Returns the reservation of each instance that can be launched, None for one without; or raises EC2's error."""
    least = int(launch.request["MinCount"])
    if launch.capacity_reservation_id:
        return _in_target(store, launch, least)
    slots = _open_slots(store, launch)[: launch.count]
    free = 0 if launch.preference == ONLY_RESERVED else room(store, launch.type, launch.zone, launch.market == SPOT)
    rest = launch.count - len(slots)
    allotted = [*slots, *[None] * (rest if free is None else min(rest, free))]
    if len(allotted) < least:
        raise no_capacity(store, launch.type, launch.zone, least, launch.market == SPOT)
    return allotted


def _open_slots(store: Store, launch: Launch) -> list[str | None]:
    """Returns the free places of open reservations, which on-demand instances fall into by themselves."""
    if launch.market is not None or launch.preference == "none":
        return []
    group = store.placement_groups.get(launch.group_name or "")
    slots: list[str | None] = []
    for one in store.capacity_reservations.values():
        same = (one.type, one.zone, one.group_arn) == (launch.type, launch.zone, group.arn if group else None)
        if same and one.match == "open" and one.state == "active" and not one.is_block:
            slots += [one.id] * store.free(one)
    return slots


def _in_target(store: Store, launch: Launch, least: int) -> list[str | None]:
    reservation = store.capacity_reservations.get(launch.capacity_reservation_id or "")
    if reservation is None or not identity.is_visible(reservation.id):
        raise Ec2Error(
            "InvalidCapacityReservationId.NotFound",
            f"The Capacity Reservation '{launch.capacity_reservation_id}' does not exist.",
        )
    if (reservation.type, reservation.zone) != (launch.type, launch.zone):
        raise combination(
            f"The Capacity Reservation is for {reservation.type} in {reservation.zone}, "
            f"not for {launch.type} in {launch.zone}."
        )
    _check_market(launch, reservation)
    group = store.placement_groups.get(launch.group_name or "")
    if group and group.strategy == "cluster" and reservation.group_arn is None:
        # Its instances stand anywhere: most likely not close enough to each other.
        raise no_capacity(store, launch.type, launch.zone, least)
    elsewhere = reservation.group_arn is not None and (group is None or group.arn != reservation.group_arn)
    free = 0 if elsewhere or not reservation.takes_launches else store.free(reservation)
    if free < least:
        raise Ec2Error(
            "ReservationCapacityExceeded",
            "The requested reservation does not have sufficient compatible and available capacity for this request.",
        )
    return [reservation.id] * min(free, launch.count)


def _check_market(launch: Launch, reservation: CapacityReservation) -> None:
    """A Capacity Block needs its market type, and this one needs a block."""
    if reservation.is_block and launch.market != BLOCK:
        raise combination(f"The Capacity Block {reservation.id} needs the market type {BLOCK}.")
    if not reservation.is_block and launch.market == BLOCK:
        raise combination(f"The Capacity Reservation {reservation.id} is no Capacity Block.")
    if launch.market == SPOT:
        raise combination("A spot instance cannot be launched into a Capacity Reservation.")


def no_capacity(store: Store, instance_type: str, zone: str, wanted: int, spot: bool = False) -> Ec2Error:
    """Returns EC2's answer when a zone is full: it names the zones that are not."""
    if spot:
        text = "There is no Spot capacity available that matches your request."
        return Ec2Error("InsufficientInstanceCapacity", text, 500)
    others = [
        other
        for other in sorted(zones_offering(store.region, instance_type) - {zone})
        if (free := room(store, instance_type, other)) is None or free >= wanted
    ]
    hint = (
        f" You can currently get {instance_type} capacity by not specifying an Availability Zone in your request "
        f"or choosing {', '.join(others)}."
        if others
        else ""
    )
    return Ec2Error(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity.{hint}",
        500,
    )
