"""Sweep a deployed stack by hand: start the jobs of all uploads that have no current result.

That is retry, redrive and backfill in one. The stack's own sweep does it, in slices of seconds, so
it needs no more rights than to look at the stack and to invoke that function. First it counts, by
the listings alone. Then as many runs as the rate needs go side by side, each over its own names.

    PYTHONPATH=worker python -m operate.sweep STACK [--dry-run] [--prefix input/2026/] [--rate 5]

Exit codes: 0 done, 1 some could not be dealt with, 2 wrong arguments, or no such stack, 130 Ctrl-C.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from queue import Queue
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from processing.starters import RATE

from tooling.usage import MakeParser, positive

from . import stacks
from .stacks import NoStack, Stack

SLICE_SECONDS = 20
"""Between two steps of the bar; short enough for any client's timeout."""
PER_RUN, MOST_RUNS = 50, 20
"""Starts a second of one run, which makes four calls for each, 32 at a time, of 150 ms at worst;
and runs side by side. Where each start is a task there is one: RunTask takes 20 a second."""
THROTTLED_SECONDS = 2
"""Jobs and sweeps have one concurrency quota."""
WIDTH = 30
LISTED = 1000
"""Uploads that a dry run names, at most."""

Json = dict[str, Any]


class SweepFailed(Exception):
    """What the function said."""


def main(arguments: list[str] | None = None) -> int:
    """Sweep; gives the exit code."""
    usage = "[STACK=uploads] [DRY_RUN=1] [PREFIX=input/2026/] [RATE=5] [REPROCESS=1]"
    parser = MakeParser("sweep", usage, "Start the jobs of all uploads without a current result.")
    parser.add_argument("stack", help="name of the stack")
    parser.add_argument("--dry-run", action="store_true", help="list and count, and start nothing")
    parser.add_argument("--prefix", help="only uploads whose keys start with this")
    parser.add_argument(
        "--given-up", action="store_true", help="start again what was rejected after MaxAttempts"
    )
    parser.add_argument(
        "--reprocess", action="store_true", help="start again what has another JobVersion's result"
    )
    parser.add_argument(
        "--rate",
        type=positive,
        help=f"jobs started a second ({RATE:g}; up to {PER_RUN * MOST_RUNS:,})",
    )
    chosen = parser.parse_args(arguments)
    try:
        stack = stacks.find(chosen.stack)
        asked = {
            "prefix": chosen.prefix,
            "rate": chosen.rate,
            "given_up": chosen.given_up or None,
            "reprocess": chosen.reprocess or None,
        }
        return run(stack, chosen.dry_run, {name: v for name, v in asked.items() if v is not None})
    except (NoStack, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except SweepFailed as error:
        print(f"\nfailed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what was started goes on, and the same command does the rest")
        return 130


def run(stack: Stack, dry_run: bool, asked: Json) -> int:
    """Count, and then start what was counted. Raises SweepFailed."""
    print(stack.describe())
    if dry_run:
        return list_due(stack, asked)
    left, ranges = count(stack, asked)
    if not left:
        return 0
    done: Counter[str] = Counter()
    problem, looked_at, began = None, 0, time.monotonic()
    try:
        for said in side_by_side(stack, asked, ranges):
            done += Counter(said["outcomes"])
            problem = said["problem"] or problem
            looked_at += said["looked_at"]
            started = done["started"] + done["started_again"]
            seconds = time.monotonic() - began
            bar_of = bar(looked_at, max(looked_at, left))
            show(f"{bar_of} {started:,} started{to_go(looked_at, left, seconds)}")
    finally:
        end_of_line()
        for outcome, meaning in MEANINGS.items():
            if done[outcome]:
                print(f"  {done[outcome]:>9,} {meaning}")
    if problem:
        print(f"the last problem: {problem}", file=sys.stderr)
    return 1 if done["failed"] or done["not_started"] else 0


def list_due(stack: Stack, asked: Json) -> int:
    """Name what would be started; gives the exit code."""
    counted: Counter[str] = Counter()
    due: list[tuple[str, str]] = []
    left = 0
    for said in slices(stack, asked | {"dry_run": True}):
        counted += Counter(said["outcomes"])
        due += said["due"]
        left = counted["due"] + counted["cant_start"]
        show(f"looked at {counted.total():,} uploads, {left:,} without a current result")
    end_of_line()
    for name, uploaded in due[:LISTED]:
        print(f"  {uploaded[:19]}  {name}")
    if left > LISTED:
        print(f"  and {left - LISTED:,} more; PREFIX=... shows fewer")
    if counted["cant_start"]:
        print(f"  {counted['cant_start']:,} of them {MEANINGS['cant_start']}")
    return 1 if counted["failed"] else 0


def count(stack: Stack, asked: Json) -> tuple[int, list[Json]]:
    """How many uploads are to be looked at, and ranges of names with 10,000 of them at most.

    Whether tasks wait for their turn is asked now: what waits later is what this has started.
    """
    counted: Counter[str] = Counter()
    ends: list[str] = []
    backlog = False
    for said in slices(stack, asked | {"count": True}):
        backlog = said["backlog"]
        counted += Counter(said["outcomes"])
        ends += said["shares"]
        # What was counted since the last share is a range of its own, or part of the last one.
        if said["after"] is not None and said["outcomes"].get("open"):
            ends.append(said["after"])
        left = counted["open"]
        show(f"looked at {counted.total():,} uploads, {left:,} without a certain result")
    end_of_line()
    ranges = pairwise(["", *dict.fromkeys(ends), None])
    shares = [{"after": a, "until": until, "backlog": backlog} for a, until in ranges]
    return counted["open"], shares


def side_by_side(stack: Stack, asked: Json, ranges: list[Json]) -> Iterator[Json]:
    """What each slice of each range said, in whatever order; when one raises, the others end."""
    rate = asked.get("rate") or RATE
    runs = min(runs_for(stack.parameters["Mode"], rate), len(ranges))
    said: Queue[Json | BaseException | None] = Queue()
    rest, stop = iter(ranges), threading.Event()
    turn = threading.Lock()

    def one_run() -> None:
        try:
            while not stop.is_set():
                with turn:
                    names = next(rest, None)
                if names is None:
                    break
                for each in slices(stack, asked | names | {"rate": rate / runs}):
                    said.put(each)
                    if stop.is_set():
                        break
        except BaseException as error:
            said.put(error)
        else:
            said.put(None)

    with ThreadPoolExecutor(runs) as pool:
        try:
            for _ in range(runs):
                pool.submit(one_run)
            under_way = runs
            while under_way:
                each = said.get()
                if isinstance(each, BaseException):
                    raise each
                if each is None:
                    under_way -= 1
                else:
                    yield each
        except KeyboardInterrupt:
            show(f"it stops within {SLICE_SECONDS} seconds")
            raise
        finally:
            stop.set()  # whoever is in a slice comes to its end


def runs_for(mode: str, rate: float) -> int:
    """How many runs go side by side for so many starts a second."""
    return 1 if mode == "fargate" else min(MOST_RUNS, math.ceil(rate / PER_RUN))


MEANINGS = {
    "current": "have their result",
    "young": "were left to their own event: uploaded lately, it may be under way",
    "started": "started",
    "started_again": "started again: the last start came to no job",
    "cant_start": "can't start: the last start came to no job",
    "waiting": "left to a job that was started lately, or waits for its turn",
    "gave_up": "rejected after MaxAttempts",
    "gone": "deleted meanwhile",
    "deleted": "deleted, for their output is there (AfterSuccess)",
    "not_started": "not started: the engine had no room; sweep again",
    "failed": "could not be looked at or rejected",
}


def slices(stack: Stack, asked: Json) -> Iterator[Json]:
    """What each slice said (progress.Progress). Raises SweepFailed.

    A slice starts its first job at once, whatever was started before it. So the next one waits here
    until it is its turn, or a rate below one job a slice would be that of the slices.
    """
    rate = asked.get("rate") or RATE
    once = Config(retries={"total_max_attempts": 1}, read_timeout=300)
    functions = boto3.client("lambda", config=once)
    after: str | None = asked.get("after", "")
    backlog: Json = {}
    while after is not None:
        began = time.monotonic()
        said = invoke(
            functions, stack, asked | {"after": after, "seconds": SLICE_SECONDS} | backlog
        )
        yield said
        if said["stopped"]:
            raise SweepFailed(f"stopped, for too many failed in a row; the last: {said['problem']}")
        after, backlog = said["after"], {"backlog": said["backlog"]}
        if after is not None:
            started = sum(said["outcomes"].get(each, 0) for each in ("started", "started_again"))
            turn = began + started / rate
            time.sleep(max(0.0, turn - time.monotonic()))


def invoke(functions: Any, stack: Stack, event: Json) -> Json:  # noqa: ANN401, boto3's client
    """What the sweep says; it waits where Lambda has no room for it. Raises SweepFailed."""
    while True:
        try:
            reply = functions.invoke(
                FunctionName=stack.outputs["SweepFunctionName"], Payload=json.dumps(event)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            time.sleep(THROTTLED_SECONDS)
            continue
        said: Json = json.load(reply["Payload"])
        if "FunctionError" in reply:
            raise SweepFailed(said.get("errorMessage", said))
        return said


def bar(done: int, of: int) -> str:
    """[#####-----]  50 %"""
    part = done / of
    full = round(part * WIDTH)
    return f"[{'#' * full}{'-' * (WIDTH - full)}] {part:4.0%}"


def to_go(done: int, of: int, seconds: float) -> str:
    """How long it still takes, if it goes on as it did in these seconds; nothing at its end."""
    if not 0 < done < of:
        return ""
    return f", {timedelta(seconds=round(seconds / done * (of - done)))} to go"


def show(text: str) -> None:
    """One line that grows, on a terminal; else one for each slice."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
    else:
        print(text, flush=True)


def end_of_line() -> None:
    if sys.stdout.isatty():
        print()


if __name__ == "__main__":
    sys.exit(main())
