"""A plot of curves, from JSON: `python -m economics.plot IN.json OUT.png`, where matplotlib is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt


def draw(curves: list[dict[str, Any]], axes: dict[str, Any]) -> Any:  # noqa: ANN401
    """Of each curve its `x` and `y`, and what matplotlib's `plot` knows besides."""
    figure, axis = plt.subplots(figsize=(9.6, 4.6), layout="constrained")
    for curve in curves:
        axis.plot(curve.pop("x"), curve.pop("y"), **curve)
    axis.set(**axes)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))  # beside the curves
    return figure


if __name__ == "__main__":
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    draw(**json.loads(Path(sys.argv[1]).read_text())).savefig(sys.argv[2], dpi=120)
