"""Put a job of your own into the layer: its modules, what they need, and its Debian packages.

    JOB=folder python add_job.py LAYER CALLED-FROM [option of pip ...]

A folder that is not absolute is found from where `sam build` was called, which make still knows.
The layer gets its modules (*.py) and the folders that have any, with all that is in them, but no
hidden files and no tests; the wheels of its requirements.txt; and, for the container image, its
packages.txt.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

OURS = "processing"
PACKAGES = "packages.txt"
"""Names of Debian packages, one a line; # begins a comment. The Dockerfile installs them."""
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")


class WrongJob(Exception):
    """What is wrong with the folder."""


def add(folder: Path, layer: Path, pip_options: list[str]) -> None:
    """Add the job to the layer. Raises WrongJob."""
    if not folder.is_dir():
        raise WrongJob(f"JOB is not a folder: {folder}")
    parts, requirements = list(modules(folder)), folder / "requirements.txt"
    debian = debian_packages(folder)
    if not (parts or debian or requirements.exists()):
        raise WrongJob(f"{folder} has no modules (*.py), no requirements.txt and no {PACKAGES}")
    for part in parts:
        if part.name in (OURS, f"{OURS}.py"):
            raise WrongJob(f"{part}: the worker itself has that name; choose another one")
    if requirements.exists():
        install(requirements, layer / "python", pip_options)
    for part in parts:
        target = layer / "python" / part.name
        if part.is_dir():
            shutil.copytree(part, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
        else:
            shutil.copy(part, target)
    (layer / PACKAGES).write_text("".join(f"{name}\n" for name in debian))


def modules(folder: Path) -> Iterator[Path]:
    """What Python can import of the folder, and what lies beside that in its folders."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "test", "conftest", "__pycache__")):
            continue
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py"))):
            yield path


def install(requirements: Path, target: Path, options: list[str]) -> None:
    """The wheels, beside those of the worker, whose versions count. Raises WrongJob."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    ours = distributions(path=[str(target)])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{each.name}=={each.version}\n" for each in ours)
        constraints.flush()
        chosen = [f"--requirement={requirements}", f"--constraint={constraints.name}"]
        # With --upgrade, a package of which the worker has left out a part comes as a whole.
        command = [*pip, "install", "--no-compile", "--upgrade", f"--target={target}"]
        done = subprocess.run([*command, *options, *chosen], check=False)
    if done.returncode:
        raise WrongJob(
            f"pip can't install {requirements} beside the worker's own packages, from wheels "
            "for the layer's version of Python and its architecture"
        )


def debian_packages(folder: Path) -> list[str]:
    """The names in the job's packages.txt. Raises WrongJob."""
    path = folder / PACKAGES
    if not path.exists():
        return []
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    names = [line for line in lines if line]
    for name in names:
        if not _PACKAGE.fullmatch(name):
            raise WrongJob(f"{path}: {name!r} is no name of a Debian package, one a line")
    return names


def main() -> int:
    """Add the job; gives the exit code."""
    layer, called_from, *pip_options = sys.argv[1:]
    try:
        add(Path(called_from, os.environ["JOB"]), Path(layer), pip_options)
    except WrongJob as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
