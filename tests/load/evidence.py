"""What became of an upload, from all that the stack and the embedded AWS say of it.

A test that finds a result missing, or one too many, keeps it in a file, and gives the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local.pipeline import Pipeline, output_key, rejection_key
from tests.load.entry_points import Bucket
from tests.support.running_tasks import tasks_of

Json = dict[str, Any]

_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+) ")
"""How ministack's log begins an entry."""
_TASK = (
    "taskArn", "startedBy", "lastStatus", "stopCode", "stoppedReason",
    "createdAt", "startedAt", "stoppedAt",
)  # fmt: skip


class Evidence:
    """All that is known at this moment, of any upload of one stack."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._bucket = Bucket(pipeline.s3, pipeline.bucket)
        self._log = pipeline.log()
        self._emulator = pipeline.aws.log_path.read_text().splitlines()
        self._failures = {failure["key"]: failure for failure in _failures(pipeline)}
        cluster = pipeline.outputs.get("ClusterArn")
        self._tasks = tasks_of(pipeline.aws.client("ecs"), cluster) if cluster else []

    def failed(self) -> set[str]:
        """The uploads with a failure that was recorded."""
        return set(self._failures)

    def problems_of_the_emulator(self) -> list[str]:
        """Its warnings and errors, with their tracebacks."""
        found, keep = [], False
        for line in self._emulator:
            if entry := _LINE.match(line):
                keep = entry[1] in ("WARNING", "ERROR", "CRITICAL") and "samtranslator" not in line
            if keep:
                found.append(line)
        return found

    def of(self, key: str) -> Json:
        """Its versions and its results', the jobs' log, failure, tasks, the emulator's words."""
        tasks = [_shown(task) for task in self._tasks if _key_of(task) == key]
        ids = [task["taskArn"].rsplit("/", 1)[-1] for task in tasks]
        return {
            "upload": self._bucket.changes(key),
            "output": self._bucket.changes(output_key(key)),
            "rejection": self._bucket.changes(rejection_key(key)),
            "log": [
                event["message"]
                for event in self._log
                if json.dumps(key) in event["message"]
                or any(event["logStreamName"].endswith(each) for each in ids)
            ],
            "failure": self._failures.get(key),
            "tasks": tasks,
            "emulator": [
                line
                for line in self._emulator
                if (self._bucket.name in line and json.dumps(key) in line)
                or any(each in line for each in ids)
            ],
        }


def reason(story: Json) -> str | None:
    """Why the upload's current version has no result, as its own record has it; None if that
    says nothing."""
    uploaded = datetime.fromisoformat(story["upload"][-1]["time"]).replace(microsecond=0)

    def since(time: str | None) -> bool:
        return time is not None and datetime.fromisoformat(time) >= uploaded

    failure = story["failure"]
    if failure and since(failure["time"]):
        return f"{failure['source']} failed: {failure['reason']}"
    for task in story["tasks"]:
        if since(task["createdAt"]) and task["lastStatus"] != "STOPPED":
            return f"{task['taskArn']} is still {task['lastStatus']}"
        if since(task["createdAt"]) and (task["stopCode"] == "TaskFailedToStart" or task["exit"]):
            return f"{task['taskArn']} ended with {task['exit']}: {task['stoppedReason']}"
    lost = [line for line in story["emulator"] if "lost an event" in line]
    return lost[-1] if lost else None


def _failures(pipeline: Pipeline) -> Iterator[Json]:
    """The last of each upload, as the stack keeps them."""
    for name in pipeline.keys(".sweep/failures/"):
        yield json.load(pipeline.s3.get_object(Bucket=pipeline.bucket, Key=name)["Body"])


def _key_of(task: Json) -> Any:
    (container,) = task["overrides"]["containerOverrides"]
    told = {each["name"]: each["value"] for each in container["environment"]}
    return told.get("S3_KEY")


def _shown(task: Json) -> Json:
    times = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name in _TASK
        for value in [task.get(name)]
    }
    return times | {"exit": task["containers"][0].get("exitCode")}
