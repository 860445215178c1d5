"""A stack drawn: the way of a file above, what looks after failures below. Left to right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .stack import RESULTS, UPLOADS, Edge, Stack

WIDTH, HEIGHT = 172, 46
"""Of a box."""
ACROSS, DOWN, BETWEEN = 220, 68, 64
"""From box to box, and between the two lanes."""
MARGIN = 28


@dataclass(frozen=True)
class Box:
    """A part at its place."""

    name: str
    title: str
    kind: str
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """A way, as the `d` of an SVG path."""

    path: str
    failure: bool


@dataclass(frozen=True)
class Diagram:
    """All that is drawn, and its size."""

    boxes: list[Box]
    lines: list[Line]
    width: int
    height: int
    ways: list[str]
    """The same in words."""


def draw(stack: Stack) -> Diagram:
    """Give each part its place."""
    sure = {(edge.source, edge.target) for edge in stack.edges if not edge.failure}
    ahead = _reached({UPLOADS}, sure)
    behind = _reached({RESULTS}, {(target, source) for source, target in sure})
    upper = ahead & behind
    ways = {(edge.source, edge.target) for edge in stack.edges}
    boxes: dict[str, Box] = {}
    top, columns = MARGIN, 1
    for lane in (upper, {*stack.parts} - upper):
        column_of = _columns(sorted(lane, key=[*stack.parts].index), ways)
        used: dict[int, int] = {}
        for name, column in column_of.items():
            row = used.get(column, 0)
            used[column] = row + 1
            x, y = MARGIN + column * ACROSS, top + row * DOWN
            boxes[name] = Box(name, _title(name), stack.parts[name], x, y)
            columns = max(columns, column + 1)
        top += max(used.values(), default=0) * DOWN + BETWEEN
    edges = sorted(stack.edges)
    return Diagram(
        [*boxes.values()],
        [Line(_path(boxes[e.source], boxes[e.target]), e.failure) for e in edges],
        2 * MARGIN + (columns - 1) * ACROSS + WIDTH,
        top - BETWEEN,
        [_words(edge) for edge in edges],
    )


def _title(name: str) -> str:
    if name == UPLOADS:
        return "uploads"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _words(edge: Edge) -> str:
    why = ", when something went wrong" if edge.failure else ""
    return f"{_title(edge.source)} → {_title(edge.target)}{why}"


def _reached(start: set[str], ways: Iterable[tuple[str, str]]) -> set[str]:
    found = {*start}
    while more := {target for source, target in ways if source in found} - found:
        found |= more
    return found


def _columns(names: list[str], ways: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How far each one is from those that nothing leads to, without going round in circles."""
    after = {name: [b for a, b in ways if a == name and b in names] for name in names}
    led_to = {b for following in after.values() for b in following}
    columns: dict[str, int] = {}

    def place(name: str, column: int, way: tuple[str, ...]) -> None:
        if name in way or column < columns.get(name, 0):
            return
        columns[name] = column
        for each in after[name]:
            place(each, column + 1, (*way, name))

    for name in [each for each in names if each not in led_to] or names[:1]:
        place(name, 0, ())
    return {name: columns.get(name, 0) for name in names}


def _path(a: Box, b: Box) -> str:
    """From side to side when the other one is further right, else from edge to edge."""
    if b.x > a.x:
        x1, y1, x2, y2 = a.x + WIDTH, a.y + HEIGHT // 2, b.x - 5, b.y + HEIGHT // 2
        bend = max(24, (x2 - x1) // 2)
        return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    down = b.y > a.y
    x1, y1 = a.x + WIDTH // 2 + 16, a.y + (HEIGHT if down else 0)
    x2, y2 = b.x + WIDTH // 2 - 16, b.y + (-5 if down else HEIGHT + 5)
    if a.y == b.y:
        y1 = y2 = a.y + HEIGHT
        return f"M{x1} {y1} C{x1} {y1 + 34} {x2} {y2 + 34} {x2} {y2 + 5}"
    bend = 34 if down else -34
    return f"M{x1} {y1} C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"
