"""The token bucket, by which AWS limits rates, and the growing waits of who is refused."""

from __future__ import annotations

import random
from collections.abc import Iterator


class TokenBucket:
    """So many tokens at most, refilled at a rate a second. Full at time 0."""

    def __init__(self, rate: float, size: float) -> None:
        self._rate, self._size = rate, size
        self._tokens, self._time = size, 0.0

    def take(self, now: float, tokens: float = 1) -> bool:
        """Whether there are so many; they are gone then. For callers that are refused otherwise."""
        self._refill(now)
        if self._tokens < tokens - 1e-9:
            return False
        self._tokens -= tokens
        return True

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
    wait = first
    while True:
        yield wait * lots.uniform(0.75, 1.25)
        wait = min(2 * wait, longest)
