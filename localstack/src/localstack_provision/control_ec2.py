"""The control endpoints for what happens to instances from outside: Capacity Blocks, interruptions, metadata."""

from functools import partial
from typing import Any

from localstack.http import Request
from moto.ec2.models.instance_types import INSTANCE_TYPES

from localstack_provision.control import Endpoints, Refused, register
from localstack_provision.ec2 import blocks, model, nodes, spot
from localstack_provision.ec2.errors import Ec2Error
from localstack_provision.ec2.launch import zones_offering
from localstack_provision.ec2.reservations import zone_of
from localstack_provision.identity import tags_of
from localstack_provision.timeline import now

# Seconds since 1970 are larger than any span.
SPAN = 10**9

ENDPOINTS: Endpoints = {}
endpoint = partial(register, ENDPOINTS)


@endpoint("POST", "capacity-blocks")
def post_block(request: Request, body: Any) -> Any:
    """Makes a Capacity Block: {"account", "region", "type", "zone", "count", "start", "end", "tags"}.

    `start` and `end` are seconds from now, or since 1970.
    """
    start, end = _times(body, {"account", "type", "zone", "count"}, {"region", "tags"})
    if body["count"] < 1 or body["type"] not in INSTANCE_TYPES:
        raise Refused("a Capacity Block has a type that exists, and a count of 1 or more")
    store = model.store_of(body["account"], body.get("region") or "us-east-1")
    try:
        zone = zone_of(store, body["zone"])
    except Ec2Error as error:
        raise Refused(str(error)) from error
    if zone not in zones_offering(store.region, body["type"]):
        raise Refused(f"{body['type']} is not offered in {zone}")
    block = blocks.make(store, body["type"], zone, body["count"], start, end)
    store.set_tags(block.id, tags_of(body.get("tags")))
    return _block_view(block)


@endpoint("PUT", "capacity-blocks")
def put_block(request: Request, body: Any) -> Any:
    """Gives a Capacity Block other times: {"capacity_reservation_id", "start", "end"}."""
    start, end = _times(body, {"capacity_reservation_id"}, set())
    for store in model.STORES.values():
        block = store.capacity_reservations.get(body["capacity_reservation_id"])
        if block is not None and block.is_block:
            blocks.move(store, block, start, end)
            return _block_view(block)
    raise Refused(f"there is no Capacity Block {body['capacity_reservation_id']!r}")


def _times(body: dict[str, Any], needed: set[str], more: set[str]) -> tuple[float, float]:
    """Returns start and end in seconds since 1970, of a request that has the members it needs; raises Refused."""
    needed = needed | {"start", "end"}
    if missing := sorted(name for name in needed if body.get(name) is None):
        raise Refused(f"a Capacity Block needs {', '.join(missing)}")
    if unknown := set(body) - needed - more:
        raise Refused(f"a Capacity Block has no {sorted(unknown)[0]!r}")
    instant = now()
    start, end = (body[name] if body[name] > SPAN else instant + body[name] for name in ("start", "end"))
    if not end > start:
        raise Refused("a Capacity Block ends after its start")
    return start, end


def _block_view(block: model.CapacityReservation) -> dict[str, Any]:
    return {
        "capacity_reservation_id": block.id,
        "state": block.state,
        "start": block.start.timestamp() if block.start else None,
        "end": block.end.timestamp() if block.end else None,
    }


@endpoint("POST", "interrupt")
def post_interrupt(request: Request, body: Any) -> Any:
    """Interrupts a spot instance: {"instance_id", "notice": 120}; the notice is scaled."""
    instance = _instance(body.get("instance_id"))
    if instance.market != "spot" or not instance.alive:
        raise Refused(f"{instance.id} is no spot instance that is there")
    spot.interrupt(instance, float(body.get("notice", spot.NOTICE)))
    return {"instance_id": instance.id, "instance_action": instance.notice}


@endpoint("GET", "metadata")
def get_metadata(request: Request, body: Any) -> Any:
    """Shows what the metadata service of an instance would tell, by the path below `latest/meta-data/`."""
    return nodes.metadata(_instance(request.args.get("instance_id")))


def _instance(identifier: Any) -> model.Instance:
    for store in model.STORES.values():
        if isinstance(identifier, str) and identifier in store.instances:
            return store.instances[identifier]
    raise Refused(f"there is no instance {identifier!r}")
