"""From the start of the container's process to the output in the bucket, against the recipe's way.

The bucket is the embedded AWS's, so a call to S3 costs what it costs there. The job runs as in the
container: a fresh process, the built layer, and in the environment what the template sets there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws import EmbeddedAws

from . import ROOT, speed
from .bucket import Bucket, run

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
        bucket = Bucket(aws, file)
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


def _recipe(bucket: Bucket) -> dict[str, float]:
    """The recipe's container: the AWS CLI downloads, the peer solves, the AWS CLI uploads."""
    binaries = speed.PEER.parent
    upload = f"s3://{bucket.name}/input/{bucket.upload()}"
    with tempfile.TemporaryDirectory() as directory:
        source, solved = f"{directory}/maze.jpg", f"{directory}/maze_out.jpg"
        output = f"s3://{bucket.name}/output/output.jpg"
        commands = {
            "download": ["aws", "s3", "cp", "--quiet", upload, source],
            "solve": ["mazesolver", "-i", source, "-o", directory],
            "upload": ["aws", "s3", "cp", "--quiet", solved, output],
        }
        return {
            name: run([str(binaries / command[0]), *command[1:]], bucket.environment)[0]
            for name, command in commands.items()
        }


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
