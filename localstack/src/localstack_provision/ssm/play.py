"""What a command does on an instance: the rules of the test, or an answer from the files of its file system."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from localstack_provision import settings, storage
from localstack_provision.ec2 import nodes
from localstack_provision.ec2.model import Instance
from localstack_provision.fsx import files

# The first line of the command by which `provision down` counts what no association will save.
COUNT = "# provision: count-unlinked"
MAX_PATHS = 10
# As a shell says that there is no such command.
NOT_FOUND = 127


@dataclass
class Result:
    exit: int = 0
    output: str = ""
    error: str = ""
    # Seconds before scaling; None: it never ends.
    delay: float | None = 0.0


def play(instance: Instance, name: str, text: str) -> Result:
    """Returns what a command ends with; `name` is that of the instance's group."""
    rule = _take_rule(instance, name, text)
    if rule is not None:
        delay = rule.get("delay", 0)
        return Result(rule.get("exit", 0), rule.get("output", ""), rule.get("error", ""), delay)
    first, _, _ = text.partition("\n")
    if first.startswith(COUNT):
        return _count(instance, first.removeprefix(COUNT))
    return Result(NOT_FOUND, error="no rule of the setting ssm.commands plays this command\n")


def _take_rule(instance: Instance, name: str, text: str) -> dict[str, Any] | None:
    rules = settings.get("ssm.commands")
    for rule in rules:
        if (rule.get("match") or "") not in text or not re.search(rule.get("regex") or "", text):
            continue
        if rule.get("instance") not in (None, instance.id, name):
            continue
        if rule.get("times") is not None:
            rule["times"] -= 1
            if rule["times"] <= 0:
                rules.remove(rule)
        return rule
    return None


def _count(instance: Instance, arguments: str) -> Result:
    try:
        roots = shlex.split(arguments)
    except ValueError as error:
        return Result(2, error=f"provision-node: {error}\n")
    found = []
    for system in storage.named_by(instance):
        if system is not None:
            nodes.collect(system)
            found += files.outside(system, roots)
    size = sum(file.size for file in found)
    lines = [f"{len(found)} {size} complete", *sorted(file.path for file in found)[:MAX_PATHS]]
    return Result(0, "\n".join(lines) + "\n")
