"""`make status` on stacks of the embedded AWS, and the links that it prints for real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.aws import REGION
from local.pipeline import Pipeline, until
from operate import destroy, smoke, status, sweep
from operate.stacks import Stack
from tests.local.executors import IN_EACH_ENGINE
from tests.local.other_jobs import job_without_permissions, run_endless_task
from tests.local.test_sweep import Sweeper

Maze = Callable[[int], bytes]

pytestmark = pytest.mark.usefixtures("default_account")


@pytest.fixture
def scenario() -> str:
    """What is counted in the bucket, and kept of a failure, is the same in each mode."""
    return "lambda"


def said(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = status.main([pipeline.stack, "--json"])
    return code, json.loads(capsys.readouterr().out)


def asked(
    pipeline: Pipeline, key: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any]]:
    """What a program gets that asks for one upload."""
    code = status.main([pipeline.stack, f"--key={key}", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_one_upload_can_be_asked_for(
    pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    key, broken = "input/status/it's $HOME/ü 1.png", "input/status/no picture"
    code, found = asked(pipeline, key, capsys)
    assert (code, found["state"], found["bucket"]) == (0, "not_there", pipeline.bucket)
    version = pipeline.upload(key, maze(6))
    result = pipeline.result(key, version)
    code, found = asked(pipeline, key, capsys)
    assert (code, found["state"], found["version"]) == (0, "succeeded", version)
    output = {"key": result.key, "size": len(result.body), "content_type": result.content_type}
    assert found["outputs"] == [output]
    rejection = pipeline.result(broken, pipeline.upload(broken, b"no picture")).rejection
    code, found = asked(pipeline, broken, capsys)
    assert (code, found["state"], found["reason"]) == (0, "rejected", rejection["reason"])
    code, found = asked(pipeline, result.key, capsys)
    assert (code, found["state"]) == (2, "not_an_upload")


@IN_EACH_ENGINE
def test_the_last_results_are_shown_newest_first(
    pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, body in {"input/status/a.png": maze(1), "input/status/b": b"no picture"}.items():
        pipeline.result(key, pipeline.upload(key, body))
        pipeline.reports(key)
    _, found = said(pipeline, capsys)
    newest = [(each["key"], each["outcome"]) for each in found["last"][:2]]
    assert newest == [("input/status/b", "rejected"), ("input/status/a.png", "succeeded")]
    assert found["today"]["succeeded"] >= 1
    status.main([pipeline.stack])
    shown = capsys.readouterr().out
    assert "input/status/a.png" in shown
    assert "rejected" in shown
    assert found["last"][0]["reason"] in shown


def test_a_failure_is_counted_and_the_exit_code_says_so(
    pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "input/status/failing.png"
    with job_without_permissions(pipeline):
        version = pipeline.upload(key, maze(2))
        until(pipeline.failures, "a failure")
        code, found = said(pipeline, capsys)
        assert (code, found["failures"]) == (1, 1)
        reason = pipeline.failure(key)["reason"]
    code, upload = asked(pipeline, key, capsys)
    assert (code, upload["state"], upload["reason"]) == (1, "failed", reason)
    assert upload["next_try"] > upload["uploaded"]
    sweep = Sweeper(pipeline)
    with sweep.without_grace():
        sweep(prefix="input/status/")
    assert pipeline.result(key, version).is_output
    assert asked(pipeline, key, capsys)[1]["state"] == "succeeded"


def test_an_upload_without_a_result_is_overdue(
    pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep, key = Sweeper(pipeline), "input/status/lost.png"
    with sweep.without_grace():
        with sweep.events_are_lost():
            version = pipeline.upload(key, maze(3))
            code, found = said(pipeline, capsys)
        assert found["uploads"]["overdue"] >= 1
        assert found["oldest_overdue"]
        assert code == 1
        sweep(prefix="input/status/")
    assert pipeline.result(key, version).is_output


def test_uploads_are_counted_by_what_they_wait_for(
    pipeline: Pipeline, maze: Maze, capsys: pytest.CaptureFixture[str]
) -> None:
    """One with its result, and one that came just now and has none: its event was lost."""
    _, before = said(pipeline, capsys)
    pipeline.result("input/status/done.png", pipeline.upload("input/status/done.png", maze(4)))
    sweep, key = Sweeper(pipeline), "input/status/waiting.png"
    with sweep.events_are_lost():
        version = pipeline.upload(key, maze(5))
    code, waiting = asked(pipeline, key, capsys)
    assert (code, waiting["state"], waiting["version"]) == (0, "waiting", version)
    _, after = said(pipeline, capsys)
    more = {name: after["uploads"][name] - count for name, count in before["uploads"].items()}
    assert more == {"current": 1, "waiting": 1, "overdue": 0}
    with sweep.without_grace():
        sweep(prefix=key)
    assert pipeline.result(key, version).is_output


@pytest.mark.parametrize("task_scenario", ["fargate"])
def test_running_tasks_are_counted_and_named(
    task_pipeline: Pipeline, maze: Maze, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs, key = task_pipeline.outputs, "input/status/running.png"
    with Sweeper(task_pipeline).events_are_lost():
        task_pipeline.upload(key, b"")
    task = run_endless_task(task_pipeline, tmp_path, key)
    _, found = said(task_pipeline, capsys)
    assert found["running_tasks"] == 1
    (running,) = found["running"]
    assert (running["bucket"], running["key"]) == (task_pipeline.bucket, key)
    code, upload = asked(task_pipeline, key, capsys)
    assert (code, upload["state"]) == (0, "running")
    assert upload["running_since"] == running["since"]
    ecs = task_pipeline.aws.client("ecs")
    ecs.stop_task(cluster=outputs["ClusterArn"], task=task, reason="a test")
    task_pipeline.failure(key)
    task_pipeline.s3.delete_object(Bucket=task_pipeline.bucket, Key=key)
    _, found = said(task_pipeline, capsys)
    assert found["running_tasks"] == 0


@pytest.mark.parametrize("command", [status, sweep, smoke, destroy])
def test_a_stack_that_is_not_there_is_said_with_those_that_are(
    pipelines: dict[str, Pipeline], command: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["nothing-here"]) == 2
    said = capsys.readouterr().err
    assert f"there is no stack 'nothing-here' in {REGION}" in said
    listed = said.split("of this template there are (STACK=...): ")[1]
    assert {pipeline.stack for pipeline in pipelines.values()} <= {*listed.strip().split(", ")}


STACK = Stack(
    id="arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/mazes/1",
    name="mazes",
    status="CREATE_COMPLETE",
    parameters={},
    outputs={
        "DashboardName": "mazes-cn-north-1",
        "LogGroupName": "mazes/JobLogGroup",
        "FailureQueueUrl": "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
        "BucketName": "uploads-1",
    },
)


def test_links_are_of_the_stacks_partition_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    found = status.links(STACK)
    base = "https://cn-north-1.console.amazonaws.cn/"
    assert all(link.startswith(base) for link in found.values())
    assert found["log"].endswith("#logsV2:log-groups/log-group/mazes$252FJobLogGroup")
    assert found["dashboard"].endswith("#dashboards/dashboard/mazes-cn-north-1")


def test_the_embedded_aws_has_no_console() -> None:
    assert status.links(STACK) == {}
