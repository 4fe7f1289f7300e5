"""RunInstances and what follows: Describe, Terminate, Stop, Start, status, attributes.

Instances are kept here, not in moto: moto keys network interfaces by device index, knows no pending state and
looks ids up by walking all reservations. Their network interfaces, volumes and tags are moto's.

Sources: EC2 API reference; developer guide, "Ensuring idempotency" (RunInstances tokens are per zone).
"""

import base64
from functools import partial
from typing import Any

from localstack.aws.api import RequestContext, handler
from moto.ec2.models.elastic_block_store import VolumeAttachment
from moto.ec2.utils import random_eni_attach_id

from localstack_provision import identity, ledger, network, settings
from localstack_provision.ec2 import boot, capacity, filters, launch, life, limits
from localstack_provision.ec2.errors import Ec2Error, combination, dry_run, invalid_value, token_mismatch
from localstack_provision.ec2.launch import Launch
from localstack_provision.ec2.model import (
    INSTANCE_INITIATED,
    STATE_CODES,
    USER_INITIATED,
    Instance,
    Store,
    store_of,
    tags_for,
)
from localstack_provision.timeline import schedule, timestamp

# Bytes of the console that are kept (API reference, GetConsoleOutput).
MAX_CONSOLE = 65536
ROOT_VOLUME = {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}

FILTERS: dict[str, filters.Getter] = {
    "instance-id": lambda one: [one.id],
    "instance-state-name": lambda one: [one.state],
    "instance-state-code": lambda one: [str(STATE_CODES[one.state])],
    "instance-type": lambda one: [one.type],
    "image-id": lambda one: [one.fixed["ImageId"]],
    "availability-zone": lambda one: [one.zone],
    "subnet-id": lambda one: [one.subnet_id if one.interfaces else None],
    "vpc-id": lambda one: [one.vpc_id if one.interfaces else None],
    "network-interface.subnet-id": lambda one: [nic.subnet.id for nic in one.interfaces],
    "private-ip-address": lambda one: [one.private_address],
    "instance.group-id": lambda one: [group.id for group in one.groups],
    "group-id": lambda one: [group.id for group in one.groups],
    "placement-group-name": lambda one: [one.group_name],
    "capacity-reservation-id": lambda one: [one.capacity_reservation_id],
    "client-token": lambda one: [one.fixed.get("ClientToken")],
    "reservation-id": lambda one: [one.reservation_id],
    "key-name": lambda one: [one.fixed.get("KeyName")],
    "spot-instance-request-id": lambda one: [one.fixed.get("SpotInstanceRequestId")],
    "instance-lifecycle": lambda one: [one.fixed.get("InstanceLifecycle")],
    "iam-instance-profile.arn": lambda one: [(one.fixed.get("IamInstanceProfile") or {}).get("Arn")],
}

ATTRIBUTES = {
    "userData": lambda one: {"UserData": {"Value": one.request.get("UserData") or ""}},
    "instanceType": lambda one: {"InstanceType": {"Value": one.type}},
    "disableApiTermination": lambda one: {"DisableApiTermination": {"Value": one.termination_protection}},
    "disableApiStop": lambda one: {"DisableApiStop": {"Value": bool(one.request.get("DisableApiStop"))}},
    "instanceInitiatedShutdownBehavior": lambda one: {
        "InstanceInitiatedShutdownBehavior": {"Value": one.request.get("InstanceInitiatedShutdownBehavior") or "stop"}
    },
    "rootDeviceName": lambda one: {"RootDeviceName": {"Value": one.fixed["RootDeviceName"]}},
    "ebsOptimized": lambda one: {"EbsOptimized": {"Value": one.fixed["EbsOptimized"]}},
    "sourceDestCheck": lambda one: {"SourceDestCheck": {"Value": True}},
    "groupSet": lambda one: {"Groups": [{"GroupId": group.id} for group in one.groups]},
}


class InstanceOperations:
    @handler("RunInstances", expand=False)
    def run_instances(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        plan = launch.settle(store, request)
        if request.get("DryRun"):
            raise dry_run()
        token = ("RunInstances", plan.zone, request.get("ClientToken") or "")
        kept = identity.fingerprint(request, "ClientToken", "DryRun")
        if token[2] and token in store.tokens:
            parameters, instances = store.tokens[token]
            if parameters != kept:
                raise token_mismatch()
            return _reservation_view(store, instances)
        allotted = capacity.allot(store, plan)
        if plan.market == capacity.SPOT:
            limits.check_spot(store, plan.type, len(allotted))
        elif outside := allotted.count(None):
            limits.check_on_demand(store, plan.type, outside)
        instances = _create(store, plan, allotted)
        if token[2]:
            store.tokens[token] = (kept, instances)
        schedule(settings.delay("instance_pending"), lambda: _run(instances))
        return _reservation_view(store, instances)

    @handler("DescribeInstances", expand=False)
    def describe_instances(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("InstanceIds")
        if wanted and request.get("MaxResults"):
            raise combination("The parameter instancesSet cannot be used with the parameter maxResults")
        instances = find(store, wanted) if wanted else _visible(store)
        instances = filters.apply(instances, request.get("Filters"), FILTERS, lambda one: one.tags)
        instances, token = _page(instances, request, limited=not wanted)
        reservations: dict[str, list[Instance]] = {}
        for instance in instances:
            reservations.setdefault(instance.reservation_id, []).append(instance)
        return {"Reservations": [_reservation_view(store, group) for group in reservations.values()], **token}

    @handler("DescribeInstanceStatus", expand=False)
    def describe_instance_status(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("InstanceIds")
        instances = find(store, wanted) if wanted else _visible(store)
        if not request.get("IncludeAllInstances"):
            instances = [one for one in instances if one.state == "running"]
        instances = filters.apply(instances, request.get("Filters"), FILTERS, lambda one: one.tags)
        instances, token = _page(instances, request, limited=not wanted)
        return {"InstanceStatuses": [_status_view(one) for one in instances], **token}

    @handler("TerminateInstances", expand=False)
    def terminate_instances(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        instances = find(store, request.get("InstanceIds"))
        for one in instances:
            if one.alive and one.termination_protection:
                raise Ec2Error(
                    "OperationNotPermitted",
                    f"The instance '{one.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                    "attribute and try again.",
                )
        if request.get("DryRun"):
            raise dry_run()
        leaving = [one for one in instances if one.alive]
        changes = [_change(one, "shutting-down") if one.alive else _change(one, one.state) for one in instances]
        for one in leaving:
            one.reason = f"User initiated ({timestamp():%Y-%m-%d %H:%M:%S} GMT)"
            one.state_reason = USER_INITIATED
        ledger.count("instances_terminated", len(leaving))
        schedule(settings.delay("instance_shutting_down"), lambda: _remove(store, leaving))
        return {"TerminatingInstances": changes}

    @handler("StopInstances", expand=False)
    def stop_instances(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        instances = _in_state(find(store, request.get("InstanceIds")), "running", "stopped", "stopping")
        changes = [_change(one, "stopping") if one.state == "running" else _change(one, one.state) for one in instances]
        schedule(settings.delay("instance_shutting_down"), lambda: _move(instances, "stopping", "stopped"))
        return {"StoppingInstances": changes}

    @handler("StartInstances", expand=False)
    def start_instances(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        instances = _in_state(find(store, request.get("InstanceIds")), "stopped", "running", "pending")
        changes = [_change(one, "pending") if one.state == "stopped" else _change(one, one.state) for one in instances]
        for one in instances:
            one.state_reason = None
        schedule(settings.delay("instance_pending"), lambda: _move(instances, "pending", "running"))
        return {"StartingInstances": changes}

    @handler("RebootInstances", expand=False)
    def reboot_instances(self, context: RequestContext, request: dict[str, Any]) -> None:
        find(store_of(context.account_id, context.region), request.get("InstanceIds"))

    @handler("DescribeInstanceAttribute", expand=False)
    def describe_instance_attribute(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        instance = find(store_of(context.account_id, context.region), [request["InstanceId"]])[0]
        attribute = ATTRIBUTES.get(request["Attribute"])
        if attribute is None:
            raise invalid_value(f"The attribute '{request['Attribute']}' is not emulated.")
        return {"InstanceId": instance.id, **attribute(instance)}

    @handler("GetConsoleOutput", expand=False)
    def get_console_output(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        instance = find(store_of(context.account_id, context.region), [request["InstanceId"]])[0]
        kept = instance.console.encode()[-MAX_CONSOLE:]
        return {"InstanceId": instance.id, "Timestamp": timestamp(), "Output": base64.b64encode(kept).decode()}

    @handler("ModifyInstanceAttribute", expand=False)
    def modify_instance_attribute(self, context: RequestContext, request: dict[str, Any]) -> None:
        instance = find(store_of(context.account_id, context.region), [request["InstanceId"]])[0]
        if request.get("DisableApiTermination"):
            instance.termination_protection = bool(request["DisableApiTermination"]["Value"])
        elif request.get("Groups"):
            groups = [instance.backend.get_security_group_from_id(group_id) for group_id in request["Groups"]]
            instance.interfaces[0]._group_set = groups
        else:
            raise Ec2Error("Unsupported", "Of an instance only termination protection and groups can be changed.")


def find(store: Store, identifiers: list[str] | None) -> list[Instance]:
    if not identifiers:
        raise combination("No instances specified")
    for identifier in identifiers:
        if not identifier.startswith("i-"):
            raise Ec2Error("InvalidInstanceID.Malformed", f'Invalid id: "{identifier}"')
    missing = [one for one in identifiers if one not in store.instances or not identity.is_visible(one)]
    if missing:
        text = f"The instance ID '{missing[0]}' does not exist"
        if len(missing) > 1:
            text = f"The instance IDs '{', '.join(missing)}' do not exist"
        raise Ec2Error("InvalidInstanceID.NotFound", text)
    return [store.instances[identifier] for identifier in identifiers]


def _visible(store: Store) -> list[Instance]:
    return [one for one in store.instances.values() if identity.is_visible(one.id)]


def _page(instances: list[Instance], request: dict[str, Any], limited: bool) -> tuple[list[Instance], dict[str, str]]:
    if not limited:
        return instances, {}
    longest = int(settings.get("page.instances"))
    size = min(request.get("MaxResults") or longest, longest)
    try:
        chosen, token = identity.page(instances, request.get("NextToken"), size)
    except identity.InvalidToken:
        raise invalid_value("Unable to parse pagination token") from None
    return chosen, {"NextToken": token} if token else {}


def _reservation_view(store: Store, instances: list[Instance]) -> dict[str, Any]:
    return {
        "ReservationId": instances[0].reservation_id,
        "OwnerId": store.account,
        "Groups": [],
        "Instances": [one.view() for one in instances],
    }


def _status_view(instance: Instance) -> dict[str, Any]:
    status: dict[str, Any] = {"Status": "not-applicable"}
    if instance.state == "running":
        status = {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": instance.zone,
        "InstanceState": instance.state_view,
        "InstanceStatus": status,
        "SystemStatus": status,
    }


def _change(instance: Instance, state: str) -> dict[str, Any]:
    before = instance.state_view
    instance.state = state
    return {"InstanceId": instance.id, "CurrentState": instance.state_view, "PreviousState": before}


def _in_state(instances: list[Instance], *states: str) -> list[Instance]:
    for one in instances:
        if one.state not in states:
            raise Ec2Error("IncorrectInstanceState", f"The instance '{one.id}' is not in a state for this action.")
    return instances


def _move(instances: list[Instance], old: str, new: str) -> None:
    for one in instances:
        if one.state == old:
            one.state = new


def _run(instances: list[Instance]) -> None:
    _move(instances, "pending", "running")
    schedule(settings.delay("instance_boot"), lambda: boot.boot(instances))


def _power_off(store: Store, instance: Instance) -> None:
    """Ends or stops an instance from inside, as its shutdown behaviour says."""
    wait = settings.delay("instance_shutting_down")
    if instance.request.get("InstanceInitiatedShutdownBehavior") != "terminate":
        instance.state, instance.state_reason = "stopping", INSTANCE_INITIATED
        schedule(wait, lambda: _move([instance], "stopping", "stopped"))
        return
    instance.state, instance.state_reason = "shutting-down", INSTANCE_INITIATED
    ledger.count("instances_terminated")
    ledger.count("instances_expired")
    schedule(wait, lambda: _remove(store, [instance]))


def take_away(store: Store, instances: list[Instance]) -> None:
    """Terminates instances on AWS's own account, for the reason that they have got."""
    for one in instances:
        one.state = "shutting-down"
        one.reason = (one.state_reason or {}).get("Code", "")
    ledger.count("instances_terminated", len(instances))
    schedule(settings.delay("instance_shutting_down"), lambda: _remove(store, instances))


def _create(store: Store, plan: Launch, allotted: list[str | None]) -> list[Instance]:
    count = len(allotted)
    addresses = _addresses(store, plan, count)
    reservation_id = identity.new_id("r")
    tags = {**plan.template_tags, **tags_for(plan.request, "instance")}
    fixed = _fixed_members(plan)
    subnet = network.find_subnet(store.backend, plan.interfaces[0]["SubnetId"])
    instances = []
    for index, capacity_reservation_id in enumerate(allotted):
        instance = Instance(
            id=identity.new_id("i"),
            account=store.account,
            region=store.region,
            zone=plan.zone,
            reservation_id=reservation_id,
            type=plan.type,
            index=index,
            fixed=fixed,
            request=plan.request,
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            group_name=plan.group_name,
            capacity_reservation_id=capacity_reservation_id,
            market=plan.market,
            termination_protection=bool(plan.request.get("DisableApiTermination")),
        )
        instance.fixed = {**fixed, "InstanceId": instance.id, "AmiLaunchIndex": index}
        if capacity_reservation_id:
            instance.fixed["CapacityReservationId"] = capacity_reservation_id
        if plan.market == capacity.SPOT:
            instance.fixed["SpotInstanceRequestId"] = identity.new_id("sir")
        store.set_tags(instance.id, tags)
        _attach_interfaces(store, plan, instance, addresses)
        _attach_volumes(store, plan, instance)
        store.instances[instance.id] = instance
        instances.append(instance)
        life.arm(instance, partial(_power_off, store, instance))
    ledger.count("instances_launched", count)
    return instances


def _addresses(store: Store, plan: Launch, count: int) -> dict[str, list[str]]:
    """Returns free addresses for all interfaces of a launch, by subnet."""
    needed: dict[str, int] = {}
    for interface in plan.interfaces:
        if interface.get("InterfaceType") != "efa-only":
            needed[interface["SubnetId"]] = needed.get(interface["SubnetId"], 0) + count
    addresses = {}
    for subnet_id, number in needed.items():
        subnet = network.find_subnet(store.backend, subnet_id)
        try:
            addresses[subnet_id] = network.free_addresses(store.backend, subnet, number)
        except network.NotEnoughAddresses:
            raise Ec2Error(
                "InsufficientFreeAddressesInSubnet",
                f"There are not enough free addresses in subnet '{subnet_id}' to satisfy the requested number of "
                "instances.",
            ) from None
        addresses[subnet_id].reverse()
    return addresses


def _attach_interfaces(store: Store, plan: Launch, instance: Instance, addresses: dict[str, list[str]]) -> None:
    tags = tags_for(plan.request, "network-interface")
    for wanted in plan.interfaces:
        kind = wanted.get("InterfaceType") or "interface"
        subnet = network.find_subnet(store.backend, wanted["SubnetId"])
        address = None if kind == "efa-only" else addresses[subnet.id].pop()
        if address and wanted.get("PrivateIpAddress"):
            address = wanted["PrivateIpAddress"]
        public = wanted.get("AssociatePublicIpAddress")
        if public is None:
            public = len(plan.interfaces) == 1 and str(subnet.map_public_ip_on_launch).lower() == "true"
        interface = network.Interface(
            store.backend,
            subnet,
            address,
            wanted["Groups"],
            device_index=wanted.get("DeviceIndex") or 0,
            description=wanted.get("Description"),
            tags=tags,
            delete_on_termination=wanted.get("DeleteOnTermination") is not False,
            public_ip_auto_assign=bool(public),
        )
        interface.interface_type = kind
        interface.network_card_index = wanted.get("NetworkCardIndex") or 0
        interface.attachment_id = random_eni_attach_id()
        interface.instance = instance
        network.add_interface(interface)
        instance.interfaces.append(interface)


def _attach_volumes(store: Store, plan: Launch, instance: Instance) -> None:
    tags = tags_for(plan.request, "volume")
    devices = {plan.image.root_device_name: dict(ROOT_VOLUME)}
    for mapping in plan.request.get("BlockDeviceMappings") or []:
        if mapping.get("Ebs"):
            devices.setdefault(mapping["DeviceName"], dict(ROOT_VOLUME)).update(mapping["Ebs"])
    for device, ebs in devices.items():
        volume = store.backend.create_volume(
            size=ebs["VolumeSize"],
            zone_name=plan.zone,
            encrypted=bool(ebs.get("Encrypted")),
            kms_key_id=ebs.get("KmsKeyId"),
            volume_type=ebs["VolumeType"],
            iops=ebs.get("Iops"),
            throughput=ebs.get("Throughput"),
        )
        volume.attachment = VolumeAttachment(volume, instance, device, "attached")
        store.set_tags(volume.id, tags)
        instance.volumes.append((device, volume, ebs["DeleteOnTermination"] is not False))


def _fixed_members(plan: Launch) -> dict[str, Any]:
    request, image = plan.request, plan.image
    placement = request.get("Placement") or {}
    metadata = request.get("MetadataOptions") or {}
    fixed = {
        "ImageId": image.id,
        "InstanceType": plan.type,
        "KeyName": request.get("KeyName"),
        "ClientToken": request.get("ClientToken"),
        "Monitoring": {"State": "enabled" if (request.get("Monitoring") or {}).get("Enabled") else "disabled"},
        "Placement": {
            "AvailabilityZone": plan.zone,
            "GroupName": placement.get("GroupName") or "",
            "Tenancy": placement.get("Tenancy") or "default",
        },
        "Architecture": image.architecture or "x86_64",
        "RootDeviceName": image.root_device_name,
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",
        "EnaSupport": True,
        "EbsOptimized": bool(request.get("EbsOptimized")),
        "SourceDestCheck": True,
        "PlatformDetails": "Linux/UNIX",
        "CapacityReservationSpecification": request.get("CapacityReservationSpecification")
        or {"CapacityReservationPreference": "open"},
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "optional",
            "HttpPutResponseHopLimit": 1,
            "HttpEndpoint": "enabled",
            "HttpProtocolIpv6": "disabled",
            "InstanceMetadataTags": "disabled",
            **{name: value for name, value in metadata.items() if value is not None},
        },
        "InstanceLifecycle": plan.market,
    }
    if plan.profile:
        fixed["IamInstanceProfile"] = {"Arn": plan.profile.arn, "Id": plan.profile.id}
    return {name: value for name, value in fixed.items() if value is not None}


def _remove(store: Store, instances: list[Instance]) -> None:
    for one in instances:
        if one.state != "shutting-down":
            continue
        one.state = "terminated"
        for interface in one.interfaces:
            if interface.delete_on_termination:
                network.remove_interface(store.backend, interface.id)
            else:
                interface.instance, interface.attachment_id, interface.status = None, None, "available"
        for _, volume, delete_on_termination in one.volumes:
            volume.attachment = None
            if delete_on_termination:
                store.backend.volumes.pop(volume.id, None)
                store.backend.tags.pop(volume.id, None)
        one.interfaces, one.volumes = [], []
