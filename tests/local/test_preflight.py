"""Before `make deploy`: what stops it is said, and tasks end before their network goes."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path

import pytest

from local.aws import REGION, EmbeddedAws
from local.pipeline import Pipeline, until
from operate import destroy, preflight, stacks, tasks
from tests.local.other_jobs import run_endless_task
from tests.local.test_destroy import change

pytestmark = pytest.mark.usefixtures("default_account", "little_patience")

NUMBERS = itertools.count()
"""For stacks that no other test has; they end with the embedded AWS."""
ASKED = ["Mode=lambda", "EventSource=s3", "Architecture=x86_64"]


@pytest.fixture
def built(tmp_path: Path) -> str:
    package = tmp_path / "ProcessingLayer/python/processing"
    package.mkdir(parents=True)
    (package / "built_for.py").write_text('MACHINE = "x86_64"\n')
    return str(tmp_path)


@pytest.fixture
def endless(aws: EmbeddedAws, tmp_path: Path) -> tuple[Pipeline, str]:
    """A stack in which a task runs that does not end by itself."""
    parameters = {"Mode": "fargate", "TaskTimeout": "1"}
    name = f"endless-{next(NUMBERS)}"
    outputs = aws.deploy_all({name: parameters})[name]
    pipeline = Pipeline(aws, name, outputs)
    return pipeline, run_endless_task(pipeline, tmp_path, "input/x")


def failed(stack: str) -> set[str]:
    """What CloudFormation could not delete."""
    return {
        each["LogicalResourceId"]
        for each in stacks.resources(stacks.find(stack))
        if each["ResourceStatus"] == "DELETE_FAILED"
    }


def test_nothing_stops_a_stack_that_is_new_or_is_there(
    pipelines: dict[str, Pipeline], built: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in ("new", pipelines["lambda"].stack):
        assert preflight.main([stack, *ASKED]) == 0
        assert preflight.main([stack, "--built", built, *ASKED]) == 0
    assert "stops" not in capsys.readouterr().err


def test_a_layer_for_another_processor_stops_it(
    built: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.main(["new", "--built", built, "Mode=lambda", "Architecture=arm64"]) == 1
    assert "make deploy ARCHITECTURE=arm64" in capsys.readouterr().err


def test_a_stack_that_failed_at_first_stops_it_until_it_is_destroyed(
    aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    cloudformation = aws.client("cloudformation")
    ours = {name: {"Type": "String", "Default": "lambda"} for name in stacks._OURS}
    broken = {
        "Type": "Custom::Broken",
        "Properties": {"ServiceToken": f"arn:aws:lambda:{REGION}:1:x"},
    }
    cloudformation.create_stack(
        StackName="first",
        TemplateBody=json.dumps({"Parameters": ours, "Resources": {"Broken": broken}}),
    )
    until(lambda: _status("first") == "ROLLBACK_COMPLETE", "a stack that was rolled back")
    assert preflight.main(["first", *ASKED]) == 1
    said = capsys.readouterr().err
    assert "the stack 'first' is ROLLBACK_COMPLETE: it can only be deleted" in said
    assert f"aws cloudformation delete-stack --stack-name first --region {REGION}" in said
    assert destroy.main(["first", "--yes"]) == 0
    assert preflight.main(["first", *ASKED]) == 0


def _status(stack: str) -> str | None:
    found = stacks.described(stack)
    return found.status if found else None


def test_a_change_that_takes_the_network_away_waits_for_its_tasks(
    aws: EmbeddedAws,
    endless: tuple[Pipeline, str],
    built: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipeline, task = endless
    codes = []
    arguments = [pipeline.stack, "--built", built, *ASKED]
    waiting = threading.Thread(target=lambda: codes.append(preflight.main(arguments)))
    waiting.start()
    waiting.join(4)
    assert waiting.is_alive()
    aws.client("ecs").stop_task(cluster=pipeline.outputs["ClusterArn"], task=task)
    waiting.join(20)
    assert codes == [0]
    said = capsys.readouterr().out
    assert "Mode=lambda takes away the network of running tasks: waiting" in said
    assert "tasks that still run: 1\n  tasks that still run: 0\n" in said
    change(aws, pipeline.stack, Mode="lambda")
    assert failed(pipeline.stack) == set()


def test_what_a_change_under_a_running_task_leaves_behind_is_destroyed_all_the_same(
    aws: EmbeddedAws, endless: tuple[Pipeline, str]
) -> None:
    """Plain `sam deploy` waits for no task: the update succeeds, and its clean-up does not."""
    pipeline, _ = endless
    change(aws, pipeline.stack, Mode="lambda")
    assert failed(pipeline.stack) == {"Cluster", "TaskSubnetA", "Vpc"}
    assert destroy.main([pipeline.stack, "--yes"]) == 0


def test_it_does_not_wait_for_ever(
    endless: tuple[Pipeline, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, _ = endless
    monkeypatch.setattr(preflight, "S3_SECONDS", 0)
    with pytest.raises(tasks.StillRunning) as refused:
        preflight.wait_for_tasks(pipeline.stack, {"Mode": "lambda"}, start=1)
    said = str(refused.value)
    assert "1 tasks still run, and Mode=lambda takes away their network" in said
    assert f"aws events disable-rule --name {pipeline.outputs['RuleName']}" in said
    preflight.wait_for_tasks(pipeline.stack, {"Mode": "fargate"}, start=1)  # keeps it
