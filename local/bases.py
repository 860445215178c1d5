"""Base images for the worker's container and for functions: AWS's and Docker's own where a registry
responds, else stand-ins built here.

A stand-in is Debian with its Python 3.13 (which takes debootstrap and root); for functions, also
the runtime that AWS publishes and SAM's emulator, laid out as in AWS's image. It has a name of its
own, so that nothing passes for an image that it is not. Both kinds are built once.

    python -m local.bases worker    the base of the worker's image: its name
    python -m local.bases lambda    the image that functions run in: its name
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tooling import paths

LAMBDA_BASE = "public.ecr.aws/lambda/python:3.13-x86_64"
"""As `sam local invoke` names it."""

_DEBIAN = "trixie"
_DEBIAN_PACKAGES = "python3,ca-certificates"
_NOT_NEEDED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/i18n",
)

_LAMBDA_RECIPE = Path(__file__).with_name("standin_lambda")
_LAMBDA_RUNTIME = paths.ROOT / "requirements" / "lambda-runtime.txt"

_SECONDS_TO_PULL = 180


class NoBase(Exception):
    """There is no image to build on: no registry responds, and a stand-in can't be built."""


def worker_base() -> str:
    """The base of the worker's image. Raises NoBase."""
    return _public_or_standin(public_worker_base(), _python)


def lambda_base() -> str:
    """The image that functions run in. Raises NoBase."""
    return _public_or_standin(LAMBDA_BASE, _lambda)


def lambda_base_here() -> str | None:
    """The image that functions run in, if Docker has it already; asks no registry."""
    return next(filter(_exists, (LAMBDA_BASE, _lambda_name())), None)


def public_worker_base() -> str:
    """The one that worker/Dockerfile is made for."""
    dockerfile = (paths.ROOT / "worker" / "Dockerfile").read_text()
    found = re.search(r"^ARG BASE=(\S+)", dockerfile, re.MULTILINE)
    assert found, "worker/Dockerfile must have a default for BASE"
    return found[1]


def _public_or_standin(public: str, standin: Callable[[], str]) -> str:
    return public if _exists(public) or _pulled(public) else standin()


def _exists(image: str) -> bool:
    look = ["docker", "image", "inspect", image]
    return subprocess.run(look, capture_output=True, timeout=30, check=False).returncode == 0


def _pulled(image: str) -> bool:
    try:
        done = subprocess.run(
            ["docker", "pull", "--quiet", image],
            capture_output=True,
            timeout=_SECONDS_TO_PULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _python() -> str:
    """Debian's Python as an image."""
    image = _python_name()
    if _exists(image):
        return image
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        raise NoBase("no registry responds, and a stand-in takes debootstrap and root")
    with tempfile.TemporaryDirectory(prefix="standin-") as folder:
        root = Path(folder, "root")
        bootstrap = ["debootstrap", "--variant=minbase", f"--include={_DEBIAN_PACKAGES}"]
        _run([*bootstrap, _DEBIAN, str(root)])
        archive = Path(folder, "root.tar")
        left_out = [f"--exclude=./{name}/*" for name in _NOT_NEEDED]
        _run(["tar", f"--directory={root}", *left_out, "--create", f"--file={archive}", "."])
        _run(["docker", "import", str(archive), image])
    return image


def _lambda() -> str:
    """The runtime that AWS publishes, and SAM's emulator, on Debian's Python."""
    image = _lambda_name()
    if _exists(image):
        return image
    base = _python()
    with tempfile.TemporaryDirectory(prefix="standin-") as folder:
        context = Path(folder)
        for path in _lambda_recipe():
            shutil.copy(path, context)
        shutil.copy(_emulator(), context / "aws-lambda-rie")
        install = [str(paths.PYTHON_DEV), "-m", "pip", "install", "--quiet", "--no-compile"]
        for_lambda = ["--python-version=3.13", "--implementation=cp", "--only-binary=:all:"]
        for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_28"):
            for_lambda.append(f"--platform={tag}_x86_64")
        chosen = ["--require-hashes", f"--requirement={_LAMBDA_RUNTIME}"]
        _run([*install, *for_lambda, *chosen, f"--target={context / 'runtime'}"])
        _run(["docker", "build", "--tag", image, "--build-arg", f"BASE={base}", str(context)])
    return image


def _python_name() -> str:
    recipe = [_DEBIAN, _DEBIAN_PACKAGES, *_NOT_NEEDED]
    return f"standin/python:{_digest(part.encode() for part in recipe)}"


def _lambda_name() -> str:
    contents = (path.read_bytes() for path in (*_lambda_recipe(), _LAMBDA_RUNTIME, _emulator()))
    return f"standin/lambda-python:{_digest([_python_name().encode(), *contents])}"


def _lambda_recipe() -> list[Path]:
    return sorted(path for path in _LAMBDA_RECIPE.iterdir() if path.is_file())


def _emulator() -> Path:
    """The one that `sam local invoke` adds to an image."""
    installed = paths.SAM.parents[1].glob("lib/*/site-packages/samcli/local/rapid")
    return next(installed) / "aws-lambda-rie-x86_64"


def _digest(parts: Iterable[bytes]) -> str:
    """A tag that changes with the recipe."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise NoBase(f"{' '.join(command)}\nended with exit code {done.returncode}:\n{done.stdout}")


def main(arguments: list[str]) -> int:
    """Print the name of a base that is there; gives the exit code."""
    bases = {"worker": worker_base, "lambda": lambda_base}
    if len(arguments) != 1 or arguments[0] not in bases:
        print(f"usage: python -m local.bases {'|'.join(bases)}", file=sys.stderr)
        return 2
    try:
        print(bases[arguments[0]]())
    except NoBase as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
