"""Time that runs out as an error, wherever the process just is."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Stopped


@contextmanager
def limited(seconds: float, stopped: Stopped) -> Iterator[None]:
    """Raise `stopped` in the block when it takes longer.

    It takes the one timer of a process; an outer limit goes on when it is over. It is heard between
    two calls of C, so one that takes long ends first. Only the main thread hears it: in another,
    there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise stopped

    before, began = signal.signal(signal.SIGALRM, ring), time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)  # which also raises what rang just now
        if left:
            rest = left - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(rest, 0.001))
