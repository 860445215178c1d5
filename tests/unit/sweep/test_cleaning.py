"""When the scheduled sweep removes the files that no manifest names, and what it says of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from orphans import Cleaned, examined
from processing.errors import Failed, StoreError
from processing.manifest import ORPHANED, new_run
from state import CLEANED_EVERY, Cleaning, load, save

from tests.support.memory_store import MemoryStore

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def orphan(store: MemoryStore, name: str = "a") -> str:
    key = f"{new_run('files/', name, NOW - ORPHANED - HOUR, bytes(8)).folder}1"
    store.upload(key, b"")
    return key


def test_the_schedule_removes_orphans_twice_a_day(handler, store):
    first = orphan(store)
    assert handler(resume=True)["cleaned"] == {
        "after": "", "runs": 1, "failed": 0, "problem": None,
    }  # fmt: skip
    assert store.current(first) is None
    second = orphan(store, "b")
    assert handler(resume=True)["cleaned"]["runs"] == 0
    store.clock = lambda: NOW + CLEANED_EVERY + HOUR
    assert handler(resume=True)["cleaned"]["runs"] == 1
    assert store.current(second) is None


def test_a_sweep_by_hand_removes_none(handler, store):
    key = orphan(store)
    handler()
    assert store.current(key)


@pytest.mark.parametrize("operation", ["delete all", "head"])
def test_files_that_can_not_be_removed_stop_no_sweep_and_fail_it_at_its_end(
    handler, store, aws, operation
):
    orphan(store)
    store.upload("input/a", b"x")

    def refuse(called: str, key: str) -> None:
        if called == operation and key.startswith(("files/", "output/")) and not aws.calls:
            raise StoreError("DeleteObjects", "uploads", key, "AccessDenied: no")

    store.before = refuse
    with pytest.raises(Failed, match="no manifest names could not be removed: .*AccessDenied"):
        handler(resume=True)
    assert len(aws.calls) == 1


@pytest.mark.parametrize(
    ("before", "cleaned", "following"),
    [
        (Cleaning(), Cleaned(""), Cleaning("", NOW, examined(NOW))),
        (Cleaning(), Cleaned("f"), Cleaning("f", NOW)),
        (Cleaning(examined=NOW - HOUR), Cleaned("", failed=1), Cleaning("", NOW, NOW - HOUR)),
        (Cleaning("f", NOW), Cleaned("g", failed=1), Cleaning("g", NOW, None, True)),
        (Cleaning("f", NOW, None, True), Cleaned("g"), Cleaning("g", NOW, None, True)),
        (Cleaning("f", NOW, None, True), Cleaned(""), Cleaning("", NOW)),
    ],
)
def test_what_a_cleaning_leaves_to_the_next_run(before, cleaned, following):
    assert before.following(cleaned, NOW) == following


@pytest.mark.parametrize(
    ("before", "due"),
    [
        (Cleaning(), True),
        (Cleaning("f", NOW), True),
        (Cleaning("", NOW), False),
        (Cleaning("", NOW - CLEANED_EVERY), True),
    ],
)
def test_a_cleaning_is_due_where_one_is_unfinished_or_long_ago(before, due):
    assert before.is_due(NOW) == due


def test_the_state_of_a_cleaning_goes_through_the_bucket(store):
    for each in (Cleaning("ü", NOW, None, True), Cleaning("", NOW, NOW - HOUR)):
        save(store, each, "uploads", load(store, Cleaning, "uploads")[1])
        assert load(store, Cleaning, "uploads")[0] == each
