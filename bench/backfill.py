"""How many jobs runs of the sweep start a second. S3, Lambda and ECS are simulated.

    PYTHONPATH=worker:functions/sweep python -m bench.backfill [--rate 50] [--runs 20]

No upload has a result. The calls to S3 take as long as they are told; those to Lambda and ECS are
real ones, by boto3, to a server on this machine: Invoke takes 50 ms, RunTask a second, and of those
a bucket of 100 tokens lets 20 a second through, as ECS's does (ECS API reference, "Request
throttling for the Amazon ECS API"). Several runs are a process each, over the ranges that
`make sweep` gives them; the server says whether any upload was started twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import multiprocessing
import os
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from plan import Plan
from processing import starters
from processing.settings import Settings
from progress import SHARE
from reconcile import Sweep

from tests.support.in_process import OnBytes
from tooling.usage import MakeParser, amount, count, positive

from .sweep import SimulatedBucket

INVOKE_SECONDS, RUN_TASK_SECONDS = 0.05, 1.0
TASKS_A_SECOND, TASKS_AT_ONCE = 20.0, 100.0
ENVIRONMENT = {
    "MODE": "lambda",
    "FUNCTION": "process",
    "CLUSTER": "uploads",
    "TASK_DEFINITION": "worker:1",
    "SUBNETS": "subnet-1",
    "SECURITY_GROUP": "sg-1",
    "PUBLIC_IP": "DISABLED",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


class Backlog(SimulatedBucket):
    """Uploads of which none has a result."""

    @staticmethod
    def _is_there(prefix: str, number: int) -> bool:
        return prefix == "input/"


class Engine:
    """Lambda and ECS, for as long as it takes."""

    def __init__(self) -> None:
        self._tokens, self._at = TASKS_AT_ONCE, time.monotonic()
        self._started: Counter[bytes] = Counter()

    async def serve(self, ready: Any) -> None:  # noqa: ANN401, a connection
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=1000)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
                status, body = await self._answer(head, await reader.readexactly(length))
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                )

    async def _answer(self, head: str, body: bytes) -> tuple[str, str]:
        if head.startswith("get /started"):
            return "200 OK", json.dumps([self._started.total(), len(self._started)])
        upload = re.findall(rb"input/[^\\\"]+", body)[0]
        if "runtask" not in head:
            self._started[upload] += 1
            await asyncio.sleep(INVOKE_SECONDS)
            return "202 Accepted", ""
        now = time.monotonic()
        self._tokens = min(TASKS_AT_ONCE, self._tokens + (now - self._at) * TASKS_A_SECOND)
        self._at = now
        if self._tokens < 1:
            return (
                "400 Bad Request",
                '{"__type": "ThrottlingException", "message": "Rate exceeded"}',
            )
        self._tokens -= 1
        self._started[upload] += 1
        await asyncio.sleep(RUN_TASK_SECONDS)
        return "200 OK", '{"failures": [], "tasks": [{"taskArn": "a task"}]}'


def _engine(ready: Any) -> None:  # noqa: ANN401, a connection
    asyncio.run(Engine().serve(ready))


@contextlib.contextmanager
def engine() -> Iterator[str]:
    """In a process of its own, so that its work is not the sweep's; gives its address."""
    ready, told = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_engine, args=(told,))
    process.start()
    try:
        yield f"http://127.0.0.1:{ready.recv()}"
    finally:
        process.terminate()


def backfill(
    mode: str, rate: float, latency: float, seconds: float, runs: int = 1
) -> dict[str, float]:
    """What so many runs do in so many seconds, each at this rate."""
    bucket = Backlog(1_000_000 if runs == 1 else runs * SHARE, latency)
    spawn = multiprocessing.get_context("spawn")
    with engine() as address:
        os.environ.update(ENVIRONMENT | {"MODE": mode, "AWS_ENDPOINT_URL": address})
        if runs == 1:
            found = [one_run(bucket, rate, seconds, "", None)]
        else:
            begin = spawn.Barrier(runs)
            with spawn.Pool(runs, begin_together, [begin]) as pool:
                asked = [(bucket, rate, seconds, *names) for names in ranges(bucket, runs)]
                found = pool.starmap(one_run, asked, chunksize=1)
        with urllib.request.urlopen(f"{address}/started", timeout=60) as reply:
            starts, uploads = json.load(reply)
    started = sum(each["started"] for each in found)
    return {
        "started": started,
        "not_started": sum(each["not_started"] for each in found),
        "seconds": max(each["seconds"] for each in found),
        "processor": sum(each["processor"] for each in found) / max(1, started),
        "twice": starts - uploads,
    }


def ranges(bucket: Backlog, runs: int) -> list[tuple[str, str | None]]:
    """As `make sweep` has them: a count tells where so many uploads end."""
    counts = Plan(timedelta(minutes=30), max_attempts=3, rate=1, counts=True)
    counted = Backlog(bucket.uploads)
    shares = (
        Sweep(counted, _settings(), starters.by_mode(os.environ), counts)
        .run(datetime.now(UTC))
        .shares
    )
    ends: list[str | None] = [*shares[: runs - 1], None]
    return list(zip(["", *shares], ends, strict=False))


_begin: list[Any] = []
"""In a process of one run of several: what all wait at."""


def begin_together(begin: Any) -> None:  # noqa: ANN401, a Barrier
    _begin.append(begin)


def one_run(
    bucket: Backlog, rate: float, seconds: float, after: str, until: str | None
) -> dict[str, float]:
    choose = starters.by_mode(os.environ)
    for begin in _begin:
        begin.wait()
    plan = Plan(
        timedelta(minutes=30),
        max_attempts=3,
        rate=rate,
        after=after,
        until=until,
        ends=time.monotonic() + seconds,
    )
    used, began = time.process_time(), time.perf_counter()
    outcomes = Sweep(bucket, _settings(), choose, plan).run(datetime.now(UTC)).outcomes
    return {
        "started": outcomes["started"],
        "not_started": outcomes["not_started"],
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - used,
    }


def _settings() -> Settings:
    return Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))


def main(arguments: list[str] | None = None) -> int:
    usage = "[MODE=fargate] [RATE=50] [LATENCY_MS=150] [RUNS=20]"
    parser = MakeParser("bench-backfill", usage, "time the sweep's starts")
    parser.add_argument("--mode", choices=["lambda", "fargate"], default="lambda")
    parser.add_argument(
        "--rate", type=positive, default=math.inf, help="starts a second of one run"
    )
    parser.add_argument("--latency-ms", type=amount, default=150, help="of each call to S3")
    parser.add_argument("--seconds", type=positive, default=20)
    parser.add_argument("--runs", type=count, default=1, help="side by side")
    wish = parser.parse_args(arguments)
    found = backfill(wish.mode, wish.rate, wish.latency_ms / 1000, wish.seconds, wish.runs)
    print(
        f"{found['started']:,} started, {found['twice']} of them twice,"
        f" {found['not_started']} refused for good, "
        f"in {found['seconds']:.1f} s: {found['started'] / found['seconds']:.1f} a second; "
        f"{1000 * found['processor']:.2f} ms of a processor each"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
