"""Starts under a concurrency limit, on a virtual clock: how fast, and never above the limit."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from launcher import TOGETHER

from tests.support.launching import Ecs, Poller, Queue, World

UPLOADS, SEEDS = 600, 30
STARTS_A_SECOND = 15
"""What is asked for where RunTask takes a second and ECS takes 20."""
both_pollers = pytest.mark.parametrize("eager", [False, True], ids=["patient", "eager"])


def burst(
    uploads: int, max_tasks: int, *, eager: bool = False, deaths: int | None = None, **of: Any
) -> Poller:
    world = World()
    lots = random.Random(deaths) if deaths is not None else None
    return Poller(Queue(world, uploads), Ecs(world, **of), max_tasks, eager=eager, deaths=lots)


def run(poller: Poller, seconds: float = 1e5) -> None:
    """Until the queue is empty, and no launcher is at work."""
    queue = poller.queue
    assert poller.world.run(lambda: not queue.messages and not poller.open, seconds)


@pytest.fixture(autouse=True)
def _prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_PREFIX", "input/")


@both_pollers
def test_fifteen_starts_a_second_where_each_takes_one(
    eager: bool, figure: Callable[[str], None]
) -> None:
    poller = burst(UPLOADS, 10**4, eager=eager)
    run(poller)
    ecs, starts = poller.ecs, sorted(poller.ecs.tasks.values())
    rate = (len(starts) - 1) / (starts[-1] - starts[0])
    figure(
        f"starts under a concurrency limit, RunTask 1 s, poller {'eager' if eager else 'patient'}: "
        f"{len(starts)} at {rate:.1f} a second, {poller.invocations} invocations, "
        f"at most {poller.most_open} at a time, refused: {dict(ecs.refused)}"
    )
    assert len(starts) == UPLOADS
    assert rate >= STARTS_A_SECOND
    assert not poller.queue.reported


@both_pollers
def test_never_more_than_the_limit_run_whoever_is_killed(eager: bool) -> None:
    """Silent calls, a list that is late, and launchers killed wherever they are."""
    killed = 0
    for seed in range(SEEDS):
        lots = random.Random(seed)
        limit = lots.choice([1, 7, 25, 60])
        poller = burst(
            80, limit, eager=eager, deaths=seed, silent=0.05, lag=lots.uniform(0, 8),
            task_seconds=lots.uniform(2, 20), run_task_seconds=lots.uniform(0.1, 3), lots=lots,
        )  # fmt: skip
        run(poller)
        assert poller.ecs.most <= limit, seed
        # What a launcher had let go is gone with it: the sweep's.
        lost = 80 - len(poller.ecs.keys) - len(poller.queue.reported)
        assert lost <= TOGETHER * poller.killed, seed
        killed += poller.killed
    assert killed > SEEDS


@both_pollers
@pytest.mark.parametrize("limit", [1, 12, 40])
def test_the_limit_is_reached_and_every_upload_is_started_once(eager: bool, limit: int) -> None:
    poller = burst(60, limit, eager=eager)
    run(poller)
    assert poller.ecs.most == limit
    assert set(poller.ecs.keys.values()) == {1} and len(poller.ecs.keys) == 60


def test_without_capacity_uploads_wait_at_the_head_and_are_not_reported() -> None:
    """MaxTasks is above what the account's quota of vCPUs allows."""
    poller = burst(100, 50, capacity=3)
    run(poller)
    assert poller.ecs.most == 3
    assert set(poller.ecs.keys.values()) == {1} and len(poller.ecs.keys) == 100
    assert not poller.queue.reported


def test_at_an_account_whose_calls_others_use_up_nothing_is_lost() -> None:
    """RunTask throttles: who is refused waits, and goes on more slowly."""
    poller = burst(200, 10**3)
    poller.ecs._calls._rate = 3
    run(poller)
    assert set(poller.ecs.keys.values()) == {1} and len(poller.ecs.keys) == 200
    assert not poller.queue.reported
