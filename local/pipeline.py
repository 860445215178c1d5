"""A deployed stack, seen from outside: upload, wait for the result, read logs and failures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from botocore.exceptions import ClientError

from .aws import EmbeddedAws

INPUT, OUTPUT, REJECTED = "input/", "output/", "rejected/"
"""The template's defaults."""
RUN = "run"
"""The metadata that only a manifest has."""
NO_GRACE = dict.fromkeys(("FUNCTION_TIMEOUT", "TASK_TIMEOUT", "OVERHEAD_SECONDS"), "0.000001")
"""Settings of the sweep's function with which each upload is old enough at once."""

T = TypeVar("T")
Json = dict[str, Any]


class NothingCame(Exception):
    """What was waited for did not come in time."""


@dataclass(frozen=True)
class Result:
    """The output, or the rejection record, of one upload's version."""

    key: str
    body: bytes
    metadata: dict[str, str]
    version: str
    content_type: str = ""

    @property
    def manifest(self) -> Json | None:
        """What names the files, where the job left several; None for the one file itself."""
        if not (self.is_output and RUN in self.metadata):
            return None
        named: Json = json.loads(self.body)
        return named

    @property
    def is_output(self) -> bool:
        return self.key.startswith(OUTPUT)

    @property
    def rejection(self) -> Json:
        """What the rejection record says."""
        assert not self.is_output, f"{self.key} is an output"
        record: Json = json.loads(self.body)
        return record


def output_key(key: str) -> str:
    return OUTPUT + key.removeprefix(INPUT)


def rejection_key(key: str) -> str:
    return f"{REJECTED}{key.removeprefix(INPUT)}.json"


def identity(said: Mapping[str, Any]) -> str:
    """What a result calls the upload that it is of, by what S3 said of that: its version, or
    without one its ETag."""
    version = said.get("VersionId", "null")
    return str(version if version != "null" else "etag:" + said["ETag"].strip('"'))


def until(look: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """Look until there is something; raises NothingCame."""
    began = time.monotonic()
    while True:
        if found := look():
            return found
        if (waited := time.monotonic() - began) > seconds:
            raise NothingCame(f"{what}: not within {seconds:g} s")
        time.sleep(0.1 + waited / 20)  # who waits for long looks less often


class Pipeline:
    """One stack and the clients to work with it."""

    def __init__(
        self, aws: EmbeddedAws, stack: str, outputs: dict[str, str], suffix: str = ""
    ) -> None:
        self.aws = aws
        self.stack = stack
        self.outputs = outputs
        self.suffix = suffix
        """OutputSuffix."""
        self.bucket = outputs["BucketName"]
        self.s3 = aws.client("s3")
        self._logs = aws.client("logs")
        self._sqs = aws.client("sqs")

    def resource(self, name: str) -> str:
        """The physical id of a resource of the stack."""
        return self.aws.resource(self.stack, name)

    def upload(self, key: str, body: bytes | BinaryIO) -> str:
        """Put an object; gives what tells it from others at its key."""
        reply = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return identity(reply)

    def upload_file(self, key: str, file: Path) -> str:
        """The same of a file of any size: in parts where it is large."""
        self.s3.upload_file(str(file), self.bucket, key)
        return identity(self.s3.head_object(Bucket=self.bucket, Key=key))

    def result(self, key: str, version: str, seconds: float = 30) -> Result:
        """Wait for the result for this version of the upload. Raises NothingCame."""
        return until(
            lambda: next(
                (v for v in self.results(key) if v.metadata.get("source-version") == version),
                None,
            ),
            f"a result for {key!r}, version {version}",
            seconds,
        )

    def results(self, key: str) -> Iterator[Result]:
        """What is there now for this upload."""
        for result_key in (output_key(key) + self.suffix, rejection_key(key)):
            try:
                found = self.s3.get_object(Bucket=self.bucket, Key=result_key)
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    continue
                raise
            body, metadata = found["Body"].read(), found["Metadata"]
            yield Result(result_key, body, metadata, identity(found), found["ContentType"])

    def fetch(self, key: str, to: Path) -> None:
        """Write an object into a file, in a folder that is made for it."""
        to.parent.mkdir(parents=True, exist_ok=True)
        self.s3.download_file(self.bucket, key, str(to))

    def keys(self, prefix: str = "") -> list[str]:
        """All current keys with the prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def versions(self, key: str) -> dict[str, datetime]:
        """The versions of a key, with the times at which they were stored, to the millisecond."""
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key).get("Versions", [])
        return {identity(v): v["LastModified"] for v in found if v["Key"] == key}

    def log(self) -> list[Json]:
        """The events of the jobs' log group, oldest first."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs["LogGroupName"]
        )
        events = (event for page in pages for event in page["events"])
        return sorted(events, key=lambda event: event["timestamp"])

    def reports(self, key: str, count: int = 1, seconds: float = 30) -> list[Json]:
        """Wait for so many reports of jobs on this upload. Raises NothingCame.

        Each has the time at which it was logged besides, as `logged`, in seconds.
        """

        def look() -> list[Json] | None:
            found = [
                json.loads(event["message"]) | {"logged": event["timestamp"] / 1000}
                for event in self.log()
                if event["message"].startswith('{"outcome"')
            ]
            of_key = [report for report in found if report["key"] == key]
            return of_key if len(of_key) >= count else None

        return until(look, f"{count} reports of jobs on {key!r}", seconds)

    def failure(self, key: str | None, seconds: float = 30) -> Json:
        """Wait for a message about this upload in the failure queue, and take it from there.

        Raises NothingCame.
        """

        def look() -> Json | None:
            for message in self._messages():
                if json.dumps(key) in message["Body"].replace('\\"', '"'):
                    self._sqs.delete_message(
                        QueueUrl=self.outputs["FailureQueueUrl"],
                        ReceiptHandle=message["ReceiptHandle"],
                    )
                    failure: Json = json.loads(message["Body"])
                    return failure
            return None

        return until(look, f"a failure of {key!r}", seconds)

    def take_failures(self) -> list[Json]:
        """What is in the failure queue now, taken from there."""
        found: list[Json] = []
        while messages := self._messages():
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(
                    QueueUrl=self.outputs["FailureQueueUrl"], ReceiptHandle=message["ReceiptHandle"]
                )
        return found

    def failures(self) -> list[str]:
        """The bodies of what is in the failure queue now; they stay there."""
        return [message["Body"] for message in self._messages()]

    def _messages(self) -> list[Json]:
        reply = self._sqs.receive_message(
            QueueUrl=self.outputs["FailureQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        messages: list[Json] = reply.get("Messages", [])
        return messages
