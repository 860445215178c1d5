"""All uploads in their order, each with what is done about it, until the time is out.

What the listings leave open is looked at side by side, ahead of what is counted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from merge import Found, ResultStatus, judge
from plan import Plan
from processing.errors import Failed
from progress import CURRENT, FAILED, OPEN, OUT_OF_TIME, YOUNG, Settled

TOGETHER = 32
"""Uploads that are looked at side by side: most of the time is spent waiting for S3."""
LEFT_OPEN = 2 * TOGETHER
"""Uploads that are looked at, or wait for that, before the first of them is counted: no more begin
when so many fail."""
_AHEAD = 16_384
"""Uploads ahead of what is counted: where one in a hundred is looked at, all threads are busy."""

FAILURES_IN_A_ROW = 100
"""After so many it is not the uploads' fault. One upload's refusal concerns no other."""


class Walk:
    """One way through a bucket. `settle` brings an upload nearer to its result, in many threads."""

    def __init__(self, plan: Plan, deletes: bool, settle: Callable[[Found], Settled]) -> None:
        """`deletes`: an upload with an output is not done with."""
        self._plan = plan
        self._deletes = deletes
        self._settle = settle
        self._failures = 0
        """In a row."""
        self.looked_at = 0
        """Uploads that the listings left open, of those that came to something."""
        self.stopped = False
        """Whether there were too many."""

    def over(self, uploads: Iterable[Found], began: datetime) -> Iterator[Settled]:
        """In the order of the uploads. Raises BadSetting, and what a listing raises."""
        with ThreadPoolExecutor(TOGETHER) as pool:
            ahead: deque[Settled | Future[Settled]] = deque()
            left_open, problem = 0, None
            try:
                for found in uploads:
                    glance = self.glance(found, began) or (OPEN if self._plan.counts else None)
                    if glance:
                        ahead.append(Settled(found, glance))
                    else:
                        ahead.append(pool.submit(self._in_time, found))
                        left_open += 1
                    if glance == OUT_OF_TIME:
                        break
                    while left_open >= LEFT_OPEN or len(ahead) >= _AHEAD:
                        first = ahead.popleft()
                        left_open -= isinstance(first, Future)
                        yield self._done(first)
            except Failed as error:  # of the listing: what was begun before counts
                problem = error
            yield from map(self._done, ahead)
            if problem:
                raise problem

    def glance(self, found: Found, began: datetime) -> str | None:
        """What the listings alone say; None: that is to be looked at."""
        if self._is_over():
            return OUT_OF_TIME
        if self._plan.reprocess and found.may_be_current:
            return None  # the metadata tells
        if found.time > began - self._plan.patience:
            # Not looked at in earnest: it may be one of the version before.
            latest = max(filter(None, (found.succeeded, found.rejected)), default=None)
            return CURRENT if latest and latest >= found.time else YOUNG
        if self._plan.given_up and found.rejected:
            return None  # the metadata tells
        if found.succeeded and self._deletes:
            return None
        status = judge(found, self._plan.grace, self._plan.examined)
        return CURRENT if status is ResultStatus.CURRENT else None

    def _in_time(self, found: Found) -> Settled:
        return Settled(found, OUT_OF_TIME) if self._is_over() else self._settle(found)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._plan.ends or self.stopped

    def _done(self, settled: Settled | Future[Settled]) -> Settled:
        """Wait for it. Raises BadSetting."""
        if isinstance(settled, Settled):
            return settled
        done = settled.result()
        self.looked_at += done.outcome != OUT_OF_TIME
        self._failures = self._failures + 1 if done.outcome == FAILED else 0
        self.stopped = self.stopped or self._failures >= FAILURES_IN_A_ROW
        return done
