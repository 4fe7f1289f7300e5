"""Filters of the Describe operations: several values are an OR, several filters an AND, `*` and `?` match."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from localstack_provision.ec2.errors import invalid_value

T = TypeVar("T")
Getter = Callable[[Any], Iterable[str | None]]


def pattern(text: str) -> re.Pattern[str]:
    """Translates EC2's wildcards; a backslash takes the meaning away from the next character."""
    parts = []
    escaped = False
    for character in text:
        if not escaped and character == "\\":
            escaped = True
            continue
        wildcard = {"*": ".*", "?": "."}.get(character) if not escaped else None
        parts.append(wildcard or re.escape(character))
        escaped = False
    return re.compile("".join(parts), re.DOTALL)


def apply(
    items: list[T], filters: list[dict[str, Any]] | None, known: dict[str, Getter], tags_of: Callable[[T], dict]
) -> list[T]:
    for condition in filters or []:
        name = condition.get("Name") or ""
        patterns = [pattern(str(value)) for value in condition.get("Values") or []]
        getter = _getter(name, known, tags_of)
        items = [item for item in items if _matches(getter(item), patterns)]
    return items


def _getter(name: str, known: dict[str, Getter], tags_of: Callable[[Any], dict]) -> Getter:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: [tags_of(item).get(key)]
    if name == "tag-key":
        return lambda item: tags_of(item).keys()
    if name not in known:
        raise invalid_value(f"The filter '{name}' is invalid")
    return known[name]


def _matches(values: Iterable[str | None], patterns: list[re.Pattern[str]]) -> bool:
    return any(value is not None and wanted.fullmatch(str(value)) for value in values for wanted in patterns)
