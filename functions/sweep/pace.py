"""So many starts a second, and no more."""

from __future__ import annotations

import threading
import time


class Pace:
    """Lets through so many a second, whichever thread asks."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, ends: float) -> bool:
        """Wait for one's turn. False: it does not come before the end."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            if turn >= ends:
                return False
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))
        return True
