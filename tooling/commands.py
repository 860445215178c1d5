"""Run commands, and leave none of their processes behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A command ended with another exit code than 0."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        super().__init__(f"{' '.join(command)}\nended with exit code {code}:\n{output.rstrip()}")
        self.output = output


class Commands:
    """Commands that can be stopped all at once, with all that they started."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str:
        """Run one to its end; gives its output. Raises CommandFailed."""
        with self._started(command, environment, cwd) as process:
            output, _ = process.communicate()
        if process.returncode:
            raise CommandFailed(command, process.returncode, output)
        return output

    @contextlib.contextmanager
    def _started(
        self, command: Sequence[str], environment: Mapping[str, str], cwd: Path
    ) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self._stopped:
                raise CommandFailed(command, -signal.SIGTERM, "stopped before it began")
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # a group of its own, to be ended as a whole
            )
            self._running.add(process)
        try:
            yield process
        finally:
            end_group(process)
            self._running.discard(process)

    def stop(self) -> None:
        """End those that run, in whichever thread, and let no other begin."""
        with self._lock:
            self._stopped = True
            for process in tuple(self._running):
                end_group(process)


def end_group(process: subprocess.Popen[str], grace: float = 0) -> None:
    """End the process, and whatever is left of its process group."""
    if grace and process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
