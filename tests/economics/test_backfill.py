"""How long files that lie there already take, and what they cost, in closed forms."""

from __future__ import annotations

import pytest
from processing.events import Upload

from economics import compare
from economics.work import Job, Work, sizes
from tests.economics.given import INSTANT, WORK
from tests.support.swept_bucket import Bucket

TASK_SECONDS = 25 + 5 + INSTANT.seconds(1)


def test_tasks_take_their_number_over_the_rate_of_run_task() -> None:
    said = compare.backfill("fargate, 4,000 vCPUs", WORK, 1e6)
    assert (said.seconds, said.limit) == (pytest.approx(1e6 / 20), "RunTask a second")


def test_a_new_account_and_a_concurrency_limit_take_rounds_of_tasks() -> None:
    new = compare.backfill("fargate, 6 vCPUs (new)", WORK, 1e6)
    assert (new.seconds, new.limit) == (pytest.approx(1e6 / 6 * TASK_SECONDS), "vCPUs of Fargate")
    limited = compare.backfill("fargate, `MaxTasks=200`", WORK, 1e6)
    assert (limited.seconds, limited.limit) == (
        pytest.approx(1e6 / 200 * TASK_SECONDS),
        "tasks at a time, `MaxTasks=200`",
    )


def test_functions_take_their_number_over_the_rate_or_the_concurrency() -> None:
    light = compare.backfill("lambda", WORK, 1e7)
    assert (light.seconds, light.limit) == (pytest.approx(1e7 / 1000), "`RATE=1000`")
    heavy = Work(1e6, sizes("1:100"), Job(seconds_per_mib=10, start_seconds=0))
    said = compare.backfill("lambda", heavy, 1e7)
    a_second = 1000 / heavy.job.seconds(1)
    assert (said.seconds, said.limit) == (pytest.approx(1e7 / a_second), "functions at a time")


def test_of_a_hybrid_stack_only_the_tasks_wait_for_run_task() -> None:
    one_in_ten = Work(1e6, sizes("1:90,200:10"), INSTANT)
    said = compare.backfill("hybrid, 4,000 vCPUs", one_in_ten, 1e6)
    assert (said.seconds, said.limit) == (pytest.approx(1e6 / 10 / 20), "RunTask a second")


def test_a_job_costs_its_calls_and_the_sweep_three_more_and_its_time() -> None:
    """Of Lambda: no event, and no upload."""
    said = compare.backfill("lambda", WORK, 1e6)
    assert said.usd["requests"] == pytest.approx(5 * 0.4 + 5 + 0.2)
    assert said.usd["sweep"] == pytest.approx(
        2 * 0.4 + 5 + 3 * 1000 * 0.005e-3 + 20 * said.seconds * 0.0000166667
    )
    assert said.usd["compute"] == pytest.approx(
        1e6 * INSTANT.seconds(1) * 1769 / 1024 * 0.0000166667
    )
    assert said.usd["events"] == said.usd["queues"] == said.usd["network"] == 0


def test_a_task_costs_its_minute_and_the_event_of_its_result() -> None:
    said = compare.backfill("fargate, 4,000 vCPUs", WORK, 1e6)
    assert said.usd["compute"] == pytest.approx(1e6 / 60 * (0.04048 + 2 * 0.004445))
    assert said.usd["events"] == pytest.approx(1)


def test_the_launch_queue_takes_what_the_sweep_sends_and_the_sweep_does_not_wait() -> None:
    limited = compare.backfill("fargate, `MaxTasks=200`", WORK, 1e6)
    launcher = limited.seconds * 0.25 * 0.0000166667
    assert limited.usd["queues"] == pytest.approx(0.6 + 0.02 + launcher)
    own = compare.backfill("lambda", WORK, 1e6)
    assert limited.usd["sweep"] == pytest.approx(own.usd["sweep"])


@pytest.mark.parametrize("name", compare.BACKFILLED)
def test_ten_times_the_files_take_and_cost_ten_times_as_much(name: str) -> None:
    one, ten = (compare.backfill(name, WORK, files) for files in (1e7, 1e8))
    assert ten.seconds == pytest.approx(10 * one.seconds)
    assert sum(ten.usd.values()) == pytest.approx(10 * sum(one.usd.values()), rel=1e-3)


def test_a_sweep_calls_s3_for_each_start_as_often_as_it_is_billed_for() -> None:
    class Started:
        def start(self, upload: Upload, job_version: str | None = None) -> None:
            """No job: its calls are not the sweep's."""

    bucket = Bucket()
    bucket.choose = lambda size, fallback: Started()  # type: ignore[assignment,return-value]
    for number in range(10):
        bucket.store.upload(f"input/{number}", b"a")
    assert bucket.sweep() == {"started": 10}
    operations = [operation for operation, _ in bucket.store.calls if operation != "list"]
    assert operations.count("head") == 10 * compare.HEADS
    assert operations.count("put") == 10 * compare.PUTS
    assert len(operations) == 10 * (compare.HEADS + compare.PUTS)
