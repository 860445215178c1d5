"""The plot of the benchmark: the job beside its limits, and their ratio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tooling.plot import Panel, plot

from .cases import MAZE, OTHER

Picture = dict[str, Any]
PEER = "mazesolver"


def draw(report: dict[str, Any], target: Path) -> None:
    machine, pictures = report["machine"], report["pictures"]
    footer = f"Pillow {machine['pillow']}, Python {machine['python']}"
    plot(target, _times(pictures), _ratios(pictures), size=(11, 4.6), footer=footer)


def _pixels(picture: Picture) -> int:
    pixels: int = picture["width"] * picture["height"]
    return pixels


def _points(pictures: list[Picture], values: list[float], **how: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"x": [_pixels(picture) for picture in pictures], "y": values, "ls": ""} | how


def _times(pictures: list[Picture]) -> Panel:
    peers = [p for p in pictures if p["peer_rounds"]]
    curves = [_points(peers, [p["peer"] for p in peers], marker="x", c="tab:red", label=PEER)]
    for label, marker, colour, seconds in (
        ("limit", "_", "black", [p["limit"] * p["codec"] for p in pictures]),
        ("the job", "o", "tab:blue", [p["job"] for p in pictures]),
        ("decode + encode alone", ".", "silver", [p["codec"] for p in pictures]),
    ):
        curves.append(_points(pictures, seconds, marker=marker, c=colour, label=label, mew=1.5))
    scales = {"xscale": "log", "yscale": "log", "xlabel": "pixels", "ylabel": "seconds"}
    return Panel(curves, scales | {"title": "One job"}, legend={})


def _ratios(pictures: list[Picture]) -> Panel:
    curves = []
    for kind in dict.fromkeys(p["kind"] for p in pictures):
        of_kind = sorted((p for p in pictures if p["kind"] == kind), key=_pixels)
        ratios = [p["ratio"] for p in of_kind]
        curves.append(_points(of_kind, ratios, marker="o", label=kind, ms=5, alpha=0.8))
    axes = {"xscale": "log", "ylim": (0.8, 2.4), "xlabel": "pixels"}
    return Panel(
        curves,
        axes | {"title": "job / (decode + encode)"},
        legend={"fontsize": 7, "ncols": 2, "loc": "upper right"},
        lines={"limit: every picture": OTHER, "limit: mazes": MAZE},
    )
