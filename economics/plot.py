"""The plots: `python -m economics.plot cost|simulate FILE.json OUT`, where matplotlib is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

COLOURS = {"lambda": "tab:orange", "hybrid": "tab:green", "fargate": "tab:blue"}
COLOURS["the recipe"] = "tab:red"
UNITS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def cost(said: dict[str, Any]) -> Any:  # noqa: ANN401
    """A month's cost over uploads, as it is and for a million uploads; faint where quotas have to
    be raised for it."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained", sharex=True)
    for name, stack in said["stacks"].items():
        style = {"c": COLOURS[name], "lw": 2} if name in COLOURS else {"c": "grey", "ls": "--"}
        each = [1e6 * usd / count for usd, count in zip(stack, said["uploads"], strict=True)]
        within = said["within"][name]
        for axis, values in ((axes[0], stack), (axes[1], each)):
            axis.plot(said["uploads"][:within], values[:within], label=name, **style)
            axis.plot(said["uploads"][within - 1 :], values[within - 1 :], alpha=0.35, **style)
    for each, title in ((axes[0], "USD a month"), (axes[1], "USD for a million uploads")):
        each.set(xscale="log", yscale="log", xlabel="uploads a month", title=title)
        each.grid(alpha=0.3)
    axes[1].set_ylim(5, 1e5)
    axes[0].legend(frameon=False)
    note = "without storage\nfaint: needs more than a new account,\nor the sweep, has"
    axes[0].text(0.98, 0.03, note, transform=axes[0].transAxes, ha="right", color="grey", size=8)
    return figure


def simulate(said: dict[str, Any]) -> Any:  # noqa: ANN401
    """One scenario: what succeeded and what waits, and what is busy."""
    longest = said["seconds"][-1]
    unit = next((name for name, length in UNITS.items() if longest > 3 * length), "seconds")
    times = [second / UNITS[unit] for second in said["seconds"]]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9.6, 4.6), layout="constrained", sharex=True, height_ratios=(2, 1)
    )
    above.plot(times, said["uploaded"], c="silver", label="uploaded", lw=3)
    above.plot(times, said["succeeded"], c="tab:green", label="succeeded")
    above.plot(times, said["waiting"], c="tab:red", label="waiting for an engine")
    above.set(title=said["title"], ylabel="uploads", ylim=(0, None))
    below.plot(times, said["functions"], c="tab:orange", label="functions")
    below.plot(times, said["tasks"], c="tab:blue", label="tasks")
    below.set(xlabel=unit, ylabel="running", ylim=(0, None))
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))  # beside the curves
    return figure


if __name__ == "__main__":
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    draw = {"cost": cost, "simulate": simulate}[sys.argv[1]]
    draw(json.loads(Path(sys.argv[2]).read_text())).savefig(sys.argv[3], dpi=120)
