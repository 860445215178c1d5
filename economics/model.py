"""The pipeline as a discrete-event model (SimPy): queues, limits and retries; no S3, no pictures.

An upload is begun, stored as fast as its prefix takes it, announced, started by an engine as soon
as the limits let it, and processed. Jobs do not fail by themselves: what goes wrong is that AWS
takes no more, and what that leaves behind is the sweep's, as in the template.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import product
from .engines import Functions, Launcher, Run, Steps, Tasks, Upload
from .figures import ASSUMED, EVENT_FIRST_WAIT, EVENT_LONGEST_WAIT
from .queues import Next, Response, TokenBucket, after, waits
from .scenario import DAY, Scenario


class Sample(NamedTuple):
    """What was so far, and what is now."""

    seconds: float
    uploaded: int
    succeeded: int
    waiting: int
    functions: int
    tasks: int


class Model(Run):
    """One run: `run()`, then look at what it counted."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.functions, self.tasks = Functions(self), Tasks(self)
        self.launcher = Launcher(self, self.tasks)
        self.dropped = self.undelivered = self.swept = 0
        self.reported_after = 0.0
        """The longest that a dead letter waited to be reported."""
        self.samples: list[Sample] = []
        self.ended = 0.0
        self._swept_up_to = 0
        reporters = product.REPORTERS
        self._reports = TokenBucket(reporters / ASSUMED["report_seconds"], reporters)

    @property
    def dead_letters(self) -> int:
        return self.undelivered + self.functions.given_up

    def run(self) -> Model:
        """Until every upload has its result, or the time is out."""
        env = self.env
        env.process(self._users())
        env.process(self._watch())
        env.process(self._sweeps())
        if self.scenario.stack.max_tasks:
            env.process(self.launcher.work())
        env.run(until=env.any_of([self.done, env.timeout(self.scenario.days * DAY)]))
        self.ended = self.now
        self.launcher.held()
        for upload in self.open.values():
            self.release(upload)
        self._sample()
        return self

    def _users(self) -> Steps:
        """They upload as fast as the prefix takes it."""
        sizes = self.scenario.draw_sizes(self.lots)
        for number, time in enumerate(self.scenario.times(self.lots)):
            if time > self.now:
                yield self.env.timeout(time - self.now)
            wait = self.puts.wait(self.now)
            if wait > 0:
                yield self.env.timeout(wait)
            self.env.process(self._announce(self.store(number, sizes[number])))

    def _announce(self, upload: Upload) -> Steps:
        stack = self.scenario.stack
        if stack.mode != "lambda":
            wait = self.wait("EventBridge invocations")
            if wait > 0:
                self.hold(upload)
                yield self.env.timeout(wait)
        if not stack.is_task(upload.mib):
            yield from self.functions.invoke(upload)
        else:
            take = self.launcher.send if stack.max_tasks else self.tasks.start
            yield from self._deliver(upload, take)

    def _deliver(self, upload: Upload, attempt: Callable[[Upload], Response]) -> Steps:
        """As EventBridge does, to a task or to the launch queue."""
        began, rules = self.now, self.scenario
        for retries, pause in enumerate(waits(EVENT_FIRST_WAIT, EVENT_LONGEST_WAIT, self.lots)):
            comes = after(
                attempt(upload),
                retries,
                self.now - began,
                retries_no_room=rules.retries_no_room,
                retries_throttled=rules.retries_throttled,
            )
            if comes is not Next.DELIVERED:
                self.hold(upload)
            if comes is Next.DROPPED:
                self.dropped += 1
            elif comes is Next.DEAD_LETTER:
                self.undelivered += 1
                self.reported_after = max(self.reported_after, self._reports.wait(self.now))
            if comes is not Next.AGAIN:
                return
            yield self.env.timeout(pause)

    def _sweeps(self) -> Steps:
        while True:
            yield self.env.timeout(self.scenario.sweep.every)
            self.env.process(self._sweep())

    def _sweep(self) -> Steps:
        """As functions/sweep: what is old and has no result, from where the last one stopped."""
        rules, began, backlog = self.scenario.sweep, self.now, bool(self.launcher.queue)
        for upload in [each for each in self.open.values() if each.number >= self._swept_up_to]:
            if self.now - began >= rules.runs_for:
                self._swept_up_to = upload.number
                return
            settled = upload.number not in self.open
            young = upload.stored > began - rules.grace
            attempted = self.now < upload.last_attempt + rules.grace
            queued = backlog and self.scenario.stack.is_task(upload.mib)
            if settled or young or attempted or queued:
                continue
            if upload.attempts >= rules.max_attempts:
                self.end(upload, rejected=True)
            else:
                yield self.env.timeout(1 / rules.rate)
                self._start_again(upload)
        self._swept_up_to = 0

    def _start_again(self, upload: Upload) -> None:
        stack = self.scenario.stack
        if not stack.is_task(upload.mib):
            self.env.process(self.functions.invoke(upload))
        elif stack.max_tasks:
            self.launcher.put(upload)
        elif self.tasks.start(upload) is not Response.TAKEN:
            return  # not counted as an attempt
        self.swept += 1
        upload.attempts += 1
        upload.last_attempt = self.now

    def _watch(self) -> Steps:
        """Ever more seldom, so that a run of seconds and one of weeks have some 400 points."""
        while True:
            self._sample()
            yield self.env.timeout(max(0.25, self.now / (400 / 6)))

    def _sample(self) -> None:
        running = self.functions.running, self.tasks.running
        self.samples.append(Sample(self.now, self.uploaded, self.succeeded, self.waiting, *running))
