"""`python -m economics cost [options]`, `python -m economics simulate [options]`.

Exit codes: 0 done, 1 there is no measurement, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from . import ROOT, compare, document
from .cost import ITEMS, MODES, NETWORKS, RECIPE, Stack, at
from .figures import SIZES, Job, Measured, NotMeasured, Wrong, sizes

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m economics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _cost_options(commands.add_parser("cost", help="what a month costs"))
    wish = parser.parse_args(arguments)
    try:
        return cost(wish)
    except NotMeasured as error:
        print(error, file=sys.stderr)
        return 1
    except Wrong as error:
        parser.error(str(error))


def cost(wish: argparse.Namespace) -> int:
    """Raises NotMeasured, Wrong."""
    measured = Measured.load()
    if wish.uploads is None:
        return _write(measured)
    per_mib = wish.seconds_per_mib
    job = Job(measured.seconds_per_mib if per_mib is None else per_mib, measured.start_seconds)
    work = replace(document.work(measured), sizes=sizes(wish.sizes), job=job)
    chosen = Stack(
        mode=wish.mode,
        network=wish.network,
        architecture=wish.architecture,
        spot=wish.spot,
        max_tasks=wish.max_tasks,
        event_source=wish.event_source,
        threshold_mib=wish.threshold,
    )
    if wish.mode == "recipe":
        chosen = RECIPE
    bill = at(chosen, work, wish.uploads)
    for item in ITEMS:
        print(f"{item:<10}{compare.usd(bill.items[item]):>14} USD")
    print(f"{'all':<10}{compare.usd(bill.total):>14} USD a month")
    if not bill.fits:
        print("a file takes longer than the 900 s that Lambda lets a function run")
    return 0


def _write(measured: Measured) -> int:
    """The document and its plot."""
    document.FILE.write_text(document.document(measured))
    work = document.work(measured)
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    shown = {**compare.ENGINES, "fargate, arm64, Spot, public": None}
    data = {
        "uploads": uploads,
        "stacks": {
            name: [at(compare.ALL[name], work, count).without_storage for count in uploads]
            for name in shown
        },
    }
    plot("cost", data, document.PLOT)
    for line in document.table(
        ["uploads a month, USD without storage", *(f"{count:,.0f}" for count in compare.UPLOADS)],
        document.totals(compare.ALL, work),
    ):
        print(line)
    print(f"written: {document.FILE.relative_to(ROOT)}, {document.PLOT.relative_to(ROOT)}")
    return 0


def plot(kind: str, data: object, target: Path) -> None:
    """By matplotlib, which has an environment of its own."""
    DATA.mkdir(parents=True, exist_ok=True)
    file = DATA / f"{target.stem}.json"
    file.write_text(json.dumps(data))
    subprocess.run(
        [str(PYTHON_PLOT), "-m", "economics.plot", kind, str(file), str(target)],
        cwd=ROOT,
        check=True,
    )


def _cost_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--uploads", type=float, help="a month; without it, docs/COST.md is written")
    add("--sizes", default=SIZES, help=f"MiB:percent, with commas; {SIZES}")
    add("--mode", choices=MODES, default="lambda")
    add("--network", choices=NETWORKS, default="isolated")
    add("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    add("--event-source", choices=("s3", "cloudtrail"), default="s3")
    add("--threshold", type=float, default=128, help="HybridThresholdMiB")
    add("--max-tasks", type=int, default=0, help="MaxTasks")
    add("--spot", action="store_true")
    add("--seconds-per-mib", type=float, help="of another job than the measured one")


if __name__ == "__main__":
    sys.exit(main())
