"""A bucket of S3: what a job and the sweep ask of it, and what the replies mean."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import unquote_plus

from awscrt.checksums import crc32

from . import listings
from .calls import Calls, code_of, message_of
from .errors import Conflict, Rejected, StoreError
from .exchange import FEW, Exchange, Reply
from .objects import SMALL, Listed, Object, fits
from .output import File

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AT_ONCE = 16
"""Files on their way to S3: small ones wait for replies more than for the network."""

_DELETED_TOGETHER = 1000
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NO_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML has no way to write, and a key may have."""
_ENTITIES = {ord(each): f"&#{ord(each)};" for each in "\t\n\r"}

ARCHIVED = (
    "it is archived, so it can't be read at once: restore it and copy it onto itself, or upload it "
    "again, in a storage class that can be read at once"
)
OWN_KEY = (
    "it is encrypted with a key that only its uploader has (SSE-C): upload it again without one"
)

_CONTENT_TYPE = re.compile("[ -~]{1,255}")


class Bucket:
    """A bucket, with versions or without."""

    def __init__(self, name: str, gigabits: int = FEW) -> None:
        """`gigabits`: exchange.MANY for many requests at once."""
        self.name = name
        self._calls = Calls(name, gigabits)

    def now(self) -> datetime:
        """By the clock that requests are signed with."""
        return datetime.now(UTC)

    def head(self, key: str) -> Object | None:
        """The current version of a key; None where there is none."""
        return next(self.heads([key]))

    def heads(self, keys: Iterable[str]) -> Iterator[Object | None]:
        """The same of several keys, side by side: asked for now, and waited for when taken."""
        begun = [(key, self._begin_head(key)) for key in keys]
        return (self._object(key, exchange) if exchange else None for key, exchange in begun)

    def _begin_head(self, key: str) -> Exchange | None:
        if not fits(key):  # S3 would return 400
            return None
        return self._calls.begin("HEAD", "HeadObject", key)

    def _object(self, key: str, exchange: Exchange) -> Object | None:
        status, headers, _ = self._calls.readable(exchange, "HEAD", "HeadObject", key)
        if status == 404:
            return None
        if status != 200:
            return self._without_head(key, status)
        return _described(key, headers, int(headers["content-length"]))

    def _without_head(self, key: str, status: int) -> Object | None:
        """What HEAD refused, without a word, for its responses have no body: GET says why.

        Of an object with a key of its uploader's (SSE-C), S3 tells only a list which version it is.
        """
        got, _, body = self._calls.call("GET", "GetObject", key, {"Range": "bytes=0-0"})
        if not _has_own_key(got, body):
            raise self._calls.refused("HeadObject", key, status, body if got == status else b"")
        query = {"versions": "", "encoding-type": "url", "prefix": key, "max-keys": "1"}
        status, _, body = self._calls.call("GET", "ListObjectVersions", "", query=query)
        if status != 200:
            raise self._calls.refused("ListBucketVersions", key, status, body)
        page, space = listings.page_of(body, "ListVersionsResult")
        for each in page.iterfind(f"{space}Version"):  # the newest one, unless it was deleted
            if unquote_plus(each.findtext(f"{space}Key", "")) == key:
                etag = each.findtext(f"{space}ETag", "")
                return Object(
                    key=key,
                    version=_identity(each.findtext(f"{space}VersionId"), etag),
                    etag=etag,
                    size=int(each.findtext(f"{space}Size", "0")),
                    content_type="application/octet-stream",
                    metadata={},
                    modified=datetime.fromisoformat(each.findtext(f"{space}LastModified", "")),
                    barrier=OWN_KEY,
                )
        return None

    def look(self, key: str) -> Object | None:
        """The same as `head`, with the content of a small one: GET of its beginning says all."""
        if not fits(key):
            return None
        beginning = {"Range": f"bytes=0-{SMALL - 1}"}
        status, headers, body = self._calls.call("GET", "GetObject", key, beginning)
        if status == 404:
            return None
        if status != 206:  # it is archived, or empty, and HEAD finds it; or that says why not
            return self.head(key)
        size = int(headers["content-range"].rpartition("/")[2])
        return _described(key, headers, size, body if len(body) == size else None)

    def get(self, seen: Object) -> bytes:
        """The content of the version seen.

        Raises Conflict when it is no longer the current one, Rejected when it can't be read as it
        is.
        """
        return self._read(seen)

    def get_file(self, seen: Object, path: Path) -> None:
        """The same into a file, in constant memory."""
        if seen.size:
            self._read(seen, path)
        else:  # the runtime asks for ranges, and nothing has none
            path.write_bytes(self._read(seen))

    def _read(self, seen: Object, into: Path | None = None) -> bytes:
        condition = {"If-Match": seen.etag}
        status, headers, body = self._calls.call("GET", "GetObject", seen.key, condition, into=into)
        if status in (404, 412, 416):  # 416: there is less than was seen
            raise Conflict("GetObject", self.name, seen.key)
        if status not in (200, 206):
            if code_of(body) == "InvalidObjectState":
                raise Rejected(ARCHIVED)
            raise self._calls.refused("GetObject", seen.key, status, body)
        version = _identity(headers.get("x-amz-version-id"), headers.get("etag", seen.etag))
        if version != seen.version:  # the same bytes, uploaded again
            raise Conflict("GetObject", self.name, seen.key)
        return body

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        metadata: Mapping[str, str],
        replaces: Object | None,
    ) -> None:
        """Write an object in place of the version seen (None: of nothing), else raise Conflict."""
        headers = {
            **_description(content_type, metadata),
            **_condition(replaces),
            "x-amz-checksum-crc32": _checksum(body),
        }
        self._written(key, self._calls.call("PUT", "PutObject", key, headers, body))

    def put_file(
        self, key: str, file: File, metadata: Mapping[str, str], replaces: Object | None
    ) -> None:
        """The same of a file of any size, in constant memory."""
        headers = _description(file.content_type, metadata) | _condition(replaces)
        self._written(key, self._calls.reply(self._send(key, file, headers), "PutObject", key))

    def add_files(self, files: Sequence[tuple[str, File]]) -> list[str]:
        """Write files, several at a time, at keys that nobody else writes; gives their ETags.

        Without conditions: a try whose reply was lost would refuse the next one.
        """
        etags: list[str] = []
        under_way: deque[tuple[str, Exchange]] = deque()
        try:
            for key, file in files:
                if len(under_way) == _AT_ONCE:
                    etags.append(self._added(*under_way.popleft()))
                headers = _description(file.content_type, {})
                under_way.append((key, self._send(key, file, headers)))
            while under_way:
                etags.append(self._added(*under_way.popleft()))
        finally:
            for _, exchange in under_way:  # none, unless one failed
                exchange.cancel()
        return etags

    def _added(self, key: str, exchange: Exchange) -> str:
        return self._written(key, self._calls.reply(exchange, "PutObject", key))

    def _send(self, key: str, file: File, headers: Mapping[str, str]) -> Exchange:
        size = {"Content-Length": str(file.size)}
        return self._calls.begin("PUT", "PutObject", key, {**headers, **size}, source=file.path)

    def _written(self, key: str, reply: Reply) -> str:
        """The ETag of what was written. Raises Conflict when its condition does not hold."""
        # 412: the condition is false; 409: another conditional write won; 404: the object to
        # replace was deleted, or the upload in parts is over, by a try whose reply was lost.
        if reply.status in (404, 409, 412):
            raise Conflict("PutObject", self.name, key)
        if reply.status != 200:
            raise self._calls.refused("PutObject", key, reply.status, reply.body)
        return reply.headers.get("etag", "")

    def delete(self, seen: Object) -> None:
        """Remove what was seen, else raise Conflict; a bucket with versions keeps it, unseen."""
        status, _, reply = self._calls.call(
            "DELETE", "DeleteObject", seen.key, {"If-Match": seen.etag}
        )
        if status in (409, 412):
            raise Conflict("DeleteObject", self.name, seen.key)
        if status not in (204, 404):
            raise self._calls.refused("DeleteObject", seen.key, status, reply)

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove what is at these keys from sight, whatever it is.

        Raises StoreError for the first one that could not be removed, after the others were.
        """
        problems: list[StoreError] = []
        rest = iter(keys)
        while batch := list(islice(rest, _DELETED_TOGETHER)):
            problems += self._delete_together([key for key in batch if not _NO_XML.search(key)])
            for key in filter(_NO_XML.search, batch):
                status, _, reply = self._calls.call("DELETE", "DeleteObject", key)
                if status not in (204, 404):
                    problems.append(self._calls.refused("DeleteObject", key, status, reply))
        if problems:
            raise problems[0]

    def _delete_together(self, keys: Sequence[str]) -> Iterator[StoreError]:
        if not keys:
            return
        from html import escape  # it takes some milliseconds, which most jobs need not pay

        written = (escape(key).translate(_ENTITIES) for key in keys)
        named = "".join(f"<Object><Key>{key}</Key></Object>" for key in written)
        body = f'<Delete xmlns="{_NAMESPACE}"><Quiet>true</Quiet>{named}</Delete>'.encode()
        headers = {"Content-Type": "application/xml", "x-amz-checksum-crc32": _checksum(body)}
        status, _, reply = self._calls.call(
            "POST", "DeleteObjects", "", headers, body, {"delete": ""}
        )
        if status != 200:
            yield self._calls.refused("DeleteObjects", keys[0], status, reply)
            return
        page, space = listings.page_of(reply, "DeleteResult")
        for each in page.iterfind(f"{space}Error"):  # a reply of 200 may have some
            code, said = (each.findtext(f"{space}{name}", "") for name in ("Code", "Message"))
            key = each.findtext(f"{space}Key", "")
            yield StoreError("DeleteObjects", self.name, key, f"{code}: {said}")

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        return listings.objects(self._calls, prefix, after)

    def folders(self, prefix: str, mark: str, after: str = "") -> Iterator[str]:
        return listings.folders(self._calls, prefix, mark, after)


def _described(
    key: str, headers: Mapping[str, str], size: int, content: bytes | None = None
) -> Object:
    meta = "x-amz-meta-"
    return Object(
        key=key,
        version=_identity(headers.get("x-amz-version-id"), headers["etag"]),
        etag=headers["etag"],
        size=size,
        content_type=headers.get("content-type", "application/octet-stream"),
        metadata={k.removeprefix(meta): v for k, v in headers.items() if k.startswith(meta)},
        modified=_http_time(headers["last-modified"]),
        content=content,
    )


def _has_own_key(status: int, body: bytes) -> bool:
    """Whether S3 wants the key that an object was encrypted with (SSE-C)."""
    said = message_of(body)
    return status == 400 and code_of(body) == "InvalidRequest" and "Server Side Encryption" in said


def _checksum(body: bytes) -> str:
    return b64encode(crc32(body).to_bytes(4, "big")).decode()


def _identity(version: str | None, etag: str) -> str:
    """What tells an upload from all others at its key: its version, or, without one, its ETag.

    A bucket whose versioning is suspended calls what is new "null", and so does one that is enabled
    what was there before.
    """
    return version if version and version != "null" else "etag:" + etag.strip('"')


def _condition(replaces: Object | None) -> dict[str, str]:
    return {"If-Match": replaces.etag} if replaces else {"If-None-Match": "*"}


def _description(content_type: str, metadata: Mapping[str, str]) -> dict[str, str]:
    usable = _CONTENT_TYPE.fullmatch(content_type)
    return {
        **{f"x-amz-meta-{name}": value for name, value in metadata.items()},
        "Content-Type": content_type if usable else "application/octet-stream",
    }


def _http_time(text: str) -> datetime:
    """An HTTP date (RFC 9110, section 5.6.7); the library's parsers take long to import."""
    _, day, month, year, clock, _ = text.split()
    hour, minute, second = map(int, clock.split(":"))
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
