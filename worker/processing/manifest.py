"""Several outputs of one upload: where their files lie, and the manifest that names them.

Each run of a job has a folder of its own, so that no two write the same key; the files become
visible by the manifest, which is one object at the output's key. Pure: no S3, no clock.

    files/<name>/<UTC time>-<random>.run/<file>
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from . import text
from .errors import Rejected
from .objects import LONGEST_KEY, Object, fits
from .output import File

MARK = ".run/"
"""What ends the name of a run's folder, and is in no upload's name before it: a listing that has it
as its delimiter gives each run once."""

LONGEST_RUN = timedelta(hours=12)
"""A run that is older writes no manifest any more."""
ORPHANED = timedelta(hours=24)
"""A run that is as old and that no manifest names never will be named, so its files can go. More
than LONGEST_RUN, the time for which the manifest's PUT may be tried (exchange.PATIENCE_SECONDS) and
the 15 minutes for which S3 takes a signature, together."""

MOST_FILES = 10_000
MOST_BYTES = 200 * 2**30
"""Of all files together: as much as the largest disk has. A file with holes may claim more."""

_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")
_TIME = "%Y%m%dT%H%M%SZ"


class Run(NamedTuple):
    """One run of the job of one upload."""

    prefix: str
    """Of all files, of all uploads."""
    name: str
    """The output's, without the output prefix."""
    id: str

    @property
    def folder(self) -> str:
        """What the keys of its files start with."""
        return f"{self.prefix}{self.name}/{self.id}{MARK}"

    @property
    def began(self) -> datetime:
        return datetime.strptime(self.id.partition("-")[0], _TIME).replace(tzinfo=UTC)


def new_run(prefix: str, name: str, began: datetime, random: bytes) -> Run:
    """`random`: eight bytes."""
    return Run(prefix, name, f"{began:{_TIME}}-{random.hex()}")


def read_run(prefix: str, folder: str) -> Run | None:
    """A folder as `Run.folder` names it; None for one that is no run's."""
    name, slash, run_id = folder.removeprefix(prefix).removesuffix(MARK).rpartition("/")
    found = Run(prefix, name, run_id)
    try:
        return found if slash and _RUN.fullmatch(run_id) and found.began else None
    except ValueError:  # no such time
        return None


def check(run: Run, files: Sequence[File]) -> None:
    """Reject what can't be written, or not be told apart, before anything is."""
    total = sum(file.size for file in files)
    if total > MOST_BYTES:
        raise Rejected(f"the job left {total} bytes, more than the limit of {MOST_BYTES}")
    if len(files) == 1:
        return
    if len(files) > MOST_FILES:
        raise Rejected(f"the job left {len(files)} files, more than the limit of {MOST_FILES}")
    if MARK in f"{run.name}/":
        raise Rejected(
            f"the job left several files, whose keys would be ambiguous with {MARK!r} in the "
            "upload's: name it otherwise"
        )
    for key, file in keys(run, files):
        if any("\ud800" <= each <= "\udfff" for each in file.name):  # as Python reads such bytes
            raise Rejected(f"the job left a file whose name is no UTF-8: {file.name!r}")
        if not fits(key):
            raise Rejected(
                f"the key of {file.name!r} would have {len(key.encode())} bytes, more than the "
                f"{LONGEST_KEY} that S3 allows: shorten the upload's name, or the file's"
            )


def keys(run: Run, files: Sequence[File]) -> Iterator[tuple[str, File]]:
    """Each file with its key."""
    return ((run.folder + file.name, file) for file in files)


def body(upload: Object, run: Run, files: Sequence[File], etags: Sequence[str]) -> bytes:
    """The manifest. It contains the run, so that no two have the same ETag: what the condition of
    another job's PUT was can't come back."""
    named = [
        {
            "name": file.name,
            "key": key,
            "size": file.size,
            "etag": etag,
            "content_type": file.content_type,
        }
        for (key, file), etag in zip(keys(run, files), etags, strict=True)
    ]
    said = {"upload": upload.key, "version": upload.version, "run": run.id, "files": named}
    return f"{text.to_json(said, indent=2)}\n".encode()
