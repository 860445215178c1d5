"""The scenarios of docs/ARCHITECTURE.md, and what the model says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from . import ROOT
from .compare import duration, short
from .document import FILE as COST
from .document import measured_in
from .figures import PRICES, limits, read
from .model import Model
from .pages import render
from .requests import events, s3_requests
from .scenario import Scenario
from .stack import Stack
from .work import Job, Work

FILE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- made by `make simulate` -->", "<!-- end of what `make simulate` made -->"


def measured_job() -> Job:
    """The job of docs/COST.md, so that both documents are about the same."""
    measured = measured_in(COST.read_text())
    return Job(measured.seconds_per_mib, measured.start_seconds)


def scenarios(job: Job) -> dict[str, Scenario]:
    """Those of scenarios.toml, by the name of their plot."""
    found = {}
    for name, each in read("scenarios").items():
        stack, other = Stack(**each.pop("stack")), limits(**each.pop("limits", {}))
        found[name] = Scenario(stack, job, limits=other, **each)
    return found


def result(model: Model) -> dict[str, str]:
    """What one run says, in words that fit a table, by the heads of its columns."""
    waited, uploads = sorted(model.waited), model.scenario.uploads

    def within(share: float) -> str:
        needed = share * uploads
        return duration(waited[int(needed) - 1]) if needed <= len(waited) else "never"

    last, dead = duration(model.ended), f"{model.dead_letters:,}"
    if model.left:
        last = f"{model.left:,} without one after {model.scenario.days:g} days"
    if model.dead_letters:
        dead += f", reported within {duration(model.reported_after)}"
    busy = {"functions": model.functions.most, "tasks": model.tasks.most}
    return {
        "last output": last,
        "half within": within(0.5),
        "99 % within": within(0.99),
        "most waiting": f"{model.most_waiting:,}",
        "most running": ", ".join(f"{most:,} {what}" for what, most in busy.items() if most),
        "refused": short(model.refusals.total()),
        "dead letters": dead,
        "swept": f"{model.swept:,}",
        "USD": f"{usd(model):,.2f}",
        "limit met first": first(model),
        "limit that holds back longest": longest(model),
    }


def row(name: str, said: Mapping[str, str]) -> list[str]:
    return [f"[{name}](#{name})", *said.values()]


def usd(model: Model) -> float:
    """Of these uploads: engines, requests and events; neither storage nor what stands idle."""
    stack, uploads = model.scenario.stack, model.uploaded
    work = Work(uploads, model.scenario.sizes, model.scenario.job)
    return float(
        model.tasks.billed_seconds * stack.task_second
        + model.functions.seconds * stack.function_second
        + model.functions.invocations * PRICES["lambda"]["request"]
        + s3_requests(stack, work)
        + events(stack, uploads)
    )


def first(model: Model) -> str:
    """The limit that said no first."""
    return min(model.first, key=lambda name: model.first[name], default="none")


def longest(model: Model) -> str:
    """The limit that uploads waited for longest, all together: not who says no most often, because
    who is refused by one limit asks again sooner than by another."""
    total = sum(model.held.values())
    if not total:
        return "none"
    name = max(model.held, key=lambda name: model.held[name])
    return f"{name} ({100 * model.held[name] / total:.0f} %)"


def title(name: str, scenario: Scenario) -> str:
    """What is simulated, in a line."""
    stack = scenario.stack
    how = {
        "burst": "at once",
        "steady": f"at {scenario.rate:g} a second",
        "day": "over a day, most at noon",
    }[scenario.arrivals]
    with_tasks = f", {scenario.limits['vcpus']:,.0f} vCPUs" if stack.mode != "lambda" else ""
    max_tasks = f", MaxTasks={stack.max_tasks}" if stack.max_tasks else ""
    untried = "" if scenario.retries_throttled else ", what is throttled is not tried again"
    what = f"{scenario.uploads:,} uploads {how}, Mode={stack.mode}"
    return f"{name}: {what}{max_tasks}{with_tasks}{untried}"


def put(text: str, results: Mapping[str, Mapping[str, str]], titles: Mapping[str, str]) -> str:
    """The document with its section, between the marks, made anew."""
    made = render(
        "scale.md.jinja",
        head=["", *next(iter(results.values()))],
        rows=[row(name, said) for name, said in results.items()],
        titles=titles,
        limits=read("limits").values(),
    )
    before, _, after = re.split(f"(?s){re.escape(BEGIN)}(.*){re.escape(END)}", text)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def plot_file(name: str) -> Path:
    return ROOT / "docs" / f"scale-{name}.png"
