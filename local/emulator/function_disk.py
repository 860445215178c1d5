"""A folder of its own for each function that runs as a process, where Lambda's would have /tmp.

Whoever has DISK empties it before each job: it must never be the machine's /tmp.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ministack.core import lambda_runtime

from .links import Link, PatchPoint

VARIABLE = "DISK"


def apply() -> None:
    worker = lambda_runtime.Worker
    spawn: Callable[[lambda_runtime.Worker], None] = worker._spawn
    discard: Callable[[lambda_runtime.Worker], None] = worker._discard_tmpdir

    def spawn_with_its_disk(self: lambda_runtime.Worker) -> None:
        remove_disk(self)
        self.disk = tempfile.mkdtemp(prefix=f"disk-{self.func_name}-")
        environment = self.config.get("Environment") or {}
        variables = (environment.get("Variables") or {}) | {VARIABLE: self.disk}
        self.config = self.config | {"Environment": environment | {"Variables": variables}}
        spawn(self)

    def discard_with_its_disk(self: lambda_runtime.Worker) -> None:
        discard(self)
        remove_disk(self)

    worker._spawn = spawn_with_its_disk
    worker._discard_tmpdir = discard_with_its_disk


def remove_disk(worker: lambda_runtime.Worker) -> None:
    if folder := getattr(worker, "disk", None):
        shutil.rmtree(Path(folder), ignore_errors=True)


LINK = Link(
    what="the disk of functions as processes",
    patch_points=(
        PatchPoint(lambda_runtime.Worker, "_spawn", ("self",)),
        PatchPoint(lambda_runtime.Worker, "_discard_tmpdir", ("self",)),
    ),
    apply=apply,
)
