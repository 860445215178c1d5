"""A bucket in memory that is swept hourly, with a clock that stands still between sweeps."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from plan import Plan
from processing import job
from processing.errors import Failed
from processing.events import Upload
from processing.settings import Settings
from progress import Progress
from reconcile import Sweep

from tests.support.in_process import OnBytes
from tests.support.memory_store import MemoryStore

GRACE = timedelta(minutes=30)
HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(processor=OnBytes(lambda body, content_type: (body.upper(), content_type)))
PLAN = Plan(grace=GRACE, max_attempts=3, rate=1e9)


class Bucket:
    """A bucket, its clock, and an engine that runs each job at once."""

    def __init__(self, settings: Settings = SETTINGS, store: MemoryStore | None = None) -> None:
        self.settings = settings
        self.store = store or MemoryStore()
        self.now = BEGAN
        self.store.clock = lambda: self.now
        self.started: Counter[str] = Counter()
        self.problem: Exception | None = None
        """What the engine says instead of starting a job."""
        self.choose: Callable[[int, bool], Bucket] = lambda size, fallback: self

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        if self.problem:
            raise self.problem
        self.started[upload.key] += 1
        body = self.store.body(upload.key) or b""
        if body == b"crash":  # no report, no result
            return
        with contextlib.suppress(Failed):
            job.run(upload, self.store, self.settings, log=lambda line: None, reprocess=job_version)

    def sweep(self, **plan: object) -> dict[str, int]:
        """What a sweep does an hour later."""
        return dict(self.run(**plan).outcomes)

    def run(self, **plan: object) -> Progress:
        self.now += HOUR
        chosen = Plan(**{**PLAN.__dict__, **plan})
        return Sweep(
            *(self.store, self.settings, self.choose, chosen),
            now=lambda: self.now,
            log=lambda line: None,
        ).run(self.now)

    def reason(self, name: str) -> str:
        record = self.store.body(f"rejected/{name}.json")
        assert record, f"{name} is not rejected"
        return str(json.loads(record)["reason"])


def failure(reason: str, time: datetime, started: bool = True) -> dict[str, object]:
    said = {"bucket": "uploads", "key": "input/a", "reason": reason, "started": started}
    return said | {"time": time.isoformat()}


def waits_six_hours(bucket: Bucket) -> dict[str, object]:
    """As Lambda keeps an event that it has no function for."""
    return {"waits": lambda starter, uploaded, last: bucket.now < last + 6 * HOUR}
