"""The job as ECS runs it: the task's user, rights and limits, and S3 over the network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local.executor import bridge_address
from mazes import check, pictures
from tests.containers.conftest import Job
from tests.containers.containers import Ended
from tests.containers.task import stop_timeout

Json = dict[str, Any]
Upload = Callable[[str, bytes], str]
Current = Callable[[str], Json | None]
Results = Callable[[str], list[Json]]

PROCESSORS = [
    f"--volume={Path(__file__).parent}:/mounted:ro",
    "--env=PYTHONPATH=/opt/python:/mounted",
]
SOON = 10
"""Seconds in which a job that is told to stop must have ended."""


@pytest.fixture
def results(current: Current) -> Results:
    """All that is there for the upload of a name."""

    def find(name: str) -> list[Json]:
        keys = (f"output/{name}", f"rejected/{name}.json")
        return [found for key in keys if (found := current(key))]

    return find


def test_a_processed_upload_exits_0(
    job: Job, upload: Upload, sample: bytes, current: Current
) -> None:
    key = "input/odd ü+%2B/maze.png"
    version = upload(key, sample)
    with job(key) as container:
        ended = container.wait()
    assert (ended.code, ended.report["outcome"], ended.err) == (0, "succeeded", "")
    assert (ended.report["mode"], ended.report["version"]) == ("fargate", version)
    output = current("output/odd ü+%2B/maze.png")
    assert output and output["metadata"] == {"source-version": version}
    check.solved(Image.open(BytesIO(sample)), Image.open(BytesIO(output["body"])))


def test_a_second_task_for_the_same_upload_changes_nothing(
    job: Job, upload: Upload, sample: bytes
) -> None:
    upload("input/twice.png", sample)
    outcomes = []
    for _ in range(2):
        with job("input/twice.png") as container:
            ended = container.wait()
        outcomes.append((ended.code, ended.report["outcome"]))
    assert outcomes == [(0, "succeeded"), (0, "unchanged")]


def test_a_rejected_upload_exits_0(job: Job, upload: Upload, current: Current) -> None:
    version = upload("input/text.png", b"not a picture")
    with job("input/text.png") as container:
        ended = container.wait()
    assert (ended.code, ended.report["outcome"], ended.err) == (0, "rejected", "")
    rejection = current("rejected/text.png.json")
    assert rejection
    record = json.loads(rejection["body"])
    assert (record["version"], record["reason"]) == (version, ended.report["reason"])
    assert current("output/text.png") is None


def test_a_failed_job_exits_1(job: Job, upload: Upload, sample: bytes, results: Results) -> None:
    upload("input/denied.png", sample)
    with job("input/denied.png", "--env=AWS_ACCESS_KEY_ID=AKIAUNKNOWN000000000") as container:
        ended = container.wait()
    assert (ended.code, ended.report["outcome"]) == (1, "failed")
    assert "s3:HeadObject" in ended.report["reason"] and "403" in ended.report["reason"]
    assert results("denied.png") == []


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--env=S3_KEY=", "S3_KEY is ''"),
        ("--env=MAX_PIXELS=many", "MAX_PIXELS is 'many'"),
        ("--env=OUTPUT_PREFIX=input/outputs/", "INPUT_PREFIX is 'input/'"),
    ],
)
def test_wrong_settings_exit_2_and_are_named(job: Job, option: str, says: str) -> None:
    with job("input/any.png", option) as container:
        ended = container.wait()
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("moment", ["wait", "decode"])
def test_a_task_that_is_told_to_stop_fails_in_time_and_leaves_no_result(
    moment: str, job: Job, upload: Upload, sample: bytes, results: Results
) -> None:
    upload(f"input/stopped {moment}.png", sample)
    processor = f"--env=PROCESSOR=processors:{moment}"
    with job(f"input/stopped {moment}.png", *PROCESSORS, processor) as container:
        container.wait_for("| here")
        ended, seconds = container.stop(stop_timeout())
    assert_stopped(ended, seconds)
    assert results(f"stopped {moment}.png") == []


def test_a_task_that_waits_for_s3_is_told_to_stop_and_fails_in_time(job: Job) -> None:
    with socket.create_server((bridge_address() or "0.0.0.0", 0)) as server:
        silent = f"http://host.docker.internal:{server.getsockname()[1]}"
        with job("input/any.png", f"--env=AWS_ENDPOINT_URL_S3={silent}") as container:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                ended, seconds = container.stop(stop_timeout())
    assert_stopped(ended, seconds)


def assert_stopped(ended: Ended, seconds: float) -> None:
    assert (ended.code, ended.report["outcome"]) == (1, "failed"), ended
    assert "SIGTERM" in ended.report["reason"]
    assert seconds < SOON < stop_timeout()


def test_a_task_without_the_memory_that_it_was_promised_rejects_the_upload(
    job: Job, upload: Upload, results: Results
) -> None:
    upload("input/large.png", png(pictures.field(5000, 5000)))
    little = ["--memory=96m", "--memory-swap=96m"]
    with job("input/large.png", *little) as container:
        ended = container.wait()
    assert (ended.code, ended.report["outcome"]) == (0, "rejected"), ended
    assert "the memory does not suffice" in ended.report["reason"]
    assert len(results("large.png")) == 1


@pytest.fixture
def largest() -> bytes:
    """As many pixels as the template allows, with the widest search and an alpha channel."""
    side = 10_000
    return png(pictures.field(side, side).convert("LA"))


def test_the_largest_picture_fits_into_the_tasks_memory(
    job: Job, upload: Upload, largest: bytes, current: Current
) -> None:
    version = upload("input/largest.png", largest)
    with job("input/largest.png") as container:
        ended = container.wait()
    assert (ended.code, ended.report["outcome"]) == (0, "succeeded"), ended
    output = current("output/largest.png")
    assert output and output["metadata"] == {"source-version": version}


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
