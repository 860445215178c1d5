"""What one run of the sweep is to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processing.starters import Starter  # which imports boto3

MARGIN_SECONDS = 60
"""What is under way when the time is out needs some to end: a start with all its retries."""
LONGEST_PAUSE = timedelta(days=1)
"""Between two starts of what can't start."""


@dataclass(frozen=True)
class Plan:
    """What one run is to do."""

    grace: timedelta
    """No job takes longer, from the upload to the result."""
    max_attempts: int
    rate: float
    """Jobs started a second, at most."""
    prefix: str = ""
    """Only uploads whose keys go on like this after the input prefix."""
    after: str = ""
    """Only uploads whose names come after this one: where an earlier run stopped."""
    until: str | None = None
    """Only uploads whose names don't come after this one."""
    examined: datetime | None = None
    """Until when uploads were found settled by an earlier sweep."""
    waits: Callable[[Starter, datetime, datetime], bool] = lambda starter, uploaded, last: False
    """Whether a job may still wait for its turn in the queue of what starts it: of an upload of
    that time, started then by a sweep or a fallback (records.NEVER: by neither)."""
    patient: bool = True
    """Whether what can't start has to wait; somebody who has mended it does not want it to."""
    given_up: bool = False
    """Whether what was given up is started again, too."""
    reprocess: str | None = None
    """The JobVersion whose results are wanted: what has another one's is started again."""
    dry_run: bool = False
    counts: bool = False
    """Whether no more is asked than what the listings leave open."""
    ends: float = float("inf")
    """When to stop, as time.monotonic() has it."""
    running: frozenset[str | None] = frozenset()
    """Keys of uploads whose tasks run: those are left alone, however long it takes."""
    begins: timedelta | None = None
    """What was asked for so long ago has ended, or its task is among `running`; None: nobody can
    say which tasks run."""

    @property
    def patience(self) -> timedelta:
        """Uploads and starts that are younger than this are left alone."""
        return self.grace if self.begins is None else self.begins

    def pause(self, not_begun: int) -> timedelta:
        """How long after so many starts in a row that came to no job the next one is."""
        longest = max(LONGEST_PAUSE, self.patience)
        return min(self.patience * (1 << min(not_begun, 20)), longest)
