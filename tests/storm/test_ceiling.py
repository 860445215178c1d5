"""A storm of uploads under a ceiling: never more tasks than that, and all are answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline
from tests.storm.doors import Bucket
from tests.storm.sizes import REAL_UPLOADS

CEILING = 5
SECONDS = 900
"""For all verdicts, on a machine with other things to do."""


def tasks(ecs: Any, cluster: str) -> Iterator[dict[str, Any]]:
    """All that ran in the cluster."""
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status):
            if arns := page["taskArns"]:
                yield from ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]


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


def test_a_storm_under_a_ceiling(
    aws: EmbeddedAws, maze: Callable[[int], bytes], figure: Callable[[str], None]
) -> None:
    parameters = {"Mode": "fargate", "MaxTasks": str(CEILING)}
    outputs = aws.deploy_all({"storm-ceiling": parameters})["storm-ceiling"]
    pipeline, began = Pipeline(aws, "storm-ceiling", outputs), time.monotonic()
    pictures = [maze(number) for number in range(10)]
    ecs, cluster = aws.client("ecs"), outputs["ClusterArn"]
    with Watcher(ecs, cluster) as watcher:
        uploads = {
            f"{INPUT}{number}.png": pipeline.upload(f"{INPUT}{number}.png", pictures[number % 10])
            for number in range(REAL_UPLOADS)
        }
        for key, version in uploads.items():
            assert pipeline.verdict(key, version, SECONDS - (time.monotonic() - began)).is_answer
    bucket = Bucket(pipeline.s3, pipeline.bucket)
    assert all(len(bucket.verdicts_ever(key)) == 1 for key in uploads)
    while any(each["lastStatus"] != "STOPPED" for each in tasks(ecs, cluster)):
        time.sleep(0.1)
    found = list(tasks(ecs, cluster))
    assert len(found) == REAL_UPLOADS
    assert 0 < watcher.most <= CEILING
    assert pipeline.failures() == []
    figure(
        f"storm under a ceiling of {CEILING}: {REAL_UPLOADS} uploads in "
        f"{time.monotonic() - began:.0f} s, {len(found)} tasks, "
        f"at most {watcher.most} at a time: 0 lost"
    )
