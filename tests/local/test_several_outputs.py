"""Several outputs through the whole pipeline, with the roles that the template gives."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from processing.manifest import MARK
from processing.metadata import RUN

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, output_key
from operate import status
from tests.local.test_sweep import Sweeper

PARTS = "split --bytes=9M --numeric-suffixes {input} {output}/part-"
"""A program that any machine and image has; the first part is larger than what goes in one PUT."""


@pytest.fixture(scope="module", params=["lambda", "fargate"])
def pipeline(request: pytest.FixtureRequest, aws: EmbeddedAws) -> Iterator[Pipeline]:
    stack = f"several-{request.param}"
    chosen = {"Mode": request.param, "Command": PARTS}
    if request.param == "fargate":
        chosen["WorkerImageUri"] = "worker"
    made = Pipeline(aws, stack, aws.deploy_all({stack: chosen})[stack])
    yield made
    assert made.failures() == []


# What reads the manifest, and what removes files, is the same in each mode.
IN_ONE_MODE = pytest.mark.parametrize("pipeline", ["lambda"], indirect=True)


def read(pipeline: Pipeline, key: str) -> tuple[str, bytes]:
    """The run, and what whoever follows the manifest reads."""
    found = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=output_key(key))
    said = json.load(found["Body"])
    assert found["Metadata"][RUN] == said["run"]
    parts = [
        pipeline.s3.get_object(Bucket=pipeline.bucket, Key=file["key"], IfMatch=file["etag"])
        for file in said["files"]
    ]
    assert [part["ContentLength"] for part in parts] == [file["size"] for file in said["files"]]
    return said["run"], b"".join(part["Body"].read() for part in parts)


def test_several_files_come_by_their_manifest(pipeline: Pipeline) -> None:
    key, runs = "input/in a/folder.bin", set()
    for each in (b"1", b"2"):
        body = each * 20_000_000
        version = pipeline.upload(key, body)
        pipeline.result(key, version)
        run, content = read(pipeline, key)
        assert content == body
        runs.add(run)
    folders = {each.partition(MARK)[0] for each in pipeline.keys("files/")}
    assert folders == {f"files/in a/folder.bin/{run}" for run in runs}


@IN_ONE_MODE
def test_who_asks_for_the_upload_gets_the_files(
    pipeline: Pipeline, default_account: None, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "input/asked for.bin"
    result = pipeline.result(key, pipeline.upload(key, bytes(20_000_000)))
    assert status.main([pipeline.stack, f"--key={key}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["manifest"]) == ("succeeded", result.key)
    manifest = (result.manifest or {})["files"]
    named = [{n: file[n] for n in ("key", "size", "content_type")} for file in manifest]
    assert (found["outputs"], found["output_count"]) == (named, 3)


@IN_ONE_MODE
def test_the_scheduled_sweep_removes_what_no_manifest_names(pipeline: Pipeline) -> None:
    key = "input/kept.bin"
    version = pipeline.upload(key, bytes(20_000_000))
    pipeline.result(key, version)
    named = pipeline.keys("files/kept.bin/")
    orphans = [
        f"files/{name}/20260101T000000Z-0123456789abcdef.run/{file}"
        for name in ("kept.bin", '<gone> & "ü"')
        for file in ("a", "b\r\x01c")
    ]
    for orphan in orphans:
        pipeline.s3.put_object(Bucket=pipeline.bucket, Key=orphan, Body=b"")
    assert Sweeper(pipeline)(resume=True)["cleaned"]["runs"] == 2
    assert not set(pipeline.keys("files/")) & set(orphans)
    assert pipeline.keys("files/kept.bin/") == named
