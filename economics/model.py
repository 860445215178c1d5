"""The pipeline as a discrete-event model (SimPy): queues, limits and retries; no S3, no pictures.

An upload is begun, stored as fast as its prefix takes it, announced, started by an engine as soon
as the limits let it, and processed. Jobs do not fail by themselves: what goes wrong is that AWS
takes no more, and what that leaves behind is the sweep's, as in the template.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from . import limits as published
from .buckets import TokenBucket, waits
from .delivery import Next, Response, after
from .figures import ASSUMED, PRICES
from .scenario import DAY, Scenario

Steps = Generator[simpy.Event, Any, None]

CALL_SECONDS, LIST_PAGE = 0.05, 100
"""One call of ECS: an assumption. A page of ListTasks has so many tasks."""
LIST_LAG = 1.0
"""Seconds until ListTasks has a task that RunTask has started: an assumption."""
LOOK_SECONDS, BATCH, LAUNCH_SECONDS, MARGIN_SECONDS = 1.0, 10, 120, 30
"""Of functions/sweep/launch.py and its function."""
REPORTERS = 5
"""Of the failure function, at a time."""
SAMPLES = 400
"""Points of a curve, about."""


@dataclass
class Upload:
    number: int
    mib: float
    stored: float = 0.0
    begun: bool = False
    succeeded: float | None = None
    attempts: int = 0
    """Of the sweep."""
    last_attempt: float = float("-inf")
    held_by: str = ""
    """The limit that it waits for now, and since when."""
    held_since: float = 0.0


@dataclass
class Curves:
    """What there was at each time, in seconds."""

    seconds: list[float] = field(default_factory=list)
    uploaded: list[int] = field(default_factory=list)
    succeeded: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)


class Model:
    """One run: `run()`, then look at what it counted."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.lots: random.Random = scenario.lots()
        self.env = simpy.Environment()
        self.refusals: Counter[str] = Counter()
        """How often each limit said no."""
        self.first: dict[str, float] = {}
        """When it did so first."""
        self.held: defaultdict[str, float] = defaultdict(float)
        """For how long each limit kept uploads from an engine: seconds of all uploads together."""
        self.dropped = self.dead_letters = self.swept = self.unchanged = self.rejected = 0
        self.uploaded = self.succeeded = self.begun = self.most_waiting = 0
        self.functions = self.tasks = self.most_tasks = self.most_functions = 0
        self.function_seconds = self.task_seconds = self.tasks_busy_seconds = 0.0
        self.invocations = 0
        self.reported_after = 0.0
        """The longest that a dead letter waited to be reported."""
        self.waited: list[float] = []
        """Seconds from an upload to its output."""
        self.started: list[int] = []
        """Numbers of the uploads for which a task was started, in order."""
        self.curves = Curves()
        self.ended = 0.0
        self._open: dict[int, Upload] = {}
        self._warm: list[float] = []
        self._queue: deque[Upload] = deque()
        self._filled = self.env.event()
        self._after = 0
        self._refused_by = ""
        self._queue_limit, self._queue_looked = "", 0.0
        self._make_buckets()

    def _make_buckets(self) -> None:
        limits = self.scenario.limits
        self._run_task = TokenBucket(limits.run_task, limits.run_task)
        self._launches = TokenBucket(limits.launches, limits.launch_burst)
        self._looks = TokenBucket(limits.cluster_reads, limits.cluster_read_burst)
        self._growth = TokenBucket(limits.growth, limits.growth_burst)
        self._reports = TokenBucket(REPORTERS / ASSUMED["report_seconds"], REPORTERS)
        self._invocations = TokenBucket(limits.invocations, limits.invocations)
        self._sends = TokenBucket(limits.fifo_sends, limits.fifo_sends)
        self._reads = {
            prefix: TokenBucket(limits.s3_reads, limits.s3_reads)
            for prefix in ("input/", "output/", "rejected/")
        }
        self._writes = {
            prefix: TokenBucket(limits.s3_writes, limits.s3_writes)
            for prefix in ("input/", "output/")
        }

    def run(self) -> Model:
        """Until every upload has its result, or the time is out."""
        env, stack = self.env, self.scenario.stack
        self._done = env.event()
        env.process(self._users())
        env.process(self._watch())
        env.process(self._sweeps())
        if stack.max_tasks:
            env.process(self._launcher())
        env.run(until=env.any_of([self._done, env.timeout(self.scenario.days * DAY)]))
        self.ended = env.now
        self._queue_held("", len(self._queue))
        for upload in self._open.values():
            self._release(upload)
        self._sample()
        return self

    @property
    def left(self) -> int:
        """Uploads without a result."""
        return self.scenario.uploads - self.succeeded - self.rejected

    @property
    def retries(self) -> int:
        """Whatever was refused and tried again."""
        return sum(self.refusals.values())

    @property
    def waiting(self) -> int:
        """Uploads that are stored and for which no engine has started yet."""
        return self.uploaded - self.begun

    # ---- S3 -------------------------------------------------------------------------------------

    def _users(self) -> Steps:
        sizes = self.scenario.draw_sizes(self.lots)
        for number, time in enumerate(self.scenario.times(self.lots)):
            if time > self.env.now:
                yield self.env.timeout(time - self.env.now)
            # Users upload as fast as the prefix takes it, and are not refused.
            wait = self._writes["input/"].wait(self.env.now)
            if wait > 0:
                yield self.env.timeout(wait)
            upload = Upload(number, sizes[number], self.env.now)
            self._open[number] = upload
            self.uploaded += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            self.env.process(self._announce(upload))

    def _calls(self) -> float:
        """Seconds that a job's calls to S3 wait for their prefixes."""
        now = self.env.now
        wait = max(
            self._reads["input/"].wait(now, 3),
            self._reads["output/"].wait(now),
            self._reads["rejected/"].wait(now, 2),
            self._writes["output/"].wait(now),
        )
        if wait > 0:
            self._refused("S3 requests a prefix")
            self.held["S3 requests a prefix"] += wait
        return wait

    # ---- Events ---------------------------------------------------------------------------------

    def _announce(self, upload: Upload) -> Steps:
        stack = self.scenario.stack
        if stack.mode != "lambda":
            wait = self._invocations.wait(self.env.now)
            if wait > 0:
                self._refused("EventBridge invocations")
                self._hold(upload)
                yield self.env.timeout(wait)
        if not stack.is_task(upload.mib):
            yield from self._invoke(upload)
        elif stack.max_tasks:
            yield from self._deliver(upload, self._send)
        else:
            yield from self._deliver(upload, self._start_task)

    def _deliver(self, upload: Upload, attempt: Callable[[Upload], Response]) -> Steps:
        """As EventBridge does, to a task or to the launch queue."""
        began = self.env.now
        pauses = waits(published.EVENT_FIRST_WAIT, published.EVENT_LONGEST_WAIT, self.lots)
        for retries, pause in enumerate(pauses):
            response = attempt(upload)
            comes = after(
                response,
                retries,
                self.env.now - began,
                retries_no_room=self.scenario.retries_no_room,
                retries_throttled=self.scenario.retries_throttled,
            )
            if comes is not Next.DELIVERED:
                self._hold(upload)
            if comes is Next.DROPPED:
                self.dropped += 1
            elif comes is Next.DEAD_LETTER:
                self.dead_letters += 1
                wait = self._reports.wait(self.env.now)
                self.reported_after = max(self.reported_after, wait)
            if comes is not Next.AGAIN:
                return
            yield self.env.timeout(pause)

    def _refused(self, limit: str) -> None:
        self.refusals[limit] += 1
        self.first.setdefault(limit, self.env.now)
        self._refused_by = limit

    def _hold(self, upload: Upload) -> None:
        """It waits for what has just been refused, until it is released or something else is."""
        self._release(upload)
        if not upload.begun:
            upload.held_by, upload.held_since = self._refused_by, self.env.now

    def _release(self, upload: Upload) -> None:
        if upload.held_by:
            self.held[upload.held_by] += self.env.now - upload.held_since
            upload.held_by = ""

    def _queue_held(self, limit: str, waiting: int) -> None:
        """Whoever waited in the launch queue did so for the limit that was met at the last
        look at it; from now on, for this one."""
        if self._queue_limit:
            self.held[self._queue_limit] += waiting * (self.env.now - self._queue_looked)
        self._queue_limit, self._queue_looked = limit, self.env.now

    # ---- Lambda ---------------------------------------------------------------------------------

    def _invoke(self, upload: Upload) -> Steps:
        """As Lambda does with what it is given asynchronously."""
        began = self.env.now
        pauses = waits(
            published.ASYNC_FIRST_WAIT.value, published.ASYNC_LONGEST_WAIT.value, self.lots
        )
        for pause in pauses:
            start = self._environment()
            if start is not None:
                yield from self._function(upload, start)
                return
            self._hold(upload)
            if self.env.now - began >= published.ASYNC_AGE.value:
                self.dead_letters += 1
                return
            yield self.env.timeout(pause)

    def _environment(self) -> float | None:
        """Seconds until one is ready; None when there is none to be had."""
        if self.functions >= self.scenario.limits.concurrency:
            self._refused("Lambda concurrency")
            return None
        if self._warm and self.env.now - self._warm[-1] < ASSUMED["warm_seconds"]:
            self._warm.pop()
            return 0.0
        self._warm.clear()
        if not self._growth.take(self.env.now):
            self._refused("Lambda scaling rate")
            return None
        return self.scenario.job.start_seconds

    def _function(self, upload: Upload, start: float) -> Steps:
        self._begin(upload)
        self.functions += 1
        self.invocations += 1
        self.most_functions = max(self.most_functions, self.functions)
        seconds = start + self.scenario.job.seconds(upload.mib) + self._calls()
        self.function_seconds += seconds
        yield self.env.timeout(seconds)
        self.functions -= 1
        self._warm.append(self.env.now)
        self._succeed(upload)

    # ---- Fargate --------------------------------------------------------------------------------

    def _start_task(self, upload: Upload) -> Response:
        """One RunTask."""
        now, limits, vcpu = self.env.now, self.scenario.limits, self.scenario.stack.task_vcpu
        if not self._run_task.take(now):
            self._refused("RunTask calls")
            return Response.THROTTLED
        if (self.tasks + 1) * vcpu > limits.vcpus:
            self._refused("Fargate vCPUs")
            return Response.NO_ROOM
        if not self._launches.take(now):
            self._refused("Fargate launches")
            return Response.THROTTLED
        self._begin(upload)
        self.started.append(upload.number)
        self.tasks += 1
        self.most_tasks = max(self.most_tasks, self.tasks)
        self.env.process(self._task(upload))
        return Response.TAKEN

    def _task(self, upload: Upload) -> Steps:
        launch = ASSUMED["task_launch_seconds"]
        yield self.env.timeout(launch)
        seconds = self.scenario.job.task_seconds(upload.mib) + self._calls()
        yield self.env.timeout(seconds)
        self.tasks -= 1
        self.tasks_busy_seconds += launch + seconds
        self.task_seconds += max(seconds, PRICES["fargate"]["least_seconds"])
        self._succeed(upload)

    # ---- The concurrency limit ------------------------------------------------------------------

    def _send(self, upload: Upload) -> Response:
        """Into the queue of a stack with MaxTasks."""
        if not self._sends.take(self.env.now):
            self._refused("SQS FIFO sends")
            return Response.THROTTLED
        self._put(upload)
        return Response.TAKEN

    def _put(self, upload: Upload) -> None:
        self._release(upload)
        self._queue.append(upload)
        if not self._filled.triggered:
            self._filled.succeed()

    def _launcher(self) -> Steps:
        """Lambda invokes it for one batch after the other: all messages are of one group."""
        while True:
            if not self._queue:
                self._filled = self.env.event()
                yield self._filled
            taken = min(BATCH, len(self._queue))
            batch = deque(self._queue.popleft() for _ in range(taken))
            yield from self._launch(batch)
            self._queue.extendleft(reversed(batch))

    def _launch(self, waiting: deque[Upload]) -> Steps:
        """As Launcher.launch: leaves in `waiting` what there was no room for.

        When its time is out it starts nothing, but it ends only when the list has all that it
        started, because the next one begins with the list.
        """
        ends = self.env.now + LAUNCH_SECONDS - MARGIN_SECONDS
        seen_at = 0.0
        while True:
            # The list, and one DescribeTasks for what it does not have yet.
            calls = 1 + self.tasks // LIST_PAGE + (self.env.now < seen_at)
            wait = self._looks.wait(self.env.now, calls)
            if wait > 0:
                self._refused("ListTasks and DescribeTasks calls")
            yield self.env.timeout(wait + CALL_SECONDS * calls)
            all_seen = self.env.now >= seen_at
            if self.env.now >= ends:
                if all_seen:
                    return
                yield self.env.timeout(LOOK_SECONDS)
                continue
            free = max(0, self.scenario.stack.max_tasks - self.tasks)
            batch = [waiting.popleft() for _ in range(min(free, len(waiting)))]
            behind = len(waiting) + len(self._queue)
            if waiting or (behind and free == len(batch)):
                limit = "MaxTasks"
            else:
                limit = "LaunchFunction, ten at a time" if behind else ""
            if batch:
                yield self.env.timeout(CALL_SECONDS)
                seen_at = self.env.now + LIST_LAG
            back = [each for each in batch if self._start_task(each) is not Response.TAKEN]
            if back:
                limit = self._refused_by
            elif limit:
                self._refused(limit)
            waiting.extendleft(reversed(back))
            self._queue_held(limit, len(waiting) + len(self._queue))
            if not waiting and all_seen and not batch:
                return
            if back or not batch:
                yield self.env.timeout(LOOK_SECONDS)

    # ---- Results and the sweep ------------------------------------------------------------------

    def _begin(self, upload: Upload) -> None:
        self._release(upload)
        if not upload.begun:
            upload.begun = True
            self.begun += 1

    def _succeed(self, upload: Upload) -> None:
        if upload.number not in self._open:
            self.unchanged += 1
            return
        del self._open[upload.number]
        upload.succeeded = self.env.now
        self.waited.append(self.env.now - upload.stored)
        self.succeeded += 1
        self._check_done()

    def _check_done(self) -> None:
        if self.left == 0 and not self._done.triggered:
            self._done.succeed()

    def _sweeps(self) -> Steps:
        while True:
            yield self.env.timeout(self.scenario.sweep.every)
            self.env.process(self._sweep())

    def _sweep(self) -> Steps:
        """As functions/sweep: what is old enough and has no result, from where the last one
        stopped."""
        rules, stack, began = self.scenario.sweep, self.scenario.stack, self.env.now
        backlog = bool(self._queue) and bool(stack.max_tasks)
        for upload in [each for each in self._open.values() if each.number >= self._after]:
            if self.env.now - began >= rules.runs_for:
                self._after = upload.number
                return
            if upload.succeeded is not None or upload.stored > began - rules.grace:
                continue
            if backlog and stack.is_task(upload.mib):
                continue
            if self.env.now < upload.last_attempt + rules.grace:
                continue
            if upload.attempts >= rules.max_attempts:
                self._reject(upload)
                continue
            yield self.env.timeout(1 / rules.rate)
            self._attempt(upload)
        self._after = 0

    def _attempt(self, upload: Upload) -> None:
        stack = self.scenario.stack
        if not stack.is_task(upload.mib):
            self.env.process(self._invoke(upload))
        elif stack.max_tasks:
            self._put(upload)
        elif self._start_task(upload) is not Response.TAKEN:
            return  # not counted as an attempt
        self.swept += 1
        upload.attempts += 1
        upload.last_attempt = self.env.now

    def _reject(self, upload: Upload) -> None:
        del self._open[upload.number]
        self.rejected += 1
        self._check_done()

    # ---- What is drawn --------------------------------------------------------------------------

    def _watch(self) -> Steps:
        """Ever more seldom, so that a run of seconds and one of weeks have as many points."""
        while True:
            self._sample()
            yield self.env.timeout(max(0.25, self.env.now / (SAMPLES / 6)))

    def _sample(self) -> None:
        for name, value in (
            ("seconds", self.env.now),
            ("uploaded", self.uploaded),
            ("succeeded", self.succeeded),
            ("waiting", self.waiting),
            ("functions", self.functions),
            ("tasks", self.tasks),
        ):
            getattr(self.curves, name).append(value)
