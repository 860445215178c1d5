"""Pages of a listing that are asked for ahead: none is missed, and few for nothing."""

from __future__ import annotations

import itertools
import math
import random
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing.pages import AHEAD
from processing.strides import Strides

from tests.support.listed_bucket import Kept, ListedBucket

KEPT = Kept(datetime(2026, 1, 1, tzinfo=UTC))
PAGES = 25
NUMBER = 1000 * PAGES
BASE64 = "-_" + string.digits + string.ascii_letters
KEYS = {
    "numbers": lambda number, chance: f"2026/picture-{number:09}.png",
    "hashes": lambda number, chance: f"{chance.getrandbits(128):032x}",
    "UUIDs": lambda number, chance: "{:08X}-{:04X}-{:020X}.bin".format(
        *map(chance.getrandbits, (32, 16, 80))
    ),
    "base64": lambda number, chance: "".join(chance.choices(BASE64, k=12)),
}


def keys_of(kind: str) -> list[str]:
    make, chance = KEYS[kind], random.Random(1)
    return [f"input/{make(number, chance)}" for number in range(NUMBER)]


@pytest.mark.parametrize("kind", KEYS)
def test_most_pages_are_on_their_way_before_it_is_their_turn(kind):
    keys = keys_of(kind)
    store = ListedBucket(dict.fromkeys(keys, KEPT))
    assert [each.key for each in store.listing("input/")] == sorted(keys)
    assert len(store.guesses) > 0.8 * PAGES
    assert store.calls["ListObjectsV2"] < 1.15 * PAGES + 2 * AHEAD


def test_guesses_that_are_no_good_are_few():
    """Names without any order of digits: a guess now and then."""
    words = ["é" * n + "x" * m for n, m in itertools.product(range(1, 60), range(170))]
    names = [f"input/{word}" for word in words] + [f"input/{n}{w}" for n, w in enumerate(words)]
    store = ListedBucket(dict.fromkeys(names, KEPT))
    assert [each.key for each in store.listing("input/")] == sorted(names)
    pages = math.ceil(len(names) / 1000)
    assert store.calls["ListObjectsV2"] < 1.25 * pages


def test_only_the_pages_that_are_read_and_a_few_more_are_asked_for():
    store = ListedBucket(dict.fromkeys(keys_of("numbers"), KEPT))
    listing = store.listing("input/")
    assert not store.calls
    for _ in itertools.islice(listing, 10_500):
        pass
    assert store.calls["ListObjectsV2"] <= 13 + AHEAD
    listing.close()
    assert store.cancelled == AHEAD + 1


def test_a_listing_of_one_page_is_one_call():
    store = ListedBucket(dict.fromkeys(keys_of("numbers")[:1000], KEPT))
    assert len(list(store.listing("input/"))) == 1000
    assert store.calls["ListObjectsV2"] == 1


@given(
    keys=st.sets(st.text("ab01/-é😀", min_size=1, max_size=6), max_size=60),
    after=st.text("ab01/-é😀", max_size=4),
    seed=st.integers(0, 99),
)
def test_a_listing_in_small_and_short_pages_is_the_sorted_rest(keys, after, seed):
    names = ["input/" + key for key in keys]
    store = ListedBucket(dict.fromkeys(names, KEPT), page=3, short=random.Random(seed))
    start = "input/" + after if after else ""
    found = [each.key for each in store.listing("input/", start)]
    assert found == sorted(name for name in names if name > start)


@pytest.mark.parametrize(
    ("first", "last", "place"),
    [
        ("p/0000", "p/0999", "p/1499"),
        ("p/08-00", "p/09-99", "p/10-98"),
        ("p/a0.png", "p/b8.png", "p/c4.png"),  # hexadecimal: there is no "bf" in between
        ("p/A", "p/A", None),  # nothing differs
        ("p/9000", "p/9999", None),  # no digits are left
        ("p/äa", "p/üa", None),
    ],
)
def test_a_place_is_guessed_half_as_far_on_as_the_page_went(first, last, place):
    strides = Strides("p/")
    strides.learn([first] * 500 + [last] * 500)
    assert strides.beyond(last, 500) == place


def test_nothing_is_guessed_of_nothing():
    assert Strides("p/").beyond("p/a", 1000) is None
