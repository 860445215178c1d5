"""The job as ECS runs it: the task's user, rights and limits, and S3 over the network."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local.aws import EmbeddedAws
from mazes import check, pictures
from tests.containers.conftest import BUCKET, Job
from tests.containers.task import ENVIRONMENT, STOP_TIMEOUT

Json = dict[str, Any]
Upload = Callable[[str, bytes], str]
Current = Callable[[str], Json | None]
Results = Callable[[str], list[Json]]

PROCESSORS = [
    f"--volume={Path(__file__).parent}:/mounted:ro",
    "--env=PYTHONPATH=/opt/python:/mounted",
]
SILENT_S3 = "http://127.0.0.1:8000"
"""Where silent_s3 listens, in the container itself."""
SOON = 10
"""Seconds in which a job that is told to stop must have ended."""


@pytest.fixture
def current(aws: EmbeddedAws) -> Current:
    """The current version of a key: its body and metadata."""

    def get(key: str) -> Json | None:
        try:
            found = aws.client("s3").get_object(Bucket=BUCKET, Key=key)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
            return None
        return {"body": found["Body"].read(), "metadata": found["Metadata"]}

    return get


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
        ("--env=PROCESSOR=nothing:here", "PROCESSOR is 'nothing:here'"),
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


@pytest.mark.parametrize(
    ("moment", "options"),
    {
        "in the processor": ["--env=PROCESSOR=processors:wait"],
        "while it decodes a picture": ["--env=PROCESSOR=processors:decode"],
        "while it waits for S3": [
            "--env=PROCESSOR=silent_s3:never",
            f"--env=AWS_ENDPOINT_URL_S3={SILENT_S3}",
        ],
    }.items(),
)
def test_a_task_that_is_told_to_stop_fails_in_time_and_leaves_no_result(
    moment: str, options: list[str], job: Job, upload: Upload, sample: bytes, results: Results
) -> None:
    upload(f"input/stopped {moment}.png", sample)
    with job(f"input/stopped {moment}.png", *PROCESSORS, *options) as container:
        container.wait_for("here")
        ended, seconds = container.stop(STOP_TIMEOUT)
    assert (ended.code, ended.report["outcome"]) == (1, "failed"), ended
    assert "SIGTERM" in ended.report["reason"]
    assert seconds < SOON < STOP_TIMEOUT
    assert results(f"stopped {moment}.png") == []


def test_a_task_without_enough_memory_is_killed_and_leaves_no_result(
    job: Job, upload: Upload, results: Results
) -> None:
    upload("input/large.png", png(pictures.field(5000, 5000)))
    little = ["--memory=64m", "--memory-swap=64m"]
    with job("input/large.png", *little) as container:
        ended = container.wait()
    assert ended.out_of_memory, ended
    assert (ended.code, ended.out) == (137, "")
    assert results("large.png") == []


@pytest.fixture
def largest() -> bytes:
    """As many pixels as the template allows, with the widest search and an alpha channel."""
    side = math.isqrt(int(ENVIRONMENT["MAX_PIXELS"]))
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
