"""docs/COST.md: what the calculator says, with all that went into it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace

from . import ROOT, product
from .backfill import FILES, STACKS, backfill
from .bill import at
from .compare import (
    ALL,
    ENGINES,
    PAIRS,
    UPLOADS,
    cheaper_one,
    duration,
    even_mib,
    threshold,
)
from .figures import PRICES, PUBLISHED, Measured, read
from .pages import render
from .requests import PART_MIB
from .stack import Stack
from .standing import SECONDS, gb_seconds, launches
from .work import SIZES, Job, Work, sizes

FILE, PLOT = ROOT / "docs" / "COST.md", ROOT / "docs" / "cost.png"
_USED = (at, backfill, cheaper_one, duration, even_mib, launches, threshold)
_FUNCTIONS = {function.__name__: function for function in _USED}
HEAVY = 1.0
"""Seconds a MiB of a job that is not ours, for comparison."""


def work(measured: Measured, seconds_per_mib: float | None = None) -> Work:
    """A million uploads with our job, or with another one."""
    each = measured.seconds_per_mib if seconds_per_mib is None else seconds_per_mib
    return Work(1e6, sizes(SIZES), Job(each, measured.start_seconds))


def measured_in(text: str) -> Measured:
    """The figures that a document was made from."""
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return Measured.parse(block)


def document(measured: Measured) -> str:
    """The whole file."""
    ours, heavy = work(measured), work(measured, HEAVY)
    hybrid, max_tasks = ENGINES["hybrid"], ALL["fargate, MaxTasks"]
    heavy_engines = {
        name: replace(ENGINES[name], function_timeout=900, threshold=threshold(hybrid, heavy))
        for name in ("lambda", "hybrid", "fargate")
    }
    low_seconds, minute = ours.job.seconds(hybrid.threshold), PRICES["fargate"]["least_seconds"]
    text = render(
        "cost.md.jinja",
        **_FUNCTIONS,
        uploads=UPLOADS,
        stacks=ALL,
        ours=ours,
        heavy=heavy,
        max_tasks=max_tasks,
        lacking=lacking({**ENGINES, "fargate, MaxTasks": max_tasks}, ours),
        bills={name: at(stack, ours, 1e6) for name, stack in ENGINES.items()},
        part_mib=PART_MIB,
        standing=gb_seconds(hybrid, SECONDS * product.LAUNCH_GB),
        pairs=PAIRS,
        even=[hybrid, Stack("hybrid", architecture="arm64"), Stack("hybrid", spot=True)],
        low=int(hybrid.threshold),
        high=threshold(hybrid, ours),
        low_seconds=low_seconds,
        function_gb=int(product.default("FunctionMemory")) / 1000,
        dearer=minute * hybrid.task_second - low_seconds * hybrid.function_second,
        heavy_seconds=HEAVY,
        heavy_engines=heavy_engines,
        heavy_lacking=lacking(heavy_engines, heavy),
        backfills=itertools.product(FILES, STACKS),
        measured=measured,
        prices=PRICES,
        limits=PUBLISHED,
        assumptions=read("assumptions"),
    )
    return f"{text}\n"


def totals(of: Work) -> str:
    """The first table alone."""
    return render("cost.txt.jinja", at=at, uploads=UPLOADS, stacks=ALL, work=of)


def lacking(stacks: Mapping[str, Stack], of: Work) -> list[list[str]]:
    """A row for each thing that a month needs more of than there is, with who needs it."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for uploads in UPLOADS:
        for name, stack in stacks.items():
            for need in at(stack, of, uploads).needs:
                row = (f"{uploads:,.0f}", f"{need.needed:,.0f} {need.what}", need.of)
                rows.setdefault(row, []).append(f"`{name}`")
    return [[*row, "; ".join(names)] for row, names in rows.items()]
