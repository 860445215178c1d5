"""The entry point and the handler, as ECS and Lambda call them, and their bucket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Self

from botocore.exceptions import ClientError

from local.pipeline import RUN, identity, output_key, rejection_key
from tooling import paths

Handler = Callable[[dict[str, Any], Any], None]


@dataclass(frozen=True)
class EntryPoints:
    """Ways to run the job of an upload in `bucket`."""

    bucket: str
    environment: Mapping[str, str]
    """What leads to the bucket."""
    warm: Callable[[str], Handler]
    """The handler of a function that runs a command, or the processor where that is empty."""
    command: str = ""

    def of(self, command: str) -> Self:
        """The same with a command."""
        return replace(self, command=command)

    def task(self, key: str) -> subprocess.Popen[str]:
        """Start the container's process, from the source."""
        return subprocess.Popen(
            [sys.executable, "-m", "processing"],
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(paths.ROOT / "worker"),
                "S3_BUCKET": self.bucket,
                "S3_KEY": key,
                "COMMAND": self.command,
                **self.environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def function(self, key: str) -> None:
        """Run the function's handler, here, on the upload's notification."""
        s3 = {"bucket": {"name": self.bucket}, "object": {"key": key}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
        self.warm(self.command)({"Records": [record]}, context)


def report_of(output: str) -> dict[str, Any]:
    """The one report in what a job printed."""
    (line,) = [line for line in output.splitlines() if line.startswith('{"outcome"')]
    return dict(json.loads(line))


class Bucket:
    """A bucket, as its owner sees it."""

    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name

    @classmethod
    def make(cls, s3: Any, name: str) -> Self:
        """One with versions."""
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return cls(s3, name)

    def upload(self, key: str, body: bytes) -> str:
        """Gives the new version."""
        return identity(self.s3.put_object(Bucket=self.name, Key=key, Body=body))

    def write_result(self, key: str, version: str) -> None:
        """As a job of that version of the upload would have done."""
        metadata = {"source-version": version}
        self.s3.put_object(Bucket=self.name, Key=key, Body=b"{}", Metadata=metadata)

    def read(self, key: str) -> bytes | None:
        """An upload's output, as whoever follows a manifest reads it; None where there is none."""
        try:
            found = self.s3.get_object(Bucket=self.name, Key=output_key(key))
        except ClientError as missing:
            if missing.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        if RUN not in found["Metadata"]:
            return bytes(found["Body"].read())
        return b"".join(
            self.s3.get_object(Bucket=self.name, Key=each["key"], IfMatch=each["etag"])[
                "Body"
            ].read()
            for each in json.load(found["Body"])["files"]
        )

    def results(self, key: str) -> dict[str, str]:
        """The keys of the results that are there now, and the upload's versions they are for."""
        found = {}
        for result_key in (output_key(key), rejection_key(key)):
            try:
                head = self.s3.head_object(Bucket=self.name, Key=result_key)
            except ClientError as error:
                if error.response["Error"]["Code"] != "404":
                    raise
            else:
                found[result_key] = head["Metadata"]["source-version"]
        return found

    def results_ever(self, key: str) -> list[str]:
        """The upload's versions that all results there ever were are for."""
        return [version for history in self.histories(key) for version in history if version]

    def histories(self, key: str) -> list[list[str | None]]:
        """Of the upload's output and of its rejection, each as judge.repeats takes it."""
        return [
            [change["for"] for change in self.changes(result_key)]
            for result_key in (output_key(key), rejection_key(key))
        ]

    def changes(self, key: str) -> list[dict[str, Any]]:
        """All that ever became of one key, oldest first: times, versions, and which version of an
        upload each is for; None for what was removed, and for an upload."""
        listed = self.s3.list_object_versions(Bucket=self.name, Prefix=key)
        found = [
            {
                "time": each["LastModified"].isoformat(),
                "version": each["VersionId"],
                "removed": removed,
                "for": None if removed else self._source(key, each["VersionId"]),
            }
            for kind, removed in (("Versions", False), ("DeleteMarkers", True))
            for each in listed.get(kind, [])
            if each["Key"] == key
        ]
        return sorted(found, key=lambda change: change["time"])

    def _source(self, key: str, version: str) -> str | None:
        head = self.s3.head_object(Bucket=self.name, Key=key, VersionId=version)
        return head["Metadata"].get("source-version")
