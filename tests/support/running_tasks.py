"""The tasks of a cluster, and how many of them run at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any


def tasks_of(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """All that ran in the cluster. A task that ends between the two lists is in both."""
    found = {}
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status):
            if arns := page["taskArns"]:
                described = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
                found |= {task["taskArn"]: task for task in described}
    return list(found.values())


def most_at_a_time(tasks: Iterable[Mapping[str, Any]]) -> int:
    """How many of them there were at once, from when each was made until it stopped."""
    found = [(each["createdAt"], each["stoppedAt"]) for each in tasks]
    return max((sum(b <= begun < e for b, e in found) for begun, _ in found), default=0)


def wait_until_stopped(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """All that ran in the cluster, when none of it runs any more."""
    while True:
        found = tasks_of(ecs, cluster)
        if all(each["lastStatus"] == "STOPPED" for each in found):
            return found
        time.sleep(0.1)
