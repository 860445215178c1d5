"""Rules of AWS's queues: token buckets, waits between tries, and when EventBridge gives up.

EventBridge tries again as in local/emulator/eventbridge_to_ecs.py, but for one, which users report
(https://github.com/paradisec-archive/nabu/pull/1260,
https://github.com/aws/containers-roadmap/issues/1705): a RunTask that returns 200 and `failures[]`
counts as delivered. That it tries again what ECS and SQS throttle, with 400, is assumed: documented
are 429 and 5xx.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import Enum, auto

from .figures import PUBLISHED


class TokenBucket:
    """So many tokens at most, or a second's, refilled at a rate a second. Full at time 0."""

    def __init__(self, rate: float, size: float | None = None) -> None:
        self._rate = rate
        self._tokens = self._size = rate if size is None else size
        self._time = 0.0

    def take(self, now: float, tokens: float = 1) -> bool:
        """Whether there are so many; they are gone then. For callers that are refused otherwise."""
        self._refill(now)
        enough = self._tokens >= tokens - 1e-9
        self._tokens -= tokens * enough
        return enough

    def wait(self, now: float, tokens: float = 1) -> float:
        """Seconds until it is this caller's turn, behind those that wait already."""
        self._refill(now)
        self._tokens -= tokens
        return max(0.0, -self._tokens / self._rate)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._size, self._tokens + (now - self._time) * self._rate)
        self._time = now


def waits(first: float, longest: float, lots: random.Random) -> Iterator[float]:
    """Seconds between attempts: doubling, each a quarter shorter or longer by lot."""
    while True:
        yield first * lots.uniform(0.75, 1.25)
        first = min(2 * first, longest)


class Response(Enum):
    """What RunTask, or a queue, says to an attempt: REFUSED is 429 or 5xx, THROTTLED is 400,
    NO_ROOM is 200 with `failures[]` instead of a task."""

    TAKEN, REFUSED, THROTTLED, NO_ROOM = auto(), auto(), auto(), auto()


class Next(Enum):
    """What becomes of an event after an attempt; of what is dropped only the sweep hears."""

    DELIVERED, AGAIN, DEAD_LETTER, DROPPED = auto(), auto(), auto(), auto()


def after(
    response: Response,
    retries: int,
    age: float,
    most_retries: float = PUBLISHED["event_retries"],
    retries_no_room: bool = False,
    retries_throttled: bool = True,
) -> Next:
    """After an attempt that was the so many-th retry, of an event so many seconds old."""
    if response is Response.TAKEN:
        return Next.DELIVERED
    if response is Response.NO_ROOM and not retries_no_room:
        return Next.DROPPED
    given_up = retries >= most_retries or age >= PUBLISHED["event_age"]
    given_up |= response is Response.THROTTLED and not retries_throttled
    return Next.DEAD_LETTER if given_up else Next.AGAIN
