"""MaxTasks on the embedded AWS: tasks wait for their turn, and failures are told as ever."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, until
from operate import status
from tests.local.other_jobs import job_without_permissions
from tests.local.test_hybrid import function_settings
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]


@pytest.fixture(scope="module")
def limited(aws: EmbeddedAws) -> Pipeline:
    parameters = {"Mode": "hybrid", "HybridThresholdMiB": "1", "MaxTasks": "1"}
    return Pipeline(aws, "limited", aws.deploy_all({"limited": parameters})["limited"])


def large(picture: bytes) -> bytes:
    """A file for tasks: what comes after a picture's end is not looked at."""
    return picture + bytes(2**20)


def waiting(pipeline: Pipeline) -> int:
    """Messages in the queue, or on their way from it."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said: Any = pipeline.aws.client("sqs").get_queue_attributes(
        QueueUrl=pipeline.outputs["LaunchQueueUrl"], AttributeNames=counts
    )
    return sum(int(said["Attributes"][name]) for name in counts)


def test_small_uploads_do_not_wait_for_tasks(limited: Pipeline, maze: Maze) -> None:
    key = "input/small.png"
    assert limited.result(key, limited.upload(key, maze(1))).is_output
    assert [report["mode"] for report in limited.reports(key)] == ["lambda"]


def test_an_upload_for_a_task_succeeds_and_leaves_the_queue(limited: Pipeline, maze: Maze) -> None:
    key = "input/large ü.png"
    assert limited.result(key, limited.upload(key, large(maze(1)))).is_output
    assert [report["mode"] for report in limited.reports(key)] == ["fargate"]
    assert until(lambda: waiting(limited) == 0, "an empty queue")


def test_the_sweep_puts_uploads_into_the_queue(limited: Pipeline, maze: Maze) -> None:
    sweep, key = Sweeper(limited), "input/swept/large.png"
    with sweep.events_are_lost():
        version = limited.upload(key, large(maze(2)))
    assert until(lambda: waiting(limited) == 0, "an empty queue")
    with sweep.without_grace():
        said = sweep(prefix="input/swept/")
    assert (said["outcomes"], said["backlog"]) == ({"started": 1}, False)
    assert limited.result(key, version).is_output


@pytest.mark.usefixtures("default_account")
def test_the_sweep_leaves_uploads_that_wait_for_their_turn(
    limited: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts no attempt, and so gives none of them up. The status counts them."""
    assert until(lambda: waiting(limited) == 0, "an empty queue")
    time.sleep(1)  # S3 has an upload's time in whole seconds: this one comes after the last turn's
    sweep, functions = Sweeper(limited), limited.aws.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    queue = limited.outputs["LaunchQueueUrl"].rpartition("/")[2]
    (mapping,) = [each["UUID"] for each in mappings if each["EventSourceArn"].endswith(f":{queue}")]
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        key = "input/waiting/large.png"
        version = limited.upload(key, large(maze(3)))
        assert until(lambda: waiting(limited) == 1, "a message in the queue")
        status.main([limited.stack, "--json"])
        said = json.loads(capsys.readouterr().out)
        assert (said["waiting_for_a_task"], said["uploads"]["waiting"]) == (1, 1)
        with sweep.without_grace():
            for _ in range(5):
                said = sweep(prefix="input/waiting/")
                assert (said["outcomes"], said["backlog"]) == ({"waiting": 1}, True)
    finally:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert limited.result(key, version).is_output


def test_what_the_function_could_not_do_waits_for_its_turn_as_a_task(
    limited: Pipeline, maze: Maze
) -> None:
    key = "input/fallback.png"
    with function_settings(limited, PROCESSOR="processing.nothing:there"):
        assert limited.result(key, limited.upload(key, maze(4))).is_output
    modes = [report["mode"] for report in limited.reports(key, count=2)]
    assert modes == ["lambda", "fargate"]


def test_a_task_that_fails_is_reported(limited: Pipeline, maze: Maze) -> None:
    key = "input/in vain.png"
    with job_without_permissions(limited):
        limited.upload(key, large(maze(5)))
        failure = limited.failure(key)
    assert failure["source"] == "task"
    assert limited.failures() == []


def test_a_task_that_may_not_be_started_is_reported(limited: Pipeline, maze: Maze) -> None:
    iam = limited.aws.client("iam")
    (role,) = [
        each["RoleName"]
        for each in iam.list_roles()["Roles"]
        if each["RoleName"].startswith("limited-LaunchFunctionRole")
    ]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    allowed = [each for each in document["Statement"] if each["Action"] != "ecs:RunTask"]
    assert len(allowed) == len(document["Statement"]) - 1
    key = "input/not allowed.png"
    put_policy(iam, role, name, document | {"Statement": allowed})
    try:
        limited.upload(key, large(maze(6)))
        failure = limited.failure(key)
    finally:
        put_policy(iam, role, name, document)
    assert (failure["source"], failure["stopCode"]) == ("launch", "NO_PERMISSIONS")
    assert "ecs:RunTask" in failure["reason"]


def put_policy(iam: Any, role: str, name: str, document: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
