"""From the start of the container's process to the output in the bucket, against the recipe's way.

The bucket is the embedded AWS's, so a call to S3 costs what it costs there. The job runs as in the
container: a fresh process, the built layer, and in the environment what the template sets there.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

from local.aws import REGION, EmbeddedAws
from tooling import paths

from . import ROOT, speed

_BUCKET = "cold-start"
_PROBE = Path(__file__).with_name("cold_start_probe.py")
_LAYER_FOR_LAMBDA = ROOT / ".aws-sam" / "build" / "ProcessingLayer"


@dataclass(frozen=True)
class Result:
    """Medians, in seconds."""

    picture: str
    rounds: int
    job: float
    """Of the whole process, as the container runs it."""
    parts: dict[str, float]
    """Of the same, taken apart."""
    layer: str
    """What the layer that is weighed was built for."""
    layer_bytes: int
    layer_zipped_bytes: int
    recipe_rounds: int
    recipe: dict[str, float]
    """Of the recipe's three commands: download, solve, upload."""

    @property
    def overhead(self) -> float:
        """From the start of the process to the output stored, without the solving."""
        return sum(self.parts.values()) - self.parts["solve"]


def measure(file: Path, rounds: int, recipe_rounds: int) -> Result:
    """Measure one picture, so many times each way."""
    with EmbeddedAws() as aws:
        bucket = _Bucket(aws, file)
        jobs, parts = [], []
        for _ in range(rounds):
            jobs.append(bucket.run_job(["-m", "processing"])[0])
            parts.append(json.loads(bucket.run_job([str(_PROBE)])[1]))
        recipe = [_recipe(bucket) for _ in range(recipe_rounds)]
        layer, built_for = aws.layer, f"for Python {sys.version_info[0]}.{sys.version_info[1]} here"
        if _LAYER_FOR_LAMBDA.exists():
            layer, built_for = _LAYER_FOR_LAMBDA, "for Lambda"
        unzipped, zipped = _sizes(layer)
    return Result(
        picture=file.name,
        rounds=rounds,
        job=statistics.median(jobs),
        parts=_medians(parts),
        layer=built_for,
        layer_bytes=unzipped,
        layer_zipped_bytes=zipped,
        recipe_rounds=len(recipe),
        recipe=_medians(recipe),
    )


class _Bucket:
    """A bucket that gets the same picture again for every run."""

    def __init__(self, aws: EmbeddedAws, file: Path) -> None:
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=_BUCKET)
        self.s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
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
        self.s3.upload_file(str(self._file), _BUCKET, f"input/{name}")
        return name

    def run_job(self, arguments: Sequence[str]) -> tuple[float, str]:
        """Run Python as the container does, for a new upload: its seconds and its output."""
        name = self.upload()
        environment = {
            **self.environment,
            **container_environment(),
            "S3_BUCKET": _BUCKET,
            "S3_KEY": f"input/{name}",
            "PYTHONPATH": str(self._layer),
            "PYTHONUNBUFFERED": "1",
        }
        seconds, output = _run([str(paths.PYTHON_DEV), *arguments], environment)
        self.s3.head_object(Bucket=_BUCKET, Key=f"output/{name}")  # raises without an output
        return seconds, output


def container_environment() -> dict[str, str]:
    """What the template sets in the container, at the defaults of its parameters."""
    template = cfn_yaml.load(str(paths.TEMPLATE))
    task = template["Resources"]["TaskDefinition"]["Properties"]
    variables = task["ContainerDefinitions"][0]["Environment"]
    values = {each["Name"]: each["Value"] for each in variables if "Name" in each}
    return {str(name): _value(template, value) for name, value in values.items()}


def _value(template: Mapping[str, Any], value: Any) -> str:  # noqa: ANN401
    """A text, a parameter's default, or a part of that (TaskSize)."""
    if isinstance(value, str):
        return str(value)
    if "Ref" in value:
        return str(template["Parameters"][value["Ref"]]["Default"])
    if "Fn::If" in value:  # no policies for the job
        return str(value["Fn::If"][2])
    if "Fn::Sub" in value:  # the name of the stack's own bucket
        return _BUCKET
    number, parts = value["Fn::Select"]
    separator, whole = parts["Fn::Split"]
    return _value(template, whole).split(str(separator))[int(number)]


def _recipe(bucket: _Bucket) -> dict[str, float]:
    """The recipe's container: the AWS CLI downloads, the peer solves, the AWS CLI uploads."""
    binaries = speed.PEER.parent
    upload = f"s3://{_BUCKET}/input/{bucket.upload()}"
    with tempfile.TemporaryDirectory() as directory:
        source, solved = f"{directory}/maze.jpg", f"{directory}/maze_out.jpg"
        output = f"s3://{_BUCKET}/output/output.jpg"
        commands = {
            "download": ["aws", "s3", "cp", "--quiet", upload, source],
            "solve": ["mazesolver", "-i", source, "-o", directory],
            "upload": ["aws", "s3", "cp", "--quiet", solved, output],
        }
        return {
            name: _run([str(binaries / command[0]), *command[1:]], bucket.environment)[0]
            for name, command in commands.items()
        }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
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


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {part: statistics.median(run[part] for run in runs) for part in runs[0]}


def _sizes(layer: Path) -> tuple[int, int]:
    """The layer's bytes, as they are and zipped."""
    unzipped = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as directory:
        archive = shutil.make_archive(f"{directory}/layer", "zip", layer)
        return unzipped, Path(archive).stat().st_size


def as_json(result: Result) -> dict[str, Any]:
    return {**vars(result), "overhead": result.overhead}
