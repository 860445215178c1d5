"""A call of S3's API on one bucket: its reply, or what S3 refused and what can be done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from awscrt.http import HttpHeaders

from .errors import StoreError
from .exchange import FEW, Exchange, NoReply, Reply, endpoint

_OTHER_HEADERS = {
    "response-content-type": "application/octet-stream",
    "response-content-disposition": "inline",
    "response-content-encoding": "identity",
    "response-content-language": "en",
    "response-cache-control": "no-cache",
    "response-expires": "0",
}
"""What S3 returns in place of the headers that an uploader chose freely (GetObject, HeadObject)."""


class Calls:
    """Those on one bucket. Each raises StoreError when S3 gives no reply."""

    def __init__(self, bucket: str, gigabits: int = FEW) -> None:
        """`gigabits`: exchange.MANY for many requests at once."""
        self.bucket = bucket
        self._endpoint = endpoint(bucket, gigabits)

    def call(
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
        exchange = self.begin(method, operation, key, headers, body, query, into=into)
        if method in ("HEAD", "GET") and not query:
            return self.readable(exchange, method, operation, key, headers, into)
        return self.reply(exchange, operation, key)

    def readable(
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
                return self.call(method, operation, key, headers, None, _OTHER_HEADERS, into)
            raise self._gave_none(operation, key, problem) from problem

    def reply(self, exchange: Exchange, operation: str, key: str) -> Reply:
        try:
            return exchange.reply()
        except NoReply as problem:
            raise self._gave_none(operation, key, problem) from problem

    def _gave_none(self, operation: str, key: str, problem: NoReply) -> StoreError:
        return StoreError(operation, self.bucket, key, f"no response ({problem})")

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
    ) -> Exchange:
        at = self._endpoint
        sent = HttpHeaders([("Host", at.host), *(headers or {}).items()])
        if body is not None:
            sent.add("Content-Length", str(len(body)))
        target = at.path + "/" + quote(key, safe="/~")
        if query:
            target += "?" + urlencode(query, quote_via=quote, safe="~")
        return Exchange(at, operation, method, target, sent, body, source, into)

    def refused(self, operation: str, key: str, status: int, body: bytes) -> StoreError:
        """S3's own words, which tell what kind of policy refused, and what can be done."""
        code, message = code_of(body), message_of(body)
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
        return StoreError(operation, self.bucket, key, problem, denied=denied)


def code_of(body: bytes) -> str:
    """The code of S3's error: `AccessDenied`."""
    return _tag("Code", body)


def message_of(body: bytes) -> str:
    return _tag("Message", body)


def _tag(name: str, body: bytes) -> str:
    """The text of an element of S3's error."""
    from html import unescape  # it takes some milliseconds, which most jobs need not pay

    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body[:10_000])
    return unescape(found[1].decode(errors="replace")) if found else ""
