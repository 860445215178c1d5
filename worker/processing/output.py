"""What a processor is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """An upload, as a processor on files gets it."""

    path: Path
    """Where its content is. The path keeps a safe form of the name's extension."""
    key: str
    name: str
    """The key without the input prefix."""
    content_type: str
    metadata: Mapping[str, str]
    """The user's, with names in lower case."""
    size: int
    version: str


class Output(NamedTuple):
    """What a processor on bytes made of one upload."""

    body: bytes
    content_type: str
    pixels: int | None = None
    """Pixels of the picture, for the log."""


class File(NamedTuple):
    """One file that a job left."""

    name: str
    """Relative to the folder of outputs, with "/" between folders."""
    path: Path
    size: int
    content_type: str


class Made(NamedTuple):
    """All that a job left: one file is the output itself, several get a manifest."""

    files: tuple[File, ...]
    pixels: int | None = None
