"""What a processor gives back."""

from __future__ import annotations

from typing import NamedTuple


class Output(NamedTuple):
    """The output of one upload."""

    body: bytes
    content_type: str
    pixels: int | None = None
    """Pixels of the picture, for the log."""
