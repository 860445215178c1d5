"""Seeded pictures of mazes, for the benchmark, the tests and the documentation.

The rules of a maze: a pixel is open when R+G+B >= 600, openings lie in the top and bottom row,
and a path steps up, down, left or right. Every function returns a picture of mode "L", 255 where
open and 0 where not, of exactly the width and height asked for.

Units: `width`, `height`, `corridor`, `wall` and `block` are pixels. A maze is a grid of cells, one
corridor wide and one wall apart, as many as fit; what is left over thickens the outer wall.
`openings` is how many openings the top and the bottom row get, one number for both or a pair;
`opening_width` is in cells (in a field, whose cells are pixels, in pixels).

Nothing but the arguments decides a pixel, so a seed gives the same picture everywhere (chance.py).
The costliest picture, a maze with corridors and walls of 1 pixel, takes 12 bytes a pixel to make.
"""

import io
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from . import passages
from .chance import Mask, drawn, random

Openings = int | tuple[int, int]

OPEN_SUM = 600  # R+G+B from which a pixel is open


# Pictures


def maze(
    width: int,
    height: int,
    corridor: int = 1,
    wall: int = 1,
    braid: float = 0.0,
    openings: Openings = 1,
    opening_width: int = 1,
    seed: int = 0,
) -> Image.Image:
    """A maze: perfect (one path between any two cells), or braided.

    `braid` is the share of dead ends, 0 to 1, that get a second way out. More than one opening,
    or wide ones, also give a perfect maze more than one way through.
    """
    rows, cols = _cells(height, corridor, wall, "height"), _cells(width, corridor, wall, "width")
    right, down = passages.spanning_tree(rows, cols, seed)
    if braid:
        passages.braid(right, down, braid, seed)
    tops, bottoms = _openings(cols, openings, opening_width, seed)
    return _draw(right, down, tops, bottoms, corridor, wall, width, height)


def spiral(width: int, height: int, corridor: int = 1, wall: int = 1) -> Image.Image:
    """The longest path: a spiral in from the top left and, between its turns, out again to the
    bottom right. It visits every cell (but for one side of the innermost turn when the shorter
    side of the grid is an even number of cells).
    """
    rows, cols = _cells(height, corridor, wall, "height"), _cells(width, corridor, wall, "width")
    right, down = passages.double_spiral(rows, cols)
    first, last = range(1), range(cols - 1, cols)
    return _draw(right, down, [first], [last], corridor, wall, width, height)


def pattern(kind: str, width: int, height: int, corridor: int = 1, wall: int = 1) -> Image.Image:
    """The same passages again and again, from the top left to the bottom right; `kind` is a key of
    passages.PATTERNS."""
    rows, cols = _cells(height, corridor, wall, "height"), _cells(width, corridor, wall, "width")
    right, down = passages.PATTERNS[kind](rows, cols)
    first, last = range(1), range(cols - 1, cols)
    return _draw(right, down, [first], [last], corridor, wall, width, height)


def dashes(width: int, height: int, apart: int = 8, length: int = 12, gap: int = 4) -> Image.Image:
    """Diagonal lines right across, every `apart` pixels, of dashes `length` pixels long with gaps
    between them: no path goes straight for long. Open to all sides."""
    y, x = np.indices((height, width), np.int32, sparse=True)
    return _picture(((x + y) % apart > 0) | ((x - y) % (2 * (length + gap)) >= 2 * length))


def field(
    width: int,
    height: int,
    obstacles: float = 0.0,
    block: int = 1,
    wall: int = 1,
    openings: Openings = 1,
    opening_width: int = 1,
    seed: int = 0,
) -> Image.Image:
    """A walled open field: the widest search, with very many shortest paths.

    `obstacles` is the share of dark blocks, each `block` pixels square. The outermost blocks stay
    open, so that there always is a path.
    """
    for pixels, side in ((width, "width"), (height, "height")):
        _cells(pixels, 1, wall, side)  # raises if none fits
    mask = np.zeros((height, width), np.bool_)
    inner = mask[wall : height - wall, wall : width - wall]
    inner[:] = True
    if obstacles:
        _scatter(inner[block:-block, block:-block], obstacles, block, seed)
    tops, bottoms = _openings(inner.shape[1], openings, opening_width, seed)
    for span in tops:
        mask[:wall, wall + span.start : wall + span.stop] = True
    for span in bottoms:
        mask[height - wall :, wall + span.start : wall + span.stop] = True
    return _picture(mask)


def hostile(kind: str, width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture without a path, but for "open"; `kind` is a key of HOSTILE."""
    return HOSTILE[kind](width, height, seed)


def scan(picture: Image.Image, quality: int = 90, noise: int = 24, seed: int = 0) -> bytes:
    """The picture as a scanner would give it: a colour JPEG file with paper, ink, grain and light
    falling off to the corners. Decoded, it is open exactly where `picture` is.

    `noise` is the grain's greatest deviation (of 255). JPEG's own errors come on top of it: the
    grain is halved until no pixel changes sides, and ValueError says that no grain is little
    enough, which happens with thin corridors and low quality.
    """
    intended = open_pixels(picture)
    while True:
        file = io.BytesIO()
        _scanned(intended, noise, seed).save(file, "JPEG", quality=quality)
        with warnings.catch_warnings():
            # Pillow warns of large pictures, which may be bombs; this one is ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            decoded = Image.open(file)
        if np.array_equal(open_pixels(decoded), intended):
            return file.getvalue()
        if not noise:
            raise ValueError(f"quality {quality} is too low for corridors and walls this thin")
        noise //= 2


def open_pixels(picture: Image.Image) -> Mask:
    """Which pixels are open, height x width."""
    mask = np.empty((picture.height, picture.width), np.bool_)
    for rows in _strips(picture.height):
        strip = picture.crop((0, rows.start, picture.width, rows.stop)).convert("RGB")
        mask[rows] = np.asarray(strip).sum(axis=2, dtype=np.uint16) >= OPEN_SUM
    return mask


# Hostile pictures


def _severed(width: int, height: int, seed: int) -> Image.Image:
    """A maze with a wall right across."""
    picture = maze(width, height, seed=seed)
    picture.paste(0, (0, height // 2, width, height // 2 + 1))
    return picture


def _diagonal(width: int, height: int, seed: int) -> Image.Image:
    """Two open quarters that touch by a corner only: no path, unless one steps diagonally."""
    picture = Image.new("L", (width, height), 0)
    picture.paste(255, (0, 0, width // 2, height // 2))
    picture.paste(255, (width // 2, height // 2, width, height))
    return picture


def _around(width: int, height: int, seed: int) -> Image.Image:
    """The right edge above, the left edge below: no path, unless one steps off the right edge onto
    the next row's left edge, its neighbour in memory."""
    picture = Image.new("L", (width, height), 0)
    picture.paste(255, (width - 1, 0, width, height // 2))
    picture.paste(255, (0, height // 2, 1, height))
    return picture


HOSTILE: dict[str, Callable[[int, int, int], Image.Image]] = {
    "no-top": lambda width, height, seed: maze(width, height, openings=(0, 1), seed=seed),
    "no-bottom": lambda width, height, seed: maze(width, height, openings=(1, 0), seed=seed),
    "no-path": _severed,
    "diagonal": _diagonal,
    "around": _around,
    "dark": lambda width, height, seed: Image.new("L", (width, height), 0),
    "open": lambda width, height, seed: Image.new("L", (width, height), 255),
}


# Openings


def _openings(
    places: int, openings: Openings, width: int, seed: int
) -> tuple[list[range], list[range]]:
    """The places of the openings of the top and of the bottom row."""
    top, bottom = (openings, openings) if isinstance(openings, int) else openings
    return _spread(places, top, width, seed, "top"), _spread(places, bottom, width, seed, "bottom")


def _spread(places: int, count: int, width: int, seed: int, purpose: str) -> list[range]:
    """`count` openings, one at random in each of as many equal parts of the row."""
    spans = []
    for part in range(count):
        begin, end = part * places // count, (part + 1) * places // count
        if not 1 <= width <= end - begin:
            raise ValueError(f"{count} openings {width} wide don't fit in {places} places")
        lot = int(random(np.array([part]), seed, purpose)[0])
        start = begin + lot % (end - begin - width + 1)
        spans.append(range(start, start + width))
    return spans


# From passages to pixels


def _cells(pixels: int, corridor: int, wall: int, side: str) -> int:
    """How many cells fit side by side between the outer walls."""
    if corridor < 1 or wall < 1:
        raise ValueError(f"corridor {corridor} and wall {wall} must be 1 pixel or more")
    cells = (pixels - wall) // (corridor + wall)
    if cells < 1:
        raise ValueError(f"{side} {pixels} is too small for a corridor {corridor}, walls {wall}")
    return cells


def _draw(
    right: Mask,
    down: Mask,
    tops: list[range],
    bottoms: list[range],
    corridor: int,
    wall: int,
    width: int,
    height: int,
) -> Image.Image:
    rows, cols = right.shape
    # Walls are the even rows and columns of the lattice, corridors the odd ones.
    lattice = np.zeros((2 * rows + 1, 2 * cols + 1), np.bool_)
    lattice[1::2, 1::2] = True
    lattice[1::2, 2::2] = right
    lattice[2::2, 1::2] = down
    for row, spans in ((0, tops), (-1, bottoms)):
        for span in spans:
            lattice[row, 2 * span.start + 1 : 2 * span.stop] = True
    across, along = _extents(cols, corridor, wall, width), _extents(rows, corridor, wall, height)
    return _picture(np.repeat(np.repeat(lattice, across, axis=1), along, axis=0))


def _extents(cells: int, corridor: int, wall: int, pixels: int) -> npt.NDArray[np.intp]:
    """The pixels of every row or column of the lattice; what is left over goes to the two ends."""
    extents = np.full(2 * cells + 1, wall)
    extents[1::2] = corridor
    spare = pixels - int(extents.sum())
    extents[0] += spare // 2
    extents[-1] += spare - spare // 2
    return extents


def _scatter(mask: Mask, share: float, block: int, seed: int) -> None:
    """Darken a share of the mask's blocks, in place."""
    rows, cols = -(-mask.shape[0] // block), -(-mask.shape[1] // block)
    for row in range(rows):
        places = np.arange(row * cols, (row + 1) * cols)
        dark = np.repeat(drawn(places, share, seed, "obstacles"), block)
        mask[row * block : (row + 1) * block, dark[: mask.shape[1]]] = False


def _picture(mask: Mask) -> Image.Image:
    grey = mask.view(np.uint8)
    grey *= 255
    return Image.fromarray(grey)


def _scanned(mask: Mask, noise: int, seed: int) -> Image.Image:
    """The mask on paper, a little darker towards the corners, with grain."""
    height, width = mask.shape
    ink, paper = np.array((24, 26, 34), np.int16), np.array((250, 248, 241), np.int16)
    x = np.abs(2 * np.arange(width, dtype=np.int64) - width)
    picture = Image.new("RGB", (width, height))
    for rows in _strips(height):
        y = np.abs(2 * np.arange(rows.start, rows.stop, dtype=np.int64) - height)
        shade = (4 * x * x // (width * width)) + (4 * y * y // (height * height))[:, None]
        place = np.arange(rows.start * width, rows.stop * width, dtype=np.int64)
        lot = random(place, seed, "grain").reshape(-1, width)
        # The mean of two dice has more small deviations than large ones.
        dice = (lot & np.uint32(0xFF)).astype(np.int32) + (lot >> np.uint32(24)).astype(np.int32)
        grain = (dice - 255) * noise // 255
        colour = np.where(mask[rows, :, None], paper, ink) + (grain - shade)[:, :, None]
        strip = Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))
        picture.paste(strip, (0, rows.start))
    return picture


def _strips(height: int) -> Iterator[slice]:
    """Slices of rows, so that what is computed for a pixel needn't be held for all of them."""
    return (slice(row, min(row + 256, height)) for row in range(0, height, 256))
