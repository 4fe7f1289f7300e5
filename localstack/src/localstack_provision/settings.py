"""What a test may turn: delays, lag, limits, capacity, boot and faults.

Every setting has a path (`delay.file_system_create`), a default here, an environment variable
(`PROVISION_DELAY_FILE_SYSTEM_CREATE`) and can be changed at run time (`POST /_provision/settings`).
"""

import copy
import json
import os
import re
import time
from typing import Any

PREFIX = "PROVISION_"

DEFAULTS: dict[str, Any] = {
    # All delays are multiplied with this; 0 makes everything immediate.
    "time_scale": 1.0,
    # Seconds. AWS needs minutes; the proportions are kept, roughly.
    "delay": {
        "file_system_create": 6.0,
        "file_system_update": 2.0,
        "file_system_delete": 3.0,
        "association_create": 1.5,
        "association_update": 0.3,
        "association_delete": 1.0,
        "task": 2.0,
        "import": 0.3,
        "backup": 1.0,
        "file_cache_create": 6.0,
        "file_cache_update": 2.0,
        "file_cache_delete": 3.0,
        "efs_create": 1.0,
        "efs_update": 0.5,
        "efs_delete": 0.5,
        "mount_target_create": 3.0,
        "mount_target_delete": 1.0,
        "auto_export": 1.0,
        "auto_import": 0.5,
        "command": 0.3,
        "preload": 2.0,
        "instance_pending": 0.5,
        "instance_boot": 3.0,
        "instance_shutting_down": 2.0,
        "network_interface_release": 0.0,
        "capacity_reservation_create": 0.0,
    },
    # Eventual consistency: seconds for which a new thing is missing from Describe, a deleted one still there.
    "lag": {"created": 0.0, "deleted": 0.0},
    # ServiceLimitExceeded.Limit → value. Defaults of the FSx quota page; storage in GiB. Those of EFS begin with EFS_.
    "limit": {
        "FILE_SYSTEM_COUNT": 100,
        "TOTAL_STORAGE": 100800,
        "TOTAL_THROUGHPUT_CAPACITY": 100000,
        "TOTAL_USER_INITIATED_BACKUPS": 500,
        "FILE_CACHE_COUNT": 100,
        "EFS_FILE_SYSTEM_COUNT": 1000,
        "EFS_PROVISIONED_MIBPS": 3414,
    },
    # What Service Quotas tells of a quota, by code (`L-417A185B`), and of all others. Launches and reservations are
    # held to what is set of EC2; nothing is held to the default.
    "quota": {},
    "quota_default": 1000000,
    # Longest page of a Describe, whatever MaxResults says: small values force a client to page.
    "page": {
        **{"file_systems": 100, "file_caches": 50, "associations": 25, "tasks": 50, "instances": 1000},
        **{"efs": 100, "mount_targets": 100, "capacity_reservations": 1000},
    },
    "fsx": {
        # A second association CREATING on one file system ends FAILED, with a text about the bucket's
        # permissions (hashicorp/terraform-provider-aws#24678). Off: it waits its turn.
        "concurrent_association_fails": True,
        # DeleteFileSystem while CREATING: AWS does not say.
        "delete_while_creating": True,
        # Seconds between two changes of storage or throughput; AWS: six hours. Not scaled.
        "update_interval": 21600,
        # {"fs-…" or "*": 900}: what CloudWatch tells of the age of its queue of automatic export; "silent": nothing.
        "queue_age": {},
    },
    "efs": {
        # Seconds between two changes that lower throughput or change its mode; AWS: a day. Not scaled.
        "update_interval": 86400,
    },
    "task": {
        # Rules for the coming data repository tasks, used up from the front; the README has their members.
        "rules": [],
    },
    "preload": {
        # The restore of data on the nodes stays in its midst; so many files of each dataset do not come.
        "stall": False,
        "failed": 0,
    },
    "ssm": {
        # Rules by which commands are played: {"match": "nvidia-smi", "output": "…", "exit": 0, "delay": 1, …}.
        "commands": [],
        # Instances whose agent does not answer: ids, names of their group (`provision:address`), or "*".
        "offline": [],
    },
    "ec2": {
        # {"p5.48xlarge": {"us-east-1a": 0}}: how many instances of a type a zone can hold, places in reservations
        # included ("*": of all types together).
        "capacity": {},
        # How that changes: {"after": 5, "type": "p5.48xlarge", "zone": "us-east-1a", "count": 2}; seconds since this
        # was set, scaled.
        "capacity_schedule": [],
        # The same for spot instances alone, which take from `capacity` too.
        "spot_capacity": {},
        # Seconds before the end of a Capacity Block from which on its instances are terminated. Not scaled.
        "block_shutdown": 1800,
        # vCPUs of running instances, all families together; null: no limit. Exceeded: VcpuLimitExceeded.
        "vcpu_limit": None,
        # Multiplies the time from a launch to the end of its ttl: plans are made in hours, tests in seconds.
        "ttl_scale": 1.0,
    },
    "boot": {
        # "play": the result is made up, by the rules below. "execute": the user data really run, in the sandbox.
        "mode": "play",
        # The program `node-sandbox`; `localstack.sh` sets it.
        "sandbox": None,
        # The operating system of the sandbox; null: by the name of the image.
        "os": None,
        # The scenario that the sandbox plays around the script: see its own documentation.
        "scenario": {},
        # Seconds after which an execution is ended. Not scaled.
        "timeout": 300.0,
        # Seconds that a node waits for its file system to become AVAILABLE. Scaled.
        "mount_wait": 300.0,
        # Rules for the coming boots, used up from the front:
        # {"result": "failed: driver" | "silent", "times": 1, "address": null, "index": null}
        "rules": [],
    },
}

# Branches whose keys a test makes up; all others accept only what is in DEFAULTS.
OPEN_BRANCHES = {"boot.scenario", "ec2.capacity", "ec2.spot_capacity", "fsx.queue_age", "limit", "quota"}

# Settings that count from when they were set.
TIMED = ("ec2.capacity_schedule",)

# Lists of rules, and the members a rule of each may have, with their types; null is none.
NUMBER = (int, float)
RULES: dict[str, dict[str, Any]] = {
    "boot.rules": {"result": str, "times": int, "address": str, "index": int, "console": str},
    "ec2.capacity_schedule": {"after": NUMBER, "type": str, "zone": str, "count": int},
    "ssm.commands": {
        **{"match": str, "regex": str, "instance": str, "times": int},
        **{"output": str, "error": str, "exit": int, "delay": NUMBER},
    },
    "task.rules": {
        **{"type": str, "file_system_id": str, "times": int, "slow": NUMBER, "hang": NUMBER},
        **{"fail": {"match": str, "count": int, "code": str}, "failure": str, "report": bool},
    },
}

_current: dict[str, Any] = {}
_since: dict[str, float] = {}


class UnknownSetting(Exception):
    pass


def get(path: str) -> Any:
    value: Any = _current
    for part in path.split("."):
        value = value[part]
    return value


def delay(name: str) -> float:
    """Returns a delay in seconds, scaled."""
    return float(get(f"delay.{name}")) * scale()


def scale() -> float:
    return float(_current["time_scale"])


def since(path: str) -> float:
    """Returns when a setting of `TIMED` was set, in seconds since 1970."""
    return _since[path]


def snapshot() -> dict[str, Any]:
    return copy.deepcopy(_current)


def update(changes: dict[str, Any]) -> None:
    """Merges `changes` into the settings; refuses unknown names without changing anything."""
    candidate = copy.deepcopy(_current)
    _merge(candidate, changes, "")
    for path in TIMED:
        branch, _, name = path.partition(".")
        if name in (changes.get(branch) or {}):
            _since[path] = time.time()
    _current.clear()
    _current.update(candidate)


def reset() -> None:
    """Goes back to the defaults and the environment."""
    _current.clear()
    _current.update(copy.deepcopy(DEFAULTS))
    _read_environment(_current, PREFIX)
    _since.update(dict.fromkeys(TIMED, time.time()))


def _merge(target: dict[str, Any], changes: dict[str, Any], path: str) -> None:
    for key, value in changes.items():
        here = f"{path}.{key}" if path else key
        if path in OPEN_BRANCHES:
            target[key] = value
        elif key not in target:
            raise UnknownSetting(f"there is no setting {here!r}")
        elif isinstance(target[key], dict) and isinstance(value, dict):
            _merge(target[key], value, here)
        elif isinstance(target[key], dict):
            raise UnknownSetting(f"{here!r} is a group of settings, not one")
        else:
            _check_rules(here, value)
            target[key] = value


def _check_rules(path: str, rules: Any) -> None:
    known = RULES.get(path)
    if known is None:
        return
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise UnknownSetting(f"{path!r} is a list of rules, which are objects")
    for rule in rules:
        _check_members(f"a rule of {path!r}", rule, known)
        try:
            re.compile(rule.get("regex") or "")
        except re.error as error:
            raise UnknownSetting(f"'regex' in a rule of {path!r}: {error}") from error


def _check_members(where: str, members: dict[str, Any], known: dict[str, Any]) -> None:
    for name, value in members.items():
        if name not in known:
            raise UnknownSetting(f"{where} has no {name!r}: it has {', '.join(sorted(known))}")
        nested = isinstance(known[name], dict)
        if value is not None and not isinstance(value, dict if nested else known[name]):
            raise UnknownSetting(f"{name!r} in {where} cannot be {value!r}")
        if nested and value is not None:
            _check_members(f"{name!r} in {where}", value, known[name])


def _read_environment(branch: dict[str, Any], prefix: str) -> None:
    for key, value in branch.items():
        name = f"{prefix}{key.upper()}"
        if isinstance(value, dict) and value:
            _read_environment(value, f"{name}_")
        elif name in os.environ:
            branch[key] = json.loads(os.environ[name])


reset()
