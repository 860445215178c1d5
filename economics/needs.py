"""What a month takes of quotas, of time and of room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import product
from .figures import ASSUMED, PUBLISHED, Wrong
from .stack import Stack
from .standing import SECONDS, STARTS_A_SECOND, sweep
from .work import Work


class Need(NamedTuple):
    """What a month takes of something, on average, and what there is of it."""

    what: str
    needed: float
    there_is: float
    limit: str = "quota"
    never: str = ""
    """Why the stack can't do more, in two words; empty where quotas or time would help."""

    @property
    def of(self) -> str:
        amount = f"{self.there_is:,.0f}" if self.there_is >= 1000 else f"{self.there_is:.3g}"
        return f"{self.limit} {amount}"

    def __str__(self) -> str:
        return f"{self.needed:,.0f} {self.what}: {self.of}"


def needs(stack: Stack, work: Work) -> list[Need]:
    """Of what there is too little: for the largest upload, and for all, evenly over a month."""
    each = (*of_one(stack, work), *_of_all(stack, work))
    return [need for need in each if need.needed > need.there_is]


def refuse(found: Iterable[Need]) -> None:
    """No figures of what can't be. Raises Wrong."""
    for need in found:
        if need.never and need.needed > need.there_is:
            raise Wrong(f"no such stack can do this, it is {need.never}: {need}")


def of_one(stack: Stack, work: Work) -> Iterator[Need]:
    """What the largest upload of each engine takes. The recipe has no limits."""
    if stack.mode == "recipe":
        return
    uploaded = [mib for mib, share in work.sizes.items() if share]
    most, limit = stack.max_bytes / 2**20, "MaxBytes (--max-bytes) lets in"
    yield Need("MiB of an upload", max(uploaded), most, limit, "too large")
    for of, there_is, name in (
        (stack.is_function, stack.function_timeout, "FunctionTimeout (--function-timeout)"),
        (stack.is_task, stack.task_timeout, "TaskTimeout (--task-timeout)"),
    ):
        longest = max((work.job.seconds(mib) for mib in uploaded if of(mib)), default=0)
        yield Need("seconds of a job", longest, there_is, f"{name} is", "too long")


def _of_all(stack: Stack, work: Work) -> Iterator[Need]:
    def task_seconds(mib: float) -> float:
        return ASSUMED["task_launch_seconds"] + stack.task_seconds(work.job, mib)

    starts = work.total(stack.is_task) / SECONDS
    tasks = work.total(stack.is_task, task_seconds) / SECONDS
    running = work.total(stack.is_function, work.job.seconds) / SECONDS
    if most := stack.max_tasks:
        yield Need(f"tasks at a time, `MaxTasks={most}`", tasks, most, "at most", "too many")
        launcher = "starts a second by LaunchFunction"
        yield Need(launcher, starts, STARTS_A_SECOND, "at most", "too many")
    yield Need("functions at a time", running, PUBLISHED["concurrency"])
    yield Need("RunTask a second", starts, min(PUBLISHED["run_task"], PUBLISHED["launches"]))
    yield Need("vCPUs of Fargate", tasks * product.TASK_VCPU, PUBLISHED["vcpus"])
    if stack.mode != "recipe":
        *_, seconds = sweep(work)
        yield Need("seconds of the hourly sweep", seconds, product.SWEEP_SECONDS, "a run has")
