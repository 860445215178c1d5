"""Start the job of one upload, by the stack's own engine.

For functions alone: boto3 is in Lambda and not in the layer, so the container never imports this.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from .errors import BadSetting, NoCapacity, NotStarted
from .events import Upload
from .settings import setting

ATTEMPTS = 6
"""At a call, with growing waits: half a minute in all, when it is throttled."""
_MAY_PASS = {"TooManyRequestsException", "ThrottlingException", "Throttling", "ServerException"}
_THROTTLED = ("ErrorCode: Throttling", "RequestLimitExceeded", "Rate exceeded")
"""What RunTask says, in an InvalidParameterException, when EC2 throttles its calls."""
RATE = 10.0
"""Jobs that a sweep starts a second, unless asked for another rate. Fargate starts about 20."""
LAMBDA_KEEPS = timedelta(hours=6)
"""How long an event waits for a function (MaximumEventAgeInSeconds), before it is a failure."""
SWEEP = "sweep"
"""The source of the events that come from here."""


Refused = (ClientError, NoConnection, HTTPClientError)
"""What a call may end in: a response that is none, or no response."""


class Starter(Protocol):
    """One way to start a job."""

    def start(self, upload: Upload, job_version: str | None = None) -> object:
        """Ask for the job of this upload, without waiting for it; of one that has a result, only
        workers of that JobVersion do it again. Raises NotStarted."""


class Lambda:
    """An asynchronous invocation, which Lambda itself tries again twice."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._function = setting(environment, "FUNCTION", "the name of the function")
        self._client = boto3.client("lambda", config=_config())

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        """Raises NotStarted."""
        event = _event(upload, job_version)
        try:
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=event)
        except Refused as error:
            raise _translated(error) from error


class Fargate:
    """A task, with the upload in its environment as the rule has it."""

    def __init__(
        self, environment: Mapping[str, str], spot: bool = False, paced: bool = False
    ) -> None:
        self._request: dict[str, Any] = {
            "cluster": setting(environment, "CLUSTER", "the cluster's ARN"),
            "taskDefinition": setting(environment, "TASK_DEFINITION", "the task definition's ARN"),
            "propagateTags": "TASK_DEFINITION",  # which has the stack's
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
        # RunTask takes about 20 a second: its client slows down by itself when it is refused. The
        # launcher keeps its own pace, and has no time for the waits of a client.
        config = _config(2) if paced else _config(mode="adaptive")
        self._client = boto3.client("ecs", config=config)

    def start(self, upload: Upload, job_version: str | None = None, token: str = "") -> str:
        """Gives the task's ARN: with a token that was used, that of the same task. Raises
        NotStarted."""
        variables = {"S3_BUCKET": upload.bucket, "S3_KEY": upload.key}
        if job_version:
            variables["REPROCESS"] = job_version
        environment = [{"name": name, "value": value} for name, value in variables.items()]
        request = self._request | {
            "overrides": {"containerOverrides": [{"name": "worker", "environment": environment}]},
            **({"clientToken": token} if token else {}),  # without one, boto3 makes one up
        }
        try:
            reply = self._client.run_task(**request)
        except Refused as error:
            raise _translated(error) from error
        if reply["failures"] or not reply["tasks"]:  # with status 200: no capacity, say
            raise NoCapacity(f"RunTask: {json.dumps(reply['failures'])}")
        return str(reply["tasks"][0]["taskArn"])


class Queue:
    """A task in its turn: the launch function starts it when fewer than MaxTasks run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = setting(environment, "LAUNCH_QUEUE", "the queue's URL")
        self._client = boto3.client("sqs", config=_config())

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        """Raises NotStarted, and BadSetting when there is no such queue."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=_event(upload, job_version),
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


Choose = Callable[[int, bool], Starter]
"""Gives what starts an upload's job, by its bytes and by whether the function could not do it."""


def by_mode(environment: Mapping[str, str]) -> Choose:
    """As the stack's two rules have it with Mode=hybrid, and else its one. Raises BadSetting."""
    wanted = "lambda or fargate or hybrid"
    mode = setting(environment, "MODE", wanted)
    if mode == "lambda":
        function = Lambda(environment)
        return lambda size, fallback: function
    if mode == "fargate":
        task = tasks(environment)
        return lambda size, fallback: task
    if mode == "hybrid":
        threshold = int(setting(environment, "THRESHOLD", "a number of bytes"))
        small, large = Lambda(environment), tasks(environment)
        return lambda size, fallback: large if fallback or size > threshold else small
    raise BadSetting("MODE", mode, wanted)


def backlog(environment: Mapping[str, str]) -> bool:
    """Whether tasks wait for their turn now."""
    return bool(environment.get("LAUNCH_QUEUE")) and Queue(environment).backlog()


def running(environment: Mapping[str, str]) -> frozenset[str | None] | None:
    """The keys of the bucket's uploads whose tasks run or are about to; None where nobody can say.

    Tasks of another bucket may run for a while after BucketName changed.
    """
    cluster, bucket = environment.get("CLUSTER"), setting(environment, "BUCKET")
    if not cluster:
        return None
    ecs, found = boto3.client("ecs", config=_config()), set[str | None]()
    try:
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster):
            if tasks := page["taskArns"]:  # at most as many as DescribeTasks takes
                said = ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"]
                ours = (task for task in said if variable_of(task, "S3_BUCKET") == bucket)
                found |= set(map(key_of, ours))
    except Refused as error:
        print(json.dumps({"running": f"not known: {error}"}))
        return None
    return frozenset(found)


def key_of(task: Mapping[str, Any]) -> str | None:
    """The key of the upload that a task was started for, as DescribeTasks has it."""
    return variable_of(task, "S3_KEY")


def variable_of(task: Mapping[str, Any], name: str) -> str | None:
    """What a task was started with, beside what its definition says."""
    variables = (
        each
        for container in task["overrides"].get("containerOverrides", [])
        for each in container.get("environment", [])
    )
    return next((each["value"] for each in variables if each["name"] == name), None)


def _config(attempts: int = ATTEMPTS, mode: str = "standard") -> Config:
    retries = {"mode": mode, "total_max_attempts": attempts}
    # Two attempts without a response end within the half minute that the launcher has for them.
    return Config(retries=retries, max_pool_connections=32, connect_timeout=4, read_timeout=10)


def _event(upload: Upload, job_version: str | None) -> str:
    """What announces it to the function or the launcher, as EventBridge would (events.py)."""
    asked = {"job-version": job_version} if job_version else {}
    return json.dumps(
        {
            "source": SWEEP,
            "detail-type": "Object Created",
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "detail": {"bucket": {"name": upload.bucket}, "object": {"key": upload.key, **asked}},
        }
    )


def _translated(error: Exception) -> Exception:
    """NotStarted for what may pass; a wrong request or a denied one is for a person to mend."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        may_pass = status == 429 or status >= 500 or error.response["Error"]["Code"] in _MAY_PASS
        throttled = any(each in str(error) for each in _THROTTLED)
        return NotStarted(str(error)) if may_pass or throttled else error
    return NotStarted(str(error))
