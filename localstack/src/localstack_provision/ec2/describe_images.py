"""DescribeImages, with the members that moto leaves out and clients look at."""

from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.moto import call_moto


class ImageOperations:
    @handler("DescribeImages", expand=False)
    def describe_images(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = call_moto(context)
        for image in answer.get("Images", []):
            windows = image.get("Platform") == "windows"
            image.setdefault("PlatformDetails", "Windows" if windows else "Linux/UNIX")
            image.setdefault("UsageOperation", "RunInstances:0002" if windows else "RunInstances")
            image.setdefault("EnaSupport", True)
        return answer
