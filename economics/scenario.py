"""What is simulated: when uploads come, what they are, and the stack and limits they meet."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import product
from .figures import Wrong, above, at_least, limits
from .stack import Stack
from .work import SIZES, Job, Size, sizes

DAY = 24 * 3600
ARRIVALS = ("burst", "steady", "day")


@dataclass(frozen=True)
class SweepRules:
    """The template's defaults."""

    every: float = 3600
    grace: float = product.SWEEP_GRACE
    rate: float = product.SWEEP_RATE
    max_attempts: int = int(product.default("MaxAttempts"))
    runs_for: float = product.SWEEP_SECONDS


@dataclass(frozen=True)
class Scenario:
    """One run of the model."""

    stack: Stack
    job: Job
    uploads: int = 100_000
    arrivals: str = "burst"
    rate: float = 10.0
    """Uploads a second, of steady arrivals."""
    sizes: tuple[Size, ...] = sizes(SIZES)
    limits: Mapping[str, float] = field(default_factory=limits)
    sweep: SweepRules = field(default_factory=SweepRules)
    retries_no_room: bool = False
    """Whether EventBridge tries again what RunTask returned with `failures[]` (delivery.py)."""
    retries_throttled: bool = True
    """Whether it tries again what is throttled, which AWS does not document (delivery.py)."""
    days: float = 14.0
    """After how many the simulation ends, whatever is left."""
    seed: int = 1

    def __post_init__(self) -> None:
        """Raises Wrong."""
        if self.arrivals not in ARRIVALS:
            raise Wrong(f"arrivals are {', '.join(ARRIVALS)}, not {self.arrivals}")
        at_least("uploads", self.uploads, 1)
        above("rate", self.rate)
        above("days", self.days)
        if self.stack.mode == "recipe":
            raise Wrong("the recipe is not simulated; mode is lambda, fargate or hybrid")

    def times(self, lots: random.Random) -> Iterator[float]:
        """When each upload is begun, in seconds, in order."""
        if self.arrivals == "burst":
            yield from (0.0 for _ in range(self.uploads))
        elif self.arrivals == "steady":
            now = 0.0
            for _ in range(self.uploads):
                now += lots.expovariate(self.rate)
                yield now
        else:
            yield from sorted(_time_of_day(lots) for _ in range(self.uploads))

    def draw_sizes(self, lots: random.Random) -> list[float]:
        """Of each upload, in MiB."""
        shares = [size.share for size in self.sizes]
        return lots.choices([size.mib for size in self.sizes], shares, k=self.uploads)


def _time_of_day(lots: random.Random) -> float:
    """Few at midnight, most at noon: a density of 1 - cos."""
    while True:
        time = lots.uniform(0, DAY)
        if lots.uniform(0, 2) < 1 - math.cos(2 * math.pi * time / DAY):
            return time
