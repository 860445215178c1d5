"""The project as `make taskcat` packages it, deployed by taskcat on an emulator, once.

The emulator is moto. What it needs that AWS does not is in `project_for_moto` and in emulator.py.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operate import taskcat
from tests.multiregion.account import Region
from tests.multiregion.runs import HERE, IMAGE, REGIONS, Deployed, Taskcat
from tests.template.synthesis import transformed
from tooling import paths
from tooling.build import build, sam_environment
from tooling.commands import Commands, end_group

PYTHON_MOTO = paths.BUILD / "env" / "moto" / "bin" / "python"


@pytest.fixture(scope="session")
def built() -> Path:
    return build(Commands(), "lambda")


@pytest.fixture(scope="session")
def project(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taskcat") / "project"
    taskcat.package(built, folder)
    return folder


@pytest.fixture(scope="session")
def project_for_moto(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the SAM transform, which moto does not do though it says so."""
    folder = tmp_path_factory.mktemp("taskcat-moto")
    shutil.copytree(project / "artifacts", folder / "artifacts")
    source = json.loads((project / taskcat.TEMPLATE).read_text())
    template = transformed(source, REGIONS[0])
    for output in template["Outputs"].values():
        if "Condition" in output:  # moto exports it all the same, and refuses the next stack
            output.pop("Export", None)
    (folder / taskcat.TEMPLATE).write_text(json.dumps(_with_zones_of_region(template)))
    return folder


def _with_zones_of_region(node: Any) -> Any:
    """`!GetAZs ''` are the zones of the stack's region, but those of us-east-1 to moto."""
    if node == {"Fn::GetAZs": ""}:
        return {"Fn::Split": [",", {"Fn::Sub": "${AWS::Region}a,${AWS::Region}b"}]}
    if isinstance(node, dict):
        return {key: _with_zones_of_region(value) for key, value in node.items()}
    return [_with_zones_of_region(each) for each in node] if isinstance(node, list) else node


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's address."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                PYTHON_MOTO,
                HERE / "loopback.py",
                HERE / "emulator.py",
                "--host=127.0.0.1",
                f"--port={port}",
            ],
            env=sam_environment(HOME=str(log.parent), MOTO_EC2_LOAD_DEFAULT_AMIS="false"),
            stdin=subprocess.PIPE,  # it ends when this end of the pipe does: with us
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, to be ended as a whole
        )
    try:
        _wait_until_it_listens(process, port, log)
        # By this name: moto finds the bucket in a host name, and takes 127 for one.
        yield f"http://localhost:{port}"
    finally:
        end_group(process, grace=5)
        assert process.stdin
        process.stdin.close()


def _wait_until_it_listens(process: subprocess.Popen[str], port: int, log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"moto did not listen within 60 s:\n{log.read_text()}")


@pytest.fixture(scope="session")
def cat(endpoint: str, project_for_moto: Path, tmp_path_factory: pytest.TempPathFactory) -> Taskcat:
    return Taskcat(endpoint, project_for_moto, tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="session")
def deployed(cat: Taskcat) -> Deployed:
    """All tests of the settings in all their regions."""
    report = cat.folder / "report"
    cat.run(report, {"WorkerImageUri": IMAGE})
    stacks = {
        (test, region): stack
        for region in REGIONS
        for test, stack in Region(cat.endpoint, region).stacks().items()
    }
    return Deployed(report, stacks)
