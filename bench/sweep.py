"""How fast the sweep goes through a large bucket, and in how much memory. S3 is simulated.

    PYTHONPATH=worker:functions/sweep python -m bench.sweep [UPLOADS]

The simulation gives the pages of XML that S3 would give, without its time: what is measured is the
sweep itself. One upload in a hundred has no result, one in fifty is rejected; nothing is started.
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
from processing.exchange import Reply
from processing.settings import Settings
from processing.store import Bucket
from reconcile import Plan, Sweep

from tests.support.in_process import OnBytes
from tooling.usage import MakeParser

from .peak import highest

PAGE = 1000
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)
HEADERS = {
    "x-amz-version-id": "1",
    "etag": '"0"',
    "content-length": "1",
    "last-modified": f"{UPLOADED:%a, %d %b %Y %H:%M:%S} GMT",
}
STEPS = {"input/": 1, "output/": 1, "rejected/": 50}
"""Every how many-th upload has an object under the prefix."""


class SimulatedBucket(Bucket):
    """Keys by their numbers, at the one seam where store.Bucket calls S3."""

    def __init__(self, uploads: int) -> None:
        self.name = "simulated"
        self.uploads = uploads
        self.calls: Counter[str] = Counter()

    def _call(
        self,
        method: str,
        operation: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        into: Path | None = None,
    ) -> Reply:
        self.calls[operation] += 1
        if query is None:  # nothing was started: there is no record of it
            missing = key.startswith(records.PREFIX)
            return Reply(404, {}, b"") if missing else Reply(200, HEADERS, b"")
        page = self._page(query["prefix"], int(query.get("continuation-token", 0)))
        return Reply(200, {}, page)

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
    peak_mib: float
    """Of the process, all its life."""
    grown_mib: float
    """Of it, since the sweep began."""


class Nothing:
    """What a dry run would start jobs by."""

    def start(self, upload: Upload, job_version: str | None = None) -> None:
        raise AssertionError(upload)


def sweep(uploads: int) -> Swept:
    """A dry run over so many."""
    bucket = SimulatedBucket(uploads)
    plan = Plan(timedelta(minutes=30), max_attempts=3, rate=10, dry_run=True)
    settings = Settings(processor=OnBytes(lambda body, content_type: (body, content_type)))
    before, began = highest(), time.perf_counter()
    progress = Sweep(bucket, settings, lambda *_: Nothing(), plan).run(datetime.now(UTC))
    seconds, peak = time.perf_counter() - began, highest()
    return Swept(
        dict(progress.outcomes),
        dict(bucket.calls),
        seconds,
        peak / 2**20,
        (peak - before) / 2**20,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = MakeParser("bench-sweep", "[UPLOADS=1000000]", "time the sweep")
    parser.add_argument("uploads", nargs="?", type=int, default=1_000_000)
    uploads = parser.parse_args(arguments).uploads
    found = sweep(uploads)
    print(
        f"{uploads:,} uploads in {found.seconds:.1f} s: {uploads / found.seconds:,.0f} a second\n"
        f"{found.outcomes}\n"
        f"{found.calls['ListObjectsV2']:,} LIST and {found.calls['HeadObject']:,} HEAD calls\n"
        f"peak memory {found.peak_mib:.0f} MiB, "
        f"of which {found.grown_mib:.0f} MiB since the sweep began"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
