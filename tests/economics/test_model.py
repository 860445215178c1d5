"""The simulation: closed forms, and the rules it shares with the project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher import STARTS_A_SECOND
from plan import Plan

from economics import product
from economics.documents import longest
from economics.figures import ASSUMED, PUBLISHED, limits
from economics.model import Model
from economics.queues import EVENTBRIDGE, Next, Response
from economics.scenario import Scenario
from economics.work import Job, Stack, Work, sizes
from functions.sweep import app as sweep
from tests.template.synthesis import SOURCE, synthesize

JOB = Job(seconds_per_mib=1, start_seconds=0)
ONE = sizes("1:100")
PLENTY = dict.fromkeys(PUBLISHED, 1e9)
TASK_SECONDS = ASSUMED["task_launch_seconds"] + Stack("fargate").task_seconds(JOB, 1)


def run(mode: str, uploads: int, limits: Mapping[str, float] = PLENTY, **more: object) -> Model:
    stack = Stack(mode, max_tasks=int(str(more.pop("max_tasks", 0))))
    return Model(Scenario(stack, Work(uploads, ONE, JOB), limits=limits, **more)).simulate()  # type: ignore[arg-type]


def test_without_limits_all_succeed_in_the_time_of_one() -> None:
    assert run("lambda", 500).now == pytest.approx(JOB.seconds(1), abs=1e-3)
    assert run("fargate", 500).now == pytest.approx(TASK_SECONDS, abs=1e-3)


def test_a_burst_of_launches_takes_at_least_the_time_of_its_tokens() -> None:
    """20 calls a second, 20 at once; waiting for one's next attempt comes on top."""
    used = run("fargate", 2000, limits(vcpus=1e9), sweep_every=1e9)
    least = (2000 - 20) / 20 + TASK_SECONDS
    assert least <= used.now <= least + 2 * EVENTBRIDGE.longest_wait
    assert used.limits.refusals.keys() == {"RunTask calls"}


def test_littles_law_holds_for_steady_tasks() -> None:
    """Tasks at a time = arrivals a second x seconds of a task."""
    steady = run("fargate", 4000, limits(vcpus=1e9), arrivals="steady", rate=10.0)
    middle = [each["tasks"] for each in steady.samples if 2 * TASK_SECONDS < each["seconds"] < 390]
    assert sum(middle) / len(middle) == pytest.approx(10 * TASK_SECONDS, rel=0.1)


def test_a_concurrency_limit_takes_the_uploads_over_the_limit_times_a_task() -> None:
    limited = run("fargate", 100, max_tasks=5)
    assert limited.tasks.most == 5
    rounds = 100 / 5
    assert rounds * TASK_SECONDS <= limited.now <= rounds * (TASK_SECONDS + 5)


def test_functions_take_the_uploads_over_their_concurrency_times_a_job() -> None:
    limits = {**PLENTY, "concurrency": 10}
    limited = run("lambda", 1000, limits)
    assert limited.functions.most == 10
    assert 100 * JOB.seconds(1) <= limited.now
    assert limited.functions.seconds == pytest.approx(1000 * JOB.seconds(1))


def test_new_environments_come_at_their_rate() -> None:
    limits = {**PLENTY, "growth": 100, "growth_burst": 1000}
    samples = run("lambda", 5000, limits).samples
    assert max(each["functions"] for each in samples if each["seconds"] <= 1) <= 1000 + 100


def test_uploads_are_stored_as_fast_as_their_prefix_takes_them() -> None:
    used = run("lambda", 2000, {**PLENTY, "s3_writes": 100})
    assert used.now >= (2000 - 100) / 100


def test_waits_of_all_retries_take_a_day() -> None:
    class Even:
        def uniform(self, low: float, high: float) -> float:
            return (low + high) / 2

    pauses = EVENTBRIDGE.waits(Even())  # type: ignore[arg-type]
    total = sum(next(pauses) for _ in range(int(PUBLISHED["event_retries"])))
    assert total == pytest.approx(PUBLISHED["event_age"], rel=0.01)


@pytest.mark.parametrize(
    ("response", "retries", "age", "comes"),
    [
        (Response.TAKEN, 185, 1e6, Next.DELIVERED),
        (Response.REFUSED, 184, 0, Next.AGAIN),
        (Response.REFUSED, 185, 0, Next.DEAD_LETTER),
        (Response.REFUSED, 0, 24 * 3600, Next.DEAD_LETTER),
        (Response.NO_ROOM, 0, 0, Next.DROPPED),
    ],
)
def test_what_becomes_of_an_event(
    response: Response, retries: int, age: float, comes: Next
) -> None:
    assert EVENTBRIDGE.after(response, retries, age) is comes


def test_what_there_is_no_room_for_is_left_to_the_sweep() -> None:
    full = run("fargate", 20, limits(vcpus=6))
    assert full.dropped == 14
    assert (full.succeeded, full.swept) == (20, 14)
    assert full.now > 3600


def test_where_eventbridge_tries_failures_again_nothing_is_left_to_the_sweep() -> None:
    full = run(
        "fargate", 20, limits(vcpus=6), eventbridge=EVENTBRIDGE._replace(retries_no_room=True)
    )
    assert (full.dropped, full.succeeded, full.swept) == (0, 20, 0)
    assert full.now < 3600


def test_what_is_throttled_and_not_tried_again_is_reported_and_swept() -> None:
    """Documented are retries of 429 and 5xx; ECS throttles with 400."""
    full = run(
        "fargate", 300, limits(vcpus=1e9), eventbridge=EVENTBRIDGE._replace(retries_throttled=False)
    )
    assert full.dead_letters == full.swept
    assert full.dead_letters > 0
    assert (full.succeeded, full.left, full.dropped) == (300, 0, 0)


def test_dead_letters_drain_before_their_alarm() -> None:
    alarm = SOURCE["Resources"]["FailuresUnreportedAlarm"]["Properties"]["Threshold"]
    assert 100_000 * ASSUMED["report_seconds"] / product.REPORTERS < alarm


def test_a_concurrency_limit_at_the_quota_drops_nothing() -> None:
    limited = run("fargate", 20, limits(vcpus=6), max_tasks=6)
    assert (limited.dropped, limited.succeeded, limited.swept) == (0, 20, 0)
    assert limited.now < 3600


def test_the_limit_that_holds_back_is_not_the_one_that_refuses_most() -> None:
    """With MaxTasks, uploads wait for their turn; the way into the queue refuses them at once."""
    limits = {**PLENTY, "fifo_sends": 1}
    limited = run("fargate", 60, limits, max_tasks=1)
    assert (
        max(limited.limits.refusals, key=lambda name: limited.limits.refusals[name]) == "MaxTasks"
    )
    assert next(iter(limited.limits.refusals)) == "SQS FIFO sends"
    assert longest(limited).startswith("MaxTasks (")


def test_uploads_are_held_for_as_long_as_they_wait() -> None:
    """All their waiting together, but for the launcher's own calls."""
    limited = run("fargate", 30, max_tasks=3)
    waiting = sum(limited.waited) - 30 * TASK_SECONDS
    assert sum(limited.limits.held.values()) == pytest.approx(waiting, rel=0.02)
    assert limited.limits.held["MaxTasks"] == pytest.approx(waiting, rel=0.05)


def test_a_launcher_waits_for_its_looks_at_the_tasks() -> None:
    """At one look in ten seconds, a place that is free is seen late."""
    limits = {**PLENTY, "cluster_read_burst": 1, "cluster_reads": 0.1}
    limited = run("fargate", 10, limits, max_tasks=1)
    assert "ListTasks and DescribeTasks calls" in limited.limits.refusals
    assert limited.now > run("fargate", 10, max_tasks=1).now + 10


def test_what_is_dropped_waits_for_what_dropped_it_until_it_is_swept() -> None:
    full = run("fargate", 20, limits(vcpus=6))
    assert full.limits.held["Fargate vCPUs"] == pytest.approx(sum(full.waited) - 20 * TASK_SECONDS)
    assert longest(full) == "Fargate vCPUs (100 %)"


def test_what_is_left_at_the_end_has_waited_until_then() -> None:
    endless = run("fargate", 3, limits(vcpus=0), days=1.0, sweep_every=1e9)
    assert endless.limits.held == {"Fargate vCPUs": 3 * 24 * 3600}


def test_a_wide_concurrency_limit_is_limited_by_the_launchers_pace() -> None:
    wide = run("fargate", 300, max_tasks=1000)
    assert longest(wide).startswith("LaunchFunction's pace")
    batches = 300 / product.LAUNCH_BATCH - 1
    least = batches * product.LAUNCH_BATCH / STARTS_A_SECOND + TASK_SECONDS
    assert least <= wide.now <= 1.05 * least


def test_without_limits_nothing_holds_back() -> None:
    free = run("lambda", 50)
    assert (free.limits.refusals, longest(free)) == ({}, "none")


def test_a_launcher_that_is_refused_looks_again_and_loses_nothing() -> None:
    refused = run("fargate", 60, limits(vcpus=5), max_tasks=10)
    assert refused.limits.refusals["Fargate vCPUs"] > 0
    assert (refused.tasks.most, refused.left, refused.swept) == (5, 0, 0)


def test_a_concurrency_limit_keeps_the_order_of_uploads() -> None:
    assert run("fargate", 50, max_tasks=3).tasks.started == [*range(50)]


def test_the_sweep_gives_up_after_its_attempts() -> None:
    """Its jobs last longer than the grace period: a task is started again, and then no more."""
    plan = Plan(timedelta(seconds=1), max_attempts=3, rate=100)
    stuck = Job(seconds_per_mib=1e4, start_seconds=0)
    scenario = Scenario(
        Stack("fargate"), Work(5, ONE, stuck), limits=PLENTY, sweep=plan, sweep_every=60
    )
    ended = Model(scenario).simulate()
    assert (ended.rejected, ended.swept, ended.left) == (5, 15, 0)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["lambda", "fargate", "hybrid"]),
    st.integers(1, 60),
    st.sampled_from([0, 1, 3]),
    st.integers(0, 5),
)
def test_every_upload_is_counted_once(mode: str, uploads: int, max_tasks: int, seed: int) -> None:
    stack = Stack(mode, max_tasks=0 if mode == "lambda" else max_tasks)
    work = Work(uploads, sizes("1:50,200:50"), JOB)
    scenario = Scenario(stack, work, limits=limits(concurrency=5), seed=seed)
    ended = Model(scenario).simulate()
    assert ended.succeeded + ended.rejected + ended.left == uploads
    assert ended.left == ended.rejected == 0
    assert ended.tasks.most <= (max_tasks or 6)
    assert len(ended.waited) == uploads
    assert len(ended.functions.started) + len(ended.tasks.started) == uploads + ended.unchanged


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (run("hybrid", 300, limits(), arrivals="day", seed=7) for _ in range(2))
    assert first.waited == second.waited


def test_the_sweep_is_the_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = SOURCE["Parameters"]["SweepSchedule"]
    for name, value in synthesize()["SweepFunction"]["Environment"]["Variables"].items():
        monkeypatch.setenv(name, value)
    assert schedule["Default"] == "rate(1 hour)" and Scenario.sweep_every == 3600
    assert product.SWEEP.grace == sweep.grace()
