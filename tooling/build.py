"""`sam build` of the project for the embedded AWS, and only when something changed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import paths
from .commands import Commands

_SOURCES = ("template.yaml", "worker", "functions")
_NOT_SOURCES = (".so", ".pyc")


def sam_environment(**more: str) -> dict[str, str]:
    """The environment of a `sam` command: nothing of the user's AWS settings gets in, while those
    of pip and of proxies do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"} | more


def build(commands: Commands, target: str) -> Path:
    """Build the template for `host` (this machine's Python) or `lambda`; gives the folder.

    Without Docker functions and tasks run on ministack's Python, so the layer must fit it.
    """
    folder = _folder(target)
    with _alone(target):
        if not is_built(target):
            digest = _digest(target)  # before: what changes meanwhile is for the next build
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
            _stamp(target).write_text(digest)
    return folder


def copy(target: str, to: Path) -> None:
    """Copy what was built, so that a later build changes nothing for those that run."""
    with _alone(target):
        shutil.copytree(_folder(target), to)


def is_built(target: str) -> bool:
    """Whether `build` has nothing to do."""
    stamp = _stamp(target)
    return stamp.exists() and stamp.read_text() == _digest(target)


def _folder(target: str) -> Path:
    return paths.BUILD / f"sam-{target}"


def _stamp(target: str) -> Path:
    return _folder(target) / "sources.sha256"


@contextlib.contextmanager
def _alone(target: str) -> Iterator[None]:
    """Keep other processes from the folder meanwhile: they may build it, too."""
    paths.BUILD.mkdir(exist_ok=True)
    with (paths.BUILD / f"sam-{target}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def layer_digest() -> str:
    """What tells one state of the layer's sources from another."""
    return _digest("layer", ("worker",))


def _digest(target: str, sources: Iterable[str] = _SOURCES) -> str:
    digest = hashlib.sha256(target.encode())
    for path in _files(sources):
        digest.update(f"{path.relative_to(paths.ROOT)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(sources: Iterable[str]) -> Iterator[Path]:
    for name in sources:
        top = paths.ROOT / name
        for path in sorted([top] if top.is_file() else top.rglob("*")):
            if path.is_file() and not path.as_posix().endswith(_NOT_SOURCES):
                yield path
