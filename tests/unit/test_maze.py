"""The solver against an independent search, and what it refuses."""

from __future__ import annotations

import random
from collections.abc import Iterable
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from processing import maze
from processing.errors import Rejected

from mazes import check
from mazes import pictures as bench_pictures


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


def noise(width: int, height: int, seed: int) -> Image.Image:
    """Pixels by chance: fields, mazes with and without a path, islands."""
    chance = random.Random(seed)
    walls = chance.choice((0.1, 0.25, 0.4, 0.5))
    picture = Image.new("L", (width, height))
    picture.putdata([255 * (chance.random() >= walls) for _ in range(width * height)])
    return picture


def serpentine(width: int, height: int, seed: int) -> Image.Image:
    """One corridor, row by row from side to side; or, turned, from column to column."""
    picture = Image.new("L", (width, height), 255)
    for y in range(1, height, 2):
        door = width - 1 if y % 4 == 1 else 0
        picture.paste(0, (0, y, width, y + 1))
        picture.putpixel((door, y), 255)
    return picture.transpose(Image.Transpose.TRANSPOSE) if seed % 2 else picture


def comb(width: int, height: int, seed: int) -> Image.Image:
    """Corridors from the top to the bottom, joined by one row: dead ends on both sides of it."""
    picture = Image.new("L", (width, height), 255)
    for x in range(1, width, 2):
        picture.paste(0, (x, 0, x + 1, height))
    join = seed % height
    picture.paste(255, (0, join, width, join + 1))
    return picture


def rooms(width: int, height: int, seed: int) -> Image.Image:
    """Rooms below each other, from each to the next by one door of one pixel, or a longer shaft:
    the frontier shrinks to one pixel there, again and again."""
    chance = random.Random(seed)
    picture = noise(width, height, chance.choice((0, 1, 2)))
    y = 0
    while y < height:
        depth = chance.randint(1, 4)
        picture.paste(0, (0, y, width, y + depth))
        x = chance.randrange(width)
        picture.paste(255, (x, y, x + 1, y + depth))
        y += depth + chance.randint(1, 6)
    return picture


KINDS = {
    "noise": noise,
    "perfect": lambda w, h, seed: bench_pictures.maze(
        w, h, openings=1 + seed % ((w - 1) // 2), seed=seed
    ),
    "braided": lambda w, h, seed: bench_pictures.maze(w, h, braid=0.5, seed=seed),
    "wide": lambda w, h, seed: bench_pictures.maze(w, h, min(2, w - 2, h - 2), seed=seed),
    "spiral": lambda w, h, seed: bench_pictures.spiral(w, h),
    "field": lambda w, h, seed: bench_pictures.field(w, h, seed % 4 / 10, seed=seed),
    "serpentine": serpentine,
    "comb": comb,
    "rooms": rooms,
    "dots": lambda w, h, seed: bench_pictures.pattern("dots", w, h, 1 + seed % (min(w, h) - 2)),
    "dashes": lambda w, h, seed: bench_pictures.dashes(w, h, 3 + seed % 6),
}


def least(kind: str) -> int:
    return 1 if kind in ("noise", "serpentine", "comb", "rooms") else 3


def turned(picture: Image.Image, places: Iterable[tuple[int, int]]) -> Image.Image:
    """With these pixels turned from open to wall or back."""
    for place in places:
        picture.putpixel(place, 255 - picture.getpixel(place))
    return picture.convert("RGB")


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    """A small picture of any kind, with a few pixels turned."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    width, height = draw(st.integers(least(kind), 40)), draw(st.integers(least(kind), 40))
    picture = KINDS[kind](width, height, draw(st.integers(0, 2**32 - 1)))
    places = st.tuples(*(st.integers(0, side - 1) for side in picture.size))
    return turned(picture, draw(st.lists(places, max_size=6)))


def solve_and_check(picture: Image.Image) -> None:
    solved = picture.copy()
    try:
        length = maze.paint_path(solved)
    except Rejected:
        assert check.shortest(bench_pictures.open_pixels(picture)) is None
        assert solved.tobytes() == picture.tobytes()
    else:
        assert check.solved(picture, solved) == length


@settings(max_examples=500, deadline=None)
@given(pictures())
@example(drawn(" "))
@example(drawn("   "))
@example(drawn(" ", " ", " "))
def test_the_path_is_a_shortest_one_or_there_is_none(picture):
    solve_and_check(picture)


def test_so_it_is_in_thousands_of_pictures():
    """Without hypothesis, which takes longer to draw one than the solver and its check do."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for number in range(2500):
        kind = chance.choice(sorted(KINDS))
        sides = chance.randint(least(kind), 40), chance.randint(least(kind), 40)
        picture = KINDS[kind](*sides, chance.randrange(2**32))
        width, height = picture.size
        places = [
            (chance.randrange(width), chance.randrange(height)) for _ in range(chance.randint(0, 6))
        ]
        try:
            solve_and_check(turned(picture, places))
        except AssertionError as error:
            error.add_note(f"picture {number}, {kind}, of seed {seed}")
            raise


@pytest.mark.parametrize("width", [511, 512, 513, 999, 1000, 1001, 1023, 1024, 1025])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_path_of_a_wide_picture_is_a_shortest_one(kind, width):
    # Rows of 1000 pixels and more lie further apart in memory than their pixels would need.
    picture = KINDS[kind](width, 60, 607).convert("RGB")
    solved = picture.copy()
    try:
        length = maze.paint_path(solved)
    except Rejected:
        assert check.shortest(bench_pictures.open_pixels(picture)) is None
    else:
        assert check.solved(picture, solved) == length


def test_a_frontier_may_be_wider_than_the_cache():
    """It is regular, but what is around its cells was not in the cache the level before."""
    picture = bench_pictures.field(5000, 40, obstacles=0.01, block=3, opening_width=4998)
    solve_and_check(picture.convert("RGB"))


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 17, 999, 1000, 1001])
def test_a_picture_may_be_one_pixel_wide_or_high(length):
    column, row = drawn(*" " * length), drawn(" " * length)
    assert maze.paint_path(column) == length
    assert set(column.get_flattened_data()) == {(0, 255, 0)}
    assert maze.paint_path(row) == 1


@pytest.mark.parametrize("gap", range(20))
def test_a_corridor_is_left_where_it_ends(gap):
    # Along a row, cells are taken eight at a time: wherever the way down is, none is passed by.
    wall = "#" * 20
    floor = wall[:gap] + " " + wall[gap + 1 :]
    for rows in (
        (" " + wall[1:], " " * 20, floor, floor),
        (wall[1:] + " ", " " * 20, floor, floor),
        (" " + wall[1:], " " * 20, floor),
        (wall[1:] + " ", " " * 20, floor),
    ):
        picture = drawn(*rows)
        solved = picture.copy()
        assert maze.paint_path(solved) == check.solved(picture, solved)


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
    check.solved(picture, solved)


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


def test_the_output_knows_its_pixels():
    output = maze.solve(saved(drawn("# #", "# #")), "image/png")
    assert (output.content_type, output.pixels) == ("image/png", 6)
