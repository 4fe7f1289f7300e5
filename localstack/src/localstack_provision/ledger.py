"""What happened: counts for a test to compare, kept apart from the state they describe.

The numbers survive the things they count (a file lost with its file system stays lost) until a reset.
"""

from collections import Counter
from typing import Any

from localstack_provision.timeline import LOCK

COUNTERS = (
    "file_systems_created",
    "file_systems_deleted",
    "file_caches_created",
    "file_caches_deleted",
    "efs_file_systems_created",
    "efs_file_systems_deleted",
    "mount_targets_created",
    "mount_targets_deleted",
    "associations_created",
    "associations_failed",
    "associations_deleted",
    "tasks_created",
    "tasks_failed",
    "files_written",
    "files_exported",
    "files_lost",
    "unlinked_lost",
    "objects_deleted",
    "instances_launched",
    "instances_terminated",
    "instances_expired",
    "spot_interruptions",
    "capacity_reservations_created",
    "capacity_reservations_cancelled",
    "capacity_reservations_expired",
    "nodes_ready",
    "nodes_failed",
)

_counts: Counter[str] = Counter()
_requests: dict[str, Counter[str]] = {}
_lost_paths: list[str] = []


def count(name: str, amount: int = 1) -> None:
    assert name in COUNTERS, name
    with LOCK:
        _counts[name] += amount


def count_request(service: str, operation: str) -> None:
    with LOCK:
        _requests.setdefault(service, Counter())[operation] += 1


def lose(path: str, linked: bool) -> None:
    """Records a file that went away before it reached S3; `linked`: it had a place to go to."""
    with LOCK:
        count("files_lost" if linked else "unlinked_lost")
        _lost_paths.append(path)


def snapshot() -> dict[str, Any]:
    with LOCK:
        return {
            **{name: _counts[name] for name in COUNTERS},
            "lost_paths": list(_lost_paths),
            "requests": {service: dict(counter) for service, counter in sorted(_requests.items())},
            "requests_total": sum(sum(counter.values()) for counter in _requests.values()),
        }


def clear() -> None:
    with LOCK:
        _counts.clear()
        _requests.clear()
        _lost_paths.clear()
