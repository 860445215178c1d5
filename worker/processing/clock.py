"""Time that runs out as an error, wherever the process just is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Stopped


@contextmanager
def limited(seconds: float, stopped: Stopped) -> Iterator[None]:
    """Raise `stopped` in the block when it takes longer.

    Only in the main thread, and one at a time: a process has one such timer. It is heard between
    two calls of C, so a decoder that takes the whole file in one call ends that first.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        raise stopped

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)  # which also raises what rang just now
