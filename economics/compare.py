"""Which stacks are compared, at which numbers of uploads, and where one becomes the cheaper one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .cost import RECIPE, Stack, Work, at, crossings, even_seconds
from .figures import ASSUMED, Wrong

UPLOADS = (1e3, 1e6, 1e9)
ENGINES: Mapping[str, Stack] = {
    "lambda": Stack("lambda"),
    "hybrid": Stack("hybrid"),
    "fargate": Stack("fargate"),
    "the recipe": RECIPE,
}
"""With the template's defaults, and the recipe as it is written."""
CHEAPER: Mapping[str, Stack] = {
    "lambda, arm64": Stack("lambda", architecture="arm64"),
    "fargate, public": Stack("fargate", network="public"),
    "fargate, private": Stack("fargate", network="private"),
    "fargate, arm64": Stack("fargate", architecture="arm64"),
    "fargate, Spot": Stack("fargate", spot=True),
    "fargate, arm64, Spot, public": Stack(
        "fargate", architecture="arm64", spot=True, network="public"
    ),
    "fargate, MaxTasks": Stack("fargate", max_tasks=50),
    "fargate, cloudtrail": Stack("fargate", event_source="cloudtrail"),
}
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
ALL: Mapping[str, Stack] = {**ENGINES, **CHEAPER}


@dataclass(frozen=True)
class Crossing:
    """Which of two is cheaper, by the number of uploads a month."""

    first: str
    second: str
    cheaper_at_one: str
    at: list[float]

    def sentence(self) -> str:
        """As a row of a table."""
        other = {self.first: self.second, self.second: self.first}
        said, cheaper = [], self.cheaper_at_one
        for uploads in self.at:
            said.append(f"`{cheaper}` up to {short(uploads)}")
            cheaper = other[cheaper]
        return ", then ".join([*said, f"`{cheaper}`" + ("" if said else " at any number")])


def crossing(first: str, second: str, work: Work) -> Crossing:
    """Of two of ALL. Storage, which is the same for all, does not count."""

    def cost(name: str) -> float:
        return at(ALL[name], work, 1).without_storage

    found = crossings(
        lambda uploads: at(ALL[first], work, uploads).without_storage,
        lambda uploads: at(ALL[second], work, uploads).without_storage,
    )
    return Crossing(first, second, min(first, second, key=cost), found)


def even_mib(stack: Stack, work: Work) -> float:
    """The size from which on a task is cheaper than the function, both events included."""
    per_mib = 2 / ASSUMED["s3_mib_per_second"] + work.job.seconds_per_mib
    return (even_seconds(stack) - work.job.seconds(0)) / per_mib


def threshold(stack: Stack, work: Work) -> int:
    """What HybridThresholdMiB offers, next below the even size: the cheapest choice. In MiB."""
    mib = even_mib(stack, work)
    if mib < 1:
        raise Wrong("even a file of 1 MiB is cheaper on Fargate: choose Mode=fargate")
    return int(min(4096, 2 ** math.floor(math.log2(mib))))


def heavier(work: Work, seconds_per_mib: float) -> Work:
    """The same uploads with another job."""
    return replace(work, job=replace(work.job, seconds_per_mib=seconds_per_mib))


def short(amount: float) -> str:
    """Three significant digits, in words that fit a table."""
    for unit, name in ((1e9, " billion"), (1e6, " million"), (1e3, ",000")):
        if amount >= unit:
            scaled = amount / unit
            digits = f"{scaled:.3g}" if scaled < 1000 else f"{scaled:,.0f}"
            return f"{digits}{name}" if name != ",000" else f"{amount:,.0f}"
    return f"{amount:.0f}"


def usd(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}"
