"""A second job, as an example: shrink a picture. `Processor=processing.thumbnail:thumbnail`."""

from __future__ import annotations

from . import picture
from .output import Output


def thumbnail(body: bytes, content_type: str, max_pixels: int = picture.MAX_PIXELS) -> Output:
    """The picture, at most 256 pixels wide and high."""
    original = picture.read(body, max_pixels)
    original.image.thumbnail((256, 256))
    return Output(*picture.write(original))
