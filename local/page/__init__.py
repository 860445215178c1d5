"""The demo's page for people: pictures before and after, when what happened, and the stack.

One file that needs nothing else, neither a network nor a script.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from tooling.pages import templates

from . import diagram, stack

LONGEST_SIDE = 900
"""Pixels: a picture on the page; the file itself lies beside it."""
SHOWN = 384
"""Pixels: how wide the page shows it, at most."""
MOST_TRIED = 20
"""Outputs, in which a picture is looked for."""
PATH = (26, 127, 55)
"""As the page draws it: (0, 255, 0) on white is hard to see."""
SPANS = {
    "event": ("event", "the event comes"),
    "started": ("engine", "the engine starts"),
    "succeeded": ("job", "the job"),
    "rejected": ("job", "the job"),
}
"""What was waited for until this happened: its colour and its name."""


@dataclass(frozen=True)
class Output:
    """One file that a job made."""

    path: Path
    content_type: str

    @property
    def digest(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Bucket:
    """A bucket that was there before its stack."""

    name: str
    before: Mapping[str, Any]
    """Its notifications, as S3 gives them."""
    after: Mapping[str, Any]
    objects: Mapping[str, str]
    """Each key, and whether it was there before."""
    notes: str
    """The stack's own bucket."""
    notes_objects: Sequence[str]
    """The keys there."""

    @property
    def said(self) -> str:
        """What became of the notifications."""
        as_expected = {**self.before, "EventBridgeConfiguration": {}} == self.after
        return "EventBridge was added, and nothing else changed" if as_expected else "CHANGED"

    @property
    def lines(self) -> list[tuple[str, bool]]:
        """The notifications after, and which lines are new."""
        there = _lines(self.before)
        return [(line, line not in there) for line in _lines(self.after)]

    @property
    def lines_before(self) -> list[tuple[str, bool]]:
        return [(line, False) for line in _lines(self.before)]


def _lines(notifications: Mapping[str, Any]) -> list[str]:
    return [f"{kind}: {json.dumps(each)}" for kind, each in sorted(notifications.items())]


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
    outputs: Sequence[Output] = ()
    bucket: Bucket | None = None
    """Where it is not the stack's own."""

    @property
    def outcome(self) -> str:
        return [*self.seconds][-1]

    @property
    def total(self) -> float:
        return max(self.seconds.values())

    @functools.cached_property
    def before(self) -> str | None:
        return preview(self.upload)

    @functools.cached_property
    def after(self) -> str | None:
        """The first output that is a picture."""
        files = [output.path for output in self.outputs] or [self.file]
        shown = (preview(file, self.upload) for file in files[:MOST_TRIED])
        return next(filter(None, shown), None) if self.outcome == "succeeded" else None

    @property
    def rejection(self) -> dict[str, Any] | None:
        if self.outcome != "rejected":
            return None
        record: dict[str, Any] = json.loads(self.file.read_text())
        return record

    @property
    def record(self) -> str:
        """The rejection as people read it, without the reason, which stands above it."""
        said = {name: value for name, value in (self.rejection or {}).items() if name != "reason"}
        return json.dumps(said, indent=2, ensure_ascii=False)

    @property
    def bytes(self) -> int:
        return self.upload.stat().st_size

    @property
    def diagram(self) -> diagram.Diagram:
        return diagram.draw(stack.read(self.parameters))

    def spans(self, longest: float) -> list[tuple[str, str, float, float]]:
        """What was waited for (colour, name), from where and for how long, in percent of the
        longest job.

        The times come from several clocks: none goes back behind the one before it.
        """
        scale = 100 / longest if longest else 0
        found, start = [], 0.0
        for what, after in [*self.seconds.items()][1:]:
            end = max(start, after)
            found.append((*SPANS[what], start * scale, (end - start) * scale))
            start = end
        return found


def preview(file: Path, upload: Path | None = None) -> str | None:
    """The picture as a data: address of a PNG, which every browser shows; None for no picture.

    The path that it has and the upload has not is drawn wide enough to be seen.
    """
    picture, before = _picture(file), upload and _picture(upload)
    if picture is None:
        return None
    path = _path(picture, before) if before and before.size == picture.size else None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if path:
        narrow = path.resize(picture.size, Image.Resampling.BOX).point(lambda v: 255 if v else 0)
        times = max(picture.size) // SHOWN
        picture.paste(PATH, mask=narrow.filter(ImageFilter.MaxFilter(2 * times + 1)))
    png = BytesIO()
    picture.save(png, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def _picture(file: Path) -> Image.Image | None:
    try:
        with Image.open(file) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _path(picture: Image.Image, before: Image.Image) -> Image.Image:
    """White where the picture is green and was not; a JPEG's green is only nearly (0, 255, 0)."""

    def green(of: Image.Image) -> Image.Image:
        red, green, blue = of.split()
        more = ImageChops.subtract(green, ImageChops.lighter(red, blue))
        return more.point(lambda value: 255 if value > 100 else 0)

    return ImageChops.subtract(green(picture), green(before))


def write(jobs: Sequence[Job], to: Path) -> None:
    """Write the page of these jobs."""
    # Escaped: names of files and reasons are whatever people upload.
    page = templates(Path(__file__).parent, autoescape=True).get_template("index.html.j2")
    longest = max((job.total for job in jobs), default=0)
    box = {"width": diagram.WIDTH, "height": diagram.HEIGHT}
    to.write_text(page.render(jobs=jobs, longest=longest, box=box, folder=to.parent))
