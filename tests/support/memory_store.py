"""A bucket in memory: the one fake of the unit tests, at the seam `store.Store`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from processing.errors import Conflict, StoreError
from processing.objects import SMALL, Listed, Object, fits
from processing.output import File

Hook = Callable[[str, str], None]


class MemoryStore:
    """What S3 does for a job and for the sweep. `before` is called ahead of each call of a job."""

    def __init__(self, before: Hook | None = None, *, versioned: bool = True) -> None:
        self.name = "uploads"
        self.versioned = versioned
        self.versions: dict[str, list[tuple[Object, bytes] | None]] = {}
        self.small = SMALL
        """Bytes of content that come with a look."""
        self.calls: list[tuple[str, str]] = []
        self.before = before
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._numbers = itertools.count(1)

    def upload(
        self,
        key: str,
        body: bytes,
        content_type: str = "image/png",
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> Object:
        """What a user does: a new version, unconditionally."""
        assert fits(key)
        return self._add(key, body, content_type, metadata)

    def upload_in_parts(self, key: str, body: bytes, announced: datetime) -> Object:
        """The same in parts, which has the time of its first one's announcement."""
        made = self.upload(key, body)
        made = made._replace(etag=f"{made.etag}-2", modified=announced)
        self.versions[key][-1] = (made, body)
        return made

    def remove(self, key: str) -> None:
        """What a user does: a delete marker."""
        self._replace(key, None)

    def current(self, key: str) -> tuple[Object, bytes] | None:
        return self.versions.get(key, [None])[-1]

    def body(self, key: str) -> bytes | None:
        current = self.current(key)
        return current[1] if current else None

    def now(self) -> datetime:
        return self.clock()

    def head(self, key: str) -> Object | None:
        self._called("head", key)
        current = self.current(key)
        return current[0] if current else None

    def heads(self, keys: Iterable[str]) -> list[Object | None]:
        """One by one, so that whatever comes between two of them is tried, too."""
        return [self.head(key) for key in keys]

    def look(self, key: str) -> Object | None:
        self._called("look", key)
        current = self.current(key)
        small = current and len(current[1]) <= self.small
        return current[0]._replace(content=current[1] if small else None) if current else None

    def get(self, seen: Object) -> bytes:
        self._called("get", seen.key)
        current = self.current(seen.key)
        if current is None or current[0].version != seen.version:
            raise Conflict("GetObject", self.name, seen.key)
        return current[1]

    def get_file(self, seen: Object, path: Path) -> None:
        path.write_bytes(self.get(seen))

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        metadata: Mapping[str, str],
        replaces: Object | None,
    ) -> None:
        self._called("put", key)
        if not fits(key):
            raise StoreError("PutObject", self.name, key, "400 KeyTooLongError")
        current = self.current(key)
        if (current and current[0].etag) != (replaces and replaces.etag):
            raise Conflict("PutObject", self.name, key)
        self._add(key, body, content_type, metadata)

    def put_file(
        self, key: str, file: File, metadata: Mapping[str, str], replaces: Object | None
    ) -> None:
        self.put(key, file.path.read_bytes(), file.content_type, metadata, replaces)

    def add_files(self, files: Sequence[tuple[str, File]]) -> list[str]:
        return [self.add(key, file.path.read_bytes(), file.content_type) for key, file in files]

    def add(self, key: str, body: bytes, content_type: str) -> str:
        """One of `add_files`."""
        self._called("add", key)
        if not fits(key):
            raise StoreError("PutObject", self.name, key, "400 KeyTooLongError")
        return self._add(key, body, content_type, {}).etag

    def delete(self, seen: Object) -> None:
        self._called("delete", seen.key)
        current = self.current(seen.key)
        if current is None:
            return
        if current[0].etag != seen.etag:
            raise Conflict("DeleteObject", self.name, seen.key)
        self._replace(seen.key, None)

    def delete_all(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self._called("delete all", key)
            if self.current(key):
                self._replace(key, None)

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        for key in sorted(key for key in self.versions if key.startswith(prefix) and key > after):
            if current := self.current(key):
                yield Listed(key, current[0].modified, current[0].etag)

    def folders(self, prefix: str, mark: str, after: str = "") -> Iterator[str]:
        for folder, keys in itertools.groupby(
            self.listing(prefix, after), lambda each: _up_to(mark, each.key, len(prefix))
        ):
            if folder and any(keys):
                yield folder

    def _called(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        if self.before:
            self.before(operation, key)

    def _add(self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]) -> Object:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        version = f"v{next(self._numbers)}" if self.versioned else f"etag:{etag}"
        made = Object(key, version, etag, len(body), content_type, dict(metadata), self.clock())
        self._replace(key, (made, body))
        return made

    def _replace(self, key: str, current: tuple[Object, bytes] | None) -> None:
        history = self.versions.setdefault(key, [])
        if not self.versioned:
            history.clear()
        history.append(current)


def _up_to(mark: str, key: str, start: int) -> str:
    before, found, _ = key[start:].partition(mark)
    return key[:start] + before + found if found else ""
