"""Tasks wait for their turn, and never more than the concurrency limit run."""

from __future__ import annotations

import json
from concurrent.futures import Future

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher import STARTS_A_SECOND, Launcher
from places import Places
from processing.errors import NoCapacity, NotStarted, StoreError

from tests.support.launching import message
from tests.support.memory_store import MemoryStore
from tests.unit.launch.doubles import Clock, Cluster, Pool, Queue, batch, denied, no_response, run


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


def test_a_folder_marker_starts_nothing():
    cluster = Cluster()
    marker = json.loads(message(1)["body"])
    marker["detail"]["object"]["key"] = "input/folder/"
    assert run(cluster, [message(1) | {"body": json.dumps(marker)}], max_tasks=1) == []
    assert cluster.started == {}


def test_a_task_is_asked_for_the_job_version_that_its_message_names():
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
    assert times[20] - times[0] >= 20 / STARTS_A_SECOND


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
