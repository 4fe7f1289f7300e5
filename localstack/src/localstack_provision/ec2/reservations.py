"""On-demand capacity reservations (EC2 API reference, CreateCapacityReservation and its neighbours).

A reservation takes its places from the pool of its type and zone at once, and gives them back when it is cancelled or
has expired; instances in it go on and take from the pool themselves (user guide, "Capacity Reservations"). What AWS
answers to a second cancelling it does not say; here it is refused.
"""

from datetime import datetime
from typing import Any

from localstack.aws.api import RequestContext, handler
from moto.ec2.models.instance_types import INSTANCE_TYPES

from localstack_provision import identity, ledger, settings
from localstack_provision.ec2 import capacity, filters, limits
from localstack_provision.ec2.errors import Ec2Error, combination, dry_run, invalid_value, token_mismatch
from localstack_provision.ec2.launch import zones_offering
from localstack_provision.ec2.model import CapacityReservation, Store, store_of, tags_for
from localstack_provision.timeline import now, schedule

# AWS's own bound and text (boto/boto3#2962).
MAX_COUNT = 1000
MATCHES = ("open", "targeted")

FILTERS: dict[str, filters.Getter] = {
    "instance-type": lambda one: [one.type],
    "owner-id": lambda one: [one.owner],
    "instance-platform": lambda one: [one.platform],
    "availability-zone": lambda one: [one.zone],
    "tenancy": lambda one: [one.tenancy],
    "state": lambda one: [one.state],
    "start-date": lambda one: [_instant(one.start or one.created)],
    "end-date": lambda one: [_instant(one.end) if one.end else None],
    "end-date-type": lambda one: [one.end_type],
    "instance-match-criteria": lambda one: [one.match],
    "placement-group-arn": lambda one: [one.group_arn],
    "reservation-type": lambda one: [one.kind],
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
        reservation = _settle(store, request)
        if request.get("DryRun"):
            raise dry_run()
        limits.check_on_demand(store, reservation.type, reservation.total)
        _take(store, reservation, reservation.total)
        store.capacity_reservations[reservation.id] = reservation
        store.set_tags(reservation.id, tags_for(request, "capacity-reservation"))
        if token[2]:
            store.tokens[token] = (kept, reservation)
        ledger.count("capacity_reservations_created")
        schedule(settings.delay("capacity_reservation_create"), lambda: _activate(reservation))
        _arm(reservation)
        return {"CapacityReservation": _view(store, reservation)}

    @handler("DescribeCapacityReservations", expand=False)
    def describe_capacity_reservations(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("CapacityReservationIds")
        if wanted:
            found = [find(store, identifier) for identifier in wanted]
        else:
            found = [one for one in store.capacity_reservations.values() if identity.is_visible(one.id)]
        found = filters.apply(found, request.get("Filters"), FILTERS, lambda one: store.tags_of(one.id))
        longest = int(settings.get("page.capacity_reservations"))
        try:
            found, following = identity.page(
                found, request.get("NextToken"), min(request.get("MaxResults") or longest, longest)
            )
        except identity.InvalidToken:
            raise invalid_value("Unable to parse pagination token") from None
        more = {"NextToken": following} if following else {}
        return {"CapacityReservations": [_view(store, one) for one in found], **more}

    @handler("GetCapacityReservationUsage", expand=False)
    def get_capacity_reservation_usage(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        reservation = find(store, request["CapacityReservationId"])
        view, used = _view(store, reservation), store.reserved(reservation.id)
        shown = ("CapacityReservationId", "InstanceType", "TotalInstanceCount", "AvailableInstanceCount", "State")
        usages = [{"AccountId": store.account, "UsedInstanceCount": used}] if used else []
        return {**{name: view[name] for name in shown}, "InstanceUsages": usages}

    @handler("ModifyCapacityReservation", expand=False)
    def modify_capacity_reservation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        reservation = find(store, request["CapacityReservationId"])
        _refuse_block(reservation)
        _require_active(reservation)
        count, end_type = request.get("InstanceCount"), request.get("EndDateType") or reservation.end_type
        end = request.get("EndDate") or (reservation.end if end_type == "limited" else None)
        _check_end(end, end_type)
        if count is not None:
            _check_count(count)
            if count < store.reserved(reservation.id):
                raise invalid_value("InstanceCount is below the number of running instances.")
        if request.get("DryRun"):
            raise dry_run()
        if count is not None:
            added = count - reservation.total
            if added > 0:
                limits.check_on_demand(store, reservation.type, added)
                _take(store, reservation, added)
            reservation.total = count
        reservation.end, reservation.end_type = end, end_type
        reservation.match = request.get("InstanceMatchCriteria") or reservation.match
        _arm(reservation)
        return {"Return": True}

    @handler("CancelCapacityReservation", expand=False)
    def cancel_capacity_reservation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        reservation = find(store, request["CapacityReservationId"])
        _refuse_block(reservation)
        if reservation.state != "pending":
            _require_active(reservation)
        if request.get("DryRun"):
            raise dry_run()
        reservation.state = "cancelled"
        ledger.count("capacity_reservations_cancelled")
        return {"Return": True}


def find(store: Store, identifier: str) -> CapacityReservation:
    found = store.capacity_reservations.get(identifier)
    if found is None or not identity.is_visible(identifier):
        raise Ec2Error(
            "InvalidCapacityReservationId.NotFound", f"The Capacity Reservation '{identifier}' does not exist."
        )
    return found


def zone_of(store: Store, name: str | None, zone_id: str | None = None) -> str:
    for zone in store.backend.describe_availability_zones():
        if name == zone.name or (zone_id and zone_id == zone.zone_id):
            return zone.name
    raise invalid_value(f"Invalid availability zone: {name or zone_id}")


def _settle(store: Store, request: dict[str, Any]) -> CapacityReservation:
    """Returns the reservation that a request describes, after AWS's checks."""
    instance_type = request.get("InstanceType")
    if instance_type not in INSTANCE_TYPES:
        raise Ec2Error("InvalidInstanceType", f"The instance type '{instance_type}' does not exist")
    _check_count(request.get("InstanceCount") or 0)
    zone = zone_of(store, request.get("AvailabilityZone"), request.get("AvailabilityZoneId"))
    if zone not in zones_offering(store.region, instance_type):
        raise Ec2Error(
            "Unsupported", f"The instance type {instance_type} is not supported in the Availability Zone {zone}."
        )
    match = request.get("InstanceMatchCriteria") or "open"
    if match not in MATCHES:
        raise invalid_value(f"InstanceMatchCriteria is one of {', '.join(MATCHES)}.")
    if request.get("StartDate"):
        raise Ec2Error("Unsupported", "Reservations for the future are not emulated.")
    group = request.get("PlacementGroupArn")
    if group and not any(one.arn == group for one in store.placement_groups.values()):
        raise Ec2Error("InvalidPlacementGroup.Unknown", f"The Placement Group '{group}' is unknown.")
    end = request.get("EndDate")
    end_type = request.get("EndDateType") or ("limited" if end else "unlimited")
    _check_end(end, end_type)
    identifier = identity.new_id("cr")
    return CapacityReservation(
        id=identifier,
        arn=f"arn:aws:ec2:{store.region}:{store.account}:capacity-reservation/{identifier}",
        owner=store.account,
        type=instance_type,
        zone=zone,
        platform=request.get("InstancePlatform") or "Linux/UNIX",
        total=request["InstanceCount"],
        match=match,
        tenancy=request.get("Tenancy") or "default",
        group_arn=group,
        end=end,
        end_type=end_type,
        state="pending",
    )


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_COUNT:
        raise invalid_value(
            f"{count} is an invalid value for InstanceCount. InstanceCount must be between 1 and {MAX_COUNT}."
        )


def _check_end(end: datetime | None, end_type: str) -> None:
    if end_type not in ("limited", "unlimited") or (end_type == "limited") != (end is not None):
        raise combination("EndDate goes with the EndDateType limited, and only with it.")
    if end is not None and end.timestamp() <= now():
        raise invalid_value("EndDate must be in the future.")


def _take(store: Store, reservation: CapacityReservation, count: int) -> None:
    free = capacity.room(store, reservation.type, reservation.zone)
    if free is not None and free < count:
        raise capacity.no_capacity(store, reservation.type, reservation.zone, count)


def _activate(reservation: CapacityReservation) -> None:
    if reservation.state == "pending":
        reservation.state = "active"


def _arm(reservation: CapacityReservation) -> None:
    """Plans the end of a reservation that has one."""
    end = reservation.end

    def due() -> None:
        if reservation.end == end and reservation.takes_room:
            reservation.state = "expired"
            ledger.count("capacity_reservations_expired")

    if end is not None:
        schedule(end.timestamp() - now(), due)


def _refuse_block(reservation: CapacityReservation) -> None:
    if reservation.is_block:
        raise Ec2Error("UnsupportedOperation", "A Capacity Block can be neither changed nor cancelled.")


def _require_active(reservation: CapacityReservation) -> None:
    if reservation.state != "active":
        raise Ec2Error(
            "InvalidCapacityReservationState", f"The Capacity Reservation is in the state {reservation.state}."
        )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.000Z}"


def _view(store: Store, reservation: CapacityReservation) -> dict[str, Any]:
    return reservation.view(store.reserved(reservation.id), store.tags_of(reservation.id))
