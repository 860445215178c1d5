"""What fails is not lost: it comes to the failure queue, with its upload and its reason."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

from local.aws import EmbeddedAws
from local.pipeline import Pipeline, until
from tests.local.executors import IN_EACH_EXECUTOR, TASKS_IN_BOTH_EXECUTORS
from tests.local.other_jobs import job_without_permissions, run_endless_task

Maze = Callable[[int], bytes]

FAILURE = [
    "bucket", "key", "version", "reason", "started", "source", "stopCode", "task", "time"
]  # fmt: skip


@TASKS_IN_BOTH_EXECUTORS
def test_a_task_that_fails_is_reported_with_its_upload(task_pipeline: Pipeline, maze: Maze) -> None:
    with job_without_permissions(task_pipeline):
        task_pipeline.upload("input/failing task.png", maze(11))
        failure = task_pipeline.failure("input/failing task.png")
    assert list(failure) == FAILURE
    assert (failure["source"], failure["bucket"]) == ("task", task_pipeline.bucket)
    assert failure["task"].startswith("arn:aws:ecs:")
    assert failure["stopCode"] == "EssentialContainerExited"
    (report,) = task_pipeline.reports("input/failing task.png")
    assert report["outcome"] == "failed"
    assert failure["reason"] == report["reason"]
    assert "403" in failure["reason"]


@TASKS_IN_BOTH_EXECUTORS
def test_a_task_that_is_stopped_is_reported_with_its_upload(
    task_pipeline: Pipeline, maze: Maze, tmp_path: Path
) -> None:
    key = "input/stopped task.png"
    task = run_endless_task(task_pipeline, tmp_path, key)
    ecs, cluster = task_pipeline.aws.client("ecs"), task_pipeline.outputs["ClusterArn"]

    def status() -> str:
        return str(ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]["lastStatus"])

    until(lambda: status() == "RUNNING", "the task running")
    ecs.stop_task(cluster=cluster, task=task, reason="a test")
    failure = task_pipeline.failure(key)
    assert list(failure) == FAILURE
    assert (failure["task"], failure["stopCode"]) == (task, "UserInitiated")
    assert failure["reason"].startswith(f"exit code {128 + signal.SIGTERM}; a test")


def test_a_launch_that_is_refused_is_reported_with_its_upload(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze
) -> None:
    iam = aws.client("iam")
    role = aws.resource(task_pipeline.stack, "UploadRuleRole")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        task_pipeline.upload("input/refused.png", maze(12))
        failure = task_pipeline.failure("input/refused.png")
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    assert list(failure) == FAILURE
    assert (failure["source"], failure["bucket"]) == ("launch", task_pipeline.bucket)
    assert (failure["stopCode"], failure["task"]) == ("NO_PERMISSIONS", None)
    assert "ecs:RunTask" in failure["reason"]


def test_the_rule_may_pass_the_tasks_roles_only_while_its_policy_says_so(
    aws: EmbeddedAws, task_pipeline: Pipeline, maze: Maze
) -> None:
    iam = aws.client("iam")
    role = aws.resource(task_pipeline.stack, "UploadRuleRole")
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=document)
    try:
        task_pipeline.upload("input/not-passed.png", maze(13))
        failure = task_pipeline.failure("input/not-passed.png")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")
    assert "iam:PassRole" in failure["reason"]


@IN_EACH_EXECUTOR
def test_a_function_that_fails_three_times_is_reported_with_its_upload(
    pipelines_here: dict[str, Pipeline], maze: Maze
) -> None:
    pipeline = pipelines_here["lambda"]
    with job_without_permissions(pipeline):
        pipeline.upload("input/failing.png", maze(14))
        failure = pipeline.failure("input/failing.png")
    assert list(failure) == FAILURE
    assert (failure["source"], failure["bucket"]) == ("function", pipeline.bucket)
    assert failure["stopCode"] == "RetriesExhausted"
    assert "403" in failure["reason"]
    reports = pipeline.reports("input/failing.png", count=3)
    assert [report["outcome"] for report in reports] == ["failed"] * 3
    assert pipeline.failures() == []
