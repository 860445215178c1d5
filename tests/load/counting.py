"""The account of a run, from outside: objects, messages and states of alarms."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from local.pipeline import INPUT, OUTPUT, REJECTED, output_key, rejection_key
from mazes import check
from tests.load.entry_points import Bucket
from tests.load.judge import repeats
from tests.load.uploading import Run
from tests.load.work import Step

Json = dict[str, Any]

DIED = re.compile("Worker process (died|exited)|Broken pipe")
"""What the embedded Lambda says of a function that was killed."""
TRIES = 3
"""Of an event, by Lambda."""


class Stored(NamedTuple):
    """One change of a result's key."""

    time: datetime
    version: str | None
    """Of the upload that the result is of; None where what was there was removed."""
    body: bytes = b""


def count(run: Run, evidence: Path) -> Json:
    """Raises AssertionError, with all that is wrong, when anything is; the file has the rest."""
    return Count(run).judge(evidence)


class Count:
    """Of one run that was carried out."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pipeline = run.pipeline
        self._account = run.account
        self._bucket = Bucket(run.pipeline.s3, run.pipeline.bucket)
        self._times: dict[str, datetime] = {}
        """When each upload's result was stored."""

    def judge(self, evidence: Path) -> Json:
        histories = self._histories()
        self._judge_results(histories)
        self._judge_told(histories)
        causes = self._judge_failures()
        alarms = self._judge_alarms(causes)
        self._account.close(evidence)
        return self._row(causes, alarms)

    def _histories(self) -> dict[str, list[Stored]]:
        """All results that there ever were, by their keys, oldest first."""
        found: defaultdict[str, list[Stored]] = defaultdict(list)
        # Without versions the emulator ends a page and begins the next one with the same object.
        read = set[tuple[str, str]]()
        pages = self._pipeline.s3.get_paginator("list_object_versions")
        for prefix in (OUTPUT, REJECTED):
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=prefix):
                for each in page.get("Versions", []):
                    if (version := (each["Key"], each["VersionId"])) not in read:
                        read.add(version)
                        found[each["Key"]].append(self._stored(each))
                for each in page.get("DeleteMarkers", []):
                    found[each["Key"]].append(Stored(each["LastModified"], None))
                self._run.say(f"read {len(found)} results")
        return {key: sorted(each, key=lambda one: one.time) for key, each in found.items()}

    def _stored(self, listed: Json) -> Stored:
        here = {"Bucket": self._bucket.name, "Key": listed["Key"]}
        if listed["VersionId"] != "null":
            here["VersionId"] = listed["VersionId"]
        found = self._pipeline.s3.get_object(**here)
        version = found["Metadata"]["source-version"]
        return Stored(listed["LastModified"], version, found["Body"].read())

    def _judge_results(self, histories: Mapping[str, list[Stored]]) -> None:
        """One for each upload's newest version, of the right kind, with the right content."""
        rest = set(histories)
        for key, (step, version) in self._run.newest.items():
            possible = (output_key(key), rejection_key(key))
            of_key = {each: histories.get(each, []) for each in possible}
            rest -= of_key.keys()
            there = {each: kept[-1] for each, kept in of_key.items() if kept and kept[-1].version}
            self._account.ends(
                key,
                {each: str(last.version) for each, last in there.items()},
                {step.result: version},
            )
            self._account.repeats(
                key, repeats(*([one.version for one in kept] for kept in of_key.values()))
            )
            if step.result in there:
                self._times[key] = there[step.result].time
                self._judge_content(step, there[step.result].body)
        for key in rest:
            self._account.fault(key, "is the result of no upload")

    def _judge_content(self, step: Step, body: bytes) -> None:
        try:
            if step.good:
                output = self._bucket.read(step.key) if self._run.work.several else body
                self._run.work.judge(step, output or b"")
            else:
                self._run.work.judge_rejection(step, json.loads(body))
        except (AssertionError, ClientError, OSError, check.NotSolved) as wrong:
            self._account.fault(
                step.key, f"its result is not that of upload {step.number}: {wrong}"
            )

    def _judge_told(self, histories: Mapping[str, list[Stored]]) -> None:
        """Each result once. In a bucket without versions, one that was replaced can't be seen."""
        told = Counter(key for key, _ in self._run.heard.told)
        for (key, sequencer), times in self._run.heard.told.items():
            if times > 1:
                self._account.fault(key, f"{sequencer} was told {times} times")
        versions = self._pipeline.s3.get_bucket_versioning(Bucket=self._bucket.name).get("Status")
        for key in told.keys() | histories.keys():
            stored = sum(one.version is not None for one in histories.get(key, []))
            if told[key] != stored and (versions or not self._replaced(key)):
                self._account.fault(key, f"was stored {stored} times, and told {told[key]} times")

    def _replaced(self, result: str) -> bool:
        name = result.removeprefix(OUTPUT).removeprefix(REJECTED).removesuffix(".json")
        return INPUT + name in self._run.overwritten

    def _judge_failures(self) -> Counter[str]:
        """Each message has a cause that the run knows. Gives how many have which."""
        causes: Counter[str] = Counter()
        for key, failures in self._run.heard.failures.items():
            for failure in failures:
                if failure["source"] == "task" and key in self._run.killer.tasks:
                    causes["its task was killed"] += 1
                elif failure["source"] == "function" and DIED.search(failure["reason"]):
                    causes["its function was killed each time"] += 1
                else:
                    self._account.fault(key, f"failed without a cause: {failure}")
        kills, left = self._run.killer.functions, causes["its function was killed each time"]
        if left * TRIES > kills:
            self._account.fault("", f"{left} functions failed, by {kills} kills")
        return causes

    def _judge_alarms(self, causes: Counter[str]) -> list[str]:
        """Those that went off are those that failures set off. Gives them."""
        cloudwatch = self._pipeline.aws.client("cloudwatch")
        own = re.compile(re.escape(self._pipeline.stack) + r"-([A-Z]\w+)")
        pages = cloudwatch.get_paginator("describe_alarms").paginate()
        names = {each["AlarmName"] for page in pages for each in page["MetricAlarms"]}
        went_off = set()
        for name in names:
            if (alarm := own.match(name)) and any(
                "to ALARM" in each["HistorySummary"]
                for each in cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
            ):
                went_off.add(re.sub(r"Alarm.*", "", alarm[1]))
        expected = {"UploadsFail", "FailureQueue"} if causes else set()
        if went_off != expected:
            self._account.fault("", f"alarms: {sorted(went_off)}, not {sorted(expected)}")
        return sorted(went_off)

    def _row(self, causes: Counter[str], alarms: list[str]) -> Json:
        answered = {"events": list[float](), "sweep": list[float]()}
        for time_ in sorted(self._times.values()):
            answered["events" if time_ < self._run.swept_from else "sweep"].append(
                round((time_ - self._run.began).total_seconds(), 2)
            )
        return {
            "uploads": len(self._run.newest),
            **self._run.counts,
            "killed": self._run.killer.functions + len(self._run.killer.tasks),
            "by_events": len(answered["events"]),
            "by_sweep": len(answered["sweep"]),
            "written_again": self._account.written_again,
            "failures": causes,
            "alarms": alarms,
            "told": self._run.heard.told.total(),
            "seconds": self._run.seconds,
            "answered": answered,
        }
