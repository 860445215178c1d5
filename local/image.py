"""`make image`: the worker's container image, from the layer as `sam build` makes it for Lambda.

IMAGE names it (worker:local). BASE is the base image; by default the public one, or a stand-in made
here where no registry can be reached.
"""

from __future__ import annotations

import os
import subprocess
import sys

from .bases import worker_base
from .build import build
from .commands import CommandFailed, Commands
from .engine import WORKER_IMAGE
from .progress import step


def main() -> int:
    image = os.environ.get("IMAGE") or WORKER_IMAGE
    try:
        base = os.environ.get("BASE") or worker_base()
        with step("sam build"):
            layer = build(Commands(), "lambda") / "ProcessingLayer"
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(
        ["docker", "build", "--tag", image, "--build-arg", f"BASE={base}", str(layer)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
