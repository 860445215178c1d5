"""Each sample event, with the real `sam local invoke`, in a container like Lambda's own."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from oracle import check_path
from PIL import Image

from local.aws import EmbeddedAws
from local.invoke import failed, invoke, put
from local.paths import ROOT
from local.pipeline import answer_key
from tests.containers.conftest import BUCKET

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
    assert sorted(EVENTS) == sorted(path.stem for path in (ROOT / "events").glob("*.json"))


@pytest.mark.parametrize(("event", "keys"), EVENTS.items(), ids=EVENTS.keys())
def test_the_function_answers_the_uploads_of_an_event_and_nothing_else(
    event: str, keys: list[str], aws: EmbeddedAws, lambda_base: str, sample: bytes
) -> None:
    everything = ["input/maze.png", ODD, "input/one.png", "input/two.png"]
    versions = {key: put(aws, BUCKET, key, sample) for key in everything}
    said = invoke(aws, ROOT / "events" / f"{event}.json", lambda_base)
    assert not failed(said), said
    assert [(report["outcome"], report["mode"]) for report in reports(said)] == [
        ("answered", "lambda") for _ in keys
    ]
    for key in everything:
        is_answered = answered(aws, key, versions[key], sample)
        assert is_answered == (key in keys), f"{key}\n{said}"


def test_the_functions_error_is_seen(aws: EmbeddedAws, lambda_base: str, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"detail-type": "Something Else", "detail": {}}))
    said = invoke(aws, event, lambda_base)
    assert failed(said)
    assert "BadEvent" in said


def reports(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith('{"outcome"')]


def answered(aws: EmbeddedAws, key: str, version: str, picture: bytes) -> bool:
    """Whether there is an answer to this version of the upload, and it is right."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=answer_key(key)).get("Contents", [])
    if answer_key(key) not in [item["Key"] for item in listed]:
        return False
    found = s3.get_object(Bucket=BUCKET, Key=answer_key(key))
    if found["Metadata"]["source-version"] != version:
        return False
    check_path(Image.open(BytesIO(picture)), Image.open(BytesIO(found["Body"].read())))
    return True
