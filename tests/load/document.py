"""The tables and the plots of docs/LOAD.md, from what the runs left in build/load:
`python -m tests.load.document`. The row of a scenario that was not run now stays as it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

from tooling import paths

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
        _plot("load", loads)
    for soak in (row for row in rows if "sweeps" in row):
        text = _with(text, "soak", _table(SOAK, _soak(soak)))
        _plot("soak", soak)
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


def _plot(kind: str, data: object) -> None:
    """By matplotlib, which has an environment of its own."""
    kept = RESULTS / f"{kind}.plot"
    kept.write_text(json.dumps(data))
    target = FILE.with_name(f"{kind}.png")
    command = [paths.PYTHON_PLOT, "-m", "tests.load.plot", kind, kept, target]
    subprocess.run([str(each) for each in command], cwd=paths.ROOT, check=True)


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
