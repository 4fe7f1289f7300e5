"""Systems Manager: LocalStack's own provider (parameters), with Run Command and sessions in front.

Sources: SSM API reference, the pages of these operations; user guide, "Understanding command statuses" and
"Setting up instance permissions" (an instance without a profile never registers).
"""

import secrets
import uuid
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.services.ssm.provider import SsmProvider

from localstack_provision import identity, settings
from localstack_provision.ec2 import boot, filters
from localstack_provision.ec2 import model as ec2
from localstack_provision.ec2.model import Instance
from localstack_provision.ssm import play
from localstack_provision.ssm.model import Command, Invocation, Store, store_of
from localstack_provision.timeline import schedule, timestamp

DOCUMENTS = ("AWS-RunShellScript",)
MAX_INSTANCES = 50
MAX_PAGE = 50
# Seconds within which a command has to reach its instance.
DEFAULT_TIMEOUT = 3600
MIN_TIMEOUT = 30


class CommandsProvider(SsmProvider):
    service = "ssm"

    @handler("SendCommand", expand=False)
    def send_command(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        if request["DocumentName"].rpartition("/")[2] not in DOCUMENTS:
            raise _error("InvalidDocument", f"Document {request['DocumentName']} is not emulated.")
        parameters = request.get("Parameters") or {}
        if not parameters.get("commands"):
            raise _error("InvalidParameters", "The document AWS-RunShellScript needs the parameter commands.")
        timeout = request.get("TimeoutSeconds") or DEFAULT_TIMEOUT
        if timeout < MIN_TIMEOUT:
            raise _error("ValidationException", f"TimeoutSeconds is at least {MIN_TIMEOUT}.")
        instances = _targets(store, request)
        command = Command(
            id=str(uuid.uuid4()),
            document=request["DocumentName"],
            comment=request.get("Comment") or "",
            parameters=parameters,
            timeout=timeout,
            instance_ids=request.get("InstanceIds") or [],
            targets=request.get("Targets") or [],
        )
        store.commands[command.id] = command
        for instance in instances:
            invocation = Invocation(command, instance.id, instance.tags.get("Name", ""))
            command.invocations[instance.id] = invocation
            _deliver(instance, invocation)
        return {"Command": command.view()}

    @handler("ListCommands", expand=False)
    def list_commands(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        commands = list(store_of(context.account_id, context.region).commands.values())
        if wanted := request.get("CommandId"):
            commands = [command for command in commands if command.id == wanted]
        if wanted := request.get("InstanceId"):
            commands = [command for command in commands if wanted in command.invocations]
        chosen, token = _page(commands[::-1], request)
        return {"Commands": [command.view() for command in chosen], **token}

    @handler("ListCommandInvocations", expand=False)
    def list_command_invocations(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("CommandId")
        commands = [_command(store, wanted)] if wanted else list(store.commands.values())
        found = [
            invocation
            for command in commands
            for invocation in command.invocations.values()
            if request.get("InstanceId") in (None, invocation.instance_id)
        ]
        chosen, token = _page(found, request)
        return {"CommandInvocations": [one.list_view(bool(request.get("Details"))) for one in chosen], **token}

    @handler("GetCommandInvocation", expand=False)
    def get_command_invocation(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        command = _command(store_of(context.account_id, context.region), request["CommandId"])
        invocation = command.invocations.get(request["InstanceId"])
        if invocation is None:
            raise _error("InvocationDoesNotExist", "")
        return invocation.view()

    @handler("CancelCommand", expand=False)
    def cancel_command(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        command = _command(store_of(context.account_id, context.region), request["CommandId"])
        for identifier in request.get("InstanceIds") or list(command.invocations):
            invocation = command.invocations.get(identifier)
            if invocation is None:
                raise _error("InvalidInstanceId", f"The command was not sent to {identifier}.")
            if invocation.unfinished:
                invocation.become("Cancelled")
        return {}

    @handler("DescribeInstanceInformation", expand=False)
    def describe_instance_information(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        instances = [one for one in _instances(store) if is_registered(one)]
        conditions = [(each["Key"], each["Values"]) for each in request.get("Filters") or []]
        conditions += [(each["key"], each["valueSet"]) for each in request.get("InstanceInformationFilterList") or []]
        for key, values in conditions:
            getter = _getter(key)
            instances = [one for one in instances if set(getter(one)) & set(values)]
        chosen, token = _page(instances, request)
        return {"InstanceInformationList": [_information(one) for one in chosen], **token}

    @handler("StartSession", expand=False)
    def start_session(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        target = request["Target"]
        instance = ec2.store_of(store.account, store.region).instances.get(target)
        if instance is None or not is_registered(instance) or is_offline(instance):
            raise _error("TargetNotConnected", f"{target} is not connected.")
        identifier = f"{context.account_id}-{secrets.token_hex(8)}"
        store.sessions[identifier] = target
        return {
            "SessionId": identifier,
            "TokenValue": secrets.token_urlsafe(64),
            # Nobody listens there: a session is only begun and ended.
            "StreamUrl": f"wss://ssmmessages.{context.region}.amazonaws.com/v1/data-channel/{identifier}",
        }

    @handler("TerminateSession", expand=False)
    def terminate_session(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store_of(context.account_id, context.region).sessions.pop(request["SessionId"], None)
        return {"SessionId": request["SessionId"]}


def is_registered(instance: Instance) -> bool:
    """Tells whether an instance is a managed node: its agent has a role to speak with."""
    return instance.state == "running" and "IamInstanceProfile" in instance.fixed


def is_offline(instance: Instance) -> bool:
    offline = settings.get("ssm.offline")
    return any(name in offline for name in ("*", instance.id, _name(instance)))


def _name(instance: Instance) -> str:
    return instance.tags.get(boot.ADDRESS_TAG, "")


def _error(code: str, message: str) -> CommonServiceException:
    return CommonServiceException(code, message, status_code=400, sender_fault=True)


def _instances(store: Store) -> list[Instance]:
    return list(ec2.store_of(store.account, store.region).instances.values())


def _getter(key: str) -> Any:
    if key.startswith("tag:"):
        return lambda one: [one.tags.get(key.removeprefix("tag:"))]
    known: dict[str, filters.Getter] = {
        "InstanceIds": lambda one: [one.id],
        "PingStatus": lambda one: [_ping(one)],
        "ResourceType": lambda one: ["EC2Instance"],
    }
    if key not in known:
        raise _error("InvalidInstanceInformationFilterValue", f"The filter {key} is not emulated.")
    return known[key]


def _ping(instance: Instance) -> str:
    return "ConnectionLost" if is_offline(instance) else "Online"


def _information(instance: Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "PingStatus": _ping(instance),
        "LastPingDateTime": instance.launched if is_offline(instance) else timestamp(),
        "AgentVersion": "3.3.0.0",
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "ResourceType": "EC2Instance",
        "IPAddress": instance.private_address or "",
        "ComputerName": f"ip-{(instance.private_address or '').replace('.', '-')}.{instance.domain}",
    }


def _targets(store: Store, request: dict[str, Any]) -> list[Instance]:
    """Returns the instances of a command. Those named must be managed nodes; tags find those that are."""
    named = list(request.get("InstanceIds") or [])
    targets = request.get("Targets") or []
    if bool(named) == bool(targets):
        raise _error("InvalidParameters", "A command has either InstanceIds or Targets.")
    found = [one for one in _instances(store) if is_registered(one)]
    for target in targets:
        if target["Key"] == "InstanceIds":
            named += target["Values"]
        else:
            getter = _getter(target["Key"])
            found = [one for one in found if set(getter(one)) & set(target["Values"])]
    if len(named) > MAX_INSTANCES or len(set(named)) < len(named):
        code = "DuplicateInstanceId" if len(set(named)) < len(named) else "ValidationException"
        raise _error(code, f"A command has at most {MAX_INSTANCES} different instances.")
    if missing := set(named) - {one.id for one in found}:
        text = f"Instances [[{', '.join(sorted(missing))}]] not in a valid state for account {store.account}"
        raise _error("InvalidInstanceId", text)
    return [one for one in found if not named or one.id in named]


def _command(store: Store, identifier: str) -> Command:
    command = store.commands.get(identifier)
    if command is None:
        raise _error("InvalidCommandId", "")
    return command


def _deliver(instance: Instance, invocation: Invocation) -> None:
    """Has a command begin; one that its instance does not take in time is timed out."""
    command = invocation.command

    def time_out() -> None:
        if invocation.status == "Pending":
            invocation.become("TimedOut", "DeliveryTimedOut")

    def begin() -> None:
        if invocation.status != "Pending":
            return
        invocation.become("InProgress")
        result = play.play(instance, _name(instance), command.text)
        if result.delay is not None:
            schedule(float(result.delay) * settings.scale(), lambda: end(result))

    def end(result: play.Result) -> None:
        if not invocation.unfinished:
            return
        if not is_registered(instance):
            # The instance went away under it: the agent never reports.
            return
        invocation.exit, invocation.output, invocation.error = result.exit, result.output, result.error
        invocation.become("Failed" if result.exit else "Success")

    if is_offline(instance):
        schedule(command.timeout * settings.scale(), time_out)
    else:
        schedule(settings.delay("command"), begin)


def _page(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    size = min(request.get("MaxResults") or MAX_PAGE, MAX_PAGE)
    try:
        chosen, token = identity.page(items, request.get("NextToken"), size)
    except identity.InvalidToken:
        raise _error("InvalidNextToken", "The specified token is not valid.") from None
    return chosen, {"NextToken": token} if token else {}
