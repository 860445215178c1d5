"""The handler of a stack with a concurrency limit: a queue of uploads, whose tasks wait their turn.

All messages of the queue are of one group, so Lambda runs this once at a time: what is counted here
stays true while it is acted upon. What can't be started yet goes back, in its order, for as long as
the queue keeps it (14 days); what can't be started at all is reported as EventBridge reports it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError
from processing import events, records, starters, text
from processing.errors import BadEvent, BadSetting, Failed, NoCapacity, NotStarted
from processing.events import Upload
from processing.settings import setting
from processing.store import Bucket

Json = dict[str, Any]

MARGIN_SECONDS = 30
"""After which nothing more is started: the list has to have all that was."""
CALL_SECONDS = 10
"""Of that, for the last call."""
TURN_SECONDS = 60
"""Between two notes of how far the queue is."""
LOOK_SECONDS = 1.0
"""Between two looks at the tasks."""
TOGETHER = 10
"""Launches side by side: as many as a message batch of a FIFO queue has."""
DESCRIBED = 100
"""Tasks that one call of DescribeTasks takes."""


def handler(event: Json, context: Any) -> Json:  # noqa: ANN401
    """Start the tasks of a batch; SQS brings back what had no place. Raises BadSetting."""
    ends = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    messages = event["Records"]
    note_turn(messages[0])
    launcher = Launcher(Cluster(os.environ), max_tasks(), ends)
    with ThreadPoolExecutor(TOGETHER) as pool:
        left = launcher.launch(messages, pool)
    said = {"started": launcher.started, "reported": launcher.reported, "left": len(left)}
    print(json.dumps({"launch": said}))
    if left:  # at once, and not when this function's time would be up several times over
        _give_back(left)
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in left]}


def max_tasks() -> int:
    """MAX_TASKS. Raises BadSetting."""
    value = os.environ.get("MAX_TASKS", "")
    if not value.isdecimal() or int(value) < 1:
        raise BadSetting("MAX_TASKS", value, "a number above 0")
    return int(value)


_noted = records.NEVER


def note_turn(message: Json) -> None:
    """For the sweep: what was put into the queue before this message has left it."""
    global _noted
    sent = datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)
    if sent < _noted + timedelta(seconds=TURN_SECONDS):
        return
    try:
        records.put_turn(Bucket(setting(os.environ, "NOTES_BUCKET")), sent)
        _noted = sent
    except Failed as error:  # the sweep leaves alone what it need not, until the next note
        print(json.dumps({"turn": str(error)}))


class Cluster:
    """Starts tasks, and knows which ones have not ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        spot = environment.get("SPOT") == "yes"
        # What is throttled waits in the queue, and not in a call that the time would run out in.
        self._on_demand = starters.Fargate(environment, attempts=2)
        self._spot = starters.Fargate(environment, spot=True, attempts=2) if spot else None
        self._ecs = boto3.client("ecs")
        self._name = setting(environment, "CLUSTER", "the cluster's ARN")

    def start(self, upload: Upload, swept: bool, job_version: str | None = None) -> str:
        """Gives the task's ARN. Raises NotStarted, ClientError.

        Spot capacity may be short or taken back: what a sweep starts again does not wait for it.
        """
        if self._spot and not swept:
            with contextlib.suppress(NoCapacity):
                return self._spot.start(upload, job_version)
        return self._on_demand.start(upload, job_version)

    def running(self) -> set[str]:
        """ARNs of the tasks that run, or were started and not told to stop."""
        pages = self._ecs.get_paginator("list_tasks").paginate(
            cluster=self._name, desiredStatus="RUNNING"
        )
        return {arn for page in pages for arn in page["taskArns"]}

    def stopped(self, tasks: set[str]) -> set[str]:
        """Which of these have ended or were told to.

        A list of all that stopped would have an hour's tasks. DescribeTasks may be behind RunTask,
        too: what it calls MISSING is not known yet, and so has not ended.
        """
        asked, found = sorted(tasks), set()
        for first in range(0, len(asked), DESCRIBED):
            some = asked[first : first + DESCRIBED]
            said = self._ecs.describe_tasks(cluster=self._name, tasks=some)["tasks"]
            found |= {task["taskArn"] for task in said if task["desiredStatus"] == "STOPPED"}
        return found


class Launcher:
    """Keeps the number of tasks at the limit or below."""

    def __init__(
        self,
        cluster: Cluster,
        max_tasks: int,
        ends: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._max_tasks = max_tasks
        self._ends = ends
        self._sleep = sleep
        self._unseen: set[str] = set()
        self.started = 0
        self.reported = 0

    def launch(self, messages: Iterable[Json], pool: ThreadPoolExecutor) -> list[Json]:
        """Start what has a place until the time is out; gives the messages that are left.

        ListTasks may be behind RunTask, by seconds: a task that was started counts until the list
        has it, and this does not end before it has, because the next one begins with the list.
        """
        waiting = deque(messages)
        while True:
            free, now = self._free(), time.monotonic()
            if not self._unseen and (not waiting or now >= self._ends):
                break
            if now >= self._ends + MARGIN_SECONDS - CALL_SECONDS:
                print(json.dumps({"unlisted": sorted(self._unseen)}))  # ECS was never so slow
                break
            room = free if now < self._ends else 0
            batch = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            back = [each for each in pool.map(self._start, batch) if each]
            waiting.extendleft(reversed(back))
            if back or not batch:
                self._sleep(LOOK_SECONDS)
        return list(waiting)

    def _free(self) -> int:
        """How many more may run now; none while ECS does not say."""
        try:
            running = self._cluster.running()
            if self._unseen:
                self._unseen -= running
            if self._unseen:
                self._unseen -= self._cluster.stopped(self._unseen)
        except starters.Refused as error:
            print(json.dumps({"not_started": f"what runs is not known: {error}"}))
            return 0
        return max(0, self._max_tasks - len(running | self._unseen))

    def _start(self, message: Json) -> Json | None:
        """Start the message's task, or report why not. Gives the message when it has to wait."""
        try:
            event = json.loads(message["body"])
            prefix, suffix = setting(os.environ, "INPUT_PREFIX"), os.environ.get("INPUT_SUFFIX", "")
            for upload in events.from_event(event, prefix, suffix):
                swept = event["source"] == starters.SWEEP
                task = self._cluster.start(upload, swept, events.reprocess(event))
                self._unseen.add(task)
                self.started += 1
        except NotStarted as error:
            print(json.dumps({"not_started": str(error)}))
            return message
        except (BadEvent, ClientError, ValueError) as error:
            try:
                _report(message, error)
            except starters.Refused as unreported:
                print(json.dumps({"not_started": f"{error}; not reported: {unreported}"}))
                return message
            self.reported += 1
        return None


def _report(message: Json, error: Exception) -> None:
    """As EventBridge reports an event for which it could not start a task.

    The code is one of its own words, as far as its guide has them
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
    """
    code = "INVALID_JSON"
    if isinstance(error, ClientError):
        said = error.response["Error"]["Code"]
        denied, gone = said.startswith("AccessDenied"), "NotFound" in said
        code = "NO_PERMISSIONS" if denied else "NO_RESOURCE" if gone else "SDK_CLIENT_ERROR"
    # SQS takes no empty text: the message would come back for ever, and hold up all others.
    values = {"ERROR_CODE": code, "ERROR_MESSAGE": text.reason(str(error)) or repr(error)}
    boto3.client("sqs").send_message(
        QueueUrl=setting(os.environ, "RAW_FAILURE_QUEUE"),
        MessageBody=message["body"],
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in values.items()
        },
    )


def _give_back(messages: list[Json]) -> None:
    """Make them visible again."""
    entries = [
        {"Id": str(number), "ReceiptHandle": each["receiptHandle"], "VisibilityTimeout": 0}
        for number, each in enumerate(messages)
    ]
    try:
        boto3.client("sqs").change_message_visibility_batch(
            QueueUrl=setting(os.environ, "LAUNCH_QUEUE"), Entries=entries
        )
    except starters.Refused as error:  # then they come back later, by themselves
        print(json.dumps({"not_given_back": str(error)}))
