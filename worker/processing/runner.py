"""The runner: the one program that jobs run in. The worker starts it; see supervisor.py.

    python runner.py SOCKET NAME [WORD ...]

It imports the processor NAME (`module:function`; of a command, NAME is empty and the words follow),
says on the socket what the processor takes, and then does one job after the other: each in a fork,
so that the import is paid once and no job sees what another one left. It knows neither S3 nor
credentials: it is exec'd with an environment that has none.

Messages are lines of JSON. To the worker: {"takes": ...} or {"wrong": ...} once, and for each job
{"pid": ...} and {"status": ...}, as os.waitpid has it. From the worker: the job (supervisor.py).
What a job has to say itself is a file, because a processor may close its descriptors.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

# By its whole name: it is run as a file, since `-m` takes longer to start.
from processing import command
from processing.processes import dies_with_parent, first_to_be_killed, guard_memory, unguard_memory

if TYPE_CHECKING:
    from collections.abc import Callable

Job = dict[str, Any]
"""What the worker says of a job (supervisor.py)."""
BYTES, FILES = "bytes", "files"
LONGEST_TRACEBACK = 16_384
"""Characters; the end of it, where the error is."""


def main(arguments: list[str]) -> int:
    """Serve jobs until the worker closes the socket."""
    descriptor, name, *words = arguments
    dies_with_parent()
    guard_memory()  # no job may change what the next one forks from
    worker = socket.socket(fileno=int(descriptor))
    with worker.makefile("rw", encoding="utf-8") as channel:
        try:
            takes, run = _command(words) if words else _function(name)
        except WrongProcessor as wrong:
            _say(channel, {"wrong": str(wrong)})
            return 2
        _say(channel, {"takes": takes})
        for line in channel:
            pid = os.fork()
            if not pid:
                _do(worker, json.loads(line), run)
            _say(channel, {"pid": pid})
            _say(channel, {"status": os.waitpid(pid, 0)[1]})
    return 0


class WrongProcessor(Exception):
    """No upload can be processed with it, whatever is in it: why."""


def _say(channel: Any, message: dict[str, object]) -> None:  # noqa: ANN401
    channel.write(f"{json.dumps(message)}\n")
    channel.flush()


def _do(worker: socket.socket, job: Job, run: Callable[[Job], Any]) -> NoReturn:
    """What happens in the fork: it never returns."""
    code = 1
    try:
        # A session of its own: a signal to its group reaches neither the runner nor the worker.
        os.setsid()
        dies_with_parent()
        unguard_memory()  # so that it can use its own /proc/self
        first_to_be_killed()
        worker.close()
        os.chdir(job["home"])
        os.environ.update(HOME=job["home"], TMPDIR=job["temp"], **job["environment"])
        outcome = run(job)
        code = 0
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too, are its own doing
        outcome = _of_error(error)
    _write(Path(job["outcome"]), outcome)
    # Without the interpreter's own end, which waits for threads that may never end.
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _write(path: Path, outcome: dict[str, Any]) -> None:
    """What there is to say, even if descriptors are closed; without room for it the exit code is
    all there is."""
    with contextlib.suppress(OSError):
        path.write_text(json.dumps(outcome), encoding="utf-8")


def _of_error(error: BaseException) -> dict[str, Any]:
    """What a processor raised."""
    from processing.errors import Rejected

    if isinstance(error, WrongProcessor):
        return {"outcome": "wrong", "reason": str(error)}
    if isinstance(error, Rejected):
        return {"outcome": "rejected", "reason": str(error)}
    if isinstance(error, MemoryError) or _number(error) == errno.ENOMEM:
        return {"outcome": "memory"}
    if _number(error) == errno.ENOSPC:
        return {"outcome": "disk"}
    lines = "".join(traceback.format_exception(error))
    return {
        "outcome": "failed",
        "reason": describe(error),
        "traceback": lines[-LONGEST_TRACEBACK:],
    }


def _number(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def describe(error: BaseException) -> str:
    """Type and message; of a group, those of its members, too."""
    try:
        message = str(error)
    except Exception:  # a class of the user's may have no text at all
        message = "without a readable message"
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        said += f" [{'; '.join(map(describe, error.exceptions))}]"
    return said


def _function(name: str) -> tuple[str, Callable[[Job], Any]]:
    """What the processor takes, and how it runs. Raises WrongProcessor."""
    import importlib
    import inspect

    module_name, _, function_name = name.partition(":")
    wrong = f"PROCESSOR is {name!r}; it must be package.module:function, importable from the layer"
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except BaseException as error:  # an import runs whatever is in the module
        if not isinstance(error, (ImportError, AttributeError, ValueError)):
            traceback.print_exc()
        raise WrongProcessor(f"{wrong} ({describe(error)})") from error
    if not callable(function):
        raise WrongProcessor(f"{wrong} (it is no function, but {type(function).__name__})")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some of those in C have none that can be told
        return BYTES, functools.partial(_on_bytes, name, function)
    first = next(iter(signature.parameters.values()), None)
    on_files = first is not None and _is_source(first.annotation)
    try:
        signature.bind(None, None)
    except TypeError as error:
        form = "(source: Source, outputs: Path)" if on_files else "(body: bytes, content_type: str)"
        problem = f"PROCESSOR is {name!r}; it must take {form} ({error})"
        raise WrongProcessor(problem) from error
    if on_files:
        return FILES, functools.partial(_on_files, name, function)
    return BYTES, functools.partial(_on_bytes, name, function)


def _is_source(annotation: object) -> bool:
    """Whether it is output.Source: the class, or its name where annotations are strings."""
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(name).rpartition(".")[2] == "Source"


def _on_bytes(name: str, function: Callable[..., Any], job: Job) -> dict[str, Any]:
    from processing.output import Output

    given = function(Path(job["source"]["path"]).read_bytes(), job["source"]["content_type"])
    try:
        output = Output(*given)
        (Path(job["outputs"]) / "output").write_bytes(output.body)
    except TypeError as error:
        kind = type(given).__name__
        problem = f"the processor {name} returned {kind}; it must return Output, or (bytes, str)"
        raise WrongProcessor(problem) from error
    return {
        "outcome": "succeeded",
        "content_type": str(output.content_type),
        "pixels": output.pixels,
    }


def _on_files(name: str, function: Callable[..., Any], job: Job) -> dict[str, Any]:
    from processing.output import Source

    source = Source(**{**job["source"], "path": Path(job["source"]["path"])})
    given = function(source, Path(job["outputs"]))
    if given is not None:
        kind = type(given).__name__
        problem = f"the processor {name} returned {kind}; one that takes a Source returns nothing"
        raise WrongProcessor(problem)
    return {"outcome": "succeeded"}


def _command(words: list[str]) -> tuple[str, Callable[[Job], Any]]:
    """A program of any kind."""
    import shutil

    program = shutil.which(words[0])
    if program is None:
        raise WrongProcessor(
            f"COMMAND: the program {words[0]!r} is not there, or can't be run. In the container it "
            "comes from the job's packages.txt; a function has only what is in its layer"
        )
    path = Path(program).absolute()  # the job's current directory is another

    def run(job: Job) -> NoReturn:
        filled = [command.fill(word, job["values"]) for word in words]
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as a shell would start it
        try:
            os.execv(path, filled)  # noqa: S606, a program of the user's own
        except OSError as error:
            problem = f"COMMAND: the program {words[0]!r} can't be run ({error.strerror})"
            raise WrongProcessor(problem) from error

    return FILES, run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
