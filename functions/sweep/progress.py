"""What becomes of an upload; what a run of the sweep did, for the log and whoever started it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import NamedTuple

from merge import Found

CURRENT = "current"
YOUNG = "young"
GONE = "gone"
STARTED = "started"
OPEN = "open"
"""What a count says of those that the listings leave open."""
DUE = "due"
"""What a dry run says instead of `started` and `gave_up`."""
RUNNING = "running"
WAITING = "waiting"
"""Started by a sweep, so short a time ago that its job may be under way, or not begun."""
CANT_START = "cant_start"
"""The last start came to no job; it waits, the longer the more often that was so."""
STARTED_AGAIN = "started_again"
"""Such a one, whose time it was."""
NOT_STARTED = "not_started"
GAVE_UP = "gave_up"
FAILED = "failed"
OUT_OF_TIME = "out_of_time"
DELETED = "deleted"
"""With AfterSuccess=delete: its job was ended between the output and this."""

UNSETTLED = {STARTED, STARTED_AGAIN, DUE, WAITING, CANT_START, NOT_STARTED, FAILED}

SHARE = 10_000
"""Uploads that the listings leave open, of which a count says where they end."""
LISTED = 1000
"""Uploads that a dry run names, at most."""


class Settled(NamedTuple):
    """An upload, and what was done about it."""

    found: Found
    outcome: str
    problem: str | None = None


@dataclass
class Progress:
    """What a run did, for the log and for whoever started it."""

    after: str | None
    """Where to go on; None when all has been looked at."""
    outcomes: Counter[str]
    unsettled: datetime | None = None
    """The time of the oldest upload that was left without a current result."""
    misleading: datetime | None = None
    """That of the oldest one of those whose wrong result would pass for a current one."""
    problem: str | None = None
    """The last reason why a job could not be started, or given up."""
    cant_start: int = 0
    """Uploads whose last start came to no job, and no later one has yet."""
    looked_at: int = 0
    """Uploads that the listings left open."""
    shares: list[str] = field(default_factory=list)
    """Of a count: the last upload of each SHARE of them, so that several runs can do one each."""
    stopped: bool = False
    """Whether it stopped because so many failed in a row, and not at the end of its time."""
    due: list[tuple[str, str]] = field(default_factory=list)
    """Of a dry run: keys and times of the first uploads that it would start."""


def as_json(progress: Progress) -> dict[str, object]:
    """For the log, and for whoever invoked the function."""
    said = asdict(progress) | {"outcomes": dict(sorted(progress.outcomes.items()))}
    times = {n: each.isoformat() for n, each in said.items() if isinstance(each, datetime)}
    return said | times
