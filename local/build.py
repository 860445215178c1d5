"""`sam build` of the project for the embedded AWS, and only when something changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from . import paths
from .commands import Commands

_SOURCES = ("template.yaml", "worker", "functions")
_NOT_SOURCES = (".so", ".pyc")


def sam_environment(**more: str) -> dict[str, str]:
    """The environment of a `sam` command: nothing of the user's AWS settings gets in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"} | more


def build(commands: Commands, target: str) -> Path:
    """Build the template for `host` (this machine's Python) or `lambda`; gives the folder.

    Without a Docker engine functions and tasks run on ministack's Python, so the layer must fit it.
    """
    folder = paths.BUILD / f"sam-{target}"
    stamp = folder / "sources.sha256"
    digest = _digest(target)
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    commands.run(
        [
            str(paths.SAM),
            "build",
            f"--template-file={paths.TEMPLATE}",
            f"--build-dir={folder}",
            f"--cache-dir={paths.BUILD / 'sam-cache'}",
        ],
        sam_environment(LAYER_TARGET=target, PYTHON=str(paths.PYTHON_DEV)),
        paths.ROOT,
    )
    stamp.write_text(digest)
    return folder


def is_built(target: str) -> bool:
    """Whether `build` has nothing to do."""
    stamp = paths.BUILD / f"sam-{target}" / "sources.sha256"
    return stamp.exists() and stamp.read_text() == _digest(target)


def _digest(target: str) -> str:
    digest = hashlib.sha256(target.encode())
    for path in _sources():
        digest.update(f"{path.relative_to(paths.ROOT)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for name in _SOURCES:
        top = paths.ROOT / name
        for path in sorted([top] if top.is_file() else top.rglob("*")):
            if path.is_file() and not path.as_posix().endswith(_NOT_SOURCES):
                yield path
