"""Make a picture of a maze.

    python -m mazes KIND --pixels N [--corridor C] [--wall W] [--seed S] ... OUT

The picture in the documentation:
    python -m mazes maze --pixels 592 --corridor 10 --wall 4 --seed 631 docs/sample.png
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

from . import passages, pictures

KINDS = ("maze", "spiral", "field", "dashes", *passages.PATTERNS, *pictures.HOSTILE)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m mazes", description="Make a picture.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("out", type=Path, help="file to write; its name decides the format")
    parser.add_argument("--pixels", type=int, default=600, help="width and height")
    parser.add_argument("--corridor", type=int, default=1, help="pixels")
    parser.add_argument("--wall", type=int, default=1, help="pixels")
    parser.add_argument("--braid", type=float, default=0.0, help="maze: share of dead ends opened")
    parser.add_argument("--openings", type=int, default=1, help="in the top and the bottom row")
    parser.add_argument("--opening-width", type=int, default=1, help="cells; in a field, pixels")
    parser.add_argument("--obstacles", type=float, default=0.0, help="field: share of dark blocks")
    parser.add_argument("--block", type=int, default=1, help="field: pixels of an obstacle's side")
    parser.add_argument("--scan", type=int, metavar="QUALITY", help="write a noisy JPEG instead")
    parser.add_argument("--seed", type=int, default=0)
    wish = parser.parse_args(arguments)
    try:
        picture = _wished(wish)
        if wish.scan is None:
            picture.save(wish.out)
        else:
            wish.out.write_bytes(pictures.scan(picture, wish.scan, seed=wish.seed))
    except ValueError as error:
        parser.error(str(error))


def _wished(wish: argparse.Namespace) -> Image.Image:
    side = wish.pixels
    holes = {"openings": wish.openings, "opening_width": wish.opening_width, "seed": wish.seed}
    match wish.kind:
        case "maze":
            return pictures.maze(side, side, wish.corridor, wish.wall, wish.braid, **holes)
        case "spiral":
            return pictures.spiral(side, side, wish.corridor, wish.wall)
        case "field":
            return pictures.field(side, side, wish.obstacles, wish.block, wish.wall, **holes)
        case "dashes":
            return pictures.dashes(side, side)
        case kind if kind in passages.PATTERNS:
            return pictures.pattern(kind, side, side, wish.corridor, wish.wall)
        case _:
            return pictures.hostile(wish.kind, side, side, wish.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
