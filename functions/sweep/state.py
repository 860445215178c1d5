"""What one scheduled run leaves to the next: a small object in the bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from processing import records
from processing.job import Store
from processing.store import Object
from sweep import Progress

KEY = f"{records.PREFIX}state"


@dataclass(frozen=True)
class State:
    """Where the sweep is, and how far the bucket is known to be settled."""

    after: str = ""
    """The upload at which the last run was out of time; empty at the start of the bucket."""
    began: datetime | None = None
    """When the sweep began that is not at its end; None when it is."""
    unsettled: datetime | None = None
    """The time of the oldest upload that it left without a current verdict."""
    misleading: datetime | None = None
    """That of the oldest one of those whose wrong verdict would pass for a current one."""
    examined: datetime | None = None
    """The verdicts of all uploads before this have been looked at, and are right.

    What has no verdict does not hold it back: the job that gives one begins after it was seen, when
    none of an older version is under way any more.
    """

    backlog: bool = False
    """Whether tasks waited for their turn when that sweep began."""

    def following(
        self, progress: Progress, began: datetime, grace: timedelta, backlog: bool
    ) -> State:
        """After a run of the sweep that began then."""
        misleading = _earlier(self.misleading, progress.misleading)
        if progress.after is not None:
            unsettled = _earlier(self.unsettled, progress.unsettled)
            return State(progress.after, began, unsettled, misleading, self.examined, backlog)
        return State(examined=_earlier(began - grace, misleading))

    def oldest(self, progress: Progress, now: datetime) -> dict[str, int]:
        """For the log: seconds since the oldest upload without a verdict that the sweep has seen.

        Nothing when it has seen none and is not at its end; 0 when it is.
        """
        left = _earlier(self.unsettled, progress.unsettled)
        if not left and progress.after is not None:
            return {}
        return {"unsettled_seconds": round((now - (left or now)).total_seconds())}


def _earlier(*times: datetime | None) -> datetime | None:
    return min((each for each in times if each), default=None)


def load(store: Store) -> tuple[State, Object | None]:
    """The state, and the object that it is from."""
    seen = store.head(KEY)
    if seen is None:
        return State(), None
    found = json.loads(store.get(seen))
    times = {
        name: datetime.fromisoformat(found[name]) if found.get(name) else None
        for name in ("began", "unsettled", "misleading", "examined")
    }
    return State(after=found["after"], backlog=found.get("backlog", False), **times), seen


def save(store: Store, state: State, replaces: Object | None) -> None:
    """Raises Conflict when another run has come to its end meanwhile."""
    body = json.dumps(state.__dict__, default=datetime.isoformat, ensure_ascii=False)
    store.put(KEY, body.encode(), "application/json", {}, replaces)
