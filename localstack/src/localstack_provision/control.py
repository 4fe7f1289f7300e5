"""The control endpoints below `/_provision`: JSON in, JSON out, on the port of the gateway.

A test writes files onto a file system, turns settings, orders faults, and reads what happened. All of them
first let time catch up, as an AWS request does.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from localstack.http import Request, Response
from localstack.http.dispatcher import Handler
from localstack.services.edge import ROUTER
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.ssm.models import ssm_backends

from localstack_provision import gateway, ledger, settings, storage, timeline
from localstack_provision.authorization import guard
from localstack_provision.authorization.policy import NotUnderstood
from localstack_provision.ec2 import model as ec2
from localstack_provision.ec2 import nodes
from localstack_provision.efs import model as efs
from localstack_provision.fsx import files
from localstack_provision.fsx import store as fsx
from localstack_provision.fsx.model import File
from localstack_provision.ssm import model as ssm

PREFIX = "/_provision"


class Refused(Exception):
    """A request that makes no sense; its text goes into the answer."""


Endpoint = Callable[[Request, Any], Any]
# (method, path) → what answers it
Endpoints = dict[tuple[str, str], Endpoint]


def register(table: Endpoints, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
    def keep(function: Endpoint) -> Endpoint:
        table[(method, path)] = function
        return function

    return keep


ENDPOINTS: Endpoints = {}
endpoint = partial(register, ENDPOINTS)


@endpoint("GET", "settings")
def get_settings(request: Request, body: Any) -> Any:
    return settings.snapshot()


@endpoint("POST", "settings")
def post_settings(request: Request, body: Any) -> Any:
    """Merges the body into the settings."""
    try:
        settings.update(body)
    except settings.UnknownSetting as error:
        raise Refused(str(error)) from error
    return settings.snapshot()


@endpoint("GET", "files")
def get_files(request: Request, body: Any) -> Any:
    """Shows the files of a file system; with `path`, those below it."""
    system = _file_system(request.args.get("file_system_id"))
    nodes.collect(system)
    root = files.absolute(request.args.get("path") or "/")
    return {"files": [_view(system, file) for file in system.files.values() if files.below(file.path, root)]}


@endpoint("POST", "files")
def post_files(request: Request, body: Any) -> Any:
    """Writes files, as a node would: {"file_system_id", "files": [{"path", "size", "content", "export_error"}]}."""
    system = _writable(body.get("file_system_id"))
    wanted = [_file(item, {"path", "size", "content", "export_error"}) for item in _items(body)]
    return {"files": [_view(system, files.write(system, **item)) for item in wanted]}


@endpoint("PUT", "files")
def put_files(request: Request, body: Any) -> Any:
    """Puts files into a state (`dirty`, `archived`, `released`) that automatic export has no part in.

    A file that is there keeps its content, unless one is given.
    """
    system = _writable(body.get("file_system_id"))
    wanted = [_file(item, {"path", "size", "content", "export_error", "state"}) for item in _items(body)]
    for item in wanted:
        if item["state"] not in (None, "dirty", "archived", "released"):
            raise Refused(f"the state of {item['path']} is dirty, archived or released")
        if item["state"] in ("archived", "released") and system.association_of(item["path"]) is None:
            raise Refused(f"{item['path']} is in no association: it cannot be {item['state']}")
    return {"files": [_view(system, _put(system, item)) for item in wanted]}


def _put(system: storage.Storage, item: dict[str, Any]) -> File:
    state = item.pop("state")
    file = system.files.get(item["path"])
    if file is None or state in (None, "dirty") or item["content"] is not None:
        file = files.place(system, **item)
    if state in ("archived", "released"):
        if not file.exported and (error := files.export(system, system.association_of(file.path), file)):
            raise Refused(f"{file.path} cannot be exported: {error}")
        (files.release if state == "released" else files.restore)(file)
    return file


def _items(body: dict[str, Any]) -> list[Any]:
    items = body.get("files", [{name: value for name, value in body.items() if name != "file_system_id"}])
    if not isinstance(items, list) or not items:
        raise Refused("files is a list of at least one file")
    return items


def _file(item: Any, known: set[str]) -> dict[str, Any]:
    """Returns a file of a request with all members it may have; raises Refused."""
    if not isinstance(item, dict):
        raise Refused(f"a file is an object, not {item!r}")
    if unknown := set(item) - known:
        raise Refused(f"a file has no {sorted(unknown)[0]!r}: it has {', '.join(sorted(known))}")
    for name in known - {"size"}:
        if not isinstance(item.get(name), str | None):
            raise Refused(f"the {name} of a file is a string, not {item[name]!r}")
    if not (item.get("path") or "").strip("/"):
        raise Refused("each file needs a path")
    content = item.get("content")
    size = item.get("size", len(content.encode()) if content is not None else 1)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Refused(f"the size of {item['path']} is a number of bytes, not {size!r}")
    return {**dict.fromkeys(known), **item, "path": files.absolute(item["path"]), "size": size}


def _view(system: storage.Storage, file: File) -> dict[str, Any]:
    return file.view(system.association_of(file.path))


@endpoint("DELETE", "files")
def delete_file(request: Request, body: Any) -> Any:
    """Deletes a file, as a node would: {"file_system_id", "path"}."""
    system = _writable(body.get("file_system_id"))
    path = body.get("path")
    if not isinstance(path, str) or files.absolute(path) not in system.files:
        raise Refused(f"there is no file {path!r}")
    files.delete(system, path)
    return {}


@endpoint("POST", "objects")
def post_objects(request: Request, body: Any) -> Any:
    """Puts names into a bucket that can be listed and not read, a hundred thousand in seconds.

    {"account", "bucket", "key", "size", "count", "storage_class"}: in the key, `{n}` is the number of an object from 0,
    and `{d}` that of each thousand.
    """
    from localstack.services.s3.models import S3Object, s3_stores

    stores = s3_stores[str(body.get("account"))]
    found = [store.buckets[body["bucket"]] for store in stores.values() if body.get("bucket") in store.buckets]
    if not found:
        raise Refused(f"account {body.get('account')} has no bucket {body.get('bucket')!r}")
    key, size, count = body.get("key"), body.get("size", 0), body.get("count", 1)
    if not isinstance(key, str) or not isinstance(size, int) or not isinstance(count, int):
        raise Refused("a key is a string, and size and count are numbers")
    for number in range(count):
        try:
            name = key.format(n=number, d=number // 1000)
        except (KeyError, IndexError, ValueError) as error:
            raise Refused(f"the key may have {{n}} and {{d}} in it: {error}") from error
        storage_class = body.get("storage_class", "STANDARD")
        found[0].objects.set(name, S3Object(name, etag="0" * 32, size=size, storage_class=storage_class))
    return {"count": count}


@endpoint("GET", "ledger")
def get_ledger(request: Request, body: Any) -> Any:
    return ledger.snapshot()


@endpoint("GET", "fail-next")
def get_faults(request: Request, body: Any) -> Any:
    return {"faults": [vars(fault) for fault in gateway.FAULTS]}


@endpoint("POST", "fail-next")
def post_fault(request: Request, body: Any) -> Any:
    """Orders a fault: {"service", "operation", "code", "times", "mode", "status", "message", "skip"}."""
    try:
        fault = gateway.Fault(**body)
    except TypeError as error:
        raise Refused(str(error)) from error
    if fault.mode not in gateway.MODES:
        raise Refused(f"mode is one of {', '.join(gateway.MODES)}")
    gateway.FAULTS.append(fault)
    return {"faults": [vars(fault) for fault in gateway.FAULTS]}


@endpoint("DELETE", "fail-next")
def delete_faults(request: Request, body: Any) -> Any:
    gateway.FAULTS.clear()
    return {"faults": []}


@endpoint("GET", "policy")
def get_policy(request: Request, body: Any) -> Any:
    """Tells what an account's policies have denied, and of each statement what it was good for."""
    found = guard.GUARDS.get(request.args.get("account") or "")
    if found is None:
        raise Refused("this account has no policy")
    return found.view()


@endpoint("POST", "policy")
def post_policy(request: Request, body: Any) -> Any:
    """Gives an account policies to go by: {"account", "policies": [document]}. Without any it may do everything."""
    try:
        return guard.put(body["account"], body["policies"]).view()
    except KeyError as error:
        raise Refused(f"there is no {error}") from error
    except NotUnderstood as error:
        raise Refused(f"the policy says what nobody evaluates here: {error}") from error


@endpoint("POST", "reset")
def post_reset(request: Request, body: Any) -> Any:
    """Forgets everything: FSx, EFS, EC2, IAM, SSM, KMS and S3 of all accounts, settings, faults, policies, ledger."""
    from localstack.services.kms.models import kms_stores
    from localstack.services.s3.models import s3_stores

    timeline.clear()
    gateway.FAULTS.clear()
    guard.GUARDS.clear()
    fsx.STORES.clear()
    efs.STORES.clear()
    ec2.STORES.clear()
    ssm.STORES.clear()
    for backends in (ec2_backends, iam_backends, ssm_backends):
        backends.reset()
    s3_stores.reset()
    kms_stores.reset()
    settings.reset()
    ledger.clear()
    return {}


def _writable(identifier: Any) -> storage.Storage:
    system = _file_system(identifier)
    if not system.writable:
        raise Refused(f"the file system is {system.lifecycle}: nothing can be written")
    return system


def _file_system(identifier: Any) -> storage.Storage:
    if isinstance(identifier, str) and (found := storage.find(identifier)):
        return found
    raise Refused(f"there is no file system {identifier!r}")


def _serve(function: Endpoint) -> Handler:
    def serve(request: Request, **_: Any) -> Response:
        timeline.advance()
        status = 200
        try:
            body = json.loads(request.get_data() or b"{}")
            if not isinstance(body, dict):
                raise Refused(f"the body is a JSON object, not {body!r}")
            with timeline.LOCK:
                answer = function(request, body)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            status, answer = 400, {"error": f"the body is not JSON: {error}"}
        except Refused as error:
            status, answer = 400, {"error": str(error)}
        return Response(json.dumps(answer) + "\n", status, mimetype="application/json")

    return serve


def install(*tables: Endpoints) -> None:
    for table in tables:
        for (method, path), function in table.items():
            ROUTER.add(f"{PREFIX}/{path}", _serve(function), methods=[method])
