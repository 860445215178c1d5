"""What a month costs (`make cost`), and what is limited, and when (`make simulate`).

They show, and change nothing; with --write they write the pages of docs/. Exit codes: 0 done,
2 wrong arguments.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tooling.progress import step

from . import ROOT, compare, documents, options, scale, work
from .bill import Bill
from .figures import PUBLISHED, Wrong, limits
from .model import Model, Sample
from .needs import of_one, refuse
from .scenario import Scenario
from .stack import Stack
from .work import SIZES, Job, Work

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"
Given = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    parser, commands = options.parser(__doc__)
    given = vars(parser.parse_args(arguments))
    command, write = given.pop("command"), given.pop("write", False)
    try:
        if given and (write or "uploads" not in given):
            option = f"--{next(iter(given)).replace('_', '-')}"
            raise Wrong(f"{option} {'does not go with --write' if write else 'needs --uploads'}")
        {"cost": cost, "simulate": simulate}[command](given, write)
    except Wrong as error:
        commands[command].error(str(error))
    return 0


def _of(kind: type, given: Given) -> Given:
    """What was given of the fields of a data class."""
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}


def cost(given: Given, write: bool) -> None:
    """Raises Wrong."""
    measured, source = _measured(whole=write)
    job, page = replace(measured, **_of(Job, given)), documents.COST.relative_to(ROOT)
    uploads = Work(given.get("uploads", 1e6), given.get("sizes", SIZES), job)
    if given:
        bill = Bill(Stack(**_of(Stack, given)), uploads)
        refuse(bill.needs)
        print(documents.render("bill.txt.jinja", bill=bill), source, sep="\n")
        return
    print(source, documents.render("totals.txt.jinja", work=uploads), sep="\n")
    if not write:
        print(f"* is more than a new account can do. {page} has all of it; ARGS=--write writes it.")
        return
    documents.COST.write_text(documents.cost(measured))
    title = "USD a month, without storage; faint: more than a new account, or the sweep, can do"
    log = {"xscale": "log", "yscale": "log"}
    plot(documents.COST_PLOT, _bills(uploads), title=title, xlabel="uploads a month", **log)
    print(f"written: {page}, {documents.COST_PLOT.relative_to(ROOT)}")


def _measured(whole: bool) -> tuple[Job, str]:
    """This machine's benchmark, or the committed one (pages are made of a whole one), and which."""
    if work.BENCH.exists() and not ((found := Job.load(work.BENCH)).quick and whole):
        return found, "The job's time is that of the last `make bench`."
    page = documents.COST.relative_to(ROOT)
    found = documents.measured_in(documents.COST.read_text())
    return found, f"The job's time is that of {page}; `make bench` measures it."


def _bills(work: Work) -> list[dict[str, Any]]:
    """A month's cost over uploads; faint where quotas have to be raised for it."""
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    curves: list[dict[str, Any]] = []
    for number, name in enumerate((*compare.ENGINES, "fargate, arm64, Spot, public")):
        bills = [Bill(compare.ALL[name], work.at(each)) for each in uploads]
        usd, within = [bill.without_storage for bill in bills], sum(not b.needs for b in bills)
        first, rest, colour = slice(within), slice(within - 1, None), f"C{number}"
        curves += [
            {"x": uploads[first], "y": usd[first], "c": colour, "label": name},
            {"x": uploads[rest], "y": usd[rest], "c": colour, "alpha": 0.35},
        ]
    return curves


def simulate(given: Given, write: bool) -> None:
    """Raises Wrong."""
    measured = documents.measured_in(documents.COST.read_text())
    job = replace(measured, **_of(Job, given))
    if not given:
        _section(scale.scenarios(job), write)
        return
    given["limits"] = limits(**{name: given[name] for name in PUBLISHED if name in given})
    scenario = Scenario(Stack(**_of(Stack, given)), job, **_of(Scenario, given))
    refuse(of_one(scenario.stack, Work(scenario.uploads, scenario.sizes, job)))
    model = _run("yours", scenario)
    print(documents.render("result.txt.jinja", model=model, said=scale.result(model)))
    names, (times, *counts) = Sample._fields[1:], zip(*model.samples, strict=True)
    curves = [{"x": times, "y": y, "label": name} for name, y in zip(names, counts, strict=True)]
    target, title = DATA / "simulation.png", scale.title("yours", scenario)
    plot(target, curves, title=title, xlabel="seconds", yscale="symlog")
    print(f"plot: {target.relative_to(ROOT)}")


def _section(scenarios: dict[str, Scenario], write: bool) -> None:
    """The section of the architecture, and its plot."""
    models = {name: _run(name, scenario) for name, scenario in scenarios.items()}
    page = documents.SCALE.relative_to(ROOT)
    if not write:
        print(f"{page} has all of it; ARGS=--write writes it anew.")
        return
    results = {name: scale.result(model) for name, model in models.items()}
    titles = [scale.title(name, scenario) for name, scenario in scenarios.items()]
    text = documents.section(documents.SCALE.read_text(), results, titles)
    documents.SCALE.write_text(text)
    curves = []
    for name, model in models.items():
        times = [each.seconds / 60 for each in model.samples]
        shares = [100 * each.succeeded / model.scenario.uploads for each in model.samples]
        curves.append({"x": times, "y": shares, "label": name})
    title = "Uploads with an output, %"
    plot(documents.SCALE_PLOT, curves, title=title, xlabel="minutes", xscale="log")
    print(f"written: {page}, {documents.SCALE_PLOT.relative_to(ROOT)}")


def _run(name: str, scenario: Scenario) -> Model:
    with step(scale.title(name, scenario)):
        model = Model(scenario).run()
    said = scale.result(model)
    print(f"  last output {said['last output']}; first {said['limit met first']}", end="")
    print(f", longest {said['limit that holds back longest']}")
    return model


def plot(target: Path, curves: list[dict[str, Any]], **axes: str) -> None:
    """By matplotlib, which has an environment of its own."""
    DATA.mkdir(parents=True, exist_ok=True)
    file = DATA / f"{target.stem}.json"
    file.write_text(json.dumps({"curves": curves, "axes": axes}))
    command = [str(PYTHON_PLOT), "-m", "economics.plot", str(file), str(target)]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
