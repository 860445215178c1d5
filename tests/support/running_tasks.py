"""The tasks of a cluster, and how many of them run at a time."""

from __future__ import annotations

import threading
import time
from typing import Any, Self


def tasks_of(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """All that ran in the cluster. A task that ends between the two lists is in both."""
    found = {}
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status):
            if arns := page["taskArns"]:
                described = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
                found |= {task["taskArn"]: task for task in described}
    return list(found.values())


class Watcher:
    """Looks at the running tasks again and again; `most` is the highest number it saw."""

    def __init__(self, ecs: Any, cluster: str) -> None:
        self.most = 0
        self._list = lambda: ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, len(self._list()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def wait_until_stopped(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """All that ran in the cluster, when none of it runs any more."""
    while True:
        found = tasks_of(ecs, cluster)
        if all(each["lastStatus"] == "STOPPED" for each in found):
            return found
        time.sleep(0.1)
