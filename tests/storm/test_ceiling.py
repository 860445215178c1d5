"""A storm of uploads under a ceiling: never more tasks than that, and all are answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

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


def most_at_once(found: list[dict[str, Any]]) -> int:
    """The highest number of tasks that had been created and not stopped, at any time."""
    changes = [(each["createdAt"], 1) for each in found]
    changes += [(each["stoppedAt"], -1) for each in found]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def test_a_storm_under_a_ceiling(
    aws: EmbeddedAws, maze: Callable[[int], bytes], figure: Callable[[str], None]
) -> None:
    parameters = {"Mode": "fargate", "MaxTasks": str(CEILING)}
    outputs = aws.deploy_all({"storm-ceiling": parameters})["storm-ceiling"]
    pipeline, began = Pipeline(aws, "storm-ceiling", outputs), time.monotonic()
    pictures = [maze(number) for number in range(10)]
    uploads = {
        f"{INPUT}{number}.png": pipeline.upload(f"{INPUT}{number}.png", pictures[number % 10])
        for number in range(REAL_UPLOADS)
    }
    for key, version in uploads.items():
        assert pipeline.verdict(key, version, SECONDS - (time.monotonic() - began)).is_answer
    bucket = Bucket(pipeline.s3, pipeline.bucket)
    assert all(len(bucket.verdicts_ever(key)) == 1 for key in uploads)
    ecs, cluster = aws.client("ecs"), outputs["ClusterArn"]
    while any(each["lastStatus"] != "STOPPED" for each in tasks(ecs, cluster)):
        time.sleep(0.1)
    found = list(tasks(ecs, cluster))
    most = most_at_once(found)
    assert len(found) == REAL_UPLOADS
    assert 1 < most <= CEILING
    assert pipeline.failures() == []
    figure(
        f"storm under a ceiling of {CEILING}: {REAL_UPLOADS} uploads in "
        f"{time.monotonic() - began:.0f} s, {len(found)} tasks, at most {most} at a time: 0 lost"
    )
