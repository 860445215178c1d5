"""How long a job takes, beside decoding and encoding alone, and beside the peer."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from processing import maze, picture

from mazes import check

from . import ROOT, memory
from .cases import Case

PEER = ROOT / "build" / "env" / "peer" / "bin" / "python"
ROUNDS, ROUNDS_OF_SMALL = 5, 51
"""Of a picture, and of one of less than a megapixel, whose milliseconds are soon disturbed."""
_WARMED = 10e6
"""Pixels below which the first round is not counted: it would be the slower one, by new memory and
cold caches."""


@dataclass(frozen=True)
class Result:
    """What was measured of one picture. Times are medians, in seconds of the processor: what else
    the machine does is not counted."""

    name: str
    kind: str
    limit: float
    width: int
    height: int
    file_bytes: int
    length: int
    """Of the path, in pixels; checked against an independent search."""
    rounds: int
    """Of codec and job."""
    codec: float
    """Decoding and encoding alone."""
    job: float
    """Decoding, mask, search, drawing, encoding."""
    ratio: float
    """Job over codec: the median over rounds, in each of which both ran, one after the other, and
    the other way round in the next."""
    bytes_per_pixel: float
    """The job's peak memory above the interpreter."""
    codec_bytes_per_pixel: float
    peer: float | None
    """The peer's time for the same work, its start not counted; at least this when its rounds are
    0; None where it can't take the picture."""
    peer_rounds: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


def measure(case: Case, budget: float, peer_budget: float, least: int = ROUNDS) -> Result:
    """Measure one picture, in about as many seconds as the budgets say; but job and codec get the
    least number of rounds in any case, and the peer one, unless that is over its budget."""
    file = case.file()
    body = file.read_bytes()
    width, height, length = _checked(body)
    codec, job = _both(body, budget, least, width * height)
    peer = _peer(file, peer_budget) if case.peer else []
    return Result(
        name=case.name,
        kind=case.kind,
        limit=case.limit,
        width=width,
        height=height,
        file_bytes=len(body),
        length=length,
        rounds=len(job),
        codec=statistics.median(codec),
        job=statistics.median(job),
        ratio=statistics.median(j / c for j, c in zip(job, codec, strict=True)),
        bytes_per_pixel=memory.peak("job", file) / (width * height),
        codec_bytes_per_pixel=memory.peak("codec", file) / (width * height),
        peer=statistics.median(peer or [peer_budget]) if case.peer else None,
        peer_rounds=len(peer),
    )


def _checked(body: bytes) -> tuple[int, int, int]:
    """Width, height and length of the path. Raises NotSolved when it is no shortest one."""
    before, after = picture.read(body).image, picture.read(body).image
    length = maze.paint_path(after)
    assert check.solved(before, after) == length
    return before.width, before.height, length


def _both(body: bytes, budget: float, least: int, pixels: int) -> tuple[list[float], list[float]]:
    """Seconds of decoding and encoding alone, and of the job, in each round."""
    runs: dict[str, Callable[[], object]] = {
        "codec": lambda: picture.write(picture.read(body)),
        "job": lambda: maze.solve(body, ""),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    if pixels < _WARMED:
        for run in runs.values():
            run()
    orders = itertools.cycle([("codec", "job"), ("job", "codec")])
    for _ in _rounds(budget, least, ROUNDS if pixels >= 1e6 else ROUNDS_OF_SMALL):
        for name in next(orders):
            seconds[name].append(_seconds(runs[name]))
    return seconds["codec"], seconds["job"]


def _peer(file: Path, budget: float) -> list[float]:
    """Seconds of each of the peer's runs; none when not even one ended."""
    done = []
    with tempfile.TemporaryDirectory() as directory:
        command = [str(PEER), "-c", _PEER_RUN, str(file), directory]
        try:
            for _ in _rounds(budget, 1, ROUNDS):
                run = subprocess.run(command, capture_output=True, text=True, timeout=budget)
                assert run.returncode == 0, f"the peer can't take {file.name}: {run.stderr}"
                done.append(float(run.stdout.splitlines()[-1]))
        except subprocess.TimeoutExpired:
            pass
    return done


_PEER_RUN = """
import sys, time
from mazesolver.__main__ import main
sys.argv = ["mazesolver", "-i", sys.argv[1], "-o", sys.argv[2]]
began = time.process_time()
try:
    main()
except SystemExit as left:
    assert not left.code, left
print(time.process_time() - began)
"""


def _rounds(budget: float, least: int, most: int) -> Iterator[int]:
    """Counts to the most, or to as many as fit in the budget, but at least to the least."""
    began = time.perf_counter()
    for done in range(1, most + 1):
        yield done
        over = (time.perf_counter() - began) / done * (done + 1) > budget
        if over and done >= least:
            return


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
