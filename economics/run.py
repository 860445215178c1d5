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
        self.scenario = scenario
        self.lots = random.Random(scenario.seed)
        self.env = simpy.Environment()
        self.refusals: Counter[str] = Counter()
        """How often each limit said no."""
        self.first: dict[str, float] = {}
        """When it did so first."""
        self.held: defaultdict[str, float] = defaultdict(float)
        """For how long each limit kept uploads from an engine: seconds of all uploads together."""
        self.uploaded = self.begun = self.succeeded = self.rejected = self.unchanged = 0
        self.most_waiting = 0
        self.waited: list[float] = []
        """Seconds from an upload to its output."""
        self.open: dict[int, Upload] = {}
        """Those without a result, by number."""
        self.done = self.env.event()
        self.last_refusal = ""
        limits = scenario.limits
        self._reads = {
            prefix: TokenBucket(limits["s3_reads"], limits["s3_reads"])
            for prefix in ("input/", "output/", "rejected/")
        }
        self._writes = {
            prefix: TokenBucket(limits["s3_writes"], limits["s3_writes"])
            for prefix in ("input/", "output/")
        }

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
        upload = Upload(number, mib, self.now)
        self.open[number] = upload
        self.uploaded += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        return upload

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

    def succeed(self, upload: Upload) -> None:
        if self.open.pop(upload.number, None) is None:
            self.unchanged += 1
            return
        self.waited.append(self.now - upload.stored)
        self.succeeded += 1
        self._check_done()

    def reject(self, upload: Upload) -> None:
        del self.open[upload.number]
        self.rejected += 1
        self._check_done()

    def _check_done(self) -> None:
        if self.left == 0 and not self.done.triggered:
            self.done.succeed()

    def put(self) -> float:
        """Seconds that an upload waits for its prefix: users are not refused."""
        return self._writes["input/"].wait(self.now)

    def calls(self) -> float:
        """Seconds that a job's calls to S3 wait for their prefixes."""
        wait = max(
            self._reads["input/"].wait(self.now, 3),
            self._reads["output/"].wait(self.now),
            self._reads["rejected/"].wait(self.now, 2),
            self._writes["output/"].wait(self.now),
        )
        if wait > 0:
            self.refused("S3 requests a prefix")
            self.held["S3 requests a prefix"] += wait
        return wait
