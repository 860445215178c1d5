"""Files that lie in the bucket already, whose jobs `make sweep RATE=` starts: how long, how much.

The uploads were paid for before, and what stands idle does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from operate.sweep import MOST_RUNS, PER_RUN

from . import product
from .bill import at
from .figures import ASSUMED, PRICES, limits
from .stack import Stack
from .standing import gb_seconds
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
    idle, month = (at(stack, work, count).items for count in (0, files))
    grows = {item: month[item] - idle[item] for item in ("compute", "network", "logs")}
    rates = dict(_rates(name, work))
    limit = min(rates, key=lambda each: rates[each])
    # RunTask makes a sweep wait; the launch queue, and Lambda's own, take what it sends.
    runs = 1 if stack.mode == "fargate" else MOST_RUNS
    own = rates[limit] if stack.mode == "fargate" and not stack.max_tasks else PER_RUN * runs
    tasks = files * work.total(stack.is_task) / work.uploads
    s3, called = PRICES["s3"], (files - tasks) * PRICES["lambda"]["request"]
    listed = 3 * files / 1000
    sweep = files * (HEADS * s3["read"] + PUTS * s3["write"]) + listed * s3["write"]
    return Backfill(
        files / rates[limit],
        limit,
        {
            **grows,
            "requests": called + files * ((Job.CALLS - 1) * s3["read"] + s3["write"]),
            "events": 0.0
            if stack.mode == "lambda"
            else files * PRICES["eventbridge"]["opt_in_event"],
            "queues": _queue(stack, tasks, files / rates[limit]) if stack.max_tasks else 0.0,
            "sweep": sweep + gb_seconds(stack, runs * files / own * product.SWEEP_GB),
        },
    )


def _queue(stack: Stack, tasks: float, seconds: float) -> float:
    """Through the launch queue in tens, with a launcher that works all the time."""
    batches = tasks / product.LAUNCH_BATCH
    requests = (tasks + 2 * batches) * PRICES["sqs"]["fifo_request"]
    called = batches * PRICES["lambda"]["request"]
    return float(requests + called + gb_seconds(stack, seconds * product.LAUNCH_GB))


def _rates(name: str, work: Work) -> Iterator[tuple[str, float]]:
    """Jobs a second that each limit lets start, of these sizes."""
    stack, account = STACKS[name]
    yield f"`RATE={RATE}`", RATE
    # Of an upload, on average: seconds of a function, how many tasks, and their seconds.
    function = work.total(stack.is_function, work.job.seconds) / work.uploads
    tasks = work.total(stack.is_task) / work.uploads
    task = work.total(stack.is_task, work.job.task_seconds) / work.uploads
    task += tasks * ASSUMED["task_launch_seconds"]
    if function:
        yield "Lambda concurrency", account["concurrency"] / function
    if tasks:
        yield "RunTask calls", account["run_task"] / tasks
        yield "Fargate launches", account["launches"] / tasks
        yield "Fargate vCPUs", account["vcpus"] / (task * product.TASK_VCPU)
    if stack.max_tasks:
        yield "MaxTasks", stack.max_tasks / task
