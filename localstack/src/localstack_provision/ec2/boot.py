"""The boot of a node, as far as the outside sees it: the tag `provision:node`.

A node finds its file system by the DNS name in its user data, waits until that file system is AVAILABLE, and
reports. What cloud-init accepts is accepted here: plain text, gzip, MIME multipart.
"""

import base64
import email
import gzip
import re
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
