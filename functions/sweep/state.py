"""What one scheduled run leaves to the next: small notes, of each bucket that was swept its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from orphans import Cleaned, examined
from processing import records
from processing.objects import Object
from processing.store import Store
from progress import Progress

CLEANED_EVERY = timedelta(hours=12)
_State = TypeVar("_State", "State", "Cleaning")


@dataclass(frozen=True)
class State:
    """Where the sweep is, and how far the bucket is known to be settled."""

    name: ClassVar = "state"
    after: str = ""
    """The upload at which the last run was out of time; empty at the start of the bucket."""
    began: datetime | None = None
    """When the sweep began that is not at its end; None when it is."""
    unsettled: datetime | None = None
    """The time of the oldest upload that it left without a current result."""
    misleading: datetime | None = None
    """That of the oldest one of those whose wrong result would pass for a current one."""
    examined: datetime | None = None
    """The results of all uploads before this have been looked at, and are right.

    What has no result does not hold it back: the job that gives one begins after it was seen, when
    none of an older version is under way any more.
    """

    cant_start: int = 0
    """Uploads whose last start came to no job, of those that it has seen."""
    backlog: bool = False
    """Whether tasks waited for their turn when that sweep began."""

    def following(
        self, progress: Progress, began: datetime, grace: timedelta, backlog: bool
    ) -> State:
        """After a run of the sweep that began then."""
        misleading = _earlier(self.misleading, progress.misleading)
        cant_start = self.cant_start + progress.cant_start
        if progress.after is not None:
            unsettled = _earlier(self.unsettled, progress.unsettled)
            return State(
                *(progress.after, began, unsettled, misleading, self.examined, cant_start, backlog)
            )
        return State(examined=_earlier(began - grace, misleading))

    def left(self, progress: Progress, now: datetime) -> dict[str, int]:
        """For the log, of this run and those before it: how many uploads can't start, and seconds
        since the oldest one without a result.

        Of a sweep that is not at its end, only what it has seen: that there is none is no news.
        """
        oldest = _earlier(self.unsettled, progress.unsettled)
        found = {
            "unsettled_seconds": round((now - (oldest or now)).total_seconds()),
            "cant_start": self.cant_start + progress.cant_start,
        }
        at_its_end = progress.after is None
        seen = {"unsettled_seconds": oldest is not None, "cant_start": found["cant_start"] > 0}
        return {name: value for name, value in found.items() if at_its_end or seen[name]}


def _earlier(*times: datetime | None) -> datetime | None:
    return min((each for each in times if each), default=None)


@dataclass(frozen=True)
class Cleaning:
    """Where the removal of files is that no manifest names (orphans.py)."""

    name: ClassVar = "cleaning"
    after: str = ""
    """The folder at which the last run was out of time; empty when it came to its end."""
    began: datetime | None = None
    """When the last cleaning did."""
    examined: datetime | None = None
    """The manifests of all runs that began before this were looked at when these were old enough to
    be orphans."""
    failed: bool = False
    """Whether something could not be removed by the runs before, of those that it takes."""

    def is_due(self, now: datetime) -> bool:
        return bool(self.after) or self.began is None or now >= self.began + CLEANED_EVERY

    def following(self, cleaned: Cleaned, began: datetime) -> Cleaning:
        """After a run of the cleaning that began then."""
        failed = self.failed or cleaned.failed > 0
        if cleaned.after:
            return Cleaning(cleaned.after, began, self.examined, failed)
        return Cleaning("", began, self.examined if failed else examined(began))


def load(notes: Store, kind: type[_State], bucket: str) -> tuple[_State, Object | None]:
    """A state of a bucket, and the note that it is from; what can't be read is its start."""
    key = _key(kind, bucket)
    seen = notes.head(key)
    found = (records.read(notes, seen) if seen else None) or {}
    try:
        for each in fields(kind):
            if "datetime" in str(each.type) and found.get(each.name):
                found[each.name] = datetime.fromisoformat(found[each.name])
        return kind(**found), seen
    except (TypeError, ValueError) as error:
        print(json.dumps({"unreadable": key, "reason": str(error)}))
        return kind(), seen


def save(notes: Store, state: State | Cleaning, bucket: str, replaces: Object | None) -> None:
    """Raises Conflict when another run has come to its end meanwhile."""
    body = json.dumps(state.__dict__, default=datetime.isoformat, ensure_ascii=False)
    notes.put(_key(type(state), bucket), body.encode(), "application/json", {}, replaces)


def _key(kind: type[State | Cleaning], bucket: str) -> str:
    return f"{records.PREFIX}{kind.name}/{bucket}"
