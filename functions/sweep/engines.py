"""Start the job of one upload, by the stack's own engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from processing.errors import BadSetting
from processing.events import Upload

# Retries with growing waits, among them those of throttled calls.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=32)
_MAY_PASS = {"TooManyRequestsException", "ThrottlingException", "Throttling", "ServerException"}
SWEEP = "sweep"
"""The source of the events that come from here."""


class NotStarted(Exception):
    """The engine did not take the job this time: why. Anything else that it says is raised."""


class Lambda:
    """An asynchronous invocation, which Lambda itself tries again twice."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._function = _setting(environment, "FUNCTION", "the name of the function")
        self._client = boto3.client("lambda", config=_CONFIG)

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted."""
        try:
            self._client.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=_event(upload)
            )
        except (ClientError, HTTPClientError) as error:
            raise _translated(error) from error


class Fargate:
    """A task, with the upload in its environment as the rule has it."""

    def __init__(self, environment: Mapping[str, str], spot: bool = False) -> None:
        self._request: dict[str, Any] = {
            "cluster": _setting(environment, "CLUSTER", "the cluster's ARN"),
            "taskDefinition": _setting(environment, "TASK_DEFINITION", "the task definition's ARN"),
            "startedBy": SWEEP,
            **(
                {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
                if spot
                else {"launchType": "FARGATE"}
            ),
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": _setting(environment, "SUBNETS", "IDs with commas").split(","),
                    "securityGroups": [_setting(environment, "SECURITY_GROUP", "an ID")],
                    "assignPublicIp": _setting(environment, "PUBLIC_IP", "ENABLED or DISABLED"),
                }
            },
        }
        self._client = boto3.client("ecs", config=_CONFIG)

    def start(self, upload: Upload, size: int) -> str:
        """Gives the task's ARN. Raises NotStarted."""
        variables = {"S3_BUCKET": upload.bucket, "S3_KEY": upload.key}
        environment = [{"name": name, "value": value} for name, value in variables.items()]
        overrides = {"containerOverrides": [{"name": "worker", "environment": environment}]}
        try:
            reply = self._client.run_task(**self._request, overrides=overrides)
        except (ClientError, HTTPClientError) as error:
            raise _translated(error) from error
        if reply["failures"] or not reply["tasks"]:  # with status 200: no capacity, say
            raise NotStarted(f"RunTask: {json.dumps(reply['failures'])}")
        return str(reply["tasks"][0]["taskArn"])


class Queue:
    """A task in its turn: launch.py starts it when fewer than MaxTasks run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = _setting(environment, "LAUNCH_QUEUE", "the queue's URL")
        self._client = boto3.client("sqs", config=_CONFIG)

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=_event(upload),
                MessageGroupId="tasks",
                MessageDeduplicationId=str(uuid.uuid4()),  # a second attempt is no duplicate
            )
        except (ClientError, HTTPClientError) as error:
            raise _translated(error) from error

    def backlog(self) -> bool:
        """Whether anything is in it."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=counts)
        return any(int(said["Attributes"][name]) for name in counts)


def tasks(environment: Mapping[str, str]) -> Fargate | Queue:
    """What starts tasks in this stack. Raises BadSetting."""
    return Queue(environment) if environment.get("LAUNCH_QUEUE") else Fargate(environment)


class Hybrid:
    """The function for what is small, a task for what is larger: as the two rules have it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._threshold = int(_setting(environment, "THRESHOLD", "a number of bytes"))
        self._small, self._large = Lambda(environment), tasks(environment)

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted."""
        engine = self._small if size <= self._threshold else self._large
        engine.start(upload, size)


Engine = Lambda | Fargate | Queue | Hybrid
_ENGINES: dict[str, Callable[[Mapping[str, str]], Engine]] = {
    "lambda": Lambda,
    "fargate": tasks,
    "hybrid": Hybrid,
}


def engine(environment: Mapping[str, str]) -> Engine:
    """The engine that MODE names. Raises BadSetting."""
    wanted = " or ".join(_ENGINES)
    mode = _setting(environment, "MODE", wanted)
    if mode not in _ENGINES:
        raise BadSetting("MODE", mode, wanted)
    return _ENGINES[mode](environment)


def backlog(environment: Mapping[str, str]) -> bool:
    """Whether tasks wait for their turn now."""
    return bool(environment.get("LAUNCH_QUEUE")) and Queue(environment).backlog()


def is_task(environment: Mapping[str, str], size: int) -> bool:
    """Whether the job of an upload of that size is a task."""
    mode = environment["MODE"]
    return mode == "fargate" or (mode == "hybrid" and size > int(environment["THRESHOLD"]))


def _event(upload: Upload) -> str:
    """What announces it to the function or the launcher, as EventBridge would."""
    return json.dumps(
        {
            "source": SWEEP,
            "detail-type": "Object Created",
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "detail": {"bucket": {"name": upload.bucket}, "object": {"key": upload.key}},
        }
    )


def _setting(environment: Mapping[str, str], name: str, wanted: str) -> str:
    if not environment.get(name):
        raise BadSetting(name, environment.get(name), wanted)
    return environment[name]


def _translated(error: ClientError | HTTPClientError) -> Exception:
    """NotStarted for what may pass; a wrong request or a denied one is for a person to mend."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        may_pass = status == 429 or status >= 500 or error.response["Error"]["Code"] in _MAY_PASS
        return NotStarted(str(error)) if may_pass else error
    return NotStarted(str(error))
