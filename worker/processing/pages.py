"""The pages of a listing, in order, while several of them are on their way.

S3 tells where a page goes on only in the page itself. So later ones are asked for from guessed keys
on (strides.py). A page that begins at or before the last key that was read goes on with the
listing, whatever it was guessed from: what was read before is left out. Where none does, the
listing goes on as S3 says, so no key is missed, none comes twice, and all are in order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from .strides import Strides

AHEAD = 4
"""Pages that are asked for at most before it is their turn."""
_FULL = 1000
"""Keys of a page."""
_OVERLAP = 64
"""Keys that a guess aims to fall short by: one that is too far leaves a gap, and a wait."""
_AGAIN = 1 / 16
"""Where guesses were no good: how many are tried a page."""

Entry = TypeVar("Entry", bound=tuple)  # type: ignore[type-arg] # whose first field is its key


class Page(NamedTuple, Generic[Entry]):
    entries: Sequence[Entry]
    token: str
    """Where S3 goes on; empty: this is the last one."""


class OnItsWay(Protocol[Entry]):
    def page(self) -> Page[Entry]:
        """Wait for it. Raises StoreError."""

    def cancel(self) -> None: ...


Ask = Callable[[str, str], OnItsWay[Entry]]
"""For the page after a key, or, with a token, for the one that follows."""


class _Begun(NamedTuple, Generic[Entry]):
    """A page that was asked for."""

    start: str
    """As S3 was told it."""
    place: str
    """The key after which it goes on."""
    request: OnItsWay[Entry]


class Pages(Generic[Entry]):
    """One listing. `ahead`: how many pages are guessed at most; with 0, one is on its way."""

    def __init__(self, ask: Ask[Entry], prefix: str, after: str, ahead: int = AHEAD) -> None:
        self._ask = ask
        self._at = after
        """The last key that was read."""
        self._current: _Begun[Entry] | None = None
        self._guessed: deque[_Begun[Entry]] = deque()
        self._most = ahead
        self._width = min(1.0, ahead)
        """How many are guessed: one more with each that is right, half as many with a wrong one."""
        self._strides = Strides(prefix)

    def __iter__(self) -> Iterator[Entry]:
        self._current = _Begun(self._at, self._at, self._ask(self._at, ""))
        try:
            while self._current:
                page = self._current.request.page()
                first = bisect_right(page.entries, self._at, key=itemgetter(0))
                new = page.entries[first:]
                self._go_on(self._current, new, page.token)
                yield from new
        finally:
            self._keep(0)
            if self._current:
                self._current.request.cancel()

    def _go_on(self, read: _Begun[Entry], new: Sequence[Entry], token: str) -> None:
        """Choose the page that is read next, and ask for later ones."""
        self._current = None
        if not token:
            return
        if new:
            self._at = new[-1][0]
            self._strides.learn([key for key, *_ in new])
        while self._guessed and self._guessed[0].place <= self._at:
            if self._current:
                self._current.request.cancel()
            self._current = self._guessed.popleft()
        if self._current:
            self._width = min(self._most, self._width + 1)
        else:
            if self._guessed:
                self._strides.forget()
                self._width /= 2
                self._keep(int(self._width))
            self._width = min(self._most, self._width + _AGAIN)
            self._current = _Begun(read.start, self._at, self._ask(read.start, token))
        self._guess(self._current)

    def _guess(self, current: _Begun[Entry]) -> None:
        while len(self._guessed) < int(self._width):
            last = self._guessed[-1] if self._guessed else current
            place = self._strides.beyond(last.place, _FULL - _OVERLAP)
            if place is None or place <= max(last.place, self._at):
                return
            self._guessed.append(_Begun(place, place, self._ask(place, "")))

    def _keep(self, number: int) -> None:
        while len(self._guessed) > number:
            self._guessed.pop().request.cancel()
