"""`sam build` of the project for the embedded AWS, and only when something changed.

A job of the user's own is a folder. What is built with one lies apart, and is built again when
something in that folder changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import paths
from .commands import Commands

LAYER = "ProcessingLayer"
"""The folder of the layer, in what is built."""
PACKED_LAYER = f"{LAYER}.zip"
"""The same as a file."""
_SOURCES = ("template.yaml", "worker", "functions")
_NOT_SOURCES = (".so", ".pyc")


def sam_environment(**more: str) -> dict[str, str]:
    """The environment of a `sam` command: nothing of the user's AWS settings gets in, while those
    of pip and of proxies do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"} | more


def build(commands: Commands, target: str, job: Path | None = None) -> Path:
    """Build the template for `host` (this machine's Python) or `lambda`; gives the folder.

    Without Docker functions and tasks run on ministack's Python, so the layer must fit it.
    """
    folder = _folder(target, job)
    with _alone(folder):
        if not is_built(target, job):
            digest = _digest(target, job)  # before: what changes meanwhile is for the next build
            source = paths.TEMPLATE
            if target == "host":  # for AWS it is built from what users build it from
                source = _as_json(commands, source, folder.with_name(f"{folder.name}.json"))
            commands.run(
                [
                    str(paths.SAM),
                    "build",
                    f"--template-file={source}",
                    f"--base-dir={paths.ROOT}",
                    f"--build-dir={folder}",
                    f"--cache-dir={paths.BUILD / 'sam-cache'}",
                ],
                sam_environment(
                    LAYER_TARGET=target, PYTHON=str(paths.PYTHON_DEV), JOB=str(job or "")
                ),
                paths.ROOT,
            )
            built = folder / "template.yaml"
            _as_json(commands, built, built)
            _pack(folder / LAYER, folder / PACKED_LAYER)
            _stamp(folder).write_text(digest)
    return folder


_AS_JSON = """
import json, pathlib, sys
from tooling.template import read
template, to = map(pathlib.Path, sys.argv[1:])
to.write_text(json.dumps(read(template), indent=1))
"""


def _as_json(commands: Commands, template: Path, to: Path) -> Path:
    """A template in JSON, which is YAML, too: `sam build` reads it three times, `sam deploy` five
    times, which takes them a quarter and half of their time in YAML.

    By a program of its own, because not all environments that build have the parser.
    """
    command = [str(paths.PYTHON_DEV), "-c", _AS_JSON, str(template), str(to)]
    commands.run(command, sam_environment(), paths.ROOT)
    return to


def _pack(layer: Path, to: Path) -> None:
    """It is deployed again and again, and to compress it takes longer than all else."""
    with zipfile.ZipFile(to, "w") as packed:
        for path in layer.rglob("*"):
            packed.write(path, path.relative_to(layer))


def copy(target: str, to: Path, job: Path | None = None, as_links: bool = False) -> None:
    """Copy what was built, so that a later build changes nothing for those that run.

    For those that never write into a file, as links: to make the files anew takes longer than to
    start what runs. Where there can't be any, as on another file system, these are copies, too.
    """
    folder = _folder(target, job)
    with _alone(folder):
        shutil.copytree(folder, to, copy_function=_link if as_links else shutil.copy2)


def _link(file: str, to: str) -> None:
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)


@contextlib.contextmanager
def packaging(built: Path, target: str) -> Iterator[Path]:
    """The folder of what a copy is deployed from, the template and the code that it names; but for
    the layer, so that it is the same for every job.

    Whoever finds no such folder deploys, and makes it; all others that deploy the same wait for it.
    """
    folder = _folder(target, None)
    place = folder.with_name(f"{folder.name}.deployed")
    code = (path for path in built.iterdir() if path.is_dir() and path.name != LAYER)
    with _alone(place):
        kept = place / _digest_of([built / "template.yaml", *sorted(code)], built)
        if place.exists() and not kept.exists():  # of other sources
            shutil.rmtree(place)
        yield kept


def is_built(target: str, job: Path | None = None) -> bool:
    """Whether `build` has nothing to do."""
    folder = _folder(target, job)
    stamp = _stamp(folder)
    packed = (folder / PACKED_LAYER).exists()  # older builds have none
    return packed and stamp.exists() and stamp.read_text() == _digest(target, job)


def _folder(target: str, job: Path | None) -> Path:
    return paths.BUILD / "-".join(["sam", target, *([job.name] if job else [])])


def _stamp(folder: Path) -> Path:
    return folder / "sources.sha256"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from the folder meanwhile: they may build it, too."""
    paths.BUILD.mkdir(exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def layer_digest(job: Path | None = None) -> str:
    """What tells one state of the layer's sources from another."""
    return _digest("layer", job, ("worker",))


def _digest(target: str, job: Path | None, sources: Iterable[str] = _SOURCES) -> str:
    tops = [paths.ROOT / name for name in sources]
    return _digest_of([*tops, *([job] if job else [])], paths.ROOT, target)


def _digest_of(tops: Iterable[Path], root: Path, salt: str = "") -> str:
    """Of all files of these, by their names under the root, modes and contents."""
    digest = hashlib.sha256(salt.encode())
    for path in _files(tops):
        digest.update(f"{os.path.relpath(path, root)}\0{path.stat().st_mode}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(tops: Iterable[Path]) -> Iterator[Path]:
    for top in tops:
        for path in sorted([top] if top.is_file() else top.rglob("*")):
            if path.is_file() and not path.as_posix().endswith(_NOT_SOURCES):
                yield path
