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
    """Lambda invokes it for one batch after the other: all messages are of one group."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        self._run, self._tasks = run, tasks
        self.queue: deque[Upload] = deque()
        self._filled = run.env.event()
        self._limit, self._looked = "", 0.0
        limits = run.scenario.limits
        self._sends = TokenBucket(limits["fifo_sends"], limits["fifo_sends"])
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

    def held(self, limit: str = "", waiting: int | None = None) -> None:
        """Whoever waited in the queue did so for the limit that was met at the last look at it;
        from now on, for this one."""
        if self._limit:
            count = len(self.queue) if waiting is None else waiting
            self._run.held[self._limit] += count * (self._run.now - self._looked)
        self._limit, self._looked = limit, self._run.now

    def work(self) -> Steps:
        while True:
            if not self.queue:
                self._filled = self._run.env.event()
                yield self._filled
            taken = min(product.LAUNCH_BATCH, len(self.queue))
            batch = deque(self.queue.popleft() for _ in range(taken))
            yield from self._launch(batch)
            self.queue.extendleft(reversed(batch))

    def _launch(self, waiting: deque[Upload]) -> Steps:
        """As Launcher.launch: leaves in `waiting` what there was no room for.

        When its time is out it starts nothing, but it ends only when the list has all that it
        started, because the next one begins with the list.
        """
        run, tasks = self._run, self._tasks
        ends = run.now + product.LAUNCH_SECONDS - product.MARGIN_SECONDS
        seen_at = 0.0
        while True:
            # The list, and one DescribeTasks for what it does not have yet.
            calls = 1 + tasks.running // LIST_PAGE + (run.now < seen_at)
            wait = self._looks.wait(run.now, calls)
            if wait > 0:
                run.refused("ListTasks and DescribeTasks calls")
            yield run.env.timeout(wait + CALL_SECONDS * calls)
            all_seen = run.now >= seen_at
            if run.now >= ends:
                if all_seen:
                    return
                yield run.env.timeout(product.LOOK_SECONDS)
                continue
            free = max(0, run.scenario.stack.max_tasks - tasks.running)
            batch = [waiting.popleft() for _ in range(min(free, len(waiting)))]
            behind = len(waiting) + len(self.queue)
            if waiting or (behind and free == len(batch)):
                limit = "MaxTasks"
            else:
                limit = "LaunchFunction, ten at a time" if behind else ""
            if batch:
                yield run.env.timeout(CALL_SECONDS)
                seen_at = run.now + LIST_LAG
            back = [each for each in batch if tasks.start(each) is not Response.TAKEN]
            if back:
                limit = run.last_refusal
            elif limit:
                run.refused(limit)
            waiting.extendleft(reversed(back))
            self.held(limit, len(waiting) + len(self.queue))
            if not waiting and all_seen and not batch:
                return
            if back or not batch:
                yield run.env.timeout(product.LOOK_SECONDS)
