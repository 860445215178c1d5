"""The rules of the simulation's queues (economics/), against the embedded AWS on a small case."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from economics.figures import limits
from economics.model import Model
from economics.queues import EVENTBRIDGE, Next, Response
from economics.scenario import Scenario
from economics.work import Job, Stack, Work, sizes
from local.aws import EmbeddedAws
from local.pipeline import Pipeline
from tests.local.launches import (
    BROKEN,
    MOST_RETRIES,
    NO_CAPACITY,
    STARTED,
    THROTTLED,
    Responses,
    launch,
)
from tests.support.running_tasks import most_at_a_time, wait_until_stopped

UPLOADS, MAX_TASKS = 7, 2
MEANING = {
    json.dumps(STARTED): Response.TAKEN,
    json.dumps(NO_CAPACITY): Response.NO_ROOM,
    json.dumps(THROTTLED): Response.REFUSED,
    json.dumps(BROKEN): Response.REFUSED,
}


def attempts(responses: Responses, retries_no_room: bool) -> tuple[int, Next]:
    """How often the model tries, and how it ends; the last response is given again and again."""
    queue = EVENTBRIDGE._replace(most_retries=MOST_RETRIES, retries_no_room=retries_no_room)
    for retries in range(100):
        response = MEANING[json.dumps(responses[min(retries, len(responses) - 1)])]
        comes = queue.after(response, retries, 0)
        if comes is not Next.AGAIN:
            return retries + 1, comes
    raise AssertionError(responses)


def test_it_tries_and_gives_up_as_often(tmp_path: Path) -> None:
    table: list[Responses] = [
        [STARTED],
        [THROTTLED, BROKEN, STARTED],
        [NO_CAPACITY, STARTED],
        [THROTTLED],
        [NO_CAPACITY],
        [BROKEN, BROKEN, BROKEN, STARTED],
    ]
    for responses, said in zip(table, launch(table, tmp_path), strict=True):
        # The emulator tries `failures[]` again, too: see delivery.py.
        count, comes = attempts(responses, retries_no_room=True)
        assert len(said["calls"]) == count, responses
        assert (said["given_up"] is not None) == (comes is Next.DEAD_LETTER), responses
        # By default, and in docs/ARCHITECTURE.md's table, the model differs in that alone.
        by_default = attempts(responses, EVENTBRIDGE.retries_no_room)
        expected = (
            (responses.index(NO_CAPACITY) + 1, Next.DROPPED)
            if NO_CAPACITY in responses
            else (count, comes)
        )
        assert by_default == expected, responses


def number(task: dict[str, Any]) -> int:
    """Of the upload that a task was started for."""
    (container,) = task["overrides"]["containerOverrides"]
    told = {each["name"]: each["value"] for each in container["environment"]}
    return int(told["S3_KEY"].removeprefix("input/").removesuffix(".png"))


def test_a_concurrency_limit_starts_as_many_tasks_in_the_same_order(
    aws: EmbeddedAws, maze: Callable[[int], bytes]
) -> None:
    parameters = {"Mode": "fargate", "MaxTasks": str(MAX_TASKS)}
    outputs = aws.deploy_all({"model": parameters})["model"]
    pipeline = Pipeline(aws, "model", outputs)
    ecs, cluster = aws.client("ecs"), outputs["ClusterArn"]
    uploads = []
    for each in range(UPLOADS):
        key = f"input/{each}.png"
        uploads.append((key, pipeline.upload(key, maze(each))))
        time.sleep(0.3)  # events of uploads at once may come in any order
    for key, version in uploads:
        assert pipeline.result(key, version, 120).is_output
    found = sorted(wait_until_stopped(ecs, cluster), key=lambda task: task["createdAt"])
    job = Job(seconds_per_mib=1, start_seconds=0)
    model = Model(
        Scenario(
            Stack("fargate", max_tasks=MAX_TASKS),
            Work(UPLOADS, sizes("1:100"), job),
            "steady",
            rate=3,
            limits=limits(vcpus=1000),
        )
    ).simulate()
    assert len(found) == len(model.tasks.started) == UPLOADS
    assert 0 < most_at_a_time(found) <= MAX_TASKS == model.tasks.most
    # A batch is started side by side, so the order within a pair is chance.
    for task, expected in zip(found, model.tasks.started, strict=True):
        assert abs(number(task) - expected) < MAX_TASKS
    assert pipeline.failures() == []
