"""docs/COST.md: what the calculator says, with all that went into it."""

from __future__ import annotations

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
    usd,
)
from .figures import PRICES, PUBLISHED, Measured, read
from .pages import render
from .requests import PART_MIB
from .stack import Stack
from .standing import SECONDS, gb_seconds, launches
from .work import SIZES, Job, Work, sizes

FILE, PLOT = ROOT / "docs" / "COST.md", ROOT / "docs" / "cost.png"
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
    low, high = int(hybrid.threshold), threshold(hybrid, ours)
    minute, low_seconds = PRICES["fargate"]["least_seconds"], ours.job.seconds(low)
    even = [hybrid, Stack("hybrid", architecture="arm64"), Stack("hybrid", spot=True)]
    text = render(
        "cost.md.jinja",
        uploads=[f"{count:,.0f}" for count in UPLOADS],
        sizes=[f"{100 * size.share:g} % of {size.mib:g} MiB" for size in ours.sizes],
        totals=totals(ALL, ours),
        stored=[usd(at(hybrid, ours, count).items["storage"]) for count in UPLOADS],
        lacking=lacking({**ENGINES, "fargate, MaxTasks": max_tasks}, ours),
        bills={name: at(stack, ours, 1e6) for name, stack in ENGINES.items()},
        part_mib=PART_MIB,
        launches=launches(max_tasks, 1e6),
        backlog=launches(max_tasks, 1e8) / 100,
        standing=gb_seconds(hybrid, SECONDS * product.LAUNCH_GB),
        pairs=[[f"`{a}`, `{b}`", cheaper_one(a, b, ours)] for a, b in PAIRS],
        even=zip(
            even,
            *([(even_mib(s, of), threshold(s, of)) for s in even] for of in (ours, heavy)),
            strict=True,
        ),
        low=low,
        high=high,
        low_seconds=low_seconds,
        function_gb=int(product.default("FunctionMemory")) / 1000,
        dearer=minute * hybrid.task_second - low_seconds * hybrid.function_second,
        heavy_seconds=HEAVY,
        heavy_totals=totals(heavy_engines, heavy),
        heavy_lacking=lacking(heavy_engines, heavy),
        backfills=_backfills(ours),
        run_task=PUBLISHED["run_task"],
        measured=measured,
        prices=PRICES,
        assumptions=read("assumptions"),
    )
    return f"{text}\n"


def _backfills(ours: Work) -> list[list[str]]:
    rows = []
    for files in FILES:
        for name in STACKS:
            seconds, limit, items = backfill(name, ours, files)
            parts = (items[item] for item in ("compute", "requests", "sweep"))
            costs = [usd(each) for each in (sum(items.values()), *parts)]
            rows.append([f"{files:,.0f}", name, duration(seconds), limit, *costs])
    return rows


def totals(stacks: Mapping[str, Stack], of: Work) -> list[list[str]]:
    """A row for each stack: USD a month without storage, by uploads."""
    rows = []
    for name, stack in stacks.items():
        bills = [at(stack, of, count) for count in UPLOADS]
        costs = [
            each.never or usd(each.without_storage) + " *" * bool(each.needs) for each in bills
        ]
        rows.append([f"`{name}`", *costs])
    return rows


def lacking(stacks: Mapping[str, Stack], of: Work) -> list[list[str]]:
    """A row for each thing that a month needs more of than there is, with who needs it."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for uploads in UPLOADS:
        for name, stack in stacks.items():
            for need in at(stack, of, uploads).needs:
                row = (f"{uploads:,.0f}", f"{need.needed:,.0f} {need.what}", need.of)
                rows.setdefault(row, []).append(f"`{name}`")
    return [[*row, "; ".join(names)] for row, names in rows.items()]
