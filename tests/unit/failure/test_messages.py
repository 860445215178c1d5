"""The three shapes of failures, and the one message that is made of each."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from processing import records
from processing.events import Upload

from tests.unit.failure.events import (
    REPORT,
    SOURCES,
    TIME,
    eventbridge_event,
    function,
    message,
    s3_event,
    task,
)

FIELDS = [
    "bucket", "key", "version", "reason", "started", "source", "stopCode", "task", "time"
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_gives_the_same_fields(handler, account, source):
    assert handler({"Records": [SOURCES[source]]}, None) == {"batchItemFailures": []}
    (said,) = account.sent
    assert list(said) == FIELDS
    assert (said["bucket"], said["key"]) == ("uploads", REPORT["key"])
    assert said["source"] == source
    assert datetime.fromisoformat(said["time"]) == datetime.fromisoformat(TIME)
    assert said["reason"] and said["stopCode"]


def test_a_launch_without_code_and_message_is_reported_all_the_same(handler, account):
    assert handler({"Records": [message(eventbridge_event("input/a"))]}, None) == {
        "batchItemFailures": []
    }
    (said,) = account.sent
    assert (said["key"], said["source"], said["stopCode"]) == ("input/a", "launch", None)
    assert said["reason"]


@pytest.mark.parametrize("key", ["output/a.png", "rejected/a.png.json", "input/a"])
def test_a_result_of_which_nobody_was_told_is_a_failure_of_no_upload(handler, account, store, key):
    """And none of the job: nothing is noted of the upload. Not even where a stack's results are
    another one's uploads."""
    topic = {"TARGET_ARN": "arn:aws:sns:eu-west-1:111122223333:topic"}
    told = message(eventbridge_event(key), **topic, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="no")
    assert handler({"Records": [told]}, None) == {"batchItemFailures": []}
    (said,) = account.sent
    assert said["reason"] == f"nobody was told of s3://uploads/{key}: no"
    assert (said["source"], said["stopCode"]) == ("topic", "NO_PERMISSIONS")
    assert (said["bucket"], said["key"], said["started"]) == (None, None, False)
    assert records.failure(store, Upload("uploads", key), records.NEVER) is None


def test_a_batch_is_reported_side_by_side(handler, account, monkeypatch):
    """Ten in the time of one: 100,000 may come at once."""
    all_there, send = threading.Barrier(10, timeout=20), account.send_message

    def send_message(**request: str) -> None:
        all_there.wait()
        send(**request)

    monkeypatch.setattr(account, "send_message", send_message)
    batch = [message(eventbridge_event(f"input/{number}")) for number in range(10)]
    assert handler({"Records": batch}, None) == {"batchItemFailures": []}
    assert {said["key"] for said in account.sent} == {f"input/{number}" for number in range(10)}


def test_a_task_that_was_stopped_after_its_job_is_no_failure(handler, account):
    done = task(stopCode="UserInitiated", containers=[{"name": "worker", "exitCode": 0}])
    assert handler({"Records": [message(done)]}, None) == {"batchItemFailures": []}
    assert account.sent == []


def test_a_launch_failed_when_it_was_given_up_and_not_when_it_was_asked_for(handler, account):
    """EventBridge tries for a day."""
    event = eventbridge_event(REPORT["key"]) | {"time": "2025-12-31T12:00:00Z"}
    handler({"Records": [message(event, ERROR_CODE="c", ERROR_MESSAGE="m")]}, None)
    assert account.sent[0]["time"] == "2026-01-01T12:00:00.000+00:00"


@pytest.mark.parametrize("name", ["FAILURE_QUEUE", "FALLBACK"])
def test_a_setting_that_is_missing_is_named(handler, account, monkeypatch, capsys, name):
    monkeypatch.delenv(name)
    assert handler({"Records": [SOURCES["task"]]}, None)["batchItemFailures"]
    assert f"{name} is not set" in capsys.readouterr().out


def test_a_failure_queue_that_is_gone_is_named(handler, account, monkeypatch, capsys):
    monkeypatch.setenv("FAILURE_QUEUE", "https://sqs/deleted")
    assert handler({"Records": [SOURCES["task"]]}, None)["batchItemFailures"]
    assert "FAILURE_QUEUE is 'https://sqs/deleted'" in capsys.readouterr().out


def test_a_task_that_somebody_started_without_an_upload_is_reported_all_the_same(handler, account):
    handler({"Records": [message(task(overrides={"containerOverrides": []}))]}, None)
    assert (account.sent[0]["bucket"], account.sent[0]["key"]) == (None, None)


def test_an_event_of_two_uploads_is_two_failures(handler, account):
    event = function("process", s3_event("input/a", "input/b", "elsewhere/c"))
    handler({"Records": [message(event)]}, None)
    assert [said["key"] for said in account.sent] == ["input/a", "input/b"]


def test_a_job_that_the_sweep_started_is_the_functions_failure(handler, account):
    handler({"Records": [message(function("process", eventbridge_event("input/a")))]}, None)
    assert (account.sent[0]["source"], account.sent[0]["key"]) == ("function", "input/a")


@pytest.mark.parametrize(
    "body",
    [
        message(function("the-sweep", {"resume": True})),
        message(
            {"detail-type": "Scheduled Event", "time": TIME, "detail": {}},
            ERROR_CODE="NO_PERMISSIONS",
            ERROR_MESSAGE="no permission to invoke the function",
        ),
    ],
)
def test_a_sweep_that_failed_is_reported_without_an_upload(handler, account, store, body):
    handler({"Records": [body]}, None)
    (said,) = account.sent
    assert (said["source"], said["bucket"], said["key"]) == ("sweep", None, None)
    assert store.versions == {}


def test_what_cant_be_understood_comes_again_and_harms_no_neighbour(handler, account, capsys):
    strange = message("not JSON")
    other = message({"detail-type": "of another world"})
    assert handler({"Records": [strange, SOURCES["task"], other]}, None) == {
        "batchItemFailures": [
            {"itemIdentifier": strange["messageId"]},
            {"itemIdentifier": other["messageId"]},
        ]
    }
    assert len(account.sent) == 1
    assert '"unreported": "not JSON"' in capsys.readouterr().out
