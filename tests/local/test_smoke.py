"""`make smoke`: it tells a stack that works from one that does not, and cleans up after itself."""

import json
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from processing import picture
from processing.maze import solve as solve_maze

from local.aws import REGION, EmbeddedAws
from local.pipeline import Pipeline
from mazes import check, pictures
from operate import smoke

Maze = Callable[[int], bytes]


pytestmark = pytest.mark.usefixtures("default_account")


@pytest.fixture
def begin(pipelines: dict[str, Pipeline]) -> Iterator[Callable[[], None]]:
    """The bucket of the Lambda pipeline tells nobody of uploads until this is called."""
    s3, name = pipelines["lambda"].s3, {"Bucket": pipelines["lambda"].bucket}
    before = s3.get_bucket_notification_configuration(**name)
    before.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(**name, NotificationConfiguration={})

    def begin() -> None:
        s3.put_bucket_notification_configuration(**name, NotificationConfiguration=before)

    yield begin
    begin()


@pytest.fixture
def idle(begin: Callable[[], None], pipelines: dict[str, Pipeline]) -> Iterator[Pipeline]:
    """The Lambda pipeline with a bucket that tells nobody of uploads."""
    yield pipelines["lambda"]
    forget(pipelines["lambda"])


def left(pipeline: Pipeline) -> list[str]:
    """Versions and delete markers of checks that are still there."""
    found = pipeline.s3.list_object_versions(Bucket=pipeline.bucket)
    every = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    return [version["Key"] for version in every if "smoke/" in version["Key"]]


def forget(pipeline: Pipeline) -> None:
    """Delete what is left of checks."""
    for key in left(pipeline):
        for version in pipeline.versions(key):
            pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=key, VersionId=version)


def test_a_stack_that_works_processes_and_rejects(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([pipeline.stack]) == 0
    said = capsys.readouterr().out
    assert f"stack {pipeline.stack} in {REGION}" in said
    assert "succeeded in" in said
    assert "leads from the top row to the bottom row" in said
    assert "rejected in" in said
    assert "not a picture in a format" in said
    assert "deleted the 4 objects" in said
    assert left(pipeline) == []


def test_a_picture_of_ones_own_is_taken_and_kept_if_asked(
    pipelines: dict[str, Pipeline], maze: Maze, tmp_path: Path
) -> None:
    pipeline, picture = pipelines["lambda"], tmp_path / "my own.png"
    picture.write_bytes(maze(3))
    assert smoke.main([pipeline.stack, "--input", str(picture), "--keep"]) == 0
    (folder,) = {key.split("/")[2] for key in left(pipeline)}
    kept = [f"input/smoke/{folder}/{name}" for name in ("broken file.png", "my own.png")]
    assert sorted(left(pipeline)) == [
        *kept,
        f"output/smoke/{folder}/my own.png",
        f"rejected/smoke/{folder}/broken file.png.json",
    ]
    forget(pipeline)


def test_a_picture_with_no_way_through_fails_with_the_reason(
    pipelines: dict[str, Pipeline], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "walled.png"
    pictures.hostile("no-path", 40, 40).save(picture)
    assert smoke.main([pipelines["lambda"].stack, "--input", str(picture)]) == 1
    forget(pipelines["lambda"])
    said = capsys.readouterr()
    assert "no path leads from the top row" in said.out
    assert "walled.png.json: rejected" in said.err


def test_a_stack_that_gives_no_output_says_where_to_look(
    idle: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([idle.stack, "--timeout", "1"]) == 1
    said = capsys.readouterr().err
    assert "no result for broken file.png, sample.png within 1 s" in said
    assert f"aws logs tail {idle.outputs['LogGroupName']} --since 1h --region {REGION}" in said
    assert "the failure queue (about 0 messages)" in said
    assert idle.outputs["FailureQueueUrl"] in said
    assert f"Left to look at: s3://{idle.bucket}/" in said
    assert len(left(idle)) == 2


def test_a_stack_whose_events_begin_later_works(
    idle: Pipeline, begin: Callable[[], None], maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on AWS for minutes after a deployment: what was uploaded until then has no event."""
    check = smoke.Smoke(smoke.stacks.find(idle.stack))
    names = ("a.png", "b.png")
    for seed, name in enumerate(names):
        check.upload(name, maze(seed))
    first = {name: idle.versions(f"input/{check.folder}{name}") for name in names}
    timer = threading.Timer(2.5, begin)
    timer.start()
    found = check.results(30, again=1)
    timer.join()
    for name, result in found.items():
        versions = idle.versions(f"input/{check.folder}{name}")
        succeeded = idle.s3.head_object(Bucket=idle.bucket, Key=result.key)["Metadata"]
        assert succeeded["source-version"] == max(versions, key=lambda each: versions[each])
        assert succeeded["source-version"] not in first[name]
    assert found.keys() == {*names}
    said = capsys.readouterr().out
    assert "no result for a.png, b.png after 1 of 30 s: uploading again" in said
    assert "events take around five minutes to begin" in said
    check.clean_up()
    assert left(idle) == []


def test_a_result_for_the_version_before_is_not_yet_one(idle: Pipeline) -> None:
    check = smoke.Smoke(smoke.stacks.find(idle.stack))
    key, output = f"input/{check.folder}a.png", f"output/{check.folder}a.png"
    check.upload("a.png", b"1")
    (before,) = idle.versions(key)
    check.upload("a.png", b"2")
    idle.s3.put_object(Bucket=idle.bucket, Key=output, Metadata={"source-version": before})
    with pytest.raises(smoke.DoesNotWork, match="no result for a.png within 1 s"):
        check.results(1)


def test_a_result_for_another_version_is_an_error(
    idle: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    check = smoke.Smoke(smoke.stacks.find(idle.stack))
    check.upload("a.png", b"")
    idle.s3.put_object(
        Bucket=idle.bucket, Key=f"output/{check.folder}a.png", Metadata={"source-version": "older"}
    )
    with pytest.raises(smoke.DoesNotWork, match="for the version older, not for"):
        check.results(5)


def test_a_job_of_ones_own_need_only_come_to_a_result(
    aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"Mode": "lambda", "Processor": "processing.thumbnail:thumbnail"}
    aws.deploy_all({"own-job": own})
    assert smoke.main(["own-job"]) == 0
    said = capsys.readouterr().out
    assert "it is for processing.thumbnail:thumbnail to say what is right" in said
    assert "broken" not in said


SPLIT = "split --number=3 {input} {output}/part-"


def test_of_several_outputs_all_are_there_and_none_is_left(
    aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"Mode": "lambda", "Command": SPLIT, "OutputSuffix": ".json"}
    pipeline = Pipeline(aws, "own-files", aws.deploy_all({"own-files": own})["own-files"])
    assert smoke.main(["own-files"]) == 0
    said = capsys.readouterr().out
    assert "sample.png.json\n    it names 3 files, and all are there" in said
    assert f"it is for {SPLIT} to say what is right" in said
    assert "deleted the 5 objects" in said
    assert left(pipeline) == []


def test_a_manifest_whose_files_are_not_there_is_an_error(idle: Pipeline) -> None:
    check = smoke.Smoke(smoke.stacks.find(idle.stack))
    named = {"files": [{"key": f"files/{check.folder}a", "etag": '"0"'}]}
    result = smoke.Result("output/a", "succeeded", json.dumps(named).encode(), 0, is_manifest=True)
    with pytest.raises(smoke.DoesNotWork, match=r"output/a names files/smoke/.*, which is not the"):
        check.files(result)


def test_a_stack_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(["nowhere"]) == 2
    assert f"there is no stack 'nowhere' in {REGION}" in capsys.readouterr().err


def test_a_stack_of_another_template_is_left_alone(
    aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    aws.client("cloudformation").create_stack(StackName="other", TemplateBody=json.dumps(template))
    assert smoke.main(["other"]) == 2
    assert "not made from this template" in capsys.readouterr().err


def test_no_region_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert smoke.main(["any"]) == 2
    assert "region" in capsys.readouterr().err


def test_a_missing_picture_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        smoke.parse(["any", "--input", "lost.png"])
    assert "there is no file 'lost.png'" in capsys.readouterr().err


# ---- The check of the output --------------------------------------------------------------------


def test_the_jobs_own_outputs_pass(maze: Maze) -> None:
    for seed in range(5):
        body = maze(seed)
        assert length(body, solve(body)) >= Image.open(BytesIO(body)).height


def test_a_jpeg_passes_in_spite_of_its_losses() -> None:
    body = pictures.scan(pictures.maze(120, 90, 3, seed=4), seed=4)
    assert length(body, solve(body)) > 90


def test_another_picture_does_not(maze: Maze) -> None:
    unsolved = smoke.Result("output/a.png", "succeeded", maze(1), 1.0)
    with pytest.raises(smoke.DoesNotWork, match="output/a.png: no painted path"):
        smoke.expect(True, unsolved, maze(1))


def length(before: bytes, after: bytes) -> int:
    """As `make smoke` asks for it."""
    read = (picture.read(body).image for body in (before, after))
    return check.solved(*read, check.LOSSY)


def solve(body: bytes) -> bytes:
    return solve_maze(body, "").body
