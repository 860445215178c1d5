"""Fuzzing: whatever the bytes, an output or a rejection with a reason.

A short run with fixed seeds for every change; `make fuzz` (FUZZ=seconds) goes on with new ones, and
prints how to repeat what it finds.
"""

from __future__ import annotations

import os
import random
import struct
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from processing import job, maze, thumbnail
from processing.errors import Rejected
from processing.events import Upload
from processing.output import Output
from processing.picture import FORMATS
from processing.settings import Settings

from tests.hostile.corpus import ODD, POISON, packed_psd, psd, saved, valid, with_exif
from tests.hostile.corpus import maze as small_maze
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.usefixtures("folders_in_memory")
MAX_PIXELS = 250_000
SECONDS = float(os.environ.get("FUZZ") or 0)
"""For each format; 0: a fixed number of files."""
ROUNDS = 400
INTERESTING = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0" * 8,
]


def either(body: bytes, content_type: str) -> Output:
    """What the first of the processors makes that can; rejected is what none of them can use."""
    made, rejected = [], None
    for processor in (maze.solve, thumbnail.thumbnail):
        try:
            made.append(processor(body, content_type, max_pixels=MAX_PIXELS))
        except Rejected as error:
            assert len(str(error)) > 10
            rejected = error
    if rejected and not made:
        raise rejected
    return made[0]


SETTINGS = Settings(processor=OnBytes(either), memory_mib=512, max_seconds=10)


def assert_ends_well(body: bytes) -> str:
    """With all processors, in one job. Gives the outcome."""
    store = MemoryStore()
    store.upload("input/x", body)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = job.run(Upload(store.name, "input/x"), store, SETTINGS, log=lambda line: None)
    assert report.outcome in ("succeeded", "rejected")
    assert report.outcome == "succeeded" or len(report.reason) > 10
    return report.outcome


@cache
def seeds(kind: str) -> list[bytes]:
    """Good files of a format, plain and unusual, to be spoilt."""
    picture = small_maze()
    if kind == "PSD":
        return [psd(picture), *map(packed_psd, (picture, picture.convert("L")))]
    unusual: dict[str, list[dict[str, object]]] = {
        "PNG": [{"icc_profile": b"p" * 200}, {"save_all": True, "append_images": [picture] * 2}],
        "JPEG": [{"progressive": True}, {"quality": 5}, {"icc_profile": b"p" * 200}],
        "GIF": [{"interlace": 0}, {"save_all": True, "append_images": [picture.rotate(90)] * 2}],
        "TIFF": [
            {"compression": name}
            for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits", "zstd", "lzma")
        ],
        "WEBP": [{"lossless": True}, {"save_all": True, "append_images": [picture.rotate(90)] * 2}],
        "JPEG2000": [{"no_jp2": True}, {"tile_size": (16, 16)}, {"irreversible": True}],
        "AVIF": [{"subsampling": "4:4:4"}],
        "TGA": [{"compression": "tga_rle"}],
    }
    files = [valid(kind), *(saved(picture, kind, **options) for options in unusual.get(kind, []))]
    for mode in ("1", "L", "P", "CMYK", "RGBA", "LA"):
        try:
            files.append(saved(picture.convert(mode), kind))
        except (OSError, KeyError, ValueError):  # a mode that the format does not know
            continue
    return files


def spoilt(body: bytes, chance: random.Random) -> bytes:
    """A few bits flipped, bytes replaced, parts removed, repeated or moved; mostly near the start,
    where the headers are."""
    spoiling = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        near = min(len(spoiling), chance.choice((32, 128, 1024, 2**30)))
        at, length = chance.randrange(near), chance.choice((1, 2, 4, 8, 64))
        match chance.randrange(6):
            case 0:
                spoiling[at] ^= 1 << chance.randrange(8)
            case 1:
                value = chance.choice(INTERESTING)
                spoiling[at : at + len(value)] = value
            case 2:
                spoiling[at : at + length] = chance.randbytes(length)
            case 3:
                del spoiling[at : at + length]
            case 4:
                spoiling[at:at] = spoiling[at : at + length]
            case 5:
                del spoiling[chance.randrange(len(spoiling)) :]
        if not spoiling:
            break
    return bytes(spoiling)


@pytest.mark.parametrize("kind", FORMATS)
def test_spoilt_files_end_well(kind: str, figure: Callable[[str], None]) -> None:
    started, outcomes, number = time.monotonic(), Counter[str](), 0
    first = random.SystemRandom().randrange(2**32) if SECONDS else 0
    while time.monotonic() < started + SECONDS if SECONDS else number < ROUNDS:
        chance = random.Random(first + number)
        body = spoilt(chance.choice(seeds(kind)), chance)
        try:
            outcomes[assert_ends_well(body)] += 1
        except BaseException as error:
            error.add_note(f"{kind}, random.Random({first + number}): {body[:200]!r}...")
            raise
        number += 1
    figure(
        f"fuzz, {kind}, seeds {first} to {first + number - 1}: {outcomes['succeeded']} succeeded, "
        f"{outcomes['rejected']} rejected, nothing else"
    )


budget = settings(
    max_examples=10_000 if SECONDS else 300,
    derandomize=not SECONDS,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
magic = st.sampled_from(sorted({body[:size] for kind in FORMATS for body in seeds(kind)
                                for size in (4, 12, 32)}))  # fmt: skip


@budget
@example(b"")
@given(st.binary(max_size=2000))
def test_any_bytes_end_well(body: bytes) -> None:
    assert_ends_well(body)


@budget
@given(magic, st.binary(max_size=500))
def test_any_bytes_behind_a_true_beginning_end_well(beginning: bytes, rest: bytes) -> None:
    assert_ends_well(beginning + rest)


@budget
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x0112, 0x8769, 0x8825, 0xA005, 0x014A, 0x0111, 0x0201, 0x010E])
            | st.integers(0, 65535),
            st.integers(0, 14),
            st.sampled_from([0, 1, 2, 5, 2**32 - 1]),
            st.integers(0, 200) | st.integers(0, 2**32 - 1),
        ),
        max_size=8,
    ),
    st.binary(max_size=100),
)
def test_no_metadata_spoils_a_good_photograph(
    tags: list[tuple[int, int, int, int]], data: bytes
) -> None:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    exif = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data
    assert assert_ends_well(with_exif(exif)) == "succeeded"


@budget
@given(st.sampled_from(sorted(POISON)), st.sampled_from(sorted(ODD)), st.integers(0, 2000))
def test_halves_of_different_files_end_well(one: str, other: str, at: int) -> None:
    assert_ends_well(POISON[one][0]()[:at] + ODD[other]()[at:])
