"""The schedule's sweep: what it keeps for the next one, and how it ends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from processing.errors import Failed, StoreError
from processing.objects import Listed


def test_the_schedules_sweep_leaves_its_state(handler, store):
    store.upload("input/a", b"x")
    assert handler(resume=True)["after"] is None
    assert json.loads(store.body(".sweep/state/uploads"))["unsettled"] is None
    assert json.loads(store.body(".sweep/state/uploads"))["examined"] is not None


def test_the_schedules_sweep_fails_loudly_after_it_did_what_it_could(handler, store):
    store.upload("input/a", b"x")
    store.upload("input/b", b"x")

    def refuse(operation: str, key: str) -> None:
        if key == "input/a":
            raise Failed("no")

    store.before = refuse
    assert handler()["outcomes"] == {"failed": 1, "started": 1}
    with pytest.raises(Failed, match="1 uploads could not be dealt with; the last: input/a: no"):
        handler(resume=True)
    assert store.body(".sweep/state/uploads")


def test_the_place_is_saved_whatever_ends_the_sweep(handler, store):
    for number in range(300):
        store.upload(f"input/{number:04}", b"x")
    listing = store.listing

    def denied_at_last(prefix: str, after: str) -> Iterator[Listed]:
        yield from itertools.islice(listing(prefix, after), 280)
        if prefix == "input/":
            raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")

    store.listing = denied_at_last
    with pytest.raises(StoreError, match="403 AccessDenied"):
        handler(resume=True)
    assert json.loads(store.body(".sweep/state/uploads"))["after"] == "0278"
    store.listing = listing
    assert handler(resume=True)["outcomes"] == {"started": 21}


def test_a_sweep_that_may_not_list_leaves_no_state(handler, store):
    """Its beginning, and what was young then, would be those of the next one."""
    store.upload("input/a", b"x")

    def denied(prefix: str, after: str) -> Iterator[Listed]:
        raise StoreError("ListBucket", "uploads", prefix, "403 AccessDenied")
        yield

    store.listing = denied
    with pytest.raises(StoreError, match="403 AccessDenied"):
        handler(resume=True)
    assert store.body(".sweep/state/uploads") is None


def test_of_two_runs_at_once_the_later_one_ends_without_a_word(handler, store, capsys):
    """The state that the other one left stays."""

    def other(operation: str, key: str) -> None:
        if (operation, key) == ("put", ".sweep/state/uploads"):
            store.before = None
            handler(resume=True)

    store.before = other
    assert handler(resume=True)["after"] is None
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    "body", [None, b"no JSON", b"\xff", b"[]", b"{}", b'{"began": "yesterday"}', b'{"began": 1}']
)
def test_a_state_that_cant_be_read_is_the_start_of_the_bucket(handler, store, body):
    """None: the role has lost the key that encrypted it. It is written over, and not kept."""
    store.upload(".sweep/state/uploads", body or b"encrypted")
    store.upload("input/a", b"x")
    read = store.get

    def denied(seen):
        if seen.key == ".sweep/state/uploads" and body is None:
            raise StoreError("GetObject", "uploads", seen.key, "403 AccessDenied", denied=True)
        return read(seen)

    store.get = denied
    assert handler(resume=True)["outcomes"] == {"started": 1}
    assert json.loads(store.body(".sweep/state/uploads"))["examined"] is not None


def test_s3_that_gives_no_output_ends_the_sweep_and_keeps_its_state(handler, store):
    store.upload(".sweep/state/uploads", b'{"after": "k"}')

    def silent(seen):
        raise StoreError("GetObject", "uploads", seen.key, "no output")

    store.get = silent
    with pytest.raises(StoreError, match="no output"):
        handler(resume=True)
    assert store.body(".sweep/state/uploads") == b'{"after": "k"}'
