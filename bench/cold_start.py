"""From the start of the container's process to the answer in the bucket, against the recipe's way.

The bucket is the embedded AWS's, so a call to S3 costs what it costs there. The job runs as in the
container: a fresh process, the built layer, its settings in the environment.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import paths
from local.aws import REGION, EmbeddedAws

from . import ROOT, speed

_BUCKET = "cold-start"
_PROBE = Path(__file__).with_name("cold_start_probe.py")


@dataclass(frozen=True)
class Result:
    """Medians, in seconds."""

    picture: str
    rounds: int
    job: float
    """Of the whole process, as the container runs it."""
    parts: dict[str, float]
    """Of the same, taken apart."""
    layer_bytes: int
    layer_zipped_bytes: int
    recipe_rounds: int
    recipe: dict[str, float]
    """Of the recipe's three commands: download, solve, upload."""

    @property
    def overhead(self) -> float:
        """From the start of the process to the answer stored, without the solving."""
        return sum(self.parts.values()) - self.parts["solve"]


def measure(file: Path, rounds: int, recipe_budget: float) -> Result:
    """Measure one picture. The recipe's way runs at least once, and while the budget lasts."""
    with EmbeddedAws() as aws:
        bucket = _Bucket(aws, file)
        jobs, parts = [], []
        for _ in range(rounds):
            jobs.append(bucket.run_job(["-m", "processing"])[0])
            parts.append(json.loads(bucket.run_job([str(_PROBE), str(time.time())])[1]))
        recipe = list(_recipe(bucket, recipe_budget))
        unzipped, zipped = _sizes(aws.layer)
    return Result(
        picture=file.name,
        rounds=rounds,
        job=statistics.median(jobs),
        parts=_medians(parts),
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
            "S3_BUCKET": _BUCKET,
            "S3_KEY": f"input/{name}",
            "PYTHONPATH": str(self._layer),
            "PYTHONUNBUFFERED": "1",
        }
        seconds, output = _run([str(paths.PYTHON_DEV), *arguments], environment)
        self.s3.head_object(Bucket=_BUCKET, Key=f"output/{name}")  # raises without an answer
        return seconds, output


def _recipe(bucket: _Bucket, budget: float) -> Iterator[dict[str, float]]:
    """The recipe's container: the AWS CLI downloads, the peer solves, the AWS CLI uploads."""
    began = time.monotonic()
    binaries = speed.PEER.parent
    while True:
        upload = f"s3://{_BUCKET}/input/{bucket.upload()}"
        with tempfile.TemporaryDirectory() as directory:
            source, answer = f"{directory}/maze.jpg", f"{directory}/maze_out.jpg"
            output = f"s3://{_BUCKET}/output/output.jpg"
            commands = {
                "download": ["aws", "s3", "cp", "--quiet", upload, source],
                "solve": ["mazesolver", "-i", source, "-o", directory],
                "upload": ["aws", "s3", "cp", "--quiet", answer, output],
            }
            yield {
                name: _run([str(binaries / command[0]), *command[1:]], bucket.environment)[0]
                for name, command in commands.items()
            }
        if time.monotonic() - began > budget:
            return


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return time.perf_counter() - began, done.stdout


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
