"""How fast a run of the sweep starts tasks, of which RunTask takes so many a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.backfill import ENVIRONMENT, TASKS_A_SECOND, TASKS_AT_ONCE, backfill

SECONDS = 8


def test_what_run_task_refuses_for_a_while_is_started_later(
    figure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the pace that it allows, for the client slows down."""
    for name in {*ENVIRONMENT, "AWS_ENDPOINT_URL"}:
        monkeypatch.setenv(name, "")  # and as it was, afterwards
    found = backfill("fargate", rate=1000, latency=0, seconds=SECONDS)
    assert found["not_started"] == 0
    most = TASKS_AT_ONCE + TASKS_A_SECOND * found["seconds"]
    assert most / 2 < found["started"] <= most
    figure(f"one run of the sweep starts {found['started'] / SECONDS:.0f} tasks a second")
