"""A processor without a process: what most tests of a job need, at the seam settings.Processor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processing.errors import Exhausted
from processing.folder import Folder, files
from processing.output import File, Made, Output, Source


@dataclass(frozen=True)
class OnBytes:
    """A function on bytes, called as it is."""

    function: Callable[[bytes, str], Any]

    def takes_bytes(self) -> bool:
        return True

    def __call__(self, source: Source, folder: Folder, seconds: float | None) -> Made:
        try:
            output = Output(*self.function(source.path.read_bytes(), source.content_type))
        except MemoryError as error:
            raise Exhausted("memory") from error
        path = folder.outputs / "output"
        path.write_bytes(output.body)
        file = File(path.name, path, len(output.body), output.content_type)
        return Made((file,), output.pixels)


@dataclass(frozen=True)
class OnFiles:
    """A function on files, called as it is."""

    function: Callable[[Source, Path], None]

    def takes_bytes(self) -> bool:
        return False

    def __call__(self, source: Source, folder: Folder, seconds: float | None) -> Made:
        self.function(source, folder.outputs)
        return Made(
            tuple(
                File(name, folder.outputs / name, status.st_size, "text/plain")
                for name, status in files(folder.outputs)
            )
        )
