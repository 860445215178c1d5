"""An upload as S3 tells of it, and its other replies."""

from __future__ import annotations

from datetime import UTC, datetime

from processing.bucket import Bucket
from processing.objects import Object

WRITTEN = datetime(2026, 11, 9, 8, 7, 6, tzinfo=UTC)
SEEN = Object("input/a.png", "v1", '"abc"', 5, "image/png", {}, WRITTEN)
HEADERS = {
    "ETag": '"abc"',
    "x-amz-version-id": "v1",
    "x-amz-meta-source-version": "v0",
    "Content-Type": "image/png",
    "Last-Modified": "Mon, 09 Nov 2026 08:07:06 GMT",
}


def put(bucket: Bucket, replaces: Object | None = None) -> None:
    bucket.put("output/a.png", b"body", "image/png", {"source-version": "v1"}, replaces)


def error(code: str, message: str) -> bytes:
    """As S3 writes it."""
    return f"<?xml ...?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
