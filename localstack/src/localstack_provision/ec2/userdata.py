"""What stands in an instance's user data. What cloud-init accepts is accepted: plain text, gzip, MIME multipart."""

import base64
import email
import gzip
import re
import shlex
from functools import lru_cache

# A name of storage: a file system or a cache of FSx, a file system of EFS.
DNS_NAME = re.compile(rb"(f[sc]-[0-9a-f]{17})\.(fsx|efs)\.([a-z0-9-]+)\.amazonaws\.com")
# What the mount helper of EFS takes in place of the name; a Lustre mount has an address before the colon.
SHORT_NAME = re.compile(rb"(?<![\w.-])(fs-[0-9a-f]{17}):/")
# An assignment of the shell, at the beginning of a line.
TTL = re.compile(rb"^(?:readonly |export |declare -\w+ )?TTL_S=['\"]?(\d+)", re.MULTILINE)
PRELOAD = re.compile(rb"^PRELOAD\[\d+\]=(.+)$", re.MULTILINE)
GZIP_MAGIC = b"\x1f\x8b"


@lru_cache(maxsize=64)
def storage_in(user_data: str) -> frozenset[tuple[str, str, str]]:
    """Returns (id, service, Region) for each name of storage in base64 user data; no Region is that of the node."""
    names: set[tuple[str, str, str]] = set()
    for text in _texts(base64.b64decode(user_data)):
        full = {tuple(part.decode() for part in found) for found in DNS_NAME.findall(text)}
        known = {identifier for identifier, _, _ in full}
        short = {found.decode() for found in SHORT_NAME.findall(text)} - known
        names |= full | {(identifier, "efs", "") for identifier in short}
    return frozenset(names)


@lru_cache(maxsize=64)
def ttl_in(user_data: str) -> int:
    """Returns the seconds after which an instance ends itself; 0: it never does."""
    for text in _texts(base64.b64decode(user_data)):
        if found := TTL.search(text):
            return int(found.group(1))
    return 0


@lru_cache(maxsize=64)
def preloads_in(user_data: str) -> tuple[str, ...]:
    """Returns the paths of the datasets whose data nodes restore, in order. A value over several lines is none here."""
    values = (value for text in _texts(base64.b64decode(user_data)) for value in PRELOAD.findall(text))
    try:
        return tuple(path for value in values for path in shlex.split(value.decode()))
    except ValueError:
        return ()


def _texts(raw: bytes) -> list[bytes]:
    if raw.startswith(GZIP_MAGIC):
        return _texts(gzip.decompress(raw))
    message = email.message_from_bytes(raw)
    if not message.is_multipart():
        return [raw]
    texts = []
    for part in message.walk():
        payload = part.get_payload(decode=True)
        if payload:
            texts += _texts(payload)
    return texts
