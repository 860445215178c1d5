"""Uploads: how many, how large, and what the job takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .figures import ASSUMED, Wrong, above, at_least

SIZES = "1:90,10:9,200:1"
"""A choice of ours: mostly small, and one in a hundred larger than hybrid's threshold."""


class Size(NamedTuple):
    """The uploads of one size, and their share of all."""

    mib: float
    share: float


def sizes(text: str) -> tuple[Size, ...]:
    """MiB:percent, with commas: "1:90,10:9,200:1". Raises Wrong."""
    try:
        pairs = [tuple(map(float, each.split(":"))) for each in text.split(",")]
        found = tuple(Size(mib, percent / 100) for mib, percent in pairs)
    except ValueError:
        raise Wrong(f"sizes are MiB:percent, with commas, such as {SIZES}: {text}") from None
    for mib, share in found:
        above("sizes", mib)
        at_least("the percents of sizes", share)
    if abs(sum(size.share for size in found) - 1) > 1e-9:
        raise Wrong(f"the percents of sizes must add up to 100: {text}")
    return found


@dataclass(frozen=True)
class Job:
    """What a job takes, in seconds, by the size of its upload."""

    seconds_per_mib: float
    start_seconds: float

    CALLS = 7
    """To S3: HEAD five times, GET, PUT."""

    def seconds(self, mib: float) -> float:
        """Of a warm worker: calls, transfer in and out, and the job itself."""
        calls = self.CALLS * ASSUMED["s3_call_seconds"]
        return calls + mib * (2 / ASSUMED["s3_mib_per_second"] + self.seconds_per_mib)

    def task_seconds(self, mib: float) -> float:
        """Of a task from the start of the image's download to its end."""
        return ASSUMED["image_pull_seconds"] + self.start_seconds + self.seconds(mib)


@dataclass(frozen=True)
class Work:
    """A month of uploads."""

    uploads: float
    sizes: tuple[Size, ...]
    job: Job

    def total(
        self,
        of: Callable[[float], bool] = lambda mib: True,
        value: Callable[[float], float] = lambda mib: 1,
    ) -> float:
        """The sum of a value over the uploads whose size is so; how many they are, without one."""
        return self.uploads * sum(
            size.share * value(size.mib) for size in self.sizes if of(size.mib)
        )
