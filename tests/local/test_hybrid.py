"""Mode=hybrid on the embedded AWS: which engine does what, and what the function can't do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from local.pipeline import Pipeline
from mazes import pictures
from tests.local.other_jobs import function_with_probe, job_without_permissions
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]

THRESHOLD = 2**20
"""Of the scenario."""


@pytest.fixture
def hybrid(pipelines: dict[str, Pipeline]) -> Iterator[Pipeline]:
    yield pipelines["hybrid"]
    assert pipelines["hybrid"].failures() == []


def padded(picture: bytes, size: int) -> bytes:
    """A file of that size: what comes after a picture's end is not looked at."""
    return picture + bytes(size - len(picture))


@contextlib.contextmanager
def function_settings(pipeline: Pipeline, **changed: str) -> Iterator[None]:
    """Other environment variables for the function, for a while."""
    functions, name = pipeline.aws.client("lambda"), pipeline.resource("ProcessFunction")
    found = functions.get_function_configuration(FunctionName=name)
    before = found["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": before | changed}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before}
        )


@pytest.mark.parametrize(
    ("size", "mode"),
    [(THRESHOLD - 1, "lambda"), (THRESHOLD, "lambda"), (THRESHOLD + 1, "fargate")],
)
def test_an_upload_goes_to_the_engine_of_its_size(
    hybrid: Pipeline, maze: Maze, size: int, mode: str
) -> None:
    key = f"input/{size}.png"
    assert hybrid.result(key, hybrid.upload(key, padded(maze(1), size))).is_output
    (report,) = hybrid.reports(key)
    assert (report["mode"], report["bytes"]) == (mode, size)


def fallback_reason(pipeline: Pipeline, key: str, picture: bytes) -> str:
    """Upload what the function fails to do and a task does; gives the function's reason."""
    assert pipeline.result(key, pipeline.upload(key, picture)).is_output
    function, task = pipeline.reports(key, count=2)
    assert (function["mode"], function["outcome"]) == ("lambda", "failed")
    assert (task["mode"], task["outcome"]) == ("fargate", "succeeded")
    return str(function["reason"])


def test_what_the_function_has_no_memory_for_a_task_does(hybrid: Pipeline) -> None:
    file = BytesIO()
    pictures.maze(4500, 4500, corridor=10, wall=4).save(file, "PNG")
    with function_settings(hybrid, MEMORY_MIB="96"):
        reason = fallback_reason(hybrid, "input/fallback/memory.png", file.getvalue())
    assert reason == "the memory does not suffice to process it (96 MiB)"


def test_what_the_function_has_no_time_for_a_task_does(hybrid: Pipeline, maze: Maze) -> None:
    functions, name = hybrid.aws.client("lambda"), hybrid.resource("ProcessFunction")
    functions.update_function_configuration(FunctionName=name, Timeout=3)
    try:
        with function_with_probe(hybrid, {"PROCESSOR": "probe:sleep"}):
            reason = fallback_reason(hybrid, "input/fallback/time.png", maze(3))
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=120)
    assert reason.startswith("out of time")


def test_what_breaks_the_function_a_task_does(hybrid: Pipeline, maze: Maze) -> None:
    key = "input/fallback/broken.png"
    with function_settings(hybrid, PROCESSOR="processing.nothing:there"):
        assert hybrid.result(key, hybrid.upload(key, maze(2))).is_output
    reports = [(report["mode"], report["outcome"]) for report in hybrid.reports(key, count=2)]
    assert reports == [("lambda", "failed"), ("fargate", "succeeded")]


def test_what_a_task_cant_do_either_is_reported_as_its_failure(
    pipelines: dict[str, Pipeline], maze: Maze
) -> None:
    pipeline, key = pipelines["hybrid"], "input/fallback/in vain.png"
    with job_without_permissions(pipeline):
        pipeline.upload(key, maze(5))
        failure = pipeline.failure(key)
    assert failure["source"] == "task"
    assert "403" in failure["reason"]
    assert pipeline.failures() == []


def test_a_bad_file_is_rejected_at_once(hybrid: Pipeline) -> None:
    key = "input/no picture"
    assert not hybrid.result(key, hybrid.upload(key, b"no picture")).is_output
    assert [report["mode"] for report in hybrid.reports(key)] == ["lambda"]


def test_the_sweep_starts_each_on_the_engine_of_its_size(hybrid: Pipeline, maze: Maze) -> None:
    sweep = Sweeper(hybrid)
    sizes = {"input/swept/small.png": THRESHOLD, "input/swept/large.png": THRESHOLD + 1}
    with sweep.events_are_lost():
        versions = {key: hybrid.upload(key, padded(maze(4), size)) for key, size in sizes.items()}
    with sweep.without_grace():
        assert sweep(prefix="input/swept/")["outcomes"] == {"started": 2}
    for key, version in versions.items():
        assert hybrid.result(key, version).is_output
        (report,) = hybrid.reports(key)
        assert report["mode"] == ("lambda" if "small" in key else "fargate")
