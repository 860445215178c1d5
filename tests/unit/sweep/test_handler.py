"""The sweep's handler: what an event may ask for, and what settings must be there."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from processing import records, starters
from processing.errors import BadEvent, BadSetting, Failed, StoreError
from processing.objects import Listed

from tests.support.memory_store import MemoryStore

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
SETTINGS = {
    "BUCKET": "uploads",
    "MODE": "lambda",
    "FUNCTION": "process",
    "FUNCTION_TIMEOUT": "0.000001",
    "TASK_TIMEOUT": "0.000001",
    "OVERHEAD_SECONDS": "0.000003",
    "MAX_ATTEMPTS": "3",
    "PROCESSOR": "nothing:here",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
TASKS = {
    "MODE": "fargate",
    "CLUSTER": "a cluster",
    "TASK_DEFINITION": "worker:1",
    "SUBNETS": "subnet-1,subnet-2",
    "SECURITY_GROUP": "sg-1",
    "PUBLIC_IP": "DISABLED",
}


class Clients:
    """The account's services, as boto3's clients."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.failures: list[dict] = []
        self.error: Exception | None = None
        self.running: list[str] = []
        """The keys of uploads whose tasks run."""
        self.unknown: Exception | None = None
        """What ECS says instead of naming them."""
        self.exceptions = SimpleNamespace(QueueDoesNotExist=NoQueue)

    def client(self, service: str, config: object) -> Clients:
        return self

    def invoke(self, **request: object) -> None:
        self.calls.append(request)

    def run_task(self, **request: object) -> dict:
        self.calls.append(request)
        if self.error:
            raise self.error
        return {
            "failures": self.failures,
            "tasks": [] if self.failures else [{"taskArn": "a task"}],
        }

    def get_paginator(self, operation: str) -> Clients:
        assert operation == "list_tasks"
        return self

    def paginate(self, cluster: str) -> list[dict]:
        if self.unknown:
            raise self.unknown
        return [{"taskArns": [key]} for key in self.running] or [{"taskArns": []}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict:
        variables = [{"name": "S3_BUCKET", "value": "b"}, {"name": "S3_KEY", "value": tasks[0]}]
        worker = {"name": "worker", "environment": variables}
        return {"tasks": [{"overrides": {"containerOverrides": [worker]}}]}

    def get_queue_attributes(self, **request: object) -> None:
        raise NoQueue("The specified queue does not exist.")


class NoQueue(Exception):
    """What SQS raises."""


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def aws(monkeypatch) -> Clients:
    clients = Clients()
    monkeypatch.setattr("boto3.client", clients.client)
    return clients


@pytest.fixture
def handler(monkeypatch, store, aws):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    path = Path(__file__).parents[3] / "functions/sweep/app.py"
    spec = importlib.util.spec_from_file_location("sweep_app", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(starters, "RATE", 1000.0)
    monkeypatch.setattr(module, "Bucket", lambda name: store)
    return lambda **event: module.handler(event, CONTEXT)


def test_the_functions_jobs_are_invoked_with_an_event_of_their_upload(handler, store, aws):
    store.upload("input/a b", b"x")
    said = handler()
    assert (said["outcomes"], said["after"], said["problem"]) == ({"started": 1}, None, None)
    (call,) = aws.calls
    assert (call["FunctionName"], call["InvocationType"]) == ("process", "Event")
    detail = {"bucket": {"name": "uploads"}, "object": {"key": "input/a b"}}
    assert json.loads(call["Payload"])["detail"] == detail


@pytest.fixture
def tasks(monkeypatch, handler):
    for name, value in TASKS.items():
        monkeypatch.setenv(name, value)


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


def test_a_launch_queue_that_is_gone_is_named(tasks, handler, store, monkeypatch):
    monkeypatch.setenv("LAUNCH_QUEUE", "https://sqs/deleted")
    with pytest.raises(BadSetting, match="LAUNCH_QUEUE is 'https://sqs/deleted'"):
        handler()


def test_what_lambda_may_still_keep_is_not_started_again(handler, store, aws):
    """It takes every asynchronous invocation, and keeps for six hours what has to wait."""
    store.upload("input/a", b"x")
    assert [handler()["outcomes"] for _ in range(3)] == [{"started": 1}, *[{"waiting": 1}] * 2]
    assert len(aws.calls) == 1


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"resume": True, "prefix": "input/2026/"}, "goes without ['prefix']"),
        ({"resume": True, "after": "a"}, "goes without ['after']"),
        ({"dryrun": True}, "a sweep has no ['dryrun']"),
        ({"prefix": "output/"}, "prefix is 'output/'; it must start with input/"),
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


def test_the_schedules_sweep_leaves_its_state(handler, store):
    store.upload("input/a", b"x")
    assert handler(resume=True)["after"] is None
    assert json.loads(store.body(".sweep/state"))["unsettled"] is None
    assert json.loads(store.body(".sweep/state"))["examined"] is not None


def test_the_schedules_sweep_fails_loudly_after_it_did_what_it_could(handler, store):
    store.upload("input/a", b"x")
    store.upload("input/b", b"x")

    def refuse(operation: str, key: str) -> None:
        if key == "input/a":
            raise Failed("no")

    store.before = refuse
    assert handler()["outcomes"] == {"failed": 1, "started": 1}
    with pytest.raises(Failed, match="1 uploads could not be dealt with; the last: input/a: no"):
        handler(resume=True)
    assert store.body(".sweep/state")


def test_the_place_is_saved_whatever_ends_the_sweep(handler, store):
    for number in range(300):
        store.upload(f"input/{number:04}", b"x")
    listing = store.listing

    def denied_at_last(prefix: str, after: str) -> Iterator[Listed]:
        yield from itertools.islice(listing(prefix, after), 280)
        if prefix == "input/":
            raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")

    store.listing = denied_at_last
    with pytest.raises(StoreError, match="403 AccessDenied"):
        handler(resume=True)
    assert json.loads(store.body(".sweep/state"))["after"] == "0255"
    store.listing = listing
    assert handler(resume=True)["outcomes"] == {"started": 44}


def test_a_sweep_that_may_not_list_leaves_no_state(handler, store):
    """Its beginning, and what was young then, would be those of the next one."""
    store.upload("input/a", b"x")

    def denied(prefix: str, after: str) -> Iterator[Listed]:
        raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")
        yield

    store.listing = denied
    with pytest.raises(StoreError, match="403 AccessDenied"):
        handler(resume=True)
    assert store.body(".sweep/state") is None


def test_of_two_runs_at_once_the_later_one_ends_without_a_word(handler, store, capsys):
    """The state that the other one left stays."""

    def other(operation: str, key: str) -> None:
        if (operation, key) == ("put", ".sweep/state"):
            store.before = None
            handler(resume=True)

    store.before = other
    assert handler(resume=True)["after"] is None
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.fixture
def hybrid(monkeypatch, tasks):
    monkeypatch.setenv("MODE", "hybrid")
    monkeypatch.setenv("THRESHOLD", "10")


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


def test_what_fell_back_may_wait_for_its_turn(hybrid, handler, store, aws, monkeypatch):
    """It is no attempt that failed."""
    monkeypatch.setenv("LAUNCH_QUEUE", "https://sqs/launches")
    monkeypatch.setattr(Clients, "get_queue_attributes", one_message)
    monkeypatch.setattr(Clients, "send_message", lambda self, **request: None, raising=False)
    store.upload("input/a", b"small")
    handler(start_task={"bucket": "uploads", "key": "input/a"})
    for _ in range(5):
        assert handler()["outcomes"] == {"waiting": 1}


def one_message(self: Clients, **request: object) -> dict:
    counts = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}
    return {"Attributes": counts}


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


def test_an_upload_that_is_gone_does_not_fall_back(hybrid, handler, aws):
    handler(start_task={"bucket": "uploads", "key": "input/gone"})
    assert aws.calls == []


def test_a_task_that_is_asked_for_and_does_not_start_is_an_error(hybrid, handler, store, aws):
    store.upload("input/a", b"x")
    aws.failures = [{"reason": "Capacity is unavailable at this time"}]
    with pytest.raises(Exception, match="Capacity is unavailable"):
        handler(start_task={"bucket": "uploads", "key": "input/a"})


@pytest.mark.parametrize(
    "body", [None, b"no JSON", b"\xff", b"[]", b"{}", b'{"began": "yesterday"}', b'{"began": 1}']
)
def test_a_state_that_cant_be_read_is_the_start_of_the_bucket(handler, store, body):
    """None: the role has lost the key that encrypted it. It is written over, and not kept."""
    store.upload(".sweep/state", body or b"encrypted")
    store.upload("input/a", b"x")
    read = store.get

    def denied(seen):
        if seen.key == ".sweep/state" and body is None:
            raise StoreError("GetObject", "uploads", seen.key, "403 AccessDenied", denied=True)
        return read(seen)

    store.get = denied
    assert handler(resume=True)["outcomes"] == {"started": 1}
    assert json.loads(store.body(".sweep/state"))["examined"] is not None


def test_s3_that_gives_no_output_ends_the_sweep_and_keeps_its_state(handler, store):
    store.upload(".sweep/state", b'{"after": "k"}')

    def silent(seen):
        raise StoreError("GetObject", "uploads", seen.key, "no output")

    store.get = silent
    with pytest.raises(StoreError, match="no output"):
        handler(resume=True)
    assert store.body(".sweep/state") == b'{"after": "k"}'


@pytest.fixture
def long_tasks(tasks, monkeypatch):
    """Those that may take a week."""
    monkeypatch.setenv("TASK_TIMEOUT", "604800")


def test_a_task_that_runs_is_left_alone_for_as_long_as_it_does(long_tasks, handler, store, aws):
    """And nothing else is: what no task runs for is started, however long a task may take."""
    for name in ("runs", "lost"):
        store.upload(f"input/{name}", b"x")
    aws.running = ["input/runs"]
    for _ in range(3):
        said = handler()
    assert said["outcomes"]["running"] == 1
    assert {starts_of(call) for call in aws.calls} == {"input/lost"}
    aws.running = []
    handler()
    assert "input/runs" in map(starts_of, aws.calls)


def starts_of(call: dict) -> str:
    (override,) = call["overrides"]["containerOverrides"]
    return next(each["value"] for each in override["environment"] if each["name"] == "S3_KEY")


def test_a_task_that_runs_is_nothing_overdue(long_tasks, handler, store, aws):
    store.upload("input/runs", b"x")
    aws.running = ["input/runs"]
    said = handler(resume=True)
    assert (said["outcomes"], said["unsettled_seconds"]) == ({"running": 1}, 0)


def test_where_nobody_says_what_runs_a_job_has_all_its_time(long_tasks, handler, store, aws):
    store.upload("input/a", b"x")
    reply = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    aws.unknown = ClientError(reply, "ListTasks")
    assert handler()["outcomes"] == {"young": 1}
    aws.unknown = None
    assert handler()["outcomes"] == {"started": 1}


def test_without_a_cluster_a_task_of_the_former_mode_has_all_its_time(handler, store, monkeypatch):
    monkeypatch.setenv("TASK_TIMEOUT", "604800")
    store.upload("input/a", b"x")
    assert handler()["outcomes"] == {"young": 1}
