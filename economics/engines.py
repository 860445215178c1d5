"""Functions of Lambda and tasks of Fargate, and what keeps them from starting."""

from __future__ import annotations

from . import product
from .figures import ASSUMED, PRICES, PUBLISHED
from .queues import Response, TokenBucket, waits
from .run import Run, Steps, Upload


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
        limits = run.scenario.limits
        self._growth = TokenBucket(limits["growth"], limits["growth_burst"])

    def invoke(self, upload: Upload) -> Steps:
        run, began = self._run, self._run.now
        for pause in waits(
            PUBLISHED["async_first_wait"], PUBLISHED["async_longest_wait"], run.lots
        ):
            start = self._environment()
            if start is not None:
                yield from self._work(upload, start)
                return
            run.hold(upload)
            if run.now - began >= PUBLISHED["async_age"]:
                self.given_up += 1
                return
            yield run.env.timeout(pause)

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
        if not self._growth.take(run.now):
            run.refused("Lambda scaling rate")
            return None
        return run.scenario.job.start_seconds

    def _work(self, upload: Upload, start: float) -> Steps:
        run = self._run
        run.begin(upload)
        self.running += 1
        self.invocations += 1
        self.most = max(self.most, self.running)
        seconds = start + run.scenario.job.seconds(upload.mib) + run.calls()
        self.seconds += seconds
        yield run.env.timeout(seconds)
        self.running -= 1
        self._warm.append(run.now)
        run.end(upload)


class Tasks:
    """ECS and Fargate."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.running = self.most = 0
        self.busy_seconds = self.billed_seconds = 0.0
        self.started: list[int] = []
        """Numbers of the uploads for which a task was started, in order."""
        limits = run.scenario.limits
        self._calls = TokenBucket(limits["run_task"])
        self._launches = TokenBucket(limits["launches"], limits["launch_burst"])

    def start(self, upload: Upload) -> Response:
        """One RunTask."""
        run = self._run
        if not self._calls.take(run.now):
            run.refused("RunTask calls")
            return Response.THROTTLED
        if (self.running + 1) * product.TASK_VCPU > run.scenario.limits["vcpus"]:
            run.refused("Fargate vCPUs")
            return Response.NO_ROOM
        if not self._launches.take(run.now):
            run.refused("Fargate launches")
            return Response.THROTTLED
        run.begin(upload)
        self.started.append(upload.number)
        self.running += 1
        self.most = max(self.most, self.running)
        run.env.process(self._work(upload))
        return Response.TAKEN

    def _work(self, upload: Upload) -> Steps:
        run, launch = self._run, ASSUMED["task_launch_seconds"]
        yield run.env.timeout(launch)
        seconds = run.scenario.job.task_seconds(upload.mib) + run.calls()
        yield run.env.timeout(seconds)
        self.running -= 1
        self.busy_seconds += launch + seconds
        self.billed_seconds += max(seconds, PRICES["fargate"]["least_seconds"])
        run.end(upload)
