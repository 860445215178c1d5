"""Which stacks are compared, at which numbers of uploads, and where one becomes the cheaper one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from .bill import at
from .figures import ASSUMED, Wrong, read
from .stack import Stack
from .work import Work

UPLOADS = (1e3, 1e6, 1e9)
ALL = {name: Stack(**each) for name, each in read("stacks").items()}
ENGINES = dict(itertools.islice(ALL.items(), 4))
RECIPE = ALL["the recipe"]
PAIRS = (
    ("lambda", "fargate"),
    ("lambda", "hybrid"),
    ("hybrid", "fargate"),
    ("fargate", "the recipe"),
    ("fargate, public", "fargate"),
    ("fargate, public", "fargate, private"),
    ("fargate, private", "fargate"),
    ("fargate, cloudtrail", "fargate"),
)


def crossings(first: str, second: str, work: Work) -> Iterator[float]:
    """Uploads a month, from 1 on, at which the other one of two of ALL becomes the cheaper one."""

    def cheaper(uploads: float) -> bool:
        one, other = (at(ALL[name], work, uploads).without_storage for name in (first, second))
        return one < other

    for low, high in itertools.pairwise(10 ** (exponent / 20) for exponent in range(201)):
        before = cheaper(low)
        if cheaper(high) != before:
            for _ in range(50):
                middle = math.sqrt(low * high)
                low, high = (middle, high) if cheaper(middle) == before else (low, middle)
            yield high


def cheaper_one(first: str, second: str, work: Work) -> str:
    """Of two, by uploads a month."""
    cheaper, other, said = first, second, ""
    if at(ALL[second], work, 1).without_storage < at(ALL[first], work, 1).without_storage:
        cheaper, other = second, first
    for uploads in crossings(first, second, work):
        said += f"`{cheaper}` up to {short(uploads)}, then "
        cheaper, other = other, cheaper
    return f"{said}`{cheaper}`" + ("" if said else " at any number")


def even_mib(stack: Stack, work: Work) -> float:
    """The size from which on a task is cheaper than the function, both events included."""
    per_mib = 2 / ASSUMED["s3_mib_per_second"] + work.job.seconds_per_mib
    return (stack.even_seconds - work.job.seconds(0)) / per_mib


def threshold(stack: Stack, work: Work) -> int:
    """What HybridThresholdMiB offers, next below the even size: the cheapest choice. In MiB."""
    mib = even_mib(stack, work)
    if mib < 1:
        raise Wrong("even a file of 1 MiB is cheaper on Fargate: choose Mode=fargate")
    return int(min(4096, 2 ** math.floor(math.log2(mib))))


def short(amount: float) -> str:
    """Three significant digits, in words that fit a table."""
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if amount >= unit:
            return f"{amount / unit:.3g} {name}"
    return f"{amount:,.0f}"


def usd(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}"


def duration(seconds: float) -> str:
    for name, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"
