"""The layer of either architecture, as `sam build` makes it on this machine, and the wrong one."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tooling import paths

MACHINES = {"x86_64": (62, "x86_64"), "arm64": (183, "aarch64")}
"""Of the template's names: as ELF numbers the machine, and as it calls itself."""
E_MACHINE = 18


def layer(folder: Path, architecture: str) -> Path:
    command = ["make", "build-ProcessingLayer", f"ARTIFACTS_DIR={folder}"]
    subprocess.run(
        [*command, f"ARCHITECTURE={architecture}", f"PYTHON={sys.executable}"],
        cwd=paths.ROOT / "worker",
        check=True,
        capture_output=True,
    )
    return folder / "python"


@pytest.mark.parametrize("architecture", MACHINES)
def test_all_that_is_compiled_is_of_the_layers_architecture(
    architecture: str, tmp_path: Path
) -> None:
    number, machine = MACHINES[architecture]
    packages = layer(tmp_path, architecture)
    libraries = [*packages.rglob("*.so*")]
    assert {"kernel.so", "_awscrt.abi3.so"} <= {each.name for each in libraries}
    for each in libraries:
        found = int.from_bytes(each.read_bytes()[E_MACHINE : E_MACHINE + 2], "little")
        assert found == number, each
    assert machine in (packages / "processing" / "built_for.py").read_text()


def test_a_layer_of_another_architecture_says_so_and_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(paths.ROOT / "worker/processing", tmp_path / "processing")
    (tmp_path / "processing/built_for.py").write_text('MACHINE = "s390x"\n')
    done = subprocess.run(
        [sys.executable, "-m", "processing"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"built for s390x and runs on {platform.machine()}" in done.stderr
    assert "ARCHITECTURE=" in done.stderr


def test_another_name_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "build-ProcessingLayer", f"ARTIFACTS_DIR={tmp_path}", "ARCHITECTURE=aarch64"],
        cwd=paths.ROOT / "worker",
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "ARCHITECTURE is x86_64 or arm64, not 'aarch64'" in done.stderr
