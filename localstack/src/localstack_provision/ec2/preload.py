"""What a node tells of the restore of `preload = "data"`: the tag `provision:preload`, as its script writes it.

It is played after a played boot, in three steps: listing, half of the files, all of them. Files that are released
really become archived by it.
"""

import hashlib

from localstack_provision import settings
from localstack_provision.ec2.model import Instance
from localstack_provision.ec2.userdata import preloads_in
from localstack_provision.fsx import files
from localstack_provision.fsx.model import File, Storing
from localstack_provision.timeline import now, schedule

TAG = "provision:preload"
VERSION = "1"
KEY_DIGITS = 6
MIB = 1 << 20


def begin(instance: Instance, system: Storing) -> None:
    """Plans the restore of an instance's datasets, if its user data name any."""
    paths = preloads_in(instance.request.get("UserData") or "")
    began = int(now())
    if not paths:
        return
    _tell(instance, {path: f"list:{began}" for path in paths})
    step = settings.delay("preload") / 2

    def half() -> None:
        stages = {}
        for path in paths:
            found = _dataset(system, path)
            part = found[: len(found) // 2]
            _restore(part)
            sizes = f"{_mib(part)}/{_mib(found)}"
            stages[path] = f"load:{len(part)}/{len(found)}:{sizes}:0:{began}:{int(now())}"
        _tell(instance, stages)
        if not settings.get("preload.stall"):
            schedule(step, end)

    def end() -> None:
        failed = int(settings.get("preload.failed"))
        stages = {}
        for path in paths:
            found = _dataset(system, path)
            _restore(found[failed:])
            stages[path] = f"done:{len(found)}:{min(failed, len(found))}"
        _tell(instance, stages)

    schedule(step, half)


def _dataset(system: Storing, path: str) -> list[File]:
    root = files.absolute(path)
    return [file for name, file in sorted(system.files.items()) if files.below(name, root)]


def _restore(found: list[File]) -> None:
    for file in found:
        if file.released:
            files.restore(file)


def _mib(found: list[File]) -> int:
    return sum(file.size for file in found) // MIB


def _tell(instance: Instance, stages: dict[str, str]) -> None:
    if instance.state == "running":
        words = (f"{hashlib.sha256(path.encode()).hexdigest()[:KEY_DIGITS]}={stage}" for path, stage in stages.items())
        instance.backend.tags[instance.id][TAG] = " ".join((VERSION, f"at={int(now())}", *words))
