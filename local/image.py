"""`make image`: the worker's container image, from the layer as `sam build` makes it for Lambda.

JOB is the folder of a job of your own. IMAGE names the image (worker:local). BASE is its base; by
default the public one, or a stand-in made here where no registry can be reached. Also finds the
image that functions run in, so that the embedded AWS can run both in containers from then on.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tooling import own_job, paths
from tooling.build import LAYER, build, copy, layer_digest
from tooling.commands import CommandFailed, Commands
from tooling.progress import step

from .bases import NoBase, lambda_base, worker_base
from .executor import LAYER_LABEL, WORKER_IMAGE, no_docker


def build_image(image: str, base: str, job: Path | None = None) -> None:
    """Build the worker's image on this base. Raises CommandFailed."""
    digest = layer_digest(job)  # before: what changes meanwhile is not in it
    commands = Commands()
    build(commands, "lambda", job)
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        built = Path(folder, "built")
        copy("lambda", built, job)
        command = ["docker", "build", f"--tag={image}", f"--build-arg=BASE={base}"]
        command += [f"--label={LAYER_LABEL}={digest}", str(built / LAYER)]
        commands.run(command, os.environ, paths.ROOT)


def main() -> int:
    """Make both images; gives the exit code."""
    image = os.environ.get("IMAGE") or WORKER_IMAGE
    if reason := no_docker():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    try:
        with step("finding the image to build on"):
            base = os.environ.get("BASE") or worker_base()
        with step(f"building {image} on {base}"):
            build_image(image, base, own_job.folder(os.environ))
    except (CommandFailed, NoBase, own_job.NoFolder) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    try:
        with step("finding the image that functions run in"):
            print(f" {lambda_base()}", end="")
    except NoBase as error:
        print(f"\nnone, so the embedded AWS runs everything as processes: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
