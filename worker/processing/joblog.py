"""What a job prints, as lines of the log that nothing takes for a report of the worker's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MARK = "| "
"""Begins each line, so that it is no JSON: metric filters and `make status` look for that."""
LONGEST_LINE = 4096
"""Bytes as they come. Each may become three, and after 16 KiB the log driver would cut a line in
two (https://github.com/moby/moby/issues/41794), of which the second had no mark."""
MOST_BYTES = 2**20
"""Of one job; a task's log of 1 MiB costs $0.0005 (CloudWatch Logs, $0.50 a GB)."""
_LAST_LINES = 20
"""Of each stream, that come at the end when the middle was too much: there an error is."""


class JobLog:
    """The lines of one job, from its two streams."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._begun: dict[str, bytes] = {}
        self._left = MOST_BYTES
        self._unlogged: dict[str, deque[str]] = {}
        self.last_line = ""
        """The last line of stderr that is not empty."""

    def feed(self, stream: str, chunk: bytes) -> None:
        """More of a stream, `stdout` or `stderr`."""
        *lines, rest = (self._begun.pop(stream, b"") + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._line(stream, line)
        while len(rest) > LONGEST_LINE:
            self._line(stream, rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._begun[stream] = rest

    def _line(self, stream: str, line: bytes) -> None:
        for at in range(0, len(line), LONGEST_LINE):
            piece = readable(line[at : at + LONGEST_LINE])
            if stream == "stderr" and piece.strip():
                self.last_line = piece.strip()
            if self._left > 0:
                self._left -= len(piece.encode()) + len(MARK) + 1
                self._log(MARK + piece)
            else:
                self._unlogged.setdefault(stream, deque(maxlen=_LAST_LINES)).append(piece)

    def write(self, text: str) -> None:
        """Lines about the job that its worker adds, however much there was."""
        for line in text.splitlines():
            self._log(MARK + readable(line.encode(errors="replace"))[:LONGEST_LINE])

    def end(self) -> None:
        """The job has ended: say what is left."""
        for stream, rest in self._begun.items():
            self._line(stream, rest)
        self._begun.clear()
        if self._unlogged:
            self.write(
                f"(more than {MOST_BYTES} bytes were printed; what follows are the last lines)"
            )
        for lines in self._unlogged.values():
            for piece in lines:
                self._log(MARK + piece)
        self._unlogged.clear()


def readable(line: bytes) -> str:
    """As text without control characters."""
    text = line.decode(errors="replace")
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text
    )
