"""One run: uploads through a stack, with accidents, then a sweep."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Set
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local.pipeline import NothingCame, Pipeline, until
from tests.load.account import Account
from tests.load.killing import Killer
from tests.load.listener import Listener
from tests.load.work import Step, Work
from tests.local.other_jobs import start_again
from tests.local.test_sweep import Sweeper

Json = dict[str, Any]

SECONDS = 120
"""For a result, on a machine with other things to do."""
AGAIN_SECONDS = 900
"""A message comes again after its queue's visibility timeout, at most 720 s, if its function was
ended."""
AT_ONCE = 6
"""Uploads without a result: the embedded AWS starts a process for each, as many as come."""
IN_THE_QUEUE = 60
"""With a concurrency limit it does not."""
SWEEPS = 5
"""By which all must have their results."""


def rest(pipeline: Pipeline) -> None:
    """Wait until no job runs or waits, and no failure is on its way. Raises NothingCame."""
    try:
        until(lambda: not at_work(pipeline), "no job that runs or waits", AGAIN_SECONDS)
    except NothingCame as problem:
        raise NothingCame(f"{problem}: {at_work(pipeline)}") from problem


def at_work(pipeline: Pipeline) -> Json:
    """Messages of the queues that start jobs and report failures, and tasks that are not over."""
    aws, found = pipeline.aws, {}
    counts = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    for name in ("LaunchQueue", "RawFailureQueue"):
        if name == "LaunchQueue" and "LaunchQueueUrl" not in pipeline.outputs:
            continue
        said = aws.client("sqs").get_queue_attributes(
            QueueUrl=pipeline.resource(name), AttributeNames=counts
        )
        counted = said["Attributes"].items()
        found[name] = {count: number for count, number in counted if number != "0"}
    if cluster := pipeline.outputs.get("ClusterArn"):
        found["tasks"] = aws.client("ecs").list_tasks(cluster=cluster)["taskArns"]
    return {name: what for name, what in found.items() if what}


class Run:
    """`carry_out`; then tests/load/counting.py judges what it left."""

    def __init__(
        self,
        pipeline: Pipeline,
        work: Work,
        steps: Iterable[Step],
        killer: Killer,
        say: Callable[[str], None],
    ) -> None:
        self.pipeline = pipeline
        self.killer = killer
        self.work = work
        self._steps = steps
        self.say = say
        self.newest: dict[str, tuple[Step, str]] = {}
        """By upload: what was uploaded last, and its version."""
        self.overwritten: set[str] = set()
        self._late: list[str] = []
        self.swept_from = datetime.max.replace(tzinfo=UTC)
        self._limited = "LaunchQueueUrl" in pipeline.outputs
        self.counts: Counter[str] = Counter()

    def carry_out(self) -> None:
        processor, began = self.pipeline.aws.processor_seconds(), time.monotonic()
        own = time.process_time()
        self.began = datetime.now(UTC)
        with Listener(self.pipeline) as self.heard:
            self._upload()
            rest(self.pipeline)
            self.swept_from = datetime.now(UTC)
            self._sweep()
        self.seconds = {
            "wall": time.monotonic() - began,
            "aws": self.pipeline.aws.processor_seconds() - processor,
            "test": time.process_time() - own,
        }

    def _upload(self) -> None:
        waiting: deque[str] = deque()
        at_once = IN_THE_QUEUE if self._limited else AT_ONCE
        for step in self._steps:
            body = self.work.content(step)
            if step.overwrites:
                self.overwritten.add(step.key)
            self.newest[step.key] = step, self.pipeline.upload(step.key, body)
            waiting.append(step.key)
            for what in ("overwrites", "comes_twice"):
                self.counts[what] += getattr(step, what)
            self.counts["bad"] += not step.good
            if step.comes_twice:
                self._start_again(step.key)
            if step.kills:
                self.killer.kill()
            while len(waiting) >= at_once:
                self._wait_for(waiting.popleft())
            if step.number % 100 == 99:
                self.say(f"{step.number + 1} uploads, {len(self.heard.failures)} failures")
        for key in waiting:
            self._wait_for(key)

    def _start_again(self, key: str) -> None:
        if not self._limited:
            with contextlib.suppress(AssertionError):  # its worker may be the one that is killed
                start_again(self.pipeline, key)
            return
        detail = {"bucket": {"name": self.pipeline.bucket}, "object": {"key": key}}
        event = {"id": f"again {key}", "source": "aws.s3", "detail-type": "Object Created"}
        self.pipeline.aws.client("sqs").send_message(
            QueueUrl=self.pipeline.outputs["LaunchQueueUrl"],
            MessageGroupId="tasks",
            MessageBody=json.dumps(event | {"detail": detail}),
        )

    @property
    def _failed(self) -> Set[str]:
        return self.heard.failures.keys()

    def _wait_for(self, key: str, after_failure: bool = False) -> None:
        """Until it has its result, or its failure was told."""
        step, version = self.newest[key]

        def settled() -> bool:
            if self._source(step.result) == version:
                return True
            return not after_failure and key in self._failed

        try:
            until(settled, f"a result for {key}", SECONDS)
        except NothingCame:
            self._late.append(key)

    def _source(self, result: str) -> str | None:
        try:
            head = self.pipeline.s3.head_object(Bucket=self.pipeline.bucket, Key=result)
        except ClientError:
            return None
        return str(head["Metadata"]["source-version"])

    def _sweep(self) -> None:
        """Until it finds nothing more to do, as the schedule would."""
        self.account = Account(self.pipeline, {k: v for k, (_, v) in self.newest.items()})
        self._unexplained = {key for key in self._late if key not in self._failed}
        self.account.needed_the_sweep(self._unexplained)
        sweep = Sweeper(self.pipeline)
        with sweep.without_grace():
            for number in range(SWEEPS):
                outcomes = sweep()["outcomes"]
                self.say(f"sweep {number + 1}: {outcomes}")
                if outcomes.keys() <= {"current"}:
                    return
                self._late.clear()
                for key in self.newest.keys() & (self._failed | self._unexplained):
                    self._wait_for(key, after_failure=True)
                rest(self.pipeline)
