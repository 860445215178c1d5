"""A worker of a stack, killed by its machine: SIGKILL, at whatever moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.pipeline import NothingCame, Pipeline, until

JOB = "S3_KEY"
"""What only a task has in its environment."""


SECONDS = 5
"""After which there is none: all that was uploaded has its result."""


class Killer:
    """Of the processes that run functions and tasks for one stack."""

    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self._chance = random.Random(seed)
        self._bucket = pipeline.bucket
        mode = pipeline.outputs["Mode"]
        self._function = "" if mode == "fargate" else pipeline.resource("ProcessFunction")
        self.functions = 0
        """Workers of the function that were killed: it keeps nobody from knowing on what job."""
        self.tasks: set[str] = set()
        """The uploads whose tasks were."""

    def kill(self) -> None:
        """One of them, as soon as there is one."""
        with contextlib.suppress(NothingCame):
            until(self._killed, "a worker", SECONDS)

    def _killed(self) -> bool:
        if not (found := [*self._workers()]):
            return False
        process, environment = self._chance.choice(found)
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:  # it ended by itself
            return False
        if JOB in environment:
            self.tasks.add(environment[JOB])
        else:
            self.functions += 1
        return True

    def _workers(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and (found := _environment(process)):
                of_function = self._function and (
                    found.get("AWS_LAMBDA_FUNCTION_NAME") == self._function
                )
                if of_function or (JOB in found and found.get("S3_BUCKET") == self._bucket):
                    yield int(process.name), found


def _environment(process: Path) -> dict[str, str]:
    try:
        content = (process / "environ").read_bytes().decode(errors="replace")
    except OSError:  # it ended, or is not ours
        return {}
    return dict(each.split("=", 1) for each in content.split("\0") if "=" in each)
