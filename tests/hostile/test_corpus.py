"""Poison ends in a rejection with its reason, and harms no neighbour."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from processing import job, maze, reports
from processing.events import Upload
from processing.picture import FORMATS
from processing.settings import Settings

from mazes import pictures
from tests.hostile import corpus
from tests.hostile.corpus import MAX_PIXELS, ODD, POISON
from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore
from tooling import paths

pytestmark = pytest.mark.usefixtures("folders_in_memory")
SETTINGS = Settings(processor=OnBytes(partial(maze.solve, max_pixels=MAX_PIXELS)))


def run(store: MemoryStore, key: str) -> reports.Report:
    """The job; decoders that warn fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return job.run(Upload(store.name, key), store, SETTINGS, log=lambda line: None)


def eaten(
    folder: Path,
    max_pixels: int,
    memory_mib: int,
    max_seconds: int = 60,
    processor: str = "processing.maze:solve",
) -> dict[str, Any]:
    """What became of the files of a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.eat", folder, processor]
        + [str(limit) for limit in (max_pixels, memory_mib, max_seconds)],
        env={
            "PATH": os.defpath,
            "TMPDIR": tempfile.gettempdir(),
            "PYTHONPATH": ":".join(str(paths.ROOT / name) for name in (".", "worker")),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_there_is_poison_enough() -> None:
    assert len(POISON) >= 50
    assert {f"half of a {kind}" for kind in FORMATS} <= set(POISON)


@pytest.mark.parametrize("name", POISON)
def test_poison_is_rejected_with_its_reason(name: str) -> None:
    made, reason = POISON[name]
    store = MemoryStore()
    store.upload("input/poison", made())
    report = run(store, "input/poison")
    assert report.outcome == "rejected"
    assert re.search(reason, report.reason), report.reason
    assert json.loads(store.body("rejected/poison.json"))["reason"] == report.reason
    assert store.body("output/poison") is None
    assert run(store, "input/poison").outcome == "unchanged"


def test_the_neighbours_of_poison_are_untouched(figure: Callable[[str], None]) -> None:
    """A good file between any two bad ones, all in one bucket and one process."""
    store, good = MemoryStore(), corpus.valid("PNG")
    keys = []
    for number, (made, _) in enumerate(POISON.values()):
        for key, body in ((f"input/{number}/bad", made()), (f"input/{number}/good", good)):
            store.upload(key, body)
            keys.append(key)
    outcomes = {key: run(store, key).outcome for key in keys}
    assert {key for key, outcome in outcomes.items() if outcome == "succeeded"} == {
        key for key in keys if key.endswith("/good")
    }
    outputs = {store.body(key.replace("input", "output")) for key in keys if key.endswith("/good")}
    assert len(outputs) == 1
    figure(f"poison: {len(POISON)} files, each rejected with its reason; neighbours all succeeded")


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_but_a_maze_has_an_output(name: str) -> None:
    store = MemoryStore()
    store.upload("input/odd", ODD[name]())
    assert run(store, "input/odd").outcome == "succeeded"
    with Image.open(BytesIO(store.body("output/odd"))) as output:
        assert getattr(output, "n_frames", 1) == 1
        assert (0, 255, 0) in {colour for _, colour in output.convert("RGB").getcolors(2**20)}


@pytest.mark.parametrize("name", [name for name in ODD if "behind" in name])
def test_what_hides_behind_a_picture_is_not_in_the_output(name: str) -> None:
    output = maze.solve(ODD[name](), "image/png").body
    assert not any(hidden in output for hidden in (b"PK\x05\x06", b"<script", b"%PDF"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "exe", "html"])
def test_the_name_says_nothing_about_the_format(suffix: str) -> None:
    store, key = MemoryStore(), f"input/a.{suffix}"
    store.upload(key, corpus.valid("BMP"), content_type="text/html")
    assert run(store, key).outcome == "succeeded"
    assert store.current(f"output/a.{suffix}")[0].content_type == "image/bmp"


def test_a_rotated_photograph_with_odd_metadata_has_an_output() -> None:
    """Pillow reads such metadata, and can't write it again."""
    tags = [(0x0112, 3, 1, 3), (0x9286, 5, 1, 2**32 - 1), (0xA404, 10, 1, 7)]
    body = corpus.with_exif(corpus.tiff(tags, data=bytes(100)))
    assert maze.solve(body, "image/jpeg").pixels == 1600


def test_the_whole_corpus_takes_little_memory(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    for number, (made, _) in enumerate(POISON.values()):
        (tmp_path / str(number)).write_bytes(made())
    processor = "tests.hostile.every_format:solve"
    went = eaten(tmp_path, MAX_PIXELS, memory_mib=1024, processor=processor)
    assert {outcome for outcome, _ in went["outcomes"].values()} == {"rejected"}
    assert went["greatest"] < 150
    figure(f"poison: {len(POISON)} files, one after the other: at most {went['greatest']} MiB")


LARGE = {
    "PNG": {},
    "JPEG": {},
    "JPEG progressive": {"progressive": True},
    "JPEG2000": {},
    "GIF": {},
    "WEBP": {},
    "WEBP lossless": {"lossless": True},
    "AVIF": {"speed": 10},
}
"""Each takes 34 MiB for the pixels alone; worker and runner have as much."""


@pytest.mark.parametrize("memory_mib", [64, 128])
def test_a_picture_that_memory_does_not_suffice_for_is_rejected_and_the_next_is_not(
    tmp_path: Path, memory_mib: int, large: dict[str, bytes]
) -> None:
    for name, body in large.items():
        (tmp_path / f"{name} large").write_bytes(body)
        (tmp_path / f"{name} small").write_bytes(corpus.valid("PNG"))
    outcomes = eaten(tmp_path, 3000 * 3000, memory_mib)["outcomes"]
    problem = f"the memory does not suffice to process it ({memory_mib} MiB)"
    for name in large:
        outcome, reason = outcomes[f"{name} large"]
        if memory_mib == 64 or outcome != "succeeded":  # with more, it suffices for some
            assert (outcome, reason[: len(problem)]) == ("rejected", problem), (name, reason)
        assert outcomes[f"{name} small"][0] == "succeeded", name


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    white = Image.new("RGB", (3000, 3000), "white")
    return {
        name: corpus.saved(white, name.partition(" ")[0], **options)
        for name, options in LARGE.items()
    }


@pytest.mark.parametrize("memory_mib", [56, 80])
def test_an_encoder_without_enough_memory_is_a_rejection(
    large_mazes: Path, memory_mib: int
) -> None:
    """With a limit of its own the job would crash in AVIF's, and go on for ever in JPEG 2000's."""
    outcomes = eaten(large_mazes, 800 * 800, memory_mib)["outcomes"]
    assert outcomes["AVIF"][0] == "rejected"  # for the others the greater of them suffices
    for kind, (outcome, reason) in outcomes.items():
        assert outcome == "succeeded" or "the memory does not suffice" in reason, (kind, reason)


@pytest.fixture(scope="module")
def large_mazes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, maze = tmp_path_factory.mktemp("mazes"), pictures.maze(800, 800).convert("RGB")
    for kind in ("AVIF", "JPEG2000", "WEBP"):
        (folder / kind).write_bytes(corpus.saved(maze, kind, **KEEP_WALLS.get(kind, {})))
    return folder


KEEP_WALLS: dict[str, dict[str, object]] = {
    "AVIF": {"quality": 100, "subsampling": "4:4:4", "speed": 10},
    "WEBP": {"lossless": True},
}


def test_a_large_file_that_is_cut_off_is_not_taken_for_want_of_memory(tmp_path: Path) -> None:
    """4 megapixels that fit, but not with what JPEG 2000 would take."""
    noise = Image.effect_noise((2000, 2000), 99)
    for kind in ("PNG", "TIFF", "GIF"):
        body = corpus.saved(noise, kind)
        (tmp_path / kind).write_bytes(body[: len(body) // 2])
    outcomes = eaten(tmp_path, 2000 * 2000, memory_mib=112)["outcomes"]
    for kind, (outcome, reason) in outcomes.items():
        assert outcome == "rejected"
        assert reason.startswith("the picture is damaged or cut off"), (kind, reason)


def test_a_file_that_takes_too_long_is_rejected_in_time(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    bomb = corpus.scans_of_nothing(1000, scans=40_000)
    (tmp_path / "1 bomb").write_bytes(bomb)
    (tmp_path / "2 neighbour").write_bytes(corpus.valid("PNG"))
    began = time.monotonic()
    outcomes = eaten(tmp_path, MAX_PIXELS, memory_mib=1024, max_seconds=1)["outcomes"]
    took = time.monotonic() - began
    assert outcomes["1 bomb"] == [
        "rejected",
        "it takes more than 1 s to process: make it smaller, or raise TaskTimeout",
    ]
    assert outcomes["2 neighbour"][0] == "succeeded"
    assert took < 6
    figure(f"a JPEG of 40,000 scans ({len(bomb) >> 10} KiB), limit 1 s: over after {took:.1f} s")
