"""`make image`: the worker's container image, from the layer as `sam build` makes it for Lambda.

IMAGE names it (worker:local), BASE is another base image for where the default can't be pulled.
"""

from __future__ import annotations

import os
import subprocess
import sys

from .build import build
from .commands import CommandFailed, Commands
from .engine import WORKER_IMAGE
from .progress import step


def main() -> int:
    image = os.environ.get("IMAGE") or WORKER_IMAGE
    base = os.environ.get("BASE")
    try:
        with step("sam build"):
            layer = build(Commands(), "lambda") / "ProcessingLayer"
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    arguments = ["--build-arg", f"BASE={base}"] if base else []
    return subprocess.run(
        ["docker", "build", "--tag", image, *arguments, str(layer)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
