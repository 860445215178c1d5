"""An independent search, to hold outputs against: no code of the job, and fit for large pictures.

It spreads level by level like the job's, which is the only thing they share: in plain Python while
a level is small, else with numpy.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from mazes.pictures import OPEN_SUM, Mask, open_pixels

GREEN = (0, 255, 0)
_NARROW = 64
"""Levels with fewer pixels are searched in plain Python, which is faster there."""


def length(mask: Mask) -> int | None:
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


def check(before: Image.Image, after: Image.Image, claimed: int) -> None:
    """Raise AssertionError unless `after` is `before` with one shortest path painted green.

    When as few pixels are painted as a shortest path has, all were open, and there is a path over
    the painted ones alone, then they are that path.
    """
    is_open, painted = open_pixels(before), _changed(before, after)
    expected = length(is_open)
    assert expected == claimed, f"the job says {claimed} pixels, the shortest path has {expected}"
    count = int(np.count_nonzero(painted))
    assert count == expected, f"{count} pixels are painted, the shortest path has {expected}"
    assert bool(is_open[painted].all()), f"walls (R+G+B < {OPEN_SUM}) are painted"
    assert length(painted) == expected, "the painted pixels are no path"


def _changed(before: Image.Image, after: Image.Image) -> Mask:
    """Which pixels differ; asserts that they are green now."""
    changed = np.empty((before.height, before.width), np.bool_)
    for top in range(0, before.height, 256):
        box = (0, top, before.width, min(top + 256, before.height))
        was, now = np.asarray(before.crop(box)), np.asarray(after.crop(box))
        changed[top : box[3]] = (was != now).any(axis=2)
        assert bool((now[changed[top : box[3]]] == GREEN).all()), "a change is not green"
    return changed
