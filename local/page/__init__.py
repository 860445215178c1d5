"""The demo's page for people: pictures before and after, when what happened, and the stack.

One file that needs nothing else, neither a network nor a script.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from . import diagram, stack

LONGEST_SIDE = 900
"""Pixels: a picture on the page; the file itself lies beside it."""


@dataclass(frozen=True)
class Job:
    """What became of one upload in one scenario."""

    scenario: str
    parameters: Mapping[str, str]
    upload: Path
    file: Path
    seconds: Mapping[str, float]
    """Since the upload, of each thing that happened, in order."""
    notes: Mapping[str, str]
    milliseconds: int

    @property
    def outcome(self) -> str:
        return [*self.seconds][-1]

    @property
    def total(self) -> float:
        return max(self.seconds.values())

    @property
    def before(self) -> str | None:
        return preview(self.upload)

    @property
    def after(self) -> str | None:
        return preview(self.file) if self.outcome == "answered" else None

    @property
    def rejection(self) -> dict[str, Any] | None:
        if self.outcome != "rejected":
            return None
        record: dict[str, Any] = json.loads(self.file.read_text())
        return record

    @property
    def record(self) -> str:
        """The rejection as people read it."""
        return json.dumps(self.rejection, indent=2, ensure_ascii=False)

    @property
    def bytes(self) -> int:
        return self.upload.stat().st_size

    @property
    def diagram(self) -> diagram.Diagram:
        return diagram.draw(stack.read(self.parameters))

    def spans(self, longest: float) -> list[tuple[str, float, float]]:
        """What was waited for, from where and for how long, in percent of the longest job.

        The times come from several clocks: none goes back behind the one before it.
        """
        names = ("the event comes", "the engine starts", "the job")
        edges = [0.0]
        for after in [*self.seconds.values()][1:]:
            edges.append(max(edges[-1], after))
        scale = 100 / longest if longest else 0
        return [
            (name, start * scale, (end - start) * scale)
            for name, start, end in zip(names, edges, edges[1:], strict=False)
        ]


def preview(file: Path) -> str | None:
    """The picture as a data: address of a PNG, which every browser shows; None for no picture."""
    try:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    png = BytesIO()
    picture.save(png, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def write(jobs: Sequence[Job], to: Path) -> None:
    """Write the page of these jobs."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of files and reasons are whatever people upload
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("index.html.j2")
    longest = max((job.total for job in jobs), default=0)
    box = {"width": diagram.WIDTH, "height": diagram.HEIGHT}
    to.write_text(page.render(jobs=jobs, longest=longest, box=box, folder=to.parent))
