"""The clock of a simulation, its uploads, and what is counted of them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from .queues import TokenBucket
from .scenario import Scenario

Steps = Generator[simpy.Event, Any, None]


@dataclass
class Upload:
    number: int
    mib: float
    stored: float
    begun: bool = False
    attempts: int = 0
    """Of the sweep."""
    last_attempt: float = float("-inf")
    held_by: str = ""
    """The limit that it waits for now, and since when."""
    held_since: float = 0.0


class Run:
    """What parts of the pipeline share."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.lots = scenario, random.Random(scenario.seed)
        self.env = simpy.Environment()
        self.done = self.env.event()
        self.refusals: Counter[str] = Counter()
        """How often each limit said no; when it did so first; and for how long it kept uploads from
        an engine: seconds of all uploads together."""
        self.first: dict[str, float] = {}
        self.held: defaultdict[str, float] = defaultdict(float)
        self.last_refusal = ""
        self.uploaded = self.begun = self.succeeded = self.rejected = self.unchanged = 0
        self.most_waiting = 0
        self.waited: list[float] = []
        """Seconds from an upload to its output."""
        self.open: dict[int, Upload] = {}
        """Those without a result, by number."""
        limits = scenario.limits
        self._reads = [(TokenBucket(limits["s3_reads"]), count) for count in (3, 1, 2)]
        """Of a job, from uploads, outputs and rejections."""
        self._puts, self._results = (TokenBucket(limits["s3_writes"]) for _ in range(2))

    @property
    def now(self) -> float:
        return float(self.env.now)

    @property
    def left(self) -> int:
        """Uploads without a result."""
        return self.scenario.uploads - self.succeeded - self.rejected

    @property
    def waiting(self) -> int:
        """Uploads that are stored and for which no engine has started yet."""
        return self.uploaded - self.begun

    def store(self, number: int, mib: float) -> Upload:
        self.open[number] = upload = Upload(number, mib, self.now)
        self.uploaded += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        return upload

    def put(self) -> float:
        """Seconds that an upload waits for its prefix: users are not refused."""
        return self._puts.wait(self.now)

    def calls(self) -> float:
        """Seconds that a job's calls to S3 wait for their prefixes."""
        waits = [bucket.wait(self.now, count) for bucket, count in self._reads]
        wait = max(*waits, self._results.wait(self.now))
        if wait > 0:
            self.refused("S3 requests a prefix")
            self.held["S3 requests a prefix"] += wait
        return wait

    def refused(self, limit: str) -> None:
        self.refusals[limit] += 1
        self.first.setdefault(limit, self.now)
        self.last_refusal = limit

    def hold(self, upload: Upload) -> None:
        """It waits for what has just been refused, until it is released or something else is."""
        self.release(upload)
        if not upload.begun:
            upload.held_by, upload.held_since = self.last_refusal, self.now

    def release(self, upload: Upload) -> None:
        if upload.held_by:
            self.held[upload.held_by] += self.now - upload.held_since
            upload.held_by = ""

    def begin(self, upload: Upload) -> None:
        """An engine has started."""
        self.release(upload)
        self.begun += not upload.begun
        upload.begun = True

    def end(self, upload: Upload, rejected: bool = False) -> None:
        """Its result is there; now, or already."""
        if self.open.pop(upload.number, None) is None:
            self.unchanged += 1
        elif rejected:
            self.rejected += 1
        else:
            self.waited.append(self.now - upload.stored)
            self.succeeded += 1
        if not self.left and not self.done.triggered:
            self.done.succeed()
