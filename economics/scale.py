"""The scenarios of docs/ARCHITECTURE.md, and what the model says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from . import ROOT
from .compare import short
from .cost import Stack, Work, events, function_second, s3_requests, task_second
from .document import FILE as COST
from .document import measured_in, table
from .figures import PRICES, Job
from .limits import PUBLISHED, RAISED_VCPUS, Limits
from .model import Model
from .scenario import Scenario

FILE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- made by `make simulate` -->", "<!-- end of what `make simulate` made -->"


def measured_job() -> Job:
    """The job of docs/COST.md, so that both documents are about the same."""
    measured = measured_in(COST.read_text())
    return Job(measured.seconds_per_mib, measured.start_seconds)


def scenarios(job: Job) -> Mapping[str, Scenario]:
    """By the name of their plot."""
    used = Limits(vcpus=RAISED_VCPUS)
    burst = {
        "burst-lambda": Scenario(Stack("lambda"), job),
        "burst-hybrid": Scenario(Stack("hybrid"), job, limits=used),
        "burst-fargate": Scenario(Stack("fargate"), job, limits=used),
        "burst-fargate-max-tasks": Scenario(Stack("fargate", max_tasks=200), job, limits=used),
        "burst-fargate-new": Scenario(Stack("fargate"), job),
        "burst-fargate-new-max-tasks": Scenario(Stack("fargate", max_tasks=6), job),
    }
    # If EventBridge does not try again what ECS and SQS throttle.
    for name in ("burst-fargate", "burst-fargate-max-tasks"):
        burst[f"{name}-untried"] = replace(burst[name], retries_throttled=False)
    steady = Scenario(Stack("fargate"), job, 36_000, "steady", 10, limits=used)
    day = Scenario(Stack("hybrid"), job, 200_000, "day", limits=used)
    return {**burst, "steady-fargate": steady, "day-hybrid": day}


@dataclass(frozen=True)
class Result:
    """What one run says, in words that fit a table."""

    last_output: str
    half: str
    most: str
    """In which 99 of 100 succeeded."""
    waiting: str
    running: str
    retries: str
    dead_letters: str
    """And the longest time until one was reported."""
    swept: str
    usd: str
    first: str
    """The limit that was met first."""
    longest: str
    """The one that kept uploads from an engine for the longest time, and its share of that."""

    HEAD = (
        "",
        "last output",
        "half within",
        "99 % within",
        "most waiting",
        "most running",
        "refused",
        "dead letters",
        "swept",
        "USD",
        "limit met first",
        "limit that holds back longest",
    )

    def row(self, name: str) -> list[str]:
        return [f"[{name}](#{name})", *vars(self).values()]


def result(model: Model) -> Result:
    waited = sorted(model.waited)

    def within(share: float) -> str:
        needed = share * model.scenario.uploads
        return duration(waited[int(needed) - 1]) if needed <= len(waited) else "never"

    last = duration(model.ended)
    if model.left:
        last = f"{model.left:,} without one after {model.scenario.days:g} days"
    running = [
        f"{count:,} {what}"
        for what, count in (("functions", model.most_functions), ("tasks", model.most_tasks))
        if count
    ]
    return Result(
        last_output=last,
        half=within(0.5),
        most=within(0.99),
        waiting=f"{model.most_waiting:,}",
        running=", ".join(running),
        retries=short(model.retries),
        dead_letters=f"{model.dead_letters:,}, reported within {duration(model.reported_after)}"
        if model.dead_letters
        else "0",
        swept=f"{model.swept:,}",
        usd=f"{usd(model):,.2f}",
        first=first(model),
        longest=longest(model),
    )


def usd(model: Model) -> float:
    """Of these uploads: engines, requests and events; neither storage nor what stands idle."""
    stack, uploads = model.scenario.stack, model.uploaded
    work = Work(uploads, model.scenario.sizes, model.scenario.job)
    return float(
        model.task_seconds * task_second(stack)
        + model.function_seconds * function_second(stack)
        + model.invocations * PRICES["lambda"]["request"]
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


def duration(seconds: float) -> str:
    for name, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"


def title(name: str, scenario: Scenario) -> str:
    """What is simulated, in a line."""
    stack, limits = scenario.stack, scenario.limits
    how = {
        "burst": "at once",
        "steady": f"at {scenario.rate:g} a second",
        "day": "over a day, most at noon",
    }[scenario.arrivals]
    with_tasks = f", {limits.vcpus:,.0f} vCPUs" if stack.runs_tasks else ""
    max_tasks = f", MaxTasks={stack.max_tasks}" if stack.max_tasks else ""
    untried = "" if scenario.retries_throttled else ", what is throttled is not tried again"
    what = f"{scenario.uploads:,} uploads {how}, Mode={stack.mode}"
    return f"{name}: {what}{max_tasks}{with_tasks}{untried}"


def section(results: Mapping[str, Result], titles: Mapping[str, str]) -> str:
    """What stands between the marks."""
    lines = [
        BEGIN,
        "",
        *table(Result.HEAD, [each.row(name) for name, each in results.items()], numbers=False),
        "",
    ]
    for name in results:
        lines += [f"#### {name}", "", f"![{titles[name]}](scale-{name}.png)", ""]
    lines += [
        "The limits, as AWS publishes them (`economics/limits.py`):",
        "",
        *table(["limit", "", "can be raised"], list(_limits()), numbers=False),
        "",
        END,
    ]
    return "\n".join(lines)


def put(text: str, made: str) -> str:
    """The document with its section made anew."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    assert len(re.findall(pattern, text, re.DOTALL)) == 1, "the marks are gone"
    return re.sub(pattern, lambda _: made, text, flags=re.DOTALL)


def plot_file(name: str) -> Path:
    return ROOT / "docs" / f"scale-{name}.png"


def _limits() -> Iterator[list[str]]:
    for limit in PUBLISHED.values():
        what = f"[{limit.unit}]({limit.source})"
        yield [f"{limit.value:,.0f}", what, "yes" if limit.adjustable else "no"]
