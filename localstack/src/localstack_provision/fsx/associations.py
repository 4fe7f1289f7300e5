"""Create-, Describe-, Update- and DeleteDataRepositoryAssociation(s).

Sources: FSx API reference, the pages of these operations; user guide, "Linking your file system to an S3
bucket" (at most 8, one processed at a time, overlap rules) and "Data repository lifecycle".
"""

from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.fsx import catalog, files, queue, tasks, validation
from localstack_provision.fsx.errors import (
    BadRequest,
    DataRepositoryAssociationNotFound,
    ServiceLimitExceeded,
    UnsupportedOperation,
)
from localstack_provision.fsx.model import Association, FileSystem, Lustre
from localstack_provision.fsx.s3 import s3_client
from localstack_provision.fsx.store import Store, apply_filters, page, store_of, visible
from localstack_provision.timeline import schedule

MAX_RESULTS = 25
CHUNK_SIZES = range(1, 512001)

# What AWS says when two associations of one file system are being created at the same time, whatever the
# bucket allows: hashicorp/terraform-provider-aws#24678.
MISLEADING = (
    "Amazon FSx is unable to validate access to the S3 bucket. Ensure the IAM role or user you are using has "
    "s3:Get*, s3:List* and s3:PutObject permissions to the S3 bucket prior to linking it."
)

FILTERS = {
    "file-system-id": lambda link: [] if link.of_cache else [link.file_system_id],
    "file-cache-id": lambda link: [link.file_system_id] if link.of_cache else [],
    "data-repository-type": lambda link: ["S3" if link.nfs is None else "NFS"],
}


class AssociationOperations:
    @handler("CreateDataRepositoryAssociation", expand=False)
    def create_association(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        existing = {link.id: link for link in store.associations()}
        known = store.recall("CreateDataRepositoryAssociation", request, existing)
        if known:
            return {"Association": existing[known].view()}
        system = store.file_system(request["FileSystemId"])
        _check_file_system(system)
        link = Association(
            id=identity.new_id("dra"),
            account=store.account,
            region=store.region,
            tags=identity.tags_of(request.get("Tags")),
            file_system_id=system.id,
            path=_settle_path(request.get("FileSystemPath")),
            repository=_check_repository(request["DataRepositoryPath"]),
            batch_import=bool(request.get("BatchImportMetaDataOnCreate")),
        )
        _settle_policies(link, request)
        check_overlap(system, link)
        check_bucket(store, link)
        queue = [other for other in system.associations.values() if other.lifecycle == "CREATING"]
        system.associations[link.id] = link
        store.remember("CreateDataRepositoryAssociation", request, link.id)
        ledger.count("associations_created")
        doomed = bool(queue) and settings.get("fsx.concurrent_association_fails")
        schedule(settings.delay("association_create"), lambda: _create_step(store, system, link, doomed))
        return {"Association": link.view()}

    @handler("DescribeDataRepositoryAssociations", expand=False)
    def describe_associations(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        if (request.get("MaxResults") or 1) > MAX_RESULTS:
            raise BadRequest(f"MaxResults is between 1 and {MAX_RESULTS}.")
        if wanted := request.get("AssociationIds"):
            found = [store.association(identifier) for identifier in wanted]
            for link in found:
                if not identity.is_visible(link.id):
                    raise DataRepositoryAssociationNotFound(link.id)
            return {"Associations": [link.view() for link in found]}
        found = apply_filters(visible(store.associations()), request.get("Filters"), FILTERS)
        views, token = page(found, request, "associations")
        return {"Associations": views, **token}

    @handler("UpdateDataRepositoryAssociation", expand=False)
    def update_association(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        link = store.association(request["AssociationId"])
        existing = {other.id: other for other in store.associations()}
        if store.recall("UpdateDataRepositoryAssociation", request, existing):
            return {"Association": link.view()}
        _refuse_cache(link)
        if link.lifecycle not in ("AVAILABLE", "MISCONFIGURED"):
            raise BadRequest(f"The association is in state {link.lifecycle}; it must be AVAILABLE.")
        _settle_policies(link, request)
        if not link.export_events:
            store.file_system(link.file_system_id).queues[queue.EXPORT].drop(link.id)
        link.lifecycle, link.failure = "UPDATING", None
        store.remember("UpdateDataRepositoryAssociation", request, link.id)
        schedule(settings.delay("association_update"), lambda: _become(link, "UPDATING", "AVAILABLE"))
        return {"Association": link.view()}

    @handler("DeleteDataRepositoryAssociation", expand=False)
    def delete_association(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        link = store.association(request["AssociationId"])
        _refuse_cache(link)
        delete_data = bool(request.get("DeleteDataInFileSystem"))
        answer = {"AssociationId": link.id, "Lifecycle": "DELETING", "DeleteDataInFileSystem": delete_data}
        if link.lifecycle == "DELETING":
            return answer
        if any(task.unfinished and link.id in task.association_ids for task in store.tasks.values()):
            raise BadRequest("The association has data repository tasks that are pending or executing.")
        system = store.file_system(link.file_system_id)
        files.lose_linked(system, link, delete_data)
        for waiting in system.queues.values():
            waiting.drop(link.id)
        link.lifecycle = "DELETING"
        wait = settings.delay("association_delete") + float(settings.get("lag.deleted"))
        schedule(wait, lambda: _vanish(system, link))
        return answer


def _refuse_cache(link: Association) -> None:
    """The links of a cache come and go with it."""
    if link.of_cache:
        raise BadRequest("The data repository associations of a cache cannot be changed or deleted.")


def _check_file_system(system: FileSystem) -> None:
    if system.lifecycle not in ("AVAILABLE", "CREATING", "UPDATING"):
        raise BadRequest(f"The file system is in state {system.lifecycle}.")
    if system.storage_type == catalog.TIERING:
        raise UnsupportedOperation("Data repository associations are not supported with INTELLIGENT_TIERING.")
    if system.deployment == catalog.SCRATCH_1 or system.version not in catalog.VERSIONS_WITH_ASSOCIATIONS:
        raise UnsupportedOperation(
            "Data repository associations need Lustre 2.12 or newer and are not supported on SCRATCH_1; "
            f"this file system is {system.deployment} with Lustre {system.version}."
        )
    if system.lustre.get("AutomaticBackupRetentionDays"):
        raise BadRequest("Automatic backups must be disabled before a data repository is linked.")
    if len(system.associations) >= catalog.MAX_ASSOCIATIONS:
        raise ServiceLimitExceeded(
            "DATA_REPOSITORY_ASSOCIATIONS_PER_FILE_SYSTEM",
            f"A file system has at most {catalog.MAX_ASSOCIATIONS} data repository associations.",
        )


def _settle_path(path: str | None) -> str:
    path = path or "/"
    if not path.startswith("/") or len(path) > 4096:
        raise BadRequest("FileSystemPath starts with a slash and has at most 4096 characters.")
    return "/" + path.strip("/")


def _check_repository(repository: str) -> str:
    bucket = repository.removeprefix("s3://").split("/", 1)[0]
    if not repository.startswith("s3://") or not bucket or len(repository) > 4357:
        raise BadRequest("DataRepositoryPath is s3://bucket/prefix/ with at most 4357 characters.")
    if bucket.endswith("--x-s3") or bucket.startswith("arn:"):
        raise BadRequest("Directory buckets and access points cannot be linked.")
    return repository


def _settle_policies(link: Association, request: dict[str, Any]) -> None:
    """Takes over chunk size and event lists; a list replaces the old one, an empty policy turns it off."""
    chunk = request.get("ImportedFileChunkSize")
    if chunk is not None:
        if chunk not in CHUNK_SIZES:
            raise BadRequest("ImportedFileChunkSize is between 1 and 512000 MiB.")
        link.chunk_size = chunk
    policies = request.get("S3") or {}
    for name, attribute in (("AutoImportPolicy", "import_events"), ("AutoExportPolicy", "export_events")):
        policy = policies.get(name)
        if policy is None:
            continue
        events = policy.get("Events") or []
        if len(set(events)) != len(events) or not set(events) <= set(catalog.EVENTS):
            raise BadRequest(f"The events of {name} are distinct values out of {', '.join(catalog.EVENTS)}.")
        setattr(link, attribute, events)


def check_overlap(system: Lustre, new: Association) -> None:
    for other in system.associations.values():
        if new.covers(other.path) or other.covers(new.path):
            raise BadRequest(f"FileSystemPath {new.path} overlaps with {other.path} of {other.id}.")
        if new.uri.startswith(other.uri) or other.uri.startswith(new.uri):
            raise BadRequest(f"DataRepositoryPath {new.repository} overlaps with that of {other.id}.")


def check_bucket(store: Store, link: Association) -> None:
    client = s3_client(store.account, store.region)
    try:
        location = client.get_bucket_location(Bucket=link.bucket).get("LocationConstraint") or "us-east-1"
    except ClientError:
        raise BadRequest(f"The S3 bucket '{link.bucket}' does not exist or is not accessible.") from None
    if link.import_events and location != store.region:
        raise BadRequest(
            f"Automatic import needs a bucket in the Region of the file system ({store.region}), not {location}."
        )


def _create_step(store: Store, system: FileSystem, link: Association, doomed: bool) -> None:
    """Ends the creation of an association, when its file system is ready and its turn has come."""
    if link.lifecycle != "CREATING" or link.id not in system.associations:
        return
    if doomed:
        link.lifecycle, link.failure = "FAILED", MISLEADING
        ledger.count("associations_failed")
        return
    first = next(other for other in system.associations.values() if other.lifecycle == "CREATING")
    if system.lifecycle == "CREATING" or first is not link:
        again = max(settings.delay("association_create"), 0.05)
        schedule(again, lambda: _create_step(store, system, link, doomed))
        return
    link.lifecycle = "AVAILABLE"
    if link.batch_import:
        tasks.start(store, system, "IMPORT_METADATA_FROM_REPOSITORY", [link.uri], {"Enabled": False}, {})


def _become(link: Association, old: str, new: str) -> None:
    if link.lifecycle == old:
        link.lifecycle = new


def _vanish(system: FileSystem, link: Association) -> None:
    if system.associations.pop(link.id, None):
        ledger.count("associations_deleted")
