"""Many starts: counted first, then shared by several runs, each with its own names."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter

import progress
import pytest
from botocore.exceptions import ClientError

from operate import sweep as by_hand
from operate.stacks import Stack

NUMBER = 95
KEYS = [f"input/{number:03}" for number in range(NUMBER)]


class Function:
    """The sweep's function, which does what the handler does, in slices of some uploads each."""

    def __init__(self, handler) -> None:
        self._handler = handler
        self.events: list[dict] = []
        self.before = lambda event: None
        self._one_at_a_time = threading.Lock()
        """Its environment is the process's."""

    def invoke(self, FunctionName: str, Payload: str) -> dict:
        with self._one_at_a_time:
            event = json.loads(Payload)
            self.events.append(event)
            self.before(event)
            return {"Payload": io.BytesIO(json.dumps(self._handler(**event)).encode())}


@pytest.fixture
def function(handler, aws, store, monkeypatch) -> Function:
    for key in KEYS:
        store.upload(key, b"x")
    function = Function(handler)
    client = aws.client
    monkeypatch.setattr(
        "boto3.client",
        lambda service, config: function if config.read_timeout == 300 else client(service, config),
    )
    monkeypatch.setattr(progress, "SHARE", 10)
    monkeypatch.setattr("reconcile.SHARE", 10)
    monkeypatch.setattr(by_hand, "THROTTLED_SECONDS", 0)
    return function


def stack(mode: str = "lambda") -> Stack:
    return Stack(
        id="arn:aws:cloudformation:eu-west-1:111122223333:stack/uploads/1",
        name="uploads",
        status="CREATE_COMPLETE",
        parameters={"Mode": mode, "EventSource": "s3"},
        outputs={"SweepFunctionName": "the-sweep"},
    )


def started(aws) -> Counter[str]:
    """How often each upload's job was."""
    events = [json.loads(call["Payload"]) for call in aws.calls]
    return Counter(event["detail"]["object"]["key"] for event in events)


def test_a_count_asks_the_listings_alone_and_says_where_shares_end(function, store, handler):
    said = handler(count=True)
    assert said["outcomes"] == {"open": NUMBER}
    assert said["shares"] == [f"{number:03}" for number in range(9, 90, 10)]
    assert not [key for _, key in store.calls if key in KEYS]
    assert handler(count=True, after="089")["shares"] == []


def test_runs_share_the_names_and_the_rate_and_start_each_job_once(function, aws, capsys):
    assert by_hand.run(stack(), False, {"rate": 200.0}) == 0
    assert started(aws) == dict.fromkeys(KEYS, 1)
    starts = [event for event in function.events if "count" not in event]
    assert {event["rate"] for event in starts} == {50.0}
    assert {event["backlog"] for event in starts} == {False}  # as it was when it counted
    ranges = sorted((event["after"], event["until"] or "~") for event in starts)
    assert [until for _, until in ranges[:-1]] == [after for after, _ in ranges[1:]]
    assert (ranges[0][0], ranges[-1][1], len(ranges)) == ("", "~", 10)
    assert f"100% {NUMBER} started" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "rate", "runs"),
    [("lambda", 50.0, 1), ("lambda", 120.0, 3), ("hybrid", 1000.0, 10), ("fargate", 1000.0, 1)],
)
def test_as_many_runs_go_side_by_side_as_the_rate_needs(function, mode, rate, runs):
    """And no more than there are ranges; of tasks RunTask takes 20 a second, whoever asks."""
    by_hand.run(stack(mode), False, {"rate": rate})
    assert {e["rate"] for e in function.events if "count" not in e} == {rate / runs}


def test_what_was_stopped_goes_on_and_starts_nothing_twice(function, aws, capsys):
    def stop(event: dict) -> None:
        if event.get("after") == "029" and "count" not in event:
            raise KeyboardInterrupt

    function.before = stop
    with pytest.raises(KeyboardInterrupt):
        by_hand.run(stack(), False, {"rate": 1000.0})
    first = started(aws)
    assert 0 < len(first) < NUMBER
    assert "started" in capsys.readouterr().out
    function.before = lambda event: None
    assert by_hand.run(stack(), False, {"rate": 1000.0}) == 0
    assert started(aws) == dict.fromkeys(KEYS, 1)
    assert f"{len(first):,} left to a job that was started lately" in capsys.readouterr().out


def test_a_run_waits_where_lambda_has_no_room_for_it(function, aws):
    refused = Counter[str]()

    def refuse(event: dict) -> None:
        refused[event["after"]] += 1
        if refused[event["after"]] == 1:
            said = {"Error": {"Code": "TooManyRequestsException"}}
            raise ClientError(said, "Invoke")

    function.before = refuse
    assert by_hand.run(stack(), False, {"rate": 200.0}) == 0
    assert started(aws) == dict.fromkeys(KEYS, 1)


def test_a_failure_of_one_run_ends_the_others(function, aws):
    def fail(event: dict) -> None:
        if event.get("after") == "019" and "count" not in event:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke")

    function.before = fail
    with pytest.raises(ClientError):
        by_hand.run(stack(), False, {"rate": 200.0})
    assert len(started(aws)) < NUMBER


def test_ctrl_c_is_an_end_like_any_other(monkeypatch, capsys):
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(by_hand.stacks, "find", lambda name: stack())
    monkeypatch.setattr(by_hand, "run", stop)
    assert by_hand.main(["uploads"]) == 130
    assert "the same command does the rest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "rate", "runs"),
    [("lambda", 0.1, 1), ("lambda", 51, 2), ("hybrid", 1e6, 20), ("fargate", 1e6, 1)],
)
def test_there_are_never_more_runs_than_there_may_be(mode, rate, runs):
    assert by_hand.runs_for(mode, rate) == runs
