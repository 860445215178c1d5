"""`make status` and `make sweep`, against an account that responds at once."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from operate import status
from operate import sweep as by_hand
from operate.stacks import Stack

STACK = Stack(
    id="arn:aws:cloudformation:eu-west-1:111122223333:stack/mazes/1",
    name="mazes",
    status="CREATE_COMPLETE",
    parameters={"Mode": "lambda", "EventSource": "s3"},
    outputs={"SweepFunctionName": "the-sweep", "LogGroupName": "the log"},
)
REPORT = {"outcome": "succeeded", "bucket": "b", "key": "input/a", "mode": "lambda", "reason": None}


class Log:
    """CloudWatch Logs with these lines."""

    def __init__(self, *lines: str) -> None:
        now = round(datetime.now(UTC).timestamp() * 1000)
        self._events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]

    def get_paginator(self, name: str) -> Log:
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: object) -> list[dict]:
        return [{"events": self._events}]


@pytest.mark.parametrize("fields", [[*REPORT], [*REPORT][::-1]], ids=["as written", "reversed"])
def test_reports_are_found_whatever_the_order_of_their_fields(monkeypatch, fields):
    line = json.dumps({name: REPORT[name] for name in fields})
    monkeypatch.setattr("boto3.client", lambda service: Log(line))
    (found,) = status.last_reports("the log")
    assert {name: found[name] for name in REPORT} == REPORT


@pytest.mark.parametrize("line", ['{"outcome": "good"}', "[]", '{"outcome"', '"outcome"', "good"])
def test_what_a_processor_prints_is_no_report(monkeypatch, line):
    monkeypatch.setattr("boto3.client", lambda service: Log(line, json.dumps(REPORT), line))
    assert [each["key"] for each in status.last_reports("the log")] == ["input/a"]


class Function:
    """The sweep's function, which starts one job in each of three slices and takes no time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begun: list[float] = []

    def invoke(self, **request: object) -> dict:
        self.begun.append(self._clock.now)
        last = len(self.begun) == 3
        said = {
            "outcomes": {"started": 1},
            "after": None if last else "a",
            "backlog": False,
            "stopped": False,
        }
        return {"Payload": io.BytesIO(json.dumps(said).encode())}


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("asked", "apart"), [({"rate": 0.01}, 100), ({}, 0.1)])
def test_the_rate_is_kept_from_one_slice_to_the_next(monkeypatch, asked, apart):
    """Below one job a slice, too: a slice starts its first job at once."""
    clock = Clock()
    function = Function(clock)
    monkeypatch.setattr("boto3.client", lambda service, config: function)
    fake = SimpleNamespace(monotonic=lambda: clock.now, sleep=clock.sleep)
    monkeypatch.setattr(by_hand, "time", fake)
    assert len(list(by_hand.slices(STACK, asked))) == 3
    assert function.begun == pytest.approx([0, apart, 2 * apart])


def test_what_cant_start_and_what_runs_is_on_the_screen():
    counts = {"current": 5, "waiting": 0, "overdue": 4}
    shown = status.screen(
        status.Status(
            stack="mazes",
            last=[],
            today={},
            uploads=counts,
            uploads_complete=True,
            oldest_overdue="2026-01-01",
            cant_start=3,
            waiting_for_a_task=0,
            running_tasks=1,
            running=[{"key": "input/film.mp4", "since": "2026-01-02T03:04:05.678+00:00"}],
            failures=0,
            unreported_failures=0,
            alarms=[],
            links={},
        )
    )
    assert "4 overdue (the oldest of 2026-01-01), 3 of which can't start" in shown
    assert "since 2026-01-02T03:04:05  input/film.mp4" in shown


def test_a_sweep_that_so_many_failures_stopped_is_not_gone_on_with(monkeypatch):
    said = {
        "outcomes": {"failed": 100},
        "after": "a",
        "backlog": False,
        "stopped": True,
        "problem": "input/a: lambda:InvokeFunction",
    }
    function = SimpleNamespace(
        invoke=lambda **request: {"Payload": io.BytesIO(json.dumps(said).encode())}
    )
    monkeypatch.setattr("boto3.client", lambda service, config: function)
    with pytest.raises(by_hand.SweepFailed, match="the last: input/a: lambda:InvokeFunction"):
        list(by_hand.slices(STACK, {}))


@pytest.mark.parametrize(
    ("done", "of", "seconds", "says"),
    [(0, 10, 5.0, ""), (10, 10, 5.0, ""), (1, 4, 1200.0, ", 1:00:00 to go"), (11, 10, 5.0, "")],
)
def test_a_sweep_says_how_long_it_still_takes(done, of, seconds, says):
    assert by_hand.to_go(done, of, seconds) == says
