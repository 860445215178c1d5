"""One message for whatever failed, in the same fields: which file, and why.

What comes in, by way of the queue of raw failures, has three shapes: the event of a task that ended
badly, the record of a function that Lambda gave up, and the event for which EventBridge could not
start a task or, of a result, tell the topic. What goes out, into the failure queue and the log:

    bucket, key, version   the upload; all null when it is not about one
    reason                 why: what the worker says of its job, or else what the engine says
    started                whether the job had begun; false is no attempt, whose fault it is not
    source                 task | function | launch | sweep | topic (of a result: nobody was told)
    stopCode               the engine's own word for it
    task                   the task's ARN or the invocation's ID; null when nothing was started
    time                   of the failure, in UTC

The last one of an upload is kept in the bucket, too, for when the sweep gives it up.
With Mode=hybrid, a failure of the function is none yet: a task is started, whose own would be.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from processing import events, records, text
from processing.bucket import Bucket
from processing.errors import BadSetting, Conflict
from processing.events import Upload
from processing.settings import setting

Json = dict[str, Any]
NO_UPLOAD = Upload("", "")
FAILED, WRONG_SETTINGS = 1, 2
"""Exit codes of the container's entry point: of a job that failed, and of one that did not begin
(processing.__main__)."""
NOT_BEGUN = {
    "BadSetting",
    "WrongProcessor",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.MalformedHandlerName",
    "Runtime.UserCodeSyntaxError",
}
"""Errors of a function that never came to its handler: ours, and those of Lambda's runtime client
(github.com/aws/aws-lambda-python-runtime-interface-client, bootstrap.py)."""
TOGETHER = 10
"""Messages side by side: a batch. A failure's time is that of its calls."""
LONGEST_INVOCATION = timedelta(minutes=15)
"""Of a function, by Lambda's quotas: so long ago may the report be of its last job."""
_making = threading.Lock()


@dataclass(frozen=True)
class Failure:
    """What an operator reads."""

    bucket: str | None
    key: str | None
    version: str | None
    reason: str
    started: bool
    source: str
    stopCode: str | None  # as ECS writes it
    task: str | None
    time: str


def handler(event: Json, context: object) -> Json:
    """Report each failure of a batch; SQS brings back those that it could not.

    After five times they go into the failure queue as they are.
    """
    with ThreadPoolExecutor(TOGETHER) as pool:
        settled = list(pool.map(is_settled, event["Records"]))
    again = [each for each, done in zip(event["Records"], settled, strict=True) if not done]
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in again]}


def is_settled(message: Json) -> bool:
    """Report its failures; whether that could be done."""
    try:
        for failure in failures(message):
            settle(failure)
    except Exception as error:  # one message must not stop its neighbours
        print(json.dumps({"reason": repr(error), "unreported": message["body"]}))
        return False
    return True


@functools.cache
def client(service: str) -> Any:  # noqa: ANN401, boto3 has no types
    """One for all failures: to make one takes longer than to use it."""
    with _making:  # boto3's own session is not for several threads
        return boto3.client(service)


def settle(failure: Failure) -> None:
    """Report it; but with Mode=hybrid, what the function could not do is tried by a task first."""
    if setting(os.environ, "FALLBACK") == "yes" and failure.source == "function" and failure.key:
        problem = fall_back(failure)
        if not problem:
            print(text.to_json({"fallback": asdict(failure)}))
            return
        failure = replace(failure, reason=f"{failure.reason}; no task was started: {problem}")
    report(failure)


def fall_back(failure: Failure) -> str | None:
    """Have the sweep start a task, as it may; gives what went wrong."""
    event = {"start_task": {"bucket": failure.bucket, "key": failure.key}}
    reply = client("lambda").invoke(
        FunctionName=setting(os.environ, "SWEEP_FUNCTION"), Payload=json.dumps(event)
    )
    said = json.load(reply["Payload"])
    return str(said.get("errorMessage", said)) if "FunctionError" in reply else None


def report(failure: Failure) -> None:
    """Say it in the bucket, in the queue and in the log. To say it twice is no harm."""
    said = asdict(failure) | {"reason": text.reason(failure.reason)}
    if failure.bucket and failure.key:
        with contextlib.suppress(Conflict):  # another one of the same upload, at the same time
            records.put_failure(notes(), said)
    queue = setting(os.environ, "FAILURE_QUEUE")
    sqs = client("sqs")
    try:
        sqs.send_message(
            QueueUrl=queue, MessageBody=json.dumps(said)
        )  # SQS refuses some of Unicode
    except sqs.exceptions.QueueDoesNotExist as error:  # SQS doesn't say which
        wanted = "a queue that exists: deploy the stack again"
        raise BadSetting("FAILURE_QUEUE", queue, wanted) from error
    print(text.to_json({"failure": said}))


def failures(message: Json) -> Iterator[Failure]:
    """What a message from any of the sources says. Raises KeyError, ValueError, BadEvent."""
    body = json.loads(message["body"])
    if "requestPayload" in body:
        yield from of_function(body)
    elif body["detail-type"] == "ECS Task State Change":
        yield from of_task(body)
    else:
        yield from of_launch(body, message)


def of_task(event: Json) -> Iterator[Failure]:
    """A task that ended badly: the job's own report says why, if there is one.

    One that was stopped when its job was done already is no failure.
    """
    detail = event["detail"]
    worker = worker_of(detail)
    if worker.get("exitCode") == 0:
        return
    given = {
        each["name"]: each["value"]
        for override in detail["overrides"]["containerOverrides"]
        for each in override.get("environment", [])
    }
    bucket, key = given.get("S3_BUCKET"), given.get("S3_KEY")
    said = report_of(bucket, key, datetime.fromisoformat(detail["createdAt"]))
    yield Failure(
        bucket=bucket,
        key=key,
        version=said.get("version"),
        reason=said.get("reason") or reason_of_task(detail),
        started=has_begun(detail),
        source="task",
        stopCode=detail.get("stopCode"),
        task=detail["taskArn"],
        time=event["time"],
    )


def report_of(bucket: str | None, key: str | None, since: datetime) -> Json:
    """What the worker itself said of its last job that failed, since then; empty if it could not:
    then only the engine's word is left."""
    return records.report(notes(), Upload(bucket, key), since) if bucket and key else {}


def worker_of(detail: Json) -> Json:
    """The container that does the job; empty when there is none yet."""
    return next((each for each in detail["containers"] if each["name"] == "worker"), {})


def has_begun(detail: Json) -> bool:
    """Whether the task's job did anything. Where nothing tells, it did: attempts have an end."""
    code = worker_of(detail).get("exitCode")
    if detail.get("stopCode") == "TaskFailedToStart":
        return False
    if code is None:  # stopped before it ran, or lost while it did
        return "startedAt" in detail
    return bool(code != WRONG_SETTINGS)


def reason_of_task(detail: Json) -> str:
    """What ECS knows, of the worker and of the task."""
    worker = worker_of(detail)
    code = f"exit code {worker['exitCode']}" if "exitCode" in worker else "it did not run"
    said = [code, worker.get("reason"), detail.get("stoppedReason")]
    if worker.get("exitCode") == FAILED:
        stream = f"task/worker/{detail['taskArn'].rpartition('/')[2]}"
        said.append(f"its report could not be kept, and is in the log alone ({stream})")
    return "; ".join(dict.fromkeys(each for each in said if each))


def of_function(record: Json) -> Iterator[Failure]:
    """An event that Lambda gave up after its last try."""
    context = record["requestContext"]
    said = record.get("responsePayload") or {}
    # Without a response it was not run: throttled until it was too old, or switched off. With one
    # it may have run before it grew too old: then it was an attempt.
    started = bool(said) and said.get("errorType") not in NOT_BEGUN
    since = datetime.fromisoformat(record["timestamp"]) - LONGEST_INVOCATION
    swept = context["functionArn"].split(":")[6] == setting(os.environ, "SWEEP_FUNCTION")
    for upload in [NO_UPLOAD] if swept else uploads(record["requestPayload"]):
        yield Failure(
            bucket=upload.bucket or None,
            key=upload.key or None,
            version=report_of(upload.bucket, upload.key, since).get("version") if said else None,
            reason=said.get("errorMessage") or f"the function was not run: {context['condition']}",
            started=started,
            source="sweep" if swept else "function",
            stopCode=context["condition"],
            task=context["requestId"],
            time=record["timestamp"],
        )


def of_launch(event: Json, message: Json) -> Iterator[Failure]:
    """An event for which EventBridge could not start what its rule says.

    It may have tried for a day: the failure is when it gave up and sent the message.
    """
    # Their guide promises neither code nor message
    # (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
    attributes = {n: each.get("stringValue") for n, each in message["messageAttributes"].items()}
    sent = datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)
    reason = attributes.get("ERROR_MESSAGE") or "EventBridge could not start it, and says no more"
    source = "launch"
    if event["detail-type"] == "Scheduled Event":
        source = "sweep"
    elif ":sns:" in (attributes.get("TARGET_ARN") or ""):
        source, detail = "topic", event["detail"]
        result = f"s3://{detail['bucket']['name']}/{detail['object']['key']}"
        reason = f"nobody was told of {result}: {attributes.get('ERROR_MESSAGE')}"
    for upload in uploads(event) if source == "launch" else [NO_UPLOAD]:
        yield Failure(
            bucket=upload.bucket or None,
            key=upload.key or None,
            version=None,
            reason=reason,
            started=False,
            source=source,
            stopCode=attributes.get("ERROR_CODE"),
            task=None,
            time=sent.isoformat(timespec="milliseconds"),
        )


def uploads(event: Json) -> list[Upload]:
    """The uploads that a job's event announced. Raises BadEvent."""
    suffix = os.environ.get("INPUT_SUFFIX", "")
    return events.from_event(event, setting(os.environ, "INPUT_PREFIX"), suffix)


def notes() -> Bucket:
    """The stack's own bucket, where workers, sweep and this function leave word."""
    return Bucket(setting(os.environ, "NOTES_BUCKET"))
