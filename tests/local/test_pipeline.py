"""The whole pipeline, from upload to result, in each scenario.

What depends on where jobs run is tried twice: as processes, and in containers where Docker
responds.
"""

import contextlib
import json
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local.aws import EmbeddedAws
from local.emulator import isolation
from local.pipeline import Pipeline, output_key, rejection_key, until
from local.scenarios import SCENARIOS
from mazes import pictures
from tests.support.task_network import task_network

Maze = Callable[[int], bytes]

# By way of CloudTrail, the same container gets the same variables: one upload shows that.
IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "scenario"),
    [
        *(("process", scenario) for scenario in SCENARIOS),
        ("docker", "lambda"),
        ("docker", "fargate"),
    ],
)
TASKS_IN_BOTH_EXECUTORS = pytest.mark.parametrize(
    ("executor", "task_scenario"),
    [("process", "fargate"), ("process", "cloudtrail"), ("docker", "fargate")],
)
IN_EACH_EXECUTOR = pytest.mark.parametrize("executor", ["process", "docker"])

ODD_KEYS = [
    "input/dots.in.the.name.png",
    "input/a space.png",
    "input/two  spaces .png",
    "input/plus+plus.png",
    "input/per%cent.png",
    "input/escaped%2Bplus.png",
    "input/escaped%20space.png",
    "input/'single' quotes.png",
    'input/"double" quotes.png',
    "input/<key>&$#?;=@,!*().png",
    "input/back\\slash.png",
    "input/ünïcödé-迷路-😀.png",
    "input/in/folders/deep.png",
    "input//double-slash.png",
    "input/../dot-dot.png",
    "input/./dot.png",
    "input/no-suffix",
    "input/input/again.png",
    "input/output/looks-like-an-output.png",
    f"input/{'long' * 200}.png",
]

PROBE = Path(__file__).with_name("probe.py")
MOUNTED = "/mnt"
"""Where a task finds a folder of this machine; not below its volume, /tmp."""

REPORT = [
    *(
        "outcome",
        "bucket",
        "key",
        "version",
        "bytes",
        "pixels",
        "milliseconds",
        "seconds_since_upload",
        "mode",
        "job_version",
        "reason",
    ),
    "logged",  # ours, the time of the log event
]

FAILURE = [
    "bucket", "key", "version", "reason", "started", "source", "stopCode", "task", "time"
]  # fmt: skip


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


BAD_PICTURES = {
    "empty.png": (b"", "empty"),
    "text.png": (b"this is no picture", "not a picture"),
    "cut-off.png": (png(pictures.maze(200, 200))[:300], "damaged or cut off"),
    "walled.png": (png(pictures.hostile("no-path", 40, 40)), "no path"),
    "no-top.png": (png(Image.new("L", (20, 20), 0)), "top"),
}


@IN_EACH_EXECUTOR
def test_an_upload_gets_its_output_under_the_same_name(pipeline: Pipeline, maze: Maze) -> None:
    version = pipeline.upload("input/first.png", maze(1))
    result = pipeline.result("input/first.png", version)
    assert result.key == "output/first.png"
    assert result.metadata["source-version"] == version
    with Image.open(BytesIO(result.body)) as output:
        assert (output.format, output.size) == ("PNG", Image.open(BytesIO(maze(1))).size)
        assert (0, 255, 0) in {colour for _, colour in output.convert("RGB").getcolors()}


@IN_BOTH_EXECUTORS
def test_keys_of_any_shape_get_their_outputs(pipeline: Pipeline, maze: Maze) -> None:
    versions = {}
    for seed, key in enumerate(ODD_KEYS):
        versions[key] = pipeline.upload(key, maze(seed))
        time.sleep(0.25)  # the embedded AWS starts a process or a container for each at once
    outputs = {key: pipeline.result(key, version, 60).key for key, version in versions.items()}
    assert outputs == {key: output_key(key) for key in ODD_KEYS}


def test_copies_and_multipart_uploads_are_uploads(pipeline: Pipeline, maze: Maze) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="elsewhere/source.png", Body=maze(2))
    copied = pipeline.s3.copy_object(
        Bucket=pipeline.bucket,
        Key="input/copied.png",
        CopySource={"Bucket": pipeline.bucket, "Key": "elsewhere/source.png"},
    )["VersionId"]
    name = {"Bucket": pipeline.bucket, "Key": "input/in-parts.png"}
    upload = pipeline.s3.create_multipart_upload(**name)["UploadId"]
    part = pipeline.s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=maze(3))
    in_parts = pipeline.s3.complete_multipart_upload(
        **name,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )["VersionId"]
    assert pipeline.result("input/copied.png", copied).is_output
    assert pipeline.result("input/in-parts.png", in_parts).is_output


def test_only_files_under_the_input_prefix_get_results(pipeline: Pipeline, maze: Maze) -> None:
    for key in ("input/folder/", "elsewhere/alien.png", "inputs/alien.png", "output/mine.png"):
        pipeline.upload(key, maze(4) if key.endswith("png") else b"")
    version = pipeline.upload("input/folder/last.png", maze(4))
    assert pipeline.result("input/folder/last.png", version).is_output
    keys = pipeline.keys("output/") + pipeline.keys("rejected/")
    assert "output/folder/" not in keys
    assert not [key for key in keys if "alien" in key]
    assert len(pipeline.versions("output/mine.png")) == 1


def test_the_output_ends_as_that_of_the_last_version(pipeline: Pipeline, maze: Maze) -> None:
    versions = [pipeline.upload("input/overwritten.png", maze(seed)) for seed in (5, 6, 7)]
    pipeline.result("input/overwritten.png", versions[-1])
    pipeline.reports("input/overwritten.png", count=len(versions))
    (last,) = pipeline.results("input/overwritten.png")
    assert last.metadata["source-version"] == versions[-1]
    own = pipeline.upload("input/the-same-alone.png", maze(7))
    assert last.body == pipeline.result("input/the-same-alone.png", own).body


def test_a_result_of_the_other_kind_goes(pipeline: Pipeline, maze: Maze) -> None:
    bad = pipeline.upload("input/mended.png", b"no picture")
    assert not pipeline.result("input/mended.png", bad).is_output
    good = pipeline.upload("input/mended.png", maze(8))
    pipeline.result("input/mended.png", good)
    pipeline.reports("input/mended.png", count=2)
    assert [result.key for result in pipeline.results("input/mended.png")] == ["output/mended.png"]


def test_an_event_that_comes_twice_changes_nothing(pipeline: Pipeline, maze: Maze) -> None:
    key = "input/twice.png"
    pipeline.result(key, pipeline.upload(key, maze(9)))
    start_again(pipeline, key)
    start_again(pipeline, key)
    reports = pipeline.reports(key, count=3)
    assert [report["outcome"] for report in reports] == ["succeeded", "unchanged", "unchanged"]
    assert len(pipeline.versions("output/twice.png")) == 1


def start_again(pipeline: Pipeline, key: str) -> None:
    """Start the upload's job as its event did."""
    if pipeline.outputs["Mode"] != "fargate":
        s3 = {"bucket": {"name": pipeline.bucket}, "object": {"key": key}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        event = json.dumps({"Records": [record]}).encode()
        functions = pipeline.aws.client("lambda")
        reply = functions.invoke(FunctionName=pipeline.resource("ProcessFunction"), Payload=event)
        assert "FunctionError" not in reply, reply["Payload"].read()
    else:
        run_task(pipeline, pipeline.resource("TaskDefinition"), key)


def run_task(pipeline: Pipeline, definition: str, key: str, **more: str) -> str:
    """Run a task for the upload as the rule does; gives the task's ARN."""
    outputs = pipeline.outputs
    environment = {"S3_BUCKET": pipeline.bucket, "S3_KEY": key} | more
    reply = pipeline.aws.client("ecs").run_task(
        cluster=outputs["ClusterArn"],
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": task_network(pipeline)},
        overrides={
            "containerOverrides": [
                {
                    "name": "worker",
                    "environment": [{"name": n, "value": v} for n, v in environment.items()],
                }
            ]
        },
    )
    return str(reply["tasks"][0]["taskArn"])


@IN_BOTH_EXECUTORS
def test_bad_pictures_are_rejected_and_their_neighbours_untouched(
    pipeline: Pipeline, maze: Maze
) -> None:
    pipeline.result("input/bad/neighbour.png", pipeline.upload("input/bad/neighbour.png", maze(1)))
    versions = {}
    for name, (body, _) in BAD_PICTURES.items():
        versions[name] = pipeline.upload(f"input/bad/{name}", body)
        time.sleep(0.25)
    for name, (_, reason) in BAD_PICTURES.items():
        result = pipeline.result(f"input/bad/{name}", versions[name])
        assert result.key == rejection_key(f"input/bad/{name}")
        assert reason in result.rejection["reason"]
        assert result.rejection["version"] == versions[name]
        (report,) = pipeline.reports(f"input/bad/{name}")
        assert (report["outcome"], report["reason"]) == ("rejected", result.rejection["reason"])
    assert pipeline.keys("output/bad/") == ["output/bad/neighbour.png"]
    assert len(pipeline.versions("output/bad/neighbour.png")) == 1


@IN_EACH_EXECUTOR
def test_outputs_are_the_same_in_all_scenarios(
    pipelines: dict[str, Pipeline], pipelines_here: dict[str, Pipeline]
) -> None:
    body = pictures.scan(pictures.maze(120, 90, 3, seed=4), seed=4)
    outputs = [
        pipeline.result("input/same.jpg", pipeline.upload("input/same.jpg", body)).body
        for pipeline in (pipelines["lambda"], *pipelines_here.values())
    ]
    assert len(set(outputs)) == 1
    with Image.open(BytesIO(outputs[0])) as output:
        assert output.format == "JPEG"


@IN_BOTH_EXECUTORS
def test_reports_have_the_same_fields_everywhere(
    scenario: str, pipeline: Pipeline, maze: Maze
) -> None:
    body = maze(10)
    version = pipeline.upload("input/reported.png", body)
    pipeline.result("input/reported.png", version)
    (report,) = pipeline.reports("input/reported.png")
    assert list(report) == REPORT
    width, height = Image.open(BytesIO(body)).size
    assert (report["bucket"], report["key"]) == (pipeline.bucket, "input/reported.png")
    assert (report["outcome"], report["version"]) == ("succeeded", version)
    assert (report["bytes"], report["pixels"]) == (len(body), width * height)
    assert report["mode"] == ("lambda" if scenario in ("lambda", "hybrid") else "fargate")


# ---- What must not be possible ----------------------------------------------------------------


@contextlib.contextmanager
def function_with_probe(
    pipeline: Pipeline, settings: dict[str, str], module: Path = PROBE
) -> Iterator[None]:
    """Give the function the probe, in a layer of its own, and other settings, for a while."""
    functions, name = pipeline.aws.client("lambda"), pipeline.resource("ProcessFunction")
    before = functions.get_function_configuration(FunctionName=name)
    variables, layers = before["Environment"]["Variables"], [la["Arn"] for la in before["Layers"]]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(module, f"python/{module.name}")
    layer = functions.publish_layer_version(
        LayerName="probe", Content={"ZipFile": packed.getvalue()}
    )["LayerVersionArn"]
    functions.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": variables | settings},
        Layers=[*layers, layer],
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}, Layers=layers
        )


def task_with(pipeline: Pipeline, folder: Path) -> str:
    """The worker's task definition with a folder of this machine in it; gives its ARN."""
    ecs, found = pipeline.aws.client("ecs"), pipeline.resource("TaskDefinition")
    definition = ecs.describe_task_definition(taskDefinition=found)["taskDefinition"]
    (worker,) = definition["containerDefinitions"]
    mount = {"sourceVolume": "folder", "containerPath": MOUNTED, "readOnly": True}
    kept = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "cpu", "memory")
    registered = ecs.register_task_definition(
        **{name: definition[name] for name in kept},
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{**worker, "mountPoints": [*worker.get("mountPoints", []), mount]}],
        volumes=[
            *definition.get("volumes", []),
            {"name": "folder", "host": {"sourcePath": str(folder)}},
        ],
    )
    return str(registered["taskDefinition"]["taskDefinitionArn"])


def what_s3_says_to_writes(pipeline: Pipeline, targets: list[str]) -> dict[str, str]:
    """Have a job, with the credentials of its role, write objects in its own bucket."""
    key = "input/probe"
    body = json.dumps({"bucket": pipeline.bucket, "keys": targets}).encode()
    pipeline.result(key, pipeline.upload(key, body))  # the maze's own: it is no picture
    settings = {
        "PROCESSOR": "probe:write",
        "JOB_HAS_ROLE": "yes",
        "OUTPUT_PREFIX": "output/probed/",
        "REJECTED_PREFIX": "rejected/probed/",
    }
    if pipeline.outputs["Mode"] != "fargate":
        with function_with_probe(pipeline, settings):
            start_again(pipeline, key)
    else:
        definition = task_with(pipeline, PROBE.parent)
        run_task(
            pipeline, definition, key, PYTHONPATH=python_path(pipeline, PROBE.parent), **settings
        )
    output = "output/probed/probe"
    until(lambda: output in pipeline.keys(output), output)
    found = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=output)
    said: dict[str, str] = json.loads(found["Body"].read())
    return said


def run_endless_task(pipeline: Pipeline, folder: Path, key: str) -> str:
    """Run one that ends when it is told to; gives its ARN when it can be told. As process 1 it
    would ignore a signal that it does not handle."""
    folder.chmod(0o755)  # a container's user reads it, too
    package = folder / "processing"
    package.mkdir()
    (package / "__main__.py").write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))\n"
        f"print({(waits := f'{key} waits')!r}, flush=True)\n"
        "time.sleep(600)"
    )
    definition = task_with(pipeline, folder)
    task = run_task(pipeline, definition, key, PYTHONPATH=f"{MOUNTED}:{folder}")
    until(lambda: waits in [event["message"] for event in pipeline.log()], waits)
    return task


def python_path(pipeline: Pipeline, folder: Path) -> str:
    """The folder, and then the worker, where containers have them and where processes do."""
    worker = f"/opt/python:{isolation.LAYER / 'python'}:{pipeline.aws.layer / 'python'}"
    return f"{MOUNTED}:{folder}:{worker}"


@IN_BOTH_EXECUTORS
def test_a_job_can_write_results_only(pipeline: Pipeline) -> None:
    allowed = ["output/allowed", "rejected/allowed"]
    denied = ["input/denied", "elsewhere/denied"]
    said = what_s3_says_to_writes(pipeline, [*allowed, *denied])
    assert [said[key] for key in allowed] == ["written", "written"]
    assert ["AccessDenied" in said[key] for key in denied] == [True, True]
    everything = pipeline.keys()
    assert [key in everything for key in [*allowed, *denied]] == [True, True, False, False]


def test_requests_without_tls_are_denied(aws: EmbeddedAws, pipelines: dict[str, Pipeline]) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="allow", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    s3 = aws.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    bucket = pipelines["lambda"].bucket
    assert "Name" in s3.list_objects_v2(Bucket=bucket)
    s3.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "http"),
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)


# ---- What fails is not lost -------------------------------------------------------------------


@contextlib.contextmanager
def job_without_permissions(pipeline: Pipeline) -> Iterator[None]:
    """Deny the job's roles to read uploads, for a while."""
    iam, cloudformation = pipeline.aws.client("iam"), pipeline.aws.client("cloudformation")
    stack = cloudformation.describe_stack_resources(StackName=pipeline.stack)
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in stack["StackResources"]}
    roles = [ids[role] for role in ("ProcessFunctionRole", "TaskRole") if role in ids]
    uploads = f"arn:aws:s3:::{pipeline.bucket}/input/*"
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": uploads}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    for role in roles:
        iam.put_role_policy(RoleName=role, PolicyName="no-uploads", PolicyDocument=document)
    try:
        yield
    finally:
        for role in roles:
            iam.delete_role_policy(RoleName=role, PolicyName="no-uploads")


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
