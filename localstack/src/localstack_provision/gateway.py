"""Hooks in LocalStack's handler chain: time, request counts and faults; and the lock around a service.

Requests that LocalStack sends to itself (an export task writing to S3) are left alone: they are neither
counted nor disturbed, and they may run while the caller holds the lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.protocol.serializer import create_serializer
from localstack.aws.skeleton import create_dispatch_table
from localstack.http import Response

from localstack_provision import ledger, timeline
from localstack_provision.authorization import guard
from localstack_provision.fsx import imports

ERROR_BEFORE = "error-before"
ERROR_AFTER = "error-after-handling"
MODES = (ERROR_BEFORE, ERROR_AFTER)


@dataclass
class Fault:
    """The next `times` calls of one operation end in an error; in mode "after" their work is done all the same."""

    service: str
    operation: str
    code: str
    times: int = 1
    mode: str = ERROR_BEFORE
    status: int = 400
    message: str = "An error that the test has asked for."
    skip: int = 0


FAULTS: list[Fault] = []


def locked_dispatch_table(provider: object) -> dict[str, Callable[..., Any]]:
    """Returns a provider's dispatch table with all operations under the one lock of this package."""
    table = provider if isinstance(provider, dict) else create_dispatch_table(provider)

    def locked(handler: Callable[..., Any]) -> Callable[..., Any]:
        def call(context: RequestContext, request: Any) -> Any:
            with timeline.LOCK:
                return handler(context, request)

        return call

    return {operation: locked(handler) for operation, handler in table.items()}


def before_service(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    if context.is_internal_call or not context.service_operation:
        return
    timeline.advance()
    service, operation = context.service_operation
    trial = " (dry run)" if (context.service_request or {}).get("DryRun") else ""
    ledger.count_request(service, operation + trial)
    guard.enforce(context)
    fault = _take_fault(service, operation)
    if fault is None:
        return
    if fault.mode == ERROR_BEFORE:
        raise _error(fault)
    context.provision_fault = fault


def after_service(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    _tell_of_changes(context, response)
    fault = getattr(context, "provision_fault", None)
    if fault is None:
        return
    serializer = create_serializer(context.service, context.protocol)
    response.update_from(
        serializer.serialize_error_to_response(
            _error(fault), context.operation, context.request.headers, context.request_id
        )
    )


def _tell_of_changes(context: RequestContext, response: Response) -> None:
    """Tells the file systems that import a bucket what a client has changed in it."""
    if context.is_internal_call or not context.service_operation or response.status_code >= 300:
        return
    service, operation = context.service_operation
    request = context.service_request or {}
    if service == "s3" and (keys := imports.keys_changed(operation, request)):
        imports.notice(request["Bucket"], keys)


def _error(fault: Fault) -> CommonServiceException:
    return CommonServiceException(fault.code, fault.message, status_code=fault.status, sender_fault=fault.status < 500)


def _take_fault(service: str, operation: str) -> Fault | None:
    with timeline.LOCK:
        for fault in FAULTS:
            if fault.service != service or fault.operation not in (operation, "*"):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                FAULTS.remove(fault)
            return fault
    return None


def install() -> None:
    handlers.serve_custom_service_request_handlers.append(before_service)
    handlers.run_custom_response_handlers.append(after_service)
