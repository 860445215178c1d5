"""Whether the job began: what never did is no attempt."""

from __future__ import annotations

import pytest
from processing import records
from processing.events import Upload

from tests.unit.failure.events import (
    REPORT,
    SOURCES,
    function,
    message,
    s3_event,
    task,
)

STARTED = "2026-01-01T11:59:00Z"
WORKER = {"name": "worker"}
NO_BEGINNING = {
    "an image that is not there": task(stopCode="TaskFailedToStart", containers=[WORKER]),
    "no address": task(stopCode="TaskFailedToStart", containers=[]),
    "an image without the program": task(
        stopCode="TaskFailedToStart", containers=[{**WORKER, "exitCode": 127}]
    ),
    "taken back before it ran": task(stopCode="SpotInterruption", containers=[WORKER]),
    "a wrong setting": task(containers=[{**WORKER, "exitCode": 2}]),
}
BEGINNING = {
    "exit code 1": task(),
    "killed": task(containers=[{**WORKER, "exitCode": 137}]),
    "taken back while it ran": task(
        stopCode="SpotInterruption", startedAt=STARTED, containers=[{**WORKER, "exitCode": 143}]
    ),
    "lost while it ran": task(startedAt=STARTED, containers=[WORKER]),
}


@pytest.mark.parametrize(("tasks", "started"), [(NO_BEGINNING, False), (BEGINNING, True)])
def test_a_task_that_never_ran_its_job_says_so(handler, account, store, tasks, started):
    for name, event in tasks.items():
        handler({"Records": [message(event)]}, None)
        assert account.sent[-1]["started"] is started, name
        kept = records.failure(store, Upload("uploads", REPORT["key"]), records.NEVER)
        assert kept.started is started, name


@pytest.mark.parametrize(
    ("condition", "response", "started"),
    [
        ("RetriesExhausted", {"errorType": "Failed", "errorMessage": "no"}, True),
        ("RetriesExhausted", {"errorType": "Sandbox.Timedout", "errorMessage": "late"}, True),
        ("RetriesExhausted", {"errorType": "Runtime.ExitError", "errorMessage": "exit"}, True),
        ("RetriesExhausted", {"errorType": "BadSetting", "errorMessage": "PROCESSOR"}, False),
        (
            "RetriesExhausted",
            {"errorType": "Runtime.ImportModuleError", "errorMessage": "no module"},
            False,
        ),
        ("EventAgeExceeded", None, False),
        ("EventAgeExceeded", {"errorType": "Failed", "errorMessage": "no"}, True),
    ],
)
def test_a_function_that_never_ran_its_job_says_so(handler, account, condition, response, started):
    event = function("process", s3_event("input/a"), responsePayload=response)
    event["requestContext"]["condition"] = condition
    handler({"Records": [message(event)]}, None)
    assert account.sent[0]["started"] is started


def test_what_eventbridge_could_not_start_did_not_start(handler, account):
    handler({"Records": [SOURCES["launch"]]}, None)
    assert account.sent[0]["started"] is False
