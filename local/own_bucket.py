"""The demo's bucket that was there before its stack: with files, and notifications of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import page
from .aws import EmbeddedAws
from .pipeline import INPUT, NO_GRACE, Pipeline

EARLIER = f"{INPUT}earlier/"
"""The user's file was there before the stack, too."""
OTHERS = "reports/2025.csv"
"""A file that is no upload, and whose queue is not ours."""

Json = dict[str, Any]


@dataclass(frozen=True)
class OwnBucket:
    """The bucket, as it was before the stack."""

    aws: EmbeddedAws
    name: str
    earlier: str
    """The key of the upload that was there."""
    notifications: Json
    objects: dict[str, str]
    """ETags by key."""

    def sweep(self, pipeline: Pipeline) -> Json:
        """Have the stack look for what is there; gives what came of it."""
        functions, name = self.aws.client("lambda"), pipeline.outputs["SweepFunctionName"]
        chosen = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": chosen | NO_GRACE}
        )
        reply = functions.invoke(FunctionName=name, Payload=b"{}")
        outcomes: Json = json.load(reply["Payload"])["outcomes"]
        return outcomes

    def now(self, pipeline: Pipeline) -> page.Bucket:
        """What became of it, for the page."""
        s3, notes = self.aws.client("s3"), pipeline.resource("DataBucket")
        return page.Bucket(
            name=self.name,
            notes=notes,
            before=self.notifications,
            after=_notifications(s3, self.name),
            objects={key: self._said(key, etag) for key, etag in _objects(s3, self.name).items()},
            notes_objects=[*_objects(s3, notes)],
        )

    def _said(self, key: str, etag: str) -> str:
        if key not in self.objects:
            return "new"
        return "there before" if self.objects[key] == etag else "CHANGED"


def make(aws: EmbeddedAws, name: str, upload: Path) -> OwnBucket:
    """Make the bucket as somebody may have it: without versions."""
    s3, earlier = aws.client("s3"), EARLIER + upload.name
    s3.create_bucket(Bucket=name)
    s3.upload_file(str(upload), name, earlier)
    s3.put_object(Bucket=name, Key=OTHERS, Body=b"month,files\n1,12\n")
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration=_theirs(aws),
        SkipDestinationValidation=True,  # nothing is to come there in the demo
    )
    return OwnBucket(aws, name, earlier, _notifications(s3, name), _objects(s3, name))


def _theirs(aws: EmbeddedAws) -> Json:
    """Notifications of a queue and a topic that have nothing to do with uploads."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="new-reports")["QueueUrl"]
    wanted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    topic = aws.client("sns").create_topic(Name="deletions")["TopicArn"]
    reports = [{"Name": "prefix", "Value": "reports/"}, {"Name": "suffix", "Value": ".csv"}]
    return {
        "QueueConfigurations": [
            {
                "Id": "new-reports",
                "QueueArn": wanted["QueueArn"],
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": reports}},
            }
        ],
        "TopicConfigurations": [
            {"Id": "deletions", "TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}
        ],
    }


def _notifications(s3: Any, name: str) -> Json:  # noqa: ANN401, as boto3 has it
    reply: Json = s3.get_bucket_notification_configuration(Bucket=name)
    return {kind: each for kind, each in reply.items() if kind != "ResponseMetadata"}


def _objects(s3: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    found = s3.list_objects_v2(Bucket=name).get("Contents", [])
    return {each["Key"]: each["ETag"] for each in found}
