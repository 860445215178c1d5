"""Stopping well: a job that is told to end says so, leaves no result and can be tried again."""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from processing import clock, job, processes, reports
from processing.errors import Failed, Stopped
from processing.events import Upload
from processing.settings import Settings
from processing.supervisor import Supervisor

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

JOBS = Path(__file__).parents[1] / "support" / "jobs"
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
COPY = OnBytes(lambda body, kind: (body, kind))


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
def app(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> Iterator[ModuleType]:
    """The function as Lambda imports it, on a bucket in memory; its processor never ends."""
    monkeypatch.setenv("PROCESSOR", "bad:deaf")
    monkeypatch.syspath_prepend(JOBS)
    app = importlib.reload(importlib.import_module("functions.process.app"))
    monkeypatch.setattr(app, "Bucket", lambda name: store)
    supervisor = app.SETTINGS.processor
    supervisor.takes_bytes()  # it is imported before the time is short
    yield app
    supervisor.close()


def test_a_job_without_time_ends_before_lambda_ends_it_and_says_so(app, store, capsys):
    began, others = time.monotonic(), set(processes.descendants(os.getpid()))
    with pytest.raises(Failed, match="out of time: not done in the 2 s that FunctionTimeout"):
        app.handler(EVENT, context(1.6))
    assert time.monotonic() - began < 10
    (report,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (report["outcome"], report["key"]) == ("failed", "input/a")
    assert "out of time" in report["reason"]
    assert [key for key in store.versions if key.startswith(("output/", "rejected/"))] == []
    assert set(processes.descendants(os.getpid())) < others  # its runner is gone, too


def test_a_store_that_does_not_respond_is_stopped_too(app, store):
    store.before = lambda operation, key: time.sleep(60)
    with pytest.raises(Failed, match="out of time"):
        app.handler(EVENT, context(1.2))


def test_the_time_limit_is_that_of_one_invocation(app):
    app.SETTINGS = replace(app.SETTINGS, processor=COPY)
    app.handler(EVENT, context(0.5))
    time.sleep(0.6)  # a timer that is left would end whatever runs now


def test_what_was_stopped_can_be_done_the_next_time(app, store):
    with pytest.raises(Failed):
        app.handler(EVENT, context(0.4))
    app.SETTINGS = replace(app.SETTINGS, processor=COPY)
    app.handler(EVENT, context(60))
    assert store.body("output/a") == store.body("output/b") == b"x"


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Settings]]:
    """Settings with a job in a process of its own."""
    monkeypatch.syspath_prepend(JOBS)
    made: list[Supervisor] = []

    def settings(name: str, **chosen: object) -> Settings:
        environment = {"PATH": os.environ["PATH"]}
        made.append(Supervisor(name, (), environment, log=lambda line: None))
        return Settings(processor=made[-1], **chosen)

    yield settings
    for each in made:
        each.close()


def job_of(store: MemoryStore, settings: Settings) -> reports.Report:
    return job.run(Upload("uploads", "input/a"), store, settings, log=lambda line: None)


def test_a_task_rejects_what_takes_longer_than_it_may(store, supervised):
    began = time.monotonic()
    report = job_of(store, supervised("bad:deaf", max_seconds=1))
    assert time.monotonic() - began < 10
    assert report.outcome == "rejected"
    assert report.reason == (
        "it takes more than 1 s to process: make it smaller, or raise TaskTimeout"
    )
    assert json.loads(store.body("rejected/a.json"))["reason"] == report.reason


def test_the_limit_is_for_processing_not_for_s3(store, supervised):
    store.before = lambda operation, key: time.sleep(0.4)
    report = job_of(store, supervised("bad:write", max_seconds=1))
    assert report.outcome == "succeeded"
    assert report.milliseconds > 1000


def test_a_task_that_is_told_to_stop_has_no_result_from_that(store, supervised):
    others = set(processes.descendants(os.getpid()))

    def stop(number: int, frame: object) -> None:
        raise Stopped("by SIGTERM")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(Stopped, match="SIGTERM"):
            job_of(store, supervised("bad:deaf", max_seconds=60))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [key for key in store.versions if key.startswith(("output/", "rejected/"))] == []
    assert set(processes.descendants(os.getpid())) <= others


def test_a_limit_within_a_limit_leaves_the_outer_one_as_it_was():
    outer, inner = Stopped("outer"), Stopped("inner")
    with pytest.raises(Stopped) as raised, clock.limited(0.6, outer):
        with pytest.raises(Stopped) as first, clock.limited(0.1, inner):
            time.sleep(5)
        assert first.value is inner
        time.sleep(5)
    assert raised.value is outer
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_report_that_cant_be_kept_in_time_is_given_up(store, supervised):
    def never(operation: str, key: str) -> None:
        if key.startswith(".sweep/"):
            time.sleep(60)

    store.before = never
    began = time.monotonic()
    with pytest.raises(Failed):
        job_of(store, supervised("bad:lines"))
    assert time.monotonic() - began < 20
