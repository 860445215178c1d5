"""A bucket in memory behind the real store: what S3 would answer to LIST and HEAD."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote_plus

from processing.bucket import Bucket
from processing.calls import Calls
from processing.exchange import Exchange, Reply


class Kept(NamedTuple):
    modified: datetime
    version: str = "1"
    source_version: str | None = None
    """Of a result: the version of the upload that it is for."""


class ListedBucket(Bucket, Calls):
    """It answers its own calls. `page`: keys of a page, at most. `short`: pages may have fewer, or
    none, as S3's may. `entries`: what pages have of objects, by their keys, as far as it was made
    by another bucket of the same objects."""

    def __init__(
        self,
        objects: Mapping[str, Kept],
        page: int = 1000,
        short: random.Random | None = None,
        entries: dict[str, str] | None = None,
    ) -> None:
        self.name = self.bucket = "uploads"
        self._calls = self
        self.calls: Counter[str] = Counter()
        self.guesses: list[str] = []
        """Where pages were asked for that no page had named; the start of the listing, too."""
        self.cancelled = 0
        self._objects = objects
        self._keys = sorted(objects)
        self._page = page
        self._short = short
        self._entries = {} if entries is None else entries

    def begin(self, method: str, operation: str, key: str, *_: object, **more: object) -> Exchange:
        self.calls[operation] += 1
        query = more.get("query")
        return _Answer(self, self._listing_of(query) if query else self._head_of(key))

    def _head_of(self, key: str) -> Reply:
        kept = self._objects.get(key)
        if kept is None:
            return Reply(404, {}, b"")
        headers = {
            "etag": '"0"',
            "content-length": "1",
            "last-modified": f"{kept.modified:%a, %d %b %Y %H:%M:%S} GMT",
            "x-amz-version-id": kept.version,
        }
        if kept.source_version:
            headers["x-amz-meta-source-version"] = kept.source_version
        return Reply(200, headers, b"")

    def _listing_of(self, query: Mapping[str, str]) -> Reply:
        prefix, token = query["prefix"], query.get("continuation-token")
        start = self._keys[int(token)] if token else query.get("start-after", "")
        if start and not token:
            self.guesses.append(start)
        first = bisect_right(self._keys, max(start, prefix[:-1]))
        size = self._page
        if self._short and token and self._short.random() < 0.1:
            size = self._short.choice([0, 1, self._page // 2])
        keys = [key for key in self._keys[first : first + size] if key.startswith(prefix)]
        following = first + len(keys)
        more = following < len(self._keys) and self._keys[following].startswith(prefix)
        return Reply(200, {}, page_of(map(self._entry, keys), following - 1, more))

    def _entry(self, key: str) -> str:
        if key not in self._entries:
            self._entries[key] = (
                f"<Contents><Key>{quote_plus(key, safe='/*')}</Key>"
                f"<LastModified>{self._objects[key].modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                "<ETag>&quot;0&quot;</ETag></Contents>"
            )
        return self._entries[key]


def page_of(entries: Iterable[str], token: int, more: bool) -> bytes:
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        f"<NextContinuationToken>{token}</NextContinuationToken>{''.join(entries)}"
        "</ListBucketResult>"
    ).encode()


class _Answer(Exchange):
    """A reply that is there already."""

    def __init__(self, bucket: ListedBucket, reply: Reply) -> None:
        self._bucket, self._said = bucket, reply

    def reply(self) -> Reply:
        return self._said

    def cancel(self) -> None:
        self._bucket.cancelled += 1
