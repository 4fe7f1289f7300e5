"""CreateFileCache, DescribeFileCaches, UpdateFileCache, DeleteFileCache (Amazon File Cache).

Sources: FSx API reference, the pages of these operations; File Cache user guide, "Linking your cache to a data
repository" (at most 8 links, all of one kind, made with the cache) and "Deleting a cache". Its network is that of a
Lustre file system.

The metadata of what is linked come when they are first asked for. Here they are there when the cache is.
"""

from typing import Any

from localstack.aws.api import RequestContext, handler

from localstack_provision import identity, ledger, settings
from localstack_provision.fsx import cache_validation, files, imports, network, validation
from localstack_provision.fsx.associations import check_bucket, check_overlap
from localstack_provision.fsx.caches_model import FileCache
from localstack_provision.fsx.errors import BadRequest, FileCacheNotFound, MissingFileCacheConfiguration
from localstack_provision.fsx.file_systems import mount_name
from localstack_provision.fsx.model import Association
from localstack_provision.fsx.store import Store, page, store_of, visible
from localstack_provision.timeline import schedule

MAX_IDS = 50
# Object servers of 2400 GiB each, and one for metadata: File Cache's documentation does not count them.
SERVER_GIB = 2400


class FileCacheOperations:
    @handler("CreateFileCache", expand=False)
    def create_file_cache(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        known = store.recall("CreateFileCache", request, store.file_caches)
        if known:
            return {"FileCache": store.file_caches[known].creation_view()}
        lustre = cache_validation.settle_new(request)
        subnet, groups = network.settle(store.account, store.region, request, efa=False)
        cache = FileCache(
            id=identity.new_id("fc"),
            account=store.account,
            region=store.region,
            tags=identity.tags_of(request.get("Tags")),
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            security_group_ids=[group.id for group in groups],
            capacity=request["StorageCapacity"],
            version=request["FileCacheTypeVersion"],
            lustre=lustre,
            mount_name=mount_name(),
            copy_tags=bool(request.get("CopyTagsToDataRepositoryAssociations")),
        )
        cache.kms_key = request.get("KmsKeyId") or cache.arn("key/aws-fsx").replace(":fsx:", ":kms:")
        for one in request.get("DataRepositoryAssociations") or []:
            link = _link(store, cache, one)
            cache.associations[link.id] = link
        store.check_limit("FILE_CACHE_COUNT", len(store.file_caches), 1)
        interfaces = -(-cache.capacity // SERVER_GIB) + 1
        cache.interface_ids = network.create_interfaces(store.account, store.region, cache, interfaces)
        store.file_caches[cache.id] = cache
        store.remember("CreateFileCache", request, cache.id)
        ledger.count("file_caches_created")
        ledger.count("associations_created", len(cache.associations))
        schedule(settings.delay("file_cache_create"), lambda: _become_available(cache))
        return {"FileCache": cache.creation_view()}

    @handler("DescribeFileCaches", expand=False)
    def describe_file_caches(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        wanted = request.get("FileCacheIds")
        if not wanted:
            views, token = page(visible(list(store.file_caches.values())), request, "file_caches")
            return {"FileCaches": views, **token}
        if len(wanted) > MAX_IDS:
            raise BadRequest(f"At most {MAX_IDS} file cache ids can be given.")
        found = [store.file_cache(identifier) for identifier in wanted]
        for cache in found:
            if not identity.is_visible(cache.id):
                raise FileCacheNotFound(cache.id)
        return {"FileCaches": [cache.view() for cache in found]}

    @handler("UpdateFileCache", expand=False)
    def update_file_cache(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        cache = store.file_cache(request["FileCacheId"])
        if store.recall("UpdateFileCache", request, store.file_caches):
            return {"FileCache": cache.view()}
        changes = request.get("LustreConfiguration")
        if not changes:
            raise MissingFileCacheConfiguration("LustreConfiguration is required.")
        if cache.lifecycle != "AVAILABLE":
            raise BadRequest(f"The cache is in state {cache.lifecycle}; it must be AVAILABLE.")
        cache_validation.check_maintenance(changes)
        store.remember("UpdateFileCache", request, cache.id)
        cache.lustre.update(changes)
        cache.lifecycle = "UPDATING"
        schedule(settings.delay("file_cache_update"), lambda: _become(cache, "UPDATING", "AVAILABLE"))
        return {"FileCache": cache.view()}

    @handler("DeleteFileCache", expand=False)
    def delete_file_cache(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        validation.check_common(request)
        store = store_of(context.account_id, context.region)
        cache = store.file_cache(request["FileCacheId"])
        answer = {"FileCacheId": cache.id, "Lifecycle": "DELETING"}
        if cache.lifecycle == "DELETING":
            return answer
        running = [task for task in store.tasks.values() if task.file_system_id == cache.id and task.unfinished]
        if running:
            raise BadRequest(f"The cache has data repository tasks that are pending or executing: {running[0].id}")
        # Whatever has not been exported by now is gone: the deletion does not wait for it.
        files.lose_all(cache)
        cache.lifecycle = "DELETING"
        for link in cache.associations.values():
            link.lifecycle = "DELETING"
        wait = settings.delay("file_cache_delete") + float(settings.get("lag.deleted"))
        schedule(wait, lambda: _vanish(store, cache))
        return answer


def _link(store: Store, cache: FileCache, one: dict[str, Any]) -> Association:
    link = Association(
        id=identity.new_id("dra"),
        account=store.account,
        region=store.region,
        tags=dict(cache.tags) if cache.copy_tags else {},
        file_system_id=cache.id,
        path=one["FileCachePath"].rstrip("/") or "/",
        repository=one["DataRepositoryPath"],
        nfs=one.get("NFS"),
        subdirectories=one.get("DataRepositorySubdirectories") or [],
    )
    check_overlap(cache, link)
    if link.nfs is None:
        check_bucket(store, link)
    return link


def _become_available(cache: FileCache) -> None:
    if cache.lifecycle != "CREATING":
        return
    cache.lifecycle = "AVAILABLE"
    for link in cache.associations.values():
        link.lifecycle = "AVAILABLE"
        for item in imports.objects(cache, link, link.prefix) if link.nfs is None else ():
            imports.import_object(cache, link, item)


def _become(cache: FileCache, old: str, new: str) -> None:
    if cache.lifecycle == old:
        cache.lifecycle = new


def _vanish(store: Store, cache: FileCache) -> None:
    if store.file_caches.pop(cache.id, None):
        ledger.count("file_caches_deleted")
        ledger.count("associations_deleted", len(cache.associations))
    schedule(
        settings.delay("network_interface_release"),
        lambda: network.release_interfaces(store.account, store.region, cache.interface_ids),
    )
