"""The only module that knows what S3's operations are called and what its replies mean.

The calls of a job, which may be of bytes or of files of any size, and the listing of the sweep.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

from awscrt.checksums import crc32
from awscrt.http import HttpHeaders

from .errors import Conflict, Rejected, StoreError
from .exchange import FEW, Exchange, NoReply, Reply, endpoint
from .objects import LONGEST_KEY, Listed, Object, cut, fits
from .output import File
from .pages import Entry, Page, Pages

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

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
_OTHER_HEADERS = {
    "response-content-type": "application/octet-stream",
    "response-content-disposition": "inline",
    "response-content-encoding": "identity",
    "response-content-language": "en",
    "response-cache-control": "no-cache",
    "response-expires": "0",
}
"""What S3 returns in place of the headers that an uploader chose freely (GetObject, HeadObject)."""


class _Listing(NamedTuple, Generic[Entry]):
    """A page of a listing that is on its way."""

    cancel: Callable[[], None]
    page: Callable[[], Page[Entry]]


class Bucket:
    """A bucket, with versions or without."""

    def __init__(self, name: str, gigabits: int = FEW) -> None:
        """`gigabits`: exchange.MANY for many requests at once."""
        self.name = name
        self._endpoint = endpoint(name, gigabits)

    def now(self) -> datetime:
        """By the clock that requests are signed with."""
        return datetime.now(UTC)

    def head(self, key: str) -> Object | None:
        """The current version of a key; None where there is none."""
        return self.heads([key])[0]

    def heads(self, keys: Iterable[str]) -> list[Object | None]:
        """The same of several keys, side by side."""
        begun = [(key, self._begin_head(key)) for key in keys]
        return [self._object(key, exchange) if exchange else None for key, exchange in begun]

    def _begin_head(self, key: str) -> Exchange | None:
        if not fits(key):  # S3 would return 400
            return None
        return self._begin("HEAD", "HeadObject", key)

    def _object(self, key: str, exchange: Exchange) -> Object | None:
        status, headers, _ = self._readable(exchange, "HEAD", "HeadObject", key)
        if status == 404:
            return None
        if status != 200:
            return self._without_head(key, status)
        meta = "x-amz-meta-"
        return Object(
            key=key,
            version=_identity(headers.get("x-amz-version-id"), headers["etag"]),
            etag=headers["etag"],
            size=int(headers["content-length"]),
            content_type=headers.get("content-type", "application/octet-stream"),
            metadata={k.removeprefix(meta): v for k, v in headers.items() if k.startswith(meta)},
            modified=_http_time(headers["last-modified"]),
        )

    def _without_head(self, key: str, status: int) -> Object | None:
        """What HEAD refused, without a word, for its responses have no body: GET says why.

        Of an object with a key of its uploader's (SSE-C), S3 tells only a list which version it is.
        """
        got, _, body = self._call("GET", "GetObject", key, {"Range": "bytes=0-0"})
        if not _has_own_key(got, body):
            raise self._refused("HeadObject", key, status, body if got == status else b"")
        query = {"versions": "", "encoding-type": "url", "prefix": key, "max-keys": "1"}
        status, _, body = self._call("GET", "ListObjectVersions", "", query=query)
        if status != 200:
            raise self._refused("ListBucketVersions", key, status, body)
        page, space = _page(body, "ListVersionsResult")
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
        status, headers, body = self._call("GET", "GetObject", seen.key, condition, into=into)
        if status in (404, 412, 416):  # 416: there is less than was seen
            raise Conflict("GetObject", self.name, seen.key)
        if status not in (200, 206):
            if _code(body) == "InvalidObjectState":
                raise Rejected(ARCHIVED)
            raise self._refused("GetObject", seen.key, status, body)
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
        self._written(key, self._call("PUT", "PutObject", key, headers, body))

    def put_file(
        self, key: str, file: File, metadata: Mapping[str, str], replaces: Object | None
    ) -> None:
        """The same of a file of any size, in constant memory."""
        headers = _description(file.content_type, metadata) | _condition(replaces)
        self._written(key, self._reply(self._send(key, file, headers), "PutObject", key))

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
        return self._written(key, self._reply(exchange, "PutObject", key))

    def _send(self, key: str, file: File, headers: Mapping[str, str]) -> Exchange:
        size = {"Content-Length": str(file.size)}
        return self._begin("PUT", "PutObject", key, {**headers, **size}, source=file.path)

    def _written(self, key: str, reply: Reply) -> str:
        """The ETag of what was written. Raises Conflict when its condition does not hold."""
        # 412: the condition is false; 409: another conditional write won; 404: the object to
        # replace was deleted, or the upload in parts is over, by a try whose reply was lost.
        if reply.status in (404, 409, 412):
            raise Conflict("PutObject", self.name, key)
        if reply.status != 200:
            raise self._refused("PutObject", key, reply.status, reply.body)
        return reply.headers.get("etag", "")

    def delete(self, seen: Object) -> None:
        """Remove what was seen, else raise Conflict; a bucket with versions keeps it, unseen."""
        status, _, reply = self._call("DELETE", "DeleteObject", seen.key, {"If-Match": seen.etag})
        if status in (409, 412):
            raise Conflict("DeleteObject", self.name, seen.key)
        if status not in (204, 404):
            raise self._refused("DeleteObject", seen.key, status, reply)

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove what is at these keys from sight, whatever it is.

        Raises StoreError for the first one that could not be removed, after the others were.
        """
        problems: list[StoreError] = []
        rest = iter(keys)
        while batch := list(islice(rest, _DELETED_TOGETHER)):
            problems += self._delete_together([key for key in batch if not _NO_XML.search(key)])
            for key in filter(_NO_XML.search, batch):
                status, _, reply = self._call("DELETE", "DeleteObject", key)
                if status not in (204, 404):
                    problems.append(self._refused("DeleteObject", key, status, reply))
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
        status, _, reply = self._call("POST", "DeleteObjects", "", headers, body, {"delete": ""})
        if status != 200:
            yield self._refused("DeleteObjects", keys[0], status, reply)
            return
        page, space = _page(reply, "DeleteResult")
        for each in page.iterfind(f"{space}Error"):  # a reply of 200 may have some
            code, said = (each.findtext(f"{space}{name}", "") for name in ("Code", "Message"))
            key = each.findtext(f"{space}Key", "")
            yield StoreError("DeleteObjects", self.name, key, f"{code}: {said}")

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """The current objects whose keys start with the prefix and come after `after`.

        In the order of the keys' code points; one call for each 1,000.
        """
        return iter(Pages(partial(self._listed, prefix), prefix, after))

    def folders(self, prefix: str, mark: str, after: str = "") -> Iterator[str]:
        """What such keys start with up to the first `mark` after the prefix: each once, in order.

        One call for each 1,000 of these, however many objects they have.
        """
        for (folder,) in Pages(partial(self._rolled_up, prefix, mark), prefix, after, ahead=0):
            yield folder

    def _listed(self, prefix: str, start: str, token: str) -> _Listing[Listed]:
        return self._list(_objects, prefix, start, token)

    def _rolled_up(self, prefix: str, mark: str, start: str, token: str) -> _Listing[tuple[str]]:
        return self._list(_common_prefixes, prefix, start, token, {"delimiter": mark})

    def _list(
        self,
        read: Callable[[Element, str], list[Entry]],
        prefix: str,
        start: str,
        token: str,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> _Listing[Entry]:
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, **more}
        if start:
            query["start-after"] = cut(start, LONGEST_KEY)  # what is cut comes before the whole
        if token:
            query["continuation-token"] = token
        exchange = self._begin("GET", "ListObjectsV2", "", query=query)
        return _Listing(exchange.cancel, partial(self._page_of, exchange, prefix, read))

    def _page_of(
        self, exchange: Exchange, prefix: str, read: Callable[[Element, str], list[Entry]]
    ) -> Page[Entry]:
        status, _, body = self._reply(exchange, "ListBucket", prefix)
        if status != 200:
            raise self._refused("ListBucket", prefix, status, body)
        page, space = _page(body, "ListBucketResult")
        more = page.findtext(f"{space}IsTruncated") == "true"
        token = page.findtext(f"{space}NextContinuationToken", "") if more else ""
        return Page(read(page, space), token)

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
        """The reply to one request."""
        exchange = self._begin(method, operation, key, headers, body, query, into=into)
        if method in ("HEAD", "GET") and not query:
            return self._readable(exchange, method, operation, key, headers, into)
        return self._reply(exchange, operation, key)

    def _readable(
        self,
        exchange: Exchange,
        method: str,
        operation: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        into: Path | None = None,
    ) -> Reply:
        """The reply; with other headers, if nobody can read its own."""
        try:
            return exchange.reply()
        except NoReply as problem:
            if problem.unreadable:
                return self._call(method, operation, key, headers, None, _OTHER_HEADERS, into)
            raise self._gave_none(operation, key, problem) from problem

    def _reply(self, exchange: Exchange, operation: str, key: str) -> Reply:
        try:
            return exchange.reply()
        except NoReply as problem:
            raise self._gave_none(operation, key, problem) from problem

    def _gave_none(self, operation: str, key: str, problem: NoReply) -> StoreError:
        return StoreError(operation, self.name, key, f"no response ({problem})")

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
    ) -> Exchange:
        at = self._endpoint
        sent = HttpHeaders([("Host", at.host), *(headers or {}).items()])
        if body is not None:
            sent.add("Content-Length", str(len(body)))
        target = at.path + "/" + quote(key, safe="/~")
        if query:
            target += "?" + urlencode(query, quote_via=quote, safe="~")
        return Exchange(at, operation, method, target, sent, body, source, into)

    def _refused(self, operation: str, key: str, status: int, body: bytes) -> StoreError:
        """S3's own words, which tell what kind of policy refused, and what can be done."""
        code, message = _code(body), _tag("Message", body)
        problem = f"{status} {code}".strip() + (f": {message}" if message else "")
        # S3 may also deny the use of a key without naming it
        # (https://github.com/boto/boto3/issues/2952), in a message that has changed over time.
        if code.startswith("KMS.") or "kms:" in message or "master key" in message:
            problem += (
                ": the object's key of KMS must be enabled, and its policy and the role must allow "
                "kms:Decrypt and kms:GenerateDataKey"
            )
        elif code == "AccessDenied" or (status == 403 and not code):
            problem += (
                ": the role must allow it, and s3:ListBucket for keys that may not exist; so must "
                "the bucket's policy and that of a key of KMS"
            )
        denied = status == 403 or code.startswith("KMS.")
        return StoreError(operation, self.name, key, problem, denied=denied)


def _tag(name: str, body: bytes) -> str:
    """The text of an element of S3's error."""
    from html import unescape  # see _delete_together

    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body[:10_000])
    return unescape(found[1].decode(errors="replace")) if found else ""


def _code(body: bytes) -> str:
    return _tag("Code", body)


def _has_own_key(status: int, body: bytes) -> bool:
    """Whether S3 wants the key that an object was encrypted with (SSE-C)."""
    said = _tag("Message", body)
    return status == 400 and _code(body) == "InvalidRequest" and "Server Side Encryption" in said


def _page(body: bytes, kind: str) -> tuple[Element, str]:
    """A page of a list, and the namespace of its elements."""
    from xml.etree import ElementTree  # a job hardly ever lists, and starts sooner without

    page = ElementTree.fromstring(body)  # noqa: S314 (it comes from S3)
    return page, page.tag.removesuffix(kind)


def _objects(page: Element, space: str) -> list[Listed]:
    found, key, modified, etag = [], f"{space}Key", f"{space}LastModified", f"{space}ETag"
    for each in page.iterfind(f"{space}Contents"):
        said = {field.tag: field.text or "" for field in each}
        time = datetime.fromisoformat(said[modified])
        found.append(Listed(_decoded(said[key]), time, said.get(etag, "")))
    return found


def _common_prefixes(page: Element, space: str) -> list[tuple[str]]:
    found = page.iterfind(f"{space}CommonPrefixes/{space}Prefix")
    return [(_decoded(each.text or ""),) for each in found]


def _decoded(text: str) -> str:
    """A key as a listing writes it: most are as they are, and decoding takes longer than all."""
    return unquote_plus(text) if "%" in text or "+" in text else text


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
