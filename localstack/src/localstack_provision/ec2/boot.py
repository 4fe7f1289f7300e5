"""The boot of a node, as far as the outside sees it: the tag `provision:node`.

A node finds its file system by the DNS name in its user data, waits until that file system is AVAILABLE, and
reports. What cloud-init accepts is accepted here: plain text, gzip, MIME multipart.
"""

import base64
import email
import gzip
import hashlib
import re
import shlex
import time
from functools import lru_cache

from localstack_provision import ledger, settings
from localstack_provision.ec2.model import Instance
from localstack_provision.fsx import store as fsx
from localstack_provision.timeline import now, schedule

TAG = "provision:node"
ADDRESS_TAG = "provision:address"
SILENT = "silent"
READY = "ready"
DNS_NAME = re.compile(rb"(fs-[0-9a-f]{17})\.fsx\.([a-z0-9-]+)\.amazonaws\.com")
GZIP_MAGIC = b"\x1f\x8b"

# The restore of `preload = "data"`: what a node says of it, in so many steps, in seconds before scaling.
PRELOAD_TAG = "provision:preload"
PRELOAD_PATH = re.compile(rb"^PRELOAD\[\d+\]=(.+)$", re.MULTILINE)
PRELOAD_STEP = 1.0
PRELOAD_STEPS = 4
PRELOAD_FILES = 1000
PRELOAD_MIB = 50_000

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
        names = file_systems_in(instance.request.get("UserData") or "")
        if not names:
            report(instance, "failed: no file system in user-data")
        elif all(_is_available(instance.account, region, identifier) for identifier, region in names):
            report(instance, READY)
            _preload(instance)
        elif now() >= deadline:
            report(instance, "failed: mount")
        else:
            waiting.append(instance)
    if waiting:
        again = max(0.05, RETRY * settings.scale())
        schedule(again, lambda: _try_mount(waiting, deadline))


def report(instance: Instance, result: str) -> None:
    instance.backend.tags[instance.id][TAG] = result
    ledger.count("nodes_failed" if result.startswith("failed") else "nodes_ready")


def _preload(instance: Instance) -> None:
    """Plays the restore of a node that has to preload data."""
    paths = preloads_in(instance.request.get("UserData") or "")
    since = int(time.time())
    for step in range(1, PRELOAD_STEPS + 1 if paths else 1):
        schedule(PRELOAD_STEP * step * settings.scale(), lambda step=step: _tell_preload(instance, paths, step, since))


def _tell_preload(instance: Instance, paths: list[str], step: int, since: int) -> None:
    if instance.state != "running":
        return
    now_s = int(time.time())
    files, mib = PRELOAD_FILES * step // PRELOAD_STEPS, PRELOAD_MIB * step // PRELOAD_STEPS
    entries = []
    for path in paths:
        stage = f"load:{files}/{PRELOAD_FILES}:{mib}/{PRELOAD_MIB}:0:{since}:{now_s}"
        if step == PRELOAD_STEPS:
            stage = f"done:{PRELOAD_FILES}:0"
        entries.append(f" {hashlib.sha256(path.encode()).hexdigest()[:8]}={stage}")
        if step < PRELOAD_STEPS:
            break
    instance.backend.tags[instance.id][PRELOAD_TAG] = f"1 at={now_s}{''.join(entries)}"


@lru_cache(maxsize=64)
def preloads_in(user_data: str) -> list[str]:
    """Returns the paths that base64 user data tells a node to preload."""
    found = [match for text in _texts(base64.b64decode(user_data)) for match in PRELOAD_PATH.findall(text)]
    return [word for match in found for word in shlex.split(match.decode())]


def _ruled(instance: Instance) -> bool:
    """Applies the first rule of the test that fits an instance; tells whether there was one."""
    rules = settings.get("boot.rules")
    for rule in rules:
        if rule.get("address") not in (None, instance.tags.get(ADDRESS_TAG)):
            continue
        if rule.get("index") not in (None, instance.index):
            continue
        rule["times"] = rule.get("times", 1) - 1
        if rule["times"] <= 0:
            rules.remove(rule)
        if rule["result"] != SILENT:
            report(instance, rule["result"])
        return True
    return False


def _is_available(account: str, region: str, identifier: str) -> bool:
    system = fsx.store_of(account, region).file_systems.get(identifier)
    return system is not None and system.lifecycle in ("AVAILABLE", "UPDATING")


@lru_cache(maxsize=64)
def file_systems_in(user_data: str) -> frozenset[tuple[str, str]]:
    """Returns (file system id, Region) for each DNS name in base64 user data."""
    names = set()
    for text in _texts(base64.b64decode(user_data)):
        names |= {(identifier.decode(), region.decode()) for identifier, region in DNS_NAME.findall(text)}
    return frozenset(names)


def _texts(raw: bytes) -> list[bytes]:
    if raw.startswith(GZIP_MAGIC):
        return _texts(gzip.decompress(raw))
    message = email.message_from_bytes(raw)
    if not message.is_multipart():
        return [raw]
    texts = []
    for part in message.walk():
        payload = part.get_payload(decode=True)
        if payload:
            texts += _texts(payload)
    return texts
