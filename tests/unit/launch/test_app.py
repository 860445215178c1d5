"""The handler: what Lambda hands over, and what it is told of it."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from launch_queue import LaunchQueue
from launcher import MARGIN_SECONDS, Launcher
from processing import records
from processing.errors import BadSetting

from functions.launch import app as launch
from tests.support.launching import message
from tests.support.memory_store import MemoryStore
from tests.unit.launch.doubles import QUEUES, Clock, Cluster, Pool


@pytest.mark.parametrize("value", ["", "0", "-1", "many"])
def test_a_concurrency_limit_is_a_number_above_0(monkeypatch, value):
    monkeypatch.setenv("MAX_TASKS", value)
    with pytest.raises(BadSetting, match="MAX_TASKS"):
        launch.max_tasks()


def test_what_is_left_comes_back_at_once(monkeypatch):
    """And Lambda is told, or it would delete it."""
    changed = []
    sqs = SimpleNamespace(change_message_visibility_batch=lambda **said: changed.append(said))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    store = MemoryStore()
    parts = (Cluster(steps=10**9), LaunchQueue(QUEUES, store), store)
    monkeypatch.setattr(launch, "_parts", lambda: parts)
    monkeypatch.setenv("MAX_TASKS", "1")
    clock = Clock()
    monkeypatch.setattr(launch, "time", clock)
    monkeypatch.setattr(launch, "Launcher", functools.partial(Launcher, clock=clock))
    monkeypatch.setattr(launch, "ThreadPoolExecutor", lambda size: nullcontext(Pool()))
    milliseconds = (MARGIN_SECONDS + 0.2) * 1000
    context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: milliseconds, aws_request_id="an invocation"
    )
    said = launch.handler({"Records": [message(1), message(2), message(3)]}, context)
    assert [each["itemIdentifier"] for each in said["batchItemFailures"]] == ["2", "3"]
    (request,) = changed
    assert request["QueueUrl"] == "https://launches"
    assert [(each["ReceiptHandle"], each["VisibilityTimeout"]) for each in request["Entries"]] == [
        ("r2", 0),
        ("r3", 0),
    ]
    assert records.turn(store) == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_lambda_is_told_of_its_own_batch_only(monkeypatch):
    """A name that it did not hand over would be a failure of the whole batch."""
    given = []
    queue = SimpleNamespace(give_back=given.extend)
    monkeypatch.setattr(launch, "_parts", lambda: (None, queue, MemoryStore()))
    monkeypatch.setenv("MAX_TASKS", "1")
    left = [message(11), message(2)]
    launcher = SimpleNamespace(launch=lambda messages, pool: left, started=0, reported=0)
    monkeypatch.setattr(launch, "Launcher", lambda *_: launcher)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 0, aws_request_id="a")
    said = launch.handler({"Records": [message(1), message(2)]}, context)
    assert said == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert given == left
