"""Jobs that tests start themselves, jobs that are not the stack's own, jobs without permissions."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from local.emulator import isolation
from local.pipeline import Pipeline, until
from tests.support.task_network import task_network

PROBE = Path(__file__).with_name("probe.py")
MOUNTED = "/mnt"
"""Where a task finds a folder of this machine; not below its volume, /tmp."""


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
