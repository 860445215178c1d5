"""50,000 names of every kind, listed in pages, against what a dictionary says; fewer with an
OutputSuffix, which changes the order of results, not that of uploads."""

from __future__ import annotations

import itertools
import random
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import reconcile
import walk
from plan import Plan
from processing import job
from processing.objects import fits
from processing.settings import Settings
from reconcile import Sweep

from tests.support.in_process import OnBytes
from tests.support.listed_bucket import Kept, ListedBucket

NUMBERS = {"": 50_000, ".out.json": 20_000}
"""Of names, by the OutputSuffix."""
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN = UPLOADED + timedelta(days=30)
GRACE = timedelta(minutes=30)
PLAN = Plan(GRACE, max_attempts=3, rate=1e9, dry_run=True)
PIECES = [
    *("a", "a/", "a-", "a.", "b", "/", "//", ".", "..", ".json", ".png", ".run/", "-", "_", "0"),
    *(" ", "+", "%", "%2F", "&<>'\"", "\\", "~", "!", "\x01", "\x1f", "\t", "\n", "\r", "\x7f"),
    *("é", "e\u0301", "ß", "\u200b", "\ud7ff", "\ue000", "\uffff", "😀", "𐀀", "\U0010ffff"),
]
"""Those around "/" and ".json" in order, and both sides of where UTF-16 orders otherwise."""


def names(chance: random.Random, number: int) -> set[str]:
    """Of each other's prefixes, mostly; a third are numbers, dates and hashes."""
    found, last = set[str](), ""
    while len(found) < number:
        kind = chance.random()
        if kind < 0.1:
            name = f"2026/11/{chance.randrange(1, 31):02}/{chance.randrange(10**6):06}.png"
        elif kind < 0.2:
            name = f"n/{len(found):09}"
        elif kind < 0.33:
            name = f"{chance.getrandbits(64):016x}.png"
        elif kind < 0.34:  # some of these need a record with a hash in its name
            name = "".join(chance.choices([*PIECES[:3], "é"], k=600)) + chance.choice(PIECES)
            name = name.encode()[: chance.randrange(1000, 1019)].decode(errors="ignore")
        elif kind < 0.9:
            name = "".join(chance.choices(PIECES, k=chance.randrange(1, 7)))
        else:
            name = last + chance.choice(PIECES)
        if not name.endswith("/") and fits("input/" + name):
            found.add(name)
            last = name
    return found


class Case:
    """A bucket, and what is to be decided about each upload."""

    def __init__(self, output_suffix: str) -> None:
        chance = random.Random(15)
        processor = OnBytes(lambda body, content_type: (body, content_type))
        self.settings = Settings(processor=processor, output_suffix=output_suffix)
        self.objects: dict[str, Kept] = {"input/": Kept(UPLOADED), "input/a/": Kept(UPLOADED)}
        self.expected: dict[str, str] = {}
        self._entries: dict[str, str] = {}
        for name in names(chance, NUMBERS[output_suffix]):
            self._add(name, chance)
        # Results of nothing, runs of jobs with several outputs, and what is beside the prefixes.
        for name in chance.choices(sorted(self.expected), k=NUMBERS[output_suffix] // 20):
            for key in (f"output/{name}~?", f"rejected/{name}~?.json", f"files/{name}/1.run/a"):
                if fits(key):
                    self.objects[key] = Kept(BEGAN)

    def _add(self, name: str, chance: random.Random) -> None:
        key = "input/" + name
        output, rejection = job.result_keys(key, self.settings)
        kind = chance.random()
        young = kind > 0.98
        self.objects[key] = Kept(BEGAN - GRACE / 2 if young else UPLOADED, version="2")
        later, soon = UPLOADED + timedelta(hours=1), UPLOADED + timedelta(minutes=1)
        right, stale = "2", "1"
        results, decision = {
            kind < 0.65: ({output: Kept(later, "1", right)}, "current"),
            0.65 <= kind < 0.9: ({rejection: Kept(later, "1", right)}, "current"),
            0.9 <= kind < 0.92: ({output: Kept(soon, "1", right)}, "current"),
            0.92 <= kind < 0.93: ({output: Kept(soon, "1", stale)}, "due"),
            0.93 <= kind < 0.94: ({rejection: Kept(soon, "1", stale)}, "due"),
            0.94 <= kind < 0.95: (
                {output: Kept(later, "1", right), rejection: Kept(later, "1", right)},
                "due",
            ),
            0.95 <= kind <= 0.98: ({}, "due"),
            young: ({}, "young"),
        }[True]
        if all(map(fits, results)):
            self.objects |= results
            self.expected[name] = decision
        else:
            self.expected[name] = "due"

    def store(self, page: int = 1000, short: random.Random | None = None) -> ListedBucket:
        return ListedBucket(self.objects, page, short, self._entries)

    def sweep(self, store: ListedBucket, **plan: object) -> Sweep:
        return Sweep(
            store,
            self.settings,
            lambda size, fallback: None,
            Plan(**{**PLAN.__dict__, **plan}),
            log=lambda line: None,
        )


@pytest.fixture(scope="module", params=list(NUMBERS))
def case(request) -> Case:
    return Case(request.param)


@pytest.fixture
def decided(monkeypatch) -> dict[str, str]:
    """What is decided about each name; the same, however often."""
    found: dict[str, str] = {}

    class Watched(walk.Walk):
        def over(self, *asked: object):
            for settled in super().over(*asked):
                if settled.outcome != "out_of_time":
                    name = settled.found.name
                    assert found.setdefault(name, settled.outcome) == settled.outcome
                yield settled

    monkeypatch.setattr(reconcile, "Walk", Watched)
    return found


def test_the_decisions_are_those_of_a_dictionary(case, decided):
    store = case.store()
    progress = case.sweep(store).run(BEGAN)
    assert list(decided) == sorted(case.expected)
    assert decided == case.expected
    assert len(store.guesses) > 5  # or this is no test of guesses
    assert progress.outcomes == Counter(case.expected.values())
    assert progress.after is None


def test_runs_that_go_on_where_the_last_one_stopped_decide_the_same(case, decided, monkeypatch):
    """Whatever name that is; of pages of all sizes."""
    store = case.store(page=400, short=random.Random(1))
    looks = itertools.count()
    monkeypatch.setattr(walk, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    after, runs, counted = "", 0, Counter()
    while after is not None:
        ends = next(looks) + 3571
        progress = case.sweep(store, after=after, ends=ends).run(BEGAN)
        assert progress.after is None or progress.after > after
        after, runs = progress.after, runs + 1
        counted += progress.outcomes
        done = {name for name in case.expected if after is None or name <= after}
        assert done <= decided.keys()
    assert decided == case.expected
    assert counted["current"] == [*case.expected.values()].count("current")
    assert runs > 6


def test_a_sweep_begins_after_any_name_and_ends_with_any(case):
    chance, ordered = random.Random(2), sorted(case.expected)
    store = case.store(page=40, short=chance)
    for place in chance.sample(range(len(ordered) - 200), 150):
        after = ordered[place] + chance.choice(["", "", "\x00", ".json"])
        until = ordered[place + chance.randrange(200)] + chance.choice(["", ".json"])
        found = [each.name for each in case.sweep(store, after=after, until=until).found()]
        assert found == ordered[bisect_right(ordered, after) : bisect_right(ordered, until)]
