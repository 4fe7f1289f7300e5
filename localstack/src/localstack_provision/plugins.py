"""The entry points: how LocalStack finds the services and the gateway's hooks."""

import os
import tempfile

from localstack.runtime.hooks import on_infra_start
from localstack.services.plugins import Service, aws_provider


@aws_provider(api="fsx")
def fsx() -> Service:
    from localstack_provision.fsx.provider import FsxProvider
    from localstack_provision.gateway import locked_dispatch_table

    return Service.for_provider(FsxProvider(), dispatch_table_factory=locked_dispatch_table)


@aws_provider(api="efs")
def efs() -> Service:
    from localstack_provision.efs.provider import EfsProvider
    from localstack_provision.gateway import locked_dispatch_table

    return Service.for_provider(EfsProvider(), dispatch_table_factory=locked_dispatch_table)


@aws_provider(api="ec2", name="provision")
def ec2_provision() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from localstack_provision.ec2.provider import ProvisionEc2Provider
    from localstack_provision.gateway import locked_dispatch_table

    return Service.for_provider(
        ProvisionEc2Provider(),
        dispatch_table_factory=lambda provider: locked_dispatch_table(MotoFallbackDispatcher(provider)),
    )


@aws_provider(api="service-quotas")
def service_quotas() -> Service:
    from localstack_provision.gateway import locked_dispatch_table
    from localstack_provision.quotas import ServiceQuotasProvider

    return Service.for_provider(ServiceQuotasProvider(), dispatch_table_factory=locked_dispatch_table)


@aws_provider(api="cloudwatch", name="provision")
def cloudwatch_provision() -> Service:
    from localstack_provision.metrics import MetricsProvider

    return Service.for_provider(MetricsProvider())


@aws_provider(api="ssm", name="provision")
def ssm_provision() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from localstack_provision.gateway import locked_dispatch_table
    from localstack_provision.ssm.provider import CommandsProvider

    return Service.for_provider(
        CommandsProvider(),
        dispatch_table_factory=lambda provider: locked_dispatch_table(MotoFallbackDispatcher(provider)),
    )


@on_infra_start()
def install_gateway_hooks() -> None:
    from localstack.services.s3 import provider as s3

    from localstack_provision import control, control_ec2, gateway, images, keys

    # Otherwise all instances on a machine share one directory in /tmp, and none removes it.
    s3.DEFAULT_S3_TMP_DIR = os.path.join(tempfile.gettempdir(), "localstack-s3-storage")
    gateway.install()
    control.install(control.ENDPOINTS, control_ec2.ENDPOINTS)
    images.install()
    keys.install()
