"""The container's entry point: one upload, named by S3_BUCKET and S3_KEY, then exit.

With two paths, IN and OUT, it runs the job on local files instead, without AWS. OUT may be a
folder, for a job that leaves several files.

Exit codes: 0 the upload has its result (or, with paths, OUT was written); 1 failed, could be
different next time; 2 wrong arguments or settings, or a program that is not there; 3 (with paths
only) the file is rejected.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # what is imported stays: to look for garbage in it takes long

import os
import signal
import sys
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from . import clock, command, events, folder, job, records, reports, settings
from .errors import BadSetting, Exhausted, Failed, OutOfTime, Rejected, Stopped
from .output import Made, Source

SUCCEEDED, FAILED, WRONG, REJECTED = 0, 1, 2, 3
GRACE_SECONDS = 60
"""For S3, beside the time that the processor has: the task ends then, whatever it is doing."""


def main(arguments: list[str]) -> int:
    """Run one job; gives the exit code."""
    # At once, for process 1 of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, _stop)
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
    except Stopped as stopped:  # before there was a job
        print(f"error: stopped {stopped}", file=sys.stderr)
        return FAILED
    except BadSetting as error:
        print(f"error: {error}", file=sys.stderr)
        if not arguments:
            _keep(error)
        return WRONG


def run_on_bucket(chosen: settings.Settings) -> int:
    """The job of the upload that the environment names."""
    from .bucket import Bucket  # local files need no S3 client; the runner is on its way by now

    gc.freeze()
    gc.enable()  # the requests of a job with thousands of outputs leave some
    upload = events.from_environment(os.environ)
    if not events.is_upload(upload, chosen.input_prefix, chosen.input_suffix):
        return SUCCEEDED
    limit = chosen.max_seconds
    late = Stopped(f"the task took more than {limit} s (TaskTimeout), and {GRACE_SECONDS} s beside")
    try:
        with clock.limited(limit + GRACE_SECONDS, late) if limit else nullcontext():
            job.run(
                upload,
                Bucket(upload.bucket),
                chosen,
                notes=Bucket(chosen.notes_bucket or upload.bucket),
                reprocess=os.environ.get("REPROCESS"),
            )
    except (Failed, Stopped):
        return FAILED  # the report says why; anything unforeseen rises with its traceback
    return SUCCEEDED


def _keep(error: BadSetting) -> None:
    """For the failure function: why there was no job."""
    from .bucket import Bucket

    with suppress(BadSetting):
        upload = events.from_environment(os.environ)
        report = reports.Report("failed", *upload, mode="fargate", reason=str(error))
        notes = os.environ.get("NOTES_BUCKET") or upload.bucket
        records.put_report(Bucket(notes), asdict(report))


def run_on_files(source: Path, target: Path, chosen: settings.Settings) -> int:
    """The same job from file to file; or to files, where the target is a folder."""
    import mimetypes  # what only this needs takes some milliseconds
    import shutil

    try:
        with folder.made(None) as place:
            place.empty()
            path = place.source / command.source_name(source.name)
            shutil.copyfile(source, path)
            told = Source(
                path=path,
                key=source.name,
                name=source.name,
                content_type=mimetypes.guess_type(source.name)[0] or "application/octet-stream",
                metadata={},
                size=path.stat().st_size,
                version="",
            )
            made = chosen.processor(told, place, chosen.max_seconds)
            _copy(made, target)
    except Rejected as rejected:
        print(f"rejected: {source}: {rejected}", file=sys.stderr)
        return REJECTED
    except (Failed, Exhausted, OutOfTime) as failed:
        print(f"failed: {source}: {failed}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    return SUCCEEDED


def _copy(made: Made, target: Path) -> None:
    """Into the folder, or to the one file, that the user names."""
    import shutil

    if target.is_dir():
        for file in made.files:
            to = target / file.name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, to)
    elif len(made.files) > 1:
        problem = f"the job left {len(made.files)} files"
        raise OSError(f"{problem}: make {target} a folder that exists, for all of them")
    else:
        shutil.copyfile(made.files[0].path, target)


def _stop(number: int, frame: FrameType | None) -> None:
    """ECS asks a task to stop (Spot, retirement, an operator): fail now, and say so in the log."""
    raise Stopped("by SIGTERM")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
