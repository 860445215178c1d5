"""The embedded AWS with Docker: where it listens, what containers get, and that none of
them outlives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from local import bases
from local.aws import EmbeddedAws
from local.executor import Executor, bridge_address
from local.pipeline import Pipeline, until
from tooling import paths

MEBIBYTE = 1024 * 1024


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def ids_of(label: str) -> list[str]:
    """All containers with the label, in whatever state."""
    return docker("ps", "--all", "--quiet", f"--filter=label={label}").split()


def containers_of(label: str) -> list[dict[str, Any]]:
    """The same, as Docker describes them; none may go meanwhile."""
    found = ids_of(label)
    described: list[dict[str, Any]] = json.loads(docker("inspect", *found)) if found else []
    return described


@pytest.fixture
def started(containers_executor: Executor) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(containers_executor) as aws:
        yield aws


def start_a_task_that_never_ends(aws: EmbeddedAws) -> None:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="c")
    endless: dict[str, object] = {"name": "endless", "image": bases.worker_base()}
    endless["command"] = ["sleep", "600"]
    endless["mountPoints"] = [{"sourceVolume": "disk", "containerPath": "/scratch"}]
    volumes = [{"name": "disk"}]
    ecs.register_task_definition(family="endless", containerDefinitions=[endless], volumes=volumes)
    task = ecs.run_task(cluster="c", taskDefinition="endless")["tasks"][0]["taskArn"]

    def running() -> bool:
        found = ecs.describe_tasks(cluster="c", tasks=[task])["tasks"][0]
        return str(found["lastStatus"]) == "RUNNING"

    until(running, "the task running")


def invoke_a_function(aws: EmbeddedAws, body: str = "return 'done'") -> Any:
    """Gives what it returned. Its container stays, for the next invocation."""
    code = BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", f"import os\ndef handler(event, context): {body}")
    service = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": service | {"Action": "sts:AssumeRole"}}
    role = aws.client("iam").create_role(
        RoleName="function", AssumeRolePolicyDocument=json.dumps(trust)
    )
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        MemorySize=256,
    )
    return json.load(functions.invoke(FunctionName="f")["Payload"])


def listening(port: int) -> list[str]:
    """The addresses on which this machine listens to the port."""
    addresses = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, its_port = line.split()[1].split(":")
        if line.split()[3] == "0A" and int(its_port, 16) == port:
            addresses.append(socket.inet_ntoa(bytes.fromhex(address)[::-1]))
    return sorted(addresses)


def test_it_listens_on_loopback_and_on_the_bridge_only(started: EmbeddedAws) -> None:
    bridge = bridge_address()
    assert bridge
    assert listening(int(started.endpoint.rsplit(":")[-1])) == sorted(["127.0.0.1", bridge])


def test_a_task_gets_what_its_definition_says(
    pipelines_in_containers: dict[str, Pipeline], maze_task: str
) -> None:
    label = f"com.amazonaws.ecs.task-arn={maze_task}"
    (container,) = until(lambda: containers_of(label), "the task's container")
    host, config = container["HostConfig"], container["Config"]
    assert config["User"] == "65532:65532"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["Init"]  # the worker is process 1
    assert (host["Memory"], host["MemorySwap"]) == (2048 * MEBIBYTE, 2048 * MEBIBYTE)
    assert host["Privileged"] is False


@pytest.fixture
def maze_task(pipelines_in_containers: dict[str, Pipeline]) -> Iterator[str]:
    """A task of the stack's own definition that waits for an S3 that never responds."""
    pipeline = pipelines_in_containers["fargate"]
    ecs, outputs = pipeline.aws.client("ecs"), pipeline.outputs
    with socket.create_server((bridge_address() or "127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"http://host.docker.internal:{silent.getsockname()[1]}"
        environment = {"S3_BUCKET": pipeline.bucket, "S3_KEY": "input/waits"}
        environment["AWS_ENDPOINT_URL_S3"] = address
        override = [{"name": name, "value": value} for name, value in environment.items()]
        reply = ecs.run_task(
            cluster=outputs["ClusterArn"],
            taskDefinition=pipeline.resource("TaskDefinition"),
            overrides={"containerOverrides": [{"name": "worker", "environment": override}]},
        )
        task = str(reply["tasks"][0]["taskArn"])
        # Process 1 loses a signal that it has no handler for yet: not before the worker is there.
        connection, _ = silent.accept()
        yield task
        ecs.stop_task(cluster=outputs["ClusterArn"], task=task)
        connection.close()
        pipeline.failure("input/waits")


def test_a_volume_of_a_task_is_its_own(started: EmbeddedAws) -> None:
    start_a_task_that_never_ends(started)
    (container,) = containers_of(started.label)
    (mount,) = container["Mounts"]
    assert (mount["Type"], mount["Destination"], mount["RW"]) == ("volume", "/scratch", True)
    started.stop()
    assert mount["Name"] not in docker("volume", "ls", "--quiet")


def test_a_function_gets_its_memory(started: EmbeddedAws) -> None:
    assert invoke_a_function(started) == "done"
    (container,) = containers_of(started.label)
    assert container["HostConfig"]["Memory"] == 256 * MEBIBYTE
    assert container["Config"]["Image"] == started.executor.function_image


def test_it_leaves_no_container(containers_executor: Executor) -> None:
    with EmbeddedAws(containers_executor) as aws:
        start_a_task_that_never_ends(aws)
        invoke_a_function(aws)
        assert len(containers_of(aws.label)) == 2
    assert containers_of(aws.label) == []


def test_it_leaves_no_container_even_if_it_is_killed(containers_executor: Executor) -> None:
    with EmbeddedAws(containers_executor) as aws:
        start_a_task_that_never_ends(aws)
        (emulator,) = processes_told(aws.label)
        os.kill(emulator, signal.SIGKILL)
    assert containers_of(aws.label) == []


def processes_told(text: str) -> list[int]:
    """The processes that have the text on their command line."""
    command = ["ps", "-ww", "-eo", "pid=,args="]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if text in line]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_it_leaves_no_container_when_its_owner_is_gone(
    containers_executor: Executor, sent: signal.Signals
) -> None:
    program = (
        "import time; from local.aws import EmbeddedAws; from local.executor import containers\n"
        "from tests.local.test_in_containers import start_a_task_that_never_ends\n"
        "with EmbeddedAws(containers()) as aws:\n"
        "    start_a_task_that_never_ends(aws)\n"
        "    print(aws.label, flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout
        label = owner.stdout.readline().strip()
        assert len(containers_of(label)) == 1
        owner.send_signal(sent)
    until(lambda: not ids_of(label), "no container left")
