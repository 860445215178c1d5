"""docs/COST.md, and the section of docs/ARCHITECTURE.md: Jinja templates beside the code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import HERE, ROOT, backfill, compare, figures, product, standing
from .bill import Bill
from .stack import Stack
from .work import PART_MIB, SIZES, Job, Work

COST, COST_PLOT = ROOT / "docs" / "COST.md", ROOT / "docs" / "cost.png"
SCALE, SCALE_PLOT = ROOT / "docs" / "ARCHITECTURE.md", ROOT / "docs" / "scale.png"
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
    loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters |= {"short": short, "usd": usd, "duration": duration}
_ENVIRONMENT.globals |= {
    each.__name__.rpartition(".")[2]: each
    for each in (Bill, Stack, backfill, compare, figures, product, standing)
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
        part_mib=PART_MIB,
        measured=json.dumps(asdict(job), indent=2),
        assumptions=figures.read("assumptions"),
    )
    return f"{made}\n"


def section(text: str, results: Mapping[str, Mapping[str, str]], titles: list[str]) -> str:
    """docs/ARCHITECTURE.md with its section, between the marks, made anew."""
    made = render("scale.md.jinja", results=results, titles=titles, limits=figures.read("limits"))
    before, _, after = re.split(f"(?s){re.escape(BEGIN)}(.*){re.escape(END)}", text)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"
