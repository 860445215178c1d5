"""How long a job takes, beside decoding and encoding alone, and beside the peer."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from processing import maze, picture

from . import ROOT, memory, shortest
from .cases import Case

PEER = ROOT / "build" / "env" / "peer" / "bin" / "python"
ROUNDS, ROUNDS_OF_SMALL = 5, 25
"""Of a picture, and of one of less than a megapixel, whose milliseconds are soon disturbed."""
_PATIENCE = 3
"""After how many times its budget a run of the peer is given up."""


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
    codec: float
    """Decoding and encoding alone."""
    job: float
    """Decoding, mask, search, drawing, encoding."""
    ratio: float
    """Job over codec: the median over rounds, in each of which both ran, one after the other."""
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


def measure(case: Case, budget: float, peer_budget: float) -> Result:
    """Measure one picture, in about as many seconds as the budgets say."""
    file = case.file()
    body = file.read_bytes()
    width, height, length = _checked(body)
    codec, job = [], []
    for _ in _rounds(budget, ROUNDS if width * height >= 1e6 else ROUNDS_OF_SMALL):
        codec.append(_seconds(lambda: picture.write(picture.read(body))))
        job.append(_seconds(lambda: maze.solve(body, "")))
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
        peer=statistics.median(peer or [_PATIENCE * peer_budget]) if case.peer else None,
        peer_rounds=len(peer),
    )


def _checked(body: bytes) -> tuple[int, int, int]:
    """Width, height and length of the path. Raises AssertionError when it is no shortest one."""
    before, after = picture.read(body).image, picture.read(body).image
    length = maze.paint_path(after)
    shortest.check(before, after, length)
    return before.width, before.height, length


def _peer(file: Path, budget: float) -> list[float]:
    """Seconds of each of the peer's runs; none when not even one ended."""
    done = []
    with tempfile.TemporaryDirectory() as directory:
        command = [str(PEER), "-c", _PEER_RUN, str(file), directory]
        try:
            for _ in _rounds(budget, ROUNDS):
                run = subprocess.run(
                    command, capture_output=True, text=True, timeout=_PATIENCE * budget
                )
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


def _rounds(budget: float, most: int) -> Iterator[int]:
    """Counts to the most, or as many as fit in the budget, but at least one."""
    began = time.perf_counter()
    for done in range(1, most + 1):
        yield done
        if (time.perf_counter() - began) / done * (done + 1) > budget:
            return


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
