"""What Linux offers for a process among processes; elsewhere (jobs on local files) less is done."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36  # linux/prctl.h
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_HAS_LISTS = (_PROC / "self/task" / str(os.getpid()) / "children").exists()
"""Whether the kernel was built with CONFIG_PROC_CHILDREN."""


def guard_memory() -> None:
    """No process of the same user may read or change this one: neither its environment, which may
    have credentials, nor its memory (proc(5), PR_SET_DUMPABLE). Its forks are guarded, too; what is
    exec'd is not."""
    _prctl(_PR_SET_DUMPABLE, 0)


def unguard_memory() -> None:
    """In a fork of a guarded process: be like any other process."""
    _prctl(_PR_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Descendants whose parents end become this process's children, and can't leave its sight."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def dies_with_parent() -> None:
    """Without the worker nobody waits for it."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def first_to_be_killed() -> None:
    """When memory runs out all the same, the kernel takes this process and not the worker."""
    with contextlib.suppress(OSError):
        (_PROC / "self/oom_score_adj").write_text("1000")


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(parent: int, without: Collection[int] = ()) -> list[int]:
    """All processes that descend from this one, but those of these children of its."""
    found, look = [], [parent]
    while look:
        more = [each for each in children(look.pop()) if each not in without]
        found += more
        look += more
    return found


def children(pid: int) -> list[int]:
    """From the lists that threads keep; where the kernel has none, from what each process says."""
    if not _LINUX:
        return []
    if not _HAS_LISTS:
        return [each for each in _all() if _parent(each) == pid]
    found: list[int] = []
    threads = f"/proc/{pid}/task"  # without pathlib: each job looks a dozen times
    with contextlib.suppress(OSError):  # it ended just now
        for thread in os.listdir(threads):  # noqa: PTH208
            with open(f"{threads}/{thread}/children", "rb", 0) as pids:  # noqa: PTH123
                found += map(int, pids.read().split())
    return found


def _all() -> list[int]:
    return [int(each.name) for each in _PROC.iterdir() if each.name.isdigit()]


def _parent(pid: int) -> int | None:
    try:  # after the name, which may hold anything: state, parent
        status = (_PROC / str(pid) / "stat").read_text(errors="replace")
        return int(status.rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def kill(pids: list[int]) -> None:
    """At once, without a word; those that are children of this process are also reaped."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with contextlib.suppress(OSError):  # not a child, or not yet an orphan
            os.waitpid(pid, os.WNOHANG)


def wait_for_end(child: int) -> None:
    """End a child, and come back when its own children have another parent; it is not reaped."""
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)


def resident(pids: list[int]) -> int:
    """Bytes of memory that they have; what they share counts for each of them."""
    total = 0
    for pid in pids:
        try:
            total += int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):  # it ended just now
            continue
    return total


def proportional(pids: list[int]) -> int:
    """Bytes of memory that they have, where each of n processes counts an n-th of what they share.

    It takes the kernel some time for each page. Of a process that can't be read so, all counts.
    """
    total = 0
    for pid in pids:
        try:
            _, *lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            total += int(dict(line.split(":", 1) for line in lines)["Pss"].split()[0]) * 1024
        except (OSError, KeyError, ValueError):
            total += resident([pid])
    return total


def killed_for_memory() -> int:
    """How often the kernel killed a process of this container because memory ran out; 0 where
    nothing tells (cgroups, version 2 and 1)."""
    for name in ("memory.events", "memory/memory.oom_control"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path("/sys/fs/cgroup", name).read_text().splitlines():
                field, _, number = line.partition(" ")
                if field == "oom_kill":
                    return int(number)
    return 0
