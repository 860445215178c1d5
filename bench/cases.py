"""The pictures of the benchmark."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import mazes
from mazes import pictures

from . import ROOT

RECIPE = ROOT.parent / "shared" / "data" / "maze.jpg"
"""The picture that comes with the recipe; measured where it is."""

MAZE, OTHER = 1.5, 1.8
"""How many times decoding and encoding alone a job may take: of a maze, and of anything else."""


@dataclass(frozen=True)
class Case:
    """One picture of the benchmark."""

    name: str
    kind: str
    """What it is in the plot."""
    make: Callable[[], bytes]
    limit: float = OTHER
    quick: bool = False
    """Whether it is in the quick set too."""
    peer: bool = False
    """Whether the peer can take it: openings of one pixel, and small enough to wait for (the maze
    of 600 pixels takes it 97 s)."""

    def file(self) -> Path:
        """The picture's file, made once for all benchmarks."""
        made_by = hashlib.sha256()
        for source in (Path(__file__), *sorted(Path(str(mazes.__file__)).parent.glob("*.py"))):
            made_by.update(source.read_bytes())
        path = ROOT / "build" / "bench" / made_by.hexdigest()[:12] / self.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(self.make())
            partial.rename(path)
        return path


def cases(recipe: Path | None, quick: bool) -> Iterator[Case]:
    """The pictures to measure, smallest first."""
    chosen = [case for case in CASES if case.quick or not quick]
    if recipe:
        chosen.insert(0, Case(recipe.name, "the recipe's", recipe.read_bytes, MAZE, peer=True))
    return iter(chosen)


def jpeg(picture: Image.Image) -> bytes:
    return _encoded(picture.convert("RGB"), "JPEG", quality=95)


def png(picture: Image.Image) -> bytes:
    return _encoded(picture, "PNG", compress_level=1)


def _encoded(picture: Image.Image, format: str, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _maze(side: int, corridor: int = 1, wall: int = 1, **wishes: float) -> Callable[[], bytes]:
    return lambda: jpeg(pictures.maze(side, side, corridor, wall, **wishes))  # type: ignore[arg-type]


def _spiral(side: int, corridor: int = 1, wall: int = 1) -> Callable[[], bytes]:
    return lambda: jpeg(pictures.spiral(side, side, corridor, wall))


def _pattern(kind: str, side: int, corridor: int = 1, wall: int = 1) -> Callable[[], bytes]:
    return lambda: jpeg(pictures.pattern(kind, side, side, corridor, wall))


def _field(side: int, **wishes: float) -> Callable[[], bytes]:
    return lambda: jpeg(pictures.field(side, side, **wishes))  # type: ignore[arg-type]


PERFECT, BRAIDED, WIDE = "perfect maze, 1 px", "braided maze, 1 px", "maze, 5 or 10 px"
SPIRAL, FIELD, SCAN, PNG = "spiral", "open field", "scan", "PNG"
PATTERN = "pattern"

CASES = [
    Case("maze-1px-100.jpg", PERFECT, _maze(101), MAZE, quick=True, peer=True),
    Case("maze-1px-600.jpg", PERFECT, _maze(600), MAZE, quick=True),
    Case("braid-1px-600.jpg", BRAIDED, _maze(600, braid=0.5), MAZE, quick=True),
    Case("braid-5px-600.jpg", WIDE, _maze(600, 5, 2, braid=0.5), MAZE, quick=True),
    Case("maze-10px-600.jpg", WIDE, _maze(600, 10, 4), MAZE, quick=True),
    Case("spiral-1px-600.jpg", SPIRAL, _spiral(600), MAZE, quick=True),
    Case("field-600.jpg", FIELD, _field(600), quick=True),
    Case("obstacles-600.jpg", FIELD, _field(600, obstacles=0.3), quick=True),
    Case("maze-1px-2000.jpg", PERFECT, _maze(2000), MAZE, quick=True),
    Case("maze-1px-2000.png", PNG, lambda: png(pictures.maze(2000, 2000)), MAZE, quick=True),
    Case("braid-1px-2000.jpg", BRAIDED, _maze(2000, braid=0.5), MAZE),
    Case("braid-5px-2000.jpg", WIDE, _maze(2000, 5, 2, braid=0.5), MAZE, quick=True),
    Case("maze-10px-2000.jpg", WIDE, _maze(2000, 10, 4), MAZE, quick=True),
    Case("openings-8x3-2000.jpg", WIDE, _maze(2000, 5, 2, openings=8, opening_width=3), MAZE),
    Case("spiral-1px-2000.jpg", SPIRAL, _spiral(2000), MAZE),
    Case("spiral-10px-2000.jpg", SPIRAL, _spiral(2000, 10, 4)),
    Case("field-2000.jpg", FIELD, _field(2000, openings=1, opening_width=1500), quick=True),
    Case("obstacles-2000.jpg", FIELD, _field(2000, obstacles=0.3), quick=True),
    # Sizes off powers of two, and odd ones.
    Case("comb-1px-2047.jpg", PATTERN, _pattern("comb", 2047), quick=True),
    Case("comb-10px-2049.jpg", PATTERN, _pattern("comb", 2049, 10, 4)),
    Case("serpentine-1px-2049.jpg", PATTERN, _pattern("serpentine", 2049), quick=True),
    Case("serpentine-7px-2047.jpg", PATTERN, _pattern("serpentine", 2047, 7, 3)),
    Case("columns-1px-2049.jpg", PATTERN, _pattern("columns", 2049), quick=True),
    Case("columns-7px-2047.jpg", PATTERN, _pattern("columns", 2047, 7, 3)),
    Case("dots-1px-2047.jpg", PATTERN, _pattern("dots", 2047), quick=True),
    Case("dots-20px-2049.jpg", PATTERN, _pattern("dots", 2049, 20, 1), quick=True),
    Case("dashes-2049.jpg", PATTERN, lambda: jpeg(pictures.dashes(2049, 2049)), quick=True),
    Case("random-60-2049.jpg", FIELD, _field(2049, obstacles=0.4), quick=True),
    Case("random-80-2047.jpg", FIELD, _field(2047, obstacles=0.2), quick=True),
    Case("scan-5px-2000.jpg", SCAN, lambda: pictures.scan(pictures.maze(2000, 2000, 5, 5)), MAZE),
    Case("field-2000.png", PNG, lambda: png(pictures.field(2000, 2000))),
    # Rows of 4096 bytes would all meet in the same few lines of the processor's cache.
    Case("spiral-1px-4095.jpg", SPIRAL, _spiral(4095), MAZE),
    Case("columns-1px-4097.jpg", PATTERN, _pattern("columns", 4097)),
    Case("comb-1px-4097.jpg", PATTERN, _pattern("comb", 4097)),
    Case("dots-40px-4095.jpg", PATTERN, _pattern("dots", 4095, 40, 2)),
    Case("random-60-4097.jpg", FIELD, _field(4097, obstacles=0.4)),
    Case("random-80-4095.jpg", FIELD, _field(4095, obstacles=0.2)),
    Case("maze-1px-5000.jpg", PERFECT, _maze(5000), MAZE),
    Case("braid-10px-5000.jpg", WIDE, _maze(5000, 10, 4, braid=0.5), MAZE),
    Case("openings-8x3-5000.jpg", WIDE, _maze(5000, 5, 2, openings=8, opening_width=3), MAZE),
    Case("spiral-1px-5000.jpg", SPIRAL, _spiral(5000), MAZE),
    Case("scan-10px-5000.jpg", SCAN, lambda: pictures.scan(pictures.maze(5000, 5000, 10, 4)), MAZE),
    Case("maze-10px-5000.png", PNG, lambda: png(pictures.maze(5000, 5000, 10, 4)), MAZE),
    Case("field-10000.jpg", FIELD, _field(10000)),
    Case("maze-10px-10000.jpg", WIDE, _maze(10000, 10, 4), MAZE),
    Case("maze-1px-10000.jpg", PERFECT, _maze(10000), MAZE),
    Case("braid-1px-10000.jpg", BRAIDED, _maze(10000, braid=0.5), MAZE),
    Case("spiral-1px-10000.jpg", SPIRAL, _spiral(10000), MAZE),
]

HUNDRED_MEGAPIXELS = "maze-10px-10000.jpg"
"""The picture that the goals for time and memory of 100 megapixels are about."""
