"""What is simulated: when uploads come, what they are, and the stack and limits they meet."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from processing.starters import RATE

from . import product
from .figures import limits
from .stack import Stack
from .work import SIZES, Job

DAY = 24 * 3600
ARRIVALS = ("burst", "steady", "day")


class SweepRules(NamedTuple):
    """The template's defaults."""

    every: float = 3600
    grace: float = product.SWEEP_GRACE
    rate: float = RATE
    max_attempts: int = int(product.default("MaxAttempts"))
    runs_for: float = product.SWEEP_SECONDS


@dataclass(frozen=True)
class Scenario:
    """One run of the model."""

    stack: Stack
    job: Job
    uploads: int = 100_000
    arrivals: str = "burst"
    """One of ARRIVALS."""
    rate: float = 10.0
    """Uploads a second, of steady arrivals."""
    sizes: dict[float, float] = field(default_factory=lambda: SIZES)
    limits: Mapping[str, float] = field(default_factory=limits)
    sweep: SweepRules = field(default_factory=SweepRules)
    retries_no_room: bool = False
    """Whether EventBridge tries again what RunTask returned with `failures[]` (queues.py)."""
    retries_throttled: bool = True
    """Whether it tries again what is throttled, which AWS does not document (queues.py)."""
    days: float = 14.0
    """After how many the simulation ends, whatever is left."""
    seed: int = 1

    def times(self, lots: random.Random) -> Iterable[float]:
        """When each upload is begun, in seconds, in order."""
        uploads = range(self.uploads)
        if self.arrivals == "steady":
            return accumulate(lots.expovariate(self.rate) for _ in uploads)
        return sorted(_time_of_day(lots) if self.arrivals == "day" else 0.0 for _ in uploads)

    def draw_sizes(self, lots: random.Random) -> list[float]:
        """Of each upload, in MiB."""
        return lots.choices([*self.sizes], [*self.sizes.values()], k=self.uploads)


def _time_of_day(lots: random.Random) -> float:
    """Few at midnight, most at noon: a density of 1 - cos."""
    while True:
        time = lots.uniform(0, DAY)
        if lots.uniform(0, 2) < 1 - math.cos(2 * math.pi * time / DAY):
            return time
