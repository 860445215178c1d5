"""A storm of uploads under a ceiling: never more tasks than that, and all are answered."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.aws import EmbeddedAws
from local.pipeline import INPUT, Pipeline
from tests.running_tasks import Watcher, wait_until_stopped
from tests.storm.doors import Bucket
from tests.storm.sizes import REAL_UPLOADS

CEILING = 5
SECONDS = 900
"""For all verdicts, on a machine with other things to do."""


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
    found = wait_until_stopped(ecs, cluster)
    assert len(found) == REAL_UPLOADS
    assert 0 < watcher.most <= CEILING
    assert pipeline.failures() == []
    figure(
        f"storm under a ceiling of {CEILING}: {REAL_UPLOADS} uploads in "
        f"{time.monotonic() - began:.0f} s, {len(found)} tasks, "
        f"at most {watcher.most} at a time: 0 lost"
    )
