"""The plots: `python -m tests.load.plot load|soak FILE OUT`, where matplotlib is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

COLOURS = {"events": "tab:green", "sweep": "tab:orange"}


def main(kind: str, source: Path, target: Path) -> None:
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = {"load": load, "soak": soak}[kind](json.loads(source.read_text()))
    figure.savefig(target, dpi=110)


def load(rows: list[dict[str, Any]]) -> Any:
    """When each upload got the result that it has at the end, and by whom."""
    wide = min(3, len(rows))
    high = -(-len(rows) // wide)
    figure, axes = plt.subplots(
        high, wide, figsize=(11, 2.6 * high), layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(rows) :]:
        axis.axis("off")
    for axis, row in zip(axes.flat, rows, strict=False):
        there = 0
        for who, times in row["answered"].items():
            counts = [there + number for number in range(len(times) + 1)]
            axis.plot([*times[:1], *times], counts[: len(times) + bool(times)],
                c=COLOURS[who], lw=2, label=f"by the {who}")  # fmt: skip
            there += len(times)
        axis.set(title=row["scenario"], ylim=0)
        axis.grid(alpha=0.3)
    axes.flat[0].legend(frameon=False)
    axes.flat[0].set(xlabel="seconds", ylabel="results")
    return figure


def soak(said: dict[str, Any]) -> Any:
    """What each sweep asks, and what is kept after it."""
    sweeps = said["sweeps"]
    figure, (above, below) = plt.subplots(2, 1, figsize=(9.6, 4), layout="constrained", sharex=True)
    for what in ("calls", "heads", "notes", "messages"):
        above.plot([sweep[what] for sweep in sweeps], label=what)
    below.plot([sweep["mib"] for sweep in sweeps], c="grey", label="the emulator, MiB")
    below.set(xlabel="sweep", ylim=0)
    for axis in (above, below):
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, ncols=4)
    return figure


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
