"""A month: what it costs, and what it takes of quotas, of time and of room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from . import product
from .bill import SECONDS, amounts, sweep, usd
from .figures import ASSUMED, PUBLISHED, Wrong
from .work import Stack, Work


class Need(NamedTuple):
    """What uploads take of something, and what there is of it."""

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


class Month:
    """USD, by item; and of what a new account, or the stack itself, has too little."""

    def __init__(self, stack: Stack, work: Work) -> None:
        self.items = {item: usd(stack, each) for item, each in amounts(stack, work).items()}
        self.total = sum(self.items.values())
        self.without_storage = self.total - self.items["storage"]  # which is the same for all
        all_needs = [*of_one(stack, work), *evenly(stack, work)]
        if stack.mode != "recipe":
            *_, seconds = sweep(work)
            limit = product.SWEEP_SECONDS
            all_needs.append(Need("seconds of the hourly sweep", seconds, limit, "a run has"))
        self.needs = [need for need in all_needs if need.needed > need.there_is]
        self.never = next((need.never for need in self.needs if need.never), "")
        """Why the stack can't do so much, whatever the account's quotas are; empty if it can."""


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


def evenly(
    stack: Stack, work: Work, seconds: float = SECONDS, limits: Mapping[str, float] = PUBLISHED
) -> Iterator[Need]:
    """What uploads take that come evenly in so many seconds."""
    job, launch = work.job, ASSUMED["task_launch_seconds"]
    starts = work.total(stack.is_task) / seconds
    tasks = work.total(stack.is_task, lambda mib: launch + stack.task_seconds(job, mib)) / seconds
    running = work.total(stack.is_function, job.seconds) / seconds
    if most := stack.max_tasks:
        yield Need(f"tasks at a time, `MaxTasks={most}`", tasks, most, "at most", "too many")
        launcher = "starts a second by LaunchFunction"
        yield Need(launcher, starts, ASSUMED["launches_a_second"], "at most", "too many")
    yield Need("functions at a time", running, limits["concurrency"])
    yield Need("RunTask a second", starts, min(limits["run_task"], limits["launches"]))
    yield Need("vCPUs of Fargate", tasks * product.TASK_VCPU, limits["vcpus"])


def refuse(needs: Iterable[Need]) -> None:
    """No figures of what can't be. Raises Wrong."""
    for need in needs:
        if need.never and need.needed > need.there_is:
            raise Wrong(f"no such stack can do this, it is {need.never}: {need}")
