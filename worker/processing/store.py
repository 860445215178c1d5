"""What a job asks of a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from .objects import Listed, Object
from .output import File


class Store(Protocol):
    """bucket.Bucket, and the tests' fake."""

    def now(self) -> datetime:
        """The time, by the clock that calls are signed with."""

    def head(self, key: str) -> Object | None:
        """The current version of a key's object; None where there is none."""

    def heads(self, keys: Iterable[str]) -> Iterable[Object | None]:
        """The same of several keys, side by side and in any order.

        They are asked for when this is called, and each is waited for when it is taken: what is
        done meanwhile takes no time.
        """

    def look(self, key: str) -> Object | None:
        """The same as `head`, with the content of a small one (objects.SMALL)."""

    def get(self, seen: Object) -> bytes:
        """The content of an object, as `head` gave it.

        Raises Conflict when that version is no longer the current one, Rejected when nobody can
        read it as it is.
        """

    def get_file(self, seen: Object, path: Path) -> None:
        """The same into a file, whatever its size."""

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        metadata: Mapping[str, str],
        replaces: Object | None,
    ) -> None:
        """Write an object if its key is still as it was seen; else raise Conflict.

        `metadata` goes along with it: names in lower case, and values in ASCII. `replaces` is the
        object that `head` gave for the key, or None where it gave none.
        """

    def put_file(
        self, key: str, file: File, metadata: Mapping[str, str], replaces: Object | None
    ) -> None:
        """The same of a file, whatever its size."""

    def add_files(self, files: Sequence[tuple[str, File]]) -> list[str]:
        """Write files at keys that nobody else writes, whatever is there; gives their ETags."""

    def delete(self, seen: Object) -> None:
        """Remove an object, as `head` gave it; raises Conflict when the key has another one.

        That it is gone already is no error.
        """

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove what is at these keys, whatever it is.

        Raises StoreError for the first one that could not be removed, after the others were.
        """

    def listing(self, prefix: str, after: str = "") -> Iterable[Listed]:
        """The current objects whose keys start with `prefix`, in the order of code points.

        Only those whose keys come after `after`, which need be no object's.
        """
