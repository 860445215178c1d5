"""A plot of curves: this hands it to matplotlib, which has an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import paths

BESIDE = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}


@dataclass(frozen=True)
class Panel:
    """One pair of axes. What is in a dictionary is in matplotlib's own words."""

    curves: Sequence[Mapping[str, Any]]
    """Of each its `x` and `y`, and what `plot` knows besides."""
    axes: Mapping[str, Any]
    """Title, labels, scales."""
    legend: Mapping[str, Any] | None = field(default_factory=lambda: BESIDE)
    lines: Mapping[str, float] = field(default_factory=dict)
    """Across it, by what is said of them."""


def plot(
    target: Path,
    *panels: Panel,
    columns: int = 0,
    size: tuple[float, float] = (9.6, 4.6),
    footer: str = "",
) -> None:
    """Draw panels, row by row: all of them side by side, or in so many columns."""
    target.parent.mkdir(parents=True, exist_ok=True)
    grid = {"columns": columns or len(panels), "size": size}
    drawn = {"panels": [asdict(panel) for panel in panels], "footer": footer, **grid}
    command = [str(paths.PYTHON_PLOT), "-m", "tooling.draw", str(target)]
    subprocess.run(command, cwd=paths.ROOT, check=True, text=True, input=json.dumps(drawn))
