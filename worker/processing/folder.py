"""A job's own folder on the disk of its function or task, empty before each job."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .errors import Failed, Rejected


class Folder(NamedTuple):
    """Where one job finds its upload and leaves its outputs. It is there after `empty`."""

    path: Path
    disk: Path | None = None
    """What nothing but jobs uses."""

    @property
    def source(self) -> Path:
        """For the upload's file."""
        return self.path / "source"

    @property
    def outputs(self) -> Path:
        return self.path / "outputs"

    @property
    def home(self) -> Path:
        """The job's home and current directory."""
        return self.path / "home"

    @property
    def temp(self) -> Path:
        return self.path / "temp"

    @property
    def outcome(self) -> Path:
        """The file in which the job says how it went."""
        return self.path / "outcome.json"

    def free(self) -> int:
        """Bytes that are left on its disk."""
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def empty(self) -> None:
        """Begin anew."""
        remove(self.path)
        if self.disk and _is_ours(self.disk):
            for each in self.disk.iterdir():
                remove(each)
        for each in (self.path, self.source, self.outputs, self.home, self.temp):
            each.mkdir(mode=0o700)


@contextmanager
def made(disk: Path | None) -> Iterator[Folder]:
    """A folder for the time of a job; `disk` is what nothing but jobs uses (None: any)."""
    if disk is None:
        import tempfile  # it takes some milliseconds, which functions and tasks need not pay
    name = f"job-{os.urandom(8).hex()}"
    path = Path(disk or tempfile.gettempdir()).resolve() / name
    try:
        yield Folder(path, disk)
    finally:
        remove(path)


def _is_ours(disk: Path) -> bool:
    """Whether all that is on the disk is a job's. A /tmp is, in a container or a function; that of
    a whole machine is everybody's."""
    return disk != Path("/tmp") or os.getpid() == 1 or Path("/var/task").is_dir()  # noqa: S108


def remove(path: Path | str) -> None:
    """A file, or a folder with all that is in it, whatever its modes; what is not ours stays."""
    with contextlib.suppress(OSError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISDIR(mode):
            os.unlink(path)  # noqa: PTH108, without pathlib: each job removes a dozen
            return
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(path, stat.S_IRWXU)  # noqa: PTH101
        for each in list(os.scandir(path)):
            remove(each.path)
        os.rmdir(path)  # noqa: PTH106


def files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """All files in it and in its subfolders, by their relative names, in order.

    Raises Rejected for what is neither a file nor a folder: followed, a link could bring anything
    that the worker may read into the outputs. Failed if the folder is not the one that was given.
    """
    if folder.resolve() != folder or not folder.is_dir():  # it, or one above it, became a link
        raise Failed("the job removed or replaced its folder for outputs")

    def within(path: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
        path.chmod(stat.S_IRWXU)
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            name, status = prefix + entry.name, entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                yield from within(Path(entry.path), f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield name, status
            else:
                raise Rejected(f"the job left {name!r}, which is neither a file nor a folder")

    yield from within(folder, "")
