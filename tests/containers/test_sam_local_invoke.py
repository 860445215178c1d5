"""The function by the real `sam local`, in a container like Lambda's own: each sample event with
`start-lambda`, which keeps the container, and each way in which users call `sam local invoke`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from socket import AF_INET
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from PIL import Image
from processing.manifest import MARK

from local.aws import REGION, EmbeddedAws
from local.executor import bridge_address
from local.invoke import failed, invoke, main, put, sam_local
from local.pipeline import output_key, until
from mazes import check
from tests.containers.conftest import BUCKET
from tooling.build import sam_environment
from tooling.paths import ROOT, SAM

ODD = 'input/über a+b 100%".png'
EVENTS: dict[str, list[str]] = {
    "cloudtrail-copy": ["input/maze.png"],
    "cloudtrail-failed-call": [],
    "cloudtrail-multipart": ["input/maze.png"],
    "cloudtrail-put": ["input/maze.png"],
    "cloudtrail-raw-key": [ODD],
    "eventbridge-put": ["input/maze.png"],
    "eventbridge-raw-key": [ODD],
    "s3-copy": ["input/maze.png"],
    "s3-encoded-key": [ODD],
    "s3-folder-marker": [],
    "s3-multipart": ["input/maze.png"],
    "s3-outside-prefix": [],
    "s3-put": ["input/maze.png"],
    "s3-several-records": ["input/one.png", "input/two.png"],
    "s3-test-event": [],
}
"""The uploads that each event announces."""


def test_every_sample_event_is_tried() -> None:
    samples = {path.stem for path in (ROOT / "events").glob("*.json")} - {"local"}  # `make s3`
    assert {*EVENTS} == samples


@pytest.fixture(scope="module")
def function(aws: EmbeddedAws, lambda_base: str, tmp_path_factory: Any) -> Iterator[Function]:
    """`sam local start-lambda`, with one container for all events."""
    log = tmp_path_factory.mktemp("sam") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [SAM, "local", "start-lambda", "--warm-containers=LAZY", "--no-watch"]
    with sam_local(aws, lambda_base) as (options, environment), log.open("w") as output:
        running = subprocess.Popen(
            [*command, f"--port={port}", *options], env=environment, cwd=ROOT, stderr=output
        )
        try:
            until(lambda: "Running on" in log.read_text(), "sam local start-lambda")
            client = boto3.client(
                "lambda",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name=REGION,
                config=Config(signature_version=UNSIGNED),
            )
            yield Function(client, log)
        finally:
            running.terminate()
            running.wait(60)


@dataclass(frozen=True)
class Function:
    """The function in its container."""

    client: Any
    log: Path

    def __call__(self, event: str, jobs: int) -> list[dict[str, Any]]:
        """Hand a sample event to it; gives what its jobs reported, once that many did."""
        before = len(self.log.read_text())
        payload = (ROOT / "events" / f"{event}.json").read_bytes()
        reply = self.client.invoke(FunctionName="ProcessFunction", Payload=payload)
        assert "FunctionError" not in reply, self.log.read_text()[before:]

        def said() -> list[dict[str, Any]]:
            return reports(self.log.read_text()[before:])

        until(lambda: len(said()) >= jobs, f"{jobs} reports of {event}")
        return said()


@pytest.mark.parametrize(("event", "keys"), EVENTS.items(), ids=EVENTS.keys())
def test_the_function_processes_the_uploads_of_an_event_and_nothing_else(
    event: str, keys: list[str], aws: EmbeddedAws, function: Function, sample: bytes
) -> None:
    everything = ["input/maze.png", ODD, "input/one.png", "input/two.png"]
    versions = {key: put(aws, BUCKET, key, sample) for key in everything}
    said = function(event, jobs=len(keys))
    assert [(report["outcome"], report["mode"]) for report in said] == [
        ("succeeded", "lambda") for _ in keys
    ]
    for key in everything:
        is_output_there = has_output(aws, key, versions[key], sample)
        assert is_output_there == (key in keys), f"{key}\n{said}"


def test_the_functions_error_is_seen(aws: EmbeddedAws, lambda_base: str, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"detail-type": "Something Else", "detail": {}}))
    said = invoke(aws, event, lambda_base)
    assert failed(said)
    assert "BadEvent" in said


def test_make_s3_lets_sam_invoke_the_function_as_typed(
    lambda_base: str, sample: bytes, tmp_path: Path
) -> None:
    """In a folder that has of the project what `sam local invoke` looks at."""
    shutil.copytree(ROOT / "events", tmp_path / "events")
    shutil.copy(ROOT / "samconfig.toml", tmp_path)
    variables = tmp_path / "events" / "local.json"
    command = [sys.executable, "-u", "-m", "local.s3", f"--root={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "worker")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout
            shown = list(takewhile(lambda line: "Ctrl-C" not in line, running.stdout))
            typed = next(line for line in shown if line.startswith("  sam local invoke ")).split()
            as_documented = (
                "sam local invoke ProcessFunction -e events/s3-put.json -n events/local.json"
            )
            assert " ".join(typed).startswith(as_documented)
            assert as_documented in (ROOT / "docs/JOBS.md").read_text()
            assert only_loopback_and_bridge(variables)
            said = subprocess.run(
                [str(SAM), *typed[1:]],
                cwd=tmp_path,
                env=sam_environment(),  # nobody's credentials, no endpoint
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            ).stdout
            assert [(r["outcome"], r["key"]) for r in reports(said)] == [
                ("succeeded", "input/maze.png")
            ], said
            assert running.stdout.readline().startswith("s3://uploads/output/maze.png  ")
            (address,) = (line.split()[2] for line in shown if line.startswith("  curl "))
            with urllib.request.urlopen(address) as output:
                check.solved(Image.open(BytesIO(sample)), Image.open(BytesIO(output.read())))
        finally:
            running.terminate()
        assert running.wait(30) == 0
    assert not variables.exists()


def only_loopback_and_bridge(variables: Path) -> bool:
    """Whether nothing listens on the port on another address of this machine."""
    address = json.loads(variables.read_text())["Parameters"]["AWS_ENDPOINT_URL_S3"]
    port, bridge = urlsplit(address).port, urlsplit(address).hostname
    assert bridge == bridge_address()
    socket.create_connection((bridge, port)).close()
    socket.create_connection(("127.0.0.1", port)).close()
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, AF_INET)}
    for other in {*others, "127.0.0.2"} - {bridge, "127.0.0.1"}:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((other, port))
    return True


def test_make_invoke_keeps_the_files_name_and_shows_no_error(
    lambda_base: str, sample: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / 'my maze+1 100%".png'
    picture.write_bytes(sample)
    assert main([str(ROOT / "events" / "s3-put.json"), "--input", str(picture)]) == 0
    said = capsys.readouterr().out
    assert [report["key"] for report in reports(said)] == [f"input/{picture.name}"]
    assert f"s3://uploads/output/{picture.name}" in said
    assert "ERROR" not in said


def test_make_invoke_runs_a_job_of_ones_own(
    lambda_base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = ROOT / "examples" / "unzip"
    monkeypatch.setenv("JOB", str(example))
    monkeypatch.setenv("PROCESSOR", "archive:unpack")
    event, archive = ROOT / "events" / "s3-put.json", example / "sample.zip"
    assert main([str(event), "--input", str(archive)]) == 0
    said = capsys.readouterr().out
    assert [(each["outcome"], each["key"]) for each in reports(said)] == [
        ("succeeded", "input/sample.zip")
    ], said
    shown = [line.split()[0] for line in said.splitlines() if line.startswith("s3://")]
    assert "s3://uploads/output/sample.zip" in shown
    files = [each.partition(MARK)[2] for each in shown if MARK in each]
    assert files == ["letters/a.txt", "letters/b.txt", "readme.txt"]


def reports(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith('{"outcome"')]


def has_output(aws: EmbeddedAws, key: str, version: str, picture: bytes) -> bool:
    """Whether there is an output of this version of the upload, and it is right."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=output_key(key)).get("Contents", [])
    if output_key(key) not in [item["Key"] for item in listed]:
        return False
    found = s3.get_object(Bucket=BUCKET, Key=output_key(key))
    if found["Metadata"]["source-version"] != version:
        return False
    check.solved(Image.open(BytesIO(picture)), Image.open(BytesIO(found["Body"].read())))
    return True
