"""What the job has to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import cold_start, kinds, speed, transfers
from .cases import HUNDRED_MEGAPIXELS, MAZE, OTHER

BYTES_PER_PIXEL = 6.0
OVERHEAD = 0.15
WARM = 0.015
TRANSFER = 1.1
TRANSFER_MEMORY = 200
SERVER = 0.5
"""What the server on loopback alone may take of the time of a job."""


class Goal(NamedTuple):
    goal: str
    value: float
    limit: float | None
    """None: no goal, but what was measured, to be seen beside the goals."""
    where: str
    """Which picture the value comes from."""

    @property
    def met(self) -> bool:
        return self.limit is None or self.value <= self.limit


def of(
    results: Sequence[speed.Result],
    start: cold_start.Result,
    warm: Sequence[kinds.Kind],
    moved: transfers.Transfer,
) -> list[Goal]:
    """The goals that the measured pictures say something about, each at its worst picture."""
    goals = []
    for limit, what in (
        (MAZE, "the recipe's picture and mazes: job / (decode + encode)"),
        (OTHER, "every picture: job / (decode + encode)"),
    ):
        worst = max((r for r in results if r.limit <= limit), key=lambda result: result.ratio)
        goals.append(Goal(what, worst.ratio, limit, worst.name))
    for result in results:
        if result.name == HUNDRED_MEGAPIXELS:
            what = "100 megapixels, JPEG: "
            ratio, memory = result.ratio, result.bytes_per_pixel
            goals.append(Goal(what + "job / (decode + encode)", ratio, OTHER, result.name))
            goals.append(Goal(what + "bytes a pixel", memory, BYTES_PER_PIXEL, result.name))
    goals += _most_memory(results)
    what = "cold start: seconds beside solving"
    goals.append(Goal(what, start.overhead, OVERHEAD, start.picture))
    what = "a warm function, 1 KB of bytes: seconds to the output stored"
    goals += [Goal(what, each.warm, WARM, each.name) for each in warm if each.name == "bytes"]
    return goals + _transfers(moved)


def _transfers(moved: transfers.Transfer) -> list[Goal]:
    where = f"{moved.size / 1e9:g} GB in and out"
    return [
        Goal("transfers: seconds, job / aws s3 cp (CRT)", moved.ratio, TRANSFER, where),
        Goal("transfers: of the processor, the same", moved.ratio_processor, TRANSFER, where),
        Goal("transfers: MiB resident", moved.job_memory / 2**20, TRANSFER_MEMORY, where),
        Goal("transfers: the server alone / job", moved.server / moved.job, SERVER, where),
    ]


def _most_memory(results: Sequence[speed.Result]) -> list[Goal]:
    """Of all JPEGs of 100 megapixels the one that takes the most memory for a pixel. A file of many
    bytes a pixel is held beside the pixels by whoever reads and writes it, so that where it is over
    the limit, what decoding and encoding alone take is said instead of a goal."""
    large = [r for r in results if r.pixels == 100_000_000 and r.name.endswith(".jpg")]
    if not large:
        return []
    worst = max(large, key=lambda result: result.bytes_per_pixel)
    what, limit = "100 megapixels, the worst JPEG: bytes a pixel", BYTES_PER_PIXEL
    if worst.bytes_per_pixel <= limit:
        return [Goal(what, worst.bytes_per_pixel, limit, worst.name)]
    what += f"; decode + encode alone {worst.codec_bytes_per_pixel:.2f}"
    return [Goal(what, worst.bytes_per_pixel, None, worst.name)]
