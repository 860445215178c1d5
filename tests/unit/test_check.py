"""The checker of outputs accepts shortest paths only."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mazes import pictures
from mazes.check import GREEN, LOSSY, NotSolved, shortest, solved

MAPS = {
    "straight": (["#.#", "#.#", "#.#"], 3),
    "one row": (["#.#"], 1),
    "round a wall": ([".##", "...", "##."], 5),
    "upwards on the way": ([".#####", ".#...#", "...#..", "#####."], 11),
    "the nearer of two openings": ([".##.#", "...##", "#.###"], 4),
    "by a corner only": (["#.", ".#"], None),
    "around the side": (["##.", ".##"], None),
    "no opening in the top row": (["###", "...", "..."], None),
}


def picture_of(rows: list[str]) -> Image.Image:
    picture = Image.new("RGB", (len(rows[0]), len(rows)))
    colours = {".": (255, 255, 255), "#": (0, 0, 0), "o": GREEN, "x": (255, 0, 0)}
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            picture.putpixel((x, y), colours[mark])
    return picture


@pytest.mark.parametrize(("rows", "length"), MAPS.values(), ids=MAPS)
def test_the_length_is_known(rows: list[str], length: int | None) -> None:
    assert shortest(np.array([[mark == "." for mark in row] for row in rows])) == length


def plainly(rows: list[list[bool]]) -> int | None:
    """The same, pixel by pixel: too plain to be wrong."""
    steps = {(0, column): 1 for column, is_open in enumerate(rows[0]) if is_open}
    queue = deque(steps)
    while queue:
        row, column = queue.popleft()
        if row == len(rows) - 1:
            return steps[row, column]
        for there in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            inside = 0 <= there[0] < len(rows) and 0 <= there[1] < len(rows[0])
            if inside and rows[there[0]][there[1]] and there not in steps:
                steps[there] = steps[row, column] + 1
                queue.append(there)
    return None


@given(st.integers(1, 90), st.integers(1, 30), st.sampled_from([0, 0.1, 0.3, 0.4]), st.integers(0))
def test_the_length_is_that_of_a_plain_search(
    width: int, height: int, walls: float, seed: int
) -> None:
    """Wide and open ones have levels that numpy searches."""
    mask = np.random.default_rng(seed).random((height, width)) >= walls
    assert shortest(mask) == plainly(mask.tolist())


BEFORE = ["#.###", "#...#", "#.#.#", "#...#", "###.#"]
AFTER = ["#o###", "#ooo#", "#.#o#", "#..o#", "###o#"]


def test_each_shortest_path_is_accepted() -> None:
    for after in (AFTER, ["#o###", "#o..#", "#o#.#", "#ooo#", "###o#"]):
        assert solved(picture_of(BEFORE), picture_of(after)) == 7


WRONG = {
    "1 pixels of wall": ["#o###", "#o..#", "#oo.#", "#.oo#", "###o#"],
    "row 3, column 2 changed from": ["#o###", "#ooo#", "#.#o#", "#.xo#", "###o#"],
    "no painted path leads from the top": ["#.###", "#ooo#", "#.#o#", "#..o#", "###o#"],
    "no painted path leads .* the bottom": ["#o###", "#ooo#", "#.#o#", "#..o#", "###.#"],
    "no painted path": ["#o###", "#ooo#", "#.#.#", "#..o#", "###o#"],
    "3 painted pixels lie off the path": ["#o###", "#ooo#", "#o#o#", "#ooo#", "###o#"],
    "1 painted pixels lie off the path": ["#o###", "#ooo#", "#.#o#", "#o.o#", "###o#"],
    "size changed": ["#o###", "#ooo#", "#.#o#", "#..o#"],
}


@pytest.mark.parametrize(("why", "after"), WRONG.items(), ids=WRONG)
def test_anything_else_is_not(why: str, after: list[str]) -> None:
    for tolerance in (0, LOSSY):
        with pytest.raises(NotSolved, match=why):
            solved(picture_of(BEFORE), picture_of(after), tolerance)


def test_nothing_painted_is_not() -> None:
    with pytest.raises(NotSolved, match="no painted path"):
        solved(picture_of(BEFORE), picture_of(BEFORE))


def test_a_detour_is_not() -> None:
    before, after = ["#.#", "...", "...", "...", "#.#"], ["#o#", "oo.", "o..", "oo.", "#o#"]
    with pytest.raises(NotSolved, match="the path has 7 pixels, the shortest one 5"):
        solved(picture_of(before), picture_of(after))


def test_a_path_where_there_is_none_is_not() -> None:
    with pytest.raises(NotSolved, match="the maze has no path"):
        solved(picture_of(["#.", ".#"]), picture_of(["#.", ".#"]))


@pytest.mark.parametrize(("colour", "is_open"), [((200, 200, 200), True), ((200, 200, 199), False)])
def test_a_pixel_is_open_from_a_sum_of_600(colour: tuple[int, int, int], is_open: bool) -> None:
    before, after = Image.new("RGB", (1, 300), colour), Image.new("RGB", (1, 300), GREEN)
    assert pictures.open_pixels(before).all() == is_open
    if is_open:
        assert solved(before, after) == 300
    else:
        with pytest.raises(NotSolved, match="of wall"):
            solved(before, after)


def test_a_change_below_the_first_strip_is_found_in_its_row() -> None:
    before = Image.new("RGB", (3, 600), "white")
    after = before.copy()
    after.putpixel((2, 599), (255, 0, 0))
    with pytest.raises(NotSolved, match="row 599, column 2"):
        solved(before, after)


def test_what_is_told_to_be_tolerated_is() -> None:
    before = picture_of(BEFORE)
    after = picture_of(AFTER).point(lambda value: min(value + 9, 246))
    assert solved(before, after, tolerance=9) == 7
    with pytest.raises(NotSolved, match="changed"):
        solved(before, after, tolerance=8)
    with pytest.raises(ValueError, match="87"):
        solved(before, after, LOSSY + 1)
