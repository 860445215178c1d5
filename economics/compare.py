"""Which stacks are compared, at which numbers of uploads, and where one becomes the cheaper one."""

from __future__ import annotations

import itertools
import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping

from .bill import Bill
from .figures import ASSUMED, Wrong, read
from .needs import Need, needs
from .stack import Stack
from .work import Work

UPLOADS = (1e3, 1e6, 1e9)
ALL = {name: Stack(**each) for name, each in read("stacks").items()}
ENGINES = dict(itertools.islice(ALL.items(), 4))
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
_FINE = 10**12
"""Steps of a search within a twentieth of a decade."""


def cheaper(pair: tuple[str, str], work: Work) -> Iterator[tuple[str, float]]:
    """The cheaper one of two of ALL, up to how many uploads a month, of 10 billion; and so on."""

    def at(uploads: float) -> str:
        first, second = (Bill(ALL[name], work.at(uploads)).without_storage for name in pair)
        return pair[0] if first < second else pair[1]

    def differs(step: int) -> bool:
        return at(low * (high / low) ** (step / _FINE)) != before

    for low, high in itertools.pairwise(10 ** (exponent / 20) for exponent in range(201)):
        before = at(low)
        if at(high) != before:
            yield before, low * (high / low) ** (bisect(range(_FINE), False, key=differs) / _FINE)
    yield at(high), math.inf


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


def lacking(stacks: Mapping[str, Stack], work: Work) -> dict[tuple[float, Need], list[str]]:
    """Each thing that a month of UPLOADS needs more of than there is, with who needs it."""
    found: defaultdict[tuple[float, Need], list[str]] = defaultdict(list)
    for uploads, (name, stack) in itertools.product(UPLOADS, stacks.items()):
        for need in needs(stack, work.at(uploads)):
            found[uploads, need].append(name)
    return found
