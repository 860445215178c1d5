"""The role with which ECS works in an account, and what a new account is like without it.

ministack makes clusters with capacity providers without that role, gives it another name, and asks
for no permission on it. AWS makes the role with an account's first cluster and then can't take it
on yet, so that the first cluster fails (https://github.com/aws/containers-roadmap/issues/2614).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import error_response_json, get_account_id
from ministack.services import ecs, iam

from . import resource_arn
from .links import Link, PatchPoint

Json = dict[str, Any]
Reply = tuple[int, Json, bytes]

SERVICE = "ecs.amazonaws.com"
NAME = "AWSServiceRoleForECS"
PATH = f"/aws-service-role/{SERVICE}/"
OWN_NAME = "AWSServiceRoleForEcs"
"""What ministack calls it."""
PROPAGATION_SECONDS = 2.0
"""From its making until ECS can take it on. AWS names no time."""
CANT_ASSUME = (
    "Unable to assume the service linked role. Please verify that the ECS service linked role"
    " exists."
)
_made: dict[str, float] = {}
"""When each role was made, by its ID; but for the first, which was there long before."""


def apply() -> None:
    condition_keys: Callable[..., Json] = iam_actions.request_tag_context
    create_role: Callable[[Json], Reply] = iam._IAM_HANDLERS["CreateServiceLinkedRole"]
    create_cluster: Callable[[Json], object] = ecs._ACTION_MAP["CreateCluster"]
    put_cluster: Callable[[Json], Json] = ecs._put_cluster

    def create_service_linked_role(parameters: Json) -> Reply:
        if _first(parameters, "AWSServiceName") != SERVICE:
            return create_role(parameters)
        if NAME in iam._roles:
            taken = f"Service role name {NAME} has been taken in this account"
            reply: Reply = iam._error(
                400, "InvalidInput", f"{taken}, please try a different suffix."
            )
            return reply
        status, headers, body = create_role(parameters)
        role = iam._roles.pop(OWN_NAME)
        iam._roles[NAME] = role | {"RoleName": NAME, "Arn": _arn()}
        _made[role["RoleId"]] = time.monotonic()
        return status, headers, body.replace(OWN_NAME.encode(), NAME.encode())

    def cluster_or_refusal(data: Json) -> object:
        try:
            return create_cluster(data)
        except NotAssumed as error:
            return error_response_json("InvalidParameterException", str(error), 400)

    def put_cluster_if_ecs_has_its_role(data: Json) -> Json:
        if data.get("capacityProviders"):
            if NAME not in iam._roles:  # as ECS does, and so it still fails
                create_service_linked_role({"AWSServiceName": [SERVICE]})
            made = _made.get(iam._roles[NAME]["RoleId"], -PROPAGATION_SECONDS)
            if time.monotonic() < made + PROPAGATION_SECONDS:
                raise NotAssumed(CANT_ASSUME)
        return put_cluster(data)

    def the_role(request: resource_arn.Request, arn: str) -> str:
        query = request.query
        is_it = _first(query, "AWSServiceName") == SERVICE or _first(query, "RoleName") == NAME
        return _arn() if request.service == "iam" and is_it else arn

    def request_tag_context(service: str, iam_action: str, body: object, params: Json) -> Json:
        keys = condition_keys(service, iam_action, body, params)
        if iam_action == "iam:CreateServiceLinkedRole":
            keys = {**keys, "iam:awsservicename": _first(params, "AWSServiceName")}
        return keys

    resource_arn.correct(the_role)
    iam_actions.request_tag_context = request_tag_context
    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = create_service_linked_role
    ecs._ACTION_MAP["CreateCluster"] = cluster_or_refusal
    ecs._put_cluster = put_cluster_if_ecs_has_its_role
    # An account in use. In a new one, each stack would first wait until ECS can take the role on.
    create_service_linked_role({"AWSServiceName": [SERVICE]})
    _made.clear()


class NotAssumed(ValueError):
    """CloudFormation reports it as the reason."""


def _arn() -> str:
    return f"arn:aws:iam::{get_account_id()}:role{PATH}{NAME}"


def _first(parameters: Mapping[str, Any], name: str) -> str:
    found = parameters.get(name) or ""
    return str(found[0] if isinstance(found, list) else found)


LINK = Link(
    what="the role with which ECS works, and a new account without it",
    patch_points=(
        resource_arn.PATCH_POINT,
        PatchPoint(iam_actions, "request_tag_context", ("service", "iam_action", "body", "params")),
        PatchPoint(iam, "_IAM_HANDLERS"),
        PatchPoint(iam, "_error", ("status", "code", "message")),
        PatchPoint(iam, "_roles"),
        PatchPoint(ecs, "_ACTION_MAP"),
        PatchPoint(ecs, "_put_cluster", ("data",)),
    ),
    apply=apply,
)
