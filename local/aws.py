"""The embedded AWS: start it, deploy the template to it with the real `sam`, stop it.

    with EmbeddedAws() as aws:
        outputs = aws.deploy("maze", Mode="fargate")
        aws.client("s3").upload_file(...)

Several can run side by side: each has a port and a folder of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tooling import build, own_job, paths
from tooling.commands import Commands, end_group

from .executor import PROCESSES, Executor, bridge_address, docker_environment, remove_containers

REGION = "us-east-1"
_ROOT_USER = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
_CODE_BUCKET, _TRANSFORMED, _LAYER = "sam-code", "transformed.template", "layer"


class NotStarted(Exception):
    """The emulator did not start: what it said."""


class EmbeddedAws:
    """One emulator, with IAM enforcement on unless said otherwise. Use it as a context manager."""

    def __init__(
        self,
        executor: Executor = PROCESSES,
        iam: bool = True,
        job: Path | None = None,
        ecs_quotas: float = 0,
    ) -> None:
        self.executor = executor
        self.job = job
        """The folder of a job of the user's own."""
        self._iam = iam
        self._ecs_quotas = ecs_quotas
        """The share of ECS's quotas of calls that there is; without one, there are none."""
        self.endpoint = ""
        """Where it listens, once it is started."""
        self._commands = Commands()
        self._at_stop = contextlib.ExitStack()
        self._directory = Path()
        self._clients: dict[tuple[str, ...], Any] = {}
        self._making_clients = threading.Lock()  # boto3 can't make two at a time

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def build(self) -> None:
        """`sam build` of what is to be deployed, if it changed. Raises CommandFailed."""
        build.build(self._commands, self.executor.layer_target, self.job)

    def start(self) -> None:
        """Build, and start the emulator. Raises CommandFailed, NotStarted."""
        self.build()
        self._directory = Path(tempfile.mkdtemp(prefix="embedded-aws-"))
        self._at_stop.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._at_stop.callback(self.log_path.unlink, missing_ok=True)
        build.copy(self.executor.layer_target, self._built, self.job, as_links=True)
        if self.executor.name == "docker":  # its own try may be cut short, when it takes too long
            self._at_stop.callback(remove_containers, self.label)
        process = self._start_emulator()
        self._process_id = process.pid
        self._at_stop.callback(_end, process)
        self.endpoint = self._wait_until_it_listens(process)
        self.client("s3").create_bucket(Bucket=_CODE_BUCKET)

    def _start_emulator(self) -> subprocess.Popen[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        command = [str(paths.PYTHON_MINISTACK), "-m", "local.emulator"]
        command += [f"--directory={self._directory}", f"--layer={self.layer}"]
        if not self._iam:
            command += ["--no-iam"]
        if self._ecs_quotas:
            command += [f"--ecs-quotas={self._ecs_quotas}"]
        if self.executor.name == "docker":
            kept |= docker_environment()
            command += [f"--containers={self.label}"]
            command += [f"--function-image={self.executor.function_image}"]
            if address := bridge_address():
                command += [f"--bridge={address}"]
        with self.log_path.open("w") as output:
            return subprocess.Popen(
                command,
                env=kept,
                cwd=paths.ROOT,
                stdin=subprocess.PIPE,  # it ends when this end of the pipe does: with us
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # a group of its own, to be ended as a whole
            )

    def _wait_until_it_listens(self, process: subprocess.Popen[str], seconds: float = 60) -> str:
        address = self._directory / "endpoint"
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if process.poll() is not None:
                raise NotStarted(self.log_path.read_text().rstrip())
            if address.exists():
                endpoint = address.read_text()
                with contextlib.suppress(urllib.error.URLError):
                    urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5).close()
                    return endpoint
            time.sleep(0.05)
        said = self.log_path.read_text().rstrip()
        raise NotStarted(f"it did not listen within {seconds:.0f} s:\n{said}")

    def stop(self) -> None:
        """End it and all that it started; what it kept is gone."""
        self._commands.stop()
        self._at_stop.close()

    def processor_seconds(self) -> float:
        """Those that the emulator and all jobs took, by now."""
        return sum(_seconds(each, self._process_id) for each in Path("/proc").glob("[0-9]*/stat"))

    def memory_mib(self) -> float:
        """What the emulator itself has of it now."""
        status = Path(f"/proc/{self._process_id}/status").read_text()
        (kib,) = re.findall(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(kib) / 1024

    @property
    def port(self) -> int:
        """Of all addresses that it listens on."""
        return urlsplit(self.endpoint).port or 0

    @property
    def log_path(self) -> Path:
        """What the emulator says, while it runs."""
        return self._directory.with_suffix(".log")

    @property
    def label(self) -> str:
        """Of all containers that it starts."""
        return f"embedded-aws={self._directory.name}"

    @property
    def _built(self) -> Path:
        """What is deployed: a copy of what `sam build` made."""
        return self._directory / "built"

    @property
    def layer(self) -> Path:
        """The layer as it is deployed."""
        return self._built / build.LAYER

    def client(self, service: str, **credentials: str) -> Any:  # noqa: ANN401, as boto3 has it
        """A boto3 client of the account's owner, or of the given credentials.

        One of each: to make one takes longer than to use it.
        """
        key = (service, *credentials.values())
        with self._making_clients:
            if key not in self._clients:
                self._clients[key] = boto3.client(
                    service,
                    endpoint_url=self.endpoint,
                    region_name=REGION,
                    config=Config(
                        retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
                    ),
                    **(credentials or _ROOT_USER),
                )
            return self._clients[key]

    def deploy(self, stack: str, **parameters: str) -> dict[str, str]:
        """`sam deploy`, unmodified; gives the stack's outputs. Raises CommandFailed."""
        chosen = self._directory / f"{stack}.yaml"
        chosen.write_text(own_job.for_sam(self._chosen(parameters)))
        self._commands.run(
            [
                str(paths.SAM),
                "deploy",
                f"--template-file={self._with_packed_layer()}",
                f"--stack-name={stack}",
                f"--s3-bucket={_CODE_BUCKET}",
                f"--region={REGION}",
                "--capabilities=CAPABILITY_IAM",
                "--no-confirm-changeset",
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
                "--use-json",  # it is read again and again, which takes a second each time in YAML
                f"--parameter-overrides=file://{chosen}",
            ],
            build.sam_environment(
                AWS_ENDPOINT_URL=self.endpoint,
                AWS_ACCESS_KEY_ID=_ROOT_USER["aws_access_key_id"],
                AWS_SECRET_ACCESS_KEY=_ROOT_USER["aws_secret_access_key"],
                AWS_EC2_METADATA_DISABLED="true",
                SAM_CLI_POLL_DELAY="0.2",
                TMPDIR=str(self._directory),  # interrupted, it leaves its files behind
            ),
            self._directory,
        )
        return self.outputs(stack)

    def _with_packed_layer(self) -> Path:
        """The template with the layer as a file, which `sam deploy` takes as it is: to compress a
        large one takes it longer than all else."""
        template = self._built / "packed-layer.json"
        if not template.exists():
            content = json.loads((self._built / "template.yaml").read_text())
            content["Resources"][build.LAYER]["Properties"]["ContentUri"] = build.PACKED_LAYER
            template.write_text(json.dumps(content, indent=1))
        return template

    def deploy_all(self, stacks: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """Make new stacks; gives the outputs of each. Raises CommandFailed, WaiterError.

        CloudFormation takes what became of the template when `sam deploy` had packaged it and the
        SAM transform was through, here or in another emulator: both would do the same again, for
        seconds each. Without one, `sam deploy` makes the first.
        """
        rest = dict(stacks)
        if not (template := self._transformed()):
            with build.packaging(self._built, self.executor.layer_target) as kept:
                if not kept.exists():
                    first = next(iter(rest))
                    self.deploy(first, **rest.pop(first))
                    self._keep(kept, first)
                code = {file.name: file.read_bytes() for file in kept.iterdir()}
            code[_LAYER] = (self._built / build.PACKED_LAYER).read_bytes()
            for key, body in code.items():  # each in one piece: in several it takes twice the time
                self.client("s3").put_object(Bucket=_CODE_BUCKET, Key=key, Body=body)
            template = self._transformed()
        cloudformation = self.client("cloudformation")
        for stack, parameters in rest.items():
            cloudformation.create_stack(
                StackName=stack,
                TemplateURL=template,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in self._chosen(parameters).items()
                ],
            )
        made = cloudformation.get_waiter("stack_create_complete")
        for stack in rest:
            made.wait(StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 3000})
        return {stack: self.outputs(stack) for stack in stacks}

    def _transformed(self) -> str | None:
        """The address of the template that `deploy_all` put here; None before that, and after `sam
        delete`, which takes the code along that it names."""
        s3 = self.client("s3")
        found = s3.list_objects_v2(Bucket=_CODE_BUCKET).get("Contents", [])
        there = {each["Key"] for each in found}
        if _TRANSFORMED not in there:
            return None
        said = s3.get_object(Bucket=_CODE_BUCKET, Key=_TRANSFORMED)["Body"].read().decode()
        if not there.issuperset(re.findall(r'"S3Key": "(\w+)"', said)):
            return None
        return f"{self.endpoint}/{_CODE_BUCKET}/{_TRANSFORMED}"

    def _keep(self, kept: Path, stack: str) -> None:
        """What the stack was made of, for all that come: its layer by a name that each one has."""
        s3, new = self.client("s3"), kept.with_name("new")
        said = self.client("cloudformation").get_template(
            StackName=stack, TemplateStage="Processed"
        )["TemplateBody"]
        resources = said["Resources"].values()
        (layer,) = (each for each in resources if each["Type"] == "AWS::Lambda::LayerVersion")
        content = layer["Properties"]["Content"]
        new.mkdir(parents=True)
        for found in s3.list_objects_v2(Bucket=_CODE_BUCKET)["Contents"]:
            if found["Key"] != content["S3Key"]:
                s3.download_file(_CODE_BUCKET, found["Key"], str(new / found["Key"]))
        content["S3Key"] = _LAYER
        (new / _TRANSFORMED).write_text(json.dumps(said))
        new.rename(kept)

    def _chosen(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The parameters, and the image that tasks run here unless another one is among them."""
        runs_tasks = parameters.get("Mode") in ("fargate", "hybrid")
        image = {"WorkerImageUri": self.executor.worker_image} if runs_tasks else {}
        return {**image, **parameters}

    def resource(self, stack: str, name: str) -> str:
        """The physical id of a stack's resource."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=name
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def outputs(self, stack: str) -> dict[str, str]:
        """The stack's outputs by name."""
        found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def _seconds(stat: Path, session: int) -> float:
    """Of one process of the session, and of its children that have ended."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    ticks = sum(map(int, fields[11:15])) if int(fields[3]) == session else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _end(process: subprocess.Popen[str]) -> None:
    end_group(process, grace=5)
    assert process.stdin
    process.stdin.close()
