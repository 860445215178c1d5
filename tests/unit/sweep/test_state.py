"""What one sweep of the schedule leaves to the next."""

from __future__ import annotations

from collections import Counter

import pytest
from processing.errors import Conflict
from progress import Progress
from state import State, load, save

from tests.support.memory_store import MemoryStore
from tests.support.swept_bucket import BEGAN, GRACE, HOUR

OLD = BEGAN - 3 * HOUR


def test_the_state_goes_through_the_bucket():
    store = MemoryStore()
    assert load(store, State, "uploads") == (State(), None)
    for state in (State("ü", BEGAN, None, BEGAN - HOUR), State(examined=BEGAN)):
        save(store, state, "uploads", load(store, State, "uploads")[1])
        assert load(store, State, "uploads")[0] == state


def test_a_state_that_another_run_replaced_is_not_overwritten():
    store = MemoryStore()
    save(store, State("a"), "uploads", None)
    with pytest.raises(Conflict):
        save(store, State("b"), "uploads", None)


@pytest.mark.parametrize(
    ("before", "after", "left", "state"),
    [
        (State(), None, (None, None), State(examined=BEGAN - GRACE)),
        (State(), None, (OLD, None), State(examined=BEGAN - GRACE)),
        (State(), None, (OLD, OLD), State(examined=OLD)),
        (State(examined=BEGAN), "", (None, None), State("", BEGAN, examined=BEGAN)),
        (State(examined=BEGAN), "a", (None, None), State("a", BEGAN, examined=BEGAN)),
        (State("a", BEGAN, OLD), None, (None, None), State(examined=BEGAN - GRACE)),
        (State("a", BEGAN, OLD, OLD), None, (None, None), State(examined=OLD)),
        (State("a", BEGAN, BEGAN - HOUR), "b", (OLD, None), State("b", BEGAN, OLD)),
        (State("a", BEGAN, OLD, OLD), "b", (None, None), State("b", BEGAN, OLD, OLD)),
    ],
)
def test_what_a_run_leaves_to_the_next(before, after, left, state):
    progress = Progress(after, Counter(), *left)
    assert before.following(progress, BEGAN, GRACE, backlog=False) == state


@pytest.mark.parametrize(
    ("before", "after", "unsettled", "said"),
    [
        (State(), None, None, {"unsettled_seconds": 0, "cant_start": 0}),
        (State(), "a", None, {}),
        (State(), "a", BEGAN - HOUR, {"unsettled_seconds": 3600}),
        (
            State("a", BEGAN, BEGAN - 2 * HOUR, cant_start=2),
            *(None, BEGAN - HOUR, {"unsettled_seconds": 7200, "cant_start": 2}),
        ),
        (
            State("a", BEGAN, BEGAN - HOUR, cant_start=2),
            *("b", None, {"unsettled_seconds": 3600, "cant_start": 2}),
        ),
    ],
)
def test_the_schedules_sweep_says_how_old_the_oldest_is(before, after, unsettled, said):
    """What earlier slices left counts, and a slice that saw nothing does not speak for all."""
    assert before.left(Progress(after, Counter(), unsettled), BEGAN) == said
