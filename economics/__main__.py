"""What a month costs (`make cost`), and what is limited, and when (`make simulate`).

They show, and change nothing; with --write they write the pages of docs/. Exit codes: 0 done,
2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tooling.progress import step

from . import ROOT, compare, document, options, scale
from .bill import at
from .figures import BENCH, Measured, Wrong, above, at_least, limits
from .model import Model
from .needs import Need, of_one
from .scenario import Scenario
from .work import Job, sizes

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"


def main(arguments: list[str] | None = None) -> int:
    parser, kinds = options.parser(__doc__)
    wish = parser.parse_args(arguments)
    try:
        options.check(wish)
        {"cost": cost, "simulate": simulate}[wish.command](wish)
    except Wrong as error:
        kinds[wish.command].error(str(error))
    return 0


def cost(wish: argparse.Namespace) -> None:
    """Raises Wrong."""
    measured, source = _measured(whole=wish.write)
    if wish.uploads is None:
        print(source)
        _page(measured, write=wish.write)
        return
    job = _job(document.work(measured).job, wish.seconds_per_mib)
    work = replace(document.work(measured), sizes=sizes(wish.sizes), job=job)
    bill = at(options.stack(wish), work, at_least("uploads", wish.uploads))
    _refuse(bill.needs)
    for item, amount in {**bill.items, "all": bill.total}.items():
        print(f"{item:<10}{compare.usd(amount):>14} USD" + " a month" * (item == "all"))
    for need in bill.needs:
        print(f"needs {need}")
    print(source)


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


def _refuse(needs: Iterable[Need]) -> None:
    """No figures of what can't be. Raises Wrong."""
    for need in needs:
        if need.never and need.needed > need.there_is:
            raise Wrong(f"no such stack can do this, it is {need.never}: {need}")


def simulate(wish: argparse.Namespace) -> None:
    """Raises Wrong."""
    job = scale.measured_job()
    if wish.uploads is None:
        _section(scale.scenarios(job), write=wish.write)
        return
    scenario = Scenario(
        stack=options.stack(wish),
        job=_job(job, wish.seconds_per_mib),
        sizes=sizes(wish.sizes),
        limits=limits(
            vcpus=above("vcpus", wish.vcpus),
            concurrency=at_least("concurrency", wish.concurrency, 1),
            launches=above("launches", wish.launches),
            run_task=wish.launches,
        ),
        retries_throttled=not wish.untried,
        **{name: getattr(wish, name) for name in options.SCENARIO},
    )
    _refuse(of_one(scenario.stack, scenario.job, scenario.sizes))
    model = _run("yours", scenario)
    said = scale.result(model) | {
        "dropped by EventBridge": f"{model.dropped:,}",
        "tasks for nothing": f"{model.unchanged:,}",
        "rejected by the sweep": f"{model.rejected:,}",
    }
    for what, value in said.items():
        print(f"  {what:<32}{value}")
    for name in sorted(model.first, key=lambda name: model.first[name]):
        count, since = model.refusals[name], compare.duration(model.first[name])
        held = compare.duration(model.held[name] / model.uploaded)
        print(f"  refused by {name}: {count:,} times, from {since} on; an upload waited {held}")
    target = DATA / "simulation.png"
    _draw("yours", model, target)
    print(f"plot: {target.relative_to(ROOT)}")


def _section(scenarios: dict[str, Scenario], write: bool) -> None:
    """The section of the architecture, and a plot for each scenario."""
    results, page = {}, scale.FILE.relative_to(ROOT)
    for name, scenario in scenarios.items():
        model = _run(name, scenario)
        results[name] = scale.result(model)
        if write:
            _draw(name, model, scale.plot_file(name))
    if write:
        titles = {name: scale.title(name, scenario) for name, scenario in scenarios.items()}
        scale.FILE.write_text(scale.put(scale.FILE.read_text(), results, titles))
        print(f"written: {page} and its plots")
    else:
        print(f"{page} has all of it; ARGS=--write writes it anew.")


def _run(name: str, scenario: Scenario) -> Model:
    with step(scale.title(name, scenario)):
        model = Model(scenario).run()
    last = scale.result(model)["last output"]
    print(f"  last output {last}; first {scale.first(model)}, longest {scale.longest(model)}")
    return model


def _draw(name: str, model: Model, target: Path) -> None:
    plot("simulate", {"title": scale.title(name, model.scenario), **model.curves}, target)


def _page(measured: Measured, write: bool) -> None:
    """The document's first table; or the document and its plot."""
    page, work = document.FILE.relative_to(ROOT), document.work(measured)
    print(document.totals(work))
    if not write:
        print(f"* is more than a new account can do. {page} has all of it; ARGS=--write writes it.")
        return
    document.FILE.write_text(document.document(measured))
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    bills = {
        name: [at(compare.ALL[name], work, count) for count in uploads]
        for name in (*compare.ENGINES, "fargate, arm64, Spot, public")
    }
    data = {
        "uploads": uploads,
        "stacks": {name: [bill.without_storage for bill in each] for name, each in bills.items()},
        "within": {name: sum(not bill.needs for bill in each) for name, each in bills.items()},
    }
    plot("cost", data, document.PLOT)
    print(f"written: {page}, {document.PLOT.relative_to(ROOT)}")


def plot(kind: str, data: object, target: Path) -> None:
    """By matplotlib, which has an environment of its own."""
    DATA.mkdir(parents=True, exist_ok=True)
    file = DATA / f"{target.stem}.json"
    file.write_text(json.dumps(data))
    command = [str(PYTHON_PLOT), "-m", "economics.plot", kind, str(file), str(target)]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
