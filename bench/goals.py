"""What the job has to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import cold_start, speed
from .cases import HUNDRED_MEGAPIXELS, OTHER, THIN

BYTES_PER_PIXEL = 6.0
OVERHEAD, OVERHEAD_STRETCH = 0.35, 0.15


class Goal(NamedTuple):
    goal: str
    value: float
    limit: float
    where: str
    """Which picture the value comes from."""

    @property
    def met(self) -> bool:
        return self.value <= self.limit


def of(results: Sequence[speed.Result], start: cold_start.Result) -> list[Goal]:
    """The goals that the measured pictures say something about, each at its worst picture."""
    goals = []
    for limit, what in (
        (THIN, "the recipe's picture and corridors of 1 px: job / (decode + encode)"),
        (OTHER, "every picture: job / (decode + encode)"),
    ):
        worst = max((r for r in results if r.limit <= limit), key=lambda result: result.ratio)
        goals.append(Goal(what, worst.ratio, limit, worst.name))
    for result in results:
        if result.name == HUNDRED_MEGAPIXELS:
            what = "100 megapixels, JPEG: "
            ratio, memory = result.ratio, result.bytes_per_pixel
            goals.append(Goal(what + "job / (decode + encode)", ratio, OTHER, result.name))
            goals.append(Goal(what + "bytes a pixel", memory, BYTES_PER_PIXEL, result.name))
    what = "cold start: seconds beside solving"
    goals.append(Goal(what, start.overhead, OVERHEAD, start.picture))
    return goals
