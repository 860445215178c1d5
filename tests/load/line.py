"""The line between a job and a bucket in memory: where accidents happen."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from processing.objects import Listed, Object
from processing.output import File

from tests.support.memory_store import MemoryStore

Operation = Callable[[], Any]


class Line(ABC):
    """A bucket, each of whose calls goes through `_call`."""

    def __init__(self, bucket: MemoryStore) -> None:
        self._bucket = bucket
        self.name = bucket.name

    @abstractmethod
    def _call(self, operation: Operation) -> Any:
        """Do it, or let an accident happen."""

    def now(self) -> datetime:
        return self._bucket.now()

    def head(self, key: str) -> Object | None:
        return self._call(lambda: self._bucket.head(key))

    def heads(self, keys: Iterable[str]) -> list[Object | None]:
        """One by one, so that accidents come between them; in any order, as S3 replies."""
        asked = list(keys)
        seed = [(key, len(self._bucket.versions.get(key, []))) for key in asked]
        in_turn = random.Random(str(seed)).sample(asked, len(asked))
        found = {key: self.head(key) for key in in_turn}
        return [found[key] for key in asked]

    def look(self, key: str) -> Object | None:
        return self._call(lambda: self._bucket.look(key))

    def get(self, seen: Object) -> bytes:
        return self._call(lambda: self._bucket.get(seen))

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
        self._call(lambda: self._bucket.put(key, body, content_type, metadata, replaces))

    def put_file(
        self, key: str, file: File, metadata: Mapping[str, str], replaces: Object | None
    ) -> None:
        self.put(key, file.path.read_bytes(), file.content_type, metadata, replaces)

    def add_files(self, files: Sequence[tuple[str, File]]) -> list[str]:
        """One by one, so that accidents come between them."""
        return [self._add(key, file.path.read_bytes(), file.content_type) for key, file in files]

    def _add(self, key: str, body: bytes, content_type: str) -> str:
        return self._call(lambda: self._bucket.add(key, body, content_type))

    def delete(self, seen: Object) -> None:
        self._call(lambda: self._bucket.delete(seen))

    def delete_all(self, keys: Iterable[str]) -> None:
        listed = list(keys)
        self._call(lambda: self._bucket.delete_all(listed))

    def listing(self, prefix: str, after: str = "") -> list[Listed]:
        return self._call(lambda: list(self._bucket.listing(prefix, after)))

    def folders(self, prefix: str, mark: str, after: str = "") -> list[str]:
        return self._call(lambda: list(self._bucket.folders(prefix, mark, after)))
