"""What is logged becomes a metric."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.filter_pattern import field, matches
from tests.support.memory_store import MemoryStore
from tests.template.logged import NoRoom, given_up_lines, job_lines, launch_lines, sweep_lines
from tests.template.metrics import transformations, values
from tests.template.synthesis import HYBRID, synthesize


def test_a_field_whose_value_is_taken_is_in_the_pattern() -> None:
    for pattern, transformation in transformations(synthesize()).values():
        taken = [transformation["MetricValue"]]
        taken += [each["Value"] for each in transformation.get("Dimensions", [])]
        assert all(each in pattern for each in taken if each.startswith("$"))


def test_jobs_are_counted_by_their_outcome() -> None:
    stack, lines = synthesize(), job_lines(MemoryStore())
    assert len(values(stack, "Jobs", lines)) == 4
    _, transformation = transformations(stack)["Jobs"]
    (dimension,) = transformation["Dimensions"]
    outcomes = [field(dimension["Value"], line) for line in lines]
    assert outcomes == ["succeeded", "unchanged", "rejected", "failed"]


def test_the_time_from_upload_to_result_is_measured_for_each_result() -> None:
    store = MemoryStore()
    store.clock = lambda: datetime.now(UTC) - timedelta(seconds=90)
    found = values(synthesize(), "TimeToResult", job_lines(store))
    assert found == [pytest.approx(90, abs=5)] * 2  # of the output and of the rejection


def test_sizes_and_times_are_those_of_results() -> None:
    lines = job_lines(MemoryStore())
    assert values(synthesize(), "UploadSize", lines) == [4, 3]
    assert len(values(synthesize(), "JobTime", lines)) == 2


def test_what_is_given_up_is_counted() -> None:
    assert values(synthesize(), "GaveUp", given_up_lines()) == [1]
    assert values(synthesize(), "GaveUp", job_lines(MemoryStore())) == []


def test_launches_that_do_not_come_about_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    for lines in (launch_lines(capsys), sweep_lines(long_ago, NoRoom())):
        assert values(synthesize(HYBRID), "NotStarted", lines) == [1]


def test_a_failure_is_no_jobs_line() -> None:
    assert not values(synthesize(), "Failures", job_lines(MemoryStore()))


def test_a_sweep_that_finds_nothing_to_do_measures_no_waiting() -> None:
    assert values(synthesize(), "OldestWithoutResult", sweep_lines(None, NoRoom())) == [0]


def test_patterns_that_are_not_understood_are_refused() -> None:
    for pattern in ("ERROR", "{ $.a != 1 }", '{ $.a = "x" && ($.b = 1) }'):
        with pytest.raises(ValueError, match="pattern"):
            matches(pattern, '{"a": "x"}')
