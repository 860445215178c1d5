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
_RATES = {
    "RunTask calls": ("run_task",),
    "Fargate launches": ("launches", "launch_burst"),
    "Lambda scaling rate": ("growth", "growth_burst"),
    "EventBridge invocations": ("invocations",),
    "SQS FIFO sends": ("fifo_sends",),
    "ListTasks and DescribeTasks calls": ("cluster_reads", "cluster_read_burst"),
}
"""Limits that are a rate: the names in limits.toml of it, and of what may come at once."""
CALL_SECONDS, LIST_LAG, LIST_PAGE = 0.05, 1.0, 100
"""One call of ECS, and until ListTasks has a new task: assumptions. Tasks of a page of it."""


@dataclass
class Upload:
    number: int
    mib: float
    stored: float
    begun: bool = False
    attempts: int = 0  # of the sweep
    last_attempt: float = float("-inf")
    held_by: str = ""  # the limit that it waits for now
    held_since: float = 0.0


class Run:
    """What parts of the pipeline share."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.lots = scenario, random.Random(scenario.seed)
        self.env = simpy.Environment()
        self.done = self.env.event()
        self.refusals: Counter[str] = Counter()  # of each limit, in the order of the first ones
        self.held: defaultdict[str, float] = defaultdict(float)
        """Seconds that each limit kept uploads from an engine, of all uploads together."""
        self.last_refusal = ""
        self.uploaded = self.begun = self.succeeded = self.rejected = self.unchanged = 0
        self.most_waiting = 0
        self.waited: list[float] = []  # seconds from an upload to its output
        self.open: dict[int, Upload] = {}  # those without a result, by number
        limits = scenario.limits
        self._rates = {
            limit: TokenBucket(*(limits[name] for name in names)) for limit, names in _RATES.items()
        }
        reads, writes = limits["s3_reads"], limits["s3_writes"]
        self.puts = TokenBucket(writes)
        """Of uploads: users wait, and are not refused."""
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

    def calls(self) -> float:
        """Seconds that a job's calls to S3 wait for their prefixes."""
        wait = max(bucket.wait(self.now, count) for bucket, count in self._calls)
        if wait > 0:
            self.refused("S3 requests a prefix")
            self.held[self.last_refusal] += wait
        return wait

    def take(self, limit: str) -> bool:
        """Whether a limit lets one more come; who is refused comes again."""
        taken = self._rates[limit].take(self.now)
        if not taken:
            self.refused(limit)
        return taken

    def wait(self, limit: str, calls: float = 1) -> float:
        """Seconds until a limit lets so many come, in turn."""
        wait = self._rates[limit].wait(self.now, calls)
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


class Engine:
    """What has started jobs, and is billed for their seconds."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.running = self.most = 0
        self.seconds = 0.0

    def _begin(self, upload: Upload) -> None:
        self._run.begin(upload)
        self.running += 1
        self.most = max(self.most, self.running)

    def _work(self, upload: Upload, seconds: float, least: float = 0) -> Steps:
        """After it has begun."""
        seconds += self._run.calls()
        yield self._run.env.timeout(seconds)
        self.seconds += max(seconds, least)
        self.running -= 1
        self._run.end(upload)


class Functions(Engine):
    """Lambda, as it does what it is given asynchronously."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.invocations = self.given_up = 0  # those given up are dead letters
        self._warm: list[float] = []  # since when environments are idle

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
        self._begin(upload)
        self.invocations += 1
        yield from self._work(upload, (start or 0.0) + run.scenario.job.seconds(upload.mib))
        self._warm.append(run.now)

    def _environment(self) -> float | None:
        """Seconds until one is ready; None when there is none to be had."""
        run = self._run
        if self.running >= run.scenario.limits["concurrency"]:
            run.refused("Lambda concurrency")
            return None
        if self._warm and run.now - self._warm[-1] < ASSUMED["warm_seconds"]:
            self._warm.pop()
            return 0.0
        self._warm.clear()
        return run.scenario.job.start_seconds if run.take("Lambda scaling rate") else None


class Tasks(Engine):
    """ECS and Fargate."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.started: list[int] = []  # numbers of uploads, in order

    def start(self, upload: Upload) -> Response:
        """One RunTask."""
        run = self._run
        if not run.take("RunTask calls"):
            return Response.THROTTLED
        if (self.running + 1) * product.TASK_VCPU > run.scenario.limits["vcpus"]:
            run.refused("Fargate vCPUs")
            return Response.NO_ROOM
        if not run.take("Fargate launches"):
            return Response.THROTTLED
        self._begin(upload)
        self.started.append(upload.number)
        run.env.process(self._launch(upload))
        return Response.TAKEN

    def _launch(self, upload: Upload) -> Steps:
        yield self._run.env.timeout(ASSUMED["task_launch_seconds"])
        seconds = self._run.scenario.job.task_seconds(upload.mib)
        yield from self._work(upload, seconds, PRICES["fargate"]["least_seconds"])


class Launcher:
    """The launch queue of a stack with MaxTasks, and functions/launch: it looks at the tasks now
    and then, and starts what has a place, evenly; what it has started it counts without a look."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run, self._tasks = run, tasks
        self.queue: deque[Upload] = deque()
        self._filled = run.env.event()
        self._limit, self._looked = "", 0.0

    def send(self, upload: Upload) -> Response:
        """As EventBridge does."""
        if not self._run.take("SQS FIFO sends"):
            return Response.THROTTLED
        self.put(upload)
        return Response.TAKEN

    def put(self, upload: Upload) -> None:
        self._run.release(upload)
        self.queue.append(upload)
        if not self._filled.triggered:
            self._filled.succeed()

    def held(self, limit: str = "") -> None:
        """Who is in the queue has waited for the limit of the last look; and now, for this one."""
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
                wait = run.wait("ListTasks and DescribeTasks calls", calls)
                yield run.env.timeout(wait + CALL_SECONDS * calls)
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
