"""A picture of each page of a PDF."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
from processing.errors import Rejected
from processing.output import Source

DOTS_PER_INCH = 144
LONGEST_SIDE = 10_000
"""Pixels: a PDF may say that its page is as large as a house."""


def pages(source: Source, outputs: Path) -> None:
    """Write page-0001.png and so on. Raises Rejected."""
    try:
        with pypdfium2.PdfDocument(source.path) as document:
            for number, page in enumerate(document, start=1):
                scale = min(DOTS_PER_INCH / 72, LONGEST_SIDE / max(*page.get_size(), 1))
                picture = page.render(scale=scale).to_pil()
                picture.save(outputs / f"page-{number:04}.png")
    except pypdfium2.PdfiumError as error:
        raise Rejected(f"this PDF can't be read: {error}") from error
