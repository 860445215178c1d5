"""`make s3`: an S3 for `sam local invoke`, with the objects that the samples in events/ speak of.

It stays in the foreground and shows what jobs write, until Ctrl-C or SIGTERM; then nothing of it
is left but what was built. It listens on loopback and on the Docker bridge, where containers reach
it, and asks for no credentials: `sam local invoke` hands its user's own to the function.

    python -m local.s3 [--input PICTURE]

Exit codes: 0 it was ended, 1 it did not start, 2 wrong arguments.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from processing import events

from tooling import build, paths
from tooling.commands import CommandFailed
from tooling.progress import step
from tooling.usage import MakeParser, existing_file

from .aws import EmbeddedAws, NotStarted
from .bases import LAMBDA_BASE, NoBase, lambda_base
from .executor import bridge_address, containers, no_docker
from .invoke import put
from .pipeline import INPUT

VARIABLES = "local.json"
"""The file in events/ that tells the functions where this S3 is."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until it is ended; gives the exit code."""
    parser = MakeParser("s3", "[INPUT=file]", __doc__)
    parser.add_argument("--input", type=existing_file, default=paths.SAMPLE, help="every upload")
    parser.add_argument("--root", type=Path, default=paths.ROOT, help="where `sam` is to be called")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _ended)
    try:
        if reason := no_docker():
            raise NoBase(f"sam local invoke takes Docker: {reason}")
        with step("finding an image to run functions in"):
            image = lambda_base()
        with serving(image, chosen.root) as aws:
            uploaded = upload_all(aws, chosen.root / "events", chosen.input.read_bytes())
            print(said(aws, image, uploaded), flush=True)
            show_what_comes(aws, {bucket for bucket, _ in uploaded})
    except (KeyboardInterrupt, SystemExit):
        print("\nended")
    except (CommandFailed, NoBase, NotStarted) as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def serving(image: str, root: Path) -> Iterator[EmbeddedAws]:
    """The S3, what `sam local invoke` runs, and the file that brings the two together."""
    aws = EmbeddedAws(containers(function_image=image), iam=False)
    variables = root / "events" / VARIABLES
    try:
        with step("sam build, and starting the S3"):
            aws.start()
        built = root / ".aws-sam" / "build"  # where `sam` looks for it
        shutil.rmtree(built, ignore_errors=True)
        build.copy(aws.executor.layer_target, built)
        # By its address: `sam local invoke` gives containers no name for this machine.
        host = bridge_address() or "host.docker.internal"
        address = f"http://{host}:{aws.port}"
        written = json.dumps({"Parameters": {"AWS_ENDPOINT_URL_S3": address}}, indent=2) + "\n"
        variables.write_text(written)
        try:
            yield aws
        finally:
            if variables.exists() and variables.read_text() == written:  # not another one's
                variables.unlink()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping takes a moment, and must end
        aws.stop()


def upload_all(aws: EmbeddedAws, samples: Path, picture: bytes) -> dict[tuple[str, str], str]:
    """The picture as each upload of each sample; gives versions by bucket and key."""
    found = [
        upload
        for sample in sorted(samples.glob("*.json"))
        if sample.name != VARIABLES
        for upload in events.from_event(json.loads(sample.read_text()), INPUT, log=lambda _: None)
    ]
    return {(bucket, key): put(aws, bucket, key, picture) for bucket, key in dict.fromkeys(found)}


def said(aws: EmbeddedAws, image: str, uploaded: dict[tuple[str, str], str]) -> str:
    """What is there, and what to type."""
    lines = [f"s3://{bucket}/{key}" for bucket, key in uploaded]
    command = f"sam local invoke ProcessFunction -e events/s3-put.json -n events/{VARIABLES}"
    if image != LAMBDA_BASE:  # no registry responded
        command += f" --skip-pull-image --invoke-image {image}"
    bucket = next(bucket for bucket, _ in uploaded)
    return "\n".join(
        [
            *lines,
            f"Now, in another terminal (sam is {paths.SAM.relative_to(paths.ROOT)}, too):",
            f"  {command}",
            f"  curl -O {aws.endpoint}/{bucket}/output/maze.png",
            "After a change of worker/ or functions/: sam build. Ctrl-C ends the S3.",
        ]
    )


def show_what_comes(aws: EmbeddedAws, buckets: set[str]) -> NoReturn:
    """Each object that jobs write, once."""
    s3, seen = aws.client("s3"), set()
    while True:
        for bucket in buckets:
            for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                line = f"s3://{bucket}/{item['Key']}  {item['Size']} bytes"
                if not item["Key"].startswith(INPUT) and (line, item["LastModified"]) not in seen:
                    seen.add((line, item["LastModified"]))
                    print(line, flush=True)
        time.sleep(0.5)


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
