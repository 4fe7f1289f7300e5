"""The boot of a node, as far as the outside sees it: the tag `provision:node`.

A node finds its file system by the name in its user data, waits until that can be mounted, and reports. That is
played, with the lines that the script writes on the console; or the user data really run, if a test asks for it
(`boot.mode`).
"""

from localstack_provision import ledger, settings, storage
from localstack_provision.ec2 import nodes, preload
from localstack_provision.ec2.model import Instance
from localstack_provision.timeline import now, schedule

TAG = "provision:node"
ADDRESS_TAG = "provision:address"
SILENT = "silent"
READY = "ready"
EXECUTE = "execute"
# What the script says on the console: each step when it begins, and the result.
PREFIX = "provision: "
STEPS = (
    *("ttl", "metadata", "client", "modules", "efa", "modules", "mount", "fstab", "tuning", "proof", "shared"),
    *("layout", "scratch", "hostfile", "setup"),
)
# Where a silent node hangs.
SILENT_AT = "client"

# How often a waiting node looks at its file system, in seconds before scaling.
RETRY = 0.25


def boot(instances: list[Instance]) -> None:
    """Ends the boot of all instances of one launch."""
    deadline = now() + float(settings.get("boot.mount_wait")) * settings.scale()
    _try_mount([one for one in instances if one.state == "running" and not _ruled(one)], deadline)


def _try_mount(instances: list[Instance], deadline: float) -> None:
    waiting = []
    for instance in instances:
        if instance.state != "running":
            continue
        named = storage.named_by(instance)
        if not named:
            report(instance, "failed: no file system in user-data")
        elif all(storage.mounts(instance, one) for one in named):
            _start(instance, named)
        elif now() >= deadline:
            play(instance, "failed: mount")
        else:
            waiting.append(instance)
    if waiting:
        again = max(0.05, RETRY * settings.scale())
        schedule(again, lambda: _try_mount(waiting, deadline))


def _start(instance: Instance, systems: list[storage.Storage]) -> None:
    if settings.get("boot.mode") != EXECUTE:
        play(instance, READY)
        preload.begin(instance, systems[0])
        return
    nodes.execute(instance, systems, lambda tag: report(instance, tag))


def play(instance: Instance, result: str, more: str = "") -> None:
    """Ends a boot as a test or the state of the file system wants it; `more` stands on the console before the end."""
    failed_at = result.removeprefix("failed: ").partition(":")[0] if result.startswith("failed") else None
    if result == SILENT:
        steps = STEPS[: STEPS.index(SILENT_AT) + 1]
    elif failed_at in STEPS:
        steps = STEPS[: STEPS.index(failed_at) + 1]
    else:
        steps = STEPS
    instance.console += "".join(f"{PREFIX}{step}\n" for step in steps) + more
    if result != SILENT:
        instance.console += f"{PREFIX}{result}\n"
        report(instance, result)


def report(instance: Instance, result: str) -> None:
    instance.backend.tags[instance.id][TAG] = result
    ledger.count("nodes_failed" if result.startswith("failed") else "nodes_ready")


def _ruled(instance: Instance) -> bool:
    """Applies the first rule of the test that fits an instance; tells whether there was one."""
    rules = settings.get("boot.rules")
    for rule in rules:
        if rule.get("address") not in (None, instance.tags.get(ADDRESS_TAG)):
            continue
        if rule.get("index") not in (None, instance.index):
            continue
        rule["times"] = (rule.get("times") or 1) - 1
        if rule["times"] <= 0:
            rules.remove(rule)
        play(instance, rule["result"], rule.get("console", ""))
        return True
    return False
