"""Ids, tokens, tags and pages: what both services do alike."""

import base64
import json
import secrets
from collections.abc import Iterable
from typing import Any

from localstack_provision import settings
from localstack_provision.timeline import now

# Id of a thing → when it came to be; read by the lag of eventual consistency.
_births: dict[str, float] = {}


def new_id(prefix: str) -> str:
    """Returns `<prefix>-<17 hex digits>`, and remembers when."""
    identifier = f"{prefix}-{secrets.token_hex(9)[:17]}"
    born(identifier)
    return identifier


def born(identifier: str) -> None:
    _births[identifier] = now()


def is_visible(identifier: str) -> bool:
    """Tells whether Describe shows a thing yet."""
    lag = float(settings.get("lag.created"))
    return lag <= 0 or _births.get(identifier, 0.0) + lag <= now()


def fingerprint(request: dict[str, Any], *ignored: str) -> str:
    """Returns the parameters of a request in one canonical string, to compare two uses of one token."""
    kept = {key: value for key, value in request.items() if key not in ignored and value is not None}
    return json.dumps(kept, sort_keys=True, default=str)


def tags_of(tag_list: Iterable[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tag_list or []}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class InvalidToken(Exception):
    pass


def page(items: list[Any], token: str | None, size: int) -> tuple[list[Any], str | None]:
    """Returns one page of `items` and the token of the next one."""
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()))
        except ValueError as error:
            raise InvalidToken(token) from error
    end = start + size
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following
