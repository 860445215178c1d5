"""Places that launchers hold for tasks which the list of tasks may not have yet: a note in S3.

Whoever has messages of the queue's one group is alone, and alone may take places. A launcher that
lets the next batch go before ECS has answered notes first how many tasks may come of what is under
way; whoever gets that batch reads it first. From then on the launcher only gives places back. One
that was killed holds them until its time would have been up and the list would have its tasks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from processing import text
from processing.errors import Conflict

KEY = ".sweep/places"
LIST_SECONDS = 60
"""After which the list of tasks has one for sure. It takes seconds."""
NEVER = float("-inf")
_ATTEMPTS = 10


class Held(NamedTuple):
    """By one launcher."""

    places: int
    until: float
    """Seconds since 1970, as is the next one."""
    next_start: float
    """Before which nobody else starts a task, or the two would be faster than ECS allows."""


class Places:
    """Those of one launcher, and of the others."""

    def __init__(
        self,
        notes: Any,  # noqa: ANN401, a store.Store; this module is imported by its bare name
        launcher: str,
        seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`seconds`: how long the launcher has at most."""
        self._notes = notes
        self._launcher = launcher
        self._now = now
        self._until = now() + seconds + LIST_SECONDS
        self._seen: Any = None

    def of_others(self) -> tuple[list[int], float]:
        """The places of each, and how long to wait before a start; below 0 for how long the last of
        them has been quick to let go, or NEVER. Raises StoreError."""
        self._seen = self._notes.head(KEY)
        others = self._others().values()
        return [each.places for each in others], max(
            (each.next_start - self._now() for each in others), default=NEVER
        )

    def keep(self, places: int, wait: float = NEVER) -> None:
        """How many this launcher holds from now on, and how long others wait before they start.

        Raises StoreError, Conflict.
        """
        mine = {self._launcher: Held(places, self._until, self._now() + wait)} if places else {}
        for left in reversed(range(_ATTEMPTS)):
            held = self._others() | mine
            said = {name: " ".join(map(str, each)) for name, each in held.items()}
            body = text.to_json(said, indent=2) + "\n"  # what is equal would have the same ETag
            try:
                self._notes.put(KEY, body.encode(), "application/json", said, self._seen)
            except Conflict:
                if not left:
                    raise
                self._seen = self._notes.head(KEY)
            else:
                return

    def _others(self) -> dict[str, Held]:
        """By name: whose time is not up."""
        said: Mapping[str, str] = self._seen.metadata if self._seen else {}
        found = {}
        for name, value in said.items():
            places, until, next_start = value.split()
            if name != self._launcher and float(until) > self._now():
                found[name] = Held(int(places), float(until), float(next_start))
        return found
