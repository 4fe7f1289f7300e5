"""The end that an instance makes for itself: by the ttl in its user data, or later by its tag `provision:until`.

Source: EC2 user guide, "Change the instance initiated shutdown behavior"; API reference, StateReason.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from localstack_provision import settings
from localstack_provision.ec2.model import Instance
from localstack_provision.ec2.userdata import ttl_in
from localstack_provision.timeline import now, schedule

UNTIL_TAG = "provision:until"
# An end is not put off for less than this, in seconds.
GRAIN = 0.01


def arm(instance: Instance, power_off: Callable[[], None]) -> None:
    """Plans the end of a new instance, if it has a ttl."""

    def due() -> None:
        left = ends(instance) - now()
        if instance.state != "running":
            return
        if left > GRAIN:
            schedule(left, due)
        else:
            power_off()

    if ttl_in(instance.request.get("UserData") or ""):
        schedule(max(ends(instance) - now(), GRAIN), due)


def ends(instance: Instance) -> float:
    """Returns when an instance with a ttl ends itself. The tag only ever puts it off."""
    launched = instance.launched.timestamp()
    span = float(ttl_in(instance.request.get("UserData") or ""))
    until = _instant(instance.tags.get(UNTIL_TAG, ""))
    if until is not None:
        span = max(span, until - launched)
    return launched + span * float(settings.get("ec2.ttl_scale"))


def _instant(text: str) -> float | None:
    """Reads seconds since 1970, or RFC 3339; what is neither puts nothing off."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
