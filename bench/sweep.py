"""How fast the sweep goes through a large bucket, and in how much memory. S3 is simulated.

    PYTHONPATH=worker:functions/sweep python -m bench.sweep [UPLOADS] [--latency-ms 150] [--hashes]

The simulation gives the pages of XML that S3 would give, each call after so long as it would take:
without that, what is measured is the sweep itself. One upload in a hundred has no result, one in
fifty is rejected; nothing is started. Time may be bounded, as the function's is; then as many runs
are made as it takes, each from where the last one stopped.
"""

from __future__ import annotations

import math
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from plan import Plan
from processing import records
from processing.bucket import Bucket
from processing.calls import Calls
from processing.events import Upload
from processing.exchange import Exchange, Reply
from processing.settings import Settings
from reconcile import Sweep

from tests.support.in_process import OnBytes
from tooling.usage import MakeParser, amount, count, positive

from .peak import highest

PAGE = 1000
SHARE = 0.58
"""Of one processor: what Lambda gives 1,024 of 1,769 MB."""
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)
HEADERS = {
    "x-amz-version-id": "1",
    "etag": '"0"',
    "content-length": "1",
    "last-modified": f"{UPLOADED:%a, %d %b %Y %H:%M:%S} GMT",
}
STEPS = {"input/": 1, "output/": 1, "rejected/": 50}
"""Every how many-th upload has an object under the prefix."""


class Simulated(Exchange):
    """A request that is under way for a while."""

    def __init__(self, reply: Reply, latency: float) -> None:
        self._reply, self._there = reply, time.monotonic() + latency

    def reply(self) -> Reply:
        time.sleep(max(0.0, self._there - time.monotonic()))
        return self._reply

    def cancel(self) -> None:
        pass


class SimulatedBucket(Bucket, Calls):
    """Keys by their numbers; it answers its own calls."""

    def __init__(self, uploads: int, latency: float = 0, hashes: bool = False) -> None:
        self.name = self.bucket = "simulated"
        self._calls = self
        self.uploads = uploads
        self.latency = latency
        """Seconds of each call."""
        self.hashes = hashes
        """Names with the digits of one, and not with their numbers."""
        self.calls: Counter[str] = Counter()

    def begin(
        self,
        method: str,
        operation: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        source: Path | None = None,
        into: Path | None = None,
    ) -> Simulated:
        self.calls[operation] += 1
        if query:
            start = query.get("continuation-token") or query.get("start-after", "")
            page = self._page(query["prefix"], start)
            reply = Reply(200, {}, page)
        else:  # nothing was started: there is no record of it
            missing = method != "PUT" and key.startswith(records.PREFIX)
            reply = Reply(404, {}, b"") if missing else Reply(200, HEADERS, b"")
        return Simulated(reply, self.latency)

    def _page(self, prefix: str, start: str) -> bytes:
        """A thousand of the prefix's keys, after this one."""
        step = STEPS[prefix]
        suffix = ".json" if prefix == "rejected/" else ""

        def key(number: int) -> str:
            return f"{prefix}2026/picture-{self._digits(number)}.png{suffix}"

        first = step * bisect_right(range(0, self.uploads, step), start, key=key)
        numbers = range(first, min(self.uploads, first + PAGE * step), step)
        keys = [key(number) for number in numbers if self._is_there(prefix, number)]
        modified = UPLOADED if prefix == "input/" else UPLOADED + timedelta(hours=1)
        rest = (
            f"</Key><LastModified>{modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size></Contents>"
        )
        more = "true" if numbers.stop < self.uploads else "false"
        token = f"<NextContinuationToken>{key(numbers[-1])}</NextContinuationToken>" if keys else ""
        return (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{more}</IsTruncated>{token}"
            f"{''.join(f'<Contents><Key>{each}{rest}' for each in keys)}</ListBucketResult>"
        ).encode()

    def _digits(self, number: int) -> str:
        """In order; those of a hash are as far apart as it happens."""
        if not self.hashes:
            return f"{number:09}"
        apart = 2**64 // self.uploads
        return f"{number * apart + number * 0x9E3779B97F4A7C15 % apart:016x}"

    @staticmethod
    def _is_there(prefix: str, number: int) -> bool:
        """Succeeded: neither rejected nor without a result."""
        return prefix != "output/" or (number % 50 != 0 and number % 100 != 1)


class Swept(NamedTuple):
    """What a sweep took."""

    outcomes: dict[str, int]
    runs: list[int]
    """How many uploads each one came to."""
    calls: dict[str, int]
    seconds: float
    processor: float
    """Seconds of it."""
    peak_mib: float
    """Of the process, all its life."""
    grown_mib: float
    """Of it, since the sweep began."""


class Nothing:
    """What a dry run would start jobs by."""

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        raise AssertionError(upload)


def sweep(
    uploads: int, latency: float = 0, hashes: bool = False, seconds: float = math.inf
) -> Swept:
    """A dry run over so many, with calls that take so many seconds; as often as it takes."""
    bucket = SimulatedBucket(uploads, latency, hashes)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    outcomes, runs = Counter[str](), list[int]()
    after: str | None = ""
    before, used, began = highest(), time.process_time(), time.perf_counter()
    while after is not None:
        ends = time.monotonic() + seconds
        plan = Plan(
            timedelta(minutes=30), max_attempts=3, rate=10, dry_run=True, after=after, ends=ends
        )
        progress = Sweep(bucket, settings, lambda *_: Nothing(), plan).run(datetime.now(UTC))
        outcomes += progress.outcomes
        runs.append(progress.outcomes.total())
        after = progress.after
    took, peak = time.perf_counter() - began, highest()
    return Swept(
        dict(outcomes),
        runs,
        dict(bucket.calls),
        took,
        time.process_time() - used,
        peak / 2**20,
        (peak - before) / 2**20,
    )


def main(arguments: list[str] | None = None) -> int:
    usage = "[UPLOADS=1000000] [LATENCY_MS=0] [HASHES=1] [RUN_SECONDS=840]"
    parser = MakeParser("bench-sweep", usage, "time the sweep")
    parser.add_argument("uploads", nargs="?", type=count, default=1_000_000)
    parser.add_argument("--latency-ms", type=amount, default=0, help="of each call to S3")
    parser.add_argument("--hashes", action="store_true", help="names as random as a hash")
    parser.add_argument("--run-seconds", type=positive, default=math.inf, help="that one may take")
    wish = parser.parse_args(arguments)
    uploads = wish.uploads
    found = sweep(uploads, wish.latency_ms / 1000, wish.hashes, wish.run_seconds)
    runs = " + ".join(f"{each:,}" for each in found.runs)
    print(
        f"{uploads:,} uploads in {found.seconds:.1f} s: {uploads / found.seconds:,.0f} a second\n"
        f"{found.processor:.1f} s of the processor; at {SHARE} of one, as the function has it, "
        f"{found.processor / SHARE:.1f} s\n"
        f"{len(found.runs)} runs: {runs}\n"
        f"{found.outcomes}\n"
        f"{found.calls['ListObjectsV2']:,} LIST and {found.calls['HeadObject']:,} HEAD calls\n"
        f"peak memory {found.peak_mib:.0f} MiB, "
        f"of which {found.grown_mib:.0f} MiB since the sweep began"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
