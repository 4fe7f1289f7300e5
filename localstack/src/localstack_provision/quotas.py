"""Service Quotas, as far as a client reads limits: of the quotas that `provision` knows, and no others.

The values are settings (`quota`, by code; `quota_default` for all others). What is set of EC2's is held to launches and
reservations (`ec2/limits.py`); FSx has limits of its own (`limit`). Source: Service Quotas API reference.
"""

from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler

from localstack_provision import settings

# By service code; the codes are those of src/catalog/data/quotas.tsv.
CODES = {
    "ec2": (
        *("L-417A185B", "L-DB2E81BA", "L-2C3B7624", "L-1945791B", "L-6E869C2A", "L-1216C47A", "L-7295265B"),
        *("L-74FC7D96", "L-F7808C92", "L-43DA4232", "L-7212CCBC", "L-3819A6DF", "L-6B0D517C", "L-B5D1601B"),
        *("L-85EED4F7", "L-34B43A08", "L-E3A00192", "L-88CF9481"),
    ),
    "fsx": (
        *("L-C48231E5", "L-AD2FC696", "L-9AFA1F09", "L-C8640C82", "L-736F3D6F", "L-FD6F2F22", "L-8F1B9C74"),
        *("L-0CD18A5D", "L-B7391FCE"),
    ),
    "vpc": ("L-DF5E4CA3",),
}


class ServiceQuotasProvider:
    service = "service-quotas"

    @handler("GetServiceQuota", expand=False)
    def get_service_quota(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {"Quota": _quota(context, request["ServiceCode"], request["QuotaCode"])}

    @handler("GetAWSDefaultServiceQuota", expand=False)
    def get_default(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {"Quota": _quota(context, request["ServiceCode"], request["QuotaCode"])}

    @handler("ListServiceQuotas", expand=False)
    def list_service_quotas(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        service = request["ServiceCode"]
        if service not in CODES:
            raise _none()
        return {"Quotas": [_quota(context, service, code) for code in CODES[service]]}


def _quota(context: RequestContext, service: str, code: str) -> dict[str, Any]:
    if code not in CODES.get(service, ()):
        raise _none()
    value = settings.get("quota").get(code, settings.get("quota_default"))
    return {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaArn": f"arn:aws:servicequotas:{context.region}:{context.account_id}:{service}/{code}",
        "Value": float(value),
        "Adjustable": True,
    }


def _none() -> CommonServiceException:
    return CommonServiceException("NoSuchResourceException", "The specified quota does not exist.", 400, True)
