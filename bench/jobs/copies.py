"""Processors that do nothing but copy: what is measured is what is around them."""

from __future__ import annotations

import shutil
from pathlib import Path

from processing.output import Source


def of_bytes(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The same bytes."""
    return body, content_type


def of_files(source: Source, outputs: Path) -> None:
    """The same file."""
    shutil.copyfile(source.path, outputs / "copy")


def of_links(source: Source, outputs: Path) -> None:
    """The same file, under one more name: no byte is copied, so that nothing but the transfers is
    left."""
    (outputs / "copy").hardlink_to(source.path)
