"""A burst of uploads under a concurrency limit: never more tasks than that, and all succeed."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline
from tests.load.entry_points import Bucket
from tests.load.sizes import REAL_UPLOADS
from tests.running_tasks import Watcher, wait_until_stopped

MAX_TASKS = 5
SECONDS = 900
"""For all results, on a machine with other things to do."""


def test_a_burst_under_a_concurrency_limit(
    aws: EmbeddedAws, maze: Callable[[int], bytes], figure: Callable[[str], None]
) -> None:
    parameters = {"Mode": "fargate", "MaxTasks": str(MAX_TASKS)}
    outputs = aws.deploy_all({"load-max-tasks": parameters})["load-max-tasks"]
    pipeline, began = Pipeline(aws, "load-max-tasks", outputs), time.monotonic()
    pictures = [maze(number) for number in range(10)]
    ecs, cluster = aws.client("ecs"), outputs["ClusterArn"]
    with Watcher(ecs, cluster) as watcher:
        uploads = {
            f"{INPUT}{number}.png": pipeline.upload(f"{INPUT}{number}.png", pictures[number % 10])
            for number in range(REAL_UPLOADS)
        }
        for key, version in uploads.items():
            assert pipeline.result(key, version, SECONDS - (time.monotonic() - began)).is_output
    bucket = Bucket(pipeline.s3, pipeline.bucket)
    assert all(len(bucket.results_ever(key)) == 1 for key in uploads)
    found = wait_until_stopped(ecs, cluster)
    assert len(found) == REAL_UPLOADS
    assert 0 < watcher.most <= MAX_TASKS
    assert pipeline.failures() == []
    figure(
        f"burst under a concurrency limit of {MAX_TASKS}: {REAL_UPLOADS} uploads in "
        f"{time.monotonic() - began:.0f} s, {len(found)} tasks, "
        f"at most {watcher.most} at a time: 0 lost"
    )
