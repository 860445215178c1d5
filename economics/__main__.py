"""`python -m economics cost [options]`, `python -m economics simulate [options]`.

Exit codes: 0 done, 1 there is no measurement, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from local.progress import step

from . import ROOT, compare, document, scale
from .cost import ITEMS, MODES, NETWORKS, RECIPE, Stack, at
from .figures import SIZES, Job, Measured, NotMeasured, Wrong, sizes
from .limits import Limits
from .model import Model
from .scenario import ARRIVALS, Scenario

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m economics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _cost_options(commands.add_parser("cost", help="what a month costs"))
    _simulate_options(commands.add_parser("simulate", help="what is limited, and when"))
    wish = parser.parse_args(arguments)
    try:
        return cost(wish) if wish.command == "cost" else simulate(wish)
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
    for need in bill.needs:
        print(f"needs {need.needed:,.0f} {need.what}: {need.limit} {need.there_is:,.3g}")
    return 0


def simulate(wish: argparse.Namespace) -> int:
    """Raises Wrong."""
    job = scale.measured_job()
    if wish.uploads is None:
        return _write_all(scale.scenarios(job))
    if wish.seconds_per_mib is not None:
        job = replace(job, seconds_per_mib=wish.seconds_per_mib)
    scenario = Scenario(
        stack=Stack(
            wish.mode,
            architecture=wish.architecture,
            max_tasks=wish.max_tasks,
            threshold_mib=wish.threshold,
        ),
        job=job,
        uploads=wish.uploads,
        arrivals=wish.arrivals,
        rate=wish.rate,
        sizes=sizes(wish.sizes),
        limits=Limits(
            vcpus=wish.vcpus, concurrency=wish.concurrency, launches=wish.launches,
            run_task=wish.launches,
        ),
        retries_no_room=wish.retries_no_room,
        days=wish.days,
        seed=wish.seed,
    )  # fmt: skip
    model, said = _run("yours", scenario)
    for what, value in zip(scale.Result.HEAD[1:], vars(said).values(), strict=True):
        print(f"  {what:<32}{value}")
    print("  refused by")
    for name, time in sorted(model.first.items(), key=lambda each: each[1]):
        count, since = model.refusals[name], scale.duration(time)
        held = scale.duration(model.held[name] / model.uploaded)
        print(f"    {name:<30}{count:,} times, from {since} on; an upload waited {held} on average")
    for what, count in (
        ("dropped by EventBridge", model.dropped),
        ("dead letters", model.dead_letters),
        ("tasks for nothing", model.unchanged),
        ("rejected by the sweep", model.rejected),
    ):
        print(f"  {what:<32}{count:,}")
    target = DATA / "simulation.png"
    _draw("yours", model, target)
    print(f"plot: {target.relative_to(ROOT)}")
    return 0


def _write_all(scenarios: Mapping[str, Scenario]) -> int:
    """The section of the architecture, and a plot for each scenario."""
    results, titles = {}, {}
    for name, scenario in scenarios.items():
        model, results[name] = _run(name, scenario)
        titles[name] = scale.title(name, scenario)
        _draw(name, model, scale.plot_file(name))
    text = scale.put(scale.FILE.read_text(), scale.section(results, titles))
    scale.FILE.write_text(text)
    print(f"written: {scale.FILE.relative_to(ROOT)} and its plots")
    return 0


def _run(name: str, scenario: Scenario) -> tuple[Model, scale.Result]:
    with step(scale.title(name, scenario)):
        model = Model(scenario).run()
    said = scale.result(model)
    print(
        f"  last answer {said.last_answer}; first {said.first}, longest {said.longest}", flush=True
    )
    return model, said


def _draw(name: str, model: Model, target: Path) -> None:
    plot("simulate", {"title": scale.title(name, model.scenario), **vars(model.curves)}, target)


def _write(measured: Measured) -> int:
    """The document and its plot."""
    document.FILE.write_text(document.document(measured))
    work = document.work(measured)
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    shown = (*compare.ENGINES, "fargate, arm64, Spot, public")
    bills = {name: [at(compare.ALL[name], work, count) for count in uploads] for name in shown}
    data = {
        "uploads": uploads,
        "stacks": {name: [bill.without_storage for bill in each] for name, each in bills.items()},
        "within": {name: sum(not bill.needs for bill in each) for name, each in bills.items()},
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


def _simulate_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--uploads", type=int, help="without it, docs/ARCHITECTURE.md's scenarios are run")
    add("--arrivals", choices=ARRIVALS, default="burst")
    add("--rate", type=float, default=10, help="uploads a second, when steady")
    add("--sizes", default=SIZES, help=f"MiB:percent, with commas; {SIZES}")
    add("--mode", choices=MODES[:-1], default="lambda")
    add("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    add("--threshold", type=float, default=128, help="HybridThresholdMiB")
    add("--max-tasks", type=int, default=0, help="MaxTasks; 0: the account's limit")
    add("--seconds-per-mib", type=float, help="of another job than the measured one")
    known = Limits()
    add("--vcpus", type=float, default=known.vcpus, help="the account's, of Fargate")
    add("--launches", type=float, default=known.launches, help="a second; RunTask's rate, too")
    add("--concurrency", type=float, default=known.concurrency, help="the account's, of Lambda")
    add("--retries-no-room", action="store_true", help="EventBridge tries failures[] again")
    add("--days", type=float, default=14, help="after how many to end")
    add("--seed", type=int, default=1)


if __name__ == "__main__":
    sys.exit(main())
