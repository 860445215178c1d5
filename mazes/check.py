"""Whether a picture is another one with a shortest path through its maze painted in.

What the job's outputs are held against, so it has no code of the job; and fit for large pictures.
The search spreads level by level: in plain Python while a level is small, else with numpy.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .chance import Mask
from .pictures import OPEN_SUM

GREEN = (0, 255, 0)
LOSSY = 86
"""The tolerance for a lossy format, and the largest there is: R or B of an open pixel is 173 or
more away from green's, so that the two stay apart."""
_ROWS = 256
"""Compared at a time, for memory's sake."""
_NARROW = 64
"""Levels with fewer pixels are searched in plain Python, which is faster there."""


class NotSolved(Exception):
    """The picture is not the other one with a shortest path: why not."""


def solved(before: Image.Image, after: Image.Image, tolerance: int = 0) -> int:
    """The length in pixels of the shortest path that is painted green. Raises NotSolved.

    `tolerance` is how far each of R, G and B may be off. Both pictures are compared as RGB: what is
    transparent or wants rotating has to be laid on white and rotated before.
    """
    if not 0 <= tolerance <= LOSSY:
        raise ValueError(f"a tolerance of {tolerance} can't tell painted from open pixels")
    if after.size != before.size:
        raise NotSolved(f"the size changed from {before.size} to {after.size}")
    is_open, painted = _compared(before, after, tolerance)
    if walls := np.count_nonzero(painted & ~is_open):
        raise NotSolved(f"{walls} pixels of wall (R+G+B below {OPEN_SUM}) are painted")
    expected = shortest(is_open)
    if expected is None:
        raise NotSolved("the maze has no path from the top row to the bottom row")
    # Over open pixels, so never shorter than expected; and where it takes all that are painted,
    # they are that path and nothing else.
    length = shortest(painted)
    if length is None:
        raise NotSolved("no painted path leads from the top row to the bottom row")
    if off := np.count_nonzero(painted) - length:
        raise NotSolved(f"{off} painted pixels lie off the path")
    if length != expected:
        raise NotSolved(f"the path has {length} pixels, the shortest one {expected}")
    return length


def shortest(mask: Mask) -> int | None:
    """The fewest pixels on a 4-connected path over true pixels from the top row to the bottom row;
    None when there is no path."""
    height, width = mask.shape
    framed = np.zeros((height + 2, width + 2), np.uint8)
    framed[1:-1, 1:-1] = mask
    ahead = bytearray(framed)  # 1: open, and not reached yet
    del framed
    as_array = np.frombuffer(ahead, np.uint8)
    row = width + 2
    bottom = height * row
    level = [row + 1 + int(column) for column in np.flatnonzero(mask[0])]
    as_array[level] = 0
    steps = 1
    while level:
        if max(level) >= bottom:
            return steps
        steps += 1
        if len(level) < _NARROW:
            following = []
            for at in level:
                for there in (at + row, at - row, at + 1, at - 1):
                    if ahead[there]:
                        ahead[there] = 0
                        following.append(there)
            level = following
        else:
            here = np.array(level)
            around = np.concatenate((here + row, here - row, here + 1, here - 1))
            reached = np.unique(around[as_array[around] == 1])
            as_array[reached] = 0
            level = reached.tolist()
    return None


def _compared(before: Image.Image, after: Image.Image, tolerance: int) -> tuple[Mask, Mask]:
    """Which pixels are open, and which are painted. Raises NotSolved at another change."""
    is_open = np.empty((before.height, before.width), np.bool_)
    painted = np.zeros_like(is_open)
    for top in range(0, before.height, _ROWS):
        rows = slice(top, min(top + _ROWS, before.height))
        was, now = (
            np.asarray(each.crop((0, top, each.width, rows.stop)).convert("RGB"))
            for each in (before, after)
        )
        is_open[rows] = was.sum(axis=2, dtype=np.uint16) >= OPEN_SUM
        at = np.nonzero((was != now).any(axis=2))  # few, unless the format is lossy
        old, new = was[at].astype(np.int16), now[at].astype(np.int16)
        changed = (abs(new - old) > tolerance).any(axis=1)
        painted[rows][at] = changed
        wrong = np.flatnonzero(changed & (abs(new - GREEN) > tolerance).any(axis=1))
        if wrong.size:
            first = wrong[0]
            here = f"row {top + at[0][first]}, column {at[1][first]}"
            colours = f"from {old[first].tolist()} to {new[first].tolist()}"
            raise NotSolved(f"the pixel in {here} changed {colours}, which is not green")
    return is_open, painted
