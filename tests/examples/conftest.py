"""The examples' processors as plain functions, each in a process of the examples' environment."""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tooling import paths

PYTHON = paths.BUILD / "env" / "examples" / "bin" / "python"
PROGRAM = """
import importlib, json, sys
from pathlib import Path
from processing.errors import Rejected
from processing.output import Source
name, file, outputs = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
module, _, function = name.partition(":")
said = {"rejected": None}
try:
    source = Source(file, f"input/{file.name}", file.name, "", {}, file.stat().st_size, "1")
    getattr(importlib.import_module(module), function)(source, outputs)
except Rejected as error:
    said["rejected"] = str(error)
status = Path("/proc/self/status")  # what getrusage says begins with the memory of who forked
lines = status.read_text().splitlines() if status.exists() else []
peaks = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
print(json.dumps(said | {"peak": sum(peaks)}))
"""


class Ran(NamedTuple):
    """What a processor did."""

    outputs: Path
    rejected: str | None
    peak: int
    """Bytes of memory, at most; 0 where the system does not tell."""

    @property
    def names(self) -> list[str]:
        files = (path for path in self.outputs.rglob("*") if not path.is_dir())
        return sorted(str(path.relative_to(self.outputs)) for path in files)


Run = Callable[[str, str, Path], Ran]
"""Example, module:function, source."""


def sample(example: str) -> Path:
    """The file that the example comes with."""
    (found,) = (paths.ROOT / "examples" / example).glob("sample.*")
    return found


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_one(example: str, processor: str, source: Path) -> Ran:
        outputs = Path(tempfile.mkdtemp(prefix="outputs-", dir=tmp_path))
        folders = (paths.ROOT / "worker", paths.ROOT / "examples" / example)
        done = subprocess.run(
            [PYTHON, "-c", PROGRAM, processor, source, outputs],
            env={"PYTHONPATH": ":".join(map(str, folders)), "PATH": "/usr/local/bin:/usr/bin:/bin"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        return Ran(outputs, said["rejected"], said["peak"])

    return run_one
