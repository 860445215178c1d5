"""docs/COST.md: what the calculator says, with all that went into it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from . import ROOT
from .compare import ALL, ENGINES, PAIRS, UPLOADS, crossing, even_mib, heavier, threshold, usd
from .cost import ITEMS, Stack, Work, at, even_seconds
from .figures import ASSUMED, PRICES, REASONS, SIZES, Job, Measured, sizes

FILE = ROOT / "docs" / "COST.md"
PLOT = ROOT / "docs" / "cost.png"
HEAVY = 1.0
"""Seconds a MiB of a job that is not ours, for comparison."""


def work(measured: Measured, of: str = SIZES) -> Work:
    """A million uploads of these sizes, with our job."""
    return Work(1e6, sizes(of), Job(measured.seconds_per_mib, measured.start_seconds))


def measured_in(text: str) -> Measured:
    """The figures that a document was made from."""
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return Measured.parse(block)


def document(measured: Measured) -> str:
    """The whole file."""
    return "\n".join(_lines(measured, work(measured))) + "\n"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = True
) -> Iterator[str]:
    """Lines of Markdown; all columns but the first are numbers, or text."""
    rule = "---:" if numbers else "---"
    yield from (_row(head), _row(["---", *[rule] * (len(head) - 1)]))
    yield from map(_row, rows)


def totals(stacks: Mapping[str, Stack], of: Work) -> list[list[str]]:
    """A row for each stack: USD a month without storage, by uploads."""
    rows = []
    for name, stack in stacks.items():
        bills = [at(stack, of, uploads) for uploads in UPLOADS]
        costs = [usd(bill.without_storage) if bill.fits else "too long" for bill in bills]
        rows.append([f"`{name}`", *costs])
    return rows


def items(stacks: Mapping[str, Stack], of: Work, uploads: float) -> list[list[str]]:
    """A row for each item of the bill, a column for each stack."""
    bills = [at(stack, of, uploads) for stack in stacks.values()]
    rows = [[item, *(usd(bill.items[item]) for bill in bills)] for item in ITEMS]
    return [*rows, ["**all**", *(f"**{usd(bill.total)}**" for bill in bills)]]


def _lines(measured: Measured, ours: Work) -> Iterator[str]:
    uploads = [f"{count:,.0f}" for count in UPLOADS]
    stored = [usd(at(ALL["lambda"], ours, count).items["storage"]) for count in UPLOADS]
    yield from (
        "# What it costs",
        "",
        "`make cost` writes this page: USD a month by the list prices of "
        f"{PRICES['region']} of {PRICES['date']}, without free tiers,",
        "discounts and taxes. "
        '`make cost ARGS="--uploads 50000 --sizes 2:100 --mode hybrid --architecture arm64"`'
        " calculates your own",
        "and writes nothing. It is arithmetic on published prices: nothing here comes from a bill.",
        "",
        f"Uploads: {_sizes(ours)}. The job is the maze's.",
        "",
        "## A month, without storage",
        "",
        *table(["uploads a month", *uploads], totals(ALL, ours)),
        "",
        f"Storage is the same for all of them: {', '.join(stored)} USD, for uploads and answers of "
        "one month, kept for one month.",
        "Without a name for it, Network is `isolated`, EventSource `s3`, Architecture `x86_64`.",
        "",
        "![cost over uploads](cost.png)",
        "",
        "## A million uploads, taken apart",
        "",
        *table(["USD", *(f"`{name}`" for name in ENGINES)], items(ENGINES, ours, 1e6)),
        "",
        "- A task is billed for a minute at least, from the start of its image's download. "
        "That minute, and not the job, is what",
        "  Fargate costs here.",
        '- S3\'s events to EventBridge are billed as custom events are ("opt-in data events"), '
        "those to a function are not; there is one",
        "  for each object in the bucket, the verdicts' among them.",
        "- Lambda asks the failure queue for messages all the time, which is what `queues` costs "
        "when nothing fails.",
        "- Nothing is encrypted with a key of KMS, so nothing is paid for one. Transfer between "
        "S3 and either engine costs nothing within",
        "  a region; the tasks' way to S3 is a gateway endpoint, which is free. The recipe's image "
        "comes by its NAT gateway, which",
        "  is not counted, since its size is not known here.",
        "",
        "## Where the cheaper one changes",
        "",
        *table(
            ["of two", "the cheaper one, by uploads a month"],
            [[f"`{a}`, `{b}`", crossing(a, b, ours).sentence()] for a, b in PAIRS],
            numbers=False,
        ),
        "",
        "Of one file, by the time that its job takes: a task becomes the cheaper one where the "
        "function costs as much as a minute of it.",
        "For mazes, then, Fargate is for what does not fit the function, and never for the price.",
        "",
        *table(
            ["", "seconds", "a maze of", "at 1 s a MiB", "`HybridThresholdMiB` then"],
            [_even(name, ours) for name in ("hybrid", "hybrid, arm64", "hybrid, Spot")],
        ),
        "",
        f"## Another job: {HEAVY:g} s a MiB",
        "",
        "The same uploads, with a job that takes its time. `hybrid` with `HybridThresholdMiB=16`; "
        "`FunctionTimeout` long enough.",
        "",
        *table(["uploads a month", *uploads], totals(_heavy_engines(), heavier(ours, HEAVY))),
        "",
        "## What went into it",
        "",
        "Measured by `make bench`: seconds of one processor. A test makes this page again from "
        "these figures.",
        "",
        "```json",
        measured.as_json(),
        "```",
        "",
        "Assumed, because nobody publishes it (`economics/assumptions.toml`):",
        "",
        *table(
            ["", "value", "why"],
            [[f"`{name}`", f"{value:g}", REASONS[name]] for name, value in ASSUMED.items()],
            numbers=False,
        ),
        "",
        f"Prices of {PRICES['date']} (`economics/prices.toml` has the figures). AWS's own pages "
        "are what counts; the last column is a stored page",
        "that says the same.",
        "",
        *table(["", "AWS's page", "compared with"], list(_sources()), numbers=False),
    )


def _even(name: str, ours: Work) -> list[str]:
    stack = {
        "hybrid": Stack("hybrid"),
        "hybrid, arm64": Stack("hybrid", architecture="arm64"),
        "hybrid, Spot": Stack("hybrid", spot=True),
    }[name]
    heavy = heavier(ours, HEAVY)
    return [
        f"`{name}`",
        f"{even_seconds(stack):.1f}",
        f"{even_mib(stack, ours):,.0f} MiB",
        f"{even_mib(stack, heavy):,.0f} MiB",
        f"{threshold(stack, ours)}, {threshold(stack, heavy)}",
    ]


def _heavy_engines() -> dict[str, Stack]:
    return {
        name: replace(stack, threshold_mib=16) if name == "hybrid" else stack
        for name, stack in ENGINES.items()
        if name != "the recipe"
    }


def _sizes(ours: Work) -> str:
    each = [f"{100 * size.share:g} % of {size.mib:g} MiB" for size in ours.sizes]
    return ", ".join(each)


def _sources() -> Iterator[list[str]]:
    for service, price in PRICES.items():
        if isinstance(price, dict):
            yield [service, _links(price["source"]), _links(price.get("seen", "")) or "nothing"]


def _links(text: str) -> str:
    return ", ".join(f"<{each}>" for each in text.split(", ") if each)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
