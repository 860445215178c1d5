"""One message for whatever failed, in the same fields: which file, and why.

What comes in, by way of the queue of raw failures, has three shapes: the event of a task that ended
badly, the record of a function that Lambda gave up, and the event for which EventBridge could not
start a task. What goes out, into the failure queue and the log:

    bucket, key, version   the upload; all null when it is not about one
    reason                 why: what the job said last, or else what the engine says
    source                 task | function | launch | sweep
    stopCode               the engine's own word for it
    task                   the task's ARN or the invocation's ID; null when nothing was started
    time                   of the failure

The last one of an upload is kept in the bucket, too, for when the sweep gives it up.
With Mode=hybrid, a failure of the function is none yet: a task is started, whose own would be.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import boto3
from processing import events, records
from processing.errors import Conflict
from processing.events import Upload
from processing.store import Bucket

Json = dict[str, Any]
NO_UPLOAD = Upload("", "")


@dataclass(frozen=True)
class Failure:
    """What an operator reads."""

    bucket: str | None
    key: str | None
    version: str | None
    reason: str
    source: str
    stopCode: str | None  # as ECS writes it
    task: str | None
    time: str


def handler(event: Json, context: object) -> Json:
    """Report each failure of a batch; SQS brings back those that it could not.

    After five times they go into the failure queue as they are.
    """
    again = []
    for message in event["Records"]:
        try:
            for failure in failures(message):
                settle(failure)
        except Exception as error:  # one message must not stop its neighbours
            print(json.dumps({"reason": repr(error), "unreported": message["body"]}))
            again.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": again}


def settle(failure: Failure) -> None:
    """Report it; but with Mode=hybrid, what the function could not do is tried by a task first."""
    if os.environ["HANDS_OVER"] == "yes" and failure.source == "function" and failure.key:
        problem = hand_over(failure)
        if not problem:
            print(json.dumps({"handed_over": asdict(failure)}, ensure_ascii=False))
            return
        failure = replace(failure, reason=f"{failure.reason}; no task was started: {problem}")
    report(failure)


def hand_over(failure: Failure) -> str | None:
    """Have the sweep start a task, as it may; gives what went wrong."""
    event = {"start_task": {"bucket": failure.bucket, "key": failure.key}}
    reply = boto3.client("lambda").invoke(
        FunctionName=os.environ["SWEEP_FUNCTION"], Payload=json.dumps(event)
    )
    said = json.load(reply["Payload"])
    return str(said.get("errorMessage", said)) if "FunctionError" in reply else None


def report(failure: Failure) -> None:
    """Say it in the bucket, in the queue and in the log. To say it twice is no harm."""
    said = asdict(failure)
    if failure.bucket and failure.key:
        with contextlib.suppress(Conflict):  # another one of the same upload, at the same time
            records.put_failure(Bucket(failure.bucket), said)
    text = json.dumps(said, ensure_ascii=False)
    boto3.client("sqs").send_message(QueueUrl=os.environ["FAILURE_QUEUE"], MessageBody=text)
    print(json.dumps({"failure": said}, ensure_ascii=False))


def failures(message: Json) -> Iterator[Failure]:
    """What a message from any of the sources says. Raises KeyError, ValueError, BadEvent."""
    body = json.loads(message["body"])
    if "requestPayload" in body:
        yield from of_function(body)
    elif body["detail-type"] == "ECS Task State Change":
        yield of_task(body)
    else:
        attributes = message["messageAttributes"]
        yield from of_launch(body, {n: a["stringValue"] for n, a in attributes.items()})


def of_task(event: Json) -> Failure:
    """A task that ended badly: the job's own report says why, if there is one."""
    detail = event["detail"]
    given = {
        each["name"]: each["value"]
        for override in detail["overrides"]["containerOverrides"]
        for each in override.get("environment", [])
    }
    said = last_report(detail["taskArn"].rsplit("/", 1)[-1])
    return Failure(
        bucket=given.get("S3_BUCKET"),
        key=given.get("S3_KEY"),
        version=said.get("version"),
        reason=said.get("reason") or reason_of_task(detail),
        source="task",
        stopCode=detail.get("stopCode"),
        task=detail["taskArn"],
        time=event["time"],
    )


def reason_of_task(detail: Json) -> str:
    """What ECS knows: of the worker, and of the task."""
    worker: Json = next((each for each in detail["containers"] if each["name"] == "worker"), {})
    code = f"exit code {worker['exitCode']}" if "exitCode" in worker else "it did not run"
    said = [code, worker.get("reason"), detail.get("stoppedReason")]
    return "; ".join(dict.fromkeys(each for each in said if each))


def last_report(task: str) -> Json:
    """The report of the job that failed, from the task's log; empty where it left none."""
    logs = boto3.client("logs")
    try:
        found = logs.get_log_events(
            logGroupName=os.environ["JOB_LOG_GROUP"],
            logStreamName=f"task/worker/{task}",
            limit=20,
        )
    except logs.exceptions.ResourceNotFoundException:
        return {}  # it never ran
    for event in reversed(found["events"]):
        if event["message"].startswith('{"outcome"'):
            said: Json = json.loads(event["message"])
            return said if said["outcome"] == "failed" else {}
    return {}


def of_function(record: Json) -> Iterator[Failure]:
    """An event that Lambda gave up after its last try."""
    context = record["requestContext"]
    said = record.get("responsePayload") or {}
    swept = context["functionArn"].split(":")[6] == os.environ["SWEEP_FUNCTION"]
    for upload in [NO_UPLOAD] if swept else uploads(record["requestPayload"]):
        yield Failure(
            bucket=upload.bucket or None,
            key=upload.key or None,
            version=None,
            reason=said.get("errorMessage") or f"the function was not run: {context['condition']}",
            source="sweep" if swept else "function",
            stopCode=context["condition"],
            task=context["requestId"],
            time=record["timestamp"],
        )


def of_launch(event: Json, attributes: dict[str, str]) -> Iterator[Failure]:
    """An event for which EventBridge could not start what its rule says."""
    scheduled = event["detail-type"] == "Scheduled Event"
    for upload in [NO_UPLOAD] if scheduled else uploads(event):
        yield Failure(
            bucket=upload.bucket or None,
            key=upload.key or None,
            version=None,
            reason=attributes["ERROR_MESSAGE"],
            source="sweep" if scheduled else "launch",
            stopCode=attributes["ERROR_CODE"],
            task=None,
            time=event["time"],
        )


def uploads(event: Json) -> list[Upload]:
    """The uploads that a job's event announced. Raises BadEvent."""
    return events.from_event(event, os.environ["INPUT_PREFIX"])
