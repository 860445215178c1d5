"""The tables and the plots of docs/LOAD.md, from what the runs left in build/load:
`python -m tests.load.document`. The row of a scenario that was not run now stays as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from tooling import paths
from tooling.plot import Panel, plot

Json = dict[str, Any]

RESULTS = paths.BUILD / "load"
FILE = paths.ROOT / "docs" / "LOAD.md"

COLUMNS = {
    "scenario": "scenario",
    "uploads": "uploads",
    "bad": "bad",
    "overwrites": "over-written",
    "comes_twice": "events twice",
    "killed": "killed",
    "by_events": "results by events",
    "by_sweep": "by the sweep",
    "failed": "failures, each with its cause",
    "alarms": "alarms",
    "told": "told by the topic",
    "processor": "processor seconds",
    "wall": "seconds",
    "date": "date",
}
COLOURS = {"events": "tab:green", "sweep": "tab:orange"}
SWEPT = ("heads", "calls", "notes", "messages", "mib")
SOAK = ["sweeps", "HEADs each", "calls of S3 each", "notes", "messages", "emulator, MiB", "date"]


def main() -> None:
    rows = [json.loads(file.read_text()) for file in RESULTS.glob("*.json")]
    loads = sorted((row for row in rows if "answered" in row), key=lambda row: -row["uploads"])
    text = FILE.read_text()
    if loads:
        new = {row["scenario"]: _cells(row) for row in loads}
        cells = sorted((_rows(text, "load") | new).values(), key=lambda row: -_number(row[1]))
        text = _with(text, "load", _table(COLUMNS.values(), cells))
        _plot_loads(loads)
    for soak in (row for row in rows if "sweeps" in row):
        text = _with(text, "soak", _table(SOAK, _soak(soak)))
        _plot_soak(soak)
    FILE.write_text(text)
    print(f"written: {FILE.relative_to(paths.ROOT)} and its plots")


def _with(text: str, name: str, table: str) -> str:
    """The document with another table between the marks of that name."""
    before, _, after = _parts(text, name)
    return before + table + after


def _rows(text: str, name: str) -> dict[str, list[str]]:
    """The table's rows, by their first cells."""
    rows = [line.strip("| ").split(" | ") for line in _parts(text, name)[1].splitlines()[2:]]
    return {row[0]: row for row in rows}


def _parts(text: str, name: str) -> tuple[str, str, str]:
    """What is before the table of that name, the table, and what is after it."""
    begins, ends = f"<!-- {name}: written by make {name} -->\n", f"<!-- {name}: end -->"
    before, rest = text.split(begins)
    table, after = rest.split(ends)
    return before + begins, table, ends + after


def _number(cell: str) -> int:
    return int(cell.replace(",", ""))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _plot_loads(rows: list[Json]) -> None:
    """When each upload got the result that it has at the end, and by whom."""
    wide = min(3, len(rows))
    panels = []
    for row in rows:
        curves, there = [], 0
        for who, times in row["answered"].items():
            counts = [there + number for number in range(len(times) + 1)]
            x, y = [*times[:1], *times], counts[: len(times) + bool(times)]
            curves.append({"x": x, "y": y, "c": COLOURS[who], "lw": 2, "label": f"by the {who}"})
            there += len(times)
        axes = {"title": row["scenario"], "ylim": 0}
        labels = {} if panels else {"xlabel": "seconds", "ylabel": "results"}
        panels.append(Panel(curves, axes | labels, legend=None if panels else {}))
    high = 2.6 * math.ceil(len(rows) / wide)
    plot(FILE.with_name("load.png"), *panels, columns=wide, size=(11, high))


def _plot_soak(soak: Json) -> None:
    """What each sweep asks, and what is kept after it."""

    def curve(what: str, label: str, **how: str) -> Json:
        counts = [sweep[what] for sweep in soak["sweeps"]]
        return {"x": [*range(len(counts))], "y": counts, "label": label} | how

    asked = [curve(what, what) for what in ("calls", "heads", "notes", "messages")]
    kept = [curve("mib", "the emulator, MiB", c="grey")]
    plot(
        FILE.with_name("soak.png"),
        Panel(asked, {}, legend={"ncols": 4}),
        Panel(kept, {"xlabel": "sweep", "ylim": 0}, legend={}),
        columns=1,
        size=(9.6, 4),
    )


def _soak(soak: Json) -> list[list[str]]:
    sweeps = soak["sweeps"]
    tenth = -(-len(sweeps) // 10)
    parts = {"the first tenth": sweeps[:tenth], "the last tenth": sweeps[-tenth:]}
    return [
        [name, *(_range([each[what] for each in part]) for what in SWEPT), soak["date"]]
        for name, part in parts.items()
    ]


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def _cells(row: Json) -> list[str]:
    seconds = row["seconds"]
    shown = row | {
        "failed": str(sum(row["failures"].values())),
        "alarms": ", ".join(row["alarms"]) or "none",
        "processor": round(seconds["aws"] + seconds["test"]),
        "wall": round(seconds["wall"]),
    }
    return [
        f"{shown[name]:,}" if isinstance(shown[name], int) else str(shown[name]) for name in COLUMNS
    ]


if __name__ == "__main__":
    main()
