"""A token bucket, by which AWS limits a rate: of the simulation, the embedded ECS and tests."""

from __future__ import annotations


class TokenBucket:
    """So many tokens at most, or a second's, refilled at a rate a second. Full at first."""

    def __init__(self, rate: float, size: float | None = None) -> None:
        self._rate = rate
        self._tokens = self._size = rate if size is None else size
        self._time = 0.0

    def has(self, now: float, tokens: float = 1) -> bool:
        """Whether there are so many."""
        self._refill(now)
        return self._tokens >= tokens - 1e-9

    def take(self, now: float, tokens: float = 1) -> bool:
        """Whether there are so many; they are gone then. For callers that are refused otherwise."""
        enough = self.has(now, tokens)
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
