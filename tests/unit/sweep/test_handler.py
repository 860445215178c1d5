"""The sweep's handler: what an event may ask for, and what settings must be there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from processing.errors import BadEvent, BadSetting

from tests.unit.sweep.account import (
    TASKS,
)


def test_a_launch_queue_that_is_gone_is_named(tasks, handler, store, monkeypatch):
    monkeypatch.setenv("LAUNCH_QUEUE", "https://sqs/deleted")
    with pytest.raises(BadSetting, match="LAUNCH_QUEUE is 'https://sqs/deleted'"):
        handler()


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"reprocess": True}, "JobVersion is empty"),
        ({"resume": True, "reprocess": True}, "resume"),
        ({"resume": True, "prefix": "input/2026/"}, "goes without ['prefix']"),
        ({"resume": True, "after": "a"}, "goes without ['after']"),
        ({"dryrun": True}, "a sweep has no ['dryrun']"),
        ({"prefix": "output/"}, "prefix is 'output/'; it must start with input/"),
        ({"status": "input/a", "rate": 1}, "status goes alone, with a key"),
        ({"status": None}, "status goes alone, with a key"),
        ({"rate": 0}, "rate is 0"),
        ({"rate": -1}, "rate is -1"),
        ({"rate": "fast"}, "rate is 'fast'"),
    ],
)
def test_what_an_event_may_not_ask_for_is_named(handler, event, says):
    with pytest.raises(BadEvent) as raised:
        handler(**event)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUCKET", ""),
        ("NOTES_BUCKET", ""),
        ("MODE", ""),
        ("MODE", "ec2"),
        ("FUNCTION", ""),
        ("FUNCTION_TIMEOUT", ""),
        ("TASK_TIMEOUT", "long"),
        ("OVERHEAD_SECONDS", "0"),
        ("MAX_ATTEMPTS", "0"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(monkeypatch, handler, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=name):
        handler()


@pytest.mark.parametrize("name", sorted(TASKS.keys() - {"MODE"}))
def test_tasks_need_all_their_settings(monkeypatch, tasks, handler, name):
    monkeypatch.delenv(name)
    with pytest.raises(BadSetting, match=name):
        handler()


@pytest.mark.parametrize(
    ("function", "task", "minutes"), [("120", "900", 30), ("900", "900", 60), ("1", "3600", 75)]
)
def test_a_job_is_left_alone_for_three_runs_of_the_function_or_one_task(
    monkeypatch, handler, store, function, task, minutes
):
    """And a quarter of an hour: Lambda's pauses, a task's start."""
    limits = {"FUNCTION_TIMEOUT": function, "TASK_TIMEOUT": task, "OVERHEAD_SECONDS": "900"}
    for name, value in limits.items():
        monkeypatch.setenv(name, value)
    now = datetime.now(UTC)
    for key, age in {"input/old": minutes + 1, "input/young": minutes - 1}.items():
        store.clock = lambda age=age: now - timedelta(minutes=age)
        store.upload(key, b"x")
    assert handler()["outcomes"] == {"started": 1, "young": 1}


def test_who_asks_of_one_upload_starts_nothing(handler, store, aws):
    """In JSON, as Lambda returns it."""
    store.upload("input/a", b"x")
    said = json.loads(json.dumps(handler(status="input/a")))
    assert (said["state"], said["bucket"], said["key"]) == ("waiting", "uploads", "input/a")
    assert not aws.calls


def test_a_task_that_runs_for_the_upload_is_known(tasks, handler, store, aws):
    store.upload("input/a", b"x")
    aws.running = ["input/a"]
    assert handler(status="input/a")["state"] == "running"
    aws.running = []
    assert handler(status="input/a")["state"] == "waiting"
