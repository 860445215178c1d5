"""What is uploaded, and what its result must be: the truth that a run is judged by."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from PIL import Image

from local.pipeline import INPUT, output_key, rejection_key
from mazes import check, pictures
from tests.hostile.corpus import POISON
from tests.load.sizes import EVERY

BAD, OVERWRITTEN = 0.1, 0.1
RECENT = 6
"""Half of those that are overwritten are among the last ones: their jobs may be under way."""
MAZES = 199
"""Different ones: a picture is made, and its path found, once."""
POISONS = [
    "nothing",
    "half of a PNG",
    "16 bytes of a TIFF",
    "PNG of 2^31 pixels square",
    "PNG with a bomb for text",
    "TIFF that is its own next page",
    "GIF 0 x 0",
    "SVG with a script",
    "a maze with a wall across",
]
IN_PIECES = (
    """sh -c 'if grep -q ^bad "$1"; then echo it is bad >&2; exit 65; fi; split -n 3 "$1" "$2/"' """
    "job {input} {output}"
)


class Step(NamedTuple):
    """One upload."""

    key: str
    number: int
    """What is in it follows from that."""
    good: bool
    overwrites: bool
    comes_twice: bool
    kills: bool
    """A worker is killed after it, whichever it is."""

    @property
    def result(self) -> str:
        """The key of the one result that it must have."""
        return output_key(self.key) if self.good else rejection_key(self.key)


def steps(seed: int, uploads: int) -> Iterator[Step]:
    """So many uploads, with overwrites between them."""
    chance, keys, number = random.Random(seed), list[str](), 0
    while len(keys) < uploads:
        overwrites = bool(keys) and chance.random() < OVERWRITTEN
        if overwrites:
            key = chance.choice(keys[-RECENT:] if chance.random() < 0.5 else keys)
        else:
            key = f"{INPUT}{len(keys):06}.png"
            keys.append(key)
        good = chance.random() >= BAD
        yield Step(key, number, good, overwrites, number % EVERY == 2, number % EVERY == EVERY - 1)
        number += 1


class Work(Protocol):
    """What is in an upload, by its number, and what its job makes of it."""

    several: bool
    """Whether the outputs are manifests."""

    def content(self, step: Step) -> bytes: ...

    def judge(self, step: Step, output: bytes) -> None:
        """Raises an exception when this is not the output."""

    def judge_rejection(self, step: Step, record: Mapping[str, Any]) -> None:
        """Raises AssertionError when this is not why."""


class Pictures:
    """Mazes, and files from the corpus of what is none."""

    several = False

    def __init__(self, larger_than: int = 0) -> None:
        self._after = bytes(larger_than)
        """What comes after a picture's end is not looked at: with it, every other one is large."""

    def content(self, step: Step) -> bytes:
        if not step.good:
            return poison(POISONS[step.number % len(POISONS)])
        return maze(step.number % MAZES) + (self._after if step.number % 2 else b"")

    def judge(self, step: Step, output: bytes) -> None:
        solved(step.number % MAZES, output)

    def judge_rejection(self, step: Step, record: Mapping[str, Any]) -> None:
        expected = POISON[POISONS[step.number % len(POISONS)]][1]
        assert re.search(expected, record["reason"]), f"{record['reason']}, not {expected}"


class Pieces:
    """Text that tells in all its parts which upload it is, for IN_PIECES."""

    several = True

    def __init__(self, larger_than: int = 0) -> None:
        self._after = b" " * larger_than

    def content(self, step: Step) -> bytes:
        if not step.good:
            return b"bad"
        return b"%d " % step.number * 100 + (self._after if step.number % 2 else b"")

    def judge(self, step: Step, output: bytes) -> None:
        assert output == self.content(step), f"of {output.split()[:1]}, not of {step.number}"

    def judge_rejection(self, step: Step, record: Mapping[str, Any]) -> None:
        assert "it is bad" in record["reason"], record["reason"]


@functools.cache
def maze(seed: int) -> bytes:
    file = BytesIO()
    pictures.maze(40, 40, seed=seed).save(file, "PNG")
    return file.getvalue()


@functools.cache
def poison(name: str) -> bytes:
    return POISON[name][0]()


@functools.cache
def solved(seed: int, output: bytes) -> None:
    """Raises NotSolved."""
    with Image.open(BytesIO(maze(seed))) as before, Image.open(BytesIO(output)) as after:
        check.solved(before, after)
