"""A task as a process may what it may in a container, where the machine can have it so."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from local.emulator import isolation
from tests.local import in_ministack
from tests.local.test_in_containers import processes_told

WHAT_A_TASK_MAY = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

def may_write(folder):
    try:
        Path(folder, "new").write_text("new")
    except OSError as error:
        return error.strerror
    return "yes"

signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
layer = Path(__file__).parents[2]
print("its standard error comes, too", file=sys.stderr, flush=True)
subprocess.Popen(["sleep", "4321.98765"], start_new_session=True,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(json.dumps({
    "found": os.listdir("/tmp"),
    "writes": {name: may_write(name) for name in
               ("/tmp", "/tmp/shared", "/dev/shm", ".", "/var/tmp", str(layer))},
    "user": [os.getuid(), os.getgid()],
    "process": os.getpid(),
    "sees": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "rights": [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines()
               if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))],
    "disk": os.environ.get("DISK"),
    "installed": [path for path in sys.path if "-packages" in path and os.listdir(path)],
}), flush=True)
time.sleep(600)
"""
RUN_IT = """
import json, sys
from pathlib import Path
from local.emulator.processes import Containers

container = Containers(Path(sys.argv[1])).run(
    "any", name="task", environment={"DISK": "/tmp"}, user="65532:65532",
    volumes=["/tmp", f"{sys.argv[1]}:/tmp/shared:ro"])
lines = container.logs()
assert next(lines) == b"its standard error comes, too\\n"
said = json.loads(next(lines))
container.stop(timeout=20)
print(json.dumps(said | {"exit code": container.wait()["StatusCode"], "rest": len(list(lines))}))
"""


def what_a_task_may(tmp_path: Path, path: str = os.defpath) -> dict[str, object]:
    """What a task as a process found, with these commands at hand."""
    package = tmp_path / "python" / "processing"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(WHAT_A_TASK_MAY)
    printed = in_ministack.run(RUN_IT, str(tmp_path), temporary=tmp_path, path=path)
    said: dict[str, object] = json.loads(printed)
    assert (said["exit code"], said["rest"]) == (128 + signal.SIGTERM, 0)
    return said


def test_a_task_as_a_process_may_what_it_may_in_a_container(tmp_path: Path) -> None:
    if problem := isolation.problem():
        pytest.skip(problem)
    said = what_a_task_may(tmp_path)
    no = "Read-only file system"
    writes = dict.fromkeys(("/tmp/shared", ".", "/var/tmp", "/run/layer"), no)
    assert said["writes"] == writes | {"/tmp": "yes", "/dev/shm": "yes"}
    assert said["found"] == ["shared"]
    assert said["user"] == [65532, 65532]
    assert (said["process"], said["sees"]) == (1, 2)
    assert said["rights"] == ["0" * 16, "0" * 16, "1"]
    assert said["installed"] == []
    assert processes_told("sleep 4321.98765") == []


def test_where_that_can_t_be_a_task_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    """And not the machine's /tmp, which the worker would empty."""
    without_unshare = tmp_path / "commands"
    without_unshare.mkdir()
    (without_unshare / "sleep").symlink_to(shutil.which("sleep") or "")
    said = what_a_task_may(tmp_path, str(without_unshare))
    assert str(said["disk"]).startswith(str(tmp_path / "task-"))
    assert said["installed"] == []
    for left in processes_told("sleep 4321.98765"):
        os.kill(left, signal.SIGKILL)  # as it is without namespaces
