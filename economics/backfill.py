"""Files that lie in the bucket already, whose jobs `make sweep RATE=` starts: how long, how much.

The uploads were paid for before, and what stands idle does not count.
"""

from __future__ import annotations

from typing import NamedTuple

from operate.sweep import MOST_RUNS, PER_RUN

from . import product
from .bill import Bill
from .figures import ASSUMED, PRICES, limits
from .stack import Stack
from .standing import gb_seconds, queued
from .work import Job, Work

FILES = (1e6, 1e7, 1e8)
RATE = PER_RUN * MOST_RUNS
"""What RATE= asks for: jobs started a second."""
HEADS, PUTS = 2, 1
"""Of the sweep for each start: of the upload and of its attempts, which it writes down."""
STACKS = {
    "lambda": (Stack("lambda"), limits()),
    "hybrid, 4,000 vCPUs": (Stack("hybrid"), limits(vcpus=4000)),
    "fargate, 4,000 vCPUs": (Stack("fargate"), limits(vcpus=4000)),
    "fargate, `MaxTasks=200`": (Stack("fargate", max_tasks=200), limits(vcpus=4000)),
    "fargate, 6 vCPUs (new)": (Stack("fargate"), limits()),
}
"""And what the account may have."""


class Backfill(NamedTuple):
    seconds: float
    limit: str
    """What starts no more jobs a second than it takes so long."""
    usd: dict[str, float]


def backfill(name: str, work: Work, files: float) -> Backfill:
    """Of so many files of that kind, with one of STACKS."""
    stack, _ = STACKS[name]
    rates = _rates(name, work)
    limit, rate = min(rates.items(), key=lambda each: each[1])
    seconds = files / rate
    # RunTask makes a sweep wait; the launch queue, and Lambda's own, take what it sends.
    waits = stack.mode == "fargate" and not stack.max_tasks
    swept = seconds if waits else files / PER_RUN
    idle, month = (Bill(stack, work.at(count)).items for count in (0, files))
    tasks = work.at(files).total(stack.is_task)
    s3, called = PRICES["s3"], (files - tasks) * PRICES["lambda"]["request"]
    usd = {item: month[item] - idle[item] for item in ("compute", "network", "logs")} | {
        "requests": called + files * ((Job.CALLS - 1) * s3["read"] + s3["write"]),
        "events": files * PRICES["eventbridge"]["opt_in_event"] * (stack.mode != "lambda"),
        "queues": 0.0,
        "sweep": files * HEADS * s3["read"]
        + (files * PUTS + 3 * files / 1000) * s3["write"]  # and its LISTs
        + gb_seconds(stack, swept * product.SWEEP_GB),
    }
    if stack.max_tasks:  # in tens, by a launcher that works all the time
        usd["queues"] = queued(stack, tasks, tasks / product.LAUNCH_BATCH, seconds)
    return Backfill(seconds, limit, usd)


def _rates(name: str, work: Work) -> dict[str, float]:
    """Jobs a second that each limit lets start, of these sizes."""
    stack, account = STACKS[name]
    # Of an upload, on average: seconds of a function, how many tasks, and their seconds.
    one = work.at(1)
    function, tasks = one.total(stack.is_function, work.job.seconds), one.total(stack.is_task)
    task = one.total(stack.is_task, work.job.task_seconds) + tasks * ASSUMED["task_launch_seconds"]
    rates = {
        f"`RATE={RATE}`": (RATE, 1.0),
        "Lambda concurrency": (account["concurrency"], function),
        "RunTask calls": (account["run_task"], tasks),
        "Fargate launches": (account["launches"], tasks),
        "Fargate vCPUs": (account["vcpus"], task * product.TASK_VCPU),
        "MaxTasks": (stack.max_tasks, task * bool(stack.max_tasks)),
    }
    return {limit: most / each for limit, (most, each) in rates.items() if each}
