"""From upload to result, in each scenario.

What depends on where jobs run is tried twice: as processes, and in containers where Docker
responds.
"""

import time
from collections.abc import Callable
from io import BytesIO

from PIL import Image
from processing.maze import solve

from local.pipeline import Pipeline, output_key, rejection_key
from mazes import pictures
from tests.local.executors import (
    EACH_SCENARIO_IN_BOTH_EXECUTORS,
    IN_BOTH_EXECUTORS,
    IN_EACH_EXECUTOR,
    IN_EACH_MODE,
)
from tests.local.other_jobs import start_again

Maze = Callable[[int], bytes]

ODD_KEYS = [
    "input/dots.in.the.name.png",
    "input/a space.png",
    "input/two  spaces .png",
    "input/plus+plus.png",
    "input/per%cent.png",
    "input/escaped%2Bplus.png",
    "input/escaped%20space.png",
    "input/'single' quotes.png",
    'input/"double" quotes.png',
    "input/<key>&$#?;=@,!*().png",
    "input/back\\slash.png",
    "input/ünïcödé-迷路-😀.png",
    "input/in/folders/deep.png",
    "input//double-slash.png",
    "input/../dot-dot.png",
    "input/./dot.png",
    "input/no-suffix",
    "input/input/again.png",
    "input/output/looks-like-an-output.png",
    f"input/{'long' * 200}.png",
]
ODD_TOGETHER = [
    "input/" + "/".join(key.removeprefix("input/") for key in ODD_KEYS[start::4])
    for start in range(4)
]
"""The same in fewer tasks, for events that differ only in where they name the key."""

REPORT = [
    *(
        "outcome",
        "bucket",
        "key",
        "version",
        "bytes",
        "pixels",
        "milliseconds",
        "seconds_since_upload",
        "mode",
        "job_version",
        "reason",
    ),
    "logged",  # ours, the time of the log event
]


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


BAD_PICTURES = {
    "empty.png": (b"", "empty"),
    "text.png": (b"this is no picture", "not a picture"),
    "cut-off.png": (png(pictures.maze(200, 200))[:300], "damaged or cut off"),
    "walled.png": (png(pictures.hostile("no-path", 40, 40)), "no path"),
    "no-top.png": (png(Image.new("L", (20, 20), 0)), "top"),
}


@IN_EACH_EXECUTOR
def test_an_upload_gets_its_output_under_the_same_name(pipeline: Pipeline, maze: Maze) -> None:
    version = pipeline.upload("input/first.png", maze(1))
    result = pipeline.result("input/first.png", version)
    assert result.key == "output/first.png"
    assert result.metadata["source-version"] == version
    with Image.open(BytesIO(result.body)) as output:
        assert (output.format, output.size) == ("PNG", Image.open(BytesIO(maze(1))).size)
        assert (0, 255, 0) in {colour for _, colour in output.convert("RGB").getcolors()}


@EACH_SCENARIO_IN_BOTH_EXECUTORS
def test_keys_of_any_shape_get_their_outputs(scenario: str, pipeline: Pipeline, maze: Maze) -> None:
    keys, versions = ODD_TOGETHER if scenario == "cloudtrail" else ODD_KEYS, {}
    for seed, key in enumerate(keys):
        versions[key] = pipeline.upload(key, maze(seed))
        time.sleep(0.25)  # the embedded AWS starts a process or a container for each at once
    outputs = {key: pipeline.result(key, version, 60).key for key, version in versions.items()}
    assert outputs == {key: output_key(key) for key in keys}


def test_copies_and_multipart_uploads_are_uploads(pipeline: Pipeline, maze: Maze) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="elsewhere/source.png", Body=maze(2))
    copied = pipeline.s3.copy_object(
        Bucket=pipeline.bucket,
        Key="input/copied.png",
        CopySource={"Bucket": pipeline.bucket, "Key": "elsewhere/source.png"},
    )["VersionId"]
    name = {"Bucket": pipeline.bucket, "Key": "input/in-parts.png"}
    upload = pipeline.s3.create_multipart_upload(**name)["UploadId"]
    part = pipeline.s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=maze(3))
    in_parts = pipeline.s3.complete_multipart_upload(
        **name,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )["VersionId"]
    assert pipeline.result("input/copied.png", copied).is_output
    assert pipeline.result("input/in-parts.png", in_parts).is_output


def test_only_files_under_the_input_prefix_get_results(pipeline: Pipeline, maze: Maze) -> None:
    for key in ("input/folder/", "elsewhere/alien.png", "inputs/alien.png", "output/mine.png"):
        pipeline.upload(key, maze(4) if key.endswith("png") else b"")
    version = pipeline.upload("input/folder/last.png", maze(4))
    assert pipeline.result("input/folder/last.png", version).is_output
    keys = pipeline.keys("output/") + pipeline.keys("rejected/")
    assert "output/folder/" not in keys
    assert not [key for key in keys if "alien" in key]
    assert len(pipeline.versions("output/mine.png")) == 1


@IN_EACH_MODE
def test_the_output_ends_as_that_of_the_last_version(pipeline: Pipeline, maze: Maze) -> None:
    versions = [pipeline.upload("input/overwritten.png", maze(seed)) for seed in (5, 6, 7)]
    pipeline.result("input/overwritten.png", versions[-1])
    pipeline.reports("input/overwritten.png", count=len(versions))
    (last,) = pipeline.results("input/overwritten.png")
    assert last.metadata["source-version"] == versions[-1]
    own = pipeline.upload("input/the-same-alone.png", maze(7))
    assert last.body == pipeline.result("input/the-same-alone.png", own).body


@IN_EACH_MODE
def test_a_result_of_the_other_kind_goes(pipeline: Pipeline, maze: Maze) -> None:
    bad = pipeline.upload("input/mended.png", b"no picture")
    assert not pipeline.result("input/mended.png", bad).is_output
    good = pipeline.upload("input/mended.png", maze(8))
    pipeline.result("input/mended.png", good)
    pipeline.reports("input/mended.png", count=2)
    assert [result.key for result in pipeline.results("input/mended.png")] == ["output/mended.png"]


@IN_EACH_MODE
def test_an_event_that_comes_twice_changes_nothing(pipeline: Pipeline, maze: Maze) -> None:
    key = "input/twice.png"
    pipeline.result(key, pipeline.upload(key, maze(9)))
    start_again(pipeline, key)
    start_again(pipeline, key)
    reports = pipeline.reports(key, count=3)
    assert [report["outcome"] for report in reports] == ["succeeded", "unchanged", "unchanged"]
    assert len(pipeline.versions("output/twice.png")) == 1


@IN_BOTH_EXECUTORS
def test_bad_pictures_are_rejected_and_their_neighbours_untouched(
    pipeline: Pipeline, maze: Maze
) -> None:
    pipeline.result("input/bad/neighbour.png", pipeline.upload("input/bad/neighbour.png", maze(1)))
    versions = {}
    for name, (body, _) in BAD_PICTURES.items():
        versions[name] = pipeline.upload(f"input/bad/{name}", body)
        time.sleep(0.25)
    for name, (_, reason) in BAD_PICTURES.items():
        result = pipeline.result(f"input/bad/{name}", versions[name])
        assert result.key == rejection_key(f"input/bad/{name}")
        assert reason in result.rejection["reason"]
        assert result.rejection["version"] == versions[name]
        (report,) = pipeline.reports(f"input/bad/{name}")
        assert (report["outcome"], report["reason"]) == ("rejected", result.rejection["reason"])
    assert pipeline.keys("output/bad/") == ["output/bad/neighbour.png"]
    assert len(pipeline.versions("output/bad/neighbour.png")) == 1


@IN_EACH_EXECUTOR
def test_outputs_are_the_same_in_all_scenarios(pipelines_here: dict[str, Pipeline]) -> None:
    """And in both executors: what the solver makes of it in the tests' own process."""
    body = pictures.scan(pictures.maze(120, 90, 3, seed=4), seed=4)
    solved = solve(body, "image/jpeg").body
    for scenario, pipeline in pipelines_here.items():
        result = pipeline.result("input/same.jpg", pipeline.upload("input/same.jpg", body))
        assert result.body == solved, scenario
    with Image.open(BytesIO(solved)) as output:
        assert output.format == "JPEG"


@IN_BOTH_EXECUTORS
def test_reports_have_the_same_fields_everywhere(
    scenario: str, pipeline: Pipeline, maze: Maze
) -> None:
    body = maze(10)
    version = pipeline.upload("input/reported.png", body)
    pipeline.result("input/reported.png", version)
    (report,) = pipeline.reports("input/reported.png")
    assert list(report) == REPORT
    width, height = Image.open(BytesIO(body)).size
    assert (report["bucket"], report["key"]) == (pipeline.bucket, "input/reported.png")
    assert (report["outcome"], report["version"]) == ("succeeded", version)
    assert (report["bytes"], report["pixels"]) == (len(body), width * height)
    assert report["mode"] == ("lambda" if scenario in ("lambda", "hybrid") else "fargate")
