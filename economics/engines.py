"""The parts of a simulation: its clock, uploads and counters; functions of Lambda and tasks of
Fargate, with what keeps them from starting; and the launch queue.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import simpy
from launcher import LOOK_SECONDS, MARGIN_SECONDS, STARTS_A_SECOND

from . import product
from .figures import ASSUMED, PRICES, PUBLISHED
from .queues import Response, TokenBucket, waits
from .scenario import Scenario

Steps = Generator[simpy.Event, Any, None]
RUN_TASK, LAUNCHES, VCPUS = "RunTask calls", "Fargate launches", "Fargate vCPUs"
CONCURRENCY, GROWTH = "Lambda concurrency", "Lambda scaling rate"
INVOCATIONS, SENDS = "EventBridge invocations", "SQS FIFO sends"
LOOKS, PREFIX = "ListTasks and DescribeTasks calls", "S3 requests a prefix"
_BUCKETS = {
    RUN_TASK: ("run_task",),
    LAUNCHES: ("launches", "launch_burst"),
    GROWTH: ("growth", "growth_burst"),
    INVOCATIONS: ("invocations",),
    SENDS: ("fifo_sends",),
    LOOKS: ("cluster_reads", "cluster_read_burst"),
}
"""The limits that are a rate, with the names of limits.toml: of the rate, and of what may come at
once."""
CALL_SECONDS, LIST_PAGE = 0.05, 100
"""One call of ECS: an assumption. A page of ListTasks has so many tasks."""
LIST_LAG = 1.0
"""Seconds until ListTasks has a task that RunTask has started: an assumption."""


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
        """How often each limit said no, in the order in which they did so first."""
        self.held: defaultdict[str, float] = defaultdict(float)
        """For how long it kept uploads from an engine: seconds of all uploads together."""
        self.last_refusal = ""
        self.uploaded = self.begun = self.succeeded = self.rejected = self.unchanged = 0
        self.most_waiting = 0
        self.waited: list[float] = []
        """Seconds from an upload to its output."""
        self.open: dict[int, Upload] = {}
        """Those without a result, by number."""
        limits = scenario.limits
        self._buckets = {
            limit: TokenBucket(*(limits[name] for name in names))
            for limit, names in _BUCKETS.items()
        }
        reads, writes = limits["s3_reads"], limits["s3_writes"]
        self._puts = TokenBucket(writes)
        self._calls = [
            (TokenBucket(rate), n) for rate, n in ((reads, 3), (reads, 1), (reads, 2), (writes, 1))
        ]
        """Of a job: from uploads, outputs and rejections; and its output."""

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
        wait = max(bucket.wait(self.now, count) for bucket, count in self._calls)
        if wait > 0:
            self.refused(PREFIX)
            self.held[PREFIX] += wait
        return wait

    def take(self, limit: str) -> bool:
        """Whether a limit lets one more come; who is refused comes again."""
        taken = self._buckets[limit].take(self.now)
        if not taken:
            self.refused(limit)
        return taken

    def wait(self, limit: str, calls: float = 1) -> float:
        """Seconds until a limit lets so many come, in turn."""
        wait = self._buckets[limit].wait(self.now, calls)
        if wait > 0:
            self.refused(limit)
        return wait

    def refused(self, limit: str) -> None:
        self.refusals[limit] += 1
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


class Functions:
    """Lambda, as it does what it is given asynchronously."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.running = self.most = self.invocations = 0
        self.seconds = 0.0
        self.given_up = 0
        """Events that are too old: dead letters."""
        self._warm: list[float] = []
        """Since when environments are idle."""

    def invoke(self, upload: Upload) -> Steps:
        run, began, start = self._run, self._run.now, None
        first, longest = PUBLISHED["async_first_wait"], PUBLISHED["async_longest_wait"]
        for pause in waits(first, longest, run.lots):
            start = self._environment()
            if start is not None:
                break
            run.hold(upload)
            if run.now - began >= PUBLISHED["async_age"]:
                self.given_up += 1
                return
            yield run.env.timeout(pause)
        run.begin(upload)
        self.running += 1
        self.invocations += 1
        self.most = max(self.most, self.running)
        seconds = (start or 0.0) + run.scenario.job.seconds(upload.mib) + run.calls()
        self.seconds += seconds
        yield run.env.timeout(seconds)
        self.running -= 1
        self._warm.append(run.now)
        run.end(upload)

    def _environment(self) -> float | None:
        """Seconds until one is ready; None when there is none to be had."""
        run = self._run
        if self.running >= run.scenario.limits["concurrency"]:
            run.refused(CONCURRENCY)
            return None
        if self._warm and run.now - self._warm[-1] < ASSUMED["warm_seconds"]:
            self._warm.pop()
            return 0.0
        self._warm.clear()
        return run.scenario.job.start_seconds if run.take(GROWTH) else None


class Tasks:
    """ECS and Fargate."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.running = self.most = 0
        self.billed_seconds = 0.0
        self.started: list[int] = []
        """Numbers of the uploads for which a task was started, in order."""

    def start(self, upload: Upload) -> Response:
        """One RunTask."""
        run = self._run
        if not run.take(RUN_TASK):
            return Response.THROTTLED
        if (self.running + 1) * product.TASK_VCPU > run.scenario.limits["vcpus"]:
            run.refused(VCPUS)
            return Response.NO_ROOM
        if not run.take(LAUNCHES):
            return Response.THROTTLED
        run.begin(upload)
        self.started.append(upload.number)
        self.running += 1
        self.most = max(self.most, self.running)
        run.env.process(self._work(upload))
        return Response.TAKEN

    def _work(self, upload: Upload) -> Steps:
        run = self._run
        yield run.env.timeout(ASSUMED["task_launch_seconds"])
        seconds = run.scenario.job.task_seconds(upload.mib) + run.calls()
        yield run.env.timeout(seconds)
        self.running -= 1
        self.billed_seconds += max(seconds, PRICES["fargate"]["least_seconds"])
        run.end(upload)


class Launcher:
    """The launch queue of a stack with MaxTasks, and functions/launch: one invocation after the
    other looks at the tasks and starts what has a place, evenly; what it has started itself it
    counts without a look."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run, self._tasks = run, tasks
        self.queue: deque[Upload] = deque()
        self._filled = run.env.event()
        self._limit, self._looked = "", 0.0

    def send(self, upload: Upload) -> Response:
        """As EventBridge does."""
        if not self._run.take(SENDS):
            return Response.THROTTLED
        self.put(upload)
        return Response.TAKEN

    def put(self, upload: Upload) -> None:
        self._run.release(upload)
        self.queue.append(upload)
        if not self._filled.triggered:
            self._filled.succeed()

    def held(self, limit: str = "") -> None:
        """Whoever waited in the queue did so for the limit that was met at the last look at it;
        from now on, for this one."""
        if self._limit:
            self._run.held[self._limit] += len(self.queue) * (self._run.now - self._looked)
        self._limit, self._looked = limit, self._run.now

    def work(self) -> Steps:
        run, free, look_at, start_at, ends = self._run, 0, 0.0, 0.0, 0.0
        while True:
            if run.now >= ends:  # the next one begins with the list, which has to have all
                yield run.env.timeout(LIST_LAG)
                look_at, ends = 0.0, run.now + product.LAUNCH_SECONDS - MARGIN_SECONDS
            if not self.queue:
                self.held()
                self._filled = run.env.event()
                yield self._filled
            if run.now >= look_at:
                calls = 1 + self._tasks.running // LIST_PAGE
                yield run.env.timeout(run.wait(LOOKS, calls) + CALL_SECONDS * calls)
                free = run.scenario.stack.max_tasks - self._tasks.running
                look_at = run.now + LOOK_SECONDS
            if run.now < start_at:
                yield run.env.timeout(start_at - run.now)
            started = self._start(min(free, product.LAUNCH_BATCH))
            free -= started
            start_at = run.now + started / STARTS_A_SECOND
            if not started:
                yield run.env.timeout(max(0.0, look_at - run.now))

    def _start(self, most: int) -> int:
        """Give how many tasks were started."""
        batch = [*islice(self.queue, most)]
        started = 0
        while started < len(batch) and self._tasks.start(batch[started]) is Response.TAKEN:
            started += 1
        limit = self._run.last_refusal
        if started == len(batch):
            limit = "LaunchFunction's pace" if most == product.LAUNCH_BATCH else "MaxTasks"
            if len(self.queue) > started:
                self._run.refused(limit)
        self.held(limit)
        for _ in range(started):
            self.queue.popleft()
        return started
