"""What the history of an upload's results says: one judgement for the simulation and for the
embedded AWS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Repeats(NamedTuple):
    """Versions of an upload that have more than one result."""

    written_twice: list[str]
    """While the first one was there, or of both kinds. No job may do that."""
    written_again: list[str]
    """After it had been removed as stale. No condition of a PUT can tell a key that was deleted
    from one that never was, so a slow job of an old version can do that. It then looks at the
    upload, and removes it: at the end there is one result."""


def repeats(*histories: Iterable[str | None]) -> Repeats:
    """A history is that of one key, in the order of its changes: the version of the upload that a
    result was written for, and None where what was there was removed."""
    found = Repeats([], [])
    of_another: set[str] = set()
    for history in histories:
        there: set[str] = set()
        removed: set[str] = set()
        for version in history:
            if version is None:
                removed |= there
                there.clear()
            elif version in there | of_another:
                found.written_twice.append(version)
            else:
                if version in removed:
                    found.written_again.append(version)
                there.add(version)
        of_another |= there | removed
    return found
