"""The solver against an independent search, and what it refuses."""

from __future__ import annotations

from io import BytesIO

import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from processing import maze
from processing.errors import Rejected


def drawn(*rows: str) -> Image.Image:
    """A picture from text: '#' is wall, anything else open."""
    image = Image.new("RGB", (len(rows[0]), len(rows)), "white")
    for y, row in enumerate(rows):
        for x, character in enumerate(row):
            if character == "#":
                image.putpixel((x, y), (0, 0, 0))
    return image


def saved(image: Image.Image, format: str = "PNG") -> bytes:
    out = BytesIO()
    image.save(out, format)
    return out.getvalue()


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    """Small pictures of random pixels: mazes with and without a path, and open fields."""
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    cell = st.sampled_from("#   " if draw(st.booleans()) else "# ")
    row = st.text(cell, min_size=width, max_size=width)
    return drawn(*draw(st.lists(row, min_size=height, max_size=height)))


@given(pictures())
@example(drawn(" "))
@example(drawn("   "))
@example(drawn(" ", " ", " "))
def test_the_path_is_a_shortest_one_or_there_is_none(picture):
    solved = picture.copy()
    length = oracle.shortest(oracle.open_rows(picture))
    if length is None:
        with pytest.raises(Rejected):
            maze.paint_path(solved)
        assert solved.tobytes() == picture.tobytes()
    else:
        assert maze.paint_path(solved) == length
        oracle.check_path(picture, solved)


def test_the_path_does_not_wrap_around_the_sides():
    # Row by row in one array, the right end of a row is next to the left end of the next.
    picture = drawn("# ##", "#   ", " ###", " ###")
    with pytest.raises(Rejected, match="no path"):
        maze.paint_path(picture)


def test_any_top_opening_may_lead_to_any_bottom_opening():
    # The left opening on top and the right one below are dead ends.
    picture = drawn(" ## #", " ## #", "### #", "#   #", "# ## ")
    solved = picture.copy()
    assert maze.paint_path(solved) == 7
    oracle.check_path(picture, solved)


@pytest.mark.parametrize(
    ("colour", "is_open"),
    [((200, 200, 200), True), ((200, 200, 199), False), ((255, 255, 90), True)],
)
def test_a_pixel_is_open_from_a_sum_of_600(colour, is_open):
    picture = Image.new("RGB", (1, 3), colour)
    if is_open:
        assert maze.paint_path(picture) == 3
    else:
        with pytest.raises(Rejected):
            maze.paint_path(picture)


@pytest.mark.parametrize("height", [255, 256, 257, 513])
def test_pictures_are_whole_across_the_strips_they_are_read_in(height):
    picture = Image.new("RGB", (3, height), "white")
    assert maze.paint_path(picture) == height
    column = [picture.getpixel((x, y)) == (0, 255, 0) for x in range(3) for y in range(height)]
    assert sum(column) == height


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (("###", "# #", "# #"), "no opening in its top row"),
        (("# #", "# #", "###"), "no opening in its bottom row"),
        (("# #", "###", "# #"), "no path leads from the top row to the bottom row"),
    ],
)
def test_a_maze_that_cannot_be_solved_is_rejected_with_the_reason(rows, reason):
    with pytest.raises(Rejected, match=reason):
        maze.solve(saved(drawn(*rows)), "image/png")


def test_the_answer_knows_its_pixels():
    answer = maze.solve(saved(drawn("# #", "# #")), "image/png")
    assert (answer.content_type, answer.pixels) == ("image/png", 6)
