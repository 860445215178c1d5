"""The job that ships: solve a picture of a maze. Pure: a picture in, a picture out.

A pixel is open when R + G + B >= 600. The path runs from any opening in the top row to any
opening in the bottom row, in steps up, down, left and right, and is a shortest one.
The loops over pixels are in kernel.c; here is what surrounds them.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from pathlib import Path

from PIL import Image

from . import picture
from .errors import Rejected
from .output import Output

OPEN_SUM = 600
PATH_COLOUR = (0, 255, 0)

_MARGIN = 8  # bytes before and after all cells, see kernel.c
_LARGE_PAGE = 2**21  # bytes, on x86-64 and mostly on arm64
_WIDE = 1000  # pixels, from where on the processor's cache is too small for a few columns

_kernel = ctypes.CDLL(str(Path(__file__).with_name("kernel.so")))
_int, _pointer = ctypes.c_int32, ctypes.c_void_p
_kernel.mark_open.restype = None
_kernel.mark_open.argtypes = (_pointer, _pointer, _int, _int, _int, ctypes.c_uint32)
_kernel.solve.restype = _int
_kernel.solve.argtypes = (_pointer, _pointer, _int, _int, _int, ctypes.c_char_p, *[_pointer] * 3)

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = _pointer
_capsule_pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)


def solve(body: bytes, content_type: str, max_pixels: int = picture.MAX_PIXELS) -> Output:
    """Paint a shortest path through the maze in `body`, and give the output in the same format.

    Raises Rejected when the bytes are no picture, or the picture no maze that can be solved.
    """
    maze = picture.read(body, max_pixels)
    paint_path(maze.image)
    return Output(*picture.write(maze), pixels=maze.image.width * maze.image.height)


def paint_path(image: Image.Image) -> int:
    """Paint a shortest path into an RGB image that owns its pixels. Gives its length in pixels.

    Needs one byte a pixel beside the image, and four for each pixel of the widest frontier.
    """
    assert image.mode == "RGB" and not image.readonly
    width, height = image.size
    _, capsule = image.__arrow_c_array__()  # the image's own memory, while the capsule lives
    pixels = _capsule_pointer(capsule, b"arrow_array")

    stride = _stride(width)
    cells = _memory_for_all(_MARGIN + stride * (height + 2) + _MARGIN)
    _kernel.mark_open(_address(cells), pixels, width, height, stride, OPEN_SUM)
    for name, y in (("top", 0), ("bottom", height - 1)):
        start = _MARGIN + stride * (y + 1)
        if not any(cells[start : start + width]):
            raise Rejected(
                f"the maze has no opening in its {name} row: "
                f"no pixel there with R+G+B >= {OPEN_SUM}"
            )

    # Two frontiers, and the starts of corridors. Each may be as large as the picture, but hardly
    # ever is, and what is not touched costs nothing. One mapping, for each costs a small picture
    # some of its time.
    room = 4 * width * height
    lists = _memory(3 * room)
    length: int = _kernel.solve(
        *(_address(cells), pixels, width, height, stride, bytes(PATH_COLOUR)),
        *(_address(lists) + number * room for number in range(3)),
    )
    if not length:
        raise Rejected("no path leads from the top row to the bottom row")
    return length


def _stride(width: int) -> int:
    """How many bytes a row of cells takes: its pixels, and at least one that is closed.

    Of rows whose length is near a power of two, the cells of a column would share a few sets of the
    processor's cache and drive each other out; an odd number of its lines of 64 bytes spreads them.
    """
    if width < _WIDE:
        return width + 1
    return (width // 64 + 1) * 64 | 64


def _memory(size: int, more: int = 0) -> mmap.mmap:
    """Zeroed bytes that cost nothing until they are touched."""
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | more)


def _memory_for_all(size: int) -> mmap.mmap:
    """Zeroed bytes, each of which is touched."""
    if size < _LARGE_PAGE:  # all pages at once; one by one, they take a small picture longer
        return _memory(size, getattr(mmap, "MAP_POPULATE", 0))
    memory = _memory(size)
    # A step up or down leads to another page of memory; with larger pages it mostly doesn't. Only
    # Linux has them, and not every Linux.
    with contextlib.suppress(AttributeError, OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _address(memory: mmap.mmap) -> int:
    """Where the memory is; good for as long as `memory` lives."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
