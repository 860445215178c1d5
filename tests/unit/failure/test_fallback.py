"""With Mode=hybrid, what the function could not do is run as a task."""

from __future__ import annotations

import json

import pytest

from tests.unit.failure.events import (
    REPORT,
    SOURCES,
    function,
    message,
)


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
