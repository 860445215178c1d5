"""docs/COST.md, and the section of docs/ARCHITECTURE.md: Jinja templates beside the code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace

from jinja2 import Environment, PackageLoader, StrictUndefined

from tooling import paths

from . import bill, compare, figures, product
from .model import Model
from .month import Month
from .work import SIZES, Job, Stack, Work

DOCS = paths.ROOT / "docs"
COST, COST_PLOT = DOCS / "COST.md", DOCS / "cost.png"
SCALE, SCALE_PLOT = DOCS / "ARCHITECTURE.md", DOCS / "scale.png"
BEGIN, END = "<!-- made by `make simulate` -->", "<!-- end of what `make simulate` made -->"
HEAVY = 1.0
"""Seconds a MiB of a job that is not ours, for comparison."""


def short(amount: float) -> str:
    """Three significant digits, in words that fit a table."""
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if amount >= unit:
            return f"{amount / unit:.3g} {name}"
    return f"{amount:,.0f}"


def usd(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}"


def duration(seconds: float) -> str:
    for name, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"


_ENVIRONMENT = Environment(
    loader=PackageLoader("economics", ""),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"short": short, "usd": usd, "duration": duration}
_ENVIRONMENT.globals |= {
    each.__name__.rpartition(".")[2]: each
    for each in (Month, Stack, bill, compare, figures, product)
}


def render(name: str, **values: object) -> str:
    """What a template makes of these values, with no more than one empty line between others."""
    return re.sub(r"\n{3,}", "\n\n", _ENVIRONMENT.get_template(name).render(values)).strip()


def measured_in(text: str) -> Job:
    """The figures that docs/COST.md was made from."""
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return Job(**json.loads(block))


def cost(job: Job) -> str:
    """The whole of docs/COST.md."""
    heavy = Work(1e6, SIZES, replace(job, seconds_per_mib=HEAVY))
    threshold = compare.threshold(Stack("hybrid"), heavy)
    engines = [compare.ALL[name] for name in ("lambda", "hybrid", "fargate")]
    longer = [replace(each, function_timeout=900, threshold=threshold) for each in engines]
    made = render(
        "cost.md.jinja",
        ours=Work(1e6, SIZES, job),
        heavy=heavy,
        heavy_engines={each.mode: each for each in longer},
        measured=json.dumps(asdict(job), indent=2),
        assumptions=figures.read("assumptions"),
    )
    return f"{made}\n"


def section(text: str, models: Mapping[str, Model]) -> str:
    """docs/ARCHITECTURE.md with its section, between the marks, made anew."""
    results = {name: result(model) for name, model in models.items()}
    made = render("scale.md.jinja", models=models, results=results, limits=figures.LIMITS)
    before, _, after = re.split(f"(?s){re.escape(BEGIN)}(.*){re.escape(END)}", text)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def result(model: Model) -> dict[str, str]:
    """What one run says, in words that fit a table, by the heads of its columns."""
    waited, uploads = sorted(model.waited), model.scenario.work.uploads

    def within(share: float) -> str:
        needed = share * uploads
        return duration(waited[int(needed) - 1]) if needed <= len(waited) else "never"

    last, dead = duration(model.now), f"{model.dead_letters:,}"
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
        "refused": short(model.limits.refusals.total()),
        "dead letters": dead,
        "swept": f"{model.swept:,}",
        "USD": f"{usd_of(model):,.2f}",
        "limit met first": next(iter(model.limits.refusals), "none"),
        "limit that holds back longest": longest(model),
    }


def usd_of(model: Model) -> float:
    """Of these uploads: engines, requests and events; neither storage nor what stands idle."""
    stack, work = model.scenario.stack, model.scenario.work.at(model.uploaded)
    return bill.usd(
        stack,
        bill.on_tasks(stack, model.tasks.seconds)
        | bill.on_functions(model.functions.seconds)
        | {"lambda.request": len(model.functions.started)}
        | bill.s3_requests(stack, work)
        | bill.events(stack, work),
    )


def longest(model: Model) -> str:
    """The limit that uploads waited for longest, all together; another may say no more often."""
    if not (total := sum(model.limits.held.values())):
        return "none"
    name = max(model.limits.held, key=lambda name: model.limits.held[name])
    return f"{name} ({100 * model.limits.held[name] / total:.0f} %)"
