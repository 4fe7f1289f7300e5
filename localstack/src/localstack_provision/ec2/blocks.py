"""Capacity Blocks: made by a test instead of bought; they begin and end by themselves.

Source: EC2 user guide, "Capacity Blocks for ML": instances are launched with the market type capacity-block and the id
of the block, while it is active, and are terminated from 30 minutes before its end. It cannot be cancelled. Which
reason an instance then has, AWS does not say: that of a scheduled stop is taken.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from localstack_provision import identity, settings
from localstack_provision.ec2.instances import take_away
from localstack_provision.ec2.model import CapacityReservation, Store
from localstack_provision.timeline import now, schedule

REASON = {
    "Code": "Server.ScheduledStop",
    "Message": "Server.ScheduledStop: The Capacity Block of the instance ends",
}


def make(store: Store, instance_type: str, zone: str, count: int, start: float, end: float) -> CapacityReservation:
    """Makes a block from `start` to `end`, which are seconds since 1970."""
    identifier = identity.new_id("cr")
    block = CapacityReservation(
        id=identifier,
        arn=f"arn:aws:ec2:{store.region}:{store.account}:capacity-reservation/{identifier}",
        owner=store.account,
        type=instance_type,
        zone=zone,
        platform="Linux/UNIX",
        total=count,
        match="targeted",
        kind="capacity-block",
        end_type="limited",
        state="scheduled",
    )
    store.capacity_reservations[identifier] = block
    move(store, block, start, end)
    return block


def move(store: Store, block: CapacityReservation, start: float, end: float) -> None:
    """Gives a block other times, as no customer can."""
    block.start, block.end = (datetime.fromtimestamp(at, UTC) for at in (start, end))
    times = (block.start, block.end)

    def at(instant: float, act: Callable[[], None]) -> None:
        schedule(instant - now(), lambda: act() if (block.start, block.end) == times else None)

    at(start, lambda: _become(block, "scheduled", "active"))
    at(end - float(settings.get("ec2.block_shutdown")), lambda: _shut_down(store, block))
    at(end, lambda: _become(block, "active", "expired"))


def _shut_down(store: Store, block: CapacityReservation) -> None:
    # Nothing is launched into it any more.
    block.closing = True
    leaving = [one for one in store.instances.values() if one.alive and one.capacity_reservation_id == block.id]
    for one in leaving:
        one.state_reason = REASON
    take_away(store, leaving)


def _become(block: CapacityReservation, old: str, new: str) -> None:
    if block.state == old:
        block.state = new
