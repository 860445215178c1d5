"""The job that ships: solve a picture of a maze. Pure: a picture in, a picture out.

A pixel is open when R + G + B >= 600. The path runs from any opening in the top row to any
opening in the bottom row, in steps up, down, left and right, and is a shortest one.
The loops over pixels are in kernel.c; here is what surrounds them.
"""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

from PIL import Image

from . import picture
from .answer import Answer
from .errors import Rejected

OPEN_SUM = 600
PATH_COLOUR = (0, 255, 0)
_STRIP_ROWS = 256

_kernel = ctypes.CDLL(str(Path(__file__).with_name("kernel.so")))
_kernel.mark_open.restype = None
_kernel.mark_open.argtypes = (ctypes.c_void_p, ctypes.c_char_p, *[ctypes.c_int32] * 4)
_kernel.solve.restype = ctypes.c_int32
_kernel.solve.argtypes = (ctypes.c_void_p, *[ctypes.c_int32] * 2, *[ctypes.c_void_p] * 2)

# The kernel counts cells in 32 bits.
_MOST_CELLS = 2**31 - 1


def solve(body: bytes, content_type: str, max_pixels: int = picture.MAX_PIXELS) -> Answer:
    """Paint a shortest path through the maze in `body`, and answer in the same format.

    Raises Rejected when the bytes are no picture, or the picture no maze that can be solved.
    """
    maze = picture.read(body, max_pixels)
    paint_path(maze.image)
    return Answer(*picture.write(maze), pixels=maze.image.width * maze.image.height)


def paint_path(image: Image.Image) -> int:
    """Paint a shortest path into an RGB image. Gives its length in pixels.

    Needs one byte a pixel beside the image, and four for each pixel of the widest frontier.
    """
    width, height = image.size
    size = (width + 1) * (height + 2) + 1
    if size > _MOST_CELLS:
        raise Rejected(f"the picture has {width} x {height} pixels, more than 2^31 with its rim")
    cells = bytearray(size)
    view = (ctypes.c_char * size).from_buffer(cells)
    for top in range(0, height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, height - top)
        pixels = image.crop((0, top, width, top + rows)).tobytes("raw", "RGBX")
        _kernel.mark_open(view, pixels, width, top, rows, OPEN_SUM)

    first_row, last_row = _row(cells, width, 0), _row(cells, width, height - 1)
    for name, row in (("top", first_row), ("bottom", last_row)):
        if not any(row):
            raise Rejected(
                f"the maze has no opening in its {name} row: "
                f"no pixel there with R+G+B >= {OPEN_SUM}"
            )

    # Anonymous memory that costs nothing until it is touched: a frontier may be as large as the
    # picture, but hardly ever is.
    with _Frontier(width * height) as here, _Frontier(width * height) as following:
        length: int = _kernel.solve(view, width, height, here.address, following.address)
    if not length:
        raise Rejected("no path leads from the top row to the bottom row")

    for top in range(0, height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, height - top)
        start = (top + 1) * (width + 1) + 1
        strip = memoryview(cells)[start : start + rows * (width + 1)]
        mask = Image.frombuffer("L", (width, rows), strip, "raw", "L", width + 1, 1)  # type: ignore[arg-type]
        image.paste(PATH_COLOUR, (0, top), mask)
    return length


def _row(cells: bytearray, width: int, y: int) -> memoryview:
    start = (y + 1) * (width + 1) + 1
    return memoryview(cells)[start : start + width]


class _Frontier:
    """Room for `count` 32-bit integers, committed by the system page by page as it is used."""

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, 4 * count)
        self._anchor: ctypes.c_char | None = ctypes.c_char.from_buffer(self._memory)

    def __enter__(self) -> _Frontier:
        return self

    @property
    def address(self) -> int:
        assert self._anchor is not None
        return ctypes.addressof(self._anchor)

    def __exit__(self, *_: object) -> None:
        self._anchor = None
        self._memory.close()
