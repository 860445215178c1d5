"""The handler of the sweep: on its schedule, and by hand (`make sweep`).

All fields of the event are optional:

    {"dry_run": true, "prefix": "input/2026/", "rate": 2.5, "seconds": 20, "after": "...",
     "given_up": false, "backlog": false}

Another event is no sweep, and starts the task of one upload that the function could not do:

    {"start_task": {"bucket": "...", "key": "..."}}

A run that is out of time gives the place in `after`, and the next one goes on from there. For the
schedule, which sends {"resume": true}, that place is kept in the bucket. So is `backlog`: whether
tasks waited for their turn when the sweep began. They may be of uploads that it finds, so it leaves
alone then what may be among them; what waits later is what it has put there itself.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import reconcile
import starters
import state
from processing import records, settings
from processing.errors import BadEvent, BadSetting, Conflict, Failed
from processing.events import Upload
from processing.output import Output
from processing.store import Bucket

APART = {"dry_run", "prefix", "after", "given_up", "backlog"}
FIELDS = {"resume", "rate", "seconds", *APART}
MARGIN_SECONDS = 60
"""What is under way when the time is out needs some to end: a start with all its retries."""
LAMBDA_KEEPS = timedelta(hours=6)
"""How long an event waits for a function (MaximumEventAgeInSeconds), before it is a failure."""


def handler(event: dict[str, Any], context: Any) -> dict[str, object]:  # noqa: ANN401
    """Sweep, for as long as there is time; gives reconcile.Progress.

    Raises ProcessingError, and starters.NotStarted for a task.
    """
    if upload := event.get("start_task"):
        fall_back(Upload(upload["bucket"], upload["key"]))
        return {"fallback": upload}
    began = time.monotonic()
    time_left = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    chosen = settings.from_environment(os.environ, processor=nothing)
    bucket = Bucket(setting("BUCKET"))
    before, seen = state.load(bucket) if event.get("resume") else (state.State(), None)
    since = before.began or datetime.now(UTC)
    known = before.backlog if before.began else event.get("backlog")
    backlog = starters.backlog(os.environ) if known is None else bool(known)
    plan = reconcile.Plan(
        grace=timedelta(minutes=number("GRACE_MINUTES")),
        max_attempts=int(number("MAX_ATTEMPTS")),
        after=before.after or event.get("after") or "",
        examined=before.examined,
        waits=waits(backlog, records.turn(bucket)),
        patient=bool(event.get("resume")),
        ends=began + min(time_left, float(event.get("seconds") or math.inf)),
        **asked_for(event, chosen.input_prefix),
    )
    run = reconcile.Sweep(
        bucket, chosen, starters.chosen(os.environ).start, starters.NotStarted, plan
    )
    try:
        progress = run.run(since)
    finally:
        if event.get("resume") and run.progress.after != plan.after:
            following = before.following(run.progress, since, plan.grace, backlog)
            with contextlib.suppress(Conflict):  # of two runs at once, one knows enough
                state.save(bucket, following, seen)
    took = {"seconds": round(time.monotonic() - began, 1)}
    summary = reconcile.as_json(progress) | took | {"backlog": backlog}
    if event.get("resume"):
        summary |= before.left(progress, datetime.now(UTC))
    print(json.dumps({"sweep": summary}, ensure_ascii=False))
    if event.get("resume") and progress.outcomes[reconcile.FAILED]:  # nobody reads the summary
        failed = f"{progress.outcomes[reconcile.FAILED]} uploads could not be dealt with"
        if progress.stopped:
            failed += (
                f", {reconcile.FAILURES_IN_A_ROW} in a row, so the next sweep goes on after them"
            )
        raise Failed(f"{failed}; the last: {progress.problem}")
    return summary


def fall_back(upload: Upload) -> None:
    """Start a task for an upload that the function could not do, and remember that it is one's.

    Raises Conflict when a sweep is at it, and starters.NotStarted.
    """
    bucket = Bucket(upload.bucket)
    seen = bucket.head(upload.key)
    if seen is None:
        return
    before, record = records.attempts(bucket, upload.key, seen.version)
    known = before._replace(last=datetime.now(UTC), fallback=True)
    records.put_attempts(bucket, upload.key, known, record)
    starters.tasks(os.environ).start(upload, reconcile.TASKS_ONLY)


def waits(backlog: bool, turn: datetime) -> Callable[[int, datetime, datetime], bool]:
    """What may still wait for its turn: see reconcile.Plan.

    Lambda keeps an event for six hours, and then reports it. The queue of tasks is in order, so
    what was asked for before the turn has left it.
    """
    grace = timedelta(minutes=number("GRACE_MINUTES"))

    def may_wait(size: int, uploaded: datetime, last: datetime) -> bool:
        if starters.is_task(os.environ, size):
            return backlog and max(uploaded, last) >= turn - grace
        return datetime.now(UTC) < last + LAMBDA_KEEPS

    return may_wait


def asked_for(event: dict[str, Any], input_prefix: str) -> dict[str, Any]:
    """What an event may choose of a plan. Raises BadEvent."""
    if unknown := event.keys() - FIELDS:
        raise BadEvent(f"a sweep has no {sorted(unknown)}, only {sorted(FIELDS)}")
    if event.get("resume") and (apart := event.keys() & APART):
        raise BadEvent(f"resume, whose state is of the whole bucket, goes without {sorted(apart)}")
    prefix = event.get("prefix") or input_prefix
    if not prefix.startswith(input_prefix):
        raise BadEvent(f"prefix is {prefix!r}; it must start with {input_prefix}")
    rate = event.get("rate")
    rate = number("RATE") if rate is None else rate
    if not isinstance(rate, int | float) or rate <= 0:
        raise BadEvent(f"rate is {rate!r}; it must be a number above 0")
    return {
        "dry_run": bool(event.get("dry_run")),
        "given_up": bool(event.get("given_up")),
        "prefix": prefix.removeprefix(input_prefix),
        "rate": rate,
    }


def setting(name: str) -> str:
    """A setting of the function. Raises BadSetting."""
    return starters.setting(os.environ, name, "what the template says")


def number(name: str) -> float:
    """A setting that is a number above 0. Raises BadSetting."""
    value = setting(name)
    try:
        found = float(value)
    except ValueError:
        found = 0
    if found <= 0:
        raise BadSetting(name, value, "a number above 0")
    return found


def nothing(body: bytes, content_type: str) -> Output:
    """The sweep processes nothing itself, so that a broken PROCESSOR does not stop it."""
    raise AssertionError
