"""The queue of uploads that wait for a task: its messages, as Lambda hands them over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError
from processing import records, starters, text
from processing.errors import Failed, NoCapacity, NotStarted
from processing.settings import setting

Json = dict[str, Any]

BATCH = 10
"""Messages: a FIFO queue gives no more at a time, and neither does Lambda."""
TURN_SECONDS = 60
"""Between two notes of how far the queue is."""


class LaunchQueue:
    """Nobody gets a message of its one group while anybody has one."""

    def __init__(self, environment: Mapping[str, str], notes: Any) -> None:  # noqa: ANN401, a Store
        self._url = setting(environment, "LAUNCH_QUEUE")
        self._failures = setting(environment, "RAW_FAILURE_QUEUE")
        self._sqs = boto3.client("sqs")
        self._notes = notes
        self._noted = records.NEVER

    def receive(self) -> list[Json]:
        """The next batch; empty when there is none, or somebody else has it."""
        said = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=1,  # with 0, SQS asks only some of its servers
            AttributeNames=["SentTimestamp"],
        )
        return [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
            }
            for each in said.get("Messages", [])
        ]

    def delete(self, messages: list[Json]) -> None:
        """They have their tasks, or will: the next batch may go to anybody."""
        entries = [
            {"Id": str(number), "ReceiptHandle": each["receiptHandle"]}
            for number, each in enumerate(messages)
        ]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def give_back(self, messages: list[Json]) -> None:
        """Make them visible again at once, and not when the function's time would be up several
        times over."""
        entries = [
            {"Id": str(number), "ReceiptHandle": each["receiptHandle"], "VisibilityTimeout": 0}
            for number, each in enumerate(messages)
        ]
        try:
            if entries:
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except starters.Refused as error:  # then they come back later, by themselves
            print(json.dumps({"not_given_back": str(error)}))

    def note_turn(self, message: Json) -> None:
        """For the sweep: what was put into the queue before this message has left it."""
        sent = datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)
        if sent < self._noted + timedelta(seconds=TURN_SECONDS):
            return
        try:
            records.put_turn(self._notes, sent)
            self._noted = sent
        except Failed as error:  # the sweep leaves alone what it need not, until the next note
            print(json.dumps({"turn": str(error)}))

    def report(self, message: Json, error: Exception) -> None:
        """As EventBridge reports an event for which it could not start a task.

        The code is one of its own words, as far as its guide has them
        (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
        """
        # SQS takes no empty text: the message would come back for ever, and hold up all others.
        reason = text.reason(str(error)) or repr(error)
        values = {"ERROR_CODE": _code(error), "ERROR_MESSAGE": reason}
        self._sqs.send_message(
            QueueUrl=self._failures,
            MessageBody=message["body"],
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in values.items()
            },
        )


def _code(error: Exception) -> str:
    if isinstance(error, NoCapacity):
        return "ERROR_FROM_TARGET"
    if isinstance(error, NotStarted):
        return "THROTTLING"
    if not isinstance(error, ClientError):
        return "INVALID_JSON"
    said = error.response["Error"]["Code"]
    denied, gone = said.startswith("AccessDenied"), "NotFound" in said
    return "NO_PERMISSIONS" if denied else "NO_RESOURCE" if gone else "SDK_CLIENT_ERROR"
