"""From a RunInstances request to what will be launched: template merged in, everything checked, nothing made.

Sources: EC2 API reference (RunInstances, RequestLaunchTemplateData), EC2 user guide ("Launch templates",
"Maximize network bandwidth with multiple network cards", "EFA"), developer guide ("Error codes"). Types and
the zones that offer them are moto's snapshot of the real answers.
"""

import base64
import binascii
import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localstack_provision import network
from localstack_provision.ec2.errors import Ec2Error, combination, invalid_value, not_found
from localstack_provision.ec2.model import Store

MAX_USER_DATA = 16384
DEFAULT_TYPE = "m1.small"
EFA_TYPES = ("efa", "efa-only")
MARKETS = ("spot", "capacity-block", "interruptible-capacity-reservation")


@dataclass
class Launch:
    """A checked request: `count` instances that differ in index and address only."""

    request: dict[str, Any]
    zone: str
    type: str
    image: Any
    interfaces: list[dict[str, Any]]
    count: int
    profile: Any = None
    capacity_reservation_id: str | None = None
    template_tags: dict[str, str] = field(default_factory=dict)

    @property
    def market(self) -> str | None:
        """None: on demand."""
        return market_of(self.request)

    @property
    def group_name(self) -> str | None:
        return (self.request.get("Placement") or {}).get("GroupName")

    @property
    def preference(self) -> str:
        """Whether it falls into open reservations."""
        specification = self.request.get("CapacityReservationSpecification") or {}
        return specification.get("CapacityReservationPreference") or "open"


def settle(store: Store, request: dict[str, Any]) -> Launch:
    merged, template_tags = merge_template(store, request)
    _check_counts(merged)
    image = _find_image(store, merged.get("ImageId"))
    instance_type = merged.get("InstanceType") or DEFAULT_TYPE
    if instance_type not in INSTANCE_TYPES:
        raise Ec2Error("InvalidInstanceType", f"The instance type '{instance_type}' does not exist")
    _check_user_data(merged.get("UserData"))
    interfaces = _settle_interfaces(store, merged, instance_type)
    zone = network.find_subnet(store.backend, interfaces[0]["SubnetId"]).availability_zone
    _check_zone(store, merged, instance_type, zone)
    _check_architecture(image, instance_type)
    _check_groups(store, interfaces)
    _check_placement(store, merged)
    if merged.get("KeyName") and merged["KeyName"] not in store.backend.key_pairs:
        raise not_found("InvalidKeyPair.NotFound", "key pair", merged["KeyName"])
    return Launch(
        request=merged,
        zone=zone,
        type=instance_type,
        image=image,
        interfaces=interfaces,
        count=merged["MaxCount"],
        profile=find_profile(store, merged.get("IamInstanceProfile")),
        capacity_reservation_id=target_reservation(merged),
        template_tags=template_tags,
    )


def merge_template(store: Store, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the request with a launch template's data below it, and the tags AWS adds for the template."""
    reference = request.get("LaunchTemplate")
    if not reference:
        return copy.deepcopy(request), {}
    template = _find_template(store, reference)
    version = _find_version(template, reference.get("Version") or "$Default")
    data = store.template_data.get((template.id, version.number)) or version.data
    merged = copy.deepcopy({name: value for name, value in data.items() if value is not None})
    own = copy.deepcopy({name: value for name, value in request.items() if value is not None})
    merged["TagSpecifications"] = [*(merged.get("TagSpecifications") or []), *own.pop("TagSpecifications", [])]
    if "NetworkInterfaces" in own:
        own["NetworkInterfaces"] = _merge_interfaces(merged.get("NetworkInterfaces") or [], own["NetworkInterfaces"])
    for name in ("MetadataOptions", "Placement", "Monitoring"):
        if name in own and name in merged:
            own[name] = {**merged[name], **own[name]}
    if "SecurityGroupIds" in own:
        merged.pop("SecurityGroups", None)
    merged |= own
    tags = {"aws:ec2launchtemplate:id": template.id, "aws:ec2launchtemplate:version": str(version.number)}
    return merged, tags


def _merge_interfaces(below: list[dict[str, Any]], above: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def place(interface: dict[str, Any]) -> tuple[int, int]:
        return interface.get("NetworkCardIndex") or 0, interface.get("DeviceIndex") or 0

    merged = {place(interface): interface for interface in below}
    for interface in above:
        merged[place(interface)] = {**merged.get(place(interface), {}), **interface}
    return list(merged.values())


def _find_template(store: Store, reference: dict[str, Any]) -> Any:
    backend = store.backend
    identifier, name = reference.get("LaunchTemplateId"), reference.get("LaunchTemplateName")
    if bool(identifier) == bool(name):
        raise invalid_value("Either a launch template ID or a name must be given, not both.")
    if name:
        identifier = backend.launch_template_name_to_ids.get(name)
        if identifier is None:
            raise Ec2Error(
                "InvalidLaunchTemplateName.NotFoundException",
                f"The specified launch template, with template name {name}, does not exist.",
            )
    if identifier not in backend.launch_templates:
        raise Ec2Error(
            "InvalidLaunchTemplateId.NotFound",
            f"The specified launch template, with template ID {identifier}, does not exist.",
        )
    return backend.launch_templates[identifier]


def _find_version(template: Any, version: str) -> Any:
    if version == "$Default":
        return template.default_version()
    if version == "$Latest":
        return template.latest_version()
    for candidate in template.versions:
        if str(candidate.number) == str(version):
            return candidate
    raise Ec2Error(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {version} for the launch template with ID {template.id}.",
    )


def _check_counts(request: dict[str, Any]) -> None:
    low, high = int(request["MinCount"]), int(request["MaxCount"])
    if not 1 <= low <= high:
        raise invalid_value(f"The counts are invalid: minimum {low}, maximum {high}.")
    market = market_of(request)
    if market is not None and market not in MARKETS:
        raise invalid_value(f"Invalid value '{market}' for MarketType.")
    if market == "capacity-block" and not target_reservation(request):
        raise combination("The market type capacity-block requires a capacity reservation target.")


def _find_image(store: Store, image_id: str | None) -> Any:
    if not image_id:
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    if not image_id.startswith("ami-"):
        raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    image = store.backend.amis.get(image_id)
    if image is None:
        raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return image


def _check_user_data(user_data: str | None) -> None:
    if user_data is None:
        return
    try:
        raw = base64.b64decode(user_data, validate=True)
    except (binascii.Error, ValueError):
        raise Ec2Error("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if len(raw) > MAX_USER_DATA:
        raise invalid_value(f"User data is limited to {MAX_USER_DATA} bytes")


def _settle_interfaces(store: Store, request: dict[str, Any], instance_type: str) -> list[dict[str, Any]]:
    given = request.get("NetworkInterfaces")
    groups = request.get("SecurityGroupIds") or _group_ids(store, request.get("SecurityGroups") or [])
    if not given:
        subnet_id = request.get("SubnetId") or _default_subnet(store, request, instance_type)
        _require_subnet(store, subnet_id)
        single = {"DeviceIndex": 0, "SubnetId": subnet_id, "Groups": groups}
        if request.get("PrivateIpAddress"):
            single["PrivateIpAddress"] = request["PrivateIpAddress"]
        return [single]
    for name, what in (("SubnetId", "subnet ID"), ("SecurityGroupIds", "security groups")):
        if request.get(name):
            raise combination(
                f"Network interfaces and an instance-level {what} may not be specified on the same request"
            )
    interfaces = copy.deepcopy(given)
    interfaces.sort(key=lambda one: (one.get("NetworkCardIndex") or 0, one.get("DeviceIndex") or 0))
    shared = next((one["SubnetId"] for one in interfaces if one.get("SubnetId")), None)
    shared = shared or _default_subnet(store, request, instance_type)
    for interface in interfaces:
        interface["SubnetId"] = interface.get("SubnetId") or shared
        _require_subnet(store, interface["SubnetId"])
        if interface.get("NetworkInterfaceId"):
            raise Ec2Error("Unsupported", "Existing network interfaces in RunInstances are not emulated.")
    _check_layout(interfaces, instance_type)
    return interfaces


def _check_layout(interfaces: list[dict[str, Any]], instance_type: str) -> None:
    """Checks cards, devices and EFA against what the type has."""
    info = INSTANCE_TYPES[instance_type]["NetworkInfo"]
    places = [(one.get("NetworkCardIndex") or 0, one.get("DeviceIndex") or 0) for one in interfaces]
    if len(set(places)) != len(places):
        raise invalid_value("Each network interface needs its own network card and device index.")
    if (0, 0) not in places:
        raise combination("A network interface with network card index 0 and device index 0 is required.")
    cards = info.get("MaximumNetworkCards", 1)
    highest = max(card for card, _ in places)
    if highest >= cards:
        raise invalid_value(f"Network card index {highest} is not valid for {instance_type}: it has {cards}.")
    if interfaces[0].get("InterfaceType") == "efa-only":
        raise combination("The primary network interface cannot be efa-only.")
    efa_cards = [
        card for (card, _), one in zip(places, interfaces, strict=True) if one.get("InterfaceType") in EFA_TYPES
    ]
    if efa_cards and not info.get("EfaSupported"):
        raise Ec2Error("Unsupported", f"The instance type {instance_type} does not support Elastic Fabric Adapter.")
    if len(set(efa_cards)) != len(efa_cards):
        raise invalid_value("A network card can have one Elastic Fabric Adapter.")
    if len(efa_cards) > info.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0):
        raise invalid_value(f"{instance_type} does not support {len(efa_cards)} Elastic Fabric Adapters.")
    if len(interfaces) > 1 and any(one.get("AssociatePublicIpAddress") for one in interfaces):
        raise combination("The associatePublicIPAddress parameter cannot be used with several network interfaces.")


def _default_subnet(store: Store, request: dict[str, Any], instance_type: str) -> str:
    wanted = (request.get("Placement") or {}).get("AvailabilityZone")
    defaults = store.backend.get_default_subnets()
    zones = [wanted] if wanted else sorted(zones_offering(store.region, instance_type))
    for zone in zones:
        if zone in defaults:
            return defaults[zone].id
    raise Ec2Error("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")


def _require_subnet(store: Store, subnet_id: str) -> None:
    if network.find_subnet(store.backend, subnet_id) is None:
        raise Ec2Error("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")


@cache
def zones_offering(region: str, instance_type: str) -> frozenset[str]:
    offerings = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    return frozenset(one["Location"] for one in offerings if one["InstanceType"] == instance_type)


def _check_zone(store: Store, request: dict[str, Any], instance_type: str, zone: str) -> None:
    asked = (request.get("Placement") or {}).get("AvailabilityZone")
    if asked and asked != zone:
        raise invalid_value(f"The subnet is in the Availability Zone {zone}, not in {asked}.")
    offered = zones_offering(store.region, instance_type)
    if zone not in offered:
        others = ", ".join(sorted(offered))
        hint = f" or choosing {others}" if others else ""
        raise Ec2Error(
            "Unsupported",
            f"Your requested instance type ({instance_type}) is not supported in your requested Availability "
            f"Zone ({zone}). Please retry your request by not specifying an Availability Zone{hint}.",
        )


def _check_architecture(image: Any, instance_type: str) -> None:
    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture and image.architecture not in supported:
        raise invalid_value(
            f"The architecture '{','.join(supported)}' of the specified instance type does not match the "
            f"architecture '{image.architecture}' of the specified AMI."
        )


def _group_ids(store: Store, names: list[str]) -> list[str]:
    groups = []
    for name in names:
        group = store.backend.get_security_group_by_name_or_id(name)
        if group is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
        groups.append(group.id)
    return groups


def _check_groups(store: Store, interfaces: list[dict[str, Any]]) -> None:
    """Gives each interface its groups, the default one where none is named, and checks them once each."""
    known: dict[str, Any] = {}
    for interface in interfaces:
        subnet = network.find_subnet(store.backend, interface["SubnetId"])
        if not interface.get("Groups"):
            interface["Groups"] = [store.backend.get_default_security_group(subnet.vpc_id).id]
        for group_id in interface["Groups"]:
            if group_id not in known:
                known[group_id] = store.backend.get_security_group_from_id(group_id)
            group = known[group_id]
            if group is None:
                raise Ec2Error("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
            if group.vpc_id != subnet.vpc_id:
                raise Ec2Error(
                    "InvalidParameter",
                    f"Security group {group_id} and subnet {subnet.id} belong to different networks.",
                )


def _check_placement(store: Store, request: dict[str, Any]) -> None:
    placement = request.get("Placement") or {}
    name, identifier = placement.get("GroupName"), placement.get("GroupId")
    known = {group.id: group.name for group in store.placement_groups.values()}
    if identifier:
        name = known.get(identifier)
    if (name or identifier) and name not in store.placement_groups:
        raise Ec2Error("InvalidPlacementGroup.Unknown", f"The Placement Group '{name or identifier}' is unknown.")
    if name:
        placement["GroupName"] = name


def find_profile(store: Store, reference: dict[str, Any] | None) -> Any:
    if not reference:
        return None
    name = reference.get("Name") or (reference.get("Arn") or "").rpartition("/")[2]
    try:
        profile = iam_backends[store.account]["aws"].get_instance_profile(name)
    except NotFoundException:
        member = "name" if reference.get("Name") else "arn"
        raise invalid_value(
            f"Value ({reference.get('Name') or reference.get('Arn')}) for parameter iamInstanceProfile.{member} "
            f"is invalid. Invalid IAM Instance Profile {member}"
        ) from None
    if not profile.roles:
        raise invalid_value(f"IAM Instance Profile {profile.arn} has no associated IAM Roles")
    return profile


def market_of(request: dict[str, Any]) -> str | None:
    return (request.get("InstanceMarketOptions") or {}).get("MarketType")


def target_reservation(request: dict[str, Any]) -> str | None:
    specification = request.get("CapacityReservationSpecification") or {}
    return (specification.get("CapacityReservationTarget") or {}).get("CapacityReservationId")
