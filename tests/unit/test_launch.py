"""The launcher: tasks wait for their turn, and never more than the concurrency limit run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from types import SimpleNamespace

import cluster as of_cluster
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from launch_queue import LaunchQueue
from launcher import MARGIN_SECONDS, STARTS_A_SECOND, Launcher
from places import LIST_SECONDS, NEVER, Places
from processing import records
from processing.errors import BadSetting, NoCapacity, NotStarted, StoreError
from processing.events import Upload

from functions.launch import app as launch
from tests.support.launching import message
from tests.support.memory_store import MemoryStore


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

    def start(self, upload, swept: bool, job_version: str | None = None, token: str = "") -> str:
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


class Clock:
    """Time that passes when it is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Pool:
    """Where a call is answered at once, or when the test says so."""

    def submit(self, work, *arguments) -> Future:
        call: Future = Future()
        try:
            call.set_result(work(*arguments))
        except Exception as error:
            call.set_exception(error)
        return call


class Queue:
    """The launch queue's batches after the first one, and what was done with all."""

    def __init__(self, *batches: list[dict]) -> None:
        self.batches = [*batches]
        self.calls: list[tuple[str, list[str]]] = []
        self.reported: list[str] = []

    def receive(self) -> list[dict]:
        return self.batches.pop(0) if self.batches else []

    def delete(self, messages: list[dict]) -> None:
        self.calls.append(("delete", [each["messageId"] for each in messages]))

    def report(self, message: dict, error: Exception) -> None:
        self.reported.append(message["messageId"])

    def note_turn(self, message: dict) -> None:
        self.calls.append(("turn", [message["messageId"]]))

    def deleted(self) -> list[list[str]]:
        return [names for what, names in self.calls if what == "delete" and names]


def run(
    cluster: Cluster,
    messages: list[dict],
    max_tasks: int,
    seconds: float = 60,
    queue: object = None,
    store: MemoryStore | None = None,
    clock: Clock | None = None,
) -> list[dict]:
    places = Places(store or MemoryStore(), "me", seconds)
    launcher = Launcher(cluster, queue or Queue(), places, max_tasks, seconds, clock or Clock())
    return launcher.launch(messages, Pool())


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
        assert run(cluster, [message(number + each) for each in range(size)], max_tasks, 1e4) == []
        number += size
    assert cluster.most <= max_tasks
    assert len(cluster.started) == number


@settings(deadline=None, max_examples=50)
@given(max_tasks=st.integers(1, 3), steps=st.integers(1, 50), lag=st.integers(1, 18))
def test_nor_when_the_time_is_out_before_the_list_has_all(max_tasks, steps, lag):
    """The next one begins with the list, so this one does not end before."""
    cluster, left = Cluster(steps, lag), [message(number) for number in range(10)]
    while left:
        left = run(cluster, left, max_tasks, seconds=0.3)
    assert cluster.most <= max_tasks
    assert len(cluster.started) == 10


QUEUES = {"LAUNCH_QUEUE": "https://launches", "RAW_FAILURE_QUEUE": "https://raw"}


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
    sqs = SimpleNamespace(send_message=lambda **request: sent.append(request))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    queue = LaunchQueue(QUEUES, MemoryStore())
    cluster = Cluster(problems={"input/1": [denied()]})
    assert run(cluster, [message(1) | {"body": body}, message(2)], 5, queue=queue) == []
    assert [*cluster.started] == ["input/2"]
    (said,) = sent
    assert (said["QueueUrl"], said["MessageBody"]) == ("https://raw", body)
    assert said["MessageAttributes"]["ERROR_CODE"]["StringValue"] == code


def test_an_error_without_words_is_reported_all_the_same(monkeypatch):
    """SQS refuses an empty text; and what can't be reported comes back, before all others."""
    sent = []
    sqs = SimpleNamespace(send_message=lambda **request: sent.append(request))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    queue = LaunchQueue(QUEUES, MemoryStore())
    run(Cluster(problems={"input/1": [ValueError()], "input/2": [ValueError("\ud800\0" * 9999)]}),
        [message(1), message(2)], max_tasks=5, queue=queue)  # fmt: skip
    said = [each["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] for each in sent]
    assert said[0] == "ValueError()"
    assert said[1].encode() and len(said[1]) == 2000 and "\0" not in said[1]


def test_what_can_neither_start_nor_be_reported_waits(monkeypatch):
    def send_message(**request: object) -> None:
        raise no_response()

    monkeypatch.setattr("boto3.client", lambda service: SimpleNamespace(send_message=send_message))
    queue = LaunchQueue(QUEUES, MemoryStore())
    cluster = Cluster(problems={"input/1": [denied()] * 10**6})
    messages = [message(1), message(2)]
    assert run(cluster, messages, max_tasks=5, seconds=0.2, queue=queue) == messages[:1]
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
    cluster = of_cluster.Cluster(SETTINGS)
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
    cluster = of_cluster.Cluster(SETTINGS | {"SPOT": "yes"})
    with pytest.raises(NotStarted):
        cluster.start(Upload("uploads", "input/a"), swept=False)


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
    cluster = of_cluster.Cluster(SETTINGS | {"SPOT": spot})
    assert cluster.start(Upload("uploads", "input/a"), swept) == "a task"
    assert ecs.providers == providers


def test_a_task_is_asked_for_the_job_version_that_its_message_names(monkeypatch):
    monkeypatch.setenv("INPUT_PREFIX", "input/")
    asked = []

    class Started(Cluster):
        def start(self, upload, swept, job_version=None, token="") -> str:
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
    sqs = SimpleNamespace(change_message_visibility_batch=lambda **said: changed.append(said))
    monkeypatch.setattr("boto3.client", lambda service: sqs)
    store = MemoryStore()
    parts = (Cluster(steps=10**9), LaunchQueue(QUEUES, store), store)
    monkeypatch.setattr(launch, "_parts", lambda: parts)
    monkeypatch.setenv("MAX_TASKS", "1")
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


def batch(first: int, size: int = 10) -> list[dict]:
    return [message(number) for number in range(first, first + size)]


def test_a_full_batch_lets_the_next_one_go_before_the_list_has_its_tasks():
    """What was noted before, whoever gets the next one counts."""
    queue, store, cluster = Queue(batch(10), batch(20, 3)), MemoryStore(), Cluster(lag=5)
    noted = []
    delete = queue.delete

    def deleted(messages: list[dict]) -> None:
        delete(messages)
        noted.append(Places(store, "another", 9).of_others()[0])

    queue.delete = deleted
    assert run(cluster, batch(0), 100, queue=queue, store=store) == []
    assert len(cluster.started) == 23
    # The last ones are few, so nobody waits behind them.
    assert queue.deleted() == [
        [str(n) for n in range(f, t)] for f, t in [(0, 10), (10, 20), (20, 23)]
    ]
    assert noted == [[10], [20], []]
    assert [names for what, names in queue.calls if what == "turn"] == [["0"], ["10"], ["20"]]


def test_starts_keep_below_the_rate_that_ecs_takes():
    clock, cluster = Clock(), Cluster(steps=10**9)
    times = []
    start = cluster.start
    cluster.start = lambda *asked: times.append(clock.now) or start(*asked)
    run(cluster, batch(0), 100, queue=Queue(batch(10), batch(20)), clock=clock)
    assert times[10] - times[0] >= 10 / STARTS_A_SECOND
    assert times[20] - times[10] >= 10 / STARTS_A_SECOND


@pytest.mark.parametrize(
    ("problems", "size", "others"),
    [
        ({"input/3": [NotStarted("throttled")]}, 10, 0),
        ({"input/3": [NoCapacity("none")]}, 10, 0),
        ({}, 9, 0),
        ({}, 10, 6),
    ],
    ids=["throttled", "no capacity", "a batch that is not full", "many others"],
)
def test_otherwise_the_batch_is_kept_until_all_is_done(problems, size, others):
    queue, store = Queue(batch(20)), MemoryStore()
    for number in range(others):
        Places(store, f"other-{number}", 60).keep(1)
    cluster = Cluster(steps=10**9, problems=problems)
    assert run(cluster, batch(0, size), 100, queue=queue, store=store) == []
    assert len(cluster.started) == size
    assert queue.deleted() == []


def test_where_the_note_cant_be_written_nothing_is_let_go():
    def before(operation: str, key: str) -> None:
        if operation == "put":
            raise StoreError("PutObject", "uploads", key, "503 SlowDown")

    queue = Queue(batch(10))
    assert run(Cluster(lag=2), batch(0), 100, queue=queue, store=MemoryStore(before)) == []
    assert queue.deleted() == []


def test_places_of_others_are_taken_and_those_whose_time_is_over_are_not():
    store, now = MemoryStore(), [1000.0]
    Places(store, "another", 90, lambda: now[0]).keep(7, wait=2)
    mine = Places(store, "me", 90, lambda: now[0])
    assert mine.of_others() == ([7], 2)
    mine.keep(3)
    now[0] += 90 + LIST_SECONDS + 1
    assert mine.of_others() == ([], NEVER)


def test_a_note_that_another_launcher_wrote_at_the_same_time_is_kept():
    store = MemoryStore()
    mine, another = Places(store, "me", 90), Places(store, "another", 90)
    mine.of_others()
    another.keep(7)
    mine.keep(3)
    another.keep(0)
    assert Places(store, "a third", 90).of_others()[0] == [3]
    assert another.of_others()[0] == [3]


def test_a_task_takes_no_place_that_another_launcher_holds():
    store, cluster = MemoryStore(), Cluster(steps=10**9)
    Places(store, "another", 10**6).keep(4)
    left = run(cluster, batch(0, 5), 6, store=store, seconds=5)
    assert [each["messageId"] for each in left] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("problem", "tokens"),
    [
        (NotStarted("no response"), ["0-0", "0-0"]),
        (NoCapacity("none"), ["0-0", "0-1"]),
        (ClientError({"Error": {"Code": "ConflictException"}}, "RunTask"), ["0-0", "0-1"]),
    ],
    ids=["not answered", "answered", "a token of another definition"],
)
def test_a_call_without_an_answer_is_made_again_for_the_same_task(problem, tokens):
    cluster, used = Cluster(problems={"input/0": [problem]}), []
    start = cluster.start
    cluster.start = lambda *asked: used.append(asked[-1]) or start(*asked)
    assert run(cluster, [message(0)], 1) == []
    assert used == tokens


def test_what_may_have_started_keeps_its_place_when_the_time_is_out():
    """It goes back, but the list may be behind what came of it."""
    store = MemoryStore()
    unsure = Cluster(problems={"input/0": [NotStarted("no response")] * 10**6})
    assert run(unsure, [message(0)], 1, seconds=3, store=store) == [message(0)]
    assert Places(store, "another", 9).of_others()[0] == [1]
    refused = Cluster(problems={"input/0": [NoCapacity("none")] * 10**6})
    assert run(refused, [message(0)], 1, seconds=3, store=MemoryStore()) == [message(0)]


def test_what_was_let_go_and_then_refused_is_reported(monkeypatch):
    """The queue has it no more."""
    cluster, queue, clock = Cluster(), Queue(), Clock()

    class Slow(Pool):
        def submit(self, work, *arguments) -> Future:
            call, began = super().submit(work, *arguments), clock.now
            call.done = lambda: clock.now > began + (1 if "input/3" in str(arguments) else 0)
            return call

    cluster.problems = {"input/3": [NoCapacity("none")] * 10**6}
    launcher = Launcher(cluster, queue, Places(MemoryStore(), "me", 9), 100, 5, clock)
    assert launcher.launch(batch(0), Slow()) == []
    assert (len(cluster.started), queue.reported) == (9, ["3"])
