"""What a month costs (`make cost`), and what is limited, and when (`make simulate`).

They show, and change nothing; with --write they write the pages of docs/. Exit codes: 0 done,
2 wrong arguments.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import Field, fields, replace
from typing import Any

from tooling import paths
from tooling.plot import Panel, plot
from tooling.progress import step
from tooling.template import source
from tooling.usage import amount, checked, count, positive

from . import compare, documents, scenario, work
from .figures import LIMITS, PUBLISHED, Wrong, limits
from .model import Model
from .month import Month, of_one, refuse
from .scenario import ARRIVALS, Scenario
from .work import SIZES, Job, Stack, Work, sizes

PLOT = paths.BUILD / "economics" / "simulation.png"
Given = dict[str, Any]
_ONLY_PRICED = {"network", "event_source", "result_topic", "spot"}
_LIMITS = ("vcpus", "run_task", "launches", "concurrency")
_PARAMETERS = {"threshold": "HybridThresholdMiB"}
"""Of a stack's fields those that have another name."""


def main(arguments: list[str] | None = None) -> int:
    parser, commands = _parser()
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


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """That of the program, and those of its commands. What is not given has no value."""
    whole = argparse.ArgumentParser("python -m economics", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True)
    for name in ("cost", "simulate"):
        usage, absent = f'make {name} ARGS="[options]"', argparse.SUPPRESS
        commands.add_parser(name, prog=f"make {name}", usage=usage, argument_default=absent)
    cost, simulate = (each.add_argument for each in commands.choices.values())
    cost("--uploads", type=amount, help="a month; without it, those of docs/COST.md are shown")
    scenarios = "without it, the scenarios of docs/ARCHITECTURE.md are run"
    simulate("--uploads", type=count, help=scenarios)
    simulate("--arrivals", choices=ARRIVALS)
    simulate("--rate", type=positive, help="uploads a second, when steady")
    simulate("--days", type=positive, help="after how many to end")
    for field in fields(Stack):
        option, how = f"--{field.name.replace('_', '-')}", _as_parameter(field)
        cost(option, **how)
        if field.name not in _ONLY_PRICED:
            simulate(option, **how)
    for name in _LIMITS:
        simulate(f"--{name.replace('_', '-')}", type=amount, help=LIMITS[name]["unit"])
    for add in (cost, simulate):
        add("--write", action="store_true", help="write the page of docs/ and its plot")
        add("--sizes", type=sizes, help="MiB:percent, with commas, such as 1:90,200:10")
        add("--seconds-per-mib", type=amount, help="of another job than the measured one")
    return whole, commands.choices


def _as_parameter(field: Field[Any]) -> dict[str, Any]:
    """Of a field of a stack: the template says it."""
    name = _PARAMETERS.get(field.name, field.name.title().replace("_", ""))
    said: dict[str, Any] = source()["Parameters"][name]
    kind: Callable[[str], Any] = type(field.default)
    how: dict[str, Any] = {"help": said["Description"].replace("%", "%%")}
    if kind is bool:
        return how | {"action": "store_true"}
    if choices := said.get("AllowedValues"):
        return how | {"type": kind, "choices": [kind(each) for each in choices]}
    pattern, must = said["AllowedPattern"], said["ConstraintDescription"]
    return how | {"type": checked(kind, lambda text: re.search(pattern, text), must)}


def _of(kind: type, given: Given) -> Given:
    """What was given of the fields of a data class."""
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}


def cost(given: Given, write: bool) -> None:
    """Raises Wrong."""
    measured, source = _measured(whole=write)
    job = replace(measured, **_of(Job, given))
    uploads = Work(given.get("uploads", 1e6), given.get("sizes", SIZES), job)
    if given:
        month = Month(Stack(**_of(Stack, given)), uploads)
        refuse(month.needs)
        print(documents.render("month.txt.jinja", month=month), source, sep="\n")
        return
    print(source, documents.render("totals.txt.jinja", work=uploads), sep="\n")
    if not write:
        print("* is more than a new account can do.", end=" ")
        print("docs/COST.md has all of it; ARGS=--write writes it.")
        return
    documents.COST.write_text(documents.cost(measured))
    title = "USD a month, without storage; faint: more than a new account, or the sweep, can do"
    axes = {"title": title, "xlabel": "uploads a month", "xscale": "log", "yscale": "log"}
    plot(documents.COST_PLOT, Panel(_curves(uploads), axes))
    print("written: docs/COST.md, docs/cost.png")


def _measured(whole: bool) -> tuple[Job, str]:
    """This machine's benchmark, or the committed one (pages are made of a whole one), and which."""
    if work.BENCH.exists() and not ((found := Job.load(work.BENCH)).quick and whole):
        return found, "The job's time is that of the last `make bench`."
    return documents.measured(), "The job's time is that of docs/COST.md; `make bench` measures it."


def _curves(work: Work) -> list[dict[str, Any]]:
    """A month's cost over uploads; faint where quotas have to be raised for it."""
    uploads = [10 ** (step / 10) for step in range(20, 101)]
    curves: list[dict[str, Any]] = []
    for number, name in enumerate((*compare.ENGINES, "fargate, arm64, Spot, public")):
        months = [Month(compare.ALL[name], work.at(each)) for each in uploads]
        usd, within = [m.without_storage for m in months], sum(not m.needs for m in months)
        first, rest, colour = slice(within), slice(within - 1, None), f"C{number}"
        curves += [
            {"x": uploads[first], "y": usd[first], "c": colour, "label": name},
            {"x": uploads[rest], "y": usd[rest], "c": colour, "alpha": 0.35},
        ]
    return curves


def simulate(given: Given, write: bool) -> None:
    """Raises Wrong."""
    job = replace(documents.measured(), **_of(Job, given))
    if not given:
        _section(job, write)
        return
    given["limits"] = limits(**{name: given[name] for name in PUBLISHED if name in given})
    uploads = Work(given["uploads"], given.get("sizes", SIZES), job)
    yours = Scenario(Stack(**_of(Stack, given)), uploads, **_of(Scenario, given))
    refuse(of_one(yours.stack, uploads))
    model = _run("yours", yours)
    print(documents.render("result.txt.jinja", model=model, said=documents.result(model)))
    columns = {name: [each[name] for each in model.samples] for name in model.samples[0]}
    times = columns.pop("seconds")
    curves = [{"x": times, "y": counts, "label": name} for name, counts in columns.items()]
    axes = {"title": f"yours: {yours}", "xlabel": "seconds", "yscale": "symlog"}
    plot(PLOT, Panel(curves, axes))
    print("plot: build/economics/simulation.png")


def _section(job: Job, write: bool) -> None:
    """The section of the architecture, and its plot."""
    models = {name: _run(name, each) for name, each in scenario.scenarios(job).items()}
    if not write:
        print("docs/ARCHITECTURE.md has all of it; ARGS=--write writes it anew.")
        return
    documents.SCALE.write_text(documents.section(documents.SCALE.read_text(), models))
    curves = [
        {
            "x": [each["seconds"] / 60 for each in model.samples],
            "y": [100 * each["succeeded"] / model.scenario.work.uploads for each in model.samples],
            "label": name,
        }
        for name, model in models.items()
    ]
    axes = {"title": "Uploads with an output, %", "xlabel": "minutes", "xscale": "log"}
    plot(documents.SCALE_PLOT, Panel(curves, axes))
    print("written: docs/ARCHITECTURE.md, docs/scale.png")


def _run(name: str, scenario: Scenario) -> Model:
    with step(f"{name}: {scenario}"):
        model = Model(scenario).simulate()
    said = documents.result(model)
    print(f"  last output {said['last output']}; first {said['limit met first']}", end="")
    print(f", longest {said['limit that holds back longest']}")
    return model


if __name__ == "__main__":
    sys.exit(main())
