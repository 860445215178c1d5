"""What the sweep starts: functions and tasks, by size, and what fell back; what does not start."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from processing import events, records
from processing.errors import Failed

from tests.unit.sweep.account import (
    Clients,
    one_message,
)


def test_the_functions_jobs_are_invoked_with_an_event_of_their_upload(handler, store, aws):
    store.upload("input/a b", b"x")
    said = handler()
    assert (said["outcomes"], said["after"], said["problem"]) == ({"started": 1}, None, None)
    (call,) = aws.calls
    assert (call["FunctionName"], call["InvocationType"]) == ("process", "Event")
    detail = {"bucket": {"name": "uploads"}, "object": {"key": "input/a b"}}
    assert json.loads(call["Payload"])["detail"] == detail


def test_tasks_are_run_with_their_upload_in_the_environment(tasks, handler, store, aws):
    store.upload("input/a b", b"x")
    assert handler()["outcomes"] == {"started": 1}
    (call,) = aws.calls
    assert (call["cluster"], call["taskDefinition"]) == ("a cluster", "worker:1")
    (override,) = call["overrides"]["containerOverrides"]
    assert override["name"] == "worker"
    assert override["environment"] == [
        {"name": "S3_BUCKET", "value": "uploads"},
        {"name": "S3_KEY", "value": "input/a b"},
    ]
    network = call["networkConfiguration"]["awsvpcConfiguration"]
    assert network["subnets"] == ["subnet-1", "subnet-2"]


def test_a_reply_with_failures_is_no_start(tasks, handler, store, aws):
    store.upload("input/a", b"x")
    aws.failures = [{"reason": "Capacity is unavailable at this time"}]
    said = handler()
    assert said["outcomes"] == {"not_started": 1}
    assert "Capacity is unavailable" in said["problem"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ThrottlingException", "Rate exceeded"),
        (
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-1]: Rate exceeded "
            "(ErrorCode: Throttling)",
        ),
    ],
)
def test_a_throttled_launch_may_pass(tasks, handler, store, aws, code, message):
    """Whether ECS throttles, or EC2 does behind it."""
    store.upload("input/a", b"x")
    said = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    aws.error = ClientError(said, "RunTask")
    assert handler()["outcomes"] == {"not_started": 1}


def test_a_launch_that_is_refused_for_good_is_that_uploads_failure(tasks, handler, store, aws):
    store.upload("input/a", b"x")
    said = {
        "Error": {"Code": "InvalidParameterException", "Message": "TaskDefinition not found"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    aws.error = ClientError(said, "RunTask")
    said = handler()
    assert said["outcomes"] == {"failed": 1}
    assert "TaskDefinition not found" in said["problem"]
    with pytest.raises(Failed, match="TaskDefinition not found"):
        handler(resume=True)


def test_what_lambda_may_still_keep_is_not_started_again(handler, store, aws):
    """It takes every asynchronous invocation, and keeps for six hours what has to wait."""
    store.upload("input/a", b"x")
    assert [handler()["outcomes"] for _ in range(3)] == [{"started": 1}, *[{"waiting": 1}] * 2]
    assert len(aws.calls) == 1


@pytest.mark.parametrize(("size", "engine"), [(0, "function"), (10, "function"), (11, "task")])
def test_hybrid_starts_each_upload_on_the_engine_of_its_size(
    hybrid, handler, store, aws, size, engine
):
    store.upload("input/a", bytes(size))
    assert handler()["outcomes"] == {"started": 1}
    (call,) = aws.calls
    assert ("FunctionName" in call) == (engine == "function")


def test_a_task_can_be_asked_for_whatever_the_size(hybrid, handler, store, aws):
    upload = {"bucket": "uploads", "key": "input/a"}
    store.upload("input/a", b"x")
    assert handler(start_task=upload) == {"fallback": upload}
    (call,) = aws.calls
    (override,) = call["overrides"]["containerOverrides"]
    assert {"name": "S3_KEY", "value": "input/a"} in override["environment"]


def test_what_fell_back_stays_a_tasks(hybrid, handler, store, aws):
    """The function could not do it, and would fail again."""
    store.upload("input/a", b"small")
    handler(start_task={"bucket": "uploads", "key": "input/a"})
    assert handler()["outcomes"] == {"started": 1}
    assert ["overrides" in call for call in aws.calls] == [True, True]
    store.upload("input/a", b"newer")
    assert handler()["outcomes"] == {"started": 1}
    assert "FunctionName" in aws.calls[-1]


def done_by(store, version: str) -> None:
    """An upload with a result of that JobVersion."""
    seen = store.upload("input/a", b"x")
    said = {"source-version": seen.version, "job-version": version}
    store.put("output/a", b"X", "text/plain", said, None)


def test_a_function_is_asked_for_the_result_of_a_job_version(handler, store, aws, monkeypatch):
    done_by(store, "1")
    monkeypatch.setenv("JOB_VERSION", "2")
    assert handler()["outcomes"] == {"current": 1}
    assert handler(reprocess=True)["outcomes"] == {"started": 1}
    (call,) = aws.calls
    event = json.loads(call["Payload"])
    assert event["detail"]["object"] == {"key": "input/a", "job-version": "2"}
    assert events.reprocess(event) == "2"


def test_a_task_is_asked_for_it_in_its_environment(tasks, handler, store, aws, monkeypatch):
    done_by(store, "1")
    monkeypatch.setenv("JOB_VERSION", "2")
    assert handler(reprocess=True)["outcomes"] == {"started": 1}
    (override,) = aws.calls[0]["overrides"]["containerOverrides"]
    assert {"name": "REPROCESS", "value": "2"} in override["environment"]


def test_what_falls_back_is_still_asked_for_it(hybrid, handler, store, aws, monkeypatch):
    done_by(store, "1")
    monkeypatch.setenv("JOB_VERSION", "2")
    assert handler(reprocess=True)["outcomes"] == {"started": 1}
    handler(start_task={"bucket": "uploads", "key": "input/a"})
    (override,) = aws.calls[-1]["overrides"]["containerOverrides"]
    assert {"name": "REPROCESS", "value": "2"} in override["environment"]


def test_what_fell_back_may_wait_for_its_turn(hybrid, handler, store, aws, monkeypatch):
    """It is no attempt that failed."""
    monkeypatch.setenv("LAUNCH_QUEUE", "https://sqs/launches")
    monkeypatch.setattr(Clients, "get_queue_attributes", one_message)
    monkeypatch.setattr(Clients, "send_message", lambda self, **request: None, raising=False)
    store.upload("input/a", b"small")
    handler(start_task={"bucket": "uploads", "key": "input/a"})
    for _ in range(5):
        assert handler()["outcomes"] == {"waiting": 1}


def test_what_can_not_be_in_the_queue_is_started_though_others_wait(
    tasks, handler, store, monkeypatch
):
    """The queue is in order: what was uploaded before its turn has left it, or never was in it."""
    monkeypatch.setenv("LAUNCH_QUEUE", "https://sqs/launches")
    monkeypatch.setattr(Clients, "get_queue_attributes", one_message)
    monkeypatch.setattr(Clients, "send_message", lambda self, **request: None, raising=False)
    uploaded = store.upload("input/a", b"x").modified
    assert handler()["outcomes"] == {"waiting": 1}
    records.put_turn(store, uploaded - timedelta(seconds=1))
    assert handler()["outcomes"] == {"waiting": 1}
    records.put_turn(store, uploaded + timedelta(microseconds=20))  # the grace period is one of 6
    assert handler()["outcomes"] == {"started": 1}
    assert handler()["outcomes"] == {"waiting": 1}


def test_of_two_that_fall_back_at_once_one_starts_the_task(
    hybrid, handler, store, aws, monkeypatch
):
    """Both events of an upload that was soon replaced: neither is a failure."""
    upload = {"bucket": "uploads", "key": "input/a"}
    read, met = records.attempts, []
    store.upload("input/a", b"x")

    def read_before_the_other_writes(*arguments):
        found = read(*arguments)
        monkeypatch.setattr(records, "attempts", read)
        met.append(handler(start_task=upload))
        return found

    monkeypatch.setattr(records, "attempts", read_before_the_other_writes)
    assert handler(start_task=upload) == {"fallback": upload}
    assert met == [{"fallback": upload}]
    assert len(aws.calls) == 1


def test_an_upload_that_is_gone_does_not_fall_back(hybrid, handler, aws):
    handler(start_task={"bucket": "uploads", "key": "input/gone"})
    assert aws.calls == []


def test_a_task_that_is_asked_for_and_does_not_start_is_an_error(hybrid, handler, store, aws):
    store.upload("input/a", b"x")
    aws.failures = [{"reason": "Capacity is unavailable at this time"}]
    with pytest.raises(Exception, match="Capacity is unavailable"):
        handler(start_task={"bucket": "uploads", "key": "input/a"})
