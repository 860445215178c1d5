"""Work that stops wherever it pauses, so that one at a time goes on.

Each has a stack of its own and no thread: a simulation changes from one to another ten thousands of
times, and a change of threads takes the kernel more time than the work between two of them.
"""

from __future__ import annotations

from collections.abc import Callable

from greenlet import getcurrent, greenlet
from processing.errors import Failed

Pause = Callable[[], None]


class Killed(BaseException):
    """The process is gone, wherever it was."""


class Stepper:
    """Work that goes on to its next pause when it is told to."""

    def __init__(self, work: Callable[[Pause], str]) -> None:
        """`work` gets what it pauses with, and gives how it ended."""
        self.ended = ""
        """What the work gave; or "killed", "failed"."""
        self._work = greenlet(lambda: work(self._pause))

    def go_on(self) -> bool:
        """Up to the next pause; False when the work ended. Raises what it did not expect."""
        self._work.parent = getcurrent()  # whoever began it may have been another one's work
        try:
            said = self._work.switch()
        except Killed:
            said = "killed"
        except Failed:
            said = "failed"
        if self._work.dead:
            self.ended = said
        return not self.ended

    def _pause(self) -> None:
        self._work.parent.switch()
