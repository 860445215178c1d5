"""The three shapes of failures, and the one message that is made of each."""

from __future__ import annotations

import importlib.util
import io
import json
import threading
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from processing import records

from tests.support.memory_store import MemoryStore

ROOT = Path(__file__).parents[2]
TASK = "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0123456789abcdef"
TIME = "2026-01-01T12:00:00Z"
REPORT = {
    "outcome": "failed",
    "bucket": "uploads",
    "key": "input/ü a+b.png",
    "version": "v1",
    "mode": "fargate",
    "reason": "StoreError: s3:HeadObject on uploads/output/ü a+b.png: 403",
}


SENT = "1767268800000"
"""The same in milliseconds, as SQS has it."""


class NoQueue(Exception):
    """What SQS raises."""


class Account:
    """The AWS services that the function calls."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.invoked: list[dict] = []
        self.refused = ""
        self.exceptions = SimpleNamespace(QueueDoesNotExist=NoQueue)

    def client(self, service: str) -> Account:
        assert service in ("sqs", "lambda")
        return self

    def invoke(self, FunctionName: str, Payload: str) -> dict:
        assert FunctionName == "the-sweep"
        self.invoked.append(json.loads(Payload))
        if not self.refused:
            return {"Payload": io.BytesIO(b'{"started": {}}')}
        error = json.dumps({"errorType": "NotStarted", "errorMessage": self.refused})
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(error.encode())}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        if QueueUrl != "the failure queue":
            raise NoQueue("The specified queue does not exist.")
        self.sent.append(json.loads(MessageBody))


@pytest.fixture
def account(monkeypatch) -> Account:
    account = Account()
    monkeypatch.setattr("boto3.client", account.client)
    return account


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def at(monkeypatch):
    """Sets the time at which a worker keeps its report."""

    def set_to(time: str) -> None:
        clock = SimpleNamespace(now=lambda zone: datetime.fromisoformat(time))
        monkeypatch.setattr(records, "datetime", clock)
        clock.fromisoformat = datetime.fromisoformat

    return set_to


@pytest.fixture
def handler(monkeypatch, account, store):
    for name, value in {
        "FAILURE_QUEUE": "the failure queue",
        "INPUT_PREFIX": "input/",
        "SWEEP_FUNCTION": "the-sweep",
        "FALLBACK": "no",
    }.items():
        monkeypatch.setenv(name, value)
    path = ROOT / "functions/failure/app.py"
    spec = importlib.util.spec_from_file_location("failure_app", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "failure_app", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "Bucket", lambda name: store)
    return module.handler


def message(body: dict | str, **attributes: str) -> dict:
    return {
        "messageId": f"id of {body}"[:20],
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"SentTimestamp": SENT},
        "messageAttributes": {n: {"stringValue": v} for n, v in attributes.items()},
    }


def task(**changes: object) -> dict:
    variables = {"S3_BUCKET": "uploads", "S3_KEY": REPORT["key"]}
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    detail = {
        "taskArn": TASK,
        "createdAt": "2026-01-01T11:58:00Z",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "overrides": {"containerOverrides": [{"name": "worker", "environment": environment}]},
        "containers": [{"name": "worker", "exitCode": 1}],
        **changes,
    }
    return {"detail-type": "ECS Task State Change", "time": TIME, "detail": detail}


def function(name: str, payload: dict, **changes: object) -> dict:
    return {
        "version": "1.0",
        "timestamp": TIME,
        "requestContext": {
            "requestId": "an invocation",
            "functionArn": f"arn:aws:lambda:eu-west-1:111122223333:function:{name}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responsePayload": {"errorType": "Failed", "errorMessage": REPORT["reason"]},
        **changes,
    }


def s3_event(*keys: str) -> dict:
    entities = [{"bucket": {"name": "uploads"}, "object": {"key": key}} for key in keys]
    return {
        "Records": [
            {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}
            for entity in entities
        ]
    }


def eventbridge_event(key: str) -> dict:
    detail = {"bucket": {"name": "uploads"}, "object": {"key": key}}
    return {"detail-type": "Object Created", "source": "aws.s3", "time": TIME, "detail": detail}


SOURCES = {
    "task": message(task()),
    "function": message(function("process", s3_event("input/%C3%BC+a%2Bb.png"))),
    "launch": message(
        eventbridge_event(REPORT["key"]),
        ERROR_CODE="NO_PERMISSIONS",
        ERROR_MESSAGE="not authorized to perform: ecs:RunTask",
    ),
}
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


def test_a_launch_without_code_and_message_is_reported_all_the_same(handler, account):
    assert handler({"Records": [message(eventbridge_event("input/a"))]}, None) == {
        "batchItemFailures": []
    }
    (said,) = account.sent
    assert (said["key"], said["source"], said["stopCode"]) == ("input/a", "launch", None)
    assert said["reason"]


def test_whatever_a_reason_is_made_of_it_is_reported(handler, account, store, capsys):
    said = {"errorMessage": "\ud83d\0\ufffe" * 9999}
    event = function("process", eventbridge_event("input/a"), responsePayload=said)
    assert handler({"Records": [message(event)]}, None) == {"batchItemFailures": []}
    assert len(account.sent[0]["reason"]) == 2000
    assert records.last_failure(store, "input/a", records.NEVER) == account.sent[0]["reason"]
    capsys.readouterr().out.encode()


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
        kept = records.failure(store, REPORT["key"], records.NEVER)
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


def test_an_event_that_grew_too_old_has_a_reason(handler, account):
    event = function("process", s3_event("input/a"), responsePayload=None)
    event["requestContext"]["condition"] = "EventAgeExceeded"
    handler({"Records": [message(event)]}, None)
    assert account.sent[0]["reason"] == "the function was not run: EventAgeExceeded"


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


def test_the_last_failure_of_an_upload_is_kept_in_the_bucket(handler, store):
    handler({"Records": [message(function("process", s3_event("input/a")))]}, None)
    since = records.NEVER
    assert records.last_failure(store, "input/a", since) == REPORT["reason"]
    assert all(key.startswith(".sweep/") for key in store.versions)


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


@pytest.fixture
def hybrid(monkeypatch, handler) -> None:
    monkeypatch.setenv("FALLBACK", "yes")


@pytest.mark.usefixtures("hybrid")
def test_what_the_function_could_not_do_falls_back_and_is_no_failure_yet(handler, account, capsys):
    assert handler({"Records": [SOURCES["function"]]}, None) == {"batchItemFailures": []}
    assert account.invoked == [{"start_task": {"bucket": "uploads", "key": REPORT["key"]}}]
    assert account.sent == []
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["fallback"]["reason"] == REPORT["reason"]


@pytest.mark.usefixtures("hybrid")
@pytest.mark.parametrize("source", ["task", "launch"])
def test_what_a_task_could_not_do_does_not_fall_back(handler, account, source):
    handler({"Records": [SOURCES[source]]}, None)
    assert account.invoked == []
    assert [said["source"] for said in account.sent] == [source]


@pytest.mark.usefixtures("hybrid")
def test_a_sweep_that_failed_does_not_fall_back(handler, account):
    handler({"Records": [message(function("the-sweep", {"resume": True}))]}, None)
    assert account.invoked == []
    assert [said["source"] for said in account.sent] == ["sweep"]


@pytest.mark.usefixtures("hybrid")
def test_a_task_that_could_not_be_started_is_a_failure_with_both_reasons(handler, account):
    account.refused = "RunTask: no capacity"
    handler({"Records": [SOURCES["function"]]}, None)
    (said,) = account.sent
    assert said["reason"] == f"{REPORT['reason']}; no task was started: RunTask: no capacity"
