"""Launch templates: moto keeps them; here their data stays as it was sent, and tokens count.

moto keys network interfaces and tags of a template in its own way. RunInstances and
DescribeLaunchTemplateVersions need what the client sent.
"""

import copy
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.ec2.provider import Ec2Provider
from localstack.services.moto import call_moto

from localstack_provision import identity
from localstack_provision.ec2.errors import dry_run, token_mismatch
from localstack_provision.ec2.model import Store, store_of


class LaunchTemplateOperations:
    @handler("CreateLaunchTemplate", expand=False)
    def create_launch_template(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("DryRun"):
            raise dry_run()
        store = store_of(context.account_id, context.region)
        known = _recall(store, "CreateLaunchTemplate", request)
        if known:
            return known
        # LocalStack checks the name and has moto make the template.
        answer = Ec2Provider.create_launch_template(self, context, request)
        template = answer["LaunchTemplate"]
        identity.born(template["LaunchTemplateId"])
        _keep(store, template["LaunchTemplateId"], 1, request)
        return _remember(store, "CreateLaunchTemplate", request, answer)

    @handler("CreateLaunchTemplateVersion", expand=False)
    def create_launch_template_version(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        known = _recall(store, "CreateLaunchTemplateVersion", request)
        if known:
            return known
        answer = call_moto(context)
        version = answer["LaunchTemplateVersion"]
        _keep(store, version["LaunchTemplateId"], version["VersionNumber"], request)
        version["LaunchTemplateData"] = _data(store, version)
        return _remember(store, "CreateLaunchTemplateVersion", request, answer)

    @handler("DescribeLaunchTemplateVersions", expand=False)
    def describe_launch_template_versions(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        answer = call_moto(context)
        for version in answer.get("LaunchTemplateVersions", []):
            version["LaunchTemplateData"] = _data(store, version)
        return answer

    @handler("DescribeLaunchTemplates", expand=False)
    def describe_launch_templates(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        store = store_of(context.account_id, context.region)
        answer = call_moto(context)
        visible = []
        for template in answer.get("LaunchTemplates", []):
            # moto answers with the tags of the moment of creation.
            template["Tags"] = identity.tag_list(store.tags_of(template["LaunchTemplateId"]))
            if identity.is_visible(template["LaunchTemplateId"]):
                visible.append(template)
        return {**answer, "LaunchTemplates": visible}

    @handler("DeleteLaunchTemplate", expand=False)
    def delete_launch_template(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        answer = call_moto(context)
        # moto keeps the tags, and DescribeTags goes on to show them.
        store = store_of(context.account_id, context.region)
        store.backend.tags.pop(answer["LaunchTemplate"]["LaunchTemplateId"], None)
        return answer


def _keep(store: Store, identifier: str, number: int, request: dict[str, Any]) -> None:
    store.template_data[(identifier, number)] = copy.deepcopy(request["LaunchTemplateData"])


def _data(store: Store, version: dict[str, Any]) -> dict[str, Any]:
    key = (version["LaunchTemplateId"], version["VersionNumber"])
    return store.template_data.get(key, version["LaunchTemplateData"])


def _recall(store: Store, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the answer an earlier request with the same token got, for as long as its template exists."""
    token = request.get("ClientToken")
    remembered = store.tokens.get((operation, "", token)) if token else None
    if remembered is None:
        return None
    parameters, answer = remembered
    template = answer.get("LaunchTemplate") or answer["LaunchTemplateVersion"]
    if template["LaunchTemplateId"] not in store.backend.launch_templates:
        return None
    if parameters != identity.fingerprint(request, "ClientToken", "DryRun"):
        raise token_mismatch()
    return answer


def _remember(store: Store, operation: str, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if token := request.get("ClientToken"):
        store.tokens[(operation, "", token)] = (identity.fingerprint(request, "ClientToken", "DryRun"), answer)
    return answer
