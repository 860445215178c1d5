"""The plot of the benchmark: `python -m bench.plot build/bench.json OUT`, where matplotlib is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Picture = dict[str, Any]
PEER = "mazesolver"


def main(source: Path, target: Path) -> None:
    report = json.loads(source.read_text())
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (times, ratios) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    _draw_times(times, report["pictures"])
    _draw_ratios(ratios, report["pictures"])
    machine = report["machine"]
    figure.text(
        0.995,
        0.005,
        f"Pillow {machine['pillow']}, Python {machine['python']}",
        ha="right",
        color="grey",
        size=7,
    )
    figure.savefig(target, dpi=120)


def _pixels(picture: Picture) -> int:
    pixels: int = picture["width"] * picture["height"]
    return pixels


def _over_pixels(pictures: list[Picture], values: list[float]) -> tuple[list[int], list[float]]:
    return [_pixels(picture) for picture in pictures], values


def _draw_times(axes: Axes, pictures: list[Picture]) -> None:
    peers = [p for p in pictures if p["peer_rounds"]]
    axes.plot(*_over_pixels(peers, [p["peer"] for p in peers]), "x", c="tab:red", label=PEER)
    for label, marker, colour, seconds in (
        ("limit", "_", "black", [p["limit"] * p["codec"] for p in pictures]),
        ("the job", "o", "tab:blue", [p["job"] for p in pictures]),
        ("decode + encode alone", ".", "silver", [p["codec"] for p in pictures]),
    ):
        axes.plot(*_over_pixels(pictures, seconds), marker, c=colour, label=label, mew=1.5)
    axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel="seconds", title="One job")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _draw_ratios(axes: Axes, pictures: list[Picture]) -> None:
    for kind in dict.fromkeys(p["kind"] for p in pictures):
        of_kind = sorted((p for p in pictures if p["kind"] == kind), key=_pixels)
        ratios = [p["ratio"] for p in of_kind]
        axes.plot(*_over_pixels(of_kind, ratios), "o", label=kind, ms=5, alpha=0.8)
    for limit, what in ((3, "every picture"), (1.5, "corridors of 1 px")):
        axes.axhline(limit, color="black", lw=1, ls="--")
        axes.annotate(f"limit: {what}", (0.01, limit), ("axes fraction", "data"), va="bottom")
    axes.set(xscale="log", ylim=(0.8, 4), xlabel="pixels", title="job / (decode + encode)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper right")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
