"""A rule and a queue of the demo's own, which see what EventBridge sees of uploads."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from .aws import EmbeddedAws
from .pipeline import until

_NAME = "demo-event-tap"


class EventTap:
    """The events of uploads on the default bus, from now on."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._sqs = aws.client("sqs")
        self._events: list[dict[str, Any]] = []
        """What came so far: taken from the queue, which gives ten at a time."""
        events = aws.client("events")
        rule_arn = events.put_rule(
            Name=_NAME,
            EventPattern=json.dumps(
                {
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created", "AWS API Call via CloudTrail"],
                }
            ),
        )["RuleArn"]
        self._queue = self._sqs.create_queue(QueueName=_NAME)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            },
        }
        self._sqs.set_queue_attributes(
            QueueUrl=self._queue, Attributes={"Policy": json.dumps(policy)}
        )
        events.put_targets(Rule=_NAME, Targets=[{"Id": "queue", "Arn": arn}])

    def time_of_event(self, bucket: str, key: str) -> float:
        """When the first event about an upload came. Raises NothingCame."""

        def look() -> float | None:
            reply = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            for message in reply.get("Messages", []):
                self._events.append(json.loads(message["Body"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
            for event in self._events:
                said = json.dumps(event["detail"])
                if json.dumps(bucket) in said and json.dumps(key) in said:
                    return datetime.fromisoformat(event["time"]).timestamp()
            return None

        return until(look, f"an event about {bucket}/{key}")
