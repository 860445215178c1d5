"""What the tests hold outputs against: a search too plain to be wrong, and no code of the job.

It follows the rules of a maze word for word, in plain Python, and is meant for small pictures.
"""

from collections import deque
from collections.abc import Sequence

from PIL import Image

Pixel = tuple[int, int]  # row, column
Colour = tuple[int, int, int]

GREEN: Colour = (0, 255, 0)
OPEN_SUM = 600


def shortest(rows: Sequence[Sequence[bool]]) -> int | None:
    """The fewest pixels on a 4-connected path over true pixels from the top row to the bottom row;
    None when there is no path."""
    steps = {(0, column): 1 for column, is_open in enumerate(rows[0]) if is_open}
    queue = deque(steps)
    while queue:
        row, column = queue.popleft()
        if row == len(rows) - 1:
            return steps[row, column]
        for there in _neighbours((row, column)):
            inside = 0 <= there[0] < len(rows) and 0 <= there[1] < len(rows[0])
            if inside and rows[there[0]][there[1]] and there not in steps:
                steps[there] = steps[row, column] + 1
                queue.append(there)
    return None


def open_rows(picture: Image.Image) -> list[list[bool]]:
    """Which pixels are open, as `shortest` takes them."""
    return [[sum(colour) >= OPEN_SUM for colour in row] for row in _colours(picture)]


def check_path(before: Image.Image, after: Image.Image, tolerance: int = 0) -> int:
    """Assert that `after` is `before` with one shortest path painted green, and return its length
    in pixels.

    `tolerance` is how far each of R, G and B may be off, which a JPEG output needs. It is at most
    86: the R or B of an open pixel is 173 or more away from green's, so the two stay apart.
    Both pictures are compared as RGB: what is transparent or wants rotating has to be laid on
    white and rotated before.
    """
    assert 0 <= tolerance <= 86, f"tolerance {tolerance} can't tell painted from open pixels"
    assert after.size == before.size, f"the size changed from {before.size} to {after.size}"
    was, now = _colours(before), _colours(after)
    painted = set()
    for row, (was_row, now_row) in enumerate(zip(was, now, strict=True)):
        for column, (old, new) in enumerate(zip(was_row, now_row, strict=True)):
            if _close(old, new, tolerance):
                continue
            where = f"pixel (row {row}, column {column})"
            assert _close(new, GREEN, tolerance), f"{where} changed from {old} to {new}, not green"
            assert sum(old) >= OPEN_SUM, f"{where} is painted but was a wall, {old}"
            painted.add((row, column))

    expected = shortest(open_rows(before))
    assert expected is not None, "the picture has no path from the top row to the bottom row"
    starts = [pixel for pixel in painted if pixel[0] == 0]
    assert len(starts) == 1, f"a shortest path has one pixel in the top row, not {len(starts)}"
    length = _walk(starts[0], painted, bottom=before.height - 1)
    assert length == len(painted), f"{len(painted) - length} painted pixels lie off the path"
    assert length == expected, f"the path has {length} pixels, the shortest one {expected}"
    return length


def _walk(start: Pixel, painted: set[Pixel], bottom: int) -> int:
    """The number of pixels from start to the bottom row, along painted ones, never choosing (so
    that it can't go in circles: where a circle closes there is a choice)."""
    length, previous, here = 1, start, start
    while here[0] != bottom:
        ahead = [there for there in _neighbours(here) if there in painted and there != previous]
        assert ahead, f"the path ends at {here}, before the bottom row"
        assert len(ahead) == 1, f"the path forks or touches itself at {here}: {ahead}"
        length, previous, here = length + 1, here, ahead[0]
    return length


def _neighbours(pixel: Pixel) -> list[Pixel]:
    row, column = pixel
    return [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]


def _close(one: Colour, other: Colour, tolerance: int) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def _colours(picture: Image.Image) -> list[list[Colour]]:
    samples = picture.convert("RGB").tobytes()
    colours = list(zip(samples[0::3], samples[1::3], samples[2::3], strict=True))
    width = picture.width
    return [colours[start : start + width] for start in range(0, len(colours), width)]
