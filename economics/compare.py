"""Which stacks are compared: by a month's uploads, and by files that lie in the bucket already."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from operate.sweep import MOST_RUNS, PER_RUN

from . import product
from .bill import even_seconds, queued, usd
from .figures import ASSUMED, Wrong, limits, read
from .month import Month, Need, evenly
from .work import Job, Stack, Work

UPLOADS, FILES = (1e3, 1e6, 1e9), (1e6, 1e7, 1e8)
"""A month; and that lie in the bucket already."""
_SAID = read("stacks")
ALL = {name: Stack(**each) for name, each in _SAID["month"].items()}
ENGINES = dict(itertools.islice(ALL.items(), 4))
PAIRS: list[tuple[str, str]] = _SAID["pairs"]
BACKFILLED = {
    name: (Stack(**each["stack"]), limits(**each.get("limits", {})))
    for name, each in _SAID["backfill"].items()
}
RATE = PER_RUN * MOST_RUNS
"""What RATE= asks for: jobs started a second."""
HEADS, PUTS = 2, 1
"""Of the sweep for each start: of the upload and of its attempts, which it writes down."""


def cheaper(pair: tuple[str, str], work: Work) -> Iterator[tuple[str, float]]:
    """The cheaper one of two of ALL, up to how many uploads a month, of 10 billion; and so on."""

    def at(uploads: float) -> str:
        return min(pair, key=lambda name: Month(ALL[name], work.at(uploads)).without_storage)

    for low, high in itertools.pairwise(10 ** (exponent / 20) for exponent in range(201)):
        before = at(low)
        if at(high) == before:
            continue
        while high / low > 1 + 1e-12:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if at(middle) == before else (low, middle)
        yield before, high
    yield at(1e10), math.inf


def even_mib(stack: Stack, work: Work) -> float:
    """The size from which on a task is cheaper than the function, both events included."""
    per_mib = 2 / ASSUMED["s3_mib_per_second"] + work.job.seconds_per_mib
    return 2 + (even_seconds(stack) - work.job.seconds(2)) / per_mib  # linear, above 1 MiB


def threshold(stack: Stack, work: Work) -> int:
    """What HybridThresholdMiB offers, next below the even size: the cheapest choice. In MiB."""
    mib = even_mib(stack, work)
    if mib < 1:
        raise Wrong("even a file of 1 MiB is cheaper on Fargate: choose Mode=fargate")
    return int(min(4096, 2 ** math.floor(math.log2(mib))))


def lacking(stacks: Mapping[str, Stack], work: Work) -> dict[tuple[float, Need], list[str]]:
    """Each thing that a month of UPLOADS needs more of than there is, with who needs it."""
    found: defaultdict[tuple[float, Need], list[str]] = defaultdict(list)
    for uploads, (name, stack) in itertools.product(UPLOADS, stacks.items()):
        for need in Month(stack, work.at(uploads)).needs:
            found[uploads, need].append(name)
    return found


class Backfill(NamedTuple):
    seconds: float
    limit: str
    """What starts no more jobs a second than it takes so long."""
    usd: dict[str, float]


def backfill(name: str, work: Work, files: float) -> Backfill:
    """So many files of that kind, which `make sweep RATE=` starts with one of BACKFILLED. Uploads
    were paid for before, and what stands idle does not count."""
    stack, account = BACKFILLED[name]
    each_second = (Need(f"`RATE={RATE}`", 1, RATE), *evenly(stack, work.at(1), 1, account))
    limit = max(each_second, key=lambda need: need.needed / need.there_is)
    seconds = files * limit.needed / limit.there_is
    # RunTask makes a sweep wait; the launch queue, and Lambda's own, take what it sends.
    waits = stack.mode == "fargate" and not stack.max_tasks
    swept = seconds if waits else files / PER_RUN
    idle, whole = (Month(stack, work.at(count)).items for count in (0, files))
    tasks, reads = work.at(files).total(stack.is_task), work.at(files).total(value=Job.reads)
    amounts: dict[str, dict[str, float]] = {
        "requests": {"lambda.request": files - tasks, "s3.read": reads, "s3.write": files},
        "events": {"eventbridge.opt_in_event": files * (stack.mode != "lambda")},
        "sweep": {
            "s3.read": HEADS * files,
            "s3.write": PUTS * files + 3 * files / 1000,  # and its LISTs
            "lambda.gb_second": swept * product.SWEEP_GB,
        },
        # In tens, by a launcher that works all the time.
        "queues": queued(tasks, tasks / product.LAUNCH_BATCH, seconds) if stack.max_tasks else {},
    }
    paid = {item: usd(stack, each) for item, each in amounts.items()}
    paid |= {item: whole[item] - idle[item] for item in ("compute", "network", "logs")}
    return Backfill(seconds, limit.what, paid)
