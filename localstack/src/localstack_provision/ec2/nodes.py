"""Nodes that really run their user data, in the sandbox (`boot.mode` = "execute"), and the files they leave.

All nodes of a file system share one directory, which stands for it. What they write there is dirty in the model,
and what the model has is there before they start. What `provision` itself shares there is left out.
"""

import base64
import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localstack import config

from localstack_provision import settings
from localstack_provision.ec2 import model
from localstack_provision.ec2.model import Instance
from localstack_provision.fsx import files
from localstack_provision.fsx.model import Storing
from localstack_provision.timeline import LOCK

LOG = logging.getLogger(__name__)

# An execution takes the time of a whole boot and most of a processor.
POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="provision-node")
# By the name of the image; the first that fits.
SYSTEMS = {
    "amazon linux 2023": "amzn2023",
    "22.04": "ubuntu22.04",
    "24.04": "ubuntu24.04",
    "rocky": "rocky9",
    "rhel": "rocky9",
}
DEFAULT_SYSTEM = "amzn2023"
FAILED = "failed: sandbox"


def execute(instance: Instance, systems: list[Storing], done: Callable[[str], None]) -> None:
    """Starts an execution; `done` gets the result, under the lock, when it is over."""
    for system in systems:
        lay_out(system)
    place = _directory("nodes", instance.id)
    inputs = {
        "user-data": base64.b64decode(instance.request.get("UserData") or ""),
        "metadata.json": json.dumps(metadata(instance)).encode(),
        "scenario.json": json.dumps(settings.get("boot.scenario")).encode(),
    }
    for name, content in inputs.items():
        (place / name).write_bytes(content)
    command = [
        *(str(settings.get("boot.sandbox")), "boot"),
        *("--user-data", str(place / "user-data")),
        *("--os", settings.get("boot.os") or _system_of(instance)),
        *("--root", str(place / "root")),
        *("--mount-source", str(_directory("filesystems", systems[0].id))),
        *("--metadata", str(place / "metadata.json")),
        *("--endpoint", f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"),
        *("--scenario", str(place / "scenario.json")),
    ]
    POOL.submit(_run, instance, systems, command, float(settings.get("boot.timeout")), done)


def _run(
    instance: Instance, systems: list[Storing], command: list[str], timeout: float, done: Callable[[str], None]
) -> None:
    """Runs outside the lock: the script under test calls this very LocalStack."""
    tag, console = FAILED, ""
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
        console = ended.stderr.decode(errors="replace")
        # The answer is what it prints last; the script may have said something before.
        answer = json.loads(ended.stdout.strip().splitlines()[-1])
        tag = answer["tag"] or ""
        if answer.get("log"):
            console = Path(answer["log"]).read_text(errors="replace")
    except (OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as error:
        LOG.warning("the sandbox failed for %s: %s", instance.id, error)
        console += f"the sandbox failed: {error}\n"
    with LOCK:
        if model.store_of(instance.account, instance.region).instances.get(instance.id) is not instance:
            return
        instance.console += console
        for system in systems:
            collect(system)
        if tag:
            done(tag)


def metadata(instance: Instance) -> dict[str, str]:
    """What the metadata service tells, by the path below `latest/meta-data/`; and `account`, whose keys nodes use."""
    told = {
        "account": instance.account,
        "ami-id": instance.fixed["ImageId"],
        "ami-launch-index": str(instance.index),
        "instance-id": instance.id,
        "instance-type": instance.type,
        "placement/availability-zone": instance.zone,
        "placement/region": instance.region,
        **{f"tags/instance/{name}": value for name, value in instance.tags.items()},
    }
    if instance.notice:
        told["spot/instance-action"] = json.dumps(instance.notice)
        told["spot/termination-time"] = instance.notice["time"]
    if instance.interfaces:
        told |= {"local-ipv4": instance.private_address or "", "mac": instance.interfaces[0].mac_address}
    return told


def _system_of(instance: Instance) -> str:
    image = instance.backend.amis.get(instance.fixed["ImageId"])
    name = (getattr(image, "name", "") or "").lower()
    return next((system for part, system in SYSTEMS.items() if part in name), DEFAULT_SYSTEM)


def _directory(*parts: str) -> Path:
    path = Path(tempfile.gettempdir(), "provision", *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def lay_out(system: Storing) -> None:
    """Gives each file of the model a real one, of its size but without blocks where no content is known."""
    root = _directory("filesystems", system.id)
    for file in system.files.values():
        path = root / file.path.lstrip("/")
        if file.path in system.mirror:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content or "")
            os.truncate(path, file.size)
            system.mirror[file.path] = _stamp(path)
        except OSError as error:
            LOG.warning("%s cannot be laid out: %s", file.path, error)


def collect(system: Storing) -> None:
    """Takes over what nodes have written, changed and deleted in the directory since."""
    root = Path(tempfile.gettempdir(), "provision", "filesystems", system.id)
    if not root.is_dir() or not system.writable:
        return
    found = {}
    for path in root.rglob("*"):
        name = "/" + str(path.relative_to(root))
        if path.is_file() and not path.is_symlink() and not files.below(name, files.OWN):
            found[name] = path
    for name, path in found.items():
        stamp = _stamp(path)
        if system.mirror.get(name) != stamp:
            system.mirror[name] = stamp
            files.write(system, name, stamp[0], _content(path, stamp[0]), None)
    for name in set(system.mirror) - set(found):
        del system.mirror[name]
        if name in system.files:
            files.delete(system, name)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _content(path: Path, size: int) -> str | None:
    """Returns what is to stand in the object, if it is short and text."""
    if size > files.MAX_FILLER:
        return None
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
