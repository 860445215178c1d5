"""What a job says of itself, however it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from . import clock, records, text
from .errors import ProcessingError, Stopped
from .store import Store

_KEEP_SECONDS = (5, 0.5)
"""For the report of a job that failed; the second of one that was stopped, where time is short."""


@dataclass
class Report:
    """One line of JSON, with the same fields in both engines."""

    outcome: str
    """succeeded | unchanged | rejected | failed"""
    bucket: str
    key: str
    version: str | None = None
    bytes: int | None = None
    pixels: int | None = None
    milliseconds: int = 0
    seconds_since_upload: float | None = None
    """From the upload's time, which S3 gives in whole seconds, to its result."""
    mode: str = ""
    job_version: str = ""
    """The word of the deployment (JobVersion)."""
    reason: str | None = None


def read(line: str) -> dict[str, Any] | None:
    """A line of the log as the report of a job, whatever the order of its fields; else None.

    Processors print what they like, so a line is a report only with what each report has.
    """
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):  # of JSON that is nested too deeply
        return None
    is_report = isinstance(said, dict) and all(
        isinstance(said.get(name), str) for name in ("outcome", "bucket", "key", "mode")
    )
    return said if is_report else None


@contextmanager
def logged(report: Report, log: Callable[[str], None], notes: Store | None) -> Iterator[None]:
    """Log the report however the job ends, in one line of JSON; keep that of one that failed, where
    there is a place for it."""
    started, problem = time.monotonic(), None
    try:
        yield
    except BaseException as error:
        problem = error
        report.outcome = "failed"
        ours = isinstance(error, (ProcessingError, Stopped))
        report.reason = text.reason(str(error) if ours else f"{type(error).__name__}: {error}")
        raise
    finally:
        report.milliseconds = round((time.monotonic() - started) * 1000)
        said = asdict(report)
        log(text.to_json(said))
        if problem and notes:
            _keep(said, notes, _KEEP_SECONDS[isinstance(problem, Stopped)])


def _keep(report: dict[str, Any], notes: Store, seconds: float) -> None:
    """Keep the report of a job that failed, if S3 is quick: what waits for this may end soon."""
    late = Stopped("S3 does not respond")
    with suppress(Stopped), clock.limited(seconds, late):
        records.put_report(notes, report)
