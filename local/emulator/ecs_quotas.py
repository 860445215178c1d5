"""ECS's token buckets, with the rates that it publishes: ministack takes any number of calls.

Each category of calls has one bucket, and RunTask two more, because Fargate limits its calls and
the tasks that come of them
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html). Whoever calls, all
share them, as an account's callers do. A call that is refused takes nothing from any bucket.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecs

from tooling.buckets import TokenBucket

from .links import Link, PatchPoint

Json = dict[str, Any]

_READS, _CHANGES = (100.0, 20.0), (100.0, 40.0)
_RUN_TASK, _LAUNCHES = (20.0, 20.0), (100.0, 20.0)
"""Tokens at most, and tokens a second."""


def apply(share: float = 1) -> None:
    """Of the quotas: with a small one, few tasks are many."""
    figures = (_READS, _CHANGES, _RUN_TASK, _LAUNCHES)
    reads, changes, run_task, launches = (
        TokenBucket(rate * share, size * share) for size, rate in figures
    )
    lock = threading.Lock()
    for name, buckets in {
        "ListTasks": [reads],
        "DescribeTasks": [reads],
        "StopTask": [changes],
        "RunTask": [changes, run_task],
    }.items():
        ecs._ACTION_MAP[name] = _throttled(
            ecs._ACTION_MAP[name], buckets, launches if name == "RunTask" else None, lock
        )


def _throttled(
    action: Callable[[Json], object],
    buckets: list[TokenBucket],
    launches: TokenBucket | None,
    lock: threading.Lock,
) -> Callable[[Json], object]:
    def act(data: Json) -> object:
        wanted = [(bucket, 1) for bucket in buckets]
        if launches:
            wanted.append((launches, int(data.get("count", 1))))
        with lock:
            now = time.monotonic()
            if not all(bucket.has(now, tokens) for bucket, tokens in wanted):
                return error_response_json("ThrottlingException", "Rate exceeded", 400)
            for bucket, tokens in wanted:
                bucket.take(now, tokens)
        return action(data)

    return act


def link(share: float) -> Link:
    return Link(
        what="ECS's quotas of calls",
        patch_points=(PatchPoint(ecs, "_ACTION_MAP"),),
        apply=lambda: apply(share),
    )
