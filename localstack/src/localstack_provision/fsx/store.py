"""Where the things of FSx are kept, by account and Region; tokens, look-ups and pages."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from localstack_provision import identity, settings
from localstack_provision.fsx.caches_model import FileCache
from localstack_provision.fsx.errors import (
    BackupNotFound,
    BadRequest,
    DataRepositoryAssociationNotFound,
    DataRepositoryTaskNotFound,
    FileCacheNotFound,
    FileSystemNotFound,
    IncompatibleParameterError,
    ServiceLimitExceeded,
)
from localstack_provision.fsx.model import Association, Backup, FileSystem, Lustre, Resource, Task, is_cache

R = TypeVar("R", bound=Resource)


@dataclass
class Store:
    account: str
    region: str
    file_systems: dict[str, FileSystem] = field(default_factory=dict)
    file_caches: dict[str, FileCache] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    backups: dict[str, Backup] = field(default_factory=dict)
    # (operation, token) → (the parameters it came with, the id of what it made)
    tokens: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def file_system(self, identifier: str) -> FileSystem:
        found = self.file_systems.get(identifier)
        if found is None:
            raise FileSystemNotFound(identifier)
        return found

    def file_cache(self, identifier: str) -> FileCache:
        found = self.file_caches.get(identifier)
        if found is None:
            raise FileCacheNotFound(identifier)
        return found

    def lustre(self, identifier: str) -> Lustre:
        """Finds a file system, or a cache where its id is given in place of one."""
        return self.file_cache(identifier) if is_cache(identifier) else self.file_system(identifier)

    def associations(self) -> list[Association]:
        owners = (*self.file_systems.values(), *self.file_caches.values())
        return [link for owner in owners for link in owner.associations.values()]

    def association(self, identifier: str) -> Association:
        for link in self.associations():
            if link.id == identifier:
                return link
        raise DataRepositoryAssociationNotFound(identifier)

    def task(self, identifier: str) -> Task:
        found = self.tasks.get(identifier)
        if found is None:
            raise DataRepositoryTaskNotFound(identifier)
        return found

    def backup(self, identifier: str) -> Backup:
        found = self.backups.get(identifier)
        if found is None:
            raise BackupNotFound(identifier)
        return found

    def recall(self, operation: str, request: dict[str, Any], existing: Any) -> str | None:
        """Returns the id made by an earlier request with the same token, if `existing` still knows it.

        AWS does not say for how long it remembers a token. Here: for as long as the thing exists, its
        deletion included; after that the token makes a new one.
        """
        token = request.get("ClientRequestToken")
        remembered = self.tokens.get((operation, token)) if token else None
        if remembered is None or remembered[1] not in existing:
            return None
        if remembered[0] != identity.fingerprint(request, "ClientRequestToken"):
            raise IncompatibleParameterError(
                "ClientRequestToken", "The client request token was used with other parameters before."
            )
        return remembered[1]

    def remember(self, operation: str, request: dict[str, Any], identifier: str) -> None:
        if token := request.get("ClientRequestToken"):
            kept = identity.fingerprint(request, "ClientRequestToken")
            self.tokens[(operation, token)] = (kept, identifier)

    def check_limit(self, limit: str, used: int, added: int) -> None:
        allowed = settings.get("limit").get(limit)
        if allowed is not None and used + added > allowed:
            raise ServiceLimitExceeded(limit, f"The request would exceed the limit {limit} of {allowed}.")


STORES: dict[tuple[str, str], Store] = {}


def store_of(account: str, region: str) -> Store:
    return STORES.setdefault((account, region), Store(account, region))


def visible(items: list[R]) -> list[R]:
    return [item for item in items if identity.is_visible(item.id)]


def page(items: list[R], request: dict[str, Any], kind: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Returns the views of one page, and the NextToken member if there is more."""
    longest = int(settings.get(f"page.{kind}"))
    size = min(request.get("MaxResults") or longest, longest)
    try:
        chosen, token = identity.page(items, request.get("NextToken"), size)
    except identity.InvalidToken as error:
        raise BadRequest(f"Invalid NextToken: {error}") from error
    return [item.view() for item in chosen], {"NextToken": token} if token else {}


def apply_filters(items: list[R], filters: list[dict[str, Any]] | None, known: dict[str, Any]) -> list[R]:
    """Keeps what passes all filters; `known` maps a filter's name to a function from item to its values."""
    for condition in filters or []:
        name, values = condition.get("Name"), set(condition.get("Values") or [])
        if name not in known:
            raise BadRequest(f"The filter {name!r} is not supported by this operation.")
        items = [item for item in items if values & set(known[name](item))]
    return items
