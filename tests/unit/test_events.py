"""From an event to uploads."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing import events
from processing.errors import BadEvent, BadSetting
from processing.events import Upload

from local import invoke

SAMPLES = Path(__file__).parents[2] / "events"
ODD_KEY = 'input/über a+b 100%".png'

EXPECTED = {
    "s3-put": ["input/maze.png"],
    "s3-multipart": ["input/maze.png"],
    "s3-copy": ["input/maze.png"],
    "s3-encoded-key": [ODD_KEY],
    "s3-several-records": ["input/one.png", "input/two.png"],
    "s3-folder-marker": [],
    "s3-outside-prefix": [],
    "s3-test-event": [],
    "eventbridge-put": ["input/maze.png"],
    "eventbridge-raw-key": [ODD_KEY],
    "cloudtrail-put": ["input/maze.png"],
    "cloudtrail-copy": ["input/maze.png"],
    "cloudtrail-multipart": ["input/maze.png"],
    "cloudtrail-raw-key": [ODD_KEY],
    "cloudtrail-failed-call": [],
}


def sample(name: str) -> dict:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def test_every_sample_is_expected_here():
    samples = {path.stem for path in SAMPLES.glob("*.json")} - {"local"}  # `make s3` writes it
    assert samples == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_can_be_told_another_key(name):
    """For `make invoke INPUT=file`: each kind of event in its own encoding."""
    key = 'input/my maze+1 100%".png'
    found = events.from_event(invoke.named(sample(name), key), "input/", log=lambda line: None)
    expected = [] if "Records" not in sample(name) and not EXPECTED[name] else [key]
    assert [upload.key for upload in found] == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_announces_its_uploads(name):
    found = events.from_event(sample(name), "input/", log=lambda line: None)
    assert found == [Upload("uploads", key) for key in EXPECTED[name]]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_same_key_comes_out_of_every_shape(text):
    key = f"input/{text}."
    notification, created, trail = map(sample, ("s3-put", "eventbridge-put", "cloudtrail-put"))
    notification["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
    created["detail"]["object"]["key"] = key
    trail["detail"]["requestParameters"]["key"] = key
    environment = {"S3_BUCKET": "uploads", "S3_KEY": key}
    for event in (notification, created, trail):
        assert events.from_event(event, "input/") == [events.from_environment(environment)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("s3-folder-marker", "the key is a folder marker"),
        ("s3-outside-prefix", "the key is outside input/"),
    ],
)
def test_what_is_no_upload_is_logged(name, reason):
    lines: list[str] = []
    events.from_event(sample(name), "input/", log=lines.append)
    assert [json.loads(line)["reason"] for line in lines] == [reason]


def test_a_key_that_s3_cant_have_is_logged():
    """JSON can have half a surrogate pair; UTF-8, and so S3 and every other call, can't."""
    lines: list[str] = []
    detail = {"bucket": {"name": "uploads"}, "object": {"key": "input/\ud83d"}}
    event = {"detail-type": "Object Created", "detail": detail}
    assert events.from_event(event, "input/", log=lines.append) == []
    assert "half a surrogate pair" in json.loads(lines[0].encode())["reason"]


def removed(path: str) -> dict:
    """A sample without one of its fields."""
    name, *keys = path.split(".")
    event = sample(name)
    inside = event
    for key in keys[:-1]:
        inside = inside[int(key) if key.isdigit() else key]
    del inside[keys[-1]]
    return event


def changed(name: str, **fields: object) -> dict:
    event = sample(name)
    inside = event["Records"][0] if "Records" in event else event.get("detail", event)
    inside.update(fields)
    return event


@pytest.mark.parametrize(
    ("event", "names"),
    [
        ({}, "neither an S3 notification nor"),
        ({"detail-type": "Object Deleted", "detail": {}}, "Object Deleted"),
        ({"Records": [{"eventSource": "aws:sqs"}]}, "'aws:sqs'"),
        ({"Records": [{}]}, "eventSource"),
        ({"Records": 7}, "not iterable"),
        (changed("s3-put", eventName="ObjectRemoved:Delete"), "ObjectRemoved:Delete"),
        (changed("cloudtrail-put", eventName="DeleteObject"), "DeleteObject"),
        (changed("cloudtrail-put", eventSource="kms.amazonaws.com"), "kms.amazonaws.com"),
        (removed("s3-put.Records.0.s3.object.key"), "key"),
        (removed("eventbridge-put.detail.bucket"), "bucket"),
        (removed("cloudtrail-put.detail.requestParameters"), "requestParameters"),
    ],
)
def test_anything_else_is_an_error_that_names_what_is_wrong(event, names):
    with pytest.raises(BadEvent, match=names):
        events.from_event(event, "input/")


@pytest.mark.parametrize("missing", ["S3_BUCKET", "S3_KEY"])
@pytest.mark.parametrize("value", [None, ""])
def test_the_container_needs_bucket_and_key(missing, value):
    environment = {"S3_BUCKET": "uploads", "S3_KEY": "input/a"} | {missing: value}
    with pytest.raises(BadSetting, match=missing):
        events.from_environment({k: v for k, v in environment.items() if v is not None})
