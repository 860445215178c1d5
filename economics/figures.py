"""Figures that are published, assumed or measured: those of the project are product.py's."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import HERE, ROOT

BENCH = ROOT / "build" / "bench.json"
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


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text())


PRICES = read("prices")
"""USD, by service; with the source of each."""
ASSUMED: dict[str, float] = {name: each["value"] for name, each in read("assumptions").items()}
PUBLISHED: dict[str, float] = {name: float(each["value"]) for name, each in read("limits").items()}
"""AWS's limits, for an account that has never asked for more."""
EVENT_FIRST_WAIT = 1.0
"""Seconds: EventBridge says "exponential back off and jitter" and no figure."""
EVENT_LONGEST_WAIT = (PUBLISHED["event_age"] - 511) / (PUBLISHED["event_retries"] - 9)
"""With nine doublings from 1 s (511 s together) before it, its retries take as long as they may."""


def limits(**others: float) -> Mapping[str, float]:
    """The published ones, but for these."""
    assert others.keys() <= PUBLISHED.keys(), others
    return PUBLISHED | others


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
        mib = sum(p["file_bytes"] for p in large) / 2**20
        parts, machine = report["cold_start"]["parts"], report["machine"]
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
