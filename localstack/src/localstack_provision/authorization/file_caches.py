"""What AWS asks IAM about a request to Amazon File Cache.

Sources: Service Authorization Reference, Amazon FSx (file-cache); FSx API reference, DeleteFileCache (needs
fsx:DeleteDataRepositoryAssociation too); File Cache user guide, "Using service-linked roles".
"""

from localstack_provision import identity
from localstack_provision.authorization.checks import (
    Call,
    ask_about_storage,
    ask_for_links,
    ask_for_network,
    ask_for_storage_key,
    of,
)
from localstack_provision.fsx import store as fsx


@of("fsx", "CreateFileCache")
def ask_for_cache(call: Call) -> None:
    tags = identity.tags_of(call.request.get("Tags"))
    resource = call.arn("fsx", "file-cache/*")
    for action in ("CreateFileCache", *(["TagResource"] if tags else [])):
        call.ask(f"fsx:{action}", resource, request_tags=tags)
    ask_for_network(call)
    ask_for_storage_key(call)
    copied = tags if call.request.get("CopyTagsToDataRepositoryAssociations") else {}
    links = call.request.get("DataRepositoryAssociations") or []
    for action in ("CreateDataRepositoryAssociation", *(["TagResource"] if copied else [])) if links else ():
        call.ask(f"fsx:{action}", call.arn("fsx", "association/*"), request_tags=copied)
    ask_for_links(call, "*", [one["DataRepositoryPath"] for one in links if one.get("NFS") is None])


@of("fsx", "UpdateFileCache")
def ask_to_change_cache(call: Call) -> None:
    ask_about_storage(call, "fsx:UpdateFileCache", call.request["FileCacheId"])


@of("fsx", "DeleteFileCache")
def ask_to_delete_cache(call: Call) -> None:
    identifier = call.request["FileCacheId"]
    ask_about_storage(call, "fsx:DeleteFileCache", identifier)
    cache = fsx.store_of(call.account, call.region).file_caches.get(identifier)
    for link in cache.associations if cache else ():
        ask_about_storage(call, "fsx:DeleteDataRepositoryAssociation", link)
