"""The pipeline as a discrete-event model (SimPy): queues, limits and retries; no S3, no pictures.

An upload is begun, stored as fast as its prefix takes it, announced, started by an engine as soon
as the limits let it, and processed. Jobs do not fail by themselves: what goes wrong is that AWS
takes no more, and what that leaves behind is the sweep's, as in the template.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy
from launcher import LOOK_SECONDS, MARGIN_SECONDS, STARTS_A_SECOND

from tooling import buckets, garbage

from . import product
from .figures import ASSUMED, PRICES
from .queues import LAMBDA, Limits, Next, Response, Upload
from .scenario import DAY, Scenario

Steps = Generator[simpy.Event, Any, None]
LIST_PAGE = 100
"""Tasks of a page of ListTasks."""
READS = 3
"""Of a job above 1 MiB, from its upload's prefix: no other prefix is read or written more often."""


@dataclass
class Engine:
    """What runs jobs, and is billed for their seconds."""

    launch_seconds: float = 0.0
    least_seconds: float = 0.0
    seconds: float = 0.0
    running: int = 0
    most: int = 0
    started: list[int] = field(default_factory=list)  # numbers of uploads, in order


class Model(simpy.Environment):
    """One run: `simulate()`, then look at what it counted."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(0.0)
        self.scenario, self._lots = scenario, random.Random(scenario.seed)
        self.limits = Limits(self, scenario.limits)
        launch, least = ASSUMED["task_launch_seconds"], PRICES["fargate"]["least_seconds"]
        self.functions, self.tasks = Engine(), Engine(launch, least)
        self._launcher = Launcher(self)
        self._warm: list[float] = []  # since when functions are idle
        self._open: dict[int, Upload] = {}  # those without a result, by number
        self._done = self.event()
        self.left = int(scenario.work.uploads)  # without a result
        self.waiting = self.most_waiting = 0  # stored, and no engine has started yet
        self.uploaded = self.succeeded = self.rejected = self.unchanged = 0
        self.dropped = self.dead_letters = self.swept = 0
        self.waited: list[float] = []  # seconds from an upload to its output
        self.reported_after = 0.0  # seconds: the longest that a dead letter waited for that
        at_once = product.REPORTERS
        self._reports = buckets.TokenBucket(at_once / ASSUMED["report_seconds"], at_once)
        self.samples: list[dict[str, float]] = []
        self._swept_up_to = 0

    @garbage.kept()
    def simulate(self) -> Model:
        """Until every upload has its result, or the time is out."""
        for part in (self._users, self._watch, self._sweeps, self._launcher.work):
            self.process(part())
        self.run(until=self._done | self.timeout(self.scenario.days * DAY))
        self._launcher.held()
        for upload in self._open.values():
            self.limits.release(upload)
        self._sample()
        return self

    def _go(self, steps: Steps) -> None:
        """A process that nobody waits for: without the events of its start and its end, which would
        be half of all."""
        if (event := next(steps, None)) is not None:
            event.callbacks.append(lambda _: self._go(steps))

    def _users(self) -> Steps:
        """They upload as fast as the prefix takes it: they wait, and are not refused."""
        shares = self.scenario.work.sizes
        sizes = self._lots.choices([*shares], [*shares.values()], k=self.left)
        puts = buckets.TokenBucket(self.scenario.limits["s3_writes"])
        for number, time in enumerate(self.scenario.times(self._lots)):
            if time > self.now:
                yield self.timeout(time - self.now)
            if (wait := puts.wait(self.now)) > 0:
                yield self.timeout(wait)
            self._open[number] = upload = Upload(number, sizes[number], self.now)
            self.uploaded += 1
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            rule = self.scenario.stack.mode != "lambda"
            wait = self.limits.wait("EventBridge invocations") if rule else 0.0
            self._go(self._deliver(upload, wait))

    def _deliver(self, upload: Upload, wait: float = 0.0) -> Steps:
        """By Lambda's own queue to a function, by EventBridge to a task or to the launch queue."""
        if wait > 0:
            yield self.timeout(wait)
        stack, queue, start, began = self.scenario.stack, LAMBDA, self._start_function, self.now
        if stack.is_task(upload.mib):
            queue = self.scenario.eventbridge
            start = self._launcher.send if stack.max_tasks else self.start_task
        for retries, pause in enumerate(queue.waits(self._lots)):
            comes = queue.after(start(upload), retries, self.now - began)
            if comes is Next.DELIVERED:
                return
            self.limits.hold(upload)
            if comes is not Next.AGAIN:
                break
            yield self.timeout(pause)
        if comes is Next.DROPPED:
            self.dropped += 1
        else:
            self.dead_letters += 1
            self.reported_after = max(self.reported_after, self._reports.wait(self.now))

    def _start_function(self, upload: Upload) -> Response:
        job, start = self.scenario.work.job, 0.0
        if self.functions.running >= self.scenario.limits["concurrency"]:
            self.limits.refused("Lambda concurrency")
            return Response.REFUSED
        if self._warm and self.now - self._warm[-1] < ASSUMED["warm_seconds"]:
            self._warm.pop()
        else:
            self._warm.clear()
            start = job.start_seconds
            if not self.limits.take("Lambda scaling rate"):
                return Response.REFUSED
        return self._begin(self.functions, upload, start + job.seconds(upload.mib))

    def start_task(self, upload: Upload) -> Response:
        """One RunTask."""
        if not self.limits.take("RunTask calls"):
            return Response.THROTTLED
        if (self.tasks.running + 1) * product.TASK_VCPU > self.scenario.limits["vcpus"]:
            self.limits.refused("Fargate vCPUs")
            return Response.NO_ROOM
        if not self.limits.take("Fargate launches"):
            return Response.THROTTLED
        seconds = self.scenario.stack.task_seconds(self.scenario.work.job, upload.mib)
        return self._begin(self.tasks, upload, seconds)

    def _begin(self, engine: Engine, upload: Upload, seconds: float) -> Response:
        self.limits.release(upload)
        self.waiting -= not upload.begun
        upload.begun = True
        engine.started.append(upload.number)
        engine.running += 1
        engine.most = max(engine.most, engine.running)
        self._go(self._work(engine, upload, seconds))
        return Response.TAKEN

    def _work(self, engine: Engine, upload: Upload, seconds: float) -> Steps:
        if engine.launch_seconds:
            yield self.timeout(engine.launch_seconds)
        seconds += self.limits.wait("S3 requests a prefix", READS)
        yield self.timeout(seconds)
        engine.seconds += max(seconds, engine.least_seconds)
        engine.running -= 1
        if engine is self.functions:
            self._warm.append(self.now)
        self._end(upload)

    def _end(self, upload: Upload, rejected: bool = False) -> None:
        """Its result is there; now, or already."""
        if self._open.pop(upload.number, None) is None:
            self.unchanged += 1
            return
        self.left -= 1
        if rejected:
            self.rejected += 1
        else:
            self.succeeded += 1
            self.waited.append(self.now - upload.stored)
        if not self.left:
            self._done.succeed()

    def _sweeps(self) -> Steps:
        while True:
            yield self.timeout(self.scenario.sweep_every)
            self.process(self._sweep())

    def _sweep(self) -> Steps:
        """As functions/sweep: what is old and has no result, from where the last one stopped."""
        stack, plan = self.scenario.stack, self.scenario.sweep
        began, backlog, grace = self.now, bool(self._launcher.queue), plan.grace.total_seconds()
        for upload in [each for each in self._open.values() if each.number >= self._swept_up_to]:
            if self.now - began >= product.SWEEP_SECONDS:
                self._swept_up_to = upload.number
                return
            settled = upload.number not in self._open
            young = upload.stored > began - grace
            attempted = self.now < upload.last_attempt + grace
            queued = backlog and stack.is_task(upload.mib)
            if settled or young or attempted or queued:
                continue
            if upload.attempts >= plan.max_attempts:
                self._end(upload, rejected=True)
                continue
            yield self.timeout(1 / plan.rate)
            if stack.is_function(upload.mib):
                self._go(self._deliver(upload))
            elif stack.max_tasks:
                self._launcher.put(upload)
            elif self.start_task(upload) is not Response.TAKEN:
                continue  # not counted as an attempt
            self.swept += 1
            upload.attempts += 1
            upload.last_attempt = self.now
        self._swept_up_to = 0

    def _watch(self) -> Steps:
        """Ever more seldom, so that a run of seconds and one of weeks have some 400 points."""
        while True:
            self._sample()
            yield self.timeout(max(0.25, self.now / (400 / 6)))

    def _sample(self) -> None:
        """What was so far, and what is now."""
        sample = {"seconds": self.now, "uploaded": self.uploaded, "succeeded": self.succeeded}
        sample |= {"waiting": self.waiting, "functions": self.functions.running}
        self.samples.append(sample | {"tasks": self.tasks.running})


class Launcher:
    """The launch queue of a stack with MaxTasks, and functions/launch: it looks at the tasks now
    and then, and starts what has a place, evenly; what it has started it counts without a look."""

    def __init__(self, model: Model) -> None:
        self._model, self._limits = model, model.limits
        self.queue: deque[Upload] = deque()
        self._filled = model.event()
        self._limit, self._looked = "", 0.0

    def send(self, upload: Upload) -> Response:
        """As EventBridge does."""
        if not self._limits.take("SQS FIFO sends"):
            return Response.THROTTLED
        self.put(upload)
        return Response.TAKEN

    def put(self, upload: Upload) -> None:
        self._limits.release(upload)
        self.queue.append(upload)
        if not self._filled.triggered:
            self._filled.succeed()

    def held(self) -> None:
        """Who is in the queue has waited for the limit of the last look until now."""
        if self._limit:
            waited = self._model.now - self._looked
            self._limits.held[self._limit] += len(self.queue) * waited
        self._looked = self._model.now

    def work(self) -> Steps:
        model, free, look_at, start_at, ends = self._model, 0, 0.0, 0.0, 0.0
        while True:
            if model.now >= ends:  # the next one begins with the list, which has to have all
                yield model.timeout(ASSUMED["list_lag_seconds"])
                look_at, ends = 0.0, model.now + product.LAUNCH_SECONDS - MARGIN_SECONDS
            if not self.queue:
                self._limit, self._filled = "", model.event()
                yield self._filled
            if model.now >= look_at:
                calls = 1 + model.tasks.running // LIST_PAGE
                wait = self._limits.wait("ListTasks and DescribeTasks calls", calls)
                yield model.timeout(wait + ASSUMED["ecs_call_seconds"] * calls)
                free = model.scenario.stack.max_tasks - model.tasks.running
                look_at = model.now + LOOK_SECONDS
            if model.now < start_at:
                yield model.timeout(start_at - model.now)
            started = self._start(min(free, product.LAUNCH_BATCH))
            free -= started
            start_at = model.now + started / STARTS_A_SECOND
            if not started:
                yield model.timeout(max(0.0, look_at - model.now))

    def _start(self, most: int) -> int:
        """Give how many tasks were started."""
        self.held()
        started = 0
        while started < most and self.queue:
            if self._model.start_task(self.queue[0]) is not Response.TAKEN:
                self._limit = self._limits.last_refusal
                return started
            self.queue.popleft()
            started += 1
        self._limit = "LaunchFunction's pace" if most == product.LAUNCH_BATCH else "MaxTasks"
        if self.queue:
            self._limits.refused(self._limit)
        return started
