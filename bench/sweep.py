"""How fast the sweep goes through a large bucket, and in how much memory. S3 is simulated.

    PYTHONPATH=worker:functions/sweep python -m bench.sweep [UPLOADS] [--latency-ms 150]

The simulation gives the pages of XML that S3 would give, each call after so long as it would take:
without that, what is measured is the sweep itself. One upload in a hundred has no result, one in
fifty is rejected; nothing is started.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from processing import records
from processing.events import Upload
from processing.exchange import Exchange, Reply
from processing.settings import Settings
from processing.store import Bucket
from reconcile import Plan, Sweep

from tests.support.in_process import OnBytes
from tooling.usage import MakeParser

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


class SimulatedBucket(Bucket):
    """Keys by their numbers, at the one seam where store.Bucket calls S3."""

    def __init__(self, uploads: int, latency: float = 0) -> None:
        self.name = "simulated"
        self.uploads = uploads
        self.latency = latency
        """Seconds of each call."""
        self.calls: Counter[str] = Counter()

    def _begin(
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
            page = self._page(query["prefix"], int(query.get("continuation-token", 0)))
            reply = Reply(200, {}, page)
        else:  # nothing was started: there is no record of it
            missing = key.startswith(records.PREFIX)
            reply = Reply(404, {}, b"") if missing else Reply(200, HEADERS, b"")
        return Simulated(reply, self.latency)

    def _page(self, prefix: str, start: int) -> bytes:
        """A thousand of the prefix's keys, from a number on."""
        end = min(self.uploads, start + PAGE * STEPS[prefix])
        suffix = ".json" if prefix == "rejected/" else ""
        modified = UPLOADED if prefix == "input/" else UPLOADED + timedelta(hours=1)
        entries = (
            f"<Contents><Key>{prefix}2026%2Fpicture-{number:09}.png{suffix}</Key>"
            f"<LastModified>{modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1</Size></Contents>"
            for number in range(start, end, STEPS[prefix])
            if self._is_there(prefix, number)
        )
        more = "true" if end < self.uploads else "false"
        return (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{more}</IsTruncated><NextContinuationToken>{end}</NextContinuationToken>"
            f"{''.join(entries)}</ListBucketResult>"
        ).encode()

    @staticmethod
    def _is_there(prefix: str, number: int) -> bool:
        """Succeeded: neither rejected nor without a result."""
        return prefix != "output/" or (number % 50 != 0 and number % 100 != 1)


class Swept(NamedTuple):
    """What a sweep took."""

    outcomes: dict[str, int]
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


def sweep(uploads: int, latency: float = 0) -> Swept:
    """A dry run over so many, with calls that take so many seconds."""
    bucket = SimulatedBucket(uploads, latency)
    plan = Plan(timedelta(minutes=30), max_attempts=3, rate=10, dry_run=True)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    before, used, began = highest(), time.process_time(), time.perf_counter()
    progress = Sweep(bucket, settings, lambda *_: Nothing(), plan).run(datetime.now(UTC))
    seconds, peak = time.perf_counter() - began, highest()
    return Swept(
        dict(progress.outcomes),
        dict(bucket.calls),
        seconds,
        time.process_time() - used,
        peak / 2**20,
        (peak - before) / 2**20,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = MakeParser("bench-sweep", "[UPLOADS=1000000] [LATENCY_MS=0]", "time the sweep")
    parser.add_argument("uploads", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--latency-ms", type=float, default=0, help="of each call to S3")
    wish = parser.parse_args(arguments)
    uploads = wish.uploads
    found = sweep(uploads, wish.latency_ms / 1000)
    print(
        f"{uploads:,} uploads in {found.seconds:.1f} s: {uploads / found.seconds:,.0f} a second\n"
        f"{found.processor:.1f} s of the processor; at {SHARE} of one, as the function has it, "
        f"{found.processor / SHARE:.1f} s\n"
        f"{found.outcomes}\n"
        f"{found.calls['ListObjectsV2']:,} LIST and {found.calls['HeadObject']:,} HEAD calls\n"
        f"peak memory {found.peak_mib:.0f} MiB, "
        f"of which {found.grown_mib:.0f} MiB since the sweep began"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
