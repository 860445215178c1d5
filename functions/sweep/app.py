"""The handler of the sweep: on its schedule, and by hand (`make sweep`).

The schedule sends {"resume": true}, beside which there may be `rate` and `seconds`. A run by hand
may have all of these fields but `resume`, and needs none; `count` starts nothing and looks at the
listings only:

    {"dry_run": true, "count": false, "prefix": "input/2026/", "rate": 2.5, "seconds": 20,
     "after": "...", "until": "...", "given_up": false, "reprocess": false, "backlog": false}

Two other events are no sweep. One starts the task of an upload that the function could not do; the
other asks what there is to know of an upload (one.Answer):

    {"start_task": {"bucket": "...", "key": "..."}}
    {"status": "input/a.png"}

A run that is out of time gives the place in `after`, and the next one goes on from there. For the
schedule that place is kept in the stack's own bucket. So is `backlog`: whether tasks waited for
their turn when the sweep began. They may be of uploads that it finds, so it leaves alone then what
may be among them; what waits later is what it has put there itself.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import one
import state
from orphans import Cleaned, Cleaner
from plan import MARGIN_SECONDS, Plan
from processing import records, settings, starters
from processing.bucket import Bucket
from processing.errors import BadEvent, BadSetting, Conflict, Failed, StoreError
from processing.events import Upload
from processing.exchange import MANY
from processing.folder import Folder
from processing.output import Made, Source
from processing.settings import Settings, setting
from processing.starters import LAMBDA_KEEPS, Lambda, Starter
from progress import FAILED, Progress, as_json
from reconcile import Sweep
from state import Cleaning, State
from walk import FAILURES_IN_A_ROW

APART = {"dry_run", "count", "prefix", "after", "until", "given_up", "reprocess", "backlog"}
FIELDS = {"resume", "rate", "seconds", *APART}
TRIES = 3
"""Of Lambda at one event (MaximumRetryAttempts, and the first)."""

Json = dict[str, Any]


def handler(event: Json, context: Any) -> Json:  # noqa: ANN401
    """Sweep, for as long as there is time; gives progress.Progress. Raises ProcessingError."""
    if upload := event.get("start_task"):
        fall_back(Upload(upload["bucket"], upload["key"]))
        return {"fallback": upload}
    if "status" in event:
        return asdict(look_at(event))
    if unknown := event.keys() - FIELDS:
        raise BadEvent(f"a sweep has no {sorted(unknown)}, only {sorted(FIELDS)}")
    began = time.monotonic()
    time_left = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    ends = began + min(time_left, float(event.get("seconds") or math.inf))
    progress, more = (on_schedule if event.get("resume") else by_hand)(event, ends)
    took = {"seconds": round(time.monotonic() - began, 1)}
    summary = as_json(progress) | took | more
    print(json.dumps({"sweep": summary}, ensure_ascii=False))
    if event.get("resume"):
        fail_loudly(progress, more["cleaned"])
    return summary


def on_schedule(event: Json, ends: float) -> tuple[Progress, Json]:
    """Sweep from where the last run stopped, and leave word for the next one."""
    if apart := event.keys() & APART:
        raise BadEvent(f"resume, whose state is of the whole bucket, goes without {sorted(apart)}")
    bucket, notes = buckets()
    cleaned = clean(bucket, notes, time.monotonic() + (ends - time.monotonic()) / 4)
    before, seen = state.load(notes, State, bucket.name)
    began = before.began or datetime.now(UTC)
    backlog = before.backlog if before.began else starters.backlog(os.environ)
    sweep = prepared(
        *(bucket, notes, event, ends, backlog),
        after=before.after,
        examined=before.examined,
        patient=True,
    )
    try:
        progress = sweep.run(began)
    finally:
        if sweep.progress.after != before.after:
            following = before.following(sweep.progress, began, grace(), backlog)
            with contextlib.suppress(Conflict):  # of two runs at once, one knows enough
                state.save(notes, following, bucket.name, seen)
    left = before.left(progress, datetime.now(UTC))
    return progress, {"backlog": backlog, **left, "cleaned": asdict(cleaned)}


def buckets() -> tuple[Bucket, Bucket]:
    """That of the uploads, and the stack's own, which keeps the notes. Raises BadSetting."""
    uploads, notes = setting(os.environ, "BUCKET"), setting(os.environ, "NOTES_BUCKET")
    return Bucket(uploads, MANY), Bucket(notes, MANY)


def clean(bucket: Bucket, notes: Bucket, ends: float) -> Cleaned:
    """Remove files that no manifest names, if it is time to; the next run goes on where it ends.

    What goes wrong is said in what it gives, and stops no sweep.
    """
    before, seen = state.load(notes, Cleaning, bucket.name)
    now = bucket.now()
    if not before.is_due(now):
        return Cleaned(before.after)
    began = (before.began if before.after else None) or now
    try:
        cleaned = Cleaner(bucket, job_settings(), began, before.examined).run(before.after, ends)
    except StoreError as error:
        cleaned = Cleaned(before.after, failed=1, problem=str(error))
    with contextlib.suppress(Conflict):  # of two runs at once, one knows enough
        state.save(notes, before.following(cleaned, began), bucket.name, seen)
    return cleaned


def by_hand(event: Json, ends: float) -> tuple[Progress, Json]:
    """Sweep what the event asks for, and keep nothing of it."""
    began = datetime.now(UTC)
    bucket, notes = buckets()
    known = event.get("backlog")
    backlog = starters.backlog(os.environ) if known is None else bool(known)
    sweep = prepared(
        *(bucket, notes, event, ends, backlog),
        after=event.get("after") or "",
        until=event.get("until"),
        prefix=prefix(event),
        patient=False,
        given_up=bool(event.get("given_up")),
        reprocess=reprocess(event),
        dry_run=bool(event.get("dry_run")),
        counts=bool(event.get("count")),
    )
    return sweep.run(began), {"backlog": backlog}


def prepared(
    bucket: Bucket,
    notes: Bucket,
    event: Json,
    ends: float,
    backlog: bool,
    **chosen: Any,  # noqa: ANN401, the fields of a plan that the two differ in
) -> Sweep:
    """A run that has not begun."""
    plan = planned(notes, backlog, rate=rate(event), ends=ends, **chosen)
    return Sweep(bucket, job_settings(), starters.by_mode(os.environ), plan, notes=notes)


def planned(notes: Bucket, backlog: bool, **chosen: Any) -> Plan:  # noqa: ANN401
    """What holds for whatever looks at uploads now, and what was chosen."""
    running = starters.running(os.environ)
    return Plan(
        grace=grace(),
        begins=None if running is None else begins(),
        running=running or frozenset(),
        max_attempts=int(number("MAX_ATTEMPTS")),
        waits=waits(backlog, records.turn(notes)),
        **chosen,
    )


def look_at(event: Json) -> one.Answer:
    """What there is to know of one upload. Raises BadEvent."""
    key = event["status"]
    if event.keys() != {"status"} or not isinstance(key, str):
        raise BadEvent(f"status goes alone, with a key, and not as {json.dumps(event)}")
    bucket, notes = buckets()
    plan = planned(notes, starters.backlog(os.environ), rate=starters.RATE)
    upload = Upload(bucket.name, key)
    return one.look(upload, bucket, notes, job_settings(), plan, starters.by_mode(os.environ))


def fail_loudly(progress: Progress, cleaned: Json) -> None:
    """Raise Failed at what could not be dealt with: nobody reads a scheduled run's summary."""
    if failed := progress.outcomes[FAILED]:
        stopped = (
            f", {FAILURES_IN_A_ROW} in a row, so the next sweep goes on after them"
            if progress.stopped
            else ""
        )
        raise Failed(
            f"{failed} uploads could not be dealt with{stopped}; the last: {progress.problem}"
        )
    if cleaned["failed"]:
        raise Failed(f"files that no manifest names could not be removed: {cleaned['problem']}")


def fall_back(upload: Upload) -> None:
    """Start a task for an upload that the function could not do, and remember that it is one's.

    Raises NotStarted.
    """
    _, notes = buckets()
    seen = Bucket(upload.bucket).head(upload.key)
    if seen is None:
        return
    before, record = records.attempts(notes, upload, seen.version)
    known = before._replace(last=datetime.now(UTC), fallback=True)
    try:
        records.put_attempts(notes, upload, known, record)
    except Conflict:  # another one is about to start a job of this upload: it will see it as we do
        return
    starters.tasks(os.environ).start(upload, before.reprocess or None)


def waits(backlog: bool, turn: datetime) -> Callable[[Starter, datetime, datetime], bool]:
    """What may still wait for its turn: see plan.Plan.

    Lambda keeps an event for six hours, and then reports it. The queue of tasks is in order, so
    what was asked for before the turn has left it.
    """
    earliest = turn - grace()

    def may_wait(starter: Starter, uploaded: datetime, last: datetime) -> bool:
        if isinstance(starter, Lambda):
            return datetime.now(UTC) < last + LAMBDA_KEEPS
        return backlog and max(uploaded, last) >= earliest

    return may_wait


def prefix(event: Json) -> str:
    """What the keys go on with after the input prefix. Raises BadEvent."""
    start = job_settings().input_prefix
    wanted: str = event.get("prefix") or start
    if not wanted.startswith(start):
        raise BadEvent(f"prefix is {wanted!r}; it must start with {start}")
    return wanted.removeprefix(start)


def reprocess(event: Json) -> str | None:
    """The JobVersion whose results are wanted; None: any. Raises BadEvent."""
    if not event.get("reprocess"):
        return None
    wanted = job_settings().job_version
    if not wanted:
        raise BadEvent("JobVersion is empty, so no result is another one's: deploy with one first")
    return wanted


def rate(event: Json) -> float:
    """Starts a second. Raises BadEvent."""
    wanted = event.get("rate")
    if wanted is None:
        return starters.RATE
    if not isinstance(wanted, int | float) or wanted <= 0:
        raise BadEvent(f"rate is {wanted!r}; it must be a number above 0")
    return wanted


def grace() -> timedelta:
    """No job takes longer, from the upload to its result: Lambda tries three times, ECS once."""
    task = timedelta(seconds=number("TASK_TIMEOUT") + number("OVERHEAD_SECONDS"))
    return max(begins(), task)


def begins() -> timedelta:
    """After so long, all tries of a function have ended and a task has begun."""
    return timedelta(seconds=TRIES * number("FUNCTION_TIMEOUT") + number("OVERHEAD_SECONDS"))


def number(name: str) -> float:
    """A setting that is a number above 0. Raises BadSetting."""
    value = setting(os.environ, name)
    try:
        found = float(value)
    except ValueError:
        found = 0
    if found <= 0:
        raise BadSetting(name, value, "a number above 0")
    return found


def job_settings() -> Settings:
    """Those of jobs, but for the processor, so that a broken PROCESSOR does not stop the sweep."""
    return settings.from_environment(os.environ, processor=Nothing())


class Nothing:
    """The sweep processes nothing itself."""

    def takes_bytes(self) -> bool:
        raise AssertionError

    def __call__(self, source: Source, folder: Folder, seconds: float | None) -> Made:
        raise AssertionError
