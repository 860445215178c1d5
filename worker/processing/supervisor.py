"""The worker's side of a job in a process of its own: whatever the job does, the worker can say it.

    worker (this process: S3, credentials, log, time, memory)
      └── runner (runner.py: exec'd without credentials, before there is a client of S3)
            └── job (a fork of the runner, made ahead; or the command that it became; and what that
                starts)

The worker adopts all orphans below it. After a job it kills all that descends from it but the
runner, until nothing is left; as process 1 of a container it kills all at once.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import command, processes
from .errors import Exhausted, Failed, OutOfTime, Rejected, WrongProcessor
from .folder import Folder, files
from .joblog import JobLog
from .output import File, Made, Source
from .runner import BYTES

_TICKS = (0.005, 0.02)
"""Seconds between two looks at the job's memory, first and later. Memory is taken at some GB/s, so
that in this time it can't grow from the limit to all that there is."""
_LONGEST_OUTCOME = 2**20
_END_SECONDS = 10
"""For processes to end that were killed; one that the kernel holds may take longer."""


class Supervisor:
    """Runs one processor, job after job."""

    def __init__(
        self,
        name: str,
        words: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        memory_mib: int | None = None,
        log: Callable[[str], None] = print,
    ) -> None:
        """`name`: module:function; or, where there are `words`, a command. `environment`: all that
        the job sees."""
        self._name, self._words = name, words
        self._environment = dict(environment or {})
        self._limit = memory_mib * 2**20 * 7 // 8 if memory_mib else None
        self._print = log
        self._runner: _Runner | None = None
        self._others: set[int] = set()
        processes.guard_memory()
        processes.adopt_orphans()
        self._start()

    def _start(self) -> _Runner:
        self._runner = _Runner([self._name, *self._words], self._environment)
        return self._runner

    def close(self) -> None:
        """End the runner."""
        if self._runner:
            self._runner.close()
            self._runner = None

    def takes_bytes(self) -> bool:
        """Whether the processor wants the upload's content in memory.

        Waits until it is imported. Raises WrongProcessor.
        """
        runner = self._runner or self._start()
        if runner.takes is None:
            runner.takes = self._hello(runner)
        return runner.takes == BYTES

    def _hello(self, runner: _Runner) -> str:
        log = JobLog(self._print)
        said = None
        while said is None and not runner.ended:
            runner.wait(None, log)
            said = runner.message()
        log.end()
        if said and "takes" in said:
            return str(said["takes"])
        self.close()
        what = self._words[0] if self._words else self._name
        raise WrongProcessor(
            said["wrong"] if said else f"the import of {what} ended the process; the log has more"
        )

    def __call__(self, source: Source, folder: Folder, seconds: float | None = None) -> Made:
        """Do one job, in at most so many seconds. Its files are in the folder.

        Raises Rejected, Failed, Exhausted, OutOfTime or WrongProcessor.
        """
        takes_bytes = self.takes_bytes()
        runner = self._runner or self._start()
        log = JobLog(self._print)
        killed = processes.killed_for_memory()
        self._others = {p for p in processes.children(os.getpid()) if p != runner.pid}
        status = None
        try:
            runner.send(self._job(source, folder))
            status = self._watch(runner, log, seconds)
        finally:  # also when this process itself is told to stop
            self._end_job(runner)
            runner.drain(log)
            log.end()
            # One that was killed may have left its job in the pipe.
            if status is None or os.WIFSIGNALED(status) or os.getpid() == 1:
                self.close()
            else:
                runner.fork()
        said = _outcome(folder)
        if said.get("traceback"):
            log.write(said["traceback"])
        if processes.killed_for_memory() > killed:
            raise Exhausted("memory")
        self._judge(status, said, log.last_line)
        return self._made(folder, said, takes_bytes=takes_bytes)

    def _job(self, source: Source, folder: Folder) -> dict[str, Any]:
        values = command.values(source.name, str(source.path), str(folder.outputs))
        return {
            "source": {
                **source._asdict(),
                "path": str(source.path),
                "metadata": dict(source.metadata),
            },
            "outputs": str(folder.outputs),
            "home": str(folder.home),
            "temp": str(folder.temp),
            "outcome": str(folder.outcome),
            "values": values,
            "environment": {name.upper(): value for name, value in values.items()},
        }

    def _watch(self, runner: _Runner, log: JobLog, seconds: float | None) -> int | None:
        """Until the job has ended: its status, as os.waitpid has it; None when the runner ended."""
        began = time.monotonic()
        tick = _TICKS[0]
        while not runner.ended:
            runner.wait(tick if self._limit or seconds else None, log)
            if message := runner.message():
                return int(message["status"])
            tick = min(tick * 1.5, _TICKS[1])
            if seconds is not None and time.monotonic() - began > seconds:
                raise OutOfTime(f"it takes more than {seconds:g} s to process")
            if self._limit and self._memory(runner) > self._limit:
                raise Exhausted("memory")
        return None

    def _memory(self, runner: _Runner) -> int:
        """What worker, runner and job have together: exactly only where it may be too much."""
        pids = [os.getpid(), *self._descendants()]
        used = processes.resident(pids)
        return used if used <= (self._limit or 0) else processes.proportional(pids)

    def _end_job(self, runner: _Runner) -> None:
        """The job, and what it left behind."""
        if os.getpid() == 1:  # at once, so that nothing can start anew meanwhile; the runner, too
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        if runner.ended:  # its pipes close before its children become this process's own
            processes.wait_for_end(runner.pid)
        ends, quiet = time.monotonic() + _END_SECONDS, 0
        # Twice: one whose parent just ends may be listed neither below it nor, yet, below this one.
        # It is by the next look, for which a quiet job need not wait.
        while quiet < 2 and time.monotonic() < ends:
            pids = [p for p in self._descendants() if p != runner.pid]
            processes.kill(pids)
            quiet = 0 if pids else quiet + 1
            if pids:
                time.sleep(0.001)

    def _descendants(self) -> list[int]:
        """The runner, the job and what it started: whatever this process did not have before."""
        return processes.descendants(os.getpid(), self._others)

    def _judge(self, status: int | None, said: Mapping[str, Any], last_line: str) -> None:
        """Raise what the job ended as, unless it succeeded."""
        what = repr(self._words[0]) if self._words else f"the processor {self._name}"
        match said.get("outcome"):
            case "succeeded":
                return
            case "rejected":
                raise Rejected(said.get("reason", ""))
            case "wrong":
                raise WrongProcessor(said.get("reason", ""))
            case "memory" | "disk" as resource:
                raise Exhausted(resource)
            case "failed":
                raise Failed(said.get("reason", ""))
        if status is None:
            raise Failed(f"{what} killed the runner, its parent process")
        code = os.waitstatus_to_exitcode(status)
        if self._words and code == 0:
            return
        if self._words and code == command.REJECTED:
            raise Rejected(
                last_line or f"{what} ended with exit code {code}, and printed no reason"
            )
        because = f": {last_line}" if last_line else ""
        if code < 0:
            raise Failed(f"{what} was ended by signal {-code} ({_signal(-code)}){because}")
        raise Failed(f"{what} ended its process with exit code {code}{because}")

    def _made(self, folder: Folder, said: Mapping[str, Any], *, takes_bytes: bool) -> Made:
        found = tuple(
            File(
                name,
                folder.outputs / name,
                status.st_size,
                str(said.get("content_type", "")) if takes_bytes else _content_type(name),
            )
            for name, status in files(folder.outputs)
        )
        if not found:
            where = "outputs" if not self._words else "{output}"
            raise Failed(f"the job succeeded, but left no file in {where}, its folder for outputs")
        pixels = said.get("pixels")
        return Made(found, pixels if isinstance(pixels, int) else None)


def _outcome(folder: Folder) -> dict[str, Any]:
    """What the job said of itself; the file may hold anything, or not be there."""
    try:
        descriptor = os.open(folder.outcome, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123, a descriptor
            said = json.loads(file.read(_LONGEST_OUTCOME))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _content_type(name: str) -> str:
    import mimetypes  # it takes some milliseconds, which jobs on bytes need not pay

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "a real-time signal"


class _Runner:
    """The runner's process, and the pipes that lead to it and to its jobs."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.takes: str | None = None
        self.ended = False
        self._received = b""
        orders, self._orders = os.pipe()
        self._replies, replies = os.pipe()
        out, err = os.pipe(), os.pipe()
        for theirs in (orders, replies):
            os.set_inheritable(theirs, True)
        # What this process can import, so can the job.
        path = os.pathsep.join(map(os.path.abspath, sys.path))
        script = str(Path(__file__).with_name("runner.py"))
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", script, str(orders), str(replies), *arguments],
            {**environment, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out[1], 1),
                (os.POSIX_SPAWN_DUP2, err[1], 2),
            ],
        )
        for theirs in (orders, replies, out[1], err[1]):
            os.close(theirs)
        self._streams = {out[0]: "stdout", err[0]: "stderr"}
        """By their descriptors, which stay open until `close`."""
        self._poll = select.poll()
        for ours in (self._replies, *self._streams):
            os.set_blocking(ours, False)
            self._poll.register(ours, select.POLLIN)
        self._ended_streams: set[int] = set()
        descriptors = [self._orders, self._replies, *self._streams]
        self.close = weakref.finalize(self, _end, self.pid, descriptors)
        """End it: now, or when nobody needs it any more."""
        self.fork()

    def fork(self) -> None:
        """Have the next job's process made, which takes longer than many a job: ahead of it, while
        this process waits for S3."""
        self._write(b"+")

    def send(self, message: dict[str, Any]) -> None:
        self._write(marshal.dumps(message))

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # it ended: the reply tells
            while data:
                data = data[os.write(self._orders, data) :]

    def wait(self, seconds: float | None, log: JobLog) -> None:
        """For anything to come, and take it."""
        for descriptor, _ in self._poll.poll(None if seconds is None else seconds * 1000):
            if descriptor in self._streams:
                self._read(descriptor, log)
                continue
            chunk = os.read(descriptor, 65536)
            self._received += chunk
            self.ended = not chunk

    def message(self) -> dict[str, Any] | None:
        """The message that came; there is never more than one."""
        if not self._received:
            return None
        # It is shorter than what a pipe takes at once (PIPE_BUF), so it is whole.
        said: dict[str, Any] = marshal.loads(self._received)  # noqa: S302, from the runner
        self._received = b""
        return said

    def drain(self, log: JobLog) -> None:
        """Take what is in the pipes still."""
        for descriptor in self._streams:
            while self._read(descriptor, log):
                pass

    def _read(self, descriptor: int, log: JobLog) -> bool:
        """A chunk of a stream; whether there was one."""
        if descriptor in self._ended_streams:
            return False
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._poll.unregister(descriptor)
            self._ended_streams.add(descriptor)
            return False
        log.feed(self._streams[descriptor], chunk)
        return True


def _end(runner: int, descriptors: Iterable[int]) -> None:
    """End a runner, and its fork that waits for a job, if there is one."""
    for pid in (runner, *processes.children(runner)):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    for each in descriptors:
        os.close(each)
