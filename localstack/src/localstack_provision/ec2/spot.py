"""Spot: what an instance is told before it is taken away, and how likely a zone is to have room.

Sources: EC2 user guide, "Spot Instance interruption notices" (two minutes; `spot/instance-action` in the metadata) and
"Spot placement score" (1 to 10, at most ten answers); API reference, StateReason.
"""

from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import ledger, settings
from localstack_provision.ec2 import capacity
from localstack_provision.ec2.errors import Ec2Error, dry_run, invalid_value
from localstack_provision.ec2.instances import take_away
from localstack_provision.ec2.launch import zones_offering
from localstack_provision.ec2.model import Instance, Store, store_of
from localstack_provision.timeline import now, schedule

# Seconds; scaled.
NOTICE = 120.0
REASON = {
    "Code": "Server.SpotInstanceTermination",
    "Message": "Server.SpotInstanceTermination: Spot instance termination",
}
HIGHEST, LOWEST = 9, 1
MAX_SCORES = 10


def interrupt(instance: Instance, notice: float) -> None:
    """Tells an instance that it ends in `notice` seconds (scaled), and ends it then."""
    wait = notice * settings.scale()
    ends = datetime.fromtimestamp(now() + wait, UTC)
    instance.notice = {"action": "terminate", "time": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    ledger.count("spot_interruptions")

    def due() -> None:
        if instance.alive:
            instance.state_reason = REASON
            take_away(store_of(instance.account, instance.region), [instance])

    schedule(wait, due)


class SpotOperations:
    @handler("GetSpotPlacementScores", expand=False)
    def get_spot_placement_scores(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted, types = request["TargetCapacity"], request.get("InstanceTypes") or []
        if not types or request.get("TargetCapacityUnitType") not in (None, "units"):
            raise Ec2Error("Unsupported", "Scores are emulated for InstanceTypes and for units only.")
        if wanted < 1:
            raise invalid_value("TargetCapacity must be at least 1.")
        if request.get("DryRun"):
            raise dry_run()
        if request.get("RegionNames") not in (None, [], [store.region]):
            raise invalid_value("Scores are emulated for the Region of the request only.")
        scores = []
        for zone in store.backend.describe_availability_zones():
            offered = [name for name in types if zone.name in zones_offering(store.region, name)]
            if offered:
                best = max(_score(store, name, zone.name, wanted) for name in offered)
                scores.append({"Region": store.region, "AvailabilityZoneId": zone.zone_id, "Score": best})
        if not request.get("SingleAvailabilityZone"):
            best = max((one["Score"] for one in scores), default=LOWEST)
            scores = [{"Region": store.region, "Score": best}]
        scores.sort(key=lambda one: -one["Score"])
        return {"SpotPlacementScores": scores[:MAX_SCORES]}


def _score(store: Store, instance_type: str, zone: str, wanted: int) -> int:
    """How much of what is wanted there is room for. AWS's own way is not known."""
    free = capacity.room(store, instance_type, zone, spot=True)
    if free is None or free >= wanted:
        return HIGHEST
    return LOWEST + (HIGHEST - LOWEST) * free // wanted
