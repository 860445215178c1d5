"""Work in a thread of its own that stops wherever it pauses, so that one at a time goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

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
        self._error: BaseException | None = None
        self._go, self._stopped = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stopped.acquire()
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def go_on(self) -> bool:
        """Up to the next pause; False when the work ended. Raises what it did not expect."""
        self._go.release()
        self._stopped.acquire()
        if self._error:
            raise self._error
        return not self.ended

    def _pause(self) -> None:
        self._stopped.release()
        self._go.acquire()

    def _run(self, work: Callable[[Pause], str]) -> None:
        self._go.acquire()
        try:
            self.ended = work(self._pause)
        except Killed:
            self.ended = "killed"
        except Failed:
            self.ended = "failed"
        except BaseException as error:
            self._error = error
        finally:
            self._stopped.release()
