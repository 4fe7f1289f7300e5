"""On-demand capacity reservations (EC2 API reference, CreateCapacityReservation and its neighbours).

Capacity Blocks are bought, which is not emulated; a reservation made here can stand for one, since
RunInstances with the market type `capacity-block` takes any active reservation as its target.
"""

from typing import Any

from localstack.aws.api import RequestContext, handler
from moto.ec2.models.instance_types import INSTANCE_TYPES

from localstack_provision import identity
from localstack_provision.ec2 import filters
from localstack_provision.ec2.errors import Ec2Error, dry_run, invalid_value, token_mismatch
from localstack_provision.ec2.model import CapacityReservation, Store, store_of, tags_for

FILTERS: dict[str, filters.Getter] = {
    "instance-type": lambda one: [one.type],
    "owner-id": lambda one: [one.owner],
    "instance-platform": lambda one: [one.platform],
    "availability-zone": lambda one: [one.zone],
    "tenancy": lambda one: [one.tenancy],
    "state": lambda one: [one.state],
    "end-date-type": lambda one: [one.end_type],
    "instance-match-criteria": lambda one: [one.match],
    "placement-group-arn": lambda one: [one.group_arn],
}


class CapacityReservationOperations:
    @handler("CreateCapacityReservation", expand=False)
    def create_capacity_reservation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        token = ("CreateCapacityReservation", "", request.get("ClientToken") or "")
        kept = identity.fingerprint(request, "ClientToken", "DryRun")
        if token[2] and token in store.tokens:
            parameters, reservation = store.tokens[token]
            if parameters != kept:
                raise token_mismatch()
            return {"CapacityReservation": _view(store, reservation)}
        if request.get("InstanceType") not in INSTANCE_TYPES:
            raise Ec2Error("InvalidInstanceType", f"The instance type '{request.get('InstanceType')}' does not exist")
        if (request.get("InstanceCount") or 0) < 1:
            raise invalid_value("InstanceCount must be at least 1.")
        zone = _zone(store, request)
        if request.get("DryRun"):
            raise dry_run()
        identifier = identity.new_id("cr")
        reservation = CapacityReservation(
            id=identifier,
            arn=f"arn:aws:ec2:{store.region}:{store.account}:capacity-reservation/{identifier}",
            owner=store.account,
            type=request["InstanceType"],
            zone=zone,
            platform=request.get("InstancePlatform") or "Linux/UNIX",
            total=request["InstanceCount"],
            match=request.get("InstanceMatchCriteria") or "open",
            tenancy=request.get("Tenancy") or "default",
            group_arn=request.get("PlacementGroupArn"),
            end=request.get("EndDate"),
            end_type=request.get("EndDateType") or "unlimited",
        )
        store.capacity_reservations[identifier] = reservation
        store.set_tags(identifier, tags_for(request, "capacity-reservation"))
        if token[2]:
            store.tokens[token] = (kept, reservation)
        return {"CapacityReservation": _view(store, reservation)}

    @handler("DescribeCapacityReservations", expand=False)
    def describe_capacity_reservations(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("CapacityReservationIds")
        if wanted:
            found = [_find(store, identifier) for identifier in wanted]
        else:
            found = [one for one in store.capacity_reservations.values() if identity.is_visible(one.id)]
        found = filters.apply(found, request.get("Filters"), FILTERS, lambda one: store.tags_of(one.id))
        return {"CapacityReservations": [_view(store, one) for one in found]}

    @handler("ModifyCapacityReservation", expand=False)
    def modify_capacity_reservation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        reservation = _find(store, request["CapacityReservationId"])
        if reservation.state != "active":
            raise Ec2Error("InvalidCapacityReservationState", "The Capacity Reservation is not active.")
        count = request.get("InstanceCount")
        if count is not None:
            if count < max(1, store.reserved(reservation.id)):
                raise invalid_value("InstanceCount is below the number of running instances.")
            reservation.total = count
        reservation.end = request.get("EndDate") or reservation.end
        reservation.end_type = request.get("EndDateType") or reservation.end_type
        reservation.match = request.get("InstanceMatchCriteria") or reservation.match
        return {"Return": True}

    @handler("CancelCapacityReservation", expand=False)
    def cancel_capacity_reservation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        _find(store, request["CapacityReservationId"]).state = "cancelled"
        return {"Return": True}


def _view(store: Store, reservation: CapacityReservation) -> dict[str, Any]:
    return reservation.view(store.reserved(reservation.id), store.tags_of(reservation.id))


def _zone(store: Store, request: dict[str, Any]) -> str:
    for zone in store.backend.describe_availability_zones():
        if request.get("AvailabilityZone") == zone.name or request.get("AvailabilityZoneId") == zone.zone_id:
            return zone.name
    raise invalid_value(f"Invalid availability zone: {request.get('AvailabilityZone')}")


def _find(store: Store, identifier: str) -> CapacityReservation:
    found = store.capacity_reservations.get(identifier)
    if found is None or not identity.is_visible(identifier):
        raise Ec2Error(
            "InvalidCapacityReservationId.NotFound", f"The Capacity Reservation '{identifier}' does not exist."
        )
    return found
