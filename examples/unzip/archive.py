"""The files of a ZIP archive, of which neither a bomb nor a path that leads elsewhere does harm."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO

from processing.errors import Rejected
from processing.output import Source

MOST_FILES = 500
MOST_BYTES = 2**30
"""Of all files together, as they come out: what the archive says of itself may be a lie."""


def unpack(source: Source, outputs: Path) -> None:
    """Write each file under its own name. Raises Rejected."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            files = [member for member in archive.infolist() if not member.is_dir()]
            if len(files) > MOST_FILES:
                raise Rejected(f"the archive has {len(files)} files; {MOST_FILES} are taken")
            left = MOST_BYTES
            for member in files:
                target = place(member, outputs)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed, target.open("xb") as file:
                    left = copy(packed, file, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # In this order: damaged, three times; a method that Python lacks; encrypted.
        raise Rejected(f"this archive can't be unpacked: {error}") from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise Rejected(f"two files of the archive want one place: {error.filename}") from error


def place(member: zipfile.ZipInfo, outputs: Path) -> Path:
    """Where it goes: below the folder of outputs. Raises Rejected."""
    parts = member.filename.split("/")
    if member.filename.startswith("/") or not {"", ".", ".."}.isdisjoint(parts):
        raise Rejected(f"the archive's {member.filename!r} would lie outside of the output")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Rejected(f"the archive's {member.filename!r} is a symbolic link")
    return outputs.joinpath(*parts)


def copy(packed: IO[bytes], file: IO[bytes], left: int) -> int:
    """Copy at most so many bytes; gives how many are left. Raises Rejected."""
    while chunk := packed.read(shutil.COPY_BUFSIZE):
        left -= len(chunk)
        if left < 0:
            raise Rejected(f"the archive's files have more than {MOST_BYTES:,} bytes")
        file.write(chunk)
    return left
