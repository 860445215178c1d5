"""Prices, assumptions, and what was measured: the three kinds of figures that go into a bill."""

from __future__ import annotations

import json
import math
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


class Wrong(Exception):
    """An option's value: which, and what it must be."""


def at_least(what: str, value: float, least: float = 0) -> float:
    """The value, a number from the least one on. Raises Wrong."""
    if not least <= value < math.inf:  # nor is it "nan", which compares with nothing
        raise Wrong(f"{what} must be {least:g} or more, not {value:g}")
    return value


def above(what: str, value: float, most: float = math.inf) -> float:
    """The value, a number above 0. Raises Wrong."""
    if not 0 < value <= most or value == math.inf:
        up_to = "" if most == math.inf else f" and at most {most:g}"
        raise Wrong(f"{what} must be above 0{up_to}, not {value:g}")
    return value


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
        """From what `make bench` wrote."""
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
    for size in found:
        above("sizes", size.mib)
        at_least("the percents of sizes", size.share)
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
