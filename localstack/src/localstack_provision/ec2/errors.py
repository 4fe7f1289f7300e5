"""EC2's errors: a code and a text, no shapes (EC2 API developer guide, "Error codes")."""

from localstack.aws.api import CommonServiceException


class Ec2Error(CommonServiceException):
    def __init__(self, code: str, message: str, status_code: int = 400):
        super().__init__(code, message, status_code=status_code, sender_fault=status_code < 500)


def dry_run() -> Ec2Error:
    return Ec2Error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def token_mismatch() -> Ec2Error:
    return Ec2Error(
        "IdempotentParameterMismatch",
        "The client token was used in an earlier request with other parameters.",
    )


def combination(message: str) -> Ec2Error:
    return Ec2Error("InvalidParameterCombination", message)


def invalid_value(message: str) -> Ec2Error:
    return Ec2Error("InvalidParameterValue", message)


def not_found(code: str, kind: str, identifier: str) -> Ec2Error:
    return Ec2Error(code, f"The {kind} '{identifier}' does not exist")
