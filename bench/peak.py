"""The most memory that a process ever had."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_PROC = Path("/proc")


def highest(pid: int | None = None) -> int:
    """The greatest resident memory until now of this process, or of another one, in bytes.

    On Linux from /proc: getrusage's ru_maxrss there begins with what the parent had (getrusage(2)),
    so that a test run of 300 MB would be taken for the child's own.
    """
    status = _PROC / str(pid or "self") / "status"
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
