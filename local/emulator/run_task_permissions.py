"""The permissions that RunTask needs: ministack asks for the wrong resource, and not for PassRole.

AWS asks for ecs:RunTask on the task definition with the condition key ecs:cluster, and for
iam:PassRole on the roles that the task gets; for a task with tags, ecs:TagResource on it, which
does not exist yet. Here that is asked for whether the task definition, from which the tags come,
has any or not. ecs:ListTasks has the condition key ecs:cluster, too, and ecs:DescribeTasks is asked
for on the task. CloudFormation gives a task definition the stack's tags, which ministack leaves
out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from . import resource_arn, role_policies
from .links import Link, PatchPoint

Json = dict[str, Any]


def apply() -> None:
    condition_keys: Callable[..., Json] = iam_actions.request_tag_context
    run_task: Callable[[Json], object] = ecs._ACTION_MAP["RunTask"]

    def definition_or_task(request: resource_arn.Request, arn: str) -> str:
        if request.service == "ecs" and request.operation == "RunTask":
            return _arn("task-definition", json.loads(request.body)["taskDefinition"])
        if request.service == "ecs" and request.operation == "DescribeTasks":
            # AWS asks for each; these are all of one cluster.
            return _arn("task", json.loads(request.body)["tasks"][0])
        return arn

    def request_tag_context(service: str, iam_action: str, body: bytes, params: Json) -> Json:
        keys = condition_keys(service, iam_action, body, params)
        if iam_action in ("ecs:RunTask", "ecs:ListTasks"):
            keys = {**keys, "ecs:cluster": _arn("cluster", json.loads(body)["cluster"])}
        return keys

    def run_task_if_it_may(data: Json) -> object:
        definition = ecs._task_defs.get(ecs._resolve_td_key(data["taskDefinition"])) or {}
        caller = iam_evaluator.caller_arn()
        to_tasks = {"iam:passedtoservice": "ecs-tasks.amazonaws.com"}
        roles = (definition.get("taskRoleArn"), definition.get("executionRoleArn"))
        needed = [("iam:PassRole", role, to_tasks) for role in roles if role]
        if data.get("propagateTags") == "TASK_DEFINITION":
            task = _arn("cluster", data["cluster"]).replace(":cluster/", ":task/") + "/*"
            needed.append(("ecs:TagResource", task, {"ecs:createaction": "RunTask"}))
            tags = ecs._tags.get(definition.get("taskDefinitionArn"), [])
            data = {**data, "tags": [tag for tag in tags if not tag["key"].startswith("aws:")]}
        for action, resource, context in needed:
            if not _may(caller, action, resource, context):
                return error_response_json(
                    "AccessDeniedException",
                    f"User: {caller} is not authorized to perform: {action} on {resource}",
                    400,
                )
        return run_task(data)

    provisioners._STACK_TAG_PROPERTY["AWS::ECS::TaskDefinition"] = ("Tags", "list")
    resource_arn.correct(definition_or_task)
    iam_actions.request_tag_context = request_tag_context
    ecs._ACTION_MAP["RunTask"] = run_task_if_it_may


def _may(caller: str, action: str, resource: str, keys: dict[str, str]) -> bool:
    """Whether the policies of the caller's role let it do that; the account's owner may."""
    if not role_policies.is_role(caller):
        return True
    _, found = role_policies.evaluate(caller, action, resource, keys)
    return bool(found.decision == "Allow")


def _arn(kind: str, name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return name_or_arn
    return f"arn:aws:ecs:{get_region()}:{get_account_id()}:{kind}/{name_or_arn}"


LINK = Link(
    what="the permissions that RunTask needs",
    patch_points=(
        resource_arn.PATCH_POINT,
        PatchPoint(iam_actions, "request_tag_context", ("service", "iam_action", "body", "params")),
        PatchPoint(iam_evaluator, "caller_arn", ()),
        *role_policies.PATCH_POINTS,
        PatchPoint(ecs, "_ACTION_MAP"),
        PatchPoint(provisioners, "_STACK_TAG_PROPERTY"),
        PatchPoint(ecs, "_tags"),
        PatchPoint(ecs, "_task_defs"),
        PatchPoint(ecs, "_resolve_td_key", ("ref",)),
    ),
    apply=apply,
)
