"""What runs beside the jobs: the sweep, and the launcher of a stack with MaxTasks."""

from __future__ import annotations

from merge import LONGEST_IN_PARTS
from processing.pages import AHEAD
from walk import TOGETHER

from . import product
from .figures import ASSUMED, PRICES
from .stack import Stack
from .work import PART_MIB, Work

HOURS = 730
"""Of a month, as AWS counts them."""
SECONDS = HOURS * 3600
RUNS_IN_PARTS = LONGEST_IN_PARTS.total_seconds() / 3600
PROCESSOR_MB = 1769
"""Of a whole processor (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
SWEEP_HEADS = 3
"""To be sure of a result it asks for both results and the upload. Once an upload has been found
settled, the listings say enough; but those of one in parts do so only after a week (merge.py)."""
ALONE_SECONDS, STARTS_A_SECOND = 2.2, 17.6
"""Of functions/launch, where RunTask takes a second and the list is as much behind: how long it
runs for one message, and how many it starts a second while others wait (docs/PERFORMANCE.md, by the
launcher's own test on a virtual clock, 27 November 2026)."""


def tiered(amount: float, tiers: list[dict[str, float]]) -> float:
    """The price of an amount of which each part has the price of its tier."""
    total, below = 0.0, 0.0
    for tier in tiers:
        total += max(0.0, min(amount, tier["to"]) - below) * tier["price"]
        below = tier["to"]
    return total


def gb_seconds(stack: Stack, amount: float) -> float:
    """USD for so many of Lambda."""
    return tiered(amount, PRICES["lambda"]["gb_second"][stack.architecture])


def sweep(work: Work) -> tuple[float, float, float]:
    """LISTs, HEADs and seconds of one look at all that is kept: its processor, its HEADs and its
    pages go on beside one another, and the slowest is what it takes. (5,000,000 uploads with
    100,000 HEADs and calls of 150 ms would take 470 s; the measured run took 477.)"""
    keys = work.uploads * ASSUMED["months_kept"]
    looked_at = work.total(value=lambda mib: RUNS_IN_PARTS if mib >= PART_MIB else 1)
    lists = 3 + 2 * keys / 1000 * ASSUMED["sweep_lists"]
    heads = SWEEP_HEADS * looked_at / HOURS
    call, processor = ASSUMED["s3_call_seconds"], product.SWEEP_GB * 1024 / PROCESSOR_MB
    seconds = 1 + max(
        keys * ASSUMED["sweep_key_seconds"] / processor,
        heads / TOGETHER * call,
        lists / (2 * (1 + AHEAD)) * call,
    )
    return lists, heads, seconds


def sweeps(stack: Stack, work: Work) -> float:
    """USD for a run an hour: what it has no time for comes in the next ones."""
    lists, heads, seconds = sweep(work)
    part = min(1.0, product.SWEEP_SECONDS / seconds)
    requests = lists * PRICES["s3"]["write"] + heads * PRICES["s3"]["read"]
    calls = HOURS * (part * requests + PRICES["lambda"]["request"])
    return float(calls + gb_seconds(stack, HOURS * part * seconds * product.SWEEP_GB))


def queued(stack: Stack, tasks: float, batches: float, seconds: float) -> float:
    """USD for tasks through the launch queue: sent one by one, received and deleted in batches; and
    the launcher's time."""
    requests = (tasks + 2 * batches) * PRICES["sqs"]["fifo_request"]
    called = batches * PRICES["lambda"]["request"]
    return float(requests + called + gb_seconds(stack, seconds * product.LAUNCH_GB))


def launches(stack: Stack, tasks: float) -> float:
    """USD for so many tasks a month through the launch queue: one function at a time, for what has
    come while the one before was under way."""
    batches = tasks / min(product.LAUNCH_BATCH, max(1.0, tasks / SECONDS * ALONE_SECONDS))
    return queued(stack, tasks, batches, min(batches * ALONE_SECONDS, SECONDS))


def backlog(stack: Stack, tasks: float) -> float:
    """USD for so many that wait already: in tens, as fast as the launcher starts them."""
    return queued(stack, tasks, tasks / product.LAUNCH_BATCH, tasks / STARTS_A_SECOND)
