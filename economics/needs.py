"""What a month takes of quotas, of time and of room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import product
from .figures import ASSUMED, PUBLISHED
from .stack import Stack
from .standing import SECONDS, sweep
from .work import Job, Size, Work


class Need(NamedTuple):
    """What a month takes of something, on average, when there is not so much of it."""

    what: str
    needed: float
    there_is: float
    limit: str = "quota"
    never: str = ""
    """Why the stack can't do so much, in two words; empty where quotas or time would help."""

    @property
    def of(self) -> str:
        """What there is of it."""
        amount = f"{self.there_is:,.0f}" if self.there_is >= 1000 else f"{self.there_is:.3g}"
        return f"{self.limit} {amount}"

    def __str__(self) -> str:
        return f"{self.needed:,.0f} {self.what}: {self.of}"


def needs(stack: Stack, work: Work) -> Iterator[Need]:
    """What the uploads take when they come evenly, all month; bursts take more."""
    recipe = stack.mode == "recipe"

    def task_seconds(mib: float) -> float:
        seconds = ASSUMED["recipe_seconds"] if recipe else work.job.task_seconds(mib)
        return ASSUMED["task_launch_seconds"] + seconds

    yield from of_one(stack, work.job, work.sizes)
    starts = work.total(stack.is_task) / SECONDS
    tasks = work.total(stack.is_task, task_seconds) / SECONDS
    if stack.max_tasks:
        what = f"tasks at a time, `MaxTasks={stack.max_tasks}`"
        yield Need(what, tasks, stack.max_tasks, "at most", "too many")
        yield Need(
            "starts a second by LaunchFunction",
            starts,
            product.STARTS_A_SECOND,
            "at most",
            "too many",
        )
    running = work.total(stack.is_function, work.job.seconds) / SECONDS
    yield Need("functions at a time", running, PUBLISHED["concurrency"])
    yield Need("RunTask a second", starts, min(PUBLISHED["run_task"], PUBLISHED["launches"]))
    yield Need("vCPUs of Fargate", tasks * product.TASK_VCPU, PUBLISHED["vcpus"])
    if not recipe:
        seconds = sweep(work).seconds
        yield Need("seconds of the hourly sweep", seconds, product.SWEEP_SECONDS, "a run has")


def of_one(stack: Stack, job: Job, sizes: Sequence[Size]) -> Iterator[Need]:
    """What a single upload takes, the largest one of each engine. The recipe has no limits."""
    if stack.mode == "recipe":
        return
    uploaded = [size.mib for size in sizes if size.share]
    let_in = "MaxBytes (--max-mib) lets in"
    yield Need("MiB of an upload", max(uploaded, default=0), stack.max_mib, let_in, "too large")
    for of, limit, what in (
        (stack.is_function, stack.function_timeout, "FunctionTimeout (--function-timeout) is"),
        (stack.is_task, stack.task_timeout, "TaskTimeout (--task-timeout) is"),
    ):
        if there := [*filter(of, uploaded)]:
            yield Need("seconds of a job", job.seconds(max(there)), limit, what, "too long")
