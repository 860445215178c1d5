"""The launcher: tasks wait for their turn, and never more than the concurrency limit run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from processing import records
from processing.errors import BadSetting, NotStarted

from functions.launch import app as launch
from functions.launch.app import Launcher
from tests.support.memory_store import MemoryStore


def message(number: int, source: str = "aws.s3") -> dict:
    event = {
        "source": source,
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "uploads"}, "object": {"key": f"input/{number}"}},
    }
    return {
        "messageId": str(number),
        "receiptHandle": f"r{number}",
        "body": json.dumps(event),
        "attributes": {"SentTimestamp": "1767268800000"},
    }


class Cluster:
    """An ECS in steps: one look at the list, one step. Tasks run for `steps`; the list is behind
    by `lag`, and what a task is asked for by `unknown`."""

    def __init__(
        self, steps: int = 3, lag: int = 0, unknown: int = 0, problems: dict | None = None
    ) -> None:
        self.steps, self.lag, self.unknown = steps, lag, unknown
        self.problems = problems or {}
        self.now = 0
        self.started: dict[str, int] = {}
        self.most = 0

    def start(self, upload, swept: bool, job_version: str | None = None) -> str:
        if problems := self.problems.get(upload.key):
            raise problems.pop()
        self.started[upload.key] = self.now
        running = [at for at in self.started.values() if at + self.steps > self.now]
        self.most = max(self.most, len(running))
        return upload.key

    def running(self) -> set[str]:
        self.now += 1
        then = self.now - self.lag
        return {task for task, at in self.started.items() if at <= then < at + self.steps}

    def stopped(self, tasks: set[str]) -> set[str]:
        then = self.now - self.unknown
        return {task for task in tasks if then >= self.started[task] + self.steps}


@pytest.fixture(scope="module", autouse=True)
def _prefix() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPUT_PREFIX", "input/")
        yield


def run(cluster: Cluster, messages: list[dict], max_tasks: int, seconds: float = 60) -> list[dict]:
    ends = time.monotonic() + seconds
    launcher = Launcher(cluster, max_tasks, ends, sleep=lambda seconds: time.sleep(1e-5))
    with ThreadPoolExecutor(1) as pool:
        return launcher.launch(messages, pool)


@given(
    max_tasks=st.integers(1, 5),
    batches=st.lists(st.integers(1, 10), min_size=1, max_size=5),
    steps=st.integers(1, 6),
    lag=st.integers(0, 4),
    unknown=st.integers(0, 4),
)
def test_never_more_than_the_concurrency_limit_run_and_all_are_started(
    max_tasks, batches, steps, lag, unknown
):
    """However far ECS is behind what was started, within a batch and from one to the next."""
    cluster, number = Cluster(steps, lag, unknown), 0
    for size in batches:
        assert run(cluster, [message(number + each) for each in range(size)], max_tasks) == []
        number += size
    assert cluster.most <= max_tasks
    assert len(cluster.started) == number


@settings(deadline=None, max_examples=50)
@given(max_tasks=st.integers(1, 3), steps=st.integers(1, 50), lag=st.integers(1, 50))
def test_nor_when_the_time_is_out_before_the_list_has_all(max_tasks, steps, lag):
    """The next one begins with the list, so this one does not end before."""
    cluster, left = Cluster(steps, lag), [message(number) for number in range(10)]
    while left:
        left = run(cluster, left, max_tasks, seconds=0.0005)
    assert cluster.most <= max_tasks
    assert len(cluster.started) == 10


def no_response() -> Exception:
    return EndpointConnectionError(endpoint_url="https://ecs")


def test_while_ecs_does_not_list_nothing_is_started_and_nothing_lost(capsys):
    cluster = Cluster()
    problems = [denied(), no_response()]
    listed = cluster.running

    def running() -> set[str]:
        if problems:
            raise problems.pop()
        return listed()

    cluster.running = running
    assert run(cluster, [message(number) for number in range(3)], max_tasks=1) == []
    assert len(cluster.started) == 3
    assert capsys.readouterr().out.count("what runs is not known") == 2


def test_they_start_in_their_order():
    cluster = Cluster()
    run(cluster, [message(number) for number in range(9)], max_tasks=2)
    assert [*cluster.started] == [f"input/{number}" for number in range(9)]


def test_what_has_no_place_when_the_time_is_out_is_left():
    cluster = Cluster(steps=10**9)
    messages = [message(number) for number in range(5)]
    assert run(cluster, messages, max_tasks=2, seconds=0.2) == messages[2:]


def test_what_ecs_does_not_take_now_is_tried_again_before_the_others():
    cluster = Cluster(problems={"input/0": [NotStarted("throttled")] * 3})
    assert run(cluster, [message(0), message(1)], max_tasks=1) == []
    assert [*cluster.started] == ["input/0", "input/1"]


def denied() -> ClientError:
    said = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    return ClientError(said, "RunTask")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (message(1)["body"], "NO_PERMISSIONS"),
        ("no JSON", "INVALID_JSON"),
        ("{}", "INVALID_JSON"),
    ],
)
def test_what_cant_start_is_reported_and_harms_no_neighbour(monkeypatch, body, code):
    sent = []
    queue = type("Queue", (), {"send_message": lambda self, **request: sent.append(request)})()
    monkeypatch.setattr("boto3.client", lambda service: queue)
    monkeypatch.setenv("RAW_FAILURE_QUEUE", "https://raw")
    cluster = Cluster(problems={"input/1": [denied()]})
    assert run(cluster, [message(1) | {"body": body}, message(2)], max_tasks=5) == []
    assert [*cluster.started] == ["input/2"]
    (said,) = sent
    assert (said["QueueUrl"], said["MessageBody"]) == ("https://raw", body)
    assert said["MessageAttributes"]["ERROR_CODE"]["StringValue"] == code


def test_an_error_without_words_is_reported_all_the_same(monkeypatch):
    """SQS refuses an empty text; and what can't be reported comes back, before all others."""
    sent = []
    queue = type("Queue", (), {"send_message": lambda self, **request: sent.append(request)})()
    monkeypatch.setattr("boto3.client", lambda service: queue)
    monkeypatch.setenv("RAW_FAILURE_QUEUE", "https://raw")
    run(Cluster(problems={"input/1": [ValueError()], "input/2": [ValueError("\ud800\0" * 9999)]}),
        [message(1), message(2)], max_tasks=5)  # fmt: skip
    said = [each["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] for each in sent]
    assert said[0] == "ValueError()"
    assert said[1].encode() and len(said[1]) == 2000 and "\0" not in said[1]


def test_what_can_neither_start_nor_be_reported_waits(monkeypatch):
    def send_message(self, **request: object) -> None:
        raise no_response()

    queue = type("Queue", (), {"send_message": send_message})()
    monkeypatch.setattr("boto3.client", lambda service: queue)
    monkeypatch.setenv("RAW_FAILURE_QUEUE", "https://raw")
    cluster = Cluster(problems={"input/1": [denied()] * 10**6})
    messages = [message(1), message(2)]
    assert run(cluster, messages, max_tasks=5, seconds=0.2) == messages[:1]
    assert [*cluster.started] == ["input/2"]


def test_a_folder_marker_starts_nothing():
    cluster = Cluster()
    marker = json.loads(message(1)["body"])
    marker["detail"]["object"]["key"] = "input/folder/"
    assert run(cluster, [message(1) | {"body": json.dumps(marker)}], max_tasks=1) == []
    assert cluster.started == {}


@pytest.mark.parametrize("value", ["", "0", "-1", "many"])
def test_a_concurrency_limit_is_a_number_above_0(monkeypatch, value):
    monkeypatch.setenv("MAX_TASKS", value)
    with pytest.raises(BadSetting, match="MAX_TASKS"):
        launch.max_tasks()


SETTINGS = {
    "CLUSTER": "c",
    "TASK_DEFINITION": "t",
    "SUBNETS": "s",
    "SECURITY_GROUP": "g",
    "PUBLIC_IP": "DISABLED",
}


class Tasks:
    """ECS's tasks, as boto3's client has them: most stopped in the hour before."""

    def __init__(self, running: list[str], desired: dict[str, str]) -> None:
        self.list, self.desired = running, desired
        self.calls: list[str] = []

    def get_paginator(self, name: str) -> Tasks:
        assert name == "list_tasks"
        return self

    def paginate(self, cluster: str, desiredStatus: str) -> list[dict]:
        self.calls.append(f"ListTasks {desiredStatus}")
        return [{"taskArns": self.list}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict:
        assert 0 < len(tasks) <= 100  # more is an InvalidParameterException
        self.calls.append(f"DescribeTasks {len(tasks)}")
        known = [task for task in tasks if task in self.desired]
        return {
            "tasks": [{"taskArn": task, "desiredStatus": self.desired[task]} for task in known],
            "failures": [{"arn": task, "reason": "MISSING"} for task in {*tasks} - {*known}],
        }


def test_only_tasks_that_are_not_listed_yet_are_asked_for(monkeypatch):
    """100 a call: a list of those that stopped would have all of the last hour."""
    tasks = [f"task {number:03}" for number in range(250)]
    ecs = Tasks(["listed"], dict.fromkeys(tasks[:-1], "STOPPED") | {tasks[7]: "RUNNING"})
    monkeypatch.setattr("boto3.client", lambda service, config=None: ecs)
    cluster = launch.Cluster(SETTINGS)
    assert cluster.running() == {"listed"}
    # The last one is MISSING: started just now, so not ended.
    assert cluster.stopped({*tasks}) == {*tasks[:-1]} - {tasks[7]}
    assert ecs.calls == ["ListTasks RUNNING", *["DescribeTasks 100"] * 2, "DescribeTasks 50"]


class Ecs:
    """ECS without Spot capacity, as boto3's client."""

    def __init__(self) -> None:
        self.providers: list[str] = []

    def get_paginator(self, name: str) -> None: ...

    def run_task(self, **request: object) -> dict:
        strategy = request.get("capacityProviderStrategy")
        self.providers.append(strategy[0]["capacityProvider"] if strategy else "FARGATE")
        if strategy:
            return {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}
        return {"tasks": [{"taskArn": "a task"}], "failures": []}


def test_throttling_buys_nothing_on_demand(monkeypatch):
    """Only where there is no spare capacity is it worth its price."""

    def throttled(self, **request: object) -> None:
        said = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        raise ClientError(said | {"ResponseMetadata": {"HTTPStatusCode": 400}}, "RunTask")

    monkeypatch.setattr(Ecs, "run_task", throttled)
    monkeypatch.setattr("boto3.client", lambda service, config=None: Ecs())
    cluster = launch.Cluster(SETTINGS | {"SPOT": "yes"})
    with pytest.raises(NotStarted):
        cluster.start(launch.Upload("uploads", "input/a"), swept=False)


@pytest.mark.parametrize(
    ("spot", "swept", "providers"),
    [
        ("no", False, ["FARGATE"]),
        ("yes", False, ["FARGATE_SPOT", "FARGATE"]),
        ("yes", True, ["FARGATE"]),
    ],
)
def test_without_spot_capacity_or_after_an_interruption_it_is_on_demand(
    monkeypatch, spot, swept, providers
):
    ecs = Ecs()
    monkeypatch.setattr("boto3.client", lambda service, config=None: ecs)
    cluster = launch.Cluster(SETTINGS | {"SPOT": spot})
    assert cluster.start(launch.Upload("uploads", "input/a"), swept) == "a task"
    assert ecs.providers == providers


def test_a_task_is_asked_for_the_job_version_that_its_message_names(monkeypatch):
    monkeypatch.setenv("INPUT_PREFIX", "input/")
    asked = []

    class Started(Cluster):
        def start(self, upload, swept: bool, job_version: str | None = None) -> str:
            asked.append(job_version)
            return super().start(upload, swept)

    again = message(1)
    event = json.loads(again["body"])
    event["detail"]["object"]["job-version"] = "2"
    run(Started(), [again | {"body": json.dumps(event)}, message(2)], max_tasks=2)
    assert asked == ["2", None]


def test_what_is_left_comes_back_at_once(monkeypatch):
    """And Lambda is told, or it would delete it."""
    changed = []

    class Sqs:
        def change_message_visibility_batch(self, **request: object) -> None:
            changed.append(request)

    monkeypatch.setattr("boto3.client", lambda service: Sqs())
    store = MemoryStore()
    monkeypatch.setattr(launch, "Bucket", lambda name: store)
    monkeypatch.setattr(launch, "Cluster", lambda environment: Cluster(steps=10**9))
    monkeypatch.setenv("NOTES_BUCKET", "uploads")
    monkeypatch.setenv("MAX_TASKS", "1")
    monkeypatch.setenv("LAUNCH_QUEUE", "https://launches")
    milliseconds = (launch.MARGIN_SECONDS + 0.2) * 1000
    context = type("Context", (), {"get_remaining_time_in_millis": lambda self: milliseconds})()
    said = launch.handler({"Records": [message(1), message(2), message(3)]}, context)
    assert [each["itemIdentifier"] for each in said["batchItemFailures"]] == ["2", "3"]
    (request,) = changed
    assert request["QueueUrl"] == "https://launches"
    assert [(each["ReceiptHandle"], each["VisibilityTimeout"]) for each in request["Entries"]] == [
        ("r2", 0),
        ("r3", 0),
    ]
    assert records.turn(store) == datetime(2026, 1, 1, 12, tzinfo=UTC)
