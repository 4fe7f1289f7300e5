"""Keys of KMS on Python 3.11: LocalStack makes their ids with `uuid5` of bytes, which Python takes from 3.12 on."""

import hashlib
import sys
from typing import Any


def install() -> None:
    if sys.version_info >= (3, 12):
        return
    from localstack.services.kms.models import KmsKey

    def generate_key_material_id(key: Any, key_material: bytes) -> str:
        return hashlib.sha256(key._internal_key_id.bytes + key_material).hexdigest()

    KmsKey.generate_key_material_id = generate_key_material_id
