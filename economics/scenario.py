"""What is simulated: when uploads come, what they are, and the stack and limits they meet."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from .cost import Stack
from .figures import SIZES, Job, Size, Wrong, above, at_least, sizes
from .limits import Limits

DAY = 24 * 3600
ARRIVALS = ("burst", "steady", "day")


@dataclass(frozen=True)
class Sweep:
    """The template's defaults."""

    every: float = 3600
    grace: float = 30 * 60
    rate: float = 10
    max_attempts: int = 3
    runs_for: float = 880


@dataclass(frozen=True)
class Scenario:
    """One run of the model."""

    stack: Stack
    job: Job
    uploads: int = 100_000
    arrivals: str = "burst"
    rate: float = 10
    """Uploads a second, of steady arrivals."""
    sizes: tuple[Size, ...] = sizes(SIZES)
    limits: Limits = field(default_factory=Limits)
    sweep: Sweep = field(default_factory=Sweep)
    retries_no_room: bool = False
    """Whether EventBridge tries again what RunTask returned with `failures[]` (delivery.py)."""
    retries_throttled: bool = True
    """Whether it tries again what is throttled, which AWS does not document (delivery.py)."""
    days: float = 14
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

    def lots(self) -> random.Random:
        return random.Random(self.seed)

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
