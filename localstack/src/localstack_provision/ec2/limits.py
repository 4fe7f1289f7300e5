"""The quotas on vCPUs that a launch, or a reservation, meets: those that a test has set (`quota`, by code).

Sources: EC2 user guide, "On-Demand Instance quotas" (unused reservations count, Capacity Blocks do not) and "Spot
Instance quotas"; the codes are those of src/catalog/data/quotas.tsv. Which code a reservation is refused with, AWS does
not say: that of a launch is taken.
"""

import re

from moto.ec2.models.instance_types import INSTANCE_TYPES

from localstack_provision import settings
from localstack_provision.ec2.errors import Ec2Error
from localstack_provision.ec2.model import Store

# Code → the letters that its instance types begin with.
STANDARD = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
ON_DEMAND = {
    "L-417A185B": ("p",),
    "L-DB2E81BA": ("g", "gr", "vt"),
    "L-2C3B7624": ("trn",),
    "L-1945791B": ("inf",),
    "L-6E869C2A": ("dl",),
    "L-1216C47A": STANDARD,
    "L-7295265B": ("x",),
    "L-74FC7D96": ("f",),
    "L-F7808C92": ("hpc",),
    "L-43DA4232": ("u",),
}
SPOT = {
    "L-7212CCBC": ("p",),
    "L-3819A6DF": ("g", "gr", "vt"),
    "L-6B0D517C": ("trn",),
    "L-B5D1601B": ("inf",),
    "L-85EED4F7": ("dl",),
    "L-34B43A08": STANDARD,
    "L-E3A00192": ("x",),
    "L-88CF9481": ("f",),
}


def check_on_demand(store: Store, instance_type: str, count: int) -> None:
    """Raises VcpuLimitExceeded, if so many more instances, or places in a reservation, are too many."""
    wanted = count * _vcpus(instance_type)
    for families, limit in _limits(ON_DEMAND, instance_type):
        used = sum(
            _vcpus(one.type)
            for one in store.instances.values()
            if one.alive and one.market is None and not store.is_in_reservation(one) and _counts(one.type, families)
        )
        reserved = (one for one in store.capacity_reservations.values() if one.takes_room)
        used += sum(one.total * _vcpus(one.type) for one in reserved if _counts(one.type, families))
        if used + wanted > limit:
            raise Ec2Error(
                "VcpuLimitExceeded",
                f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the "
                "instance bucket that the specified instance type belongs to. Please visit "
                "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
            )


def check_spot(store: Store, instance_type: str, count: int) -> None:
    wanted = count * _vcpus(instance_type)
    for families, limit in _limits(SPOT, instance_type):
        spot = (one for one in store.instances.values() if one.alive and one.market == "spot")
        if sum(_vcpus(one.type) for one in spot if _counts(one.type, families)) + wanted > limit:
            raise Ec2Error("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")


def _limits(quotas: dict[str, tuple[str, ...]], instance_type: str) -> list[tuple[tuple[str, ...] | None, int]]:
    """Returns (families it counts, vCPUs); `ec2.vcpu_limit` counts all families together."""
    found: list[tuple[tuple[str, ...] | None, int]] = []
    for code, families in quotas.items():
        value = settings.get("quota").get(code)
        if value is not None and _counts(instance_type, families):
            found.append((families, int(value)))
    if quotas is ON_DEMAND and (value := settings.get("ec2.vcpu_limit")) is not None:
        found.append((None, int(value)))
    return found


def _counts(instance_type: str, families: tuple[str, ...] | None) -> bool:
    return families is None or re.match(r"[a-z]*", instance_type).group() in families


def _vcpus(instance_type: str) -> int:
    return INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"]
