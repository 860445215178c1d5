"""Three sorted listings in, one stream of uploads with the times of their results out.

Pure, in one pass, and in constant memory: of each listing it holds one object at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum
from itertools import chain, pairwise
from typing import NamedTuple

from processing.objects import LONGEST_KEY

RECORD = ".json"
"""What the name of a rejection has more than the name of its upload."""

LONGEST_IN_PARTS = timedelta(days=7)
"""An upload in parts has the time at which it began; the bucket ends those that take longer."""


class Item(NamedTuple):
    """One object of a listing; of its key, what follows the prefix."""

    name: str
    time: datetime
    in_parts: bool = False


class Found(NamedTuple):
    """An upload and the times of its results, as far as listings tell."""

    name: str
    time: datetime
    in_parts: bool
    succeeded: datetime | None
    rejected: datetime | None
    known: bool
    """False: which results there are could not be told in passing."""

    @property
    def may_be_current(self) -> bool:
        """Whether there is, or may be, any result."""
        return bool(self.succeeded or self.rejected or not self.known)

    def as_seen(self, succeeded: datetime | None, rejected: datetime | None) -> Found:
        """The same with the times of its results as they are."""
        return self._replace(succeeded=succeeded, rejected=rejected, known=True)

    @property
    def may_mislead(self) -> bool:
        """Whether there is, or may be, a result that `examined` would make a current one."""
        times = [each for each in (self.succeeded, self.rejected) if each]
        return not self.known or any(each >= self.time for each in times)


class ResultStatus(Enum):
    """What the times say about the result of an upload."""

    CURRENT = "is there"
    MISSING = "is not there"
    DOUBTFUL = "may be one of an older version"


def merge(
    uploads: Iterable[Item],
    outputs: Iterable[Item],
    rejections: Iterable[Item],
    suffix: str = "",
    longest: int = LONGEST_KEY,
) -> Iterator[Found]:
    """Each upload with its results. All three in the order of their names' code points.

    The names of rejections end in `.json`, so their order is another: "a" comes before "a-b", but
    "a-b.json" before "a.json". To look for "a.json" first would be to skip "a-b.json", and to keep
    what is skipped would take memory. So it is left open whether "a" has a rejection. That is rare:
    the next name must be longer by something that sorts before ".json". And all others are looked
    for in the order of the records: where the next name's record comes later, so do those of all
    names that follow. It is left open, too, where the record's name has more than the `longest`
    number of bytes: then it has another one (job.result_keys). With OutputSuffix (`suffix`) all
    this is so for outputs, too, but none has a name that is too long.
    """
    output, rejection = _Cursor(outputs, suffix), _Cursor(rejections, RECORD)
    for upload, following in pairwise(chain(uploads, [None])):
        assert upload is not None
        after = following.name if following else None
        output_tells = output.can_tell(upload.name, after)
        rejection_tells = rejection.can_tell(upload.name, after)
        rejection_tells &= len((upload.name + RECORD).encode()) <= longest
        yield Found(
            upload.name,
            upload.time,
            upload.in_parts,
            output.time_of(upload.name) if output_tells else None,
            rejection.time_of(upload.name) if rejection_tells else None,
            output_tells and rejection_tells,
        )


class _Cursor:
    """A sorted listing of results that is asked for its uploads' names in the same order."""

    def __init__(self, items: Iterable[Item], suffix: str) -> None:
        self._items = iter(items)
        self._at = next(self._items, None)
        self._suffix = suffix

    def can_tell(self, name: str, following: str | None) -> bool:
        """Whether the result of the name comes before those of all names that follow."""
        return following is None or name + self._suffix < following + self._suffix

    def time_of(self, upload: str) -> datetime | None:
        name = upload + self._suffix
        while self._at is not None and self._at.name < name:
            self._at = next(self._items, None)
        return self._at.time if self._at is not None and self._at.name == name else None


def judge(found: Found, longest_job: timedelta, examined: datetime | None) -> ResultStatus:
    """What the times alone say. `examined`: until when the uploads' results are known to be right.

    A result that is older than its upload may be the right one, for an upload in parts; one that
    is little younger may be the wrong one, of a job that was under way with the version before.
    """
    if found.succeeded and found.rejected:
        return ResultStatus.DOUBTFUL
    if not found.known:
        return ResultStatus.DOUBTFUL
    result = found.succeeded or found.rejected
    if result is None:
        return ResultStatus.MISSING
    there = found.time + (LONGEST_IN_PARTS if found.in_parts else timedelta())
    if result >= there + longest_job:
        return ResultStatus.CURRENT
    if result >= found.time and examined is not None and there < examined:
        return ResultStatus.CURRENT
    return ResultStatus.DOUBTFUL
