"""What a month costs (`make cost`), and what is limited, and when (`make simulate`).

They show, and change nothing; with --write they write the pages of docs/. Exit codes: 0 done,
2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from tooling.progress import step

from . import ROOT, compare, document, scale
from .cost import ITEMS, MODES, NETWORKS, RECIPE, Need, Stack, at, of_one
from .figures import BENCH, SIZES, Job, Measured, Wrong, above, at_least, sizes
from .limits import Limits
from .model import Model
from .scenario import ARRIVALS, Scenario

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m economics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kinds = {
        name: commands.add_parser(name, prog=f"make {name}", usage=f'make {name} ARGS="[options]"')
        for name in COMMANDS
    }
    _cost_options(kinds["cost"])
    _simulate_options(kinds["simulate"])
    wish = parser.parse_args(arguments)
    chosen = kinds[wish.command]
    given = [n for n, value in vars(wish).items() if value != chosen.get_default(n)]
    try:
        for name in given:
            if name not in ("command", "write") and (wish.write or wish.uploads is None):
                why = "does not go with --write" if wish.write else "needs --uploads"
                raise Wrong(f"--{name.replace('_', '-')} {why}")
        return COMMANDS[wish.command](wish)
    except Wrong as error:
        chosen.error(str(error))


def cost(wish: argparse.Namespace) -> int:
    """Raises Wrong."""
    measured, source = _measured(whole=wish.write)
    if wish.uploads is None:
        print(source)
        return _page(measured, write=wish.write)
    job = _job(Job(measured.seconds_per_mib, measured.start_seconds), wish.seconds_per_mib)
    work = replace(document.work(measured), sizes=sizes(wish.sizes), job=job)
    at_least("uploads", wish.uploads)
    chosen = replace(
        _stack(wish),
        network=wish.network,
        spot=wish.spot,
        event_source=wish.event_source,
        result_topic=wish.result_topic,
    )
    if wish.mode == "recipe":
        chosen = RECIPE
    bill = at(chosen, work, wish.uploads)
    _refuse(bill.needs)
    for item in ITEMS:
        print(f"{item:<10}{compare.usd(bill.items[item]):>14} USD")
    print(f"{'all':<10}{compare.usd(bill.total):>14} USD a month")
    for need in bill.needs:
        print(f"needs {need}")
    print(source)
    return 0


def _measured(whole: bool) -> tuple[Measured, str]:
    """This machine's benchmark, or the committed one (pages are made of a whole one), and which."""
    if BENCH.exists() and not ((found := Measured.load(BENCH)).quick and whole):
        return found, "The job's time is that of the last `make bench`."
    page = document.FILE
    found = document.measured_in(page.read_text())
    return found, f"The job's time is that of {page.relative_to(ROOT)}; `make bench` measures it."


def _job(measured: Job, seconds_per_mib: float | None) -> Job:
    """The measured one, or another. Raises Wrong."""
    if seconds_per_mib is None:
        return measured
    return replace(measured, seconds_per_mib=at_least("seconds-per-mib", seconds_per_mib))


def _stack(wish: argparse.Namespace) -> Stack:
    """Raises Wrong."""
    return Stack(
        wish.mode,
        architecture=wish.architecture,
        max_tasks=wish.max_tasks,
        threshold_mib=wish.threshold,
        max_mib=wish.max_mib,
        function_timeout=wish.function_timeout,
        task_timeout=wish.task_timeout,
    )


def _refuse(needs: Iterable[Need]) -> None:
    """No figures of what can't be. Raises Wrong."""
    for need in needs:
        if need.never and need.needed > need.there_is:
            raise Wrong(f"no such stack can do this, it is {need.never}: {need}")


def simulate(wish: argparse.Namespace) -> int:
    """Raises Wrong."""
    job = scale.measured_job()
    if wish.uploads is None:
        return _section(scale.scenarios(job), write=wish.write)
    job = _job(job, wish.seconds_per_mib)
    scenario = Scenario(
        stack=_stack(wish),
        job=job,
        uploads=wish.uploads,
        arrivals=wish.arrivals,
        rate=wish.rate,
        sizes=sizes(wish.sizes),
        limits=Limits(
            vcpus=above("vcpus", wish.vcpus),
            concurrency=at_least("concurrency", wish.concurrency, 1),
            launches=above("launches", wish.launches),
            run_task=wish.launches,
        ),
        retries_no_room=wish.retries_no_room,
        retries_throttled=not wish.untried,
        days=wish.days,
        seed=wish.seed,
    )
    _refuse(of_one(scenario.stack, job, scenario.sizes))
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
        ("tasks for nothing", model.unchanged),
        ("rejected by the sweep", model.rejected),
    ):
        print(f"  {what:<32}{count:,}")
    target = DATA / "simulation.png"
    _draw("yours", model, target)
    print(f"plot: {target.relative_to(ROOT)}")
    return 0


def _section(scenarios: Mapping[str, Scenario], write: bool) -> int:
    """The section of the architecture, and a plot for each scenario."""
    results, titles = {}, {}
    for name, scenario in scenarios.items():
        model, results[name] = _run(name, scenario)
        titles[name] = scale.title(name, scenario)
        if write:
            _draw(name, model, scale.plot_file(name))
    if not write:
        print(f"{scale.FILE.relative_to(ROOT)} has all of it; ARGS=--write writes it anew.")
        return 0
    text = scale.put(scale.FILE.read_text(), scale.section(results, titles))
    scale.FILE.write_text(text)
    print(f"written: {scale.FILE.relative_to(ROOT)} and its plots")
    return 0


def _run(name: str, scenario: Scenario) -> tuple[Model, scale.Result]:
    with step(scale.title(name, scenario)):
        model = Model(scenario).run()
    said = scale.result(model)
    print(
        f"  last output {said.last_output}; first {said.first}, longest {said.longest}", flush=True
    )
    return model, said


def _draw(name: str, model: Model, target: Path) -> None:
    plot("simulate", {"title": scale.title(name, model.scenario), **vars(model.curves)}, target)


def _page(measured: Measured, write: bool) -> int:
    """The document's first table; or the document and its plot."""
    work = document.work(measured)
    for line in document.table(
        ["uploads a month, USD without storage", *(f"{count:,.0f}" for count in compare.UPLOADS)],
        document.totals(compare.ALL, work),
    ):
        print(line)
    page = document.FILE.relative_to(ROOT)
    if not write:
        print(f"* is more than a new account can do. {page} has all of it; ARGS=--write writes it.")
        return 0
    document.FILE.write_text(document.document(measured))
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    shown = (*compare.ENGINES, "fargate, arm64, Spot, public")
    bills = {name: [at(compare.ALL[name], work, count) for count in uploads] for name in shown}
    data = {
        "uploads": uploads,
        "stacks": {name: [bill.without_storage for bill in each] for name, each in bills.items()},
        "within": {name: sum(not bill.needs for bill in each) for name, each in bills.items()},
    }
    plot("cost", data, document.PLOT)
    print(f"written: {page}, {document.PLOT.relative_to(ROOT)}")
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


COMMANDS = {"cost": cost, "simulate": simulate}


def _shared_options(parser: argparse.ArgumentParser) -> None:
    add, template = parser.add_argument, Stack()
    add("--write", action="store_true", help="write the page of docs/ and its plots")
    add("--threshold", type=float, default=template.threshold_mib, help="HybridThresholdMiB")
    add("--max-mib", type=float, default=template.max_mib, help="MaxBytes, in MiB")
    add("--function-timeout", type=float, default=template.function_timeout, help="in seconds")
    add("--task-timeout", type=float, default=template.task_timeout, help="in seconds")


def _cost_options(parser: argparse.ArgumentParser) -> None:
    _shared_options(parser)
    add = parser.add_argument
    add("--uploads", type=float, help="a month; without it, the stacks of docs/COST.md are shown")
    add("--sizes", default=SIZES, help=f"MiB:percent, with commas; {SIZES}")
    add("--mode", choices=MODES, default="lambda")
    add("--network", choices=NETWORKS, default="isolated")
    add("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    add("--event-source", choices=("s3", "cloudtrail"), default="s3")
    add("--max-tasks", type=int, default=0, help="MaxTasks")
    add("--result-topic", action="store_true")
    add("--spot", action="store_true")
    add("--seconds-per-mib", type=float, help="of another job than the measured one")


def _simulate_options(parser: argparse.ArgumentParser) -> None:
    _shared_options(parser)
    add = parser.add_argument
    add("--uploads", type=int, help="without it, docs/ARCHITECTURE.md's scenarios are run")
    add("--arrivals", choices=ARRIVALS, default="burst")
    add("--rate", type=float, default=10, help="uploads a second, when steady")
    add("--sizes", default=SIZES, help=f"MiB:percent, with commas; {SIZES}")
    add("--mode", choices=MODES[:-1], default="lambda")
    add("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    add("--max-tasks", type=int, default=0, help="MaxTasks; 0: the account's limit")
    add("--seconds-per-mib", type=float, help="of another job than the measured one")
    known = Limits()
    add("--vcpus", type=float, default=known.vcpus, help="the account's, of Fargate")
    add("--launches", type=float, default=known.launches, help="a second; RunTask's rate, too")
    add("--concurrency", type=float, default=known.concurrency, help="the account's, of Lambda")
    add("--retries-no-room", action="store_true", help="EventBridge tries failures[] again")
    add("--untried", action="store_true", help="EventBridge does not try again what is throttled")
    add("--days", type=float, default=14, help="after how many to end")
    add("--seed", type=int, default=1)


if __name__ == "__main__":
    sys.exit(main())
