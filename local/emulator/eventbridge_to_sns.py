"""EventBridge publishes to a topic that lets it in; ministack does so whatever the topic says.

Asked are the topic's policy and, of a topic with a key, the key's. AWS's pages don't agree on
whether EventBridge names its rule to a topic, so the policy must let it in either way. What is
refused ends in the dead-letter queue. A topic's key, which ministack leaves out of a stack's
topics, is set.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, kms, sns
from ministack.services.cloudformation import provisioners

from .eventbridge_to_ecs import GivenUp, to_dead_letter_queue
from .links import Link, PatchPoint

KEY = "KmsMasterKeyId"
_TYPE = "AWS::SNS::Topic"
_SERVICE = "events.amazonaws.com"

Json = dict[str, Any]


def apply(iam: bool = True) -> None:
    if iam:
        invoke: Callable[..., None] = eventbridge._invoke_target

        def invoke_target(target: Json, event: Json, rule: Json, view: object = None) -> None:
            if ":sns:" in str(target.get("Arn")) and (problem := refusal(target["Arn"], rule)):
                seen = view or eventbridge._pattern_event_view(event)
                to_dead_letter_queue(GivenUp(problem, "", 0), target, rule, seen)
                return
            invoke(target, event, rule, view)

        eventbridge._invoke_target = invoke_target
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def create_with_key(logical_id: str, props: Json, stack: str) -> tuple[str, Json]:
        made: tuple[str, Json] = create(logical_id, props, stack)
        _set_key(made[0], props)
        return made

    def update_with_key(arn: str, old: Json, new: Json, *more: Any) -> tuple[str, Json]:  # noqa: ANN401
        made: tuple[str, Json] = update(arn, old, new, *more)
        _set_key(made[0], new)
        return made

    handlers |= {"create": create_with_key, "update": update_with_key}


def _set_key(arn: str, props: Mapping[str, Any]) -> None:
    sns._topics[arn]["attributes"][KEY] = props.get(KEY, "")


def refusal(topic_arn: str, rule: Json) -> ClientError | None:
    """What SNS returns EventBridge; None where the rule may publish."""
    topic = sns._topics.get(topic_arn)
    if topic is None:
        return _error("NotFound", "Topic does not exist", 404)
    policy, key = topic["attributes"].get("Policy"), topic["attributes"].get(KEY)
    named = {"aws:sourcearn": rule["Arn"], "aws:sourceaccount": get_account_id()}
    for sources in (named, {}):
        if not _allows(policy, "sns:Publish", topic_arn, sources):
            message = f"{_SERVICE} is not authorized to perform: sns:Publish on {topic_arn}"
            return _error("AccessDenied", message, 403)
    for action in ("kms:GenerateDataKey", "kms:Decrypt") if key else ():
        of_key = kms.key_policy_for_arn(key)
        if not of_key or not _allows(of_key[0], action, key, {}):  # SNS has no source here
            message = f"{_SERVICE} is not authorized to perform: {action} on {key}"
            return _error("KMSAccessDenied", message, 400)
    return None


def _allows(policy: object, action: str, resource: str, sources: Mapping[str, str]) -> bool:
    """Whether a resource's own policy lets EventBridge do that."""

    def ask() -> bool:
        # EventBridge comes by TLS, whatever brought the event that it delivers.
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        context = iam_evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action=action,
            resource_arn=resource,
            region=get_region(),
            service_context=dict(sources),
        )
        found = iam_evaluator.evaluate_resource_policy(policy, context, service=_SERVICE)
        return bool(found.decision == "Allow")

    return contextvars.copy_context().run(ask)


def _error(code: str, message: str, status: int) -> ClientError:
    said: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(said, "Publish")


def link(iam: bool) -> Link:
    """The link; who is asked for no permission, is let in by every topic."""
    return Link(
        what="EventBridge targets that are topics",
        patch_points=(
            PatchPoint(eventbridge, "_invoke_target", ("target", "event", "rule", "view")),
            PatchPoint(eventbridge, "_pattern_event_view", ("event",)),
            PatchPoint(sns, "_topics"),
            PatchPoint(kms, "key_policy_for_arn", ("resource_arn",)),
            PatchPoint(provisioners, "_RESOURCE_HANDLERS"),
            PatchPoint(provisioners, "_sns_create", ("logical_id", "props", "stack_name")),
            PatchPoint(provisioners, "_sns_update", ("physical_id", "old_props", "new_props")),
            PatchPoint(iam_evaluator, "EvalContext"),
            PatchPoint(iam_evaluator, "pin_request_origin", ("source_ip", "secure_transport")),
            PatchPoint(iam_evaluator, "evaluate_resource_policy", ("doc", "ctx", "service")),
        ),
        apply=lambda: apply(iam),
    )
