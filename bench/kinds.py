"""The kinds of processor side by side, each copying the same upload; and a warm function."""

from __future__ import annotations

import json
import resource
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from local.aws import EmbeddedAws

from . import ROOT
from .bucket import Bucket

KINDS = {
    "bytes": {"PROCESSOR": "copies:of_bytes"},
    "files": {"PROCESSOR": "copies:of_files"},
    "command": {"COMMAND": "cp {input} {output}/copy"},
}
SMALL, LARGE = 1_000, 100_000_000
_PROBE = Path(__file__).with_name("warm_probe.py")
_FUNCTION = ROOT / "functions" / "process"


@dataclass(frozen=True)
class Kind:
    """Medians, in seconds, of a whole process from its start to its end; and of a warm function."""

    name: str
    rounds: int
    small: float
    small_processor: float
    """Of the processor, children included."""
    large: float
    large_processor: float
    warm: float
    """From the event to the output stored, 1 KB."""


def measure(rounds: int, warm_rounds: int) -> list[Kind]:
    """Measure each kind so many times; round by round, so that all have the same weather."""
    with EmbeddedAws() as aws, tempfile.TemporaryDirectory() as directory:
        files = {size: Path(directory) / str(size) for size in (SMALL, LARGE)}
        for size, path in files.items():
            path.write_bytes(b"\xa5" * size)
        buckets = {size: Bucket(aws, path, f"bench-{size}") for size, path in files.items()}
        runs: defaultdict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        for _ in range(rounds):
            for name, chosen in KINDS.items():
                for size, bucket in buckets.items():
                    runs[name, size].append(_cold(bucket, chosen))
        warm = {name: _warm(buckets[SMALL], each, warm_rounds) for name, each in KINDS.items()}
    return [
        Kind(name, rounds, *_medians(runs[name, SMALL]), *_medians(runs[name, LARGE]), warm[name])
        for name in KINDS
    ]


def _medians(runs: list[tuple[float, float]]) -> tuple[float, float]:
    seconds, processor = zip(*runs, strict=True)
    return statistics.median(seconds), statistics.median(processor)


def _cold(bucket: Bucket, chosen: dict[str, str]) -> tuple[float, float]:
    before = _used()
    seconds, _ = bucket.run_job(["-m", "processing"], chosen)
    return seconds, _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _warm(bucket: Bucket, chosen: dict[str, str], rounds: int) -> float:
    keys = [f"input/{bucket.upload()}" for _ in range(rounds)]
    function = {"MODE": "lambda", "MAX_SECONDS": "", **chosen}
    _, said = bucket.run_job([str(_PROBE), str(_FUNCTION), *keys], function)
    seconds: list[float] = json.loads(said)[1:]
    return statistics.median(seconds)
