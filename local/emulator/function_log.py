"""What a function as a process logs is in the log of the invocation that did it, to the last line.

ministack gives up when nothing came for 50 ms, or for 5 ms after a line: on a busy machine the rest
is found by the next invocation, or never. Here the process ends each invocation's log with a mark,
before its reply.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from ministack.core import lambda_runtime

from .links import Link, PatchPoint

MARK = "\x1e end of the invocation's log"
_REPLY = "\n        _real_stdout.flush()\n\nrun()"
_MARK_AND_REPLY = f"""
        sys.stderr.write({MARK!r} + chr(10))
        sys.stderr.flush(){_REPLY}"""
_PATIENCE_SECONDS = 60
"""For a process that lives and does not send it: its function closed what it logs to."""


def apply() -> None:
    drain: Callable[..., str] = lambda_runtime.Worker._drain_stderr_bounded

    def drain_to_the_mark(self: lambda_runtime.Worker, **waits: float) -> str:
        if not self.config.get("Runtime", "").startswith("python"):
            return drain(self, **waits)
        lines: list[str] = []
        ends = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends:
            try:
                line = self._stderr_queue.get(timeout=0.05)
            except queue.Empty:
                if self._proc is None or self._proc.poll() is not None:  # nothing more comes
                    break
                continue
            said, marked, _ = line.partition(MARK)
            if said or not marked:
                lines.append(said)
            if marked:
                break
        return "\n".join(lines)

    lambda_runtime.Worker._drain_stderr_bounded = drain_to_the_mark
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert script.endswith(f"{_REPLY}\n"), "ministack's functions reply in another way"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_REPLY, _MARK_AND_REPLY)


LINK = Link(
    what="the whole log of an invocation",
    patch_points=(
        PatchPoint(lambda_runtime.Worker, "_drain_stderr_bounded", ("self",)),
        PatchPoint(lambda_runtime, "_PYTHON_WORKER_SCRIPT"),
    ),
    apply=apply,
)
