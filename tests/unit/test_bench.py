"""The benchmark measures what it says, notices a wrong output, and fails for a missed goal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from processing import maze, settings

import bench.__main__ as command
from bench import bucket, cold_start, goals, kinds, memory, speed, table, transfers
from bench.cases import HUNDRED_MEGAPIXELS, MAZE, OTHER, Case
from mazes import check, pictures
from tooling import paths

START = cold_start.Result(
    "picture",
    3,
    0.3,
    {"imports": 0.05, "solve": 0.2, "store": 0.05},
    "for Lambda",
    1,
    1,
    1,
    {"solve": 1.0},
)

KIND = kinds.Kind("bytes", 3, 0.1, 0.1, 1.0, 0.5, warm=0.01)

MOVED = transfers.Transfer(10**9, 3, 2.0, 2.0, 2**27, 2.0, 2.0, 2**28, 1.0, 1.0, 0.5, 0.5)


@pytest.fixture(scope="module")
def measured() -> speed.Result:
    return speed.measure(Case("sample.png", "maze", paths.SAMPLE.read_bytes), 0.05, 0.05)


def test_a_picture_is_measured_and_its_path_is_counted(measured: speed.Result) -> None:
    picture = Image.open(paths.SAMPLE)
    assert (measured.width, measured.height) == picture.size
    assert measured.length == check.shortest(pictures.open_pixels(picture))
    assert measured.codec > 0
    assert measured.job > 0
    assert measured.rounds >= 1
    assert (measured.peer, measured.peer_rounds) == (None, 0)


def test_the_memory_of_a_picture_is_at_least_that_of_its_pixels(measured: speed.Result) -> None:
    assert measured.bytes_per_pixel >= 1
    assert memory.peak("job", paths.SAMPLE) > 0


def test_a_wrong_path_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = maze.paint_path
    monkeypatch.setattr(maze, "paint_path", lambda picture: right(picture) + 1)
    with pytest.raises(AssertionError):
        speed.measure(Case("sample.png", "maze", paths.SAMPLE.read_bytes), 0.05, 0.05)


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"limit": MAZE, "ratio": 1.51}, "mazes"),
        ({"limit": OTHER, "ratio": 1.81}, "every picture"),
        ({"name": HUNDRED_MEGAPIXELS, "bytes_per_pixel": 6.01}, "bytes a pixel"),
    ],
)
def test_what_is_too_slow_or_too_large_misses_its_goal(
    measured: speed.Result, changed: dict, missed: str
) -> None:
    good = replace(measured, limit=MAZE, ratio=1.0, bytes_per_pixel=1.0)
    assert all(goal.met for goal in goals.of([good], START, [], MOVED))
    reached = goals.of([good, replace(good, **changed)], START, [], MOVED)
    (bad,) = [goal for goal in reached if not goal.met]
    assert missed in bad.goal


def test_memory_over_the_limit_is_shown_beside_that_of_the_codec(measured: speed.Result) -> None:
    """Where the picture is another one than the goal is about."""
    good = replace(measured, limit=MAZE, ratio=1.0)
    large = replace(good, name="large.jpg", width=10_000, height=10_000, bytes_per_pixel=1.0)
    large = replace(large, codec_bytes_per_pixel=7.5)
    for taken, limit in ((5.9, goals.BYTES_PER_PIXEL), (7.6, None)):
        reached = goals.of([good, large, replace(large, bytes_per_pixel=taken)], START, [], MOVED)
        (shown,) = [goal for goal in reached if "worst JPEG" in goal.goal]
        assert (shown.value, shown.limit, shown.met) == (taken, limit, True)
        assert ("alone 7.50" in shown.goal) == (limit is None)
        assert f"{taken:.2f}" in table.goals([shown])


@pytest.mark.parametrize("least", [3, 5])
def test_the_least_number_of_rounds_is_measured_whatever_the_budget(least: int) -> None:
    case = Case("sample.png", "maze", paths.SAMPLE.read_bytes)
    assert speed.measure(case, budget=0, peer_budget=0, least=least).rounds == least


def test_a_cold_start_is_that_of_the_container_in_the_template() -> None:
    environment = bucket.container_environment()
    assert environment["MODE"] == "fargate"
    chosen = settings.from_environment(environment)
    assert chosen.memory_mib == 2048
    assert chosen.processor.takes_bytes()


def test_a_slow_start_misses_its_goal(measured: speed.Result) -> None:
    slow = replace(START, parts={**START.parts, "imports": 0.5})
    good = replace(measured, limit=MAZE, ratio=1.0)
    (bad,) = [goal for goal in goals.of([good], slow, [], MOVED) if not goal.met]
    assert bad.goal.startswith("cold start")
    assert bad.value == pytest.approx(0.55)


@pytest.mark.parametrize(("warm", "met"), [(0.0149, True), (0.0151, False)])
def test_a_slow_warm_function_misses_its_goal(
    measured: speed.Result, warm: float, met: bool
) -> None:
    good = replace(measured, limit=MAZE, ratio=1.0)
    reached = goals.of(
        [good], START, [replace(KIND, warm=warm), replace(KIND, name="files")], MOVED
    )
    assert [goal.met for goal in reached if "warm" in goal.goal] == [met]
    assert "0.0149" in table.kinds([replace(KIND, warm=0.0149)])


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"ratio": 1.11}, "seconds"),
        ({"ratio_processor": 1.11}, "processor"),
        ({"job_memory": 201 * 2**20}, "MiB"),
        ({"server": 1.01}, "the server alone"),
    ],
)
def test_slow_or_large_transfers_miss_their_goals(
    measured: speed.Result, changed: dict, missed: str
) -> None:
    good = replace(measured, limit=MAZE, ratio=1.0)
    (bad,) = [g for g in goals.of([good], START, [], replace(MOVED, **changed)) if not g.met]
    assert bad.goal.startswith("transfers")
    assert missed in bad.goal


def test_a_transfer_is_that_of_a_whole_job_and_of_the_peer() -> None:
    """Of a file in several parts; that all of it comes and goes is what both wait for."""
    moved = transfers.measure(20_000_000, 1)
    assert moved.job > 0
    assert moved.peer > 0
    assert moved.job_memory > 20 * 2**20
    assert moved.ratio == pytest.approx(moved.job / moved.peer)
    assert "0.02 GB in and as many out" in table.transfers(moved)


@pytest.mark.parametrize(("ratio", "code"), [(1.0, 0), (9.0, 1)])
def test_the_command_fails_when_a_goal_is_missed(
    measured: speed.Result,
    ratio: float,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = replace(measured, limit=MAZE, ratio=ratio)
    monkeypatch.setattr(command.speed, "measure", lambda *_: result)
    monkeypatch.setattr(command.cold_start, "measure", lambda *_, **__: START)
    monkeypatch.setattr(command.kinds, "measure", lambda *_: [KIND])
    monkeypatch.setattr(command.transfers, "measure", lambda *_: MOVED)
    for name, file in {"OUT": "build/bench.json", "PLOT": "docs/plot.png"}.items():
        monkeypatch.setattr(command, name, tmp_path / file)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    picture = paths.SAMPLE
    assert command.main(["--quick", str(picture)]) == code
    written = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert written["pictures"][0]["ratio"] == ratio
