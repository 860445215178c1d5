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
