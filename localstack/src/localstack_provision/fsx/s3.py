"""S3 as FSx uses it: in the name of the account, without being counted or disturbed."""

from typing import Any

from localstack.aws.connect import connect_to


def s3_client(account: str, region: str) -> Any:
    return connect_to(region_name=region, aws_access_key_id=account).s3
