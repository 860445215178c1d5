"""What is kept of uploads that have no result: small objects under `.sweep/` of the stack's bucket.

That bucket is the stack's own, wherever the uploads are. No upload and no result can lie there,
because their prefixes start with a letter or a digit. Each kind of record has one writer, and all
are written on a condition, as results are. The bucket's lifecycle rule removes them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from . import text
from .errors import Conflict, StoreError
from .events import Upload
from .objects import Object
from .store import Store

PREFIX = ".sweep/"
_TURN = f"{PREFIX}turn"
NEVER = datetime.fromtimestamp(0, UTC)


class Attempts(NamedTuple):
    """What was tried with one version of an upload. The sweep's function writes it."""

    version: str
    made: int = 0
    """How often the sweep has started its job."""
    last: datetime = NEVER
    """When its job was started last, other than by its event."""
    not_begun: int = 0
    """Starts in a row that came to no job, the last of those known; they are not in `made`."""
    fallback: bool = False
    """With Mode=hybrid: the function could not do it, so that it is a task's whatever its size."""
    reprocess: str = ""
    """The JobVersion that the last start asked for; empty: it asked for none."""

    def taken_back(self) -> Attempts:
        """As they are when it turns out that the last start came to no job."""
        return self._replace(made=max(self.made - 1, 0), not_begun=self.not_begun + 1)


class LastFailure(NamedTuple):
    """What is kept of an upload's last failure."""

    record: Object
    started: bool
    """Whether its job had begun."""


def attempts(notes: Store, upload: Upload, version: str) -> tuple[Attempts, Object | None]:
    """The attempts at this version of an upload, and the record that says so."""
    seen = notes.head(_name("attempts", upload))
    if seen is None or seen.metadata.get("version") != version:
        return Attempts(version), seen
    said = seen.metadata
    found = Attempts(
        version,
        int(said["made"]),
        datetime.fromisoformat(said["last"]),
        int(said.get("not-begun", "0")),
        said["fallback"] == "yes",
        said.get("reprocess", ""),
    )
    return found, seen


def put_attempts(notes: Store, upload: Upload, record: Attempts, replaces: Object | None) -> None:
    """Write the record in place of the one seen; raises Conflict when it is no longer there."""
    metadata = {
        "version": record.version,
        "made": str(record.made),
        "last": record.last.isoformat(),
        "not-begun": str(record.not_begun),
        "fallback": "yes" if record.fallback else "no",
        **({"reprocess": record.reprocess} if record.reprocess else {}),
    }
    # For people, because the name is a hash; and because what is equal has the same ETag, so that
    # the condition would hold for a record that another sweep has replaced.
    body = text.to_json({**upload._asdict(), **metadata}, indent=2) + "\n"
    notes.put(_name("attempts", upload), body.encode(), "application/json", metadata, replaces)


def failure(notes: Store, upload: Upload, since: datetime) -> LastFailure | None:
    """The last failure of the upload's job that was reported, if it was since then."""
    seen = notes.head(_name("failures", upload))
    if seen is None:
        return None
    # EventBridge gives its times in whole seconds.
    if datetime.fromisoformat(seen.metadata["time"]) < since.replace(microsecond=0):
        return None
    return LastFailure(seen, seen.metadata.get("started") != "no")


def last_failure(notes: Store, upload: Upload, since: datetime) -> str | None:
    """Why the upload's job failed the last time, if that was since then."""
    found = failure(notes, upload, since)
    said = read(notes, found.record) if found else None
    return str(said["reason"]) if said and "reason" in said else None


def put_report(notes: Store, report: Mapping[str, Any]) -> None:
    """Keep the report of a job that failed: the worker's own words, whatever the log holds.

    Where that can't be done the engine's word has to do; the log has the report all the same.
    """
    name, time = _name("reports", _upload(report)), datetime.now(UTC).isoformat()
    body = text.to_json(report, indent=2) + "\n"
    with contextlib.suppress(Conflict, StoreError):
        notes.put(name, body.encode(), "application/json", {"time": time}, notes.head(name))


def report(notes: Store, upload: Upload, since: datetime) -> dict[str, Any]:
    """The report of the upload's last job that failed, if it was since then; else empty."""
    seen = notes.head(_name("reports", upload))
    if seen is None or datetime.fromisoformat(seen.metadata["time"]) < since:
        return {}
    return read(notes, seen) or {}


def read(notes: Store, seen: Object) -> dict[str, Any] | None:
    """What is in a record. None, and a line in the log, where it can't be read: no note is worth a
    sweep that fails for ever, and a role may have lost the key that encrypted it."""
    try:
        found = json.loads(notes.get(seen))
    except (StoreError, ValueError) as error:
        if isinstance(error, StoreError) and not error.denied:
            raise
        print(json.dumps({"unreadable": seen.key, "reason": str(error)}))
        return None
    return found if isinstance(found, dict) else None


def put_failure(notes: Store, failure: Mapping[str, Any]) -> None:
    """Keep a message of the failure queue, unless one that is newer is there.

    Raises Conflict when another was written at the same time.
    """
    name, time = _name("failures", _upload(failure)), datetime.fromisoformat(failure["time"])
    seen = notes.head(name)
    if seen and datetime.fromisoformat(seen.metadata["time"]) > time:
        return
    body = text.to_json(failure, indent=2) + "\n"
    metadata = {"time": time.isoformat(), "started": "yes" if failure["started"] else "no"}
    notes.put(name, body.encode(), "application/json", metadata, seen)


def turn(notes: Store) -> datetime:
    """All launches that were put into the queue (MaxTasks) before this have left it."""
    seen = notes.head(_TURN)
    return datetime.fromisoformat(seen.metadata["sent"]) if seen else NEVER


def put_turn(notes: Store, sent: datetime) -> None:
    """Written by the function that takes launches out of the queue, one at a time.

    Raises Conflict when another one did so at the same time.
    """
    said = {"sent": sent.isoformat()}
    notes.put(_TURN, json.dumps(said).encode(), "application/json", said, notes.head(_TURN))


def _upload(said: Mapping[str, Any]) -> Upload:
    return Upload(said["bucket"], said["key"])


def _name(kind: str, upload: Upload) -> str:
    """A hash: with `.sweep/` before it, a key could become longer than S3 allows."""
    import hashlib  # it loads OpenSSL, and most jobs leave no record

    named = f"{upload.bucket}/{upload.key}"
    return f"{PREFIX}{kind}/{hashlib.sha256(named.encode()).hexdigest()}"
