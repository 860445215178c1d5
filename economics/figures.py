"""Prices, assumptions, and what was measured: the three kinds of figures that go into a bill."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import ROOT

MIB = 2**20
BENCH = ROOT / "build" / "bench.json"
_HERE = Path(__file__).parent

PRICES: dict[str, Any] = tomllib.loads((_HERE / "prices.toml").read_text())
"""USD, by service; with the source of each."""

_ASSUMED = tomllib.loads((_HERE / "assumptions.toml").read_text())
ASSUMED: dict[str, float] = {name: each["value"] for name, each in _ASSUMED.items()}
REASONS: dict[str, str] = {name: each["why"] for name, each in _ASSUMED.items()}

_LARGE = 1e6
"""Pixels from which on a picture's time is that of its pixels."""


class NotMeasured(Exception):
    """There is no measurement to calculate with."""


class Wrong(Exception):
    """An option's value: which, and what it must be."""


@dataclass(frozen=True)
class Measured:
    """What one job takes, from the benchmark, in seconds of one processor."""

    seconds_per_mib: float
    """Of the job, by the size of the upload: all pictures of a megapixel and more together."""
    start_seconds: float
    """From the start of the process until it can take a job."""
    pictures: int
    quick: bool
    machine: str

    @staticmethod
    def load(path: Path = BENCH) -> Measured:
        """From what `make bench` wrote. Raises NotMeasured."""
        if not path.exists():
            raise NotMeasured(
                f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path} is not there: "
                "run `make bench ARGS=--quick` first, which measures the job in a minute"
            )
        report = json.loads(path.read_text())
        large = [p for p in report["pictures"] if p["width"] * p["height"] >= _LARGE]
        mib = sum(p["file_bytes"] for p in large) / MIB
        parts = report["cold_start"]["parts"]
        machine = report["machine"]
        return Measured(
            seconds_per_mib=round(sum(p["job"] for p in large) / mib, 4),
            start_seconds=round(sum(parts[n] for n in ("interpreter", "imports", "client")), 3),
            pictures=len(large),
            quick=report["quick"],
            machine=f"{machine['processors']} processors, Python {machine['python']}",
        )

    @staticmethod
    def parse(text: str) -> Measured:
        """From `as_json`."""
        return Measured(**json.loads(text))

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class Size:
    """Uploads of one size."""

    mib: float
    share: float
    """Of all uploads."""


def sizes(text: str) -> tuple[Size, ...]:
    """MiB:percent, with commas: "1:90,10:9,200:1". Raises Wrong."""
    try:
        pairs = [tuple(map(float, each.split(":"))) for each in text.split(",")]
        found = tuple(Size(mib, percent / 100) for mib, percent in pairs)
    except ValueError as error:
        raise Wrong(f"sizes are MiB:percent, with commas, such as 1:90,10:9,200:1: {text}") from (
            error
        )
    if any(size.mib <= 0 or size.share < 0 for size in found):
        raise Wrong(f"sizes are above 0: {text}")
    if abs(sum(size.share for size in found) - 1) > 1e-9:
        raise Wrong(f"the percents of sizes must add up to 100: {text}")
    return found


SIZES = "1:90,10:9,200:1"
"""A choice of ours: mostly small, and one in a hundred larger than hybrid's threshold."""


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
