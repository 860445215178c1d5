"""The note of the places that launchers hold."""

from __future__ import annotations

from places import LIST_SECONDS, NEVER, Places

from tests.support.memory_store import MemoryStore


def test_places_of_others_are_taken_and_those_whose_time_is_over_are_not():
    store, now = MemoryStore(), [1000.0]
    Places(store, "another", 90, lambda: now[0]).keep(7, wait=2)
    mine = Places(store, "me", 90, lambda: now[0])
    assert mine.of_others() == ([7], 2)
    mine.keep(3)
    now[0] += 90 + LIST_SECONDS + 1
    assert mine.of_others() == ([], NEVER)


def test_a_note_that_another_launcher_wrote_at_the_same_time_is_kept():
    store = MemoryStore()
    mine, another = Places(store, "me", 90), Places(store, "another", 90)
    mine.of_others()
    another.keep(7)
    mine.keep(3)
    another.keep(0)
    assert Places(store, "a third", 90).of_others()[0] == [3]
    assert another.of_others()[0] == [3]
