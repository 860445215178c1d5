"""The only module that talks to S3, through the AWS Common Runtime's S3 client.

The runtime signs, pools connections and retries (500, 503, lost connections); it takes keys as they
are, and imports in a third of boto3's time. What is here are the four calls of a job and the
listing of the sweep, and what their responses mean.
"""

from __future__ import annotations

import functools
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from awscrt.auth import AwsCredentialsProvider
from awscrt.checksums import crc32
from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.s3 import S3Client, S3RequestTlsMode, S3RequestType, S3ResponseError

from .errors import BadSetting, Conflict, Rejected, StoreError
from .objects import LONGEST_KEY, Listed, Object, cut, fits

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIMEOUT_SECONDS = 600
"""For one call with the runtime's own retries; a 5 GB object at 10 MB/s."""

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


class Bucket:
    """A versioned bucket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._endpoint = endpoint(name)

    def head(self, key: str) -> Object | None:
        """The current version of a key; None where there is none."""
        if not fits(key):  # S3 would return 400
            return None
        status, headers, _ = self._call("HEAD", "HeadObject", key)
        if status == 404:
            return None
        if status != 200:
            return self._without_head(key, status)
        if not headers.get("x-amz-version-id"):
            problem = "the bucket keeps no versions: enable versioning"
            raise StoreError("HeadObject", self.name, key, problem)
        meta = "x-amz-meta-"
        return Object(
            key=key,
            version=headers["x-amz-version-id"],
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
                return Object(
                    key=key,
                    version=each.findtext(f"{space}VersionId", ""),
                    etag=each.findtext(f"{space}ETag", ""),
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
        status, headers, body = self._call("GET", "GetObject", seen.key, {"If-Match": seen.etag})
        if status in (404, 412):
            raise Conflict("GetObject", self.name, seen.key)
        if status != 200:
            if _code(body) == "InvalidObjectState":
                raise Rejected(ARCHIVED)
            raise self._refused("GetObject", seen.key, status, body)
        if headers.get("x-amz-version-id") != seen.version:  # the same bytes, uploaded again
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
        condition = {"If-Match": replaces.etag} if replaces else {"If-None-Match": "*"}
        checksum = b64encode(crc32(body).to_bytes(4, "big")).decode()
        headers = {
            **condition,
            **{f"x-amz-meta-{name}": value for name, value in metadata.items()},
            "Content-Type": content_type
            if _CONTENT_TYPE.fullmatch(content_type)
            else "application/octet-stream",
            "x-amz-checksum-crc32": checksum,
        }
        status, _, reply = self._call("PUT", "PutObject", key, headers, body)
        # 412: the condition is false; 409: another conditional write won; 404: the object to
        # replace was deleted.
        if status in (404, 409, 412):
            raise Conflict("PutObject", self.name, key)
        if status != 200:
            raise self._refused("PutObject", key, status, reply)

    def delete(self, seen: Object) -> None:
        """Remove the version seen from sight (the bucket keeps it), else raise Conflict."""
        status, _, reply = self._call("DELETE", "DeleteObject", seen.key, {"If-Match": seen.etag})
        if status in (409, 412):
            raise Conflict("DeleteObject", self.name, seen.key)
        if status not in (204, 404):
            raise self._refused("DeleteObject", seen.key, status, reply)

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """The current objects whose keys start with the prefix and come after `after`.

        In the order of the keys' code points; one call for each 1,000.
        """
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        if after:
            query["start-after"] = cut(after, LONGEST_KEY)  # what is cut comes before the whole
        while True:
            status, _, body = self._call("GET", "ListObjectsV2", "", query=query)
            if status != 200:
                raise self._refused("ListBucket", prefix, status, body)
            page, space = _page(body, "ListBucketResult")
            for each in page.iterfind(f"{space}Contents"):
                yield Listed(
                    unquote_plus(each.findtext(f"{space}Key", "")),
                    datetime.fromisoformat(each.findtext(f"{space}LastModified", "")),
                    each.findtext(f"{space}ETag", ""),
                )
            if page.findtext(f"{space}IsTruncated") != "true":
                return
            query["continuation-token"] = page.findtext(f"{space}NextContinuationToken", "")

    def _call(
        self,
        method: str,
        operation: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the last reply to a request."""
        sent = HttpHeaders([("Host", self._endpoint.host), *(headers or {}).items()])
        if body is not None:
            sent.add("Content-Length", str(len(body)))
        path = self._endpoint.path + "/" + quote(key, safe="/~")
        if query:
            path += "?" + urlencode(query, quote_via=quote, safe="~")
        stream = None if body is None else BytesIO(body)
        status, got, received = 0, {}, BytesIO()

        def on_headers(status_code: int, headers: list[tuple[str, str]], **_: object) -> None:
            nonlocal status, got
            status, got = status_code, {name.lower(): value for name, value in headers}

        request = client(self._endpoint.tls).make_request(
            type=S3RequestType.DEFAULT,
            operation_name=operation,
            request=HttpRequest(method, path, sent, stream),
            on_headers=on_headers,
            on_body=lambda chunk, **_: received.write(chunk),
        )
        try:
            request.finished_future.result(_TIMEOUT_SECONDS)
        except S3ResponseError as error:
            on_headers(error.status_code, error.headers or [])
            return status, got, error.body or b""
        except (AwsCrtError, TimeoutError) as error:
            # The runtime takes headers for UTF-8, and gives up a reply with another one.
            chosen = getattr(error, "name", "") == "AWS_ERROR_CRT_CALLBACK_EXCEPTION"
            if chosen and method in ("HEAD", "GET") and not query:
                return self._call(method, operation, key, headers, query=_OTHER_HEADERS)
            raise StoreError(operation, self.name, key, f"no response ({error})") from error
        return status, got, received.getvalue()

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


class Endpoint(NamedTuple):
    host: str
    path: str
    tls: bool


def endpoint(bucket: str) -> Endpoint:
    # Whose names these are: "Service-specific endpoints", AWS SDKs and Tools Reference Guide.
    custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if custom:
        url = urlsplit(custom)
        return Endpoint(url.netloc, f"/{bucket}", url.scheme == "https")
    suffix = "amazonaws.com.cn" if _region().startswith("cn-") else "amazonaws.com"
    if "." in bucket:  # the certificate covers one label before s3
        return Endpoint(f"s3.{_region()}.{suffix}", f"/{bucket}", True)
    return Endpoint(f"{bucket}.s3.{_region()}.{suffix}", "", True)


def _region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise BadSetting("AWS_REGION", region, "the region of the bucket")
    return region


@functools.cache
def client(tls: bool) -> S3Client:
    """One client a process: connections and credentials are kept between jobs."""
    return S3Client(
        region=_region(),
        tls_mode=S3RequestTlsMode.ENABLED if tls else S3RequestTlsMode.DISABLED,
        credential_provider=AwsCredentialsProvider.new_default_chain(),
    )


def _http_time(text: str) -> datetime:
    """An HTTP date (RFC 9110, section 5.6.7); the library's parsers take long to import."""
    _, day, month, year, clock, _ = text.split()
    hour, minute, second = map(int, clock.split(":"))
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
