"""The container's entry point: one upload, named by S3_BUCKET and S3_KEY, then exit.

With two paths, IN and OUT, it runs the job on local files instead, without AWS.

Exit codes: 0 the upload has its result (or, with paths, OUT was written); 1 failed, could be
different next time; 2 wrong arguments or settings; 3 (with paths only) the file is rejected.
"""

from __future__ import annotations

import mimetypes
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from . import events, job, settings
from .errors import BadSetting, Failed, Rejected, Stopped
from .output import Output

SUCCEEDED, FAILED, WRONG, REJECTED = 0, 1, 2, 3


def main(arguments: list[str]) -> int:
    """Run one job; gives the exit code."""
    try:
        chosen = settings.from_environment(os.environ)
        if len(arguments) == 2:
            return run_on_files(Path(arguments[0]), Path(arguments[1]), chosen)
        if arguments:
            print(
                "usage: python -m processing IN OUT\n"
                "   or: S3_BUCKET=... S3_KEY=... python -m processing",
                file=sys.stderr,
            )
            return WRONG
        return run_on_bucket(chosen)
    except BadSetting as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG


def run_on_bucket(chosen: settings.Settings) -> int:
    """The job of the upload that the environment names."""
    from .store import Bucket  # local files need no S3 client

    signal.signal(signal.SIGTERM, _stop)
    upload = events.from_environment(os.environ)
    if not events.is_upload(upload, chosen.input_prefix):
        return SUCCEEDED
    try:
        job.run(upload, Bucket(upload.bucket), chosen)
    except (Failed, Stopped):
        return FAILED  # the report says why; anything unforeseen rises with its traceback
    return SUCCEEDED


def run_on_files(source: Path, target: Path, chosen: settings.Settings) -> int:
    """The same job from file to file."""
    try:
        content_type = mimetypes.guess_type(source.name)[0] or "application/octet-stream"
        output = Output(*chosen.processor(source.read_bytes(), content_type))
        target.write_bytes(output.body)
    except Rejected as rejected:
        print(f"rejected: {source}: {rejected}", file=sys.stderr)
        return REJECTED
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    return SUCCEEDED


def _stop(number: int, frame: FrameType | None) -> None:
    """ECS asks a task to stop (Spot, retirement, an operator): fail now, and say so in the log."""
    raise Stopped("by SIGTERM")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
