"""Uploads: how many, how large, what their job takes, and the stack that does it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from processing.objects import SMALL

from tooling import paths
from tooling.template import default

from .figures import ASSUMED, Wrong

BENCH = paths.BUILD / "bench.json"
SIZES = {1.0: 0.9, 10.0: 0.09, 200.0: 0.01}
"""Shares, by MiB. A choice of ours: mostly small, one in a hundred above hybrid's threshold."""


def sizes(text: str) -> dict[float, float]:
    """The share of each size in MiB, from "MiB:percent,MiB:percent". Raises Wrong."""
    try:
        pairs = [tuple(map(float, each.split(":"))) for each in text.split(",")]
        found = {mib: percent / 100 for mib, percent in pairs if 0 < mib < math.inf}
    except ValueError:
        found = {}
    if min(found.values(), default=-1) < 0 or not math.isclose(sum(found.values()), 1):
        why = "MiB:percent, with commas, the percents adding up to 100, such as 1:90,10:9,200:1"
        raise Wrong(f"sizes are {why}: {text}")
    return found


@dataclass(frozen=True)
class Job:
    """What a job takes, in seconds of one processor, and by what benchmark."""

    seconds_per_mib: float  # of the upload: all pictures of a megapixel and more together
    start_seconds: float  # from the start of the process until it can take a job
    pictures: int = 0
    quick: bool = False
    machine: str = ""

    @staticmethod
    def reads(mib: float) -> int:
        """From S3: HEAD four times, GET of the first MiB; and GET of an upload that has more."""
        return 5 + (mib * 2**20 > SMALL)

    def seconds(self, mib: float) -> float:
        """Of a warm worker: calls, transfer in and out, and the job itself."""
        calls = (self.reads(mib) + 1) * ASSUMED["s3_call_seconds"]
        return calls + mib * (2 / ASSUMED["s3_mib_per_second"] + self.seconds_per_mib)

    @staticmethod
    def load(path: Path) -> Job:
        """From what `make bench` wrote."""
        report = json.loads(path.read_text())
        large = [p for p in report["pictures"] if p["width"] * p["height"] >= 1e6]
        mib = sum(p["file_bytes"] for p in large) / 2**20
        parts, machine = report["cold_start"]["parts"], report["machine"]
        return Job(
            seconds_per_mib=round(sum(p["job"] for p in large) / mib, 4),
            start_seconds=round(sum(parts[n] for n in ("interpreter", "imports", "client")), 3),
            pictures=len(large),
            quick=report["quick"],
            machine=f"{machine['processors']} processors, Python {machine['python']}",
        )


@dataclass(frozen=True)
class Work:
    """A month of uploads."""

    uploads: float
    sizes: Mapping[float, float]
    job: Job

    def at(self, uploads: float) -> Work:
        """So many uploads of that kind."""
        return replace(self, uploads=uploads)

    def total(
        self,
        of: Callable[[float], bool] = lambda mib: True,
        value: Callable[[float], float] = lambda mib: 1,
    ) -> float:
        """The sum of a value over the uploads whose size is so; how many they are, without one."""
        shares = self.sizes.items()
        return self.uploads * sum(share * value(mib) for mib, share in shares if of(mib))


@dataclass(frozen=True)
class Stack:
    """What the template's parameters say, as far as it has a price; or its defaults."""

    mode: str = default("Mode")
    network: str = default("Network")
    architecture: str = default("Architecture")
    event_source: str = default("EventSource")
    spot: bool = default("Spot") == "true"
    result_topic: bool = default("ResultTopic") == "true"
    max_tasks: int = int(default("MaxTasks"))
    threshold: int = int(default("HybridThresholdMiB"))
    max_bytes: int = int(default("MaxBytes"))
    function_timeout: int = int(default("FunctionTimeout"))
    task_timeout: int = int(default("TaskTimeout"))

    def __post_init__(self) -> None:
        """Raises Wrong for what the template would ignore."""
        if self.event_source == "cloudtrail" and self.mode in ("lambda", "hybrid"):
            raise Wrong("--event-source cloudtrail goes with --mode fargate only")
        if self.mode == "lambda" and (self.spot or self.max_tasks):
            raise Wrong("--spot and --max-tasks are for tasks: --mode fargate or hybrid")

    def is_task(self, mib: float) -> bool:
        """Whether an upload of that size is processed on Fargate."""
        return self.mode != "lambda" and (self.mode != "hybrid" or mib > self.threshold)

    def is_function(self, mib: float) -> bool:
        return not self.is_task(mib)

    def task_seconds(self, job: Job, mib: float) -> float:
        """Of a task from the start of the image's download to its end."""
        if self.mode == "recipe":
            return ASSUMED["recipe_seconds"]
        return ASSUMED["image_pull_seconds"] + job.start_seconds + job.seconds(mib)
