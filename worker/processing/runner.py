"""The runner: the one program that jobs run in. The worker starts it; see supervisor.py.

    python runner.py ORDERS REPLIES NAME [WORD ...]

It imports the processor NAME (`module:function`; of a command, NAME is empty and the words follow),
says what that takes, and then does one job after the other: each in a fork, so that the import is
paid once and no job sees what another one left. It knows neither S3 nor credentials: it is exec'd
with an environment that has none.

ORDERS and REPLIES are descriptors of pipes. From the worker comes a byte for each fork, and then
the job (supervisor.py), which the fork itself reads: it takes some milliseconds, so it is there
before its job is. To the worker: {"takes": ...} or {"wrong": ...} once, and for each job
{"status": ...}, as os.waitpid has it. Messages are dictionaries, in the interpreter's own form
(marshal). What a job has to say itself is a file, because a processor may close its descriptors;
and it is JSON, because the worker need not trust it.

What is imported here is paid by each cold start, so it is little.
"""

from __future__ import annotations

import errno
import functools
import gc
import marshal
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

# By its whole name: it is run as a file, since `-m` takes longer to start.
from processing import processes

if TYPE_CHECKING:
    from collections.abc import Callable

Job = dict[str, Any]
"""What the worker says of a job (supervisor.py)."""
BYTES, FILES = "bytes", "files"
_LONGEST_PROBLEM = 1000
"""Characters, so that a message fits into a pipe at once (PIPE_BUF)."""
LONGEST_TRACEBACK = 16_384
"""Characters; the end of it, where the error is."""


def main(arguments: list[str]) -> int:
    """Serve jobs until the worker closes its end."""
    orders, replies, name, *words = arguments
    gc.disable()  # what is imported stays; and no job copies pages only to count what is in them
    processes.dies_with_parent()
    processes.guard_memory()  # no job may change what the next one forks from
    with open(int(replies), "wb", 0) as reply:  # noqa: PTH123
        try:
            takes, run = _command(words) if words else _function(name)
        except WrongProcessor as wrong:
            reply.write(marshal.dumps({"wrong": str(wrong)[:_LONGEST_PROBLEM]}))
            return 2
        import json  # each job needs it at its end; most processors have imported what it takes

        assert json
        reply.write(marshal.dumps({"takes": takes}))
        if not words:  # while the worker fetches the upload
            from processing import output

            assert output
        gc.freeze()
        while os.read(int(orders), 1):
            pid = os.fork()
            if not pid:
                os.close(int(replies))
                _do(int(orders), run)
            reply.write(marshal.dumps({"status": os.waitpid(pid, 0)[1]}))
    return 0


class WrongProcessor(Exception):
    """No upload can be processed with it, whatever is in it: why."""


def _do(orders: int, run: Callable[[Job], Any]) -> NoReturn:
    """What happens in the fork: it never returns."""
    # A session of its own: a signal to its group reaches neither the runner nor the worker.
    os.setsid()
    processes.dies_with_parent()
    processes.unguard_memory()  # so that it can use its own /proc/self
    processes.first_to_be_killed()
    gc.enable()
    _write(os.devnull, {})  # memory is copied when it is written to: ahead, what each end needs
    job = _job(orders)
    code = 1
    try:
        os.chdir(job["home"])
        os.environ.update(HOME=job["home"], TMPDIR=job["temp"], **job["environment"])
        outcome = run(job)
        code = 0
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too, are its own doing
        outcome = _of_error(error)
    _write(job["outcome"], outcome)
    # Without the interpreter's own end, which waits for threads that may never end.
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _job(orders: int) -> Job:
    """The job, when it comes; the process ends if there is none any more."""
    with open(orders, "rb") as worker:
        try:
            job: Job = marshal.load(worker)  # noqa: S302, from the worker
        except EOFError:
            os._exit(0)
    return job


def _write(path: str, outcome: dict[str, Any]) -> None:
    """What there is to say, even if descriptors are closed; without room for it the exit code is
    all there is."""
    import json

    try:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123, without pathlib
            json.dump(outcome, file)
    except OSError:
        pass


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
    import traceback

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
    module_name, _, function_name = name.partition(":")
    wrong = f"PROCESSOR is {name!r}; it must be package.module:function, importable from the layer"
    try:
        __import__(module_name)
        function = getattr(sys.modules[module_name], function_name)
    except BaseException as error:  # an import runs whatever is in the module
        if not isinstance(error, (ImportError, AttributeError, ValueError)):
            import traceback

            traceback.print_exc()
        raise WrongProcessor(f"{wrong} ({describe(error)})") from error
    if not callable(function):
        raise WrongProcessor(f"{wrong} (it is no function, but {type(function).__name__})")
    on_files, problem = _form(function)
    if problem:
        form = "(source: Source, outputs: Path)" if on_files else "(body: bytes, content_type: str)"
        raise WrongProcessor(f"PROCESSOR is {name!r}; it must take {form} ({problem})")
    if on_files:
        return FILES, functools.partial(_on_files, name, function)
    return BYTES, functools.partial(_on_bytes, name, function)


def _form(function: Callable[..., Any]) -> tuple[bool, str]:
    """Whether it is one on files, and why it can't be called with two arguments, if so.

    Of a plain function this is told without `inspect`, which takes longer than the rest of this.
    """
    code = getattr(function, "__code__", None)
    if code is None:  # a class, an object that can be called, a function in C
        import inspect

        try:
            signature = inspect.signature(function)
            signature.bind(None, None)
        except TypeError as error:
            return False, str(error)
        except ValueError:  # it has none that can be told
            return False, ""
        return _is_source(next(iter(signature.parameters.values())).annotation), ""
    names = code.co_varnames[: code.co_argcount]
    on_files = bool(names) and _is_source(function.__annotations__.get(names[0]))
    needed = len(names) - len(getattr(function, "__defaults__", None) or ())
    by_name = code.co_kwonlyargcount - len(getattr(function, "__kwdefaults__", None) or ())
    takes_any = code.co_flags & 4  # CO_VARARGS
    if needed > 2 or by_name or (len(names) < 2 and not takes_any):
        return on_files, f"it takes {', '.join(code.co_varnames[: len(names)]) or 'nothing'}"
    return on_files, ""


def _is_source(annotation: object) -> bool:
    """Whether it is output.Source: the class, or its name where annotations are strings."""
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(name).rpartition(".")[2] == "Source"


def _on_bytes(name: str, function: Callable[..., Any], job: Job) -> dict[str, Any]:
    from processing.output import Output

    with open(job["source"]["path"], "rb") as file:  # noqa: PTH123, without pathlib
        body = file.read()
    given = function(body, job["source"]["content_type"])
    try:
        output = Output(*given)
        with open(f"{job['outputs']}/output", "wb") as file:  # noqa: PTH123
            file.write(output.body)
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
    from pathlib import Path

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
    import signal
    from pathlib import Path

    from processing import command

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
