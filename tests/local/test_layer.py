"""The layer of a user's own job, as worker/Makefile builds it: for this machine, with no packages
from elsewhere."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tooling import paths

LIMIT = 262_144_000


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    """The user's, which needs no packages."""
    shutil.copytree(
        paths.ROOT / "worker", tmp_path / "worker", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "worker" / "requirements.txt").write_text("")
    return tmp_path / "worker"


def build(worker: Path, target: str = "host", **environment: str) -> subprocess.CompletedProcess:
    settings = [f"ARTIFACTS_DIR={worker.parent / 'layer'}", f"PYTHON={paths.PYTHON_DEV}"]
    return subprocess.run(
        ["make", "build-ProcessingLayer", f"LAYER_TARGET={target}", *settings],
        cwd=worker,
        env={**os.environ, "PIP_NO_INDEX": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_subpackage_is_copied_with_its_data(worker: Path) -> None:
    package = worker / "processing" / "mine" / "deeper"
    package.mkdir(parents=True)
    (package / "job.py").write_text("def run(body, content_type): return body, content_type")
    (package / "words.txt").write_text("data")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "stale.cpython-311.pyc").write_bytes(b"")
    done = build(worker)
    assert done.returncode == 0, done.stderr
    copied = worker.parent / "layer" / "python" / "processing"
    assert (copied / "mine" / "deeper" / "words.txt").read_text() == "data"
    look = "from processing.mine.deeper import job; print(job.__file__)"
    path = {**os.environ, "PYTHONPATH": str(copied.parent)}
    shown = subprocess.run(
        [paths.PYTHON_DEV, "-c", look], env=path, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(str(copied))
    assert not [*copied.rglob("stale*")]
    assert not (copied / "kernel.c").exists()


@pytest.mark.parametrize("more", [0, 1])
def test_a_layer_above_lambdas_limit_is_refused_with_what_is_in_it(worker: Path, more: int) -> None:
    layer = worker.parent / "layer" / "python"
    for name, size in {"small.py": 1000, "model": 150_000_000}.items():
        (layer / name).mkdir(parents=True)
        with (layer / name / "data").open("wb") as file:
            file.truncate(size)
    with (layer / "rest").open("wb") as file:
        file.truncate(LIMIT + more - 150_001_000)
    command = [paths.PYTHON_DEV, "size.py", layer.parent]
    done = subprocess.run(command, cwd=worker, capture_output=True, text=True, check=False)
    assert done.returncode == more
    if more:
        first, model, rest, small, remedy = done.stderr.splitlines()
        assert "262,144,001 bytes, and Lambda takes 262,144,000" in first
        assert [each.split() for each in (model, rest, small)] == [
            ["150,000,000", "model"],
            ["112,143,001", "rest"],
            ["1,000", "small.py"],
        ]
        assert "WorkerImageUri" in remedy


def test_the_build_fails_with_a_layer_that_is_too_large(worker: Path) -> None:
    with (worker / "processing" / "model.bin").open("wb") as file:
        file.truncate(LIMIT + 1)
    done = build(worker)
    assert done.returncode != 0
    assert "processing" in done.stderr
    assert "Lambda takes 262,144,000" in done.stderr


def test_a_package_without_wheels_says_so(worker: Path, tmp_path: Path) -> None:
    source = tmp_path / "index" / "no-wheels-1.0.tar.gz"
    source.parent.mkdir()
    with tarfile.open(source, "w:gz") as archive:
        archive.add(worker / "requirements.in", "no-wheels-1.0/PKG-INFO")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    (worker / "requirements.txt").write_text(f"no-wheels==1.0 --hash=sha256:{digest}")
    done = build(worker, "lambda", PIP_FIND_LINKS=str(source.parent))
    assert done.returncode != 0
    assert "no-wheels==1.0" in done.stderr
    assert "the layer is made of wheels only" in done.stderr
    assert "CPython 3.13 on x86_64" in done.stderr
