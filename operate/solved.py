"""Whether one picture is another one with a way through its maze painted in.

It decodes like the worker and shares nothing else with the job. It does not look for a shorter way.
"""

from __future__ import annotations

import re

from PIL import Image, ImageChops
from processing import picture

OPEN_SUM = 600
_TOLERANCE = 86
"""How far a channel may be off after lossy compression: open pixels are 173 or more off in one."""
_LOW = [255 if value <= _TOLERANCE else 0 for value in range(256)]
_HIGH = _LOW[::-1]


class NotSolved(Exception):
    """The output is not the picture with a path: why not."""


def check(before: bytes, after: bytes) -> int:
    """The number of pixels painted, from the top row to the bottom row. Raises NotSolved."""
    maze, output = picture.read(before).image, picture.read(after).image
    if output.size != maze.size:
        raise NotSolved(f"the picture's size changed from {maze.size} to {output.size}")
    width, height = maze.size
    new_green = ImageChops.subtract(_green(output), _green(maze)).tobytes()
    painted = {found.start() for found in re.finditer(rb"\xff", new_green)}
    pixels = maze.tobytes()
    if walls := [at for at in painted if sum(pixels[3 * at : 3 * at + 3]) < OPEN_SUM]:
        raise NotSolved(f"{len(walls)} pixels of wall are painted")
    reached = _connected({at for at in painted if at < width}, painted, width)
    if not any(at >= width * (height - 1) for at in reached):
        raise NotSolved("no painted path leads from the top row to the bottom row")
    if reached != painted:
        raise NotSolved(f"{len(painted - reached)} painted pixels lie off the path")
    return len(painted)


def _green(image: Image.Image) -> Image.Image:
    """White where the image is green, black elsewhere."""
    red, green, blue = image.split()
    return ImageChops.darker(
        ImageChops.darker(red.point(_LOW), blue.point(_LOW)), green.point(_HIGH)
    )


def _connected(start: set[int], pixels: set[int], width: int) -> set[int]:
    """The pixels that can be reached from the start in steps up, down, left and right."""
    reached, frontier = set(start), list(start)
    while frontier:
        at = frontier.pop()
        beside = [at - width, at + width]
        beside += [at - 1] if at % width else []
        beside += [at + 1] if (at + 1) % width else []
        fresh = pixels.intersection(beside) - reached
        reached |= fresh
        frontier += fresh
    return reached
