"""The Lambda handler: which jobs it runs, and when it fails."""

from __future__ import annotations

import importlib

import pytest
from processing.errors import BadEvent, Failed

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore


class Context:
    """What the handler asks of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def function(monkeypatch):
    """The function as Lambda imports it, on a bucket in memory."""
    monkeypatch.setenv("PROCESSOR", "os.path:join")  # any two arguments: the bytes, and their type
    app = importlib.reload(importlib.import_module("functions.process.app"))
    store = MemoryStore()
    monkeypatch.setattr(app, "Bucket", lambda name: store)
    return app, store


def notification(*keys: str) -> dict:
    records = [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "uploads"}, "object": {"key": key}},
        }
        for key in keys
    ]
    return {"Records": records}


def test_each_record_has_its_job(function):
    app, store = function
    app.SETTINGS = app.SETTINGS.__class__(processor=OnBytes(lambda body, kind: (body, kind)))
    for key in ("input/a", "input/b"):
        store.upload(key, b"x")
    app.handler(notification("input/a", "input/b"), Context())
    assert store.body("output/a") == store.body("output/b") == b"x"


def test_one_failure_harms_no_neighbour_and_is_raised_at_the_end(function):
    app, store = function

    def processor(body: bytes, kind: str) -> tuple[bytes, str]:
        if body == b"explosive":
            raise RuntimeError("boom")
        return body, kind

    app.SETTINGS = app.SETTINGS.__class__(processor=OnBytes(processor))
    store.upload("input/a", b"explosive")
    store.upload("input/b", b"x")
    with pytest.raises(Failed, match="boom"):
        app.handler(notification("input/a", "input/b"), Context())
    assert store.body("output/b") == b"x"


def test_an_event_that_announces_nothing_is_an_error(function):
    app, _ = function
    with pytest.raises(BadEvent):
        app.handler({"hello": "world"}, Context())


def test_a_start_that_asks_for_its_job_version_is_done_again(function):
    app, store = function
    made = []

    def processor(body: bytes, kind: str) -> tuple[bytes, str]:
        made.append(body)
        return body, kind

    seen = store.upload("input/a", b"x")
    store.put("output/a", b"1", "text/plain", {"source-version": seen.version}, None)
    app.SETTINGS = app.SETTINGS.__class__(processor=OnBytes(processor), job_version="2")
    detail = {"bucket": {"name": "uploads"}, "object": {"key": "input/a"}}
    for asked in ({}, {"job-version": "3"}, {"job-version": "2"}):
        detail["object"] = {"key": "input/a", **asked}
        app.handler({"detail-type": "Object Created", "detail": detail}, Context())
    assert (made, store.body("output/a")) == ([b"x"], b"x")


def test_what_does_not_end_in_the_suffix_is_nobodys(function, capsys):
    app, store = function
    settings = app.SETTINGS.__class__(processor=OnBytes(lambda b, k: (b, k)), input_suffix=".pdf")
    app.SETTINGS = settings
    for key in ("input/a.pdf", "input/a.PDF"):
        store.upload(key, b"x")
    app.handler(notification("input/a.pdf", "input/a.PDF"), Context())
    assert store.body("output/a.pdf") == b"x"
    assert store.body("output/a.PDF") is None
    assert "the key does not end in .pdf" in capsys.readouterr().out


def test_the_report_of_a_failed_job_lies_in_the_stacks_own_bucket(function, monkeypatch):
    app, store = function
    buckets = {"uploads": store, "own": MemoryStore()}
    monkeypatch.setattr(app, "Bucket", buckets.__getitem__)

    def processor(body: bytes, kind: str) -> tuple[bytes, str]:
        raise RuntimeError("boom")

    app.SETTINGS = app.SETTINGS.__class__(processor=OnBytes(processor), notes_bucket="own")
    store.upload("input/a", b"x")
    with pytest.raises(Failed):
        app.handler(notification("input/a"), Context())
    assert list(store.versions) == ["input/a"]
    (note,) = buckets["own"].versions
    assert note.startswith(".sweep/reports/")
