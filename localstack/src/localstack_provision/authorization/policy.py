"""Policies and what they allow: the part of the language that a caller's policy needs.

Source: IAM user guide, "IAM JSON policy elements reference" and "Policy evaluation logic".

What is not known here is refused when a policy is read. Ignoring it would allow, or deny, what AWS does not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Operators that this package evaluates: does a value of the request agree with a value of the policy?
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": lambda wanted, found: _like(wanted, found),
    "ArnEquals": lambda wanted, found: _arn_like(wanted, found),
    "ArnLike": lambda wanted, found: _arn_like(wanted, found),
}
# The one variable that is put in its place, in resources.
USER_ID = "${aws:userid}"
FOR_ANY = "ForAnyValue:"

# Keys that `checks` puts into a request; those of tags have the tag's key after the `/`.
KEYS = {
    "aws:CalledVia",
    "aws:RequestedRegion",
    "ec2:CreateAction",
    "elasticfilesystem:CreateAction",
    "iam:AWSServiceName",
    "iam:PassedToService",
    "iam:PolicyARN",
    "kms:ResourceAliases",
    "kms:ViaService",
}
KEYS_WITH_TAG = ("aws:RequestTag", "aws:ResourceTag", "ssm:resourceTag")
# Of these a request may have several values: only `ForAnyValue` says what that means.
MULTIVALUED = {"aws:CalledVia", "kms:ResourceAliases"}


class NotUnderstood(Exception):
    """A policy says something that this package does not evaluate."""


@dataclass(frozen=True)
class Check:
    """One question of a request: may the caller do this to that? Each has to be answered with yes."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class Statement:
    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    # (operator, any of many, key, values)
    conditions: tuple[tuple[str, bool, str, tuple[str, ...]], ...]

    def matches(self, check: Check) -> bool:
        return (
            any(_like(action.lower(), check.action.lower()) for action in self.actions)
            and any(_like(resource, check.resource) for resource in _named(self.resources, check))
            and all(_holds(check, *condition) for condition in self.conditions)
        )

    def patterns_of(self, check: Check) -> list[str]:
        """Returns those of its actions and resources that a check was about."""
        actions = [action for action in self.actions if _like(action.lower(), check.action.lower())]
        return actions + [resource for resource in self.resources if _like(resource, check.resource)]


def parse(document: Any) -> list[Statement]:
    """Reads a policy document; raises NotUnderstood."""
    _members(document, {"Version", "Statement"}, {"Id"})
    if document["Version"] != "2012-10-17":
        raise NotUnderstood(f"version {document['Version']!r}")
    return [_statement(member, number) for number, member in enumerate(_list(document["Statement"]))]


def allowing(statements: Iterable[Statement], check: Check) -> list[Statement]:
    """Returns the statements that allow a check: none, if one denies it."""
    matching = [statement for statement in statements if statement.matches(check)]
    return [] if any(not statement.allows for statement in matching) else matching


def _statement(member: Any, number: int) -> Statement:
    _members(member, {"Effect", "Action", "Resource"}, {"Sid", "Condition"})
    if member["Effect"] not in ("Allow", "Deny"):
        raise NotUnderstood(f"effect {member['Effect']!r}")
    actions, resources = _texts(member["Action"]), _texts(member["Resource"])
    for action in actions:
        if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z*?]+", action):
            raise NotUnderstood(f"action {action!r}")
    for resource in resources:
        if resource != "*" and resource.count(":") < 5:
            raise NotUnderstood(f"resource {resource!r}")
    conditions = [
        _condition(operator, key, values)
        for operator, keys in member.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    sid = member.get("Sid", f"#{number}")
    return Statement(sid, member["Effect"] == "Allow", actions, resources, tuple(conditions))


def _condition(operator: str, key: str, values: Any) -> tuple[str, bool, str, tuple[str, ...]]:
    name = operator.removeprefix(FOR_ANY)
    for_any = name != operator
    if name not in OPERATORS:
        raise NotUnderstood(f"operator {operator!r}")
    start, _, tag = key.partition("/")
    if not (tag and start in KEYS_WITH_TAG) and key not in KEYS:
        raise NotUnderstood(f"condition key {key!r}")
    if for_any != (key in MULTIVALUED):
        raise NotUnderstood(f"{operator!r} of {key!r}")
    return name, for_any, key, _texts(values)


def _holds(check: Check, operator: str, for_any: bool, key: str, values: tuple[str, ...]) -> bool:
    # A key that the request does not have agrees with nothing.
    found = check.context.get(key, ())
    found = (found,) if isinstance(found, str) else found
    return any(OPERATORS[operator](wanted, value) for wanted in values for value in found)


def _members(value: Any, required: set[str], optional: set[str]) -> None:
    if not isinstance(value, dict):
        raise NotUnderstood(f"{value!r} where there should be members")
    if required - set(value):
        raise NotUnderstood(f"no {', '.join(sorted(required - set(value)))}")
    if set(value) - required - optional:
        raise NotUnderstood(f"member {', '.join(sorted(set(value) - required - optional))}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _named(resources: tuple[str, ...], check: Check) -> Iterable[str]:
    """Puts the caller's id in its place; who has none owns nothing."""
    caller = check.context.get("aws:userid", "")
    return (resource.replace(USER_ID, str(caller)) for resource in resources if caller or USER_ID not in resource)


def _texts(value: Any) -> tuple[str, ...]:
    texts = _list(value)
    for text in texts:
        if not isinstance(text, str) or "${" in text.replace(USER_ID, ""):
            raise NotUnderstood(f"value {text!r}")
    if not texts:
        raise NotUnderstood("an empty list")
    return tuple(texts)


def _like(pattern: str, text: str) -> bool:
    parts = ("[^\n]*" if char == "*" else "[^\n]" if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text) is not None


def _arn_like(pattern: str, text: str) -> bool:
    """Compares part by part: no wildcard reaches over a colon, but in the last part."""
    wanted, found = pattern.split(":", 5), text.split(":", 5)
    return len(wanted) == len(found) and all(map(_like, wanted, found))
