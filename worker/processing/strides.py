"""Where later pages of a listing may begin, guessed from the keys that were listed. Pure.

Counters, dates, hashes and UUIDs are numbers, written in some digits. Where so many keys lie so far
apart, the next ones will too. A wrong guess costs a call, and nothing else (pages.py).
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Sequence

_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALPHABETS = (
    _DIGITS,
    _DIGITS + "abcdef",
    _DIGITS + "ABCDEF",
    _DIGITS + _LOWER,
    _DIGITS + _UPPER,
    _DIGITS + _UPPER + _LOWER,
    "-" + _DIGITS + _UPPER + "_" + _LOWER,  # base64url
)
"""Digits in the order of their code points; the first alphabet that suffices is taken."""
_PLACES = 16
"""After the first one in which keys differ: more than enough for any number of keys."""
_PAGES, _SAMPLE = 8, 16
"""That are remembered, and keys of each."""


class Strides:
    """How far apart the keys of a listing lie."""

    def __init__(self, prefix: str) -> None:
        self._fixed = len(prefix)
        self._pages: deque[tuple[int, Sequence[str]]] = deque(maxlen=_PAGES)
        """How many keys each had, and some of them: the first and the last, too."""

    def learn(self, keys: Sequence[str]) -> None:
        """Take in the keys of the next page."""
        every = max(1, len(keys) // _SAMPLE)
        self._pages.append((len(keys), [*keys[::every], keys[-1]]))

    def forget(self) -> None:
        """Another part of the listing begins, in which keys lie otherwise."""
        self._pages.clear()

    def beyond(self, key: str, keys: int) -> str | None:
        """About so many keys after this one; None where nothing suggests a place."""
        while self._pages:
            known = [each for _, sample in self._pages for each in sample]
            first, last = known[0], known[-1]
            alike = next(
                (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0
            )
            width = max(self._fixed, alike) + _PLACES
            if digits := self._digits(known, width):
                return self._moved(key, keys, (first, last), width, digits)
            self._pages.popleft()  # of another part of the listing, perhaps
        return None

    def _moved(
        self, key: str, keys: int, known: tuple[str, str], width: int, digits: str
    ) -> str | None:
        first, last = known
        places = [at for at in range(self._fixed, min(width, len(last))) if last[at] in digits]
        span = _number(last, places, digits) - _number(first, places, digits)
        step = span * keys // max(1, sum(count for count, _ in self._pages) - 1)
        number, written = _number(key, places, digits) + step, list(last[:width])
        for at in reversed(places):
            number, digit = divmod(number, len(digits))
            written[at] = digits[digit]
        return "".join(written) if step > 0 and number == 0 else None

    def _digits(self, known: Sequence[str], width: int) -> str | None:
        """The alphabet of the places in which the keys differ."""
        columns = zip(*(each[self._fixed : width] for each in known), strict=False)
        differing = set().union(*(column for column in map(set, columns) if len(column) > 1))
        return next((each for each in _ALPHABETS if differing and differing <= set(each)), None)


def _number(key: str, places: Sequence[int], digits: str) -> int:
    number = 0
    for at in places:
        number = number * len(digits) + max(0, digits.find(key[at : at + 1] or digits[0]))
    return number
