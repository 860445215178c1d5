"""Why it failed: what the worker kept, or what AWS says."""

from __future__ import annotations

import pytest
from processing import records
from processing.events import Upload

from tests.unit.failure.events import (
    REPORT,
    SOURCES,
    eventbridge_event,
    function,
    message,
    s3_event,
    task,
)


@pytest.mark.parametrize("source", ["task", "function"])
def test_a_failure_has_the_version_and_the_reason_that_its_worker_kept(
    handler, account, store, at, source
):
    at("2026-01-01T11:59:59Z")
    records.put_report(store, REPORT)
    handler({"Records": [SOURCES[source]]}, None)
    (said,) = account.sent
    assert (said["reason"], said["version"]) == (REPORT["reason"], "v1")


@pytest.mark.parametrize("source", ["task", "function"])
def test_what_a_worker_kept_of_an_earlier_job_is_not_the_reason(
    handler, account, store, at, source
):
    at("2026-01-01T11:44:00Z")
    records.put_report(store, REPORT | {"reason": "an older one"})
    handler({"Records": [SOURCES[source]]}, None)
    (said,) = account.sent
    assert said["version"] is None
    assert said["reason"] != "an older one"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {},
            "exit code 1; Essential container in task exited; its report could not be kept, and is "
            "in the log alone (task/worker/0123456789abcdef)",
        ),
        (
            {
                "containers": [
                    {"name": "worker", "exitCode": 137, "reason": "OutOfMemoryError: killed"}
                ],
            },
            "exit code 137; OutOfMemoryError: killed; Essential container in task exited",
        ),
        (
            {
                "stopCode": "TaskFailedToStart",
                "stoppedReason": "CannotPullContainerError: no such image",
                "containers": [{"name": "worker"}],
            },
            "it did not run; CannotPullContainerError: no such image",
        ),
        (
            {
                "stopCode": "SpotInterruption",
                "stoppedReason": "Your Spot Task was interrupted.",
                "containers": [{"name": "guard", "exitCode": 0}, {"name": "worker"}],
            },
            "it did not run; Your Spot Task was interrupted.",
        ),
        (
            {"stoppedReason": "Error: ENI", "containers": []},
            "it did not run; Error: ENI",
        ),
    ],
)
def test_a_task_without_a_report_is_reported_with_what_ecs_says(handler, account, changes, reason):
    handler({"Records": [message(task(**changes))]}, None)
    assert account.sent[0]["reason"] == reason


def test_whatever_a_reason_is_made_of_it_is_reported(handler, account, store, capsys):
    said = {"errorMessage": "\ud83d\0\ufffe" * 9999}
    event = function("process", eventbridge_event("input/a"), responsePayload=said)
    assert handler({"Records": [message(event)]}, None) == {"batchItemFailures": []}
    assert len(account.sent[0]["reason"]) == 2000
    kept = records.last_failure(store, Upload("uploads", "input/a"), records.NEVER)
    assert kept == account.sent[0]["reason"]
    capsys.readouterr().out.encode()


def test_an_event_that_grew_too_old_has_a_reason(handler, account):
    event = function("process", s3_event("input/a"), responsePayload=None)
    event["requestContext"]["condition"] = "EventAgeExceeded"
    handler({"Records": [message(event)]}, None)
    assert account.sent[0]["reason"] == "the function was not run: EventAgeExceeded"


def test_the_last_failure_of_an_upload_is_kept_in_the_bucket(handler, store):
    handler({"Records": [message(function("process", s3_event("input/a")))]}, None)
    since = records.NEVER
    assert records.last_failure(store, Upload("uploads", "input/a"), since) == REPORT["reason"]
    assert all(key.startswith(".sweep/") for key in store.versions)
