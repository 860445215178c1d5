"""EventBridge starts ECS tasks, retries, and gives up into a dead-letter queue; ministack drops
the event as an "unsupported target type".

RunTask is called through the emulator's own API with the credentials of the target's role, so that
IAM enforcement decides as it would on AWS. The waits between retries are AWS's in shape, not in
length.
"""

from __future__ import annotations

import contextvars
import functools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from ministack.core import iam_evaluator
from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, sqs

from . import queues
from .credentials import role_session
from .links import Link, PatchPoint

_AWS_RETRIES = 185
_AWS_EVENT_AGE = 24 * 60 * 60
_WORDS = {"AccessDenied": "NO_PERMISSIONS", "NotFound": "NO_RESOURCE", "Throttl": "THROTTLING"}
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0

Json = dict[str, object]


class RunTaskFailures(Exception):
    """RunTask returned 200, and `failures` instead of a task."""


@dataclass
class GivenUp(Exception):
    """The target will not get this event: why, and after how many retries."""

    error: Exception
    condition: str
    """MaximumRetryAttempts | MaximumEventAgeInSeconds; empty when a retry could not help."""
    retries: int

    @property
    def code(self) -> str:
        """EventBridge's own word, from the list in its guide; which one it has for what is ours.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        if not isinstance(self.error, ClientError):
            failed = isinstance(self.error, RunTaskFailures)
            return "ERROR_FROM_TARGET" if failed else "CONNECTION_FAILURE"
        said = str(self.error.response["Error"]["Code"])
        for part, word in _WORDS.items():
            if part in said:
                return word
        status = int(self.error.response["ResponseMetadata"]["HTTPStatusCode"])
        return "ERROR_FROM_TARGET" if status >= 500 else "SDK_CLIENT_ERROR"


def apply(endpoint: str) -> None:
    """Take the targets that are ECS clusters, and leave the others to ministack.

    A queue's policy is asked first, which ministack does for S3 and SNS only.
    """
    invoke: Callable[..., None] = eventbridge._invoke_target

    def invoke_target(target: Json, event: Json, rule: Json, view: object = None) -> None:
        arn = str(target.get("Arn"))
        if ":sqs:" in arn and not may_send(arn, rule):
            print(f"{rule['Name']}: {arn} does not let it in", flush=True)
            return
        if ":ecs:" not in arn:
            invoke(target, event, rule, view)
            return
        seen = view or eventbridge._pattern_event_view(event)
        spawn_background(_deliver, endpoint, target, rule, seen, thread_name="eventbridge-ecs")

    eventbridge._invoke_target = invoke_target


def _deliver(endpoint: str, target: Json, rule: Json, view: object) -> None:
    try:
        _run_task_with_retries(endpoint, target, rule, view)
    except GivenUp as given_up:
        to_dead_letter_queue(given_up, target, rule, view)


def _run_task_with_retries(endpoint: str, target: Json, rule: Json, view: object) -> None:
    """Raises GivenUp."""
    policy = _mapping(target.get("RetryPolicy"))
    most_retries = int(str(policy.get("MaximumRetryAttempts", _AWS_RETRIES)))
    ends = time.monotonic() + float(str(policy.get("MaximumEventAgeInSeconds", _AWS_EVENT_AGE)))
    for retries, wait in enumerate(_waits()):
        try:
            _run_task(endpoint, target, rule, view)
            return
        except Exception as error:  # whatever it is, the event must not vanish
            if not _may_pass(error):
                raise GivenUp(error, "", retries) from error
            if retries >= most_retries:
                raise GivenUp(error, "MaximumRetryAttempts", retries) from error
            if time.monotonic() + wait > ends:
                raise GivenUp(error, "MaximumEventAgeInSeconds", retries) from error
        time.sleep(wait)


def _waits() -> Iterator[float]:
    """Exponential, with jitter."""
    longest = _FIRST_WAIT
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(2 * longest, _LONGEST_WAIT)


def _may_pass(error: Exception) -> bool:
    """EventBridge retries throttling and server errors, no wrong request and no denied one."""
    if isinstance(error, ClientError):
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        code = str(error.response["Error"]["Code"])
        return status == 429 or status >= 500 or "Throttl" in code
    return isinstance(error, RunTaskFailures | HTTPClientError)


def _run_task(endpoint: str, target: Json, rule: Json, view: object) -> None:
    with _MAKING_CLIENTS:
        client = _client(endpoint, get_region(), str(target["RoleArn"]))
    request = _request(target, rule, view)
    reply = client.run_task(**request)
    if reply["failures"] or not reply["tasks"]:
        raise RunTaskFailures(json.dumps(reply["failures"]))
    started = [task["taskArn"] for task in reply["tasks"]]
    print(f"{rule['Name']}: {started} for {json.dumps(request['overrides'])}", flush=True)


_MAKING_CLIENTS = threading.Lock()
"""Clients are for many threads, and making them is not (boto3's guide, "Multithreading")."""


@functools.cache
def _session() -> Any:  # noqa: ANN401, as botocore has it
    """One for all clients: it keeps the models of services.

    Without boto3, whose import takes twice as long, and without any where no task is started.
    """
    import botocore.session

    return botocore.session.get_session()


@functools.cache
def _client(endpoint: str, region: str, role_arn: str) -> Any:  # noqa: ANN401, as botocore has it
    """One for each role: it takes longer to make than to use."""
    from botocore.config import Config

    return _session().create_client(
        "ecs",
        endpoint_url=endpoint,
        region_name=region,
        config=Config(retries={"total_max_attempts": 1}),
        **{name.lower(): value for name, value in role_session(role_arn, "events").items()},
    )


def _request(target: Json, rule: Json, view: object) -> Json:
    """RunTask's parameters: the target's EcsParameters, with its input as the overrides."""
    ecs = _mapping(target["EcsParameters"])
    request = {
        name[0].lower() + name[1:]: ecs[name]
        for name in ("LaunchType", "PlatformVersion", "Group", "PropagateTags")
        if name in ecs
    }
    request |= {
        name[0].lower() + name[1:]: ecs[name] in (True, "true")
        for name in ("EnableECSManagedTags", "EnableExecuteCommand")
        if name in ecs
    }
    if strategy := ecs.get("CapacityProviderStrategy"):
        request["capacityProviderStrategy"] = [
            {name[0].lower() + name[1:]: value for name, value in each.items()}
            for each in strategy  # type: ignore[attr-defined]
        ]
    network = _mapping(_mapping(ecs.get("NetworkConfiguration")).get("AwsVpcConfiguration"))
    if network:
        request["networkConfiguration"] = {
            "awsvpcConfiguration": {name[0].lower() + name[1:]: network[name] for name in network}
        }
    return request | {
        "cluster": target["Arn"],
        "taskDefinition": ecs["TaskDefinitionArn"],
        "count": int(str(ecs.get("TaskCount", 1))),
        "startedBy": f"events-rule/{str(rule['Name'])[:24]}",
        "overrides": json.loads(_input(target, rule, view)),
    }


def _input(target: Json, rule: Json, view: object) -> str:
    """What the target is told: its transformed or constant input, or no overrides at all.

    EventBridge sends a target without any the whole event, which RunTask would not understand.
    """
    if transformer := target.get("InputTransformer"):
        return str(eventbridge._apply_input_transformer(transformer, rule, view))
    return str(target.get("Input", "{}"))


def to_dead_letter_queue(given_up: GivenUp, target: Json, rule: Json, view: object) -> None:
    """The event as it came, not transformed, with the reason in the message's attributes.

    As on AWS it is lost where there is no such queue, or where its policy does not let the rule in.
    """
    arn = str(_mapping(target.get("DeadLetterConfig")).get("Arn", ""))
    attributes = {
        "RULE_ARN": str(rule["Arn"]),
        "TARGET_ARN": str(target["Arn"]),
        "ERROR_CODE": given_up.code,
        "ERROR_MESSAGE": str(given_up.error),
        "EXHAUSTED_RETRY_CONDITION": given_up.condition,
        "RETRY_ATTEMPTS": str(given_up.retries),
    }
    event = view.event_with_detail()  # type: ignore[attr-defined]
    if not may_send(arn, rule) or not queues.send(arn, json.dumps(event), attributes):
        lost = f"{given_up.code}: {given_up.error}: {json.dumps(event)}"
        print(f"{rule['Name']}: lost an event: {lost}", flush=True)


def may_send(queue_arn: str, rule: Json) -> bool:
    """Whether the queue's policy lets this rule send to it."""

    def ask() -> bool:
        # EventBridge comes by TLS, whatever brought the event that it delivers.
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return bool(
            sqs.queue_policy_allows(
                queue_arn, "events.amazonaws.com", str(rule["Arn"]), get_account_id()
            )
        )

    return contextvars.copy_context().run(ask)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def link(endpoint: str) -> Link:
    """The link, with the address at which RunTask is called."""
    return Link(
        what="EventBridge targets that are ECS tasks, retries and dead-letter queue",
        patch_points=(
            *queues.PATCH_POINTS,
            PatchPoint(eventbridge, "_invoke_target", ("target", "event", "rule", "view")),
            PatchPoint(eventbridge, "_pattern_event_view", ("event",)),
            PatchPoint(eventbridge, "_apply_input_transformer", ("transformer", "rule", "view")),
            PatchPoint(iam_evaluator, "pin_request_origin", ("source_ip", "secure_transport")),
            PatchPoint(
                sqs,
                "queue_policy_allows",
                ("queue_arn", "service", "source_arn", "source_account"),
            ),
        ),
        apply=lambda: apply(endpoint),
    )
