"""docs/COST.md, and the section of docs/ARCHITECTURE.md: Jinja templates beside the code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tooling import paths
from tooling.pages import templates
from tooling.progress import duration

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


_TEMPLATES = templates(paths.ROOT / "economics")
_TEMPLATES.filters |= {"short": short, "usd": usd, "duration": duration}
_TEMPLATES.globals |= {
    each.__name__.rpartition(".")[2]: each
    for each in (Month, Stack, bill, compare, figures, product)
}


def render(name: str, **values: object) -> str:
    """What a template makes of these values, with no more than one empty line between others."""
    return re.sub(r"\n{3,}", "\n\n", _TEMPLATES.get_template(name).render(values)).strip()


def measured() -> Job:
    """The figures that docs/COST.md was made from."""
    (block,) = re.findall(r"```json\n(.*?)```", COST.read_text(), re.DOTALL)
    return Job(**json.loads(block))


def cost(job: Job) -> str:
    """The whole of docs/COST.md."""
    heavy = Work(1e6, SIZES, replace(job, seconds_per_mib=HEAVY))
    threshold = compare.threshold(Stack("hybrid"), heavy)
    more: dict[str, Any] = {"function_timeout": 900, "threshold": threshold}
    engines = {mode: replace(compare.ALL[mode], **more) for mode in ("lambda", "hybrid", "fargate")}
    made = render(
        "cost.md.jinja",
        ours=Work(1e6, SIZES, job),
        heavy=heavy,
        heavy_engines=engines,
        measured=json.dumps(asdict(job), indent=2),
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
    seconds = bill.on_tasks(stack, model.tasks.seconds) | bill.on_functions(model.functions.seconds)
    requests = {"lambda.request": len(model.functions.started)} | bill.s3_requests(stack, work)
    return bill.usd(stack, seconds | requests | bill.events(stack, work))


def longest(model: Model) -> str:
    """The limit that uploads waited for longest, all together; another may say no more often."""
    if not (total := sum(model.limits.held.values())):
        return "none"
    name = max(model.limits.held, key=lambda name: model.limits.held[name])
    return f"{name} ({100 * model.limits.held[name] / total:.0f} %)"
