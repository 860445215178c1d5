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
from botocore.exceptions import ConnectionError as NoConnection
from processing.errors import BadSetting
from processing.events import Upload

ATTEMPTS = 6
"""At a call, with growing waits: half a minute in all, when it is throttled."""
_MAY_PASS = {"TooManyRequestsException", "ThrottlingException", "Throttling", "ServerException"}
_THROTTLED = ("ErrorCode: Throttling", "RequestLimitExceeded", "Rate exceeded")
"""What RunTask says, in an InvalidParameterException, when EC2 throttles its calls."""
SWEEP = "sweep"
"""The source of the events that come from here."""


Refused = (ClientError, NoConnection, HTTPClientError)
"""What a call may end in: a response that is none, or no response."""


class NotStarted(Exception):
    """The engine did not take the job this time: why. Anything else that it says is raised."""


class NoCapacity(NotStarted):
    """There is no room for another task."""


class Lambda:
    """An asynchronous invocation, which Lambda itself tries again twice."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._function = setting(environment, "FUNCTION", "the name of the function")
        self._client = boto3.client("lambda", config=_config())

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted."""
        try:
            self._client.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=_event(upload)
            )
        except Refused as error:
            raise _translated(error) from error


class Fargate:
    """A task, with the upload in its environment as the rule has it."""

    def __init__(
        self, environment: Mapping[str, str], spot: bool = False, attempts: int = ATTEMPTS
    ) -> None:
        self._request: dict[str, Any] = {
            "cluster": setting(environment, "CLUSTER", "the cluster's ARN"),
            "taskDefinition": setting(environment, "TASK_DEFINITION", "the task definition's ARN"),
            "startedBy": SWEEP,
            **(
                {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
                if spot
                else {"launchType": "FARGATE"}
            ),
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": setting(environment, "SUBNETS", "IDs with commas").split(","),
                    "securityGroups": [setting(environment, "SECURITY_GROUP", "an ID")],
                    "assignPublicIp": setting(environment, "PUBLIC_IP", "ENABLED or DISABLED"),
                }
            },
        }
        self._client = boto3.client("ecs", config=_config(attempts))

    def start(self, upload: Upload, size: int) -> str:
        """Gives the task's ARN. Raises NotStarted."""
        variables = {"S3_BUCKET": upload.bucket, "S3_KEY": upload.key}
        environment = [{"name": name, "value": value} for name, value in variables.items()]
        overrides = {"containerOverrides": [{"name": "worker", "environment": environment}]}
        try:
            reply = self._client.run_task(**self._request, overrides=overrides)
        except Refused as error:
            raise _translated(error) from error
        if reply["failures"] or not reply["tasks"]:  # with status 200: no capacity, say
            raise NoCapacity(f"RunTask: {json.dumps(reply['failures'])}")
        return str(reply["tasks"][0]["taskArn"])


class Queue:
    """A task in its turn: launch.py starts it when fewer than MaxTasks run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = setting(environment, "LAUNCH_QUEUE", "the queue's URL")
        self._client = boto3.client("sqs", config=_config())

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted, and BadSetting when there is no such queue."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=_event(upload),
                MessageGroupId="tasks",
                MessageDeduplicationId=str(uuid.uuid4()),  # a second attempt is no duplicate
            )
        except self._client.exceptions.QueueDoesNotExist as error:
            raise self._missing() from error
        except Refused as error:
            raise _translated(error) from error

    def backlog(self) -> bool:
        """Whether anything is in it. Raises BadSetting when there is no such queue."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            said = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=counts)
        except self._client.exceptions.QueueDoesNotExist as error:
            raise self._missing() from error
        return any(int(said["Attributes"][name]) for name in counts)

    def _missing(self) -> BadSetting:
        """SQS says that "the specified queue does not exist", and not which."""
        return BadSetting("LAUNCH_QUEUE", self._url, "a queue that exists: deploy the stack again")


def tasks(environment: Mapping[str, str]) -> Fargate | Queue:
    """What starts tasks in this stack. Raises BadSetting."""
    return Queue(environment) if environment.get("LAUNCH_QUEUE") else Fargate(environment)


class Hybrid:
    """The function for what is small, a task for what is larger: as the two rules have it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._threshold = int(setting(environment, "THRESHOLD", "a number of bytes"))
        self._small, self._large = Lambda(environment), tasks(environment)

    def start(self, upload: Upload, size: int) -> None:
        """Raises NotStarted."""
        starter = self._small if size <= self._threshold else self._large
        starter.start(upload, size)


Starter = Lambda | Fargate | Queue | Hybrid
_STARTERS: dict[str, Callable[[Mapping[str, str]], Starter]] = {
    "lambda": Lambda,
    "fargate": tasks,
    "hybrid": Hybrid,
}


def chosen(environment: Mapping[str, str]) -> Starter:
    """The starter that MODE names. Raises BadSetting."""
    wanted = " or ".join(_STARTERS)
    mode = setting(environment, "MODE", wanted)
    if mode not in _STARTERS:
        raise BadSetting("MODE", mode, wanted)
    return _STARTERS[mode](environment)


def backlog(environment: Mapping[str, str]) -> bool:
    """Whether tasks wait for their turn now."""
    return bool(environment.get("LAUNCH_QUEUE")) and Queue(environment).backlog()


def is_task(environment: Mapping[str, str], size: int) -> bool:
    """Whether the job of an upload of that size is a task."""
    mode = environment["MODE"]
    return mode == "fargate" or (mode == "hybrid" and size > int(environment["THRESHOLD"]))


def _config(attempts: int = ATTEMPTS) -> Config:
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return Config(retries=retries, max_pool_connections=32)


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


def setting(environment: Mapping[str, str], name: str, wanted: str) -> str:
    """A setting that must be there. Raises BadSetting."""
    if not environment.get(name):
        raise BadSetting(name, environment.get(name), wanted)
    return environment[name]


def _translated(error: Exception) -> Exception:
    """NotStarted for what may pass; a wrong request or a denied one is for a person to mend."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        may_pass = status == 429 or status >= 500 or error.response["Error"]["Code"] in _MAY_PASS
        throttled = any(each in str(error) for each in _THROTTLED)
        return NotStarted(str(error)) if may_pass or throttled else error
    return NotStarted(str(error))
