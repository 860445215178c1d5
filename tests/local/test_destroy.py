"""`make destroy`: it shows, asks, and deletes the stack with all the buckets that it ever made."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.aws import EmbeddedAws
from local.pipeline import Pipeline
from operate import destroy, stacks, tasks, versions
from tests.local.other_jobs import run_endless_task
from tooling import paths

AWS_CLI = paths.BUILD / "env/awscli/bin/aws"
Maze = Callable[[int], bytes]
NUMBERS = itertools.count()
"""For stacks that no other test has; what a test leaves ends with the embedded AWS."""

pytestmark = pytest.mark.usefixtures("default_account", "little_patience")


@pytest.fixture
def pipeline(aws: EmbeddedAws, maze: Maze) -> Pipeline:
    """A stack for the test to delete, with an upload that has its output."""
    pipeline = Pipeline(aws, "doomed", aws.deploy_all({"doomed": {"Mode": "lambda"}})["doomed"])
    pipeline.result("input/a.png", pipeline.upload("input/a.png", maze(1)))
    return pipeline


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the user types."""
    return lambda text: monkeypatch.setattr("sys.stdin", StringIO(text))


def buckets(aws: EmbeddedAws) -> set[str]:
    return {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}


def status(aws: EmbeddedAws, pipeline: Pipeline) -> str:
    try:
        found = aws.client("cloudformation").describe_stacks(StackName=pipeline.stack)
    except ClientError:
        return "gone"
    return str(found["Stacks"][0]["StackStatus"])


def change(aws: EmbeddedAws, stack: str, **changed: str) -> None:
    """Other parameters for a stack; the rest stays."""
    cloudformation = aws.client("cloudformation")
    before = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Parameters"]
    kept = [p["ParameterKey"] for p in before if p["ParameterKey"] not in changed]
    cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
            *({"ParameterKey": n, "ParameterValue": value} for n, value in changed.items()),
        ],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
    )


@pytest.mark.parametrize("line", ["", "\n", "yes\n", "another-stack\n"])
def test_nothing_is_deleted_unless_the_name_is_typed(
    aws: EmbeddedAws,
    pipelines: dict[str, Pipeline],
    typed: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    line: str,
) -> None:
    pipeline = pipelines["lambda"]
    before = list(versions.versions(pipeline.bucket))
    typed(line)
    assert destroy.main([pipeline.stack]) == 1
    said = capsys.readouterr().out
    count, size = len(before), sum(version.bytes for version in before)
    assert f"stack {pipeline.stack} in us-east-1, account 000000000000: lambda" in said
    assert f"s3://{pipeline.bucket}: {count:,} versions of objects, {size:,} bytes" in said
    assert "will be DELETED" in said
    assert "Nothing was deleted." in said
    assert status(aws, pipeline).endswith("_COMPLETE")
    assert list(versions.versions(pipeline.bucket)) == before


def test_all_buckets_go_even_those_that_the_stack_no_longer_knows(
    aws: EmbeddedAws,
    pipeline: Pipeline,
    typed: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(aws, pipeline.stack, Mode="fargate", EventSource="cloudtrail", WorkerImageUri="any")
    trail_bucket = aws.outputs(pipeline.stack)["TrailBucketName"]
    change(aws, pipeline.stack, Mode="lambda", EventSource="s3")
    s3, name = pipeline.s3, {"Bucket": pipeline.bucket}
    s3.put_object(Bucket=trail_bucket, Key="record", Body=b"1")
    s3.delete_object(**name, Key="input/a.png")
    s3.create_multipart_upload(**name, Key="input/unfinished")
    typed(f"{pipeline.stack}\n")
    assert destroy.main([pipeline.stack]) == 0
    said = capsys.readouterr().out
    assert f"s3://{pipeline.bucket}: 3 versions of objects" in said
    assert "1 unfinished uploads" in said
    assert f"s3://{trail_bucket}: 1 versions of objects, 1 bytes, will be DELETED" in said
    assert "DELETE_COMPLETE  ProcessFunctionRole" in said.replace("   ", "  ")
    assert status(aws, pipeline) == "gone"
    assert not buckets(aws) & {pipeline.bucket, trail_bucket}


def test_data_can_be_kept_and_deleted_when_the_stack_is_gone(
    aws: EmbeddedAws, pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert destroy.main([pipeline.stack, "--yes", "--keep-data"]) == 0
    assert f"s3://{pipeline.bucket}: 2 versions" in capsys.readouterr().out
    assert status(aws, pipeline) == "gone"
    assert pipeline.keys() == ["input/a.png", "output/a.png"]

    assert destroy.main([pipeline.stack, "--keep-data"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert destroy.main([pipeline.stack, "--yes"]) == 0
    assert pipeline.bucket not in buckets(aws)
    assert destroy.main([pipeline.stack, "--yes"]) == 2
    assert "is gone, and so are its buckets" in capsys.readouterr().err


def test_data_stays_when_the_stack_can_not_be_deleted(
    aws: EmbeddedAws, pipelines: dict[str, Pipeline], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, cloudformation = pipelines["lambda"], aws.client("cloudformation")
    before = list(versions.versions(pipeline.bucket))
    protection = cloudformation.update_termination_protection
    protection(StackName=pipeline.stack, EnableTerminationProtection=True)
    try:
        assert destroy.main([pipeline.stack, "--yes"]) == 1
    finally:
        protection(StackName=pipeline.stack, EnableTerminationProtection=False)
    said = capsys.readouterr().err
    assert "CREATE_COMPLETE, and its buckets are untouched" in said
    assert "cannot be deleted while TerminationProtection is enabled" in said
    assert list(versions.versions(pipeline.bucket)) == before


# ---- Tasks, which keep their cluster and their subnets from being deleted ------------------------


@pytest.fixture
def busy(aws: EmbeddedAws, tmp_path: Path) -> Pipeline:
    """A stack with all that starts tasks, in which one runs that does not end by itself."""
    parameters = {"Mode": "hybrid", "MaxTasks": "2", "HybridThresholdMiB": "1"}
    name = f"busy-{next(NUMBERS)}"
    outputs = aws.deploy_all({name: parameters})[name]
    pipeline = Pipeline(aws, name, outputs)
    run_endless_task(pipeline, tmp_path, "input/endless")
    return pipeline


def states(aws: EmbeddedAws, stack: str) -> dict[str, str]:
    """Of what starts tasks, by its name in the template."""
    events, functions = aws.client("events"), aws.client("lambda")
    found = {}
    for each in stacks.resources(stacks.find(stack)):
        name, id_ = each["LogicalResourceId"], each["PhysicalResourceId"]
        if each["ResourceType"] == "AWS::Events::Rule":
            found[name] = str(events.describe_rule(Name=id_)["State"]).lower()
        elif each["ResourceType"] == "AWS::Lambda::EventSourceMapping":
            found[name] = str(functions.get_event_source_mapping(UUID=id_)["State"]).lower()
    return found


def test_tasks_are_stopped_before_their_network_goes(
    aws: EmbeddedAws, busy: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    ecs, cluster = aws.client("ecs"), busy.outputs["ClusterArn"]
    with pytest.raises(ecs.exceptions.ClusterContainsTasksException):
        ecs.delete_cluster(cluster=cluster)
    assert destroy.main([busy.stack, "--yes"]) == 0
    said = capsys.readouterr().out
    assert "1 running tasks, will be STOPPED" in said
    assert "tasks that still run: 1\n  tasks that still run: 0\n" in said
    assert "DELETE_FAILED" not in said
    assert status(aws, busy) == "gone"
    assert ecs.describe_clusters(clusters=[cluster])["clusters"] == []


def test_nothing_that_starts_tasks_is_left_enabled(
    aws: EmbeddedAws, pipelines: dict[str, Pipeline]
) -> None:
    """And what was enabled is enabled again, if the stack stays."""
    aws.deploy_all({"starters": {"Mode": "hybrid", "MaxTasks": "1"}})
    stack = stacks.find("starters")
    before = states(aws, "starters")
    assert {*before} == {
        "UploadRule",
        "SmallUploadRule",
        "TaskFailureRule",
        "SweepRule",
        "LaunchFunctionLaunches",
        "FailureFunctionRawFailures",
    }
    (sweep,) = (r for r in stacks.resources(stack) if r["LogicalResourceId"] == "SweepRule")
    aws.client("events").disable_rule(Name=sweep["PhysicalResourceId"])
    with ExitStack() as undo:
        tasks.keep_from_starting(stack, undo)
        assert {*states(aws, "starters").values()} == {"disabled"}
    assert states(aws, "starters") == before | {"SweepRule": "disabled"}

    aws.client("cloudformation").delete_stack(StackName="starters")
    assert destroy.described(stack)["StackStatus"] == "DELETE_COMPLETE"  # at the first look


def test_a_stack_that_stays_goes_on_working(
    aws: EmbeddedAws, pipelines: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = pipelines["fargate"]
    before = states(aws, pipeline.stack)
    monkeypatch.setattr(paths, "SAM", "false")  # it deletes nothing
    assert destroy.main([pipeline.stack, "--yes", "--keep-data"]) == 1
    assert states(aws, pipeline.stack) == before


def test_no_task_is_stopped_for_a_stack_that_is_protected(
    aws: EmbeddedAws, busy: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    protection = aws.client("cloudformation").update_termination_protection
    protection(StackName=busy.stack, EnableTerminationProtection=True)
    try:
        assert destroy.main([busy.stack, "--yes"]) == 1
    finally:
        protection(StackName=busy.stack, EnableTerminationProtection=False)
    assert tasks.alive(busy.outputs["ClusterArn"])


def test_the_documented_way_by_hand_does_the_same(
    aws: EmbeddedAws, busy: Pipeline, maze: Maze, tmp_path: Path
) -> None:
    """As it stands there, with aws-cli and sam; but for the stack's name and for the patience."""
    busy.result("input/a.png", busy.upload("input/a.png", maze(1)))
    operations = (paths.ROOT / "docs/OPERATIONS.md").read_text()
    script = operations.split("**By hand.** Deleting")[1].split("```")[1]
    for there, here in {"STACK=uploads-fargate": f"STACK={busy.stack}", "sleep 30": ""}.items():
        assert there in script
        script = script.replace(there, here)
    done = subprocess.run(
        ["bash", "-euc", script],
        env=os.environ
        | {"PATH": f"{AWS_CLI.parent}:{paths.SAM.parent}:{os.environ['PATH']}"}
        | {"SAM_CLI_TELEMETRY": "0"},
        cwd=tmp_path,
        input="y\n" * 9,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(aws, busy) == "gone"
    assert busy.bucket not in buckets(aws)


def test_a_bucket_with_thousands_of_versions_is_emptied(aws: EmbeddedAws) -> None:
    s3, name = aws.client("s3"), {"Bucket": "thousands"}
    s3.create_bucket(**name)
    s3.put_bucket_versioning(**name, VersioningConfiguration={"Status": "Enabled"})
    for start in (0, 1000):  # deleting what is not there leaves a delete marker
        keys = [{"Key": f"{number:05} +%?"} for number in range(start, start + 1000)]
        s3.delete_objects(**name, Delete={"Objects": keys, "Quiet": True})
    assert destroy.content("thousands") == "2,000 versions of objects, 0 bytes"
    destroy.delete_bucket("thousands")
    assert "thousands" not in buckets(aws)


def test_a_bucket_that_is_gone_is_no_error() -> None:
    destroy.delete_bucket("never-was")


def test_the_images_of_a_repository_are_counted(aws: EmbeddedAws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="counted")
    for tag in ("1", "2"):
        ecr.put_image(repositoryName="counted", imageManifest=json.dumps({"t": tag}), imageTag=tag)
    assert destroy.images("counted") == 2


def test_a_stack_that_never_was_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert destroy.main(["never-was", "--yes"]) == 2
    said = capsys.readouterr().err
    assert "there is no stack 'never-was' in us-east-1, nor was one deleted" in said


def test_a_stack_of_another_template_is_left_alone(
    aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    template = {"Resources": {"Data": {"Type": "AWS::S3::Bucket"}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="not-ours", TemplateBody=json.dumps(template))
    assert destroy.main(["not-ours", "--yes"]) == 2
    assert "not made from this template" in capsys.readouterr().err
    assert cloudformation.describe_stacks(StackName="not-ours")["Stacks"]
