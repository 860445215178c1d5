"""What a month can't do, and what it needs of the quotas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from economics.compare import ALL
from economics.month import Month
from economics.work import Job, Stack, Work, sizes
from tests.economics.given import INSTANT, WORK


def needs(stack: Stack, work: Work) -> dict[str, float]:
    return {need.what: need.needed for need in Month(stack, work).needs}


def test_what_a_function_has_no_time_for_is_said() -> None:
    long = replace(WORK, job=Job(seconds_per_mib=121, start_seconds=0))
    assert Month(Stack("lambda"), long).never == "too long"
    assert not Month(Stack("lambda", function_timeout=130), long).never
    assert not Month(Stack("fargate"), long).never


def test_what_a_task_has_no_time_for_is_said() -> None:
    long = replace(WORK, job=Job(seconds_per_mib=901, start_seconds=0))
    assert Month(Stack("fargate"), long).never == "too long"
    assert not Month(Stack("fargate", task_timeout=1000), long).never


@pytest.mark.parametrize("mode", ["lambda", "fargate", "hybrid"])
def test_an_upload_above_the_limit_is_said(mode: str) -> None:
    large = replace(WORK, sizes=sizes("1:99,257:1"))
    assert Month(Stack(mode), large).never == "too large"
    assert not Month(Stack(mode, max_bytes=300 * 2**20), large).never
    assert not Month(ALL["the recipe"], large).never


def test_what_a_concurrency_limit_has_no_room_for_is_said() -> None:
    """Fifty tasks of half a minute do some four million a month."""
    stack, work = Stack("fargate", max_tasks=50), replace(WORK, job=INSTANT)
    assert not Month(stack, replace(work, uploads=4e6)).never
    assert Month(stack, replace(work, uploads=5e6)).never == "too many"


def test_a_concurrency_limit_is_no_faster_than_its_launcher() -> None:
    wide = Stack("fargate", max_tasks=5000)
    assert not Month(wide, replace(WORK, uploads=45e6)).never
    assert Month(wide, replace(WORK, uploads=50e6)).never == "too many"


def test_tasks_a_second_and_their_vcpus_are_compared_with_the_quotas() -> None:
    billion = replace(WORK, uploads=1e9)
    assert needs(Stack("fargate"), billion)["RunTask a second"] == pytest.approx(380.5, abs=0.1)
    assert "RunTask a second" not in needs(Stack("fargate"), replace(WORK, uploads=50e6))
    assert needs(Stack("fargate"), WORK)["vCPUs of Fargate"] > 6
    assert needs(Stack("fargate"), replace(WORK, uploads=1e5)) == {}


def test_functions_at_a_time_are_compared_with_the_quota() -> None:
    slow = Work(1e9, sizes("1:100"), Job(seconds_per_mib=3, start_seconds=0))
    assert needs(Stack(), slow)["functions at a time"] > 1000
    assert "functions at a time" not in needs(Stack(), replace(slow, uploads=1e8))
