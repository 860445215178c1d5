"""What there is to know of one upload, for whoever asks: `make status KEY=...`.

It looks and writes nothing. When the next try comes follows from the same numbers as the sweep's
own decision (reconcile).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plan import Plan
from processing import events, job, metadata, records
from processing.errors import Conflict, Rejected
from processing.events import Upload
from processing.objects import Object
from processing.settings import Settings
from processing.starters import LAMBDA_KEEPS, Lambda
from processing.store import Store

if TYPE_CHECKING:
    from processing.starters import Choose

Json = dict[str, Any]

NOT_AN_UPLOAD = "not_an_upload"
NOT_THERE = "not_there"
WAITING = "waiting"
"""Or running, in a function: of those nobody can tell."""
RUNNING = "running"
"""A task, which ECS names."""
SUCCEEDED = "succeeded"
REJECTED = "rejected"
FAILED = "failed"
"""Its last job failed; another one is to come."""
CANT_START = "cant_start"

MOST_OUTPUTS = 500
"""That are named, for a function's reply has 6 MB at most, and a manifest more."""
_LOOKS = 3
"""At what changes while it is looked at."""


@dataclass
class Answer:
    """What there is to know. All fields are an interface: docs/RESULTS.md."""

    state: str
    bucket: str
    key: str
    version: str | None = None
    uploaded: str | None = None
    reason: str | None = None
    outputs: list[Json] = field(default_factory=list)
    output_count: int = 0
    manifest: str | None = None
    job_version: str | None = None
    gave_up: bool = False
    attempts: int = 0
    max_attempts: int | None = None
    next_try: str | None = None
    outdated: Json | None = None


def look(
    upload: Upload,
    store: Store,
    notes: Store,
    settings: Settings,
    plan: Plan,
    choose: Choose,
) -> Answer:
    """What there is to know now. Raises Conflict when it changes all the time, and StoreError."""
    said: list[str] = []
    if not events.is_upload(upload, settings.input_prefix, settings.input_suffix, said.append):
        return Answer(NOT_AN_UPLOAD, *upload, reason=json.loads(said[0])["reason"])
    for _ in range(_LOOKS - 1):
        with suppress(Conflict):
            return _look(upload, store, notes, settings, plan, choose)
    return _look(upload, store, notes, settings, plan, choose)


def _look(
    upload: Upload,
    store: Store,
    notes: Store,
    settings: Settings,
    plan: Plan,
    choose: Choose,
) -> Answer:
    output, rejection = store.heads(job.result_keys(upload.key, settings))
    seen = store.head(upload.key)
    # A job that was ended between the two leaves both: then the output stays (job.run).
    results = [
        _of_result(upload, state, result, store)
        for state, result in ((SUCCEEDED, output), (REJECTED, rejection))
        if result
    ]
    if seen is None:
        if results:  # of an upload that is gone: its result is the last word
            return results[0]
        job.check_bucket(upload, store)
        return Answer(NOT_THERE, *upload)
    answer = next((each for each in results if each.version == seen.version), None)
    if answer is None:
        answer = _without_result(upload, seen, notes, plan, choose)
        answer.outdated = _outdated(results)
    answer.uploaded = seen.modified.isoformat()
    return answer


def _of_result(upload: Upload, state: str, result: Object, store: Store) -> Answer:
    """What a result says, whichever version of the upload it is for."""
    answer = Answer(state, *upload, version=result.metadata.get(metadata.SOURCE_VERSION))
    answer.job_version = result.metadata.get(metadata.JOB_VERSION)
    if state == REJECTED:
        answer.reason = _content(store, result).get("reason")
        answer.gave_up = result.metadata.get(metadata.GAVE_UP) == "yes"
        return answer
    files: list[Json] = [result._asdict()]
    if metadata.RUN in result.metadata:
        answer.manifest = result.key
        files = _content(store, result).get("files", [])
    answer.output_count = len(files)
    named = ("key", "size", "content_type")
    answer.outputs = [{name: file[name] for name in named} for file in files[:MOST_OUTPUTS]]
    return answer


def _content(store: Store, result: Object) -> Json:
    """What a rejection or a manifest says; empty where its owner has archived it, say."""
    try:
        return records.read(store, result) or {}
    except Rejected:
        return {}


def _outdated(results: list[Answer]) -> Json | None:
    """The result of an earlier version, which stays until there is another one."""
    if not results:
        return None
    shown = ("state", "version", "reason", "outputs", "output_count", "manifest", "job_version")
    return {name: getattr(results[0], name) for name in shown}


def _without_result(
    upload: Upload, seen: Object, notes: Store, plan: Plan, choose: Choose
) -> Answer:
    """How far its job is."""
    attempts, _ = records.attempts(notes, upload, seen.version)
    failure = records.failure(notes, upload, max(seen.modified, attempts.last))
    answer = Answer(
        WAITING,
        *upload,
        version=seen.version,
        reason=records.last_failure(notes, upload, seen.modified),
        max_attempts=plan.max_attempts,
    )
    if failure:
        answer.state = FAILED if failure.started else CANT_START
    # That its own event came to no job takes nothing back, and needs no pause.
    took_back = answer.state == CANT_START and attempts.last > records.NEVER
    if took_back:
        attempts = attempts.taken_back()
    answer.attempts = attempts.made
    if upload.key in plan.running:
        answer.state = RUNNING
        return answer
    starter = choose(seen.size, attempts.fallback)
    patience = plan.pause(attempts.not_begun) if took_back else plan.patience
    if not failure and plan.waits(starter, seen.modified, attempts.last):
        if not isinstance(starter, Lambda):
            return answer  # in the queue of tasks; nobody can say how long
        patience = LAMBDA_KEEPS
    due = max(seen.modified + plan.patience, attempts.last + patience)
    answer.next_try = due.isoformat()
    return answer
