"""docs/COST.md: what the calculator says, with all that went into it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from . import ROOT
from .compare import ALL, ENGINES, PAIRS, UPLOADS, crossing, even_mib, heavier, threshold, usd
from .cost import (
    ITEMS,
    LAUNCH_GB,
    PART_MIB,
    SECONDS,
    Bill,
    Stack,
    Work,
    at,
    even_seconds,
    function_second,
    launches,
    task_second,
)
from .figures import ASSUMED, PRICES, REASONS, SIZES, Job, Measured, sizes

FILE = ROOT / "docs" / "COST.md"
PLOT = ROOT / "docs" / "cost.png"
_MAX_TASKS = ALL["fargate, MaxTasks"]
_GB_A_MIB = 0.7 / 109
"""Of the largest picture, by `make bench` (docs/DECISIONS.md)."""
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
    *lines, _ = _wrapped(_lines(measured, work(measured)))
    return "\n".join(lines) + "\n"


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    """The same with its paragraphs, and the items of its lists, at 120 columns."""
    paragraph: list[str] = []
    in_code = False
    for line in [*lines, "```"]:  # which ends the last paragraph
        begins_anew = in_code or not line or line.startswith(("- ", "|", "#", "!", "```"))
        if begins_anew and paragraph:
            indent = "  " if paragraph[0].startswith("- ") else ""
            text = " ".join(each.strip() for each in paragraph)
            yield textwrap.fill(
                text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
            paragraph = []
        in_code ^= line.startswith("```")
        if not begins_anew or (line.startswith("- ") and not in_code):
            paragraph.append(line)
        else:
            yield line


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
        rows.append([f"`{name}`", *map(_cost, bills)])
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


def _cost(bill: Bill) -> str:
    return bill.never or usd(bill.without_storage) + (" *" if bill.needs else "")


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
        "USD a month by the list prices of "
        f"{PRICES['region']} of {PRICES['date']}, without free tiers, discounts and taxes.",
        '`make cost ARGS="--uploads 50000 --sizes 2:100 --mode hybrid --architecture arm64"` '
        "calculates your own,",
        "`make cost` shows the next table, and `make cost ARGS=--write` writes this page. "
        "It is arithmetic on published prices:",
        "nothing here comes from a bill.",
        "",
        f"Uploads: {_sizes(ours)}. The job is the maze's.",
        "",
        "## A month, without storage",
        "",
        *table(["uploads a month", *uploads], totals(ALL, ours)),
        "",
        f"Storage is the same for all of them: {', '.join(stored)} USD, for uploads and outputs of "
        "one month, kept for one month.",
        "Without a name for it, Network is `isolated`, EventSource `s3`, Architecture `x86_64`; "
        "`MaxTasks` is 50.",
        "",
        "\\* What the bill would be, but there is more to it than money: uploads that come evenly "
        "need more than a new account, or the",
        "sweep, has. Quotas can be raised, up to a point; `too many` is what no quota helps. "
        "Whatever has `fargate` in its name needs",
        "what `fargate` does, and bursts need more ([Scale](ARCHITECTURE.md#scale)).",
        "",
        *table(
            ["uploads a month", "needs", "", "of"],
            lacking({**ENGINES, "fargate, MaxTasks": ALL["fargate, MaxTasks"]}, ours),
            numbers=False,
        ),
        "",
        "A sweep that has too little time goes on in the next hour. It comes round more seldom, "
        "and what it starts again waits longer.",
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
        "  for each object in the bucket, the results' among them.",
        f"- An upload of {PART_MIB} MiB and more comes in parts, as `aws s3 cp` sends it, and each "
        "part is a request and a record of the trail;",
        "  who owns the bucket pays for both.",
        "- `sweep` is mostly the uploads in parts: a listing has the time when one was begun, so "
        "for a week the sweep asks for its result",
        "  every hour, with three HEADs. Other uploads are asked for once.",
        "- Lambda asks the failure queue for messages all the time, which is what `queues` costs "
        "when nothing fails. `MaxTasks` adds",
        f"  {usd(launches(_MAX_TASKS, 1e6))} USD for a million uploads that come one by one: sent, "
        "received and deleted (1.50), and a launcher that waits for each",
        f"  to be seen. In a backlog ten share a batch: {usd(_backlog())} USD a million. A backlog "
        "that stands all month keeps the launcher busy",
        f"  for {usd(_standing())} USD, and no more.",
        "- Nothing is encrypted with a key of KMS, so nothing is paid for one. Transfer between "
        "S3 and either engine costs nothing within",
        "  a region; the tasks' way to S3 is a gateway endpoint, which is free. The recipe's image "
        "comes by its NAT gateway, once for each",
        "  task, which is most of its price. Nobody here has weighed it: at 0.07 GB instead of "
        f"{ASSUMED['recipe_image_gb']:g}, the least that it can be, it would",
        f"  cost {usd(1e6 * 0.07 * PRICES['network']['nat_gb'])} USD.",
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
        *_threshold(ours),
        "",
        f"## Another job: {HEAVY:g} s a MiB",
        "",
        "The same uploads, with a job that takes its time. `hybrid` with `HybridThresholdMiB=16`; "
        "`FunctionTimeout` long enough.",
        "",
        *table(["uploads a month", *uploads], totals(_heavy_engines(), heavier(ours, HEAVY))),
        "",
        *table(
            ["uploads a month", "needs", "", "of"],
            lacking(_heavy_engines(), heavier(ours, HEAVY)),
            numbers=False,
        ),
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


def _threshold(ours: Work) -> Iterator[str]:
    """Why the template's default is another one than the table's."""
    stack = Stack("hybrid")
    low, high = stack.threshold_mib, threshold(stack, ours)
    minute = PRICES["fargate"]["least_seconds"] * task_second(stack)
    dearer = minute - ours.job.seconds(low) * function_second(stack)
    yield from (
        f"The template's default is {low}, not the {high} that the price alone would allow: a file "
        "lies in memory, and the largest picture that",
        "`MAX_PIXELS` lets in, a 1-pixel maze in a JPEG of 109 MiB, takes 0.7 GB. At that rate one "
        f"of {high} MiB takes {_GB_A_MIB * high:.1f} GB and one of {low} MiB",
        f"{_GB_A_MIB * low:.1f} GB, of the {stack.function_mb / 1000:.1f} that the function has, "
        f"and {ours.job.seconds(low):.0f} s of its 120. What runs out of either costs the "
        "function's time and then the task's.",
        f"The margin costs at most {dearer:.4f} USD for each file between the two, and no JPEG of "
        "a maze within `MAX_PIXELS` is so large.",
    )


def _backlog() -> float:
    """USD a million, of uploads that wait for the launcher in tens."""
    return launches(_MAX_TASKS, 1e8) / 100


def _standing() -> float:
    """USD a month of a launcher that never stops."""
    per_second = LAUNCH_GB * PRICES["lambda"]["gb_second"]["x86_64"][0]["price"]
    return float(SECONDS * per_second)


def _heavy_engines() -> dict[str, Stack]:
    return {
        name: replace(
            stack,
            function_timeout=900,
            threshold_mib=16 if name == "hybrid" else stack.threshold_mib,
        )
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
