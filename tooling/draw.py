"""Draws what plot.py hands over: `python -m tooling.draw OUT.png`, where matplotlib is."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt


def draw(panels: list[dict[str, Any]], columns: int, size: list[float], footer: str) -> Any:  # noqa: ANN401
    rows = math.ceil(len(panels) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, panel in zip(axes.flat, panels, strict=False):
        for curve in panel["curves"]:
            axis.plot(curve.pop("x"), curve.pop("y"), **curve)
        for said, y in panel["lines"].items():
            axis.axhline(y, color="black", lw=1, ls="--")
            axis.annotate(said, (0.01, y), xycoords=("axes fraction", "data"), va="bottom")
        axis.set(**panel["axes"])
        axis.grid(alpha=0.3)
        if panel["legend"] is not None:
            axis.legend(frameon=False, **panel["legend"])
    if footer:
        figure.text(0.995, 0.005, footer, ha="right", color="grey", size=7)
    return figure


if __name__ == "__main__":
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    draw(**json.load(sys.stdin)).savefig(sys.argv[1], dpi=120)
