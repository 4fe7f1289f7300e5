"""The policies of accounts, and the denial of what they do not allow. An account without a policy may do everything."""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext

from localstack_provision.authorization import checks, efs, file_caches
from localstack_provision.authorization.policy import Check, Statement, allowing, parse
from localstack_provision.timeline import LOCK

# Code and status of a denial, by service (EC2: "Error codes"; IAM, S3, FSx and SSM: "Common errors").
DENIALS = {
    "cloudwatch": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "efs": ("AccessDeniedException", 403),
    "fsx": ("AccessDeniedException", 400),
    "iam": ("AccessDenied", 403),
    "kms": ("AccessDeniedException", 400),
    "s3": ("AccessDenied", 403),
    "service-quotas": ("AccessDeniedException", 400),
    "ssm": ("AccessDeniedException", 400),
}


@dataclass
class Guard:
    """What an account may do, and what each statement of it was good for so far."""

    statements: list[Statement]
    # Sid → checks that no other statement allows.
    alone: Counter[str] = field(default_factory=Counter)
    # (Sid, pattern of an action or a resource that was of use)
    used: set[tuple[str, str]] = field(default_factory=set)
    denied: list[str] = field(default_factory=list)

    def allows(self, check: Check) -> bool:
        found = allowing(self.statements, check)
        if len(found) == 1:
            self.alone[found[0].sid] += 1
        for statement in found:
            self.used |= {(statement.sid, pattern) for pattern in statement.patterns_of(check)}
        if not found:
            self.denied.append(f"{check.action} on {check.resource}")
        return bool(found)

    def view(self) -> dict[str, Any]:
        return {
            "denied": self.denied,
            "statements": {
                statement.sid: {
                    "alone": self.alone[statement.sid],
                    "unused": [
                        pattern
                        for pattern in (*statement.actions, *statement.resources)
                        if (statement.sid, pattern) not in self.used
                    ],
                }
                for statement in self.statements
            },
        }


# Each tells `checks` of the operations of its service.
MODULES = (checks, efs, file_caches)

GUARDS: dict[str, Guard] = {}


def put(account: str, documents: list[Any]) -> Guard:
    """Gives an account these policies; none at all: it may do everything again. Raises NotUnderstood."""
    statements = [statement for document in documents for statement in parse(document)]
    with LOCK:
        GUARDS.pop(account, None)
        if statements:
            GUARDS[account] = Guard(statements)
    return Guard(statements)


def enforce(context: RequestContext) -> None:
    """Raises the service's own error if the account's policies do not allow a request."""
    guard = GUARDS.get(context.account_id)
    if guard is None:
        return
    service, operation = context.service_operation
    caller = f"arn:aws:iam::{context.account_id}:root"
    with LOCK:
        try:
            needed = checks.checks(
                service, operation, context.service_request or {}, context.account_id, context.region
            )
        except checks.NotKnown as error:
            guard.denied.append(f"{error}, of which nobody knows what it needs")
            raise _denial(service, caller, str(error), "*") from error
        for check in needed:
            if not guard.allows(check):
                raise _denial(service, caller, check.action, check.resource)


def _denial(service: str, caller: str, action: str, resource: str) -> CommonServiceException:
    code, status = DENIALS.get(service, ("AccessDenied", 403))
    message = (
        f"User: {caller} is not authorized to perform: {action} on resource: {resource}"
        f" because no identity-based policy allows the {action} action"
    )
    if service == "ec2":
        # And, encoded, the whole evaluation; what a caller sees of that is noise.
        encoded = secrets.token_urlsafe(400)
        message = f"You are not authorized to perform this operation. {message}."
        message += f" Encoded authorization failure message: {encoded}"
    return CommonServiceException(code, message, status_code=status, sender_fault=True)
