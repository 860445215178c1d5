"""What a stack costs a month: one line for each of AWS's services, from prices and sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .figures import ASSUMED, MIB, PRICES, Job, Size, Wrong, above, at_least
from .limits import CONCURRENCY, LAUNCHES, RUN_TASK, VCPUS

HOURS = 730
"""Of a month, as AWS counts them."""
SECONDS = HOURS * 3600
GB = 2**30
"""As AWS bills it: the example in S3's FAQ divides by 1,073,741,824; 50 TB are 51,200 of them."""
ZONES, ENDPOINTS = 2, 3
"""Of Network=isolated: ecr.api, ecr.dkr and logs, in two zones."""
POLLERS, POLL_SECONDS = 5, 20
"""Lambda asks an idle queue so many at a time, for so long each; and each request is billed."""
SWEEP_GB, SWEEP_SECONDS, SWEEP_TOGETHER = 1.0, 880, 32
"""The sweep's memory, the longest one run works, and how many uploads it looks at side by side."""
SWEEP_HEADS, RUNS_IN_PARTS = 3, 7 * 24
"""To be sure of a result it asks for both results and the upload. Once an upload has been found
settled, the listings say enough; but those of one in parts do so only after a week (merge.py)."""
LAUNCH_GB, LAUNCH_SECONDS, LAUNCH_BATCH = 0.25, 1.6, 10
"""Of functions/sweep/launch.py: what a batch takes when there is room."""
PART_MIB = 8
"""From this size on, `aws s3 cp` uploads and downloads in parts of it."""
ITEMS = (
    "compute", "requests", "events", "trail", "network", "logs", "watch", "builds", "queues",
    "sweep", "storage",
)  # fmt: skip
METRICS = 12
"""Of the template's own: eight, and the jobs by each of four outcomes."""
ALARMS = {"lambda": 9, "fargate": 12, "hybrid": 14}
MODES = ("lambda", "fargate", "hybrid", "recipe")
NETWORKS = ("isolated", "private", "public", "existing")

Tiers = list[dict[str, float]]


@dataclass(frozen=True)
class Stack:
    """What the template's parameters say, as far as it has a price."""

    mode: str = "lambda"
    network: str = "isolated"
    architecture: str = "x86_64"
    spot: bool = False
    max_tasks: int = 0
    event_source: str = "s3"
    result_topic: bool = False
    threshold_mib: float = 128
    function_mb: float = 1769
    task_vcpu: float = 1
    task_gb: float = 2
    max_mib: float = 256
    """MaxBytes"""
    function_timeout: float = 120
    task_timeout: float = 900

    def __post_init__(self) -> None:
        """Raises Wrong for what the template would refuse, too."""
        for what, value, of in (
            ("mode", self.mode, MODES),
            ("network", self.network, NETWORKS),
            ("architecture", self.architecture, ("x86_64", "arm64")),
        ):
            if value not in of:
                raise Wrong(f"{what} is {' or '.join(of)}, not {value}")
        at_least("max-tasks", self.max_tasks)
        for what, number, most in (
            ("threshold", self.threshold_mib, math.inf),
            ("max-mib", self.max_mib, math.inf),
            ("function-timeout", self.function_timeout, 900),
            ("task-timeout", self.task_timeout, 86_400),
        ):
            above(what, number, most)
        if self.event_source == "cloudtrail" and self.mode in ("lambda", "hybrid"):
            raise Wrong("event-source cloudtrail goes with mode fargate only")
        if self.mode == "lambda" and (self.spot or self.max_tasks):
            raise Wrong("spot and max-tasks are for tasks: mode fargate or hybrid")

    def is_task(self, mib: float) -> bool:
        """Whether an upload of that size is processed on Fargate."""
        return self.mode != "lambda" and (self.mode != "hybrid" or mib > self.threshold_mib)

    @property
    def runs_tasks(self) -> bool:
        return self.mode != "lambda"

    @property
    def runs_functions(self) -> bool:
        return self.mode in ("lambda", "hybrid")


RECIPE = Stack(mode="recipe", network="private", event_source="cloudtrail")
"""As it is written: 1 vCPU, 2 GB, CloudTrail, a NAT gateway; no sweep and no failure queue."""


@dataclass(frozen=True)
class Work:
    """A month of uploads."""

    uploads: float
    sizes: tuple[Size, ...]
    job: Job

    def share(self, of: Callable[[float], bool]) -> float:
        """Of the uploads whose size is so."""
        return sum(size.share for size in self.sizes if of(size.mib))

    def total(self, of: Callable[[float], bool], value: Callable[[float], float]) -> float:
        """The sum of a value over the uploads whose size is so."""
        return self.uploads * sum(s.share * value(s.mib) for s in self.sizes if of(s.mib))


@dataclass(frozen=True)
class Need:
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


@dataclass(frozen=True)
class Bill:
    """USD a month."""

    items: dict[str, float] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    """What a new account, or the stack itself, has too little of."""

    @property
    def never(self) -> str:
        """Why the stack can't do so much, whatever the account's quotas are; empty if it can."""
        return next((need.never for need in self.needs if need.never), "")

    @property
    def total(self) -> float:
        return sum(self.items.values())

    @property
    def without_storage(self) -> float:
        """Storage is the same for all."""
        return self.total - self.items["storage"]


def bill(stack: Stack, work: Work) -> Bill:
    """What a month costs."""
    tasks = stack.is_task

    def functions(mib: float) -> bool:
        return not stack.is_task(mib)

    task_count = work.total(tasks, lambda _: 1)
    function_count = work.total(functions, lambda _: 1)
    task_seconds = work.total(tasks, lambda mib: _billed(stack, work.job, mib))
    swept = stack.mode != "recipe"
    items = {
        "compute": _tasks(stack, task_seconds) + _functions(stack, work),
        "requests": PRICES["lambda"]["request"] * function_count + s3_requests(stack, work),
        "events": events(stack, work.uploads),
        "trail": _trail(stack, work),
        "network": _network(stack, task_count, task_seconds),
        "logs": _logs(task_count, function_count),
        "watch": _watch(stack),
        "builds": _builds(stack),
        "queues": _queues(stack, task_count) if swept else 0.0,
        "sweep": _sweep(stack, work) if swept else 0.0,
        "storage": _storage(work),
    }
    return Bill(items, tuple(need for need in needs(stack, work) if need.needed > need.there_is))


def needs(stack: Stack, work: Work) -> Iterator[Need]:
    """What the uploads take when they come evenly, all month; bursts take more."""

    def functions(mib: float) -> bool:
        return not stack.is_task(mib)

    def task_seconds(mib: float) -> float:
        return float(ASSUMED["task_launch_seconds"] + _seconds(stack, work.job, mib))

    yield from of_one(stack, work.job, work.sizes)
    starts = work.total(stack.is_task, lambda _: 1) / SECONDS
    tasks = work.total(stack.is_task, task_seconds) / SECONDS
    if stack.max_tasks:
        pace = LAUNCH_BATCH / LAUNCH_SECONDS
        what = f"tasks at a time, `MaxTasks={stack.max_tasks}`"
        yield Need(what, tasks, stack.max_tasks, "at most", "too many")
        yield Need("starts a second by LaunchFunction", starts, pace, "at most", "too many")
    running = work.total(functions, work.job.seconds) / SECONDS
    yield Need("functions at a time", running, CONCURRENCY.value)
    yield Need("RunTask a second", starts, min(RUN_TASK.value, LAUNCHES.value))
    yield Need("vCPUs of Fargate", tasks * stack.task_vcpu, VCPUS.value)
    if stack.mode != "recipe":
        sweep = _Sweep.of(work).seconds
        yield Need("seconds of the hourly sweep", sweep, SWEEP_SECONDS, "a run has")


def of_one(stack: Stack, job: Job, sizes: Sequence[Size]) -> Iterator[Need]:
    """What a single upload takes, the largest one of each engine. The recipe has no limits."""
    if stack.mode == "recipe":
        return
    uploaded = [size.mib for size in sizes if size.share]
    tasks = [mib for mib in uploaded if stack.is_task(mib)]
    functions = [mib for mib in uploaded if not stack.is_task(mib)]
    let_in = "MaxBytes (--max-mib) lets in"
    yield Need("MiB of an upload", max(uploaded, default=0), stack.max_mib, let_in, "too large")
    for sizes_there, limit, what in (
        (functions, stack.function_timeout, "FunctionTimeout (--function-timeout) is"),
        (tasks, stack.task_timeout, "TaskTimeout (--task-timeout) is"),
    ):
        if sizes_there:
            seconds = job.seconds(max(sizes_there))
            yield Need("seconds of a job", seconds, limit, what, "too long")


def tiered(amount: float, tiers: Tiers) -> float:
    """The price of an amount of which each part has the price of its tier."""
    total, below = 0.0, 0.0
    for tier in tiers:
        total += max(0.0, min(amount, tier["to"]) - below) * tier["price"]
        below = tier["to"]
    return total


def task_second(stack: Stack) -> float:
    """USD for a second of a task, on demand."""
    price: dict[str, Any] = PRICES["fargate"]
    vcpu = stack.task_vcpu * price["vcpu_hour"][stack.architecture]
    gb = stack.task_gb * price["gb_hour"][stack.architecture]
    return float((vcpu + gb) / 3600)


def function_second(stack: Stack) -> float:
    """USD for a second of the function, in the first tier."""
    price = PRICES["lambda"]["gb_second"][stack.architecture][0]["price"]
    return float(stack.function_mb / 1024 * price)


def even_seconds(stack: Stack) -> float:
    """How long a job has to take until a task costs no more than the function: both are billed for
    that long, the task for a minute at least."""
    least = _tasks(stack, PRICES["fargate"]["least_seconds"])
    return least / function_second(stack)


def cold_share(uploads: float) -> float:
    """Of invocations that find no idle environment: uploads come at random, evenly over the month,
    and Lambda keeps an environment so long."""
    return math.exp(-uploads / SECONDS * ASSUMED["warm_seconds"])


def crossings(
    first: Callable[[float], float], second: Callable[[float], float], up_to: float = 1e10
) -> list[float]:
    """Uploads a month at which the other one of two becomes the cheaper one, from 1 on."""
    found = []
    steps = [10 ** (exponent / 20) for exponent in range(int(math.log10(up_to) * 20) + 1)]
    for low, high in itertools.pairwise(steps):
        cheaper = first(low) < second(low)
        if (first(high) < second(high)) != cheaper:
            for _ in range(50):
                middle = math.sqrt(low * high)
                if (first(middle) < second(middle)) == cheaper:
                    low = middle
                else:
                    high = middle
            found.append(high)
    return found


def at(stack: Stack, work: Work, uploads: float) -> Bill:
    return bill(stack, replace(work, uploads=uploads))


def _seconds(stack: Stack, job: Job, mib: float) -> float:
    """Of a task from the start of the image's download to its end."""
    return float(ASSUMED["recipe_seconds"] if stack.mode == "recipe" else job.task_seconds(mib))


def _billed(stack: Stack, job: Job, mib: float) -> float:
    return float(max(_seconds(stack, job, mib), PRICES["fargate"]["least_seconds"]))


def _tasks(stack: Stack, seconds: float) -> float:
    on_demand = seconds * task_second(stack)
    if not stack.spot:
        return on_demand
    discount = PRICES["fargate_spot"]["discount"]
    return float(on_demand * ((1 - discount) + ASSUMED["interrupted"]))


def _functions(stack: Stack, work: Work) -> float:
    def of(mib: float) -> bool:
        return not stack.is_task(mib)

    seconds = work.total(of, work.job.seconds)
    count = work.total(of, lambda _: 1)
    seconds += count * cold_share(count) * work.job.start_seconds
    gb_seconds = seconds * stack.function_mb / 1024
    return tiered(gb_seconds, PRICES["lambda"]["gb_second"][stack.architecture])


def in_parts(mib: float) -> bool:
    """Whether `aws s3 cp`, the console or an SDK's manager would upload it in parts."""
    return mib >= PART_MIB


def writes(mib: float) -> int:
    """Requests of an upload: one PUT, or one for each part, and two to begin and end it."""
    return math.ceil(mib / PART_MIB) + 2 if in_parts(mib) else 1


def s3_requests(stack: Stack, work: Work) -> float:
    """Who owns the bucket pays for them all, the uploads' own among them."""
    read: float = PRICES["s3"]["read"]
    write: float = PRICES["s3"]["write"]

    def ours(mib: float) -> float:
        return (Job.CALLS - 1) * read + (writes(mib) + 1) * write

    def recipes(mib: float) -> float:
        """`aws s3 cp`, twice: HEAD and a GET for each part, and the output as the upload."""
        return (1 + math.ceil(mib / PART_MIB)) * read + 2 * writes(mib) * write

    return work.total(lambda _: True, recipes if stack.mode == "recipe" else ours)


def events(stack: Stack, uploads: float) -> float:
    """S3's notifications to a function cost nothing."""
    price = PRICES["eventbridge"]["opt_in_event"]
    by_trail, cost = stack.event_source == "cloudtrail", 0.0
    if by_trail:
        cost += uploads * ASSUMED["trail_events_billed"] * price
    if stack.result_topic or not (by_trail or stack.mode == "lambda"):
        # S3 sends an event for each object of the bucket: for each upload, and for each result.
        cost += 2 * uploads * price
    if stack.result_topic:
        cost += uploads * PRICES["sns"]["publish"]
    return float(cost)


def _trail(stack: Stack, work: Work) -> float:
    """It records each write below the input prefix: of an upload in parts, each part."""
    if stack.event_source != "cloudtrail":
        return 0.0
    records = work.total(lambda _: True, writes)
    stored = records * ASSUMED["trail_bytes"] / GB
    price = PRICES["cloudtrail"]["data_event"]
    return float(records * price + tiered(stored, PRICES["s3"]["gb_month"]))


def _network(stack: Stack, tasks: float, task_seconds: float) -> float:
    if not stack.runs_tasks:
        return 0.0
    price, gb = PRICES["network"], tasks * ASSUMED["network_bytes_task"] / GB
    if stack.mode == "recipe":
        gb += tasks * ASSUMED["recipe_image_gb"]
    if stack.network == "isolated":
        return float(ENDPOINTS * ZONES * HOURS * price["endpoint_hour"] + gb * price["endpoint_gb"])
    if stack.network == "private":
        return float(HOURS * (price["nat_hour"] + price["ipv4_hour"]) + gb * price["nat_gb"])
    if stack.network == "public":
        return float(task_seconds / 3600 * price["ipv4_hour"])
    return 0.0


def _logs(tasks: float, functions: float) -> float:
    written = tasks * ASSUMED["log_bytes_task"] + functions * ASSUMED["log_bytes_function"]
    # LogRetentionDays is a month.
    return float(written / GB * (PRICES["logs"]["gb"] + PRICES["logs"]["gb_month"]))


def _watch(stack: Stack) -> float:
    if stack.mode == "recipe":
        return 0.0
    price = PRICES["watch"]
    alarms = (ALARMS[stack.mode] + 2 * stack.result_topic) * price["alarm_month"]
    return float(METRICS * price["metric_month"] + alarms + price["dashboard_month"])


def _builds(stack: Stack) -> float:
    if not stack.runs_tasks or stack.mode == "recipe":
        return 0.0
    minute = PRICES["codebuild"]["minute"][stack.architecture]
    images = 10 * ASSUMED["image_gb"] * PRICES["ecr"]["gb_month"]
    return float(ASSUMED["deployments"] * ASSUMED["build_minutes"] * minute + images)


def _queues(stack: Stack, tasks: float) -> float:
    """The failure queue's reader asks all the time; with MaxTasks, so does the launcher."""
    idle = POLLERS * SECONDS / POLL_SECONDS
    cost = idle * PRICES["sqs"]["request"]
    if stack.max_tasks and stack.runs_tasks:
        cost += idle * PRICES["sqs"]["fifo_request"] + launches(stack, tasks)
    return float(cost)


def launches(stack: Stack, tasks: float) -> float:
    """USD for the way of so many tasks a month through the launch queue.

    EventBridge's sending is billed to the owner of the queue; receiving and deleting are one
    request for a batch of up to ten. A batch is what has come while the one before was under way,
    so it is one message when uploads are few, and ten when they wait. The function runs once at a
    time: a backlog that stands all month is at most a month of it.
    """
    together = min(LAUNCH_BATCH, max(1.0, tasks / SECONDS * LAUNCH_SECONDS))
    batches = tasks / together
    seconds = min(batches * LAUNCH_SECONDS, SECONDS)
    requests = tasks + 2 * batches
    return float(
        requests * PRICES["sqs"]["fifo_request"]
        + batches * PRICES["lambda"]["request"]
        + tiered(seconds * LAUNCH_GB, PRICES["lambda"]["gb_second"][stack.architecture])
    )


@dataclass(frozen=True)
class _Sweep:
    """What one look at all that is kept takes."""

    lists: float
    heads: float
    seconds: float

    @staticmethod
    def of(work: Work) -> _Sweep:
        keys = work.uploads * ASSUMED["months_kept"]
        parts = work.share(in_parts)
        looked_at = work.uploads / HOURS * (1 - parts + parts * RUNS_IN_PARTS)
        lists, heads = 3 + 2 * keys / 1000, SWEEP_HEADS * looked_at
        calls = lists / 2 + heads / SWEEP_TOGETHER  # uploads and outputs beside one another
        seconds = 1 + keys / ASSUMED["sweep_keys_per_second"] + calls * ASSUMED["s3_call_seconds"]
        return _Sweep(lists, heads, seconds)


def _sweep(stack: Stack, work: Work) -> float:
    """A run an hour: what it has no time for comes in the next ones."""
    whole = _Sweep.of(work)
    part = min(1.0, SWEEP_SECONDS / whole.seconds)
    gb_seconds = HOURS * part * whole.seconds * SWEEP_GB
    requests = whole.lists * PRICES["s3"]["write"] + whole.heads * PRICES["s3"]["read"]
    return float(
        tiered(gb_seconds, PRICES["lambda"]["gb_second"][stack.architecture])
        + HOURS * (part * requests + PRICES["lambda"]["request"])
    )


def _storage(work: Work) -> float:
    """Uploads, and outputs of the same size."""
    stored = 2 * work.total(lambda _: True, lambda mib: mib * MIB / GB) * ASSUMED["months_kept"]
    return tiered(stored, PRICES["s3"]["gb_month"])
