"""The launch queue of a stack with MaxTasks, and the function that starts tasks out of it."""

from __future__ import annotations

from collections import deque

from . import product
from .engines import Tasks
from .queues import Response, TokenBucket
from .run import Run, Steps, Upload

CALL_SECONDS, LIST_PAGE = 0.05, 100
"""One call of ECS: an assumption. A page of ListTasks has so many tasks."""

LIST_LAG = 1.0
"""Seconds until ListTasks has a task that RunTask has started: an assumption."""


class Launcher:
    """As functions/launch: one invocation after the other looks at the tasks and starts what has a
    place, evenly; what it has started itself it counts without a look."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run, self._tasks = run, tasks
        self.queue: deque[Upload] = deque()
        self._filled = run.env.event()
        self._limit, self._looked = "", 0.0
        limits = run.scenario.limits
        self._sends = TokenBucket(limits["fifo_sends"])
        self._looks = TokenBucket(limits["cluster_reads"], limits["cluster_read_burst"])

    def send(self, upload: Upload) -> Response:
        """As EventBridge does."""
        if not self._sends.take(self._run.now):
            self._run.refused("SQS FIFO sends")
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
                look_at, ends = 0.0, run.now + product.LAUNCH_SECONDS - product.MARGIN_SECONDS
            if not self.queue:
                self.held()
                self._filled = run.env.event()
                yield self._filled
            if run.now >= look_at:
                yield from self._look()
                free = run.scenario.stack.max_tasks - self._tasks.running
                look_at = run.now + product.LOOK_SECONDS
            if run.now < start_at:
                yield run.env.timeout(start_at - run.now)
            started = self._start(min(free, product.LAUNCH_BATCH))
            free -= started
            start_at = run.now + started / product.STARTS_A_SECOND
            if not started:
                yield run.env.timeout(max(0.0, look_at - run.now))

    def _look(self) -> Steps:
        calls = 1 + self._tasks.running // LIST_PAGE
        wait = self._looks.wait(self._run.now, calls)
        if wait > 0:
            self._run.refused("ListTasks and DescribeTasks calls")
        yield self._run.env.timeout(wait + CALL_SECONDS * calls)

    def _start(self, most: int) -> int:
        """Give how many tasks were started."""
        batch = [self.queue[number] for number in range(min(most, len(self.queue)))]
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
