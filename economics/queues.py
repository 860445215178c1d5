"""AWS's limits and queues: who is refused, who waits and for how long, and what is tried again.

EventBridge tries again as in local/emulator/eventbridge_to_ecs.py, but for one, which users report
(https://github.com/paradisec-archive/nabu/pull/1260,
https://github.com/aws/containers-roadmap/issues/1705): a RunTask that returns 200 and `failures[]`
counts as delivered. That it tries again what ECS and SQS throttle, with 400, is assumed: documented
are 429 and 5xx.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

import simpy

from tooling.buckets import TokenBucket

from .figures import LIMITS, PUBLISHED


@dataclass
class Upload:
    number: int
    mib: float
    stored: float
    begun: bool = False
    attempts: int = 0  # of the sweep
    last_attempt: float = float("-inf")
    held_by: str = ""  # the limit that it waits for now
    held_since: float = 0.0


class Limits:
    """Those of an account, and what they do."""

    def __init__(self, clock: simpy.Environment, account: Mapping[str, float]) -> None:
        self._clock = clock
        self.refusals: Counter[str] = Counter()  # of each limit, in the order of the first ones
        self.held: defaultdict[str, float] = defaultdict(float)
        """Seconds that each limit kept uploads from an engine, of all uploads together."""
        self.last_refusal = ""
        self._rates = {
            each["rate_of"]: TokenBucket(account[name], account.get(each.get("at_once", "")))
            for name, each in LIMITS.items()
            if "rate_of" in each
        }

    def take(self, limit: str) -> bool:
        """Whether it lets one more come; who is refused comes again."""
        if not (taken := self._rates[limit].take(self._clock.now)):
            self.refused(limit)
        return taken

    def wait(self, limit: str, calls: float = 1) -> float:
        """Seconds until it lets so many come, in turn: the caller waits for it then."""
        wait = self._rates[limit].wait(self._clock.now, calls)
        if wait > 0:
            self.refused(limit)
            self.held[limit] += wait
        return wait

    def refused(self, limit: str) -> None:
        self.refusals[limit] += 1
        self.last_refusal = limit

    def hold(self, upload: Upload) -> None:
        """It waits for what has just been refused, until it is released or something else is."""
        self.release(upload)
        if not upload.begun:
            upload.held_by, upload.held_since = self.last_refusal, self._clock.now

    def release(self, upload: Upload) -> None:
        if upload.held_by:
            self.held[upload.held_by] += self._clock.now - upload.held_since
            upload.held_by = ""


class Response(Enum):
    """What an engine, or a queue, says to an attempt: REFUSED is 429 or 5xx, THROTTLED is 400,
    NO_ROOM is 200 with `failures[]` instead of a task."""

    TAKEN, REFUSED, THROTTLED, NO_ROOM = auto(), auto(), auto(), auto()


class Next(Enum):
    """What becomes of an event after an attempt; of what is dropped only the sweep hears."""

    DELIVERED, AGAIN, DEAD_LETTER, DROPPED = auto(), auto(), auto(), auto()


class Queue(NamedTuple):
    """What tries again what was not taken. Times are in seconds."""

    first_wait: float
    longest_wait: float
    most_retries: float
    longest: float
    retries_no_room: bool = False
    retries_throttled: bool = True

    def waits(self, lots: random.Random) -> Iterator[float]:
        """Between attempts: doubling, each a quarter shorter or longer by lot."""
        wait = self.first_wait
        while True:
            yield wait * lots.uniform(0.75, 1.25)
            wait = min(2 * wait, self.longest_wait)

    def after(self, response: Response, retries: int, age: float) -> Next:
        """After an attempt that was the so many-th retry, of an event that is so old."""
        if response is Response.TAKEN:
            return Next.DELIVERED
        if response is Response.NO_ROOM and not self.retries_no_room:
            return Next.DROPPED
        given_up = retries >= self.most_retries or age >= self.longest
        given_up |= response is Response.THROTTLED and not self.retries_throttled
        return Next.DEAD_LETTER if given_up else Next.AGAIN


_AGE, _RETRIES = PUBLISHED["event_age"], PUBLISHED["event_retries"]
EVENTBRIDGE = Queue(1.0, (_AGE - 511) / (_RETRIES - 9), _RETRIES, _AGE)
"""It says "exponential back off and jitter" and no figure. After nine doublings of 1 s, which take
511 s together, its retries take as long as they may."""
_FIRST, _LONGEST = PUBLISHED["async_first_wait"], PUBLISHED["async_longest_wait"]
LAMBDA = Queue(_FIRST, _LONGEST, math.inf, PUBLISHED["async_age"])
"""Of what it is given asynchronously."""
