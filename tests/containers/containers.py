"""Containers of a test, run with the `docker` command."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


def docker(*arguments: str, seconds: float = 120) -> str:
    """Run a docker command; gives its output."""
    done = subprocess.run(
        ["docker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}"
    return done.stdout.strip()


@dataclass(frozen=True)
class Ended:
    """How a container ended."""

    code: int
    out_of_memory: bool
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one line that a job says of itself."""
        lines = [line for line in self.out.splitlines() if line.startswith('{"outcome"')]
        assert len(lines) == 1, f"a job reports once:\n{self.out}\n{self.err}"
        report: dict[str, Any] = json.loads(lines[0])
        return report


class Container:
    """A container, started at once and gone at the end of the `with` block."""

    def __init__(self, image: str, options: Sequence[str], command: Sequence[str] = ()) -> None:
        self._id = docker("run", "--detach", *options, image, *command)

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self._id)

    def wait(self, seconds: float = 120) -> Ended:
        """Wait until it ends by itself."""
        docker("wait", self._id, seconds=seconds)
        return self._ended()

    def wait_for(self, line: str, seconds: float = 60) -> None:
        """Wait until it has printed the line."""
        ends = time.monotonic() + seconds
        while line not in docker("logs", self._id).splitlines():
            state = docker("inspect", "--format={{.State.Running}}", self._id)
            assert state == "true", f"it ended: {self._ended()}"
            assert time.monotonic() < ends, f"it did not say {line!r} within {seconds} s"
            time.sleep(0.1)

    def stop(self, seconds: int) -> tuple[Ended, float]:
        """SIGTERM, and SIGKILL so much later: as ECS stops a task. Also gives the seconds taken."""
        began = time.monotonic()
        docker("stop", f"--time={seconds}", self._id, seconds=seconds + 60)
        return self._ended(), time.monotonic() - began

    def _ended(self) -> Ended:
        state = json.loads(docker("inspect", "--format={{json .State}}", self._id))
        logs = subprocess.run(
            ["docker", "logs", self._id], capture_output=True, text=True, timeout=60
        )
        return Ended(state["ExitCode"], state["OOMKilled"], logs.stdout, logs.stderr)
