"""What a month costs (`make cost`), and what is limited, and when (`make simulate`).

They show, and change nothing; with --write they write the pages of docs/. Exit codes: 0 done,
2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from tooling.progress import step

from . import ROOT, compare, documents, scenario, work
from .figures import LIMITS, PUBLISHED, Wrong, limits
from .model import Model
from .month import Month, of_one, refuse
from .product import PARAMETERS
from .scenario import ARRIVALS, Scenario
from .work import SIZES, Job, Stack, Work, sizes

PYTHON_PLOT = ROOT / "build" / "env" / "bench" / "bin" / "python"
DATA = ROOT / "build" / "economics"
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
    said: dict[str, Any] = PARAMETERS[name]
    kind: Callable[[str], Any] = type(field.default)
    how: dict[str, Any] = {"help": said["Description"].replace("%", "%%")}
    if kind is bool:
        return how | {"action": "store_true"}
    if choices := said.get("AllowedValues"):
        return how | {"type": kind, "choices": [kind(each) for each in choices]}

    def matching(text: str) -> Any:  # noqa: ANN401, what the field is
        if not re.search(said["AllowedPattern"], text):
            raise argparse.ArgumentTypeError(said["ConstraintDescription"])
        return kind(text)

    return how | {"type": matching}


def amount(text: str) -> float:
    """A number, 0 or more."""
    value = float(text)
    if not 0 <= value < math.inf:  # nor is it "nan", which compares with nothing
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def positive(text: str) -> float:
    if not amount(text):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return float(text)


def count(text: str) -> int:
    if amount(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(float(text))


def _of(kind: type, given: Given) -> Given:
    """What was given of the fields of a data class."""
    return {field.name: given[field.name] for field in fields(kind) if field.name in given}


def cost(given: Given, write: bool) -> None:
    """Raises Wrong."""
    measured, source = _measured(whole=write)
    job, page = replace(measured, **_of(Job, given)), documents.COST.relative_to(ROOT)
    uploads = Work(given.get("uploads", 1e6), given.get("sizes", SIZES), job)
    if given:
        month = Month(Stack(**_of(Stack, given)), uploads)
        refuse(month.needs)
        print(documents.render("month.txt.jinja", month=month), source, sep="\n")
        return
    print(source, documents.render("totals.txt.jinja", work=uploads), sep="\n")
    if not write:
        print(f"* is more than a new account can do. {page} has all of it; ARGS=--write writes it.")
        return
    documents.COST.write_text(documents.cost(measured))
    title = "USD a month, without storage; faint: more than a new account, or the sweep, can do"
    log = {"xscale": "log", "yscale": "log"}
    plot(documents.COST_PLOT, _curves(uploads), title=title, xlabel="uploads a month", **log)
    print(f"written: {page}, {documents.COST_PLOT.relative_to(ROOT)}")


def _measured(whole: bool) -> tuple[Job, str]:
    """This machine's benchmark, or the committed one (pages are made of a whole one), and which."""
    if work.BENCH.exists() and not ((found := Job.load(work.BENCH)).quick and whole):
        return found, "The job's time is that of the last `make bench`."
    page = documents.COST.relative_to(ROOT)
    found = documents.measured_in(documents.COST.read_text())
    return found, f"The job's time is that of {page}; `make bench` measures it."


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
    measured = documents.measured_in(documents.COST.read_text())
    job = replace(measured, **_of(Job, given))
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
    target, title = DATA / "simulation.png", f"yours: {yours}"
    plot(target, curves, title=title, xlabel="seconds", yscale="symlog")
    print(f"plot: {target.relative_to(ROOT)}")


def _section(job: Job, write: bool) -> None:
    """The section of the architecture, and its plot."""
    models = {name: _run(name, each) for name, each in scenario.scenarios(job).items()}
    page = documents.SCALE.relative_to(ROOT)
    if not write:
        print(f"{page} has all of it; ARGS=--write writes it anew.")
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
    title = "Uploads with an output, %"
    plot(documents.SCALE_PLOT, curves, title=title, xlabel="minutes", xscale="log")
    print(f"written: {page}, {documents.SCALE_PLOT.relative_to(ROOT)}")


def _run(name: str, scenario: Scenario) -> Model:
    with step(f"{name}: {scenario}"):
        model = Model(scenario).simulate()
    said = documents.result(model)
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
