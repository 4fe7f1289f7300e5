"""Commands and their invocations: one for each instance."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localstack_provision.timeline import timestamp

PLUGIN = "aws:runShellScript"
# SSM API reference: what an answer holds of the output of a command, in characters.
MAX_OUTPUT = 24000
MAX_ERROR = 8000
MAX_EXCERPT = 2500

UNFINISHED = ("Pending", "InProgress", "Delayed")


@dataclass
class Invocation:
    command: "Command"
    instance_id: str
    instance_name: str = ""
    status: str = "Pending"
    detail: str = "Pending"
    # -1: not ended yet, or never begun.
    exit: int = -1
    output: str = ""
    error: str = ""
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def unfinished(self) -> bool:
        return self.status in UNFINISHED

    def become(self, status: str, detail: str | None = None) -> None:
        self.status, self.detail = status, detail or status
        if self.unfinished:
            self.started = timestamp()
        else:
            self.ended = timestamp()

    def list_view(self, details: bool) -> dict[str, Any]:
        """Returns a member of ListCommandInvocations."""
        view = {
            "CommandId": self.command.id,
            "InstanceId": self.instance_id,
            "InstanceName": self.instance_name,
            "Comment": self.command.comment,
            "DocumentName": self.command.document,
            "DocumentVersion": "$DEFAULT",
            "RequestedDateTime": self.command.requested,
            "Status": self.status,
            "StatusDetails": self.detail,
            "CommandPlugins": [],
        }
        if details:
            times = {"ResponseStartDateTime": self.started, "ResponseFinishDateTime": self.ended}
            plugin = {
                "Name": PLUGIN,
                "Status": self.status,
                "StatusDetails": self.detail,
                "ResponseCode": self.exit,
                "Output": (self.output or self.error)[:MAX_EXCERPT],
                **{name: value for name, value in times.items() if value},
            }
            view["CommandPlugins"] = [plugin]
        return view

    def view(self) -> dict[str, Any]:
        """Returns the answer of GetCommandInvocation."""

        def text(time: datetime | None) -> str:
            return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if time else ""

        return {
            "CommandId": self.command.id,
            "InstanceId": self.instance_id,
            "Comment": self.command.comment,
            "DocumentName": self.command.document,
            "DocumentVersion": "$DEFAULT",
            "PluginName": PLUGIN,
            "ResponseCode": self.exit,
            "ExecutionStartDateTime": text(self.started),
            "ExecutionEndDateTime": text(self.ended),
            "Status": self.status,
            "StatusDetails": self.detail,
            "StandardOutputContent": self.output[:MAX_OUTPUT],
            "StandardErrorContent": self.error[:MAX_ERROR],
        }


@dataclass
class Command:
    id: str
    document: str
    comment: str
    parameters: dict[str, list[str]]
    timeout: int
    instance_ids: list[str]
    targets: list[dict[str, Any]]
    requested: datetime = field(default_factory=timestamp)
    invocations: dict[str, Invocation] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.parameters.get("commands") or [])

    @property
    def status(self) -> str:
        """Returns the status over all instances (user guide, "Understanding command statuses")."""
        states = {invocation.status for invocation in self.invocations.values()}
        if states & {"InProgress", "Delayed"} or ("Pending" in states and len(states) > 1):
            return "InProgress"
        for one in ("Pending", "Failed", "TimedOut", "Cancelled"):
            if one in states:
                return one
        return "Success"

    def view(self) -> dict[str, Any]:
        done = [invocation for invocation in self.invocations.values() if not invocation.unfinished]
        return {
            "CommandId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": "$DEFAULT",
            "Comment": self.comment,
            "Parameters": self.parameters,
            "InstanceIds": self.instance_ids,
            "Targets": self.targets,
            "RequestedDateTime": self.requested,
            "Status": self.status,
            "StatusDetails": self.status,
            "TimeoutSeconds": self.timeout,
            "TargetCount": len(self.invocations),
            "CompletedCount": len(done),
            "ErrorCount": sum(invocation.status == "Failed" for invocation in done),
            "DeliveryTimedOutCount": sum(invocation.detail == "DeliveryTimedOut" for invocation in done),
        }


@dataclass
class Store:
    account: str
    region: str
    commands: dict[str, Command] = field(default_factory=dict)
    # Session id → instance id
    sessions: dict[str, str] = field(default_factory=dict)


STORES: dict[tuple[str, str], Store] = {}


def store_of(account: str, region: str) -> Store:
    return STORES.setdefault((account, region), Store(account, region))
