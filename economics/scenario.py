"""What is simulated: when uploads come, what they are, and the stack and limits they meet."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from plan import Plan

from . import product
from .figures import limits, read
from .queues import EVENTBRIDGE, Queue
from .work import SIZES, Job, Stack, Work

DAY = 24 * 3600
ARRIVALS = {
    "burst": "at once",
    "steady": "at {rate:g} a second",
    "day": "over a day, most at noon",
}


@dataclass(frozen=True)
class Scenario:
    """One run of the model."""

    stack: Stack
    work: Work
    arrivals: str = "burst"  # one of ARRIVALS
    rate: float = 10.0  # uploads a second, of steady arrivals
    limits: Mapping[str, float] = field(default_factory=limits)
    sweep: Plan = product.SWEEP
    sweep_every: float = 3600  # seconds
    eventbridge: Queue = EVENTBRIDGE
    days: float = 14.0  # after which the simulation ends, whatever is left
    seed: int = 1

    def times(self, lots: random.Random) -> Iterable[float]:
        """When each upload is begun, in seconds, in order."""
        uploads = range(int(self.work.uploads))
        if self.arrivals == "steady":
            return accumulate(lots.expovariate(self.rate) for _ in uploads)
        return sorted(_time_of_day(lots) if self.arrivals == "day" else 0.0 for _ in uploads)

    def __str__(self) -> str:
        """In a line."""
        stack, how = self.stack, ARRIVALS[self.arrivals].format(rate=self.rate)
        said = [f"{self.work.uploads:,} uploads {how}", f"Mode={stack.mode}"]
        said += [f"MaxTasks={stack.max_tasks}"] * bool(stack.max_tasks)
        said += [f"{self.limits['vcpus']:,.0f} vCPUs"] * (stack.mode != "lambda")
        said += ["no retries"] * (not self.eventbridge.retries_throttled)
        return ", ".join(said)


def _time_of_day(lots: random.Random) -> float:
    """Few at midnight, most at noon: a density of 1 - cos."""
    while True:
        time = lots.uniform(0, DAY)
        if lots.uniform(0, 2) < 1 - math.cos(2 * math.pi * time / DAY):
            return time


def scenarios(job: Job) -> dict[str, Scenario]:
    """Those of docs/ARCHITECTURE.md."""
    found = {}
    for name, each in read("scenarios").items():
        work = Work(each.pop("uploads", 100_000), SIZES, job)
        each["limits"] = limits(**each.get("limits", {}))
        each["eventbridge"] = EVENTBRIDGE._replace(**each.get("eventbridge", {}))
        found[name] = Scenario(Stack(**each.pop("stack")), work, **each)
    return found
