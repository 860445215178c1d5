"""Objects and their keys, as S3 has them. What needs no client of S3's needs only this."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

LONGEST_KEY = 1024
"""Bytes of UTF-8 (S3 user guide, "Naming Amazon S3 objects")."""
SMALL = 2**20
"""Bytes of content that come with the first look at an upload. They take about as long as one more
call, and are thrown away if there is more, or nothing to do."""


class Object(NamedTuple):
    """One version of an object."""

    key: str
    version: str
    """What tells it from all others at its key: its version, or in a bucket that keeps none its
    ETag, as `etag:...`."""
    etag: str
    size: int
    content_type: str
    metadata: Mapping[str, str]
    modified: datetime
    """When it was written, to the second; of one in parts, when its first part was announced."""
    barrier: str = ""
    """Why nobody here can read it, and what its owner can do."""
    content: bytes | None = None
    """All of it, where it is known."""


class Listed(NamedTuple):
    """What a listing says of the current version of an object."""

    key: str
    modified: datetime
    """When it was written; of an upload in parts, when its first part was announced."""
    etag: str

    @property
    def in_parts(self) -> bool:
        """Whether it was uploaded in parts: those have an ETag that ends in their number."""
        return "-" in self.etag


def fits(key: str) -> bool:
    """Whether an object can have this key."""
    return len(key.encode()) <= LONGEST_KEY


def cut(text: str, size: int) -> str:
    """The beginning of a text, of so many bytes at most."""
    return text.encode()[:size].decode(errors="ignore")
