"""The container's entry point taken apart: one job in a fresh process, and what each part of it
takes.

    BEGAN=... S3_BUCKET=... S3_KEY=... python cold_start_probe.py

BEGAN is the time at which the process was started; the rest of the environment is the container's.
Prints the seconds of each part as JSON. Runs with the layer alone, so that it is a file of its own.
"""

# ruff: noqa: E402 - the imports are what is measured

import gc
import time

interpreted = time.time()
gc.disable()  # as the entry point does

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

from processing import settings

# As in the container: the runner imports the processor while this process imports its client.
chosen = settings.from_environment(os.environ)

from processing import __main__, events, exchange, job, supervisor
from processing.bucket import Bucket
from processing.objects import Object

gc.freeze()
gc.enable()
imported = time.time()
seconds = {
    "interpreter": interpreted - float(os.environ["BEGAN"]),
    "imports": imported - interpreted,
}


Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def timed(part: str, work: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """The same function, its time added to `part`."""

    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
        began = time.time()
        try:
            return work(*arguments, **named)
        finally:
            seconds[part] = seconds.get(part, 0) + time.time() - began

    return run


def heads(self: Bucket, keys: Iterable[str]) -> Iterator[Object | None]:
    """Waited for at once, and so in the time that they take."""
    return iter([*Bucket.heads(self, keys)])


class TimedBucket(Bucket):
    """The bucket, with a stopwatch."""

    heads = timed("look", heads)
    look = timed("fetch", Bucket.look)
    get_file = timed("fetch", Bucket.get_file)
    put_file = timed("store", Bucket.put_file)


assert __main__
bucket = timed("client", TimedBucket)(os.environ["S3_BUCKET"])
at = exchange.endpoint(bucket.name)
timed("client", exchange.client)(at.tls, at.gigabits)
upload = events.from_environment(os.environ)
assert isinstance(chosen.processor, supervisor.Supervisor)
timed("runner", chosen.processor.takes_bytes)()  # what is left of the import
supervisor.Supervisor.__call__ = timed(  # type: ignore[method-assign]
    "solve", supervisor.Supervisor.__call__
)
report = job.run(upload, bucket, chosen, log=lambda line: None)
assert report.outcome == "succeeded", report
seconds["rest"] = time.time() - float(os.environ["BEGAN"]) - sum(seconds.values())
print(json.dumps(seconds))
