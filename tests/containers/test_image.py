"""The worker's image, built from the layer's own Dockerfile."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.containers.containers import docker
from tests.containers.task import container

MOST_OVER_THE_BASE = 40_000_000
"""Bytes. Docker's python:3.13-slim is where the rest comes from."""


@pytest.fixture(scope="module")
def inspected(image: str) -> dict[str, Any]:
    (found,) = json.loads(docker("image", "inspect", image))
    return found  # type: ignore[no-any-return]


def test_it_adds_little_to_its_base(
    inspected: dict[str, Any], worker_base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base = int(docker("image", "inspect", "--format={{.Size}}", worker_base))
    added = inspected["Size"] - base
    with capsys.disabled():
        print(
            f"\nworker image: {inspected['Size'] / 1e6:.0f} MB, {added / 1e6:.1f} MB of them over "
            f"{worker_base}"
        )
    assert added <= MOST_OVER_THE_BASE


def test_it_runs_as_the_tasks_user_even_without_a_task(inspected: dict[str, Any]) -> None:
    assert inspected["Config"]["User"] == container()["User"] == "65532:65532"


def test_it_has_exactly_the_layers_files(image: str, layer: Path) -> None:
    listing = "cd /opt && find python -type f ! -name '*.pyc' | sort | xargs -d '\\n' sha256sum"
    there = docker("run", "--rm", "--entrypoint=sh", image, "-c", listing)
    here = subprocess.run(
        ["sh", "-c", listing.replace("/opt", str(layer))],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert sorted(there.splitlines()) == sorted(here.stdout.splitlines())


def test_its_bytecode_is_compiled_before_it_runs(image: str) -> None:
    """The root file system is read-only then, and each job would compile everything again."""
    code = (
        "import processing.maze, processing.bucket, PIL.Image, pathlib, sys;"
        "missing = [m for m in list(sys.modules.values()) if getattr(m, '__cached__', None)"
        " and m.__file__.startswith('/opt/') and not pathlib.Path(m.__cached__).exists()];"
        "print(missing)"
    )
    assert docker("run", "--rm", "--entrypoint=python3", image, "-c", code) == "[]"
