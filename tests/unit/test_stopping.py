"""Stopping well: a job that is told to end says so, leaves no result and can be tried again."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from processing import job
from processing.errors import Failed, Stopped
from processing.events import Upload
from processing.settings import Settings

from tests.support.memory_store import MemoryStore

EVENT = {
    "Records": [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "uploads"}, "object": {"key": key}},
        }
        for key in ("input/a", "input/b")
    ]
}


def context(seconds: float) -> SimpleNamespace:
    """What Lambda says of the time that is left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: int(seconds * 1000))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for key in ("input/a", "input/b"):
        store.upload(key, b"x")
    return store


@pytest.fixture
def app(monkeypatch, store):
    """The function as Lambda imports it, on a bucket in memory."""
    monkeypatch.setenv("PROCESSOR", "os.path:join")
    app = importlib.reload(importlib.import_module("functions.process.app"))
    monkeypatch.setattr(app, "Bucket", lambda name: store)
    return app


def wait(body: bytes, kind: str) -> tuple[bytes, str]:
    time.sleep(60)
    return body, kind


def compute(body: bytes, kind: str) -> tuple[bytes, str]:
    """In C, which takes signals when a call is at its end: short calls, because half of the limit
    later the process ends, and on a busy machine a long one outlasts that."""
    while True:
        hashlib.pbkdf2_hmac("sha256", body, b"salt", 20_000)


def catch_all(body: bytes, kind: str) -> tuple[bytes, str]:
    with contextlib.suppress(Exception):
        time.sleep(60)
    return body, kind


@pytest.mark.parametrize("processor", [wait, compute, catch_all])
def test_a_job_without_time_ends_before_lambda_ends_it_and_says_so(app, store, capsys, processor):
    app.SETTINGS = app.SETTINGS.__class__(processor=processor)
    began = time.monotonic()
    with pytest.raises(Failed, match="out of time: not done in the 2 s that FunctionTimeout"):
        app.handler(EVENT, context(1.6))
    assert time.monotonic() - began < 10
    (report,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (report["outcome"], report["key"]) == ("failed", "input/a")
    assert "out of time" in report["reason"]
    assert set(store.versions) == {"input/a", "input/b"}


def test_a_store_that_does_not_respond_is_stopped_too(app, store):
    store.before = lambda operation, key: time.sleep(60)
    with pytest.raises(Failed, match="out of time"):
        app.handler(EVENT, context(1.2))


def test_the_time_limit_is_that_of_one_invocation(app):
    app.SETTINGS = app.SETTINGS.__class__(processor=lambda body, kind: (body, kind))
    app.handler(EVENT, context(0.5))
    time.sleep(0.6)  # a timer that is left would end whatever runs now


def test_what_was_stopped_can_be_done_the_next_time(app, store):
    app.SETTINGS = app.SETTINGS.__class__(processor=wait)
    with pytest.raises(Failed):
        app.handler(EVENT, context(0.4))
    app.SETTINGS = app.SETTINGS.__class__(processor=lambda body, kind: (body, kind))
    app.handler(EVENT, context(60))
    assert store.body("output/a") == store.body("output/b") == b"x"


def job_of(store: MemoryStore, **chosen: object) -> job.Report:
    return job.run(Upload("uploads", "input/a"), store, Settings(**chosen), log=lambda line: None)


@pytest.mark.parametrize("processor", [wait, compute, catch_all])
def test_a_task_rejects_what_takes_longer_than_it_may(store, processor):
    began = time.monotonic()
    report = job_of(store, processor=processor, max_seconds=2)
    assert time.monotonic() - began < 10
    assert report.outcome == "rejected"
    assert report.reason == (
        "it takes more than 2 s to process: make it smaller, or raise TaskTimeout"
    )
    assert json.loads(store.body("rejected/a.json"))["reason"] == report.reason


def test_the_limit_is_for_processing_not_for_s3(store):
    store.before = lambda operation, key: time.sleep(0.3)
    report = job_of(store, processor=lambda body, kind: (body, kind), max_seconds=1)
    assert report.outcome == "succeeded"
    assert report.milliseconds > 1000


def test_a_task_that_is_told_to_stop_has_no_result_from_that(store):
    def stopped(body: bytes, kind: str) -> tuple[bytes, str]:
        raise Stopped("by SIGTERM")

    with pytest.raises(Stopped, match="SIGTERM"):
        job_of(store, processor=stopped, max_seconds=60)
    assert set(store.versions) == {"input/a", "input/b"}


def test_what_a_job_changes_of_the_timer_is_as_before(store):
    before = signal.getsignal(signal.SIGALRM)
    job_of(store, processor=lambda body, kind: (body, kind), max_seconds=60)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_task_ends_even_if_its_processor_never_comes_back_from_c():
    """A lock that is taken twice is waited for without end, and no signal interrupts that."""
    program = """if True:
        import ctypes
        from tests.support.memory_store import MemoryStore
        from processing import job
        from processing.events import Upload
        from processing.settings import Settings

        def hang(body, kind):
            lock, mutex = ctypes.PyDLL(None).pthread_mutex_lock, bytes(64)
            lock(mutex), lock(mutex)

        store = MemoryStore()
        store.upload("input/a", b"x")
        job.run(Upload("uploads", "input/a"), store, Settings(processor=hang, max_seconds=2))
    """
    path = ":".join(str(Path(__file__).parents[2] / name) for name in (".", "worker"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path, "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in hang" in done.stderr
