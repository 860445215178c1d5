"""A burst of uploads under a concurrency limit: never more tasks than that, and all succeed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from local.aws import EmbeddedAws
from local.pipeline import INPUT, NothingCame, Pipeline, output_key
from tests.load.account import Account
from tests.load.entry_points import Bucket
from tests.load.judge import repeats
from tests.load.sizes import REAL_UPLOADS
from tests.support.running_tasks import Watcher, wait_until_stopped
from tooling import paths

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
            with contextlib.suppress(NothingCame):
                pipeline.result(key, version, SECONDS - (time.monotonic() - began))
    bucket, account = Bucket(pipeline.s3, pipeline.bucket), Account(pipeline, uploads)
    for key, version in uploads.items():
        account.ends(key, bucket.results(key), {output_key(key): version})
        account.repeats(key, repeats(*bucket.histories(key)))
    account.failed_beside([])
    account.close(paths.BUILD / "load" / "concurrency-limit.json")
    found = wait_until_stopped(ecs, cluster)
    assert len(found) == REAL_UPLOADS
    assert 0 < watcher.most <= MAX_TASKS
    assert pipeline.failures() == []
    figure(
        f"burst under a concurrency limit of {MAX_TASKS}: {REAL_UPLOADS} uploads in "
        f"{time.monotonic() - began:.0f} s, {len(found)} tasks, "
        f"at most {watcher.most} at a time: 0 lost"
    )
