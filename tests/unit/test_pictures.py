"""The picture generator draws what it says."""

from __future__ import annotations

import io
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from mazes import __main__ as command_line
from mazes import passages, pictures
from mazes.check import shortest

seeds = st.integers(0, 2**64)
sides = st.integers(3, 40)
thin = st.integers(1, 4)


def open_rows(picture: Image.Image) -> list[list[bool]]:
    return pictures.open_pixels(picture).tolist()


def runs(row: list[bool]) -> list[int]:
    """The lengths of the runs of open pixels."""
    return [len(run) for run in "".join(".#"[is_open] for is_open in row).split(".") if run]


def cells(side: int, corridor: int = 1, wall: int = 1) -> int:
    return (side - wall) // (corridor + wall)


def reached(rows: list[list[bool]]) -> int:
    """How many pixels can be reached from the first open one."""
    start = next((y, x) for y, row in enumerate(rows) for x, is_open in enumerate(row) if is_open)
    seen, stack = {start}, [start]
    while stack:
        y, x = stack.pop()
        for there in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            inside = 0 <= there[0] < len(rows) and 0 <= there[1] < len(rows[0])
            if inside and there not in seen and rows[there[0]][there[1]]:
                seen.add(there)
                stack.append(there)
    return len(seen)


def dead_ends(picture: Image.Image) -> int:
    """In a maze of one pixel corridors: cells with one way out, openings not counted as ways."""
    rows = open_rows(picture)
    rows[0] = rows[-1] = [False] * picture.width
    return sum(
        is_open and rows[y - 1][x] + rows[y + 1][x] + rows[y][x - 1] + rows[y][x + 1] == 1
        for y, row in enumerate(rows)
        for x, is_open in enumerate(row)
    )


# Mazes


@given(sides, sides, seeds)
def test_a_perfect_maze_is_a_spanning_tree(width: int, height: int, seed: int) -> None:
    """All cells are connected, by one passage fewer than there are cells."""
    rows = open_rows(pictures.maze(width, height, openings=0, seed=seed))
    pixels = sum(map(sum, rows))
    assert pixels == 2 * cells(width) * cells(height) - 1  # a pixel per cell and per passage
    assert reached(rows) == pixels


@given(sides, sides, thin, thin, st.sampled_from([0.0, 0.5, 1.0]), seeds)
def test_a_maze_has_the_size_asked_for_and_a_path(
    width: int, height: int, corridor: int, wall: int, braid: float, seed: int
) -> None:
    width, height = width + corridor + 2 * wall, height + corridor + 2 * wall
    picture = pictures.maze(width, height, corridor, wall, braid, seed=seed)
    assert picture.size == (width, height)
    assert shortest(pictures.open_pixels(picture)) is not None


@given(thin, thin, seeds)
def test_corridors_and_walls_are_as_thick_as_asked(corridor: int, wall: int, seed: int) -> None:
    """Pixels of a corridor are alike, and so are those of a wall: the lattice is what remains."""
    side = 6 * (corridor + wall) + wall
    rows = open_rows(pictures.maze(side, side, corridor, wall, seed=seed))
    edges = [n * (corridor + wall) + at for n in range(7) for at in (0, wall)]
    for y, row in enumerate(rows):
        assert y in edges or row == rows[y - 1]
        assert all(x in edges or row[x] == row[x - 1] for x in range(side))
    thinnest = [row[:: corridor + wall] for row in rows[:: corridor + wall]]
    assert not any(map(any, thinnest))  # where walls cross there always is wall


@pytest.mark.parametrize(("openings", "width"), [(0, 1), (1, 1), (4, 1), (3, 2), (1, 20)])
def test_the_top_and_bottom_row_have_the_openings_asked_for(openings: int, width: int) -> None:
    rows = open_rows(pictures.maze(82, 82, 3, 1, openings=openings, opening_width=width))
    assert runs(rows[0]) == runs(rows[-1]) == [4 * width - 1] * openings


def test_more_openings_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="3 openings 4 wide don't fit in 10 places"):
        pictures.maze(21, 21, openings=3, opening_width=4)


@given(seeds)
def test_braiding_removes_the_share_of_dead_ends(seed: int) -> None:
    none, some, every = (
        dead_ends(pictures.maze(61, 61, braid=braid, seed=seed)) for braid in (0.0, 0.3, 1.0)
    )
    assert none > some > every == 0


@pytest.mark.parametrize("draw", [pictures.maze, pictures.field])
@pytest.mark.parametrize("side", [2, -5])
def test_a_side_too_small_is_refused(draw, side: int) -> None:
    with pytest.raises(ValueError, match=f"height {side} is too small"):
        draw(20, side)


# Spirals, fields, hostile pictures


@given(st.integers(1, 20), st.integers(1, 20), thin, thin)
def test_a_spiral_is_the_longest_path(rows: int, cols: int, corridor: int, wall: int) -> None:
    """Through every cell, but for a side of the innermost turn of an even grid."""
    pitch = corridor + wall
    picture = pictures.spiral(cols * pitch + wall, rows * pitch + wall, corridor, wall)
    narrow = pictures.spiral(2 * cols + 1, 2 * rows + 1)
    assert shortest(pictures.open_pixels(picture)) is not None
    missed = abs(rows - cols) + 1 if min(rows, cols) % 2 == 0 else 0
    assert shortest(pictures.open_pixels(narrow)) == 2 * (rows * cols - missed) + 1


@pytest.mark.parametrize("kind", passages.PATTERNS)
@given(st.integers(1, 12), st.integers(1, 12), thin, thin)
def test_a_pattern_leads_from_corner_to_corner(
    kind: str, rows: int, cols: int, corridor: int, wall: int
) -> None:
    """Through so many cells, whatever the corridors' width, and with one opening on each side."""
    steps = {"serpentine": rows * cols, "columns": rows * cols}.get(kind, rows + cols - 1)
    dead_end = (cols - 1 if rows % 2 == 0 else 0) if kind == "serpentine" else 0
    dead_end += (rows - 1 if cols % 2 == 0 else 0) if kind == "columns" else 0
    pitch = corridor + wall
    narrow = open_rows(pictures.pattern(kind, 2 * cols + 1, 2 * rows + 1))
    wide = open_rows(
        pictures.pattern(kind, cols * pitch + wall, rows * pitch + wall, corridor, wall)
    )
    assert shortest(np.array(narrow)) == 2 * (steps - dead_end) + 1
    assert shortest(np.array(wide)) is not None
    assert runs(wide[0]) == runs(wide[-1]) == [corridor]
    assert not any(row[0] or row[-1] for row in wide)


def test_dashes_leave_no_long_way_straight_down() -> None:
    mask = pictures.open_pixels(pictures.dashes(101, 83))
    assert mask.shape == (83, 101)
    assert (shortest(mask) or 0) > 83
    assert not mask[:32].all(axis=0).any()


@given(sides, sides, st.floats(0, 1), thin, seeds)
def test_a_field_has_a_path_however_many_obstacles(
    width: int, height: int, obstacles: float, block: int, seed: int
) -> None:
    assert shortest(
        pictures.open_pixels(pictures.field(width, height, obstacles, block, seed=seed))
    )


def test_a_field_has_the_share_of_obstacles() -> None:
    bare, strewn = (
        sum(map(sum, open_rows(pictures.field(200, 200, share, 2)))) for share in (0, 0.3)
    )
    assert strewn / bare == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("kind", sorted(pictures.HOSTILE.keys() - {"open"}))
@given(st.integers(3, 30), st.integers(3, 30), seeds)
def test_a_hostile_picture_has_no_path(kind: str, width: int, height: int, seed: int) -> None:
    picture = pictures.hostile(kind, width, height, seed)
    assert picture.size == (width, height)
    assert shortest(pictures.open_pixels(picture)) is None


@pytest.mark.parametrize(
    ("kind", "top", "bottom"), [("no-top", 0, 1), ("no-bottom", 1, 0), ("no-path", 1, 1)]
)
def test_a_hostile_maze_lacks_only_what_its_name_says(kind: str, top: int, bottom: int) -> None:
    rows = open_rows(pictures.hostile(kind, 41, 41))
    assert (sum(rows[0]), sum(rows[-1])) == (top, bottom)


# Seeds


DRAWN = {
    "maze": lambda seed: pictures.maze(101, 83, 2, 3, openings=2, seed=seed),
    "braided": lambda seed: pictures.maze(101, 83, braid=0.5, seed=seed),
    "field": lambda seed: pictures.field(101, 83, 0.3, openings=2, seed=seed),
    "scan": lambda seed: Image.open(io.BytesIO(pictures.scan(pictures.maze(40, 40), seed=seed))),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_different_seeds_give_different_pictures(draw) -> None:
    assert len({draw(seed).tobytes() for seed in range(10)}) == 10


@pytest.mark.parametrize(
    ("kind", "digest"),
    [("maze", "9aa0e92ce06e1b14"), ("braided", "556acbd2dae6fec4"), ("field", "60e76ef8823fa52b")],
)
def test_a_seed_gives_the_same_picture_everywhere(kind: str, digest: str) -> None:
    """Recorded once: another machine, Python or numpy has to draw the very same pixels."""
    assert sha256(DRAWN[kind](607).tobytes()).hexdigest()[:16] == digest


# Scans


@pytest.mark.parametrize("quality", [75, 90, 100])
@pytest.mark.parametrize("corridor", [1, 5])
def test_a_scan_is_noisy_and_open_where_the_picture_is(quality: int, corridor: int) -> None:
    picture = pictures.maze(150, 150, corridor, corridor)
    scanned = Image.open(io.BytesIO(pictures.scan(picture, quality)))
    assert (scanned.format, scanned.mode) == ("JPEG", "RGB")
    assert len(set(scanned.convert("L").tobytes())) > 20
    assert open_rows(scanned) == open_rows(picture)


def test_a_scan_that_would_move_a_wall_is_refused() -> None:
    with pytest.raises(ValueError, match="quality 5 is too low"):
        pictures.scan(pictures.maze(100, 100), quality=5)


# Command line


def test_the_sample_is_what_its_command_draws(tmp_path: Path) -> None:
    command = re.search(r"-m mazes (maze .*) (docs/sample\.png)", command_line.__doc__ or "")
    assert command
    command_line.main([*command[1].split(), str(tmp_path / "sample.png")])
    sample = Path(__file__).parents[2] / command[2]
    with Image.open(sample) as kept, Image.open(tmp_path / "sample.png") as drawn:
        assert kept.mode == drawn.mode
        assert ImageChops.difference(kept, drawn).getbbox() is None


@pytest.mark.parametrize("kind", command_line.KINDS)
def test_the_command_line_draws_every_kind(kind: str, tmp_path: Path) -> None:
    command_line.main([kind, "--pixels", "50", str(tmp_path / "out.png")])
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (50, 50)


def test_the_command_line_says_what_cannot_be_drawn(capsys, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["maze", "--pixels", "9", "--corridor", "10", str(tmp_path / "out.png")])
    assert "9 is too small for a corridor 10" in capsys.readouterr().err
