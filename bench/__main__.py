"""Measure the job: `python -m bench [--quick] [PICTURE]`.

Shows a table, writes build/bench.json, and with --plot the plot in docs/. Every output is checked
against an independent search. Exit codes: 0 every goal is met, 1 one is missed, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import PIL

from tooling.progress import step

from . import ROOT, cold_start, goals, kinds, plot, speed, table, transfers
from .cases import RECIPE, cases

OUT = ROOT / "build" / "bench.json"
PLOT = ROOT / "docs" / "bench-solver.png"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; gives the exit code."""
    wish = parse(arguments)
    began = time.monotonic()
    # The peer takes up to 40 s for the recipe's picture: five runs, and some room.
    budget, peer_budget, least = (2.0, 6.0, 3) if wish.quick else (20.0, 240.0, speed.ROUNDS)

    print(table.head())
    results = []
    for case in cases(wish.picture, wish.quick):
        results.append(speed.measure(case, budget, peer_budget, least))
        print(table.row(results[-1]), flush=True)
    print(table.legend())

    picture = wish.picture or next(c.file() for c in cases(None, wish.quick) if c.peer)
    with step("cold starts, on the embedded AWS"):
        rounds, recipe_rounds = (3, 1) if wish.quick else (9, 5)
        start = cold_start.measure(picture, rounds, recipe_rounds)
    print(table.cold_start(start))

    with step("kinds of processors, on the embedded AWS"):
        copied = kinds.measure(*((3, 20) if wish.quick else (9, 100)))
    print(table.kinds(copied))

    with step("transfers, on loopback"):
        moved = transfers.measure(*((500_000_000, 3) if wish.quick else (2_000_000_000, 9)))
    print(table.transfers(moved))

    reached = goals.of(results, start, copied, moved)
    print(table.goals(reached))
    OUT.parent.mkdir(exist_ok=True)
    report: dict[str, Any] = {
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "pillow": PIL.__version__,
        },
        "quick": wish.quick,
        "pictures": [asdict(result) for result in results],
        "cold_start": cold_start.as_json(start),
        "kinds": [asdict(each) for each in copied],
        "transfers": asdict(moved),
        "goals": [goal._asdict() for goal in reached],
    }
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    if wish.plot:
        plot.draw(report, PLOT)
    print(f"{time.monotonic() - began:.0f} s; written: {OUT.relative_to(ROOT)}")
    return 0 if all(goal.met for goal in reached) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measure the job.")
    parser.add_argument("--quick", action="store_true", help="a few small pictures, in a minute")
    parser.add_argument("--plot", action="store_true", help=f"draw {PLOT.relative_to(ROOT)}")
    parser.add_argument(
        "picture",
        nargs="?",
        type=Path,
        default=os.environ.get("BENCH_PICTURE") or (RECIPE if RECIPE.exists() else None),
        help="one more picture of a maze (or BENCH_PICTURE); unasked, the recipe's if it is there",
    )
    wish = parser.parse_args(arguments)
    if wish.picture and not wish.picture.is_file():
        parser.error(f"{wish.picture} is no file")
    return wish


if __name__ == "__main__":
    sys.exit(main())
