"""A bucket of the embedded AWS whose uploads are processed as the container does it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local.aws import REGION, EmbeddedAws
from tooling import paths
from tooling.template import default, source

from . import ROOT

JOBS = ROOT / "bench" / "jobs"


class Bucket:
    """A bucket that gets the same picture again for every run."""

    def __init__(self, aws: EmbeddedAws, file: Path, name: str = "bench") -> None:
        self.name = name
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )
        self._file, self._uploads = file, 0
        self._layer = aws.layer / "python"
        self.environment = {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": aws.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def upload(self) -> str:
        """The name under input/ of a new upload."""
        self._uploads += 1
        name = f"{self._uploads}-{self._file.name}"
        self.s3.upload_file(str(self._file), self.name, f"input/{name}")
        return name

    def run_job(
        self, arguments: Sequence[str], chosen: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[float, str]:
        """Run Python as the container does, for a new upload: its seconds and its output.

        `chosen`: what the environment has otherwise.
        """
        name = self.upload()
        environment = {
            **self.environment,
            **container_environment(),
            "S3_BUCKET": self.name,
            "S3_KEY": f"input/{name}",
            "PYTHONPATH": f"{self._layer}{os.pathsep}{JOBS}",
            "PYTHONUNBUFFERED": "1",
            **chosen,
        }
        seconds, output = run([str(paths.PYTHON_DEV), *arguments], environment)
        self.s3.head_object(Bucket=self.name, Key=f"output/{name}")  # raises without an output
        return seconds, output


def container_environment() -> dict[str, str]:
    """What the template sets in the container, at the defaults of its parameters."""
    task = source()["Resources"]["TaskDefinition"]["Properties"]
    variables = task["ContainerDefinitions"][0]["Environment"]
    values = {each["Name"]: each["Value"] for each in variables if "Name" in each}
    return {str(name): _value(value) for name, value in values.items()}


def _value(value: Any) -> str:  # noqa: ANN401
    """A text, a parameter's default, or a part of that (TaskSize)."""
    if isinstance(value, str):
        return str(value)
    if "Ref" in value:
        return default(value["Ref"])
    if "Fn::If" in value:  # no policies for the job
        return str(value["Fn::If"][2])
    if "Fn::Sub" in value:  # the stack's own bucket is that of the uploads
        return ""
    number, parts = value["Fn::Select"]
    separator, whole = parts["Fn::Split"]
    return _value(whole).split(str(separator))[int(number)]


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
    """Run a process, which finds in BEGAN when that was: its seconds and its output."""
    began = time.time()
    done = subprocess.run(
        command,
        env={**environment, "BEGAN": str(began)},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.time() - began, done.stdout
